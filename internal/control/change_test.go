package control

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gozun/gozun/zun"
)

func ptr[T any](value T) *T { return &value }

func TestUpdateIsDoneWhenItReturns(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Name: "web", Run: true})
	g := w.grant(project, "container:update")
	after, err := w.UpdateContainer(t.Context(), g, "web", zun.Change{Name: ptr("new"), CPU: ptr(0.2), MemoryMiB: ptr(int64(200)), AutoHeal: ptr(true)})
	w.must(err)
	if after.Name != "new" || after.CPU != 0.2 || after.MemoryMiB != 200 || !after.AutoHeal || after.Status != zun.StatusRunning || len(after.Nets) != 1 {
		t.Errorf("after: %+v", after)
	}
	w.node.edit(func(n *fakeNode) {
		if len(n.updated) != 1 || n.updated[0].CPU != 0.2 || n.updated[0].MemoryMiB != 200 {
			t.Errorf("the host was told %+v", n.updated)
		}
	})
	// A part of it leaves the rest; a name is no matter of the host's; nothing is nothing.
	w.node.edit(func(n *fakeNode) { n.updated, n.down = nil, zun.Errorf(zun.CodeUnavailable, "host away") })
	for _, change := range []zun.Change{{Name: ptr("newer")}, {AutoHeal: ptr(false)}, {}} {
		_, err := w.UpdateContainer(t.Context(), g, c.ID, change)
		w.must(err)
	}
	_, err = w.UpdateContainer(t.Context(), g, c.ID, zun.Change{Name: ptr("newest"), MemoryMiB: ptr(int64(300))})
	w.wantCode(err, zun.CodeUnavailable)
	got, err := w.records.Container(t.Context(), c.ID)
	w.must(err)
	if got.Name != "newer" || got.AutoHeal || got.MemoryMiB != 200 {
		t.Errorf("recorded %+v", got)
	}
	actions, err := w.Actions(t.Context(), w.grant(project, "container:actions"), c.ID)
	w.must(err)
	if len(actions) != 1 { // Zun has none for it either
		t.Errorf("actions %+v", actions)
	}
}

func TestChangesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Name: "web", Run: true})
	for _, change := range []zun.Change{
		{Name: ptr("x")},
		{Name: ptr("")},
		{Name: ptr("-web")},
		{Name: ptr(strings.Repeat("x", 256))},
		{CPU: ptr(0.0)},
		{CPU: ptr(17.0)},
		{MemoryMiB: ptr(int64(3))},
		{MemoryMiB: ptr(int64(1 << 40))},
	} {
		_, update := w.UpdateContainer(t.Context(), w.grant(project, "container:update"), c.ID, change)
		w.wantCode(update, zun.CodeInvalid)
		_, resize := w.ResizeContainer(t.Context(), w.grant(project, "container:resize_container"), c.ID, change)
		w.wantCode(resize, zun.CodeInvalid)
	}
	_, err := w.UpdateContainer(t.Context(), w.grant(other, "container:update"), c.ID, zun.Change{Name: ptr("mine")})
	w.wantCode(err, zun.CodeContainerNotFound)
	w.must(w.Observed(t.Context(), zun.Observation{ContainerID: c.ID, Status: zun.StatusDead}))
	w.node.edit(func(n *fakeNode) { n.containers[c.ID] = zun.StatusDead })
	for _, change := range []zun.Change{{}, {CPU: ptr(1.0)}} {
		_, err := w.UpdateContainer(t.Context(), w.grant(project, "container:update"), c.ID, change)
		w.wantCode(err, zun.CodeInvalidState)
	}
	if len(w.node.updated) != 0 {
		t.Errorf("the host was told %+v", w.node.updated)
	}
}

func TestRename(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Name: "web"})
	g := w.grant(project, "container:rename")
	_, err := w.RenameContainer(t.Context(), g, "web", "web")
	w.wantCode(err, zun.CodeConflict)
	_, err = w.RenameContainer(t.Context(), g, "web", "!")
	w.wantCode(err, zun.CodeInvalid)
	after, err := w.RenameContainer(t.Context(), g, "web", "db")
	w.must(err)
	if after.Name != "db" || after.ID != c.ID {
		t.Errorf("%+v", after)
	}
}

