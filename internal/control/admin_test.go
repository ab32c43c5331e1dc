package control

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// fleet is several hosts.
type fleet map[string]*fakeNode

func (f fleet) Names() []string { return slices.Sorted(maps.Keys(f)) }

func (f fleet) Node(host string) (zun.Node, bool) {
	node, ok := f[host]
	return node, ok
}

// newFleet returns a world with as many hosts as there are names. Their reports go to its
// service.
func newFleet(tb testing.TB, names []string, adjust ...func(*Config)) (*world, fleet) {
	tb.Helper()
	hosts := fleet{}
	for _, name := range names {
		hosts[name] = newFakeNode(tb)
	}
	w := newWorld(tb, append([]func(*Config){func(c *Config) { c.Nodes = hosts }}, adjust...)...)
	for _, node := range hosts {
		node.edit(func(n *fakeNode) { n.reports = w.Service })
		tb.Cleanup(func() { w.stop(); node.wg.Wait() })
	}
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	w.eventually("all hosts are up", func() bool {
		services, err := w.ListServices(w.Context(), w.admin("zun-service:get_all"))
		w.must(err)
		return len(services) == len(names) && !slices.ContainsFunc(services, func(s zun.ServiceDetail) bool { return !s.Up })
	})
	return w, hosts
}

func TestHostsTellWhatIsOnThem(t *testing.T) {
	w, hosts := newFleet(t, []string{"h1", "h2"})
	hosts["h1"].edit(func(n *fakeNode) {
		n.host = func(h *zun.Host) { h.DiskGiB, h.Labels = 80, map[string]string{"ssd": "1"} }
	})
	g := w.admin("host:get_all")
	w.eventually("h1 tells of its disk", func() bool {
		h, err := w.GetHost(t.Context(), g, "h1")
		w.must(err)
		return h.DiskGiB == 80
	})
	w.run(zun.ContainerRequest{Run: true, CPU: new(0.5), MemoryMiB: new(int64(100)), Placement: zun.Placement{Labels: map[string]string{"ssd": "1"}}})
	c := w.run(zun.ContainerRequest{Run: true, Placement: zun.Placement{Labels: map[string]string{"ssd": "1"}}})
	w.must(w.StopContainer(t.Context(), w.grant(project, "container:stop"), c.ID, nil))
	w.settled(c.ID)

	h, err := w.GetHost(t.Context(), g, "h1")
	w.must(err)
	if diff := cmp.Diff(zun.HostUsage{Containers: 2, Running: 1, Stopped: 1, CPU: 1.5, MemoryMiB: 612}, h.Usage); diff != "" {
		t.Error(diff)
	}
	byID, err := w.GetHost(t.Context(), g, strings.ToUpper(h.ID))
	w.must(err)
	if diff := cmp.Diff(h, byID); diff != "" || !zun.IsUUID(h.ID) {
		t.Error(diff)
	}
	_, err = w.GetHost(t.Context(), g, "h3")
	w.wantCode(err, zun.CodeHostNotFound)

	for _, test := range []struct {
		page zun.Page
		want string
	}{
		{zun.Page{}, "h1 h2"},
		{zun.Page{Desc: true}, "h2 h1"},
		{zun.Page{Limit: 1}, "h1"},
		{zun.Page{Limit: 1, Marker: h.ID}, "h2"},
		{zun.Page{SortKey: "mem_used"}, "h2 h1"},
		{zun.Page{SortKey: "mem_used", Desc: true}, "h1 h2"},
		{zun.Page{SortKey: "total_containers", Desc: true, Marker: h.ID}, "h2"},
	} {
		page, err := w.ListHosts(t.Context(), g, test.page)
		w.must(err)
		var names []string
		for _, host := range page {
			names = append(names, host.Name)
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("%+v: %s, want %s", test.page, got, test.want)
		}
	}
	for key := range hostKeys() {
		_, err := w.ListHosts(t.Context(), g, zun.Page{SortKey: key})
		w.must(err)
	}
	_, err = w.ListHosts(t.Context(), g, zun.Page{SortKey: "labels"})
	w.wantCode(err, zun.CodeInvalid)
	_, err = w.ListHosts(t.Context(), g, zun.Page{Marker: "h1"})
	w.wantCode(err, zun.CodeHostNotFound)
}

