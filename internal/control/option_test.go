package control

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

func TestBadOptions(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	disk := func(n int64) *int64 { return &n }
	file := func(destination string) zun.File { return zun.File{Destination: destination} }
	for name, test := range map[string]struct {
		request zun.ContainerRequest
		says    string
	}{
		"no disk":               {zun.ContainerRequest{DiskGiB: disk(0)}, "1 to 160"},
		"too much disk":         {zun.ContainerRequest{DiskGiB: disk(161)}, "1 to 160"},
		"a path as runtime":     {zun.ContainerRequest{Runtime: "/usr/bin/evil"}, "like runc"},
		"NUL in runtime":        {zun.ContainerRequest{Runtime: "runc\x00"}, "like runc"},
		"groups and ports":      {zun.ContainerRequest{SecurityGroups: []string{"a"}, ExposedPorts: []zun.ExposedPort{{Port: 80, Protocol: "tcp"}}}, "choose one"},
		"port 0":                {zun.ContainerRequest{ExposedPorts: []zun.ExposedPort{{Protocol: "tcp"}}}, "1 to 65535"},
		"a port of sctp":        {zun.ContainerRequest{ExposedPorts: []zun.ExposedPort{{Port: 1, Protocol: "sctp"}}}, "tcp or udp"},
		"an endless interval":   {zun.ContainerRequest{Healthcheck: &zun.Healthcheck{Interval: 25 * time.Hour}}, "interval"},
		"a timeout too short":   {zun.ContainerRequest{Healthcheck: &zun.Healthcheck{Timeout: time.Microsecond}}, "timeout"},
		"a negative interval":   {zun.ContainerRequest{Healthcheck: &zun.Healthcheck{Interval: -1}}, "interval"},
		"many retries":          {zun.ContainerRequest{Healthcheck: &zun.Healthcheck{Retries: 1001}}, "0 to 1000"},
		"NUL in a health check": {zun.ContainerRequest{Healthcheck: &zun.Healthcheck{Test: "a\x00"}}, "NUL"},
		"many files":            {zun.ContainerRequest{Files: make([]zun.File, 65)}, "it may have 64"},
		"big files":             {zun.ContainerRequest{Files: []zun.File{{Destination: "/a", Content: make([]byte, 512<<10+1)}}}, "524288"},
		"no destination":        {zun.ContainerRequest{Files: []zun.File{file("")}}, "a path from the root"},
		"a relative place":      {zun.ContainerRequest{Files: []zun.File{file("a")}}, "a path from the root"},
		"the root":              {zun.ContainerRequest{Files: []zun.File{file("/")}}, "a path from the root"},
		"a place above":         {zun.ContainerRequest{Files: []zun.File{file("/a/../b")}}, "without . and .."},
		"a directory":           {zun.ContainerRequest{Files: []zun.File{file("/a/")}}, "without . and .."},
		"a long name":           {zun.ContainerRequest{Files: []zun.File{file("/" + strings.Repeat("a", 256))}}, "too long"},
		"a long path":           {zun.ContainerRequest{Files: []zun.File{file(strings.Repeat("/a", 2048))}}, "too long"},
		"NUL in a place":        {zun.ContainerRequest{Files: []zun.File{file("/a\x00")}}, "NUL"},
		"the kernel's place":    {zun.ContainerRequest{Files: []zun.File{file("/sys/a")}}, "the kernel's"},
		"a device":              {zun.ContainerRequest{Files: []zun.File{file("/dev/null")}}, "the kernel's"},
		"one place twice":       {zun.ContainerRequest{Files: []zun.File{file("/a"), file("/a")}}, "one is in the place of the other"},
		"a file as directory":   {zun.ContainerRequest{Files: []zun.File{file("/a/b"), file("/a")}}, "one is in the place of the other"},
	} {
		test.request.Image = "nginx"
		_, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), test.request)
		if zun.CodeOf(err) != zun.CodeInvalid || !strings.Contains(err.Error(), test.says) || len(err.Error()) > 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := w.records.ListContainers(t.Context(), zun.ContainerFilter{}); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
	for _, destination := range []string{"/a", "/etc/app/app.conf", "/process", "/a/b c:d", "/.hidden", "/" + strings.Repeat("a", 255)} {
		if err := checkDestination(destination); err != nil {
			t.Error(err)
		}
	}
}