func TestResizeIsRecordedWhenItIsDone(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Name: "web", Run: true})
	hold := make(chan struct{})
	w.node.edit(func(n *fakeNode) { n.hold = hold })
	g := w.grant(project, "container:resize_container")
	before, err := w.ResizeContainer(t.Context(), g, "web", zun.Change{Name: ptr("new"), MemoryMiB: ptr(int64(100))})
	w.must(err)
	if before.MemoryMiB != 512 || before.Name != "web" || before.TaskState != zun.TaskResizing || before.Status != zun.StatusRunning {
		t.Errorf("at once: %+v", before)
	}
	close(hold)
	if after := w.settled(c.ID); after.MemoryMiB != 100 || after.CPU != 1 || after.Name != "new" || after.TaskState != "" {
		t.Errorf("done: %+v", after)
	}
	w.node.edit(func(n *fakeNode) {
		n.script = func(_ zun.Order, o *zun.Outcome) { o.Failed, o.Message = true, "no luck" }
	})
	_, err = w.ResizeContainer(t.Context(), g, c.ID, zun.Change{MemoryMiB: ptr(int64(4000))})
	w.must(err)
	if after := w.settled(c.ID); after.MemoryMiB != 100 || after.Status != zun.StatusRunning {
		t.Errorf("failed: %+v", after)
	}
}

func TestPauseAndUnpause(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true})
	w.must(w.PauseContainer(t.Context(), w.grant(project, "container:pause"), c.ID))
	if got := w.settled(c.ID); got.Status != zun.StatusPaused {
		t.Errorf("paused: %s", got.Status)
	}
	w.wantCode(w.PauseContainer(t.Context(), w.grant(project, "container:pause"), c.ID), zun.CodeInvalidState)
	for _, options := range []zun.DeleteOptions{{}, {Stop: true}, {Force: true}} {
		err := w.DeleteContainer(t.Context(), w.admin("container:delete"), c.ID, options)
		w.wantCode(err, zun.CodeInvalidState)
		if !strings.Contains(err.Error(), "unpause it first") {
			t.Errorf("%+v: %v has no hint", options, err)
		}
	}
	w.must(w.UnpauseContainer(t.Context(), w.grant(project, "container:unpause"), c.ID))
	if got := w.settled(c.ID); got.Status != zun.StatusRunning {
		t.Errorf("unpaused: %s", got.Status)
	}
}

func TestRebuild(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Image: "old:1", Entrypoint: []string{"/mine"}, Run: true})
	w.must(w.Observed(t.Context(), zun.Observation{ContainerID: c.ID, Command: []string{"of", "old"}, Entrypoint: []string{"/mine"}, Ports: []int{80}}))
	hold := make(chan struct{})
	w.node.edit(func(n *fakeNode) { n.hold = hold })
	ctx := zun.WithRequestID(t.Context(), "req-7")
	w.must(w.RebuildContainer(ctx, w.grant(project, "container:rebuild"), c.ID, "new:2", ""))
	got, err := w.records.Container(t.Context(), c.ID)
	w.must(err)
	if got.Status != zun.StatusRebuilding || got.TaskState != zun.TaskRebuilding || got.Image != "new:2" || got.ImageDriver != "docker" {
		t.Errorf("at once: %+v", got)
	}
	w.wantCode(w.RebuildContainer(ctx, w.grant(project, "container:rebuild"), c.ID, "", ""), zun.CodeInvalidState)
	close(hold)
	after := w.settled(c.ID)
	if after.Status != zun.StatusRunning || after.TaskState != "" || after.Image != "new:2" || after.Nets[0].Attachment.PortID != c.Nets[0].Attachment.PortID {
		t.Errorf("after: %+v", after)
	}
	w.node.edit(func(n *fakeNode) {
		last := n.orders[len(n.orders)-1]
		if !last.Input.Run || last.Container.Image != "new:2" || last.Container.Command != nil || !slices.Equal(last.Container.Entrypoint, []string{"/mine"}) {
			t.Errorf("the host was told %+v %+v", last.Input, last.Container)
		}
	})
	action, _, err := w.Action(t.Context(), w.grant(project, "container:actions"), c.ID, "req-7")
	w.must(err)
	if action.Kind != zun.ActionRebuild || action.Owed() || action.Message != "" {
		t.Errorf("action %+v", action)
	}
}