func (w *world) service(host string) zun.ServiceDetail {
	w.Helper()
	services, err := w.ListServices(w.Context(), w.admin("zun-service:get_all"))
	w.must(err)
	i := slices.IndexFunc(services, func(s zun.ServiceDetail) bool { return s.Host == host })
	if i < 0 {
		w.Fatalf("host %s has no service", host)
	}
	return services[i]
}

func TestServicesAreUpWhileTheyAreHeardOf(t *testing.T) {
	w, hosts := newFleet(t, []string{"h1"})
	first := w.service("h1")
	if first.Binary != "zun-compute" || first.AvailabilityZone != "nova" || first.ReportCount == 0 || first.CreatedAt.IsZero() {
		t.Errorf("%+v", first)
	}
	w.eventually("heard of again", func() bool { return w.service("h1").ReportCount > first.ReportCount })
	hosts["h1"].edit(func(n *fakeNode) { n.down = errors.New("docker does not answer") })
	w.eventually("down", func() bool { return !w.service("h1").Up })
	hosts["h1"].edit(func(n *fakeNode) { n.down = nil })
	w.eventually("up again", func() bool { return w.service("h1").Up })

	// A host whose agent is nowhere is down, and one from which nothing was heard for long.
	w.must(w.records.SaveHost(t.Context(), zun.Host{ID: w.NewID(), Name: "gone"}, time.Now()))
	if w.service("gone").Up {
		t.Error("a host without an agent is up")
	}
	w.stop()
	w.config.Now = func() time.Time { return time.Now().Add(2 * time.Minute) }
	late := New(w.config)
	services, err := late.ListServices(t.Context(), w.admin("zun-service:get_all"))
	w.must(err)
	if services[0].Up {
		t.Error("a host that was not heard of for two minutes is up")
	}
}

func (w *world) change(host string, change zun.ServiceChange) zun.Service {
	w.Helper()
	service, err := w.ChangeService(w.Context(), w.admin("zun-service:enable"), host, zun.BinaryCompute, change)
	w.must(err)
	return service
}

func TestOperatorsTakeHostsOutOfUse(t *testing.T) {
	w, _ := newFleet(t, []string{"h1", "h2"})
	if s := w.change("h1", zun.ServiceChange{Disabled: new(true), DisabledReason: "new disk"}); !s.Disabled || s.DisabledReason != "new disk" {
		t.Errorf("%+v", s)
	}
	for range 3 {
		if c := w.run(zun.ContainerRequest{}); c.Host != "h2" {
			t.Errorf("on %s, though h1 is disabled", c.Host)
		}
	}
	if s := w.change("h2", zun.ServiceChange{ForcedDown: new(true)}); !s.ForcedDown || w.service("h2").Up {
		t.Errorf("%+v", s)
	}
	_, err := w.CreateNetwork(w.Context(), w.grant(project, "network:create_own"), zun.NetworkRequest{Name: "foo", NeutronNet: "testnet"})
	w.must(err) // a network is no container: a disabled host takes it
	c := w.run(zun.ContainerRequest{})
	for _, why := range []string{"1 of 2 hosts is disabled (host h1: disabled by the operator: new disk)", "1 of 2 hosts is down (host h2: forced down by the operator)"} {
		if c.Status != zun.StatusError || !strings.Contains(c.StatusReason, why) {
			t.Errorf("%s: %s, want %s", c.Status, c.StatusReason, why)
		}
	}
	if s := w.change("h1", zun.ServiceChange{Disabled: new(false), DisabledReason: "not kept"}); s.Disabled || s.DisabledReason != "" {
		t.Errorf("%+v", s)
	}
	if c := w.run(zun.ContainerRequest{}); c.Host != "h1" {
		t.Errorf("on %s: %s", c.Host, c.StatusReason)
	}
	w.change("h2", zun.ServiceChange{ForcedDown: new(false)})
	if !w.service("h2").Up {
		t.Error("h2 is still down")
	}
	_, err = w.ChangeService(t.Context(), w.admin("zun-service:enable"), "h3", zun.BinaryCompute, zun.ServiceChange{})
	w.wantCode(err, zun.CodeServiceNotFound)
	_, err = w.ChangeService(t.Context(), w.admin("zun-service:enable"), "h1", "zun-api", zun.ServiceChange{})
	w.wantCode(err, zun.CodeServiceNotFound)
}