func TestOptionsReachTheNode(t *testing.T) {
	w := newWorld(t)
	w.node.edit(func(n *fakeNode) { n.host = func(h *zun.Host) { h.DiskQuota, h.DiskGiB = true, 10 } })
	w.askHosts(t.Context(), 0)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	ten := int64(10)
	c := w.run(zun.ContainerRequest{
		Run: true, DiskGiB: &ten, Privileged: true, Runtime: "runc", AutoHeal: true, Healthcheck: &zun.Healthcheck{Test: "true"},
		ExposedPorts: []zun.ExposedPort{{Port: 80, Protocol: "tcp"}}, Files: []zun.File{{Destination: "/etc/a", Content: []byte("x")}},
	})
	w.node.mu.Lock()
	defer w.node.mu.Unlock()
	order := w.node.orders[0]
	if got := order.Container; got.DiskGiB != 10 || !got.Privileged || got.Runtime != "runc" || !got.AutoHeal || got.Healthcheck.Test != "true" || len(got.ExposedPorts) != 1 {
		t.Errorf("%+v", got)
	}
	if len(order.Files) != 1 || order.Files[0].Destination != "/etc/a" || string(order.Files[0].Content) != "x" || !zun.IsUUID(order.Files[0].ID) {
		t.Errorf("%v", order.Files)
	}
	orders, err := w.Containers(t.Context(), "h1")
	w.must(err)
	if diff := cmp.Diff(order.Files, orders[0].Files); diff != "" || orders[0].Container.ID != c.ID {
		t.Error(diff)
	}
}

func TestTheGroupOfExposedPortsIsOnRecord(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{ExposedPorts: []zun.ExposedPort{{Port: 80, Protocol: "tcp"}}})
	for _, step := range []struct {
		group string
		want  []string
	}{{"g1", []string{"g1"}}, {"g1", []string{"g1"}}, {"g2", []string{"g2"}}, {"", nil}, {"", nil}} {
		w.must(w.Exposed(t.Context(), c.ID, step.group))
		got, err := w.records.Container(t.Context(), c.ID)
		w.must(err)
		if got.ExposedGroup != step.group || !slices.Equal(got.SecurityGroups, step.want) {
			t.Errorf("after %q: %q in %v", step.group, got.ExposedGroup, got.SecurityGroups)
		}
	}
	w.must(w.Exposed(t.Context(), "nobody", "g1"))
}

// lostOne is what a node says of a container that Docker does not have.
func lostOne(id string) zun.Observation {
	return zun.Observation{ContainerID: id, Status: zun.StatusError, StatusReason: "No such container: x in docker", Gone: true}
}