// A container that does not run is not started, and keeps its image when none is named.
func TestRebuildOfWhatDoesNotRun(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Image: "old:1"})
	w.must(w.RebuildContainer(t.Context(), w.grant(project, "container:rebuild"), c.ID, "", ""))
	if after := w.settled(c.ID); after.Status != zun.StatusCreated || after.Image != "old:1" {
		t.Errorf("%+v", after)
	}
	for _, image := range []string{"x", strings.Repeat("x", 256), "a\x00b"} {
		w.wantCode(w.RebuildContainer(t.Context(), w.grant(project, "container:rebuild"), c.ID, image, ""), zun.CodeInvalid)
	}
}

func TestARebuildThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		unchanged bool
		seen      zun.Status
		want      zun.Status
		image     string
		command   []string
	}{
		"before anything was taken away": {true, zun.StatusRunning, zun.StatusRunning, "old:1", []string{"of", "old"}},
		"and the host cannot be asked":   {true, "", zun.StatusUnknown, "old:1", []string{"of", "old"}},
		"afterwards":                     {false, zun.StatusError, zun.StatusError, "new:2", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
			c := w.run(zun.ContainerRequest{Image: "old:1", Run: true})
			w.must(w.Observed(t.Context(), zun.Observation{ContainerID: c.ID, Command: []string{"of", "old"}, Ports: []int{80}}))
			w.node.edit(func(n *fakeNode) {
				n.script = func(_ zun.Order, o *zun.Outcome) {
					o.Failed, o.Message, o.Unchanged, o.Observation.Status = true, "no such image", test.unchanged, test.seen
				}
			})
			w.must(w.RebuildContainer(t.Context(), w.grant(project, "container:rebuild"), c.ID, "new:2", ""))
			got := w.settled(c.ID)
			if got.Status != test.want || got.StatusReason != "no such image" || got.Image != test.image || got.TaskState != "" {
				t.Errorf("%s %q %s", got.Status, got.StatusReason, got.Image)
			}
			if diff := cmp.Diff(test.command, got.Command); diff != "" {
				t.Error(diff)
			}
			// It can be tried again, and the image's command is still known for one.
			w.node.edit(func(n *fakeNode) { n.script = nil })
			if test.want == zun.StatusUnknown {
				return
			}
			w.must(w.RebuildContainer(t.Context(), w.grant(project, "container:rebuild"), c.ID, "newer:3", ""))
			w.settled(c.ID)
			w.node.edit(func(n *fakeNode) {
				if last := n.orders[len(n.orders)-1]; last.Container.Command != nil || last.Container.Image != "newer:3" {
					t.Errorf("tried again with %v of %s", last.Container.Command, last.Container.Image)
				}
			})
		})
	}
}

