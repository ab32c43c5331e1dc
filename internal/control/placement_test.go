package control

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

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