func TestDeletedServicesComeBackWithASignOfLife(t *testing.T) {
	w, _ := newFleet(t, []string{"h1"})
	g := w.admin("zun-service:delete")
	before, host := w.service("h1"), w.hostID("h1")
	w.change("h1", zun.ServiceChange{Disabled: new(true)})
	w.must(w.DeleteService(t.Context(), g, "h1", zun.BinaryCompute))
	w.eventually("the service is back", func() bool {
		services, err := w.ListServices(t.Context(), g)
		w.must(err)
		return len(services) == 1
	})
	if after := w.service("h1"); after.ID == before.ID || after.Disabled {
		t.Errorf("%+v", after)
	}
	if w.hostID("h1") != host {
		t.Error("the host has another id now")
	}
	w.wantCode(w.DeleteService(t.Context(), g, "h2", zun.BinaryCompute), zun.CodeServiceNotFound)
}

func (w *world) hostID(name string) string {
	w.Helper()
	h, err := w.GetHost(w.Context(), w.admin("host:get"), name)
	if zun.IsNotFound(err) {
		return ""
	}
	w.must(err)
	return h.ID
}

// A host that is away is forgotten with its service, unless there are containers on it.
func TestHostsThatAreAwayAreForgotten(t *testing.T) {
	w, _ := newFleet(t, []string{"h1"})
	for _, name := range []string{"empty", "used"} {
		w.must(w.records.SaveHost(t.Context(), zun.Host{ID: w.NewID(), Name: name}, time.Now()))
	}
	w.must(w.records.AddContainer(t.Context(), zun.Container{ID: w.NewID(), Host: "used", ProjectID: project, Status: zun.StatusError}))
	for name, left := range map[string]bool{"empty": false, "used": true} {
		w.must(w.DeleteService(t.Context(), w.admin("zun-service:delete"), name, zun.BinaryCompute))
		if got := w.hostID(name) != ""; got != left {
			t.Errorf("%s is left: %v", name, got)
		}
	}
	// Without its service a host is not chosen, though it is recorded.
	c := w.run(zun.ContainerRequest{})
	if c.Host != "h1" {
		t.Errorf("on %q: %s", c.Host, c.StatusReason)
	}
}

func TestZones(t *testing.T) {
	w, hosts := newFleet(t, []string{"h1", "h2", "h3"}, func(c *Config) { c.DefaultZone = "here" })
	hosts["h2"].edit(func(n *fakeNode) { n.host = func(h *zun.Host) { h.AvailabilityZone = "west" } })
	w.eventually("h2 tells its zone", func() bool { return w.service("h2").AvailabilityZone == "west" })
	for _, test := range []struct {
		page zun.Page
		want []string
	}{
		{zun.Page{}, []string{"here", "west"}},
		{zun.Page{Limit: 1}, []string{"here"}},
		{zun.Page{Marker: "here"}, []string{"west"}},
		{zun.Page{SortKey: "availability_zone", Desc: true}, []string{"west", "here"}},
		{zun.Page{Marker: "west"}, []string{}},
	} {
		zones, err := w.ListZones(t.Context(), w.grant(project, "availability_zones:get_all"), test.page)
		w.must(err)
		if diff := cmp.Diff(test.want, zones); diff != "" {
			t.Errorf("%+v: %s", test.page, diff)
		}
	}
	_, err := w.ListZones(t.Context(), policy.Grant{}, zun.Page{SortKey: "host"})
	w.wantCode(err, zun.CodeInvalid)
	_, err = w.ListZones(t.Context(), policy.Grant{}, zun.Page{Marker: "east"})
	w.wantCode(err, zun.CodeNotFound)

	for range 2 {
		if c := w.run(zun.ContainerRequest{Placement: zun.Placement{AvailabilityZone: "west"}}); c.Host != "h2" {
			t.Errorf("on %q: %s", c.Host, c.StatusReason)
		}
	}
	c := w.run(zun.ContainerRequest{Placement: zun.Placement{AvailabilityZone: "east"}})
	if c.Status != zun.StatusError || !strings.Contains(c.StatusReason, "3 of 3 hosts are not in availability zone east (host h1: in here; host h2: in west; host h3: in here)") {
		t.Errorf("%s: %s", c.Status, c.StatusReason)
	}
}