func TestSecurityGroupsOfAContainer(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	web, two := uuid.NewString(), uuid.NewString()
	w.cloud.edit(func(c *cloud) {
		c.groups = []zun.SecurityGroup{
			{ID: web, Name: "web", ProjectID: project},
			{ID: two, Name: "two", ProjectID: project},
			{ID: uuid.NewString(), Name: "two", ProjectID: project},
			{ID: uuid.NewString(), Name: "theirs", ProjectID: other},
		}
	})
	c := w.run(zun.ContainerRequest{Run: true})
	add, remove := w.grant(project, "container:add_security_group"), w.grant(project, "container:remove_security_group")
	w.must(w.AddSecurityGroup(t.Context(), add, c.ID, "web"))
	if got := w.settled(c.ID); !slices.Equal(got.SecurityGroups, []string{web}) || got.TaskState != "" || got.Status != zun.StatusRunning {
		t.Errorf("added: %+v", got)
	}
	w.must(w.AddSecurityGroup(t.Context(), add, c.ID, two))
	w.settled(c.ID)
	for _, again := range []string{"web", web, two} {
		w.wantCode(w.AddSecurityGroup(t.Context(), add, c.ID, again), zun.CodeInvalid)
	}
	w.wantCode(w.AddSecurityGroup(t.Context(), add, c.ID, "two"), zun.CodeConflict)
	w.wantCode(w.AddSecurityGroup(t.Context(), add, c.ID, "theirs"), zun.CodeInvalid)
	w.wantCode(w.AddSecurityGroup(t.Context(), add, c.ID, "nope"), zun.CodeInvalid)
	w.wantCode(w.AddSecurityGroup(t.Context(), w.grant(other, "container:add_security_group"), c.ID, "web"), zun.CodeContainerNotFound)
	w.must(w.RemoveSecurityGroup(t.Context(), remove, c.ID, "web"))
	if got := w.settled(c.ID); !slices.Equal(got.SecurityGroups, []string{two}) {
		t.Errorf("removed: %+v", got.SecurityGroups)
	}
	w.wantCode(w.RemoveSecurityGroup(t.Context(), remove, c.ID, "web"), zun.CodeInvalid)
	w.node.edit(func(n *fakeNode) {
		n.script = func(_ zun.Order, o *zun.Outcome) { o.Failed, o.Message = true, "Neutron said no" }
	})
	w.must(w.RemoveSecurityGroup(t.Context(), remove, c.ID, two))
	if got := w.settled(c.ID); !slices.Equal(got.SecurityGroups, []string{two}) || got.Status != zun.StatusRunning {
		t.Errorf("not removed: %s %v", got.Status, got.SecurityGroups)
	}
}

func TestInsights(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true})
	top := w.grant(project, "container:top")
	for args, told := range map[string]string{"": "", "None": "", "-o pid": "-o pid"} {
		processes, err := w.Top(t.Context(), top, c.ID, args)
		w.must(err)
		if processes.Rows[0][0] != told {
			t.Errorf("%q: %v", args, processes)
		}
	}
	_, err := w.Top(t.Context(), top, c.ID, "a\nb")
	w.wantCode(err, zun.CodeInvalid)
	named, usage, err := w.Stats(t.Context(), w.grant(project, "container:stats"), c.ID)
	w.must(err)
	if named.Name != c.Name || usage.MemoryBytes != 1 {
		t.Errorf("%s %+v", named.Name, usage)
	}
	archive, err := w.ReadArchive(t.Context(), w.grant(project, "container:get_archive"), c.ID, "/etc")
	w.must(err)
	if text, _ := io.ReadAll(archive.Content); string(text) != "/etc" {
		t.Errorf("%q", text)
	}
	put := w.grant(project, "container:put_archive")
	w.must(w.WriteArchive(t.Context(), put, c.ID, "/tmp", strings.NewReader("tar")))
	for _, path := range []string{"", "/a\x00b"} {
		w.wantCode(w.WriteArchive(t.Context(), put, c.ID, path, strings.NewReader("tar")), zun.CodeInvalid)
	}
	if diff := cmp.Diff([]string{"/tmp tar"}, w.node.wrote); diff != "" {
		t.Error(diff)
	}
	_, err = w.CommitContainer(t.Context(), w.grant(project, "container:commit"), c.ID, "r", "")
	w.wantCode(err, zun.CodeNotImplemented)
	if !strings.Contains(err.Error(), "Glance") {
		t.Error(err)
	}
	_, err = w.CommitContainer(t.Context(), w.grant(other, "container:commit"), c.ID, "r", "")
	w.wantCode(err, zun.CodeContainerNotFound)
	w.must(w.StopContainer(t.Context(), w.grant(project, "container:stop"), c.ID, nil))
	w.settled(c.ID)
	_, err = w.Top(t.Context(), top, c.ID, "")
	w.wantCode(err, zun.CodeInvalidState)
	_, _, err = w.Stats(t.Context(), w.grant(project, "container:stats"), c.ID)
	w.wantCode(err, zun.CodeInvalidState)
	w.node.edit(func(n *fakeNode) { n.down = io.ErrUnexpectedEOF })
	_, err = w.ReadArchive(t.Context(), w.grant(project, "container:get_archive"), c.ID, "/etc")
	w.wantCode(err, zun.CodeUnavailable)
}