func TestWhoAsksForItIsHealed(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	for name, test := range map[string]struct {
		request zun.ContainerRequest
		status  zun.Status // before
		want    zun.Status
		kinds   []zun.ActionKind
	}{
		"running":            {zun.ContainerRequest{Run: true, AutoHeal: true}, "", zun.StatusRunning, []zun.ActionKind{"create", "heal"}},
		"created":            {zun.ContainerRequest{AutoHeal: true}, "", zun.StatusCreated, []zun.ActionKind{"create", "heal"}},
		"stopped":            {zun.ContainerRequest{Run: true, AutoHeal: true}, zun.StatusStopped, zun.StatusCreated, []zun.ActionKind{"create", "heal"}},
		"paused":             {zun.ContainerRequest{Run: true, AutoHeal: true}, zun.StatusPaused, zun.StatusRunning, []zun.ActionKind{"create", "heal"}},
		"in a crash loop":    {zun.ContainerRequest{Run: true, AutoHeal: true}, zun.StatusRestarting, zun.StatusRunning, []zun.ActionKind{"create", "heal"}},
		"in error":           {zun.ContainerRequest{Run: true, AutoHeal: true}, zun.StatusError, zun.StatusError, []zun.ActionKind{"create"}},
		"who does not ask":   {zun.ContainerRequest{Run: true}, "", zun.StatusError, []zun.ActionKind{"create"}},
		"who is to go by it": {zun.ContainerRequest{Run: true, AutoHeal: true, AutoRemove: true}, "", zun.StatusError, []zun.ActionKind{"create"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := w.run(test.request)
			if test.status != "" {
				c.Status = test.status
				w.must(w.records.SaveContainer(t.Context(), c.Container))
			}
			w.node.edit(func(n *fakeNode) { delete(n.containers, c.ID) })
			w.must(w.Observed(t.Context(), lostOne(c.ID)))
			got := w.settled(c.ID)
			if got.Status != test.want || got.TaskState != "" || got.Host != "h1" {
				t.Errorf("got %s %q", got.Status, got.StatusReason)
			}
			if diff := cmp.Diff(test.kinds, w.node.kinds(c.ID)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.Nets, got.Nets, cmp.Comparer(func(a, b zun.AttachedNetwork) bool { return a.Attachment.PortID == b.Attachment.PortID })); diff != "" {
				t.Errorf("its ports changed: %s", diff)
			}
		})
	}
}

// While it is healed a container shows it, and a heal that fails is not repeated at once,
// however often the loss is told.
func TestAHealIsAnAction(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true, AutoHeal: true})
	hold := make(chan struct{})
	w.node.edit(func(n *fakeNode) {
		n.hold = hold
		n.script = func(order zun.Order, o *zun.Outcome) {
			if order.Action.Kind == zun.ActionHeal {
				o.Failed, o.Message, o.Observation = true, "no image", lostOne(order.Container.ID)
			}
		}
	})
	w.must(w.Observed(t.Context(), lostOne(c.ID)))
	got, err := w.records.Container(t.Context(), c.ID)
	w.must(err)
	if got.Status != zun.StatusRebuilding || got.TaskState != zun.TaskRebuilding {
		t.Errorf("got %s %s", got.Status, got.TaskState)
	}
	w.must(w.Observed(t.Context(), lostOne(c.ID)))
	close(hold)
	if got := w.settled(c.ID); got.Status != zun.StatusError || !strings.HasPrefix(got.StatusReason, "no image; it is tried again at ") {
		t.Errorf("got %s %q", got.Status, got.StatusReason)
	}
	w.must(w.Observed(t.Context(), lostOne(c.ID)))
	w.settled(c.ID)
	if diff := cmp.Diff([]zun.ActionKind{"create", "heal"}, w.node.kinds(c.ID)); diff != "" {
		t.Error(diff)
	}
	actions, err := w.Actions(t.Context(), w.grant(project, "container:actions"), c.ID)
	w.must(err)
	if heal := actions[0]; heal.Kind != zun.ActionHeal || heal.Message != "no image" || heal.ProjectID != project || heal.UserID != c.UserID || heal.RequestID == "" {
		t.Errorf("got %+v", heal)
	}
}

// An action that finds the container lost is followed by the heal; a stop does not make it
// run again.
func TestAnActionThatFindsItLost(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true, AutoHeal: true})
	w.node.edit(func(n *fakeNode) {
		delete(n.containers, c.ID)
		n.script = func(order zun.Order, o *zun.Outcome) {
			if order.Action.Kind == zun.ActionStop {
				o.Failed, o.Message, o.Observation = true, "it is not there", lostOne(order.Container.ID)
			}
		}
	})
	w.must(w.StopContainer(t.Context(), w.grant(project, "container:stop"), c.ID, nil))
	if got := w.settled(c.ID); got.Status != zun.StatusCreated {
		t.Errorf("got %s", got.Status)
	}
	if diff := cmp.Diff([]zun.ActionKind{"create", "stop", "heal"}, w.node.kinds(c.ID)); diff != "" {
		t.Error(diff)
	}
}