func TestContainersWithoutAZoneGoWhereTheOperatorSays(t *testing.T) {
	w, hosts := newFleet(t, []string{"h1", "h2"}, func(c *Config) { c.ScheduleZone = "west" })
	hosts["h2"].edit(func(n *fakeNode) { n.host = func(h *zun.Host) { h.AvailabilityZone = "west" } })
	w.eventually("h2 tells its zone", func() bool { return w.service("h2").AvailabilityZone == "west" })
	if c := w.run(zun.ContainerRequest{}); c.Host != "h2" {
		t.Errorf("on %q: %s", c.Host, c.StatusReason)
	}
	if c := w.run(zun.ContainerRequest{Placement: zun.Placement{AvailabilityZone: "nova"}}); c.Host != "h1" {
		t.Errorf("on %q: %s", c.Host, c.StatusReason)
	}
}

// asAdmin makes a container in the administrator's project.
func (w *world) asAdmin(request zun.ContainerRequest) (zun.ContainerDetail, error) {
	request.Image = "nginx"
	return w.CreateContainer(w.Context(), w.admin("container:create"), request)
}

func TestTheHostThatIsAskedFor(t *testing.T) {
	w, _ := newFleet(t, []string{"h1", "h2"})
	w.cloud.addNetwork("admin-project", "theirs", "10.3.0.0/24")
	for range 3 {
		c, err := w.asAdmin(zun.ContainerRequest{Placement: zun.Placement{Host: "h2"}})
		w.must(err)
		if c = w.settled(c.ID); c.Host != "h2" {
			t.Errorf("on %q: %s", c.Host, c.StatusReason)
		}
	}
	_, err := w.asAdmin(zun.ContainerRequest{Placement: zun.Placement{Host: "h3"}})
	w.wantCode(err, zun.CodeRequestedHostNotFound)
	if err.Error() != "Requested host h3 could not be found." {
		t.Error(err)
	}
	_, err = w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", Placement: zun.Placement{Host: "h2"}})
	w.wantCode(err, zun.CodePolicyNotAuthorized)

	w.change("h2", zun.ServiceChange{Disabled: new(true)})
	c, err := w.asAdmin(zun.ContainerRequest{Placement: zun.Placement{Host: "h2"}})
	w.must(err)
	if c = w.settled(c.ID); c.Status != zun.StatusError || !strings.Contains(c.StatusReason, "the host that was asked for is disabled") {
		t.Errorf("%s: %s", c.Status, c.StatusReason)
	}
}

