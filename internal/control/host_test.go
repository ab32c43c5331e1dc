package control

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