func TestAHealIsOwedOverACrash(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true, AutoHeal: true})
	w.node.edit(func(n *fakeNode) {
		delete(n.containers, c.ID)
		n.down = zun.Wrap(zun.CodeUnavailable, errors.New("away"), "the host is away")
	})
	w.must(w.Observed(t.Context(), lostOne(c.ID)))
	w.stop()
	w.node.edit(func(n *fakeNode) { n.down = nil })
	w.start()
	if got := w.settled(c.ID); got.Status != zun.StatusRunning {
		t.Errorf("got %s %s", got.Status, got.StatusReason)
	}
}

// A reason that Docker no longer has is not shown any more.
func TestAnUnhealthyContainerGetsWell(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true})
	for _, o := range []zun.Observation{
		{ContainerID: c.ID, Status: zun.StatusRunning, StatusDetail: "Up 5 mins (unhealthy)", StatusReason: "its health check fails: no"},
		{ContainerID: c.ID, Status: zun.StatusRunning, StatusDetail: "Up 6 mins (healthy)"},
	} {
		w.must(w.Observed(t.Context(), o))
		got, err := w.records.Container(t.Context(), c.ID)
		w.must(err)
		if got.StatusDetail != o.StatusDetail || got.StatusReason != o.StatusReason {
			t.Errorf("got %q %q", got.StatusDetail, got.StatusReason)
		}
	}
}

// A running container keeps a reason that is not its health's, as that of a rebuild that did
// not get its image.
func TestAnotherReasonStays(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true})
	c.StatusReason = "cannot rebuild: no image"
	w.must(w.records.SaveContainer(t.Context(), c.Container))
	w.must(w.Observed(t.Context(), zun.Observation{ContainerID: c.ID, Status: zun.StatusRunning, StatusDetail: "Up 6 mins"}))
	got, err := w.records.Container(t.Context(), c.ID)
	w.must(err)
	if got.StatusDetail != "Up 6 mins" || got.StatusReason != "cannot rebuild: no image" {
		t.Errorf("got %q %q", got.StatusDetail, got.StatusReason)
	}
}

// What one container may have, and has by default, is the operator's to say.
func TestTheOperatorsBounds(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Bounds = zun.Bounds{
			MinCPU: 0.5, MaxCPU: 64, DefaultCPU: 2, MinMemoryMiB: 16, MaxMemoryMiB: 65536, DefaultMemoryMiB: 1024, MinDiskGiB: 2, MaxDiskGiB: 500,
		}
		c.DefaultLimits = &zun.Quota{Containers: -1, MemoryMiB: -1, CPU: -1, DiskGiB: -1}
	})
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	if c := w.run(zun.ContainerRequest{}); c.CPU != 2 || c.MemoryMiB != 1024 {
		t.Errorf("by default %v cores and %d MiB", c.CPU, c.MemoryMiB)
	}
	c := w.run(zun.ContainerRequest{MemoryMiB: ptr(int64(65536)), Run: true})
	if c.Status != zun.StatusRunning || c.MemoryMiB != 65536 {
		t.Errorf("%s with %d MiB: %s", c.Status, c.MemoryMiB, c.StatusReason)
	}
	for _, r := range []zun.ContainerRequest{
		{CPU: ptr(0.4)}, {CPU: ptr(65.0)}, {MemoryMiB: ptr(int64(15))}, {MemoryMiB: ptr(int64(65537))}, {DiskGiB: ptr(int64(1))}, {DiskGiB: ptr(int64(501))},
	} {
		r.Image = "nginx"
		_, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), r)
		w.wantCode(err, zun.CodeInvalid)
	}
	_, err := w.UpdateContainer(t.Context(), w.grant(project, "container:update"), c.ID, zun.Change{MemoryMiB: ptr(int64(65537))})
	w.wantCode(err, zun.CodeInvalid)
}