func TestContainersStayTogetherAndApart(t *testing.T) {
	w, _ := newFleet(t, []string{"h1", "h2"})
	first := w.run(zun.ContainerRequest{Name: "first"})
	beside := w.run(zun.ContainerRequest{Placement: zun.Placement{SameHost: []string{"first", first.ID}}})
	apart := w.run(zun.ContainerRequest{Name: "apart", Placement: zun.Placement{DifferentHost: []string{"first"}}})
	if beside.Host != first.Host || apart.Host == first.Host || apart.Host == "" {
		t.Errorf("first on %s, beside on %q, apart on %q", first.Host, beside.Host, apart.Host)
	}
	nowhere := w.run(zun.ContainerRequest{Placement: zun.Placement{DifferentHost: []string{"first", "apart"}}})
	if nowhere.Status != zun.StatusError || !strings.Contains(nowhere.StatusReason, "container "+first.ID+" is there") {
		t.Errorf("%s: %s", nowhere.Status, nowhere.StatusReason)
	}
	g := w.grant(other, "container:create")
	w.cloud.addNetwork(other, "theirs", "10.3.0.0/24")
	for _, ref := range []string{"nobody", first.ID, "first"} { // of another project
		_, err := w.CreateContainer(t.Context(), g, zun.ContainerRequest{Image: "nginx", Placement: zun.Placement{SameHost: []string{ref}}})
		w.wantCode(err, zun.CodeInvalid)
		if !strings.Contains(err.Error(), "the hint same_host: Container "+ref+" could not be found.") {
			t.Error(err)
		}
	}
}

// A container waits for one that it must not share a host with, until that has its host.
func TestWhoeverIsNotPlacedYetIsWaitedFor(t *testing.T) {
	w, _ := newFleet(t, []string{"h1", "h2"})
	late := zun.Container{ID: w.NewID(), Name: "late", ProjectID: project, Status: zun.StatusCreating, TaskState: zun.TaskCreating}
	w.must(w.records.AddContainer(t.Context(), late))
	c, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", Placement: zun.Placement{DifferentHost: []string{"late"}}})
	w.must(err)
	w.eventually("it was tried", func() bool {
		w.queue.mu.Lock()
		defer w.queue.mu.Unlock()
		return w.queue.pauses[c.ID] != nil
	})
	if got, err := w.records.Container(t.Context(), c.ID); err != nil || got.Host != "" || got.Status != zun.StatusCreating {
		t.Fatalf("%q %s, %v", got.Host, got.Status, err)
	}
	late.Host, late.Status = "h1", zun.StatusRunning
	w.must(w.records.SaveContainer(t.Context(), late))
	if c := w.settled(c.ID); c.Host != "h2" {
		t.Errorf("on %q: %s", c.Host, c.StatusReason)
	}
}

func (w *world) limit(projectID string, limits zun.QuotaLimits) {
	w.Helper()
	_, err := w.SetQuota(w.Context(), w.admin("quota:update"), projectID, limits)
	w.must(err)
}

func TestQuotasComeFromTheProjectTheClassAndTheConfiguration(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.DefaultLimits = &zun.Quota{Containers: 1, MemoryMiB: 2, DiskGiB: 3, CPU: 4} })
	g := w.admin("quota:update")
	want := func(want zun.Quota, got zun.Quota, err error) {
		t.Helper()
		w.must(err)
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	of := func(id string) (zun.Quota, error) {
		detail, err := w.Quota(t.Context(), g, id)
		return detail.Quota, err
	}
	q, err := of("p")
	want(zun.Quota{Containers: 1, MemoryMiB: 2, DiskGiB: 3, CPU: 4}, q, err)
	q, err = w.SetQuotaClass(t.Context(), g, "default", zun.QuotaLimits{MemoryMiB: new(int64(20)), CPU: new(int64(40))})
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 3, CPU: 40}, q, err)
	q, err = w.SetQuota(t.Context(), g, "p", zun.QuotaLimits{CPU: new(int64(-1))})
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 3, CPU: -1}, q, err)
	q, err = w.SetQuota(t.Context(), g, "p", zun.QuotaLimits{DiskGiB: new(int64(0))})
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 0, CPU: -1}, q, err)
	q, err = of("p")
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 0, CPU: -1}, q, err)
	q, err = w.DefaultQuota(t.Context(), g)
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 3, CPU: 40}, q, err)
	q, err = w.QuotaClass(t.Context(), g, "gold")
	want(zun.Quota{Containers: 1, MemoryMiB: 2, DiskGiB: 3, CPU: 4}, q, err)
	for range 2 {
		w.must(w.DeleteQuota(t.Context(), g, "p"))
	}
	q, err = of("p")
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 3, CPU: 40}, q, err)
	_, err = w.SetQuota(t.Context(), g, "p", zun.QuotaLimits{CPU: new(int64(-2))})
	w.wantCode(err, zun.CodeInvalid)
	_, err = w.SetQuotaClass(t.Context(), g, "default", zun.QuotaLimits{Containers: new(int64(-9))})
	w.wantCode(err, zun.CodeInvalid)
}

// However many ask at once, a project never has more than it may, and all it may.
func TestQuotasHoldUnderConcurrentCreates(t *testing.T) {
	w, _ := newFleet(t, []string{"h1"})
	for _, test := range []struct {
		name   string
		limits zun.QuotaLimits
		fit    int
		over   string
	}{
		{"containers", zun.QuotaLimits{Containers: new(int64(7)), CPU: new(int64(-1))}, 7, "['containers']"},
		{"memory", zun.QuotaLimits{MemoryMiB: new(int64(1100))}, 11, "['memory']"},
		{"cpu", zun.QuotaLimits{CPU: new(int64(2)), MemoryMiB: new(int64(-1))}, 20, "['cpu']"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.TB = t
			w.must(w.DeleteQuota(t.Context(), w.admin("quota:delete"), project))
			w.limit(project, test.limits)
			var mu sync.Mutex
			var made []string
			var wg sync.WaitGroup
			for range 40 {
				wg.Go(func() {
					c, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", CPU: new(0.1), MemoryMiB: new(int64(100))})
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						made = append(made, c.ID)
					} else if zun.CodeOf(err) != zun.CodeOverQuota || err.Error() != "Quota exceeded for resources: "+test.over {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if len(made) != test.fit {
				t.Errorf("%d were made, %d fit", len(made), test.fit)
			}
			for _, id := range made {
				w.settled(id)
				w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), id, zun.DeleteOptions{}))
			}
			for _, id := range made {
				w.gone(id)
			}
			detail, err := w.Quota(t.Context(), w.grant(project, "quota:get"), project)
			w.must(err)
			if detail.Usage != (zun.QuotaUsage{}) {
				t.Errorf("after all are deleted: %+v", detail.Usage)
			}
		})
	}
}

func TestOverQuotaChangesNothing(t *testing.T) {
	w, _ := newFleet(t, []string{"h1"})
	w.limit(project, zun.QuotaLimits{CPU: new(int64(1)), MemoryMiB: new(int64(600)), Containers: new(int64(0))})
	_, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", CPU: new(1.1), MemoryMiB: new(int64(601))})
	w.wantCode(err, zun.CodeOverQuota)
	if err.Error() != "Quota exceeded for resources: ['containers', 'cpu', 'memory']" {
		t.Error(err)
	}
	if all, err := w.records.ListContainers(t.Context(), zun.ContainerFilter{}); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	w.cloud.addNetwork(other, "theirs", "10.3.0.0/24")
	_, err = w.CreateContainer(t.Context(), w.grant(other, "container:create"), zun.ContainerRequest{Image: "nginx"})
	w.must(err) // another project has its own
}

// What counts is what is held, also by containers that failed; giving back is always
// allowed, whatever the rest of the quota.
func TestClaims(t *testing.T) {
	w := newWorld(t)
	w.must(w.records.AddContainer(t.Context(), zun.Container{ID: w.NewID(), ProjectID: project, Status: zun.StatusError, CPU: 2, MemoryMiB: 512, DiskGiB: 5}))
	w.limit(project, zun.QuotaLimits{CPU: new(int64(3)), MemoryMiB: new(int64(100)), Containers: new(int64(1)), DiskGiB: new(int64(5))})
	for _, test := range []struct {
		more zun.QuotaUsage
		over string
	}{
		{zun.QuotaUsage{}, ""},
		{zun.QuotaUsage{CPU: 1}, ""},
		{zun.QuotaUsage{CPU: 1.001}, "['cpu']"},
		{zun.QuotaUsage{CPU: 1, MemoryMiB: -100}, ""},
		{zun.QuotaUsage{MemoryMiB: 1}, "['memory']"},
		{zun.QuotaUsage{DiskGiB: 1}, "['disk']"},
		{zun.QuotaUsage{Containers: 1, CPU: 1}, "['containers']"},
	} {
		err := w.Store.Change(t.Context(), func(ctx context.Context) error { return w.claim(ctx, project, test.more) })
		if (err == nil) != (test.over == "") || err != nil && err.Error() != "Quota exceeded for resources: "+test.over {
			t.Errorf("%+v: %v", test.more, err)
		}
	}
}

func TestChangesAreHeldAgainstTheQuota(t *testing.T) {
	w, hosts := newFleet(t, []string{"h1"})
	c := w.run(zun.ContainerRequest{CPU: new(1.0), MemoryMiB: new(int64(100)), Run: true})
	w.limit(project, zun.QuotaLimits{CPU: new(int64(2)), MemoryMiB: new(int64(200)), Containers: new(int64(1))})
	g := w.grant(project, "container:update")
	for _, test := range []struct {
		change zun.Change
		over   string
	}{
		{zun.Change{CPU: new(2.1)}, "['cpu']"},
		{zun.Change{CPU: new(2.1), MemoryMiB: new(int64(201))}, "['cpu', 'memory']"},
		{zun.Change{CPU: new(2.0), MemoryMiB: new(int64(200))}, ""},
		{zun.Change{CPU: new(0.5)}, ""},
		{zun.Change{Name: new("other")}, ""},
	} {
		before, err := w.records.Container(t.Context(), c.ID)
		w.must(err)
		after, err := w.UpdateContainer(t.Context(), g, c.ID, test.change)
		_, resizeErr := w.ResizeContainer(t.Context(), w.grant(project, "container:resize_container"), c.ID, test.change)
		w.settled(c.ID)
		if test.over == "" {
			w.must(errors.Join(err, resizeErr))
			if want := test.change.Apply(before); after.CPU != want.CPU || after.MemoryMiB != want.MemoryMiB {
				t.Errorf("%g cores, %d MiB, want %g, %d", after.CPU, after.MemoryMiB, want.CPU, want.MemoryMiB)
			}
			continue
		}
		for _, err := range []error{err, resizeErr} {
			if zun.CodeOf(err) != zun.CodeOverQuota || err.Error() != "Quota exceeded for resources: "+test.over {
				t.Errorf("%v, want %s", err, test.over)
			}
		}
		if now := w.settled(c.ID); now.CPU != before.CPU || now.MemoryMiB != before.MemoryMiB {
			t.Errorf("%g cores, %d MiB after a change that was refused", now.CPU, now.MemoryMiB)
		}
	}
	// Under a quota that was lowered, a container can still become smaller.
	w.limit(project, zun.QuotaLimits{CPU: new(int64(0)), MemoryMiB: new(int64(0))})
	_, err := w.UpdateContainer(t.Context(), g, c.ID, zun.Change{CPU: new(0.2), MemoryMiB: new(int64(50))})
	w.must(err)

	// What the host did not do is given back.
	w.limit(project, zun.QuotaLimits{CPU: new(int64(9)), MemoryMiB: new(int64(900))})
	hosts["h1"].edit(func(n *fakeNode) { n.down = zun.Errorf(zun.CodeUnavailable, "away") })
	_, err = w.UpdateContainer(t.Context(), g, c.ID, zun.Change{CPU: new(9.0)})
	w.wantCode(err, zun.CodeUnavailable)
	detail, err := w.Quota(t.Context(), g, project)
	w.must(err)
	if detail.Usage.CPU != 0.2 || detail.Usage.MemoryMiB != 50 {
		t.Errorf("%+v is counted", detail.Usage)
	}
}
