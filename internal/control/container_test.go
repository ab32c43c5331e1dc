package control

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gozun/gozun/zun"
)

func TestRunStopStartDelete(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	foo := w.ownNetwork("testnet")
	calls := len(w.cloud.callsSince(0))
	ctx := zun.WithRequestID(t.Context(), "req-1")
	c, err := w.CreateContainer(ctx, w.grant(project, "container:create"), zun.ContainerRequest{
		Image: "nginx", Name: "web", Run: true, OwnNetworks: true, Nets: []zun.NetRequest{{Network: "testnet"}},
	})
	w.must(err)
	if c.Status != zun.StatusCreating || c.TaskState != zun.TaskCreating || len(c.Nets) != 1 || c.MemoryMiB != 512 || c.CPU != 1 {
		t.Errorf("created %+v", c)
	}
	c = w.settled(c.ID)
	if c.Status != zun.StatusRunning || c.TaskState != "" || c.Host != "h1" || c.Nets[0].Network.ID != foo.ID || c.Nets[0].Attachment.PortID == "" {
		t.Errorf("ran %+v", c)
	}
	if got := w.cloud.callsSince(calls); len(got) != 0 {
		t.Errorf("a known network needed Neutron: %v", got)
	}
	action, events, err := w.Action(t.Context(), w.grant(project, "container:actions"), "web", "req-1")
	w.must(err)
	if action.Kind != zun.ActionCreate || action.Owed() || len(events) != 2 || events[0].Stage != zun.StageSchedule || events[0].Detail != "host h1" {
		t.Errorf("action %+v, events %+v", action, events)
	}
	for _, step := range []struct {
		do   func() error
		want zun.Status
	}{
		{func() error { return w.StopContainer(t.Context(), w.grant(project, "container:stop"), "web", nil) }, zun.StatusStopped},
		{func() error { return w.StartContainer(t.Context(), w.grant(project, "container:start"), "web") }, zun.StatusRunning},
		{func() error { return w.RebootContainer(t.Context(), w.grant(project, "container:reboot"), c.ID, nil) }, zun.StatusRunning},
		{func() error { return w.KillContainer(t.Context(), w.grant(project, "container:kill"), c.ID, "None") }, zun.StatusStopped},
	} {
		w.must(step.do())
		if got := w.settled(c.ID); got.Status != step.want || got.TaskState != "" {
			t.Errorf("status %s, task %q, want %s", got.Status, got.TaskState, step.want)
		}
	}
	w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), "web", zun.DeleteOptions{}))
	w.gone(c.ID)
	want := []zun.ActionKind{"create", "stop", "start", "reboot", "kill", "delete"}
	if diff := cmp.Diff(want, w.node.kinds(c.ID)); diff != "" {
		t.Error(diff)
	}
	n, err := w.GetNetwork(t.Context(), w.grant(project, "network:get_one"), "testnet")
	w.must(err)
	if len(n.Holders) != 0 || n.Status != zun.NetworkActive {
		t.Errorf("network after delete: %+v", n)
	}
}

func TestStatusesAreShownAtOnce(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true})
	hold := make(chan struct{})
	w.node.edit(func(n *fakeNode) { n.hold = hold })
	w.must(w.RebootContainer(t.Context(), w.grant(project, "container:reboot"), c.ID, nil))
	got, err := w.GetContainer(t.Context(), w.grant(project, "container:get_one"), c.ID, false)
	w.must(err)
	if got.Status != zun.StatusRestarting || got.TaskState != zun.TaskRebooting {
		t.Errorf("%s %s", got.Status, got.TaskState)
	}
	w.wantCode(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), c.ID, zun.DeleteOptions{}), zun.CodeInvalidState)
	w.must(w.DeleteContainer(t.Context(), w.admin("container:delete"), c.ID, zun.DeleteOptions{Force: true}))
	got, err = w.GetContainer(t.Context(), w.grant(project, "container:get_one"), c.ID, false)
	w.must(err)
	if got.Status != zun.StatusDeleting {
		t.Errorf("%s", got.Status)
	}
	close(hold)
	w.gone(c.ID)
	if diff := cmp.Diff([]zun.ActionKind{"create", "reboot", "delete"}, w.node.kinds(c.ID)); diff != "" {
		t.Error(diff)
	}
}

func TestStatesThatForbid(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true})
	err := w.StartContainer(t.Context(), w.grant(project, "container:start"), c.ID)
	w.wantCode(err, zun.CodeInvalidState)
	if want := "Cannot start container " + c.ID + " in Running state"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	err = w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), c.ID, zun.DeleteOptions{})
	w.wantCode(err, zun.CodeInvalidState)
	if !strings.Contains(err.Error(), "--stop") {
		t.Errorf("%q has no hint", err)
	}
	w.wantCode(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), c.ID, zun.DeleteOptions{Force: true}), zun.CodePolicyNotAuthorized)
	w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), c.ID, zun.DeleteOptions{Stop: true}))
	w.gone(c.ID)
	w.node.mu.Lock()
	defer w.node.mu.Unlock()
	if last := w.node.orders[len(w.node.orders)-1]; !last.Input.Stop {
		t.Errorf("the node was not told to stop first: %+v", last.Input)
	}
}

// A container whose process ends again and again is in nobody's way: its owner can stop it
// and delete it, though Zun lets him do neither.
func TestACrashLoopCanBeStopped(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	for _, name := range []string{"stopped", "deleted"} {
		c := w.run(zun.ContainerRequest{Name: name, Run: true, RestartPolicy: zun.RestartPolicy{Name: "always"}})
		w.must(w.Observed(t.Context(), zun.Observation{ContainerID: c.ID, Status: zun.StatusRestarting}))
	}
	w.must(w.StopContainer(t.Context(), w.grant(project, "container:stop"), "stopped", nil))
	err := w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), "deleted", zun.DeleteOptions{})
	w.wantCode(err, zun.CodeInvalidState)
	if !strings.Contains(err.Error(), "--stop") {
		t.Errorf("%q has no hint", err)
	}
	w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), "deleted", zun.DeleteOptions{Stop: true}))
	w.eventually("the node was told to stop it first", func() bool {
		w.node.mu.Lock()
		defer w.node.mu.Unlock()
		return slices.ContainsFunc(w.node.orders, func(o zun.Order) bool { return o.Action.Kind == zun.ActionDelete && o.Input.Stop })
	})
}

func TestBadRequestsChangeNothing(t *testing.T) {
	w := newWorld(t)
	n := w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	w.cloud.addNetwork(other, "secret", "10.3.0.0/24")
	w.cloud.addNetwork(project, "bare")
	w.cloud.addNetwork(project, "twin", "10.4.0.0/24")
	w.cloud.addNetwork(project, "twin", "10.5.0.0/24")
	w.cloud.addNetwork(project, "wide", "10.0.0.0/8")
	used := w.cloud.addPort(project, n, "10.2.0.50")
	w.cloud.edit(func(c *cloud) {
		c.ports[0].DeviceID = "vm"
		c.networks = append(c.networks, zun.NeutronNetwork{ID: uuid.NewString(), Name: "public", ProjectID: "admin-project", External: true})
		c.groups = []zun.SecurityGroup{{ID: uuid.NewString(), Name: "web", ProjectID: project}, {ID: uuid.NewString(), Name: "two", ProjectID: project}, {ID: uuid.NewString(), Name: "two", ProjectID: project}, {ID: uuid.NewString(), Name: "theirs", ProjectID: other}}
	})
	foreign := w.cloud.addPort(other, n, "10.2.0.51")
	failed := w.cloud.addPort(project, n, "10.2.0.52")
	active := w.cloud.addPort(project, n, "10.2.0.53")
	w.cloud.edit(func(c *cloud) { c.ports[2].VIFType = "binding_failed"; c.ports[3].Status = "ACTIVE" })
	w.ownNetwork("testnet")
	ip := netip.MustParseAddr
	huge, small, nan := int64(1<<40), int64(1), 0.0
	for name, c := range map[string]struct {
		request zun.ContainerRequest
		code    zun.Code
		says    string
	}{
		"name":               {zun.ContainerRequest{Name: "-x"}, zun.CodeInvalid, "begins with a letter"},
		"no image":           {zun.ContainerRequest{Image: "x"}, zun.CodeInvalid, "image"},
		"too much memory":    {zun.ContainerRequest{MemoryMiB: &huge}, zun.CodeInvalid, "8192"},
		"too little memory":  {zun.ContainerRequest{MemoryMiB: &small}, zun.CodeInvalid, "4"},
		"no cpu":             {zun.ContainerRequest{CPU: &nan}, zun.CodeInvalid, "cpu"},
		"nul":                {zun.ContainerRequest{Environment: map[string]string{"A": "b\x00c"}}, zun.CodeInvalid, "NUL"},
		"restart":            {zun.ContainerRequest{RestartPolicy: zun.RestartPolicy{Name: "sometimes"}}, zun.CodeInvalid, "sometimes"},
		"group unknown":      {zun.ContainerRequest{SecurityGroups: []string{"no"}}, zun.CodeInvalid, "Security group no not found."},
		"group foreign":      {zun.ContainerRequest{SecurityGroups: []string{"theirs"}}, zun.CodeInvalid, "Security group theirs not found."},
		"group ambiguous":    {zun.ContainerRequest{SecurityGroups: []string{"two"}}, zun.CodeConflict, "UUID"},
		"net unknown":        {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "nope"}}}, zun.CodeNetworkNotFound, "Network nope could not be found."},
		"net foreign":        {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "secret"}}}, zun.CodeNetworkNotFound, "Network secret could not be found."},
		"net ambiguous":      {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "twin"}}}, zun.CodeConflict, "UUID"},
		"net without subnet": {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "bare"}}}, zun.CodeConflict, "no subnet"},
		"net external":       {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "public"}}}, zun.CodeExternalNetwork, "external"},
		"net twice":          {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "testnet"}, {Network: "testnet"}}}, zun.CodeInvalid, "twice"},
		"nets overlap":       {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "testnet"}, {Network: "wide"}}}, zun.CodeInvalid, "10.2.0.0/24 and 10.0.0.0/8 overlap"},
		"net by two names":   {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "testnet"}, {Network: n.ID}}}, zun.CodeInvalid, "overlap"},
		"workdir":            {zun.ContainerRequest{Workdir: "srv"}, zun.CodeInvalid, "\"srv\""},
		"net and port":       {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "testnet", Port: used.ID}}}, zun.CodeInvalid, "choose one"},
		"port unknown":       {zun.ContainerRequest{Nets: []zun.NetRequest{{Port: "nope"}}}, zun.CodePortNotFound, "nope"},
		"port used":          {zun.ContainerRequest{Nets: []zun.NetRequest{{Port: used.ID}}}, zun.CodePortInUse, used.ID},
		"port foreign":       {zun.ContainerRequest{Nets: []zun.NetRequest{{Port: foreign.ID}}}, zun.CodePortNotUsable, foreign.ID},
		"port broken":        {zun.ContainerRequest{Nets: []zun.NetRequest{{Port: failed.ID}}}, zun.CodePortBindingFailed, failed.ID},
		"port active":        {zun.ContainerRequest{Nets: []zun.NetRequest{{Port: active.ID}}}, zun.CodePortNotUsable, "ACTIVE"},
		"address outside":    {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "testnet", IPv4: ip("10.9.0.9")}}}, zun.CodeInvalid, "none of its subnets (testnet-sub 10.2.0.0/24)"},
		"address gateway":    {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "testnet", IPv4: ip("10.2.0.1")}}}, zun.CodeInvalid, "gateway"},
		"address broadcast":  {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "testnet", IPv4: ip("10.2.0.255")}}}, zun.CodeInvalid, "broadcast"},
		"address used":       {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "testnet", IPv4: ip("10.2.0.50")}}}, zun.CodeConflict, used.ID},
		"address v6":         {zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "testnet", IPv4: ip("fd00::1")}}}, zun.CodeInvalid, "IPv4"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.request.Image == "" {
				c.request.Image = "nginx"
			}
			c.request.OwnNetworks = true
			_, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), c.request)
			if zun.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v (%s), want %s saying %q", err, zun.CodeOf(err), c.code, c.says)
			}
		})
	}
	list, err := w.records.ListContainers(t.Context(), zun.ContainerFilter{})
	w.must(err)
	if len(list) != 0 {
		t.Errorf("%d containers were recorded", len(list))
	}
}

func TestNetsOfAllKinds(t *testing.T) {
	w := newWorld(t)
	n := w.cloud.addNetwork(project, "testnet", "10.2.0.0/24", "fd00::/64")
	m := w.cloud.addNetwork(project, "second", "10.6.0.0/24")
	foo := w.ownNetwork("testnet")
	port := w.cloud.addPort(project, m, "10.6.0.5")
	w.cloud.edit(func(c *cloud) {
		c.groups = []zun.SecurityGroup{{ID: uuid.NewString(), Name: "web", ProjectID: project}}
	})
	c := w.run(zun.ContainerRequest{SecurityGroups: []string{"web", w.cloud.groups[0].ID}, Nets: []zun.NetRequest{
		{Network: "testnet", IPv4: netip.MustParseAddr("10.2.0.9"), IPv6: netip.MustParseAddr("fd00::9")}, {Port: "port-10.6.0.5"},
	}})
	if len(c.SecurityGroups) != 1 || c.SecurityGroups[0] != w.cloud.groups[0].ID {
		t.Errorf("groups %v", c.SecurityGroups)
	}
	if len(c.Nets) != 2 || c.Nets[0].Network.ID != foo.ID || c.Nets[1].Network.NeutronNetID != m.ID || !c.Nets[1].Network.Implicit || c.Nets[1].Attachment.RequestedPort != port.ID {
		t.Fatalf("nets %+v", c.Nets)
	}
	// The port and the addresses are taken now.
	for code, net := range map[zun.Code]zun.NetRequest{
		zun.CodePortInUse: {Port: port.ID},
		zun.CodeConflict:  {Network: "testnet", IPv4: netip.MustParseAddr("10.2.0.9")},
	} {
		_, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", OwnNetworks: true, Nets: []zun.NetRequest{net}})
		w.wantCode(err, code)
		if code == zun.CodeConflict && !strings.Contains(err.Error(), c.Name+" ("+c.ID+")") {
			t.Errorf("%v does not name who has the address", err)
		}
	}
	// Without OwnNetworks a name is Neutron's; a port on it finds no network of ours either.
	d, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", Nets: []zun.NetRequest{{Network: "testnet"}}})
	w.must(err)
	if !d.Nets[0].Network.Implicit || d.Nets[0].Network.NeutronNetID != n.ID || len(d.Nets[0].Network.Subnets) != 2 {
		t.Errorf("%+v", d.Nets[0].Network)
	}
	w.settled(d.ID)
	// A port on a network of ours uses it.
	p2 := w.cloud.addPort(project, n, "10.2.0.60")
	w.cloud.addAddress(p2.ID, n.SubnetIDs[1], "fd00::60")
	e := w.run(zun.ContainerRequest{Nets: []zun.NetRequest{{Port: p2.ID}}})
	if e.Nets[0].Network.ID != foo.ID {
		t.Errorf("%+v", e.Nets[0].Network)
	}
}

// Docker asks for an IPv6 address of whoever comes to a network that has IPv6 (libnetwork's
// assignAddressVersion), also of a port that has none: it gets a network without.
func TestPortsWithoutIPv6(t *testing.T) {
	w := newWorld(t)
	n := w.cloud.addNetwork(project, "dual", "10.2.0.0/24", "fd00::/64")
	whole := w.run(zun.ContainerRequest{Nets: []zun.NetRequest{{Network: n.ID}}})
	w.ownNetwork("dual")
	first, second, both := w.cloud.addPort(project, n, "10.2.0.60"), w.cloud.addPort(project, n, "10.2.0.61"), w.cloud.addPort(project, n, "10.2.0.62")
	w.cloud.addAddress(both.ID, n.SubnetIDs[1], "fd00::62")
	a := w.run(zun.ContainerRequest{OwnNetworks: true, Nets: []zun.NetRequest{{Port: first.ID}}})
	b := w.run(zun.ContainerRequest{Nets: []zun.NetRequest{{Port: second.ID}}})
	c := w.run(zun.ContainerRequest{Nets: []zun.NetRequest{{Port: both.ID}}})
	four := a.Nets[0].Network
	if !four.Implicit || !four.OnlyIPv4 || four.NeutronNetID != n.ID || len(four.Subnets) != 1 || !four.Subnets[0].CIDR.Addr().Is4() {
		t.Errorf("a port without IPv6 is on %+v", four)
	}
	if b.Nets[0].Network.ID != four.ID || b.Nets[0].Network.ID == whole.Nets[0].Network.ID {
		t.Errorf("another is on %s, not on %s", b.Nets[0].Network.ID, four.ID)
	}
	if c.Nets[0].Network.OnlyIPv4 || len(c.Nets[0].Network.Subnets) != 2 {
		t.Errorf("a port with IPv6 is on %+v", c.Nets[0].Network)
	}
	// It is the Neutron network's all the same: to be detached by its name, in the way of
	// its handle's removal, and gone with its last container.
	w.wantCode(w.DeleteNeutronHandle(t.Context(), w.admin("network:delete"), n.ID), zun.CodeNetworkInUse)
	w.must(w.DetachNetwork(t.Context(), w.grant(project, "container:network_detach"), a.ID, zun.NetRequest{Network: n.ID}, false))
	for _, id := range []string{whole.ID, a.ID, b.ID, c.ID} {
		w.settled(id)
		w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), id, zun.DeleteOptions{}))
		w.gone(id)
	}
	w.eventually("the network without IPv6 is gone", func() bool {
		_, err := w.records.ImplicitNetwork(t.Context(), n.ID, true)
		return zun.IsNotFound(err)
	})
	w.wantCode(w.DeleteNeutronHandle(t.Context(), w.admin("network:delete"), n.ID), zun.CodeNetworkNotFound)
}

func TestDefaultNetworks(t *testing.T) {
	w := newWorld(t)
	_, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx"})
	w.wantCode(err, zun.CodeConflict)
	if !strings.HasPrefix(err.Error(), "There is no neutron network available") {
		t.Error(err)
	}
	shared := w.cloud.addNetwork(other, "shared", "10.1.0.0/24")
	w.cloud.edit(func(c *cloud) { c.networks[0].Shared = true })
	if c := w.run(zun.ContainerRequest{}); c.Nets[0].Network.NeutronNetID != shared.ID {
		t.Error("not the shared network")
	}
	oldest := w.cloud.addNetwork(project, "oldest", "10.2.0.0/24")
	w.cloud.addNetwork(project, "newer", "10.3.0.0/24")
	if c := w.run(zun.ContainerRequest{}); c.Nets[0].Network.NeutronNetID != oldest.ID {
		t.Error("not the oldest network")
	}
	w.DefaultNetwork = "newer"
	foo := w.ownNetwork("newer")
	if c := w.run(zun.ContainerRequest{}); c.Nets[0].Network.ID != foo.ID {
		t.Error("not the configured network")
	}
	w.DefaultNetwork = "nothing"
	_, err = w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx"})
	w.wantCode(err, zun.CodeConflict)
}

func TestImplicitNetworksGoWithTheirLastContainer(t *testing.T) {
	w := newWorld(t)
	n := w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	a := w.run(zun.ContainerRequest{Nets: []zun.NetRequest{{Network: "testnet"}}})
	calls := len(w.cloud.callsSince(0))
	b := w.run(zun.ContainerRequest{Nets: []zun.NetRequest{{Network: n.ID}}})
	if got := w.cloud.callsSince(calls); len(got) != 1 {
		t.Errorf("a known Neutron network needed %v", got)
	}
	if a.Nets[0].Network.ID != b.Nets[0].Network.ID {
		t.Error("two rows for one Neutron network")
	}
	if list, err := w.ListNetworks(t.Context(), w.grant(project, "network:get_all"), zun.NetworkFilter{}); err != nil || len(list) != 0 {
		t.Errorf("implicit networks are listed: %v %v", list, err)
	}
	for _, id := range []string{a.ID, b.ID} {
		w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), id, zun.DeleteOptions{}))
		w.gone(id)
	}
	w.eventually("the implicit network is gone", func() bool {
		_, err := w.records.ImplicitNetwork(t.Context(), n.ID, false)
		return zun.IsNotFound(err) && len(w.node.networkIDs()) == 0
	})
}

func TestOtherProjectsAreNotThere(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	foo := w.ownNetwork("testnet")
	c := w.run(zun.ContainerRequest{Name: "web"})
	ctx := t.Context()
	for name, err := range map[string]error{
		"get":    second(w.GetContainer(ctx, w.grant(other, "container:get_one"), c.ID, false)),
		"stop":   w.StopContainer(ctx, w.grant(other, "container:stop"), c.ID, nil),
		"delete": w.DeleteContainer(ctx, w.grant(other, "container:delete"), "web", zun.DeleteOptions{}),
		"logs":   second(w.Logs(ctx, w.grant(other, "container:logs"), c.ID, zun.LogsOptions{})),
		"nets":   second(w.NetworksOf(ctx, w.grant(other, "container:get_one"), c.ID)),
	} {
		if zun.CodeOf(err) != zun.CodeContainerNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.wantCode(second(w.GetContainer(ctx, w.grant(other, "container:get_one"), c.ID, true)), zun.CodePolicyNotAuthorized)
	w.wantCode(second(w.GetNetwork(ctx, w.grant(other, "network:get_one"), foo.ID)), zun.CodeNetworkNotFound)
	w.wantCode(w.DeleteNetwork(ctx, w.grant(other, "network:delete_own"), foo.ID), zun.CodeNetworkNotFound)
	w.wantCode(second(w.ListContainers(ctx, w.grant(other, "container:get_all"), zun.ContainerFilter{AllProjects: true})), zun.CodePolicyNotAuthorized)
	w.wantCode(second(w.ListContainers(ctx, w.grant(other, "container:get_all"), zun.ContainerFilter{Host: "h1"})), zun.CodePolicyNotAuthorized)
	if list, err := w.ListContainers(ctx, w.grant(other, "container:get_all"), zun.ContainerFilter{ProjectID: project}); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
	if list, err := w.ListContainers(ctx, w.admin("container:get_all"), zun.ContainerFilter{AllProjects: true}); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
	if got, err := w.GetContainer(ctx, w.admin("container:get_one"), "web", false); err != nil || got.ID != c.ID {
		t.Errorf("an administrator does not find it: %v", err)
	}
	d := w.run(zun.ContainerRequest{Name: "web"})
	w.wantCode(second(w.GetContainer(ctx, w.grant(project, "container:get_one"), "web", false)), zun.CodeConflict)
	if got, err := w.GetContainer(ctx, w.grant(project, "container:get_one"), strings.ToUpper(d.ID), false); err != nil || got.ID != d.ID {
		t.Errorf("%v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestLogsAndExecute(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true})
	text, err := w.Logs(t.Context(), w.grant(project, "container:logs"), c.ID, zun.LogsOptions{})
	w.must(err)
	if text != "out\ufffd\n" {
		t.Errorf("%q", text)
	}
	result, err := w.Execute(t.Context(), w.grant(project, "container:execute"), c.ID, []string{"ls", "-l"})
	w.must(err)
	if string(result.Output) != "[ls -l]" || result.ExitCode != 3 {
		t.Errorf("%+v", result)
	}
	w.wantCode(second(w.Execute(t.Context(), w.grant(project, "container:execute"), c.ID, nil)), zun.CodeInvalid)
	w.must(w.StopContainer(t.Context(), w.grant(project, "container:stop"), c.ID, nil))
	w.settled(c.ID)
	w.wantCode(second(w.Execute(t.Context(), w.grant(project, "container:execute"), c.ID, []string{"ls"})), zun.CodeInvalidState)
	w.wantCode(second(w.Logs(t.Context(), w.grant(project, "container:logs"), "nope", zun.LogsOptions{})), zun.CodeContainerNotFound)
	_, _, err = w.Action(t.Context(), w.grant(project, "container:actions"), c.ID, "req-nope")
	w.wantCode(err, zun.CodeResourceNotFound)
}

func TestAttachAndDetach(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "first", "10.2.0.0/24")
	second := w.cloud.addNetwork(project, "second", "10.3.0.0/24")
	foo := w.ownNetwork("second")
	c := w.run(zun.ContainerRequest{Run: true, Nets: []zun.NetRequest{{Network: "first"}}})
	g := w.grant(project, "container:network_attach")
	ctx := t.Context()
	w.must(w.AttachNetwork(ctx, g, c.ID, zun.NetRequest{Network: "second", IPv4: netip.MustParseAddr("10.3.0.8")}, true))
	got := w.settled(c.ID)
	if len(got.Nets) != 2 || got.Nets[1].Network.ID != foo.ID || got.Nets[1].Attachment.PortID == "" || got.Nets[1].Attachment.Position != 1 || got.TaskState != "" || got.Status != zun.StatusRunning {
		t.Fatalf("%+v", got)
	}
	w.wantCode(w.AttachNetwork(ctx, g, c.ID, zun.NetRequest{Network: "second"}, true), zun.CodeInvalid)
	w.wantCode(w.AttachNetwork(ctx, g, c.ID, zun.NetRequest{}, true), zun.CodeInvalid) // the default is the first
	w.wantCode(w.AttachNetwork(ctx, g, c.ID, zun.NetRequest{Network: "nope"}, true), zun.CodeNetworkNotFound)
	w.wantCode(w.DetachNetwork(ctx, g, c.ID, zun.NetRequest{}, true), zun.CodeInvalid)
	w.wantCode(w.DetachNetwork(ctx, g, c.ID, zun.NetRequest{Network: "nope"}, true), zun.CodeNetworkNotFound)
	third := w.cloud.addNetwork(project, "third", "10.4.0.0/24")
	w.cloud.addNetwork(project, "copy", "10.2.0.0/24")
	w.wantCode(w.AttachNetwork(ctx, g, c.ID, zun.NetRequest{Network: "copy"}, true), zun.CodeInvalid)
	w.wantCode(w.DetachNetwork(ctx, g, c.ID, zun.NetRequest{Network: "third"}, true), zun.CodeInvalid)
	for _, request := range []zun.NetRequest{{Network: "second"}, {Network: second.ID}, {Port: "later"}} {
		if request.Port != "" {
			request.Port = w.settled(c.ID).Nets[1].Attachment.PortID
		}
		w.must(w.DetachNetwork(ctx, g, c.ID, request, true))
		if got := w.settled(c.ID); len(got.Nets) != 1 {
			t.Fatalf("%+v", got.Nets)
		}
		w.must(w.AttachNetwork(ctx, g, c.ID, zun.NetRequest{Network: "second"}, true))
		w.settled(c.ID)
	}
	// A failed attach leaves no trace, not even of the network it was for.
	w.node.edit(func(n *fakeNode) {
		n.script = func(_ zun.Order, o *zun.Outcome) { o.Failed, o.Message = true, "cannot plug" }
	})
	w.must(w.AttachNetwork(ctx, g, c.ID, zun.NetRequest{Network: "third"}, true))
	got = w.settled(c.ID)
	if len(got.Nets) != 2 || got.Status != zun.StatusRunning {
		t.Errorf("%+v", got)
	}
	actions, err := w.Actions(ctx, w.grant(project, "container:actions"), c.ID)
	w.must(err)
	if actions[0].Message != "cannot plug" {
		t.Errorf("%+v", actions[0])
	}
	w.eventually("the third network's row is gone", func() bool {
		_, err := w.records.ImplicitNetwork(ctx, third.ID, false)
		return zun.IsNotFound(err)
	})
}

func TestAnAttachOrderedDuringCreateComesAfterIt(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "first", "10.2.0.0/24")
	w.cloud.addNetwork(project, "second", "10.3.0.0/24")
	hold := make(chan struct{})
	w.node.edit(func(n *fakeNode) { n.hold = hold })
	c, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", Nets: []zun.NetRequest{{Network: "first"}}})
	w.must(err)
	w.must(w.AttachNetwork(t.Context(), w.grant(project, "container:network_attach"), c.ID, zun.NetRequest{Network: "second"}, true))
	close(hold)
	got := w.settled(c.ID)
	if len(got.Nets) != 2 || got.Nets[1].Attachment.PortID == "" {
		t.Errorf("%+v", got.Nets)
	}
	w.node.mu.Lock()
	defer w.node.mu.Unlock()
	if n := len(w.node.orders[0].Attachments); n != 1 && w.node.orders[0].Action.Kind == zun.ActionCreate && len(w.node.orders) == 2 {
		t.Errorf("the creation was told of %d networks", n)
	}
	if len(w.node.orders) != 2 || len(w.node.orders[1].Attachments) != 2 || w.node.orders[1].Attachments[0].PortID == "" {
		t.Errorf("orders %+v", w.node.orders)
	}
}

func TestFailures(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	fail := func(message string) {
		w.node.edit(func(n *fakeNode) {
			n.script = func(_ zun.Order, o *zun.Outcome) { o.Failed, o.Message = message != "", message }
			if message == "" {
				n.script = nil
			}
		})
	}
	fail("no such image nginx")
	c := w.run(zun.ContainerRequest{Run: true})
	if c.Status != zun.StatusError || c.StatusReason != "no such image nginx" || c.TaskState != "" {
		t.Errorf("%+v", c)
	}
	// What Docker has to say about a container it never had does not hide the reason.
	w.must(w.Observed(t.Context(), zun.Observation{ContainerID: c.ID, Status: zun.StatusDead, StatusReason: "gone"}))
	if got, _ := w.records.Container(t.Context(), c.ID); got.StatusReason != "no such image nginx" {
		t.Errorf("%+v", got)
	}
	fail("")
	w.must(w.StartContainer(t.Context(), w.grant(project, "container:start"), c.ID))
	if got := w.settled(c.ID); got.Status != zun.StatusRunning || got.StatusReason != "" {
		t.Errorf("%s %q", got.Status, got.StatusReason)
	}
	fail("cannot stop")
	w.must(w.StopContainer(t.Context(), w.grant(project, "container:stop"), c.ID, nil))
	if got := w.settled(c.ID); got.Status != zun.StatusRunning {
		t.Errorf("%s", got.Status)
	}
	fail("cannot remove")
	w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), c.ID, zun.DeleteOptions{Stop: true}))
	if got := w.settled(c.ID); got.Status != zun.StatusError || got.StatusReason != "cannot remove" {
		t.Errorf("%s %q", got.Status, got.StatusReason)
	}
	fail("")
	w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), c.ID, zun.DeleteOptions{}))
	w.gone(c.ID)
}

func TestNoHost(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	w.run(zun.ContainerRequest{})
	w.node.edit(func(n *fakeNode) { n.down = zun.Errorf(zun.CodeUnavailable, "docker does not answer") })
	c := w.run(zun.ContainerRequest{})
	if c.Status != zun.StatusError || !strings.Contains(c.StatusReason, "1 of 1 hosts is down (host h1: last seen") || !strings.Contains(c.StatusReason, "docker does not answer") || c.Host != "" {
		t.Errorf("%s %q on %q", c.Status, c.StatusReason, c.Host)
	}
	err := w.StartContainer(t.Context(), w.grant(project, "container:start"), c.ID)
	w.wantCode(err, zun.CodeInvalidState)
	w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), c.ID, zun.DeleteOptions{}))
	w.wantCode(second(w.records.Container(t.Context(), c.ID)), zun.CodeContainerNotFound)
}

func TestWorkWaitsForItsHost(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{})
	w.node.edit(func(n *fakeNode) { n.down = zun.Errorf(zun.CodeUnavailable, "docker does not answer") })
	w.must(w.StartContainer(t.Context(), w.grant(project, "container:start"), c.ID))
	w.eventually("the action says what it waits for", func() bool {
		actions, err := w.records.Actions(t.Context(), c.ID, "")
		w.must(err)
		return actions[0].Owed() && actions[0].Attempt > 2 && strings.Contains(actions[0].Message, "waiting for host h1: docker does not answer")
	})
	w.node.edit(func(n *fakeNode) { n.down = nil })
	if got := w.settled(c.ID); got.Status != zun.StatusRunning {
		t.Errorf("%s", got.Status)
	}
	actions, err := w.records.Actions(t.Context(), c.ID, "")
	w.must(err)
	if actions[0].Message != "" {
		t.Errorf("message %q stays", actions[0].Message)
	}
}

func TestObservations(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true})
	w.must(w.Observed(t.Context(), zun.Observation{ContainerID: c.ID, Status: zun.StatusStopped, StatusDetail: "Exited(0) 1 seconds ago "}))
	if got, _ := w.records.Container(t.Context(), c.ID); got.Status != zun.StatusStopped || got.StatusDetail == "" {
		t.Errorf("%+v", got)
	}
	w.must(w.Observed(t.Context(), zun.Observation{ContainerID: "nobody", Status: zun.StatusStopped}))
	w.node.edit(func(n *fakeNode) { n.containers[c.ID] = zun.StatusPaused })
	got, err := w.GetContainer(t.Context(), w.grant(project, "container:get_one"), c.ID, false)
	w.must(err)
	if got.Status != zun.StatusPaused {
		t.Errorf("a GET does not look: %s", got.Status)
	}
	w.node.edit(func(n *fakeNode) {
		n.observe = func(zun.Container) (zun.Observation, error) { return zun.Observation{}, errors.New("away") }
	})
	got, err = w.GetContainer(t.Context(), w.grant(project, "container:get_one"), c.ID, false)
	w.must(err)
	if got.Status != zun.StatusPaused {
		t.Errorf("%s", got.Status)
	}
	orders, err := w.Containers(t.Context(), "h1")
	w.must(err)
	if len(orders) != 1 || orders[0].Container.ID != c.ID || len(orders[0].Attachments) != 1 || len(orders[0].Networks) != 1 {
		t.Errorf("%+v", orders)
	}
}

// The look at the end of an action serves readers, and then they share one.
func TestReadersShareALook(t *testing.T) {
	var later atomic.Int64
	w := newWorld(t, func(c *Config) {
		c.ObserveEvery = time.Hour
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true})
	for _, want := range []int{0, 1} {
		for range 5 {
			w.must(second(w.GetContainer(t.Context(), w.grant(project, "container:get_one"), c.ID, false)))
		}
		w.node.edit(func(n *fakeNode) {
			if n.observed != want {
				t.Errorf("%d looks, want %d", n.observed, want)
			}
		})
		later.Store(int64(2 * time.Hour))
	}
}

func TestAutoRemove(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true, AutoRemove: true})
	w.must(w.Observed(t.Context(), zun.Observation{ContainerID: c.ID, Status: zun.StatusStopped}))
	w.gone(c.ID)
	d := w.run(zun.ContainerRequest{Run: true, AutoRemove: true})
	w.must(w.StopContainer(t.Context(), w.grant(project, "container:stop"), d.ID, nil))
	w.gone(d.ID)
	e := w.run(zun.ContainerRequest{AutoRemove: true}) // never ran
	if e.Status != zun.StatusCreated {
		t.Errorf("%s", e.Status)
	}
}

func TestNeutronDown(t *testing.T) {
	w := newWorld(t)
	w.cloud.edit(func(c *cloud) { c.fail = func(string) error { return errors.New("connection refused") } })
	_, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx"})
	w.wantCode(err, zun.CodeUnavailable)
	if !strings.Contains(err.Error(), "Neutron does not answer") {
		t.Error(err)
	}
	_, err = w.CreateNetwork(t.Context(), w.grant(project, "network:create_own"), zun.NetworkRequest{Name: "foo", CIDR: netip.MustParsePrefix("10.2.0.0/24")})
	w.wantCode(err, zun.CodeUnavailable)
	if list, err := w.records.ListNetworks(t.Context(), "", zun.NetworkFilter{}); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}

func TestTwentyAtOnce(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.DefaultLimits = &zun.Quota{Containers: -1, MemoryMiB: -1, DiskGiB: -1, CPU: -1} })
	n := w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	var mu sync.Mutex
	var ids []string
	codes := map[zun.Code]int{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			c, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", Name: "same", Run: true, Nets: []zun.NetRequest{{Network: n.ID}}})
			_, netErr := w.CreateNetwork(t.Context(), w.grant(project, "network:create_own"), zun.NetworkRequest{Name: "foo", NeutronNet: "testnet"})
			_, ipErr := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", Name: "one", Nets: []zun.NetRequest{{Network: n.ID, IPv4: netip.MustParseAddr("10.2.0.200")}}})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			ids = append(ids, c.ID)
			codes[zun.CodeOf(netErr)]++
			codes["ip "+zun.CodeOf(ipErr)]++
		})
	}
	wg.Wait()
	for _, id := range ids {
		if c := w.settled(id); c.Status != zun.StatusRunning {
			t.Errorf("%s: %s %s", id, c.Status, c.StatusReason)
		}
	}
	want := map[zun.Code]int{"": 1, zun.CodeNetworkExists: 19, "ip ": 1, "ip conflict": 19}
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Error(diff)
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(ids)))); n != 20 {
		t.Errorf("%d containers", n)
	}
}

func TestASlowHostDoesNotBlockAGet(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.ObserveTimeout = 10 * time.Millisecond
		c.Nodes = Local{Name: "h1", Agent: slowNode{c.Nodes.(Local).Agent}}
	})
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c := w.run(zun.ContainerRequest{Run: true})
	w.must(second(w.GetContainer(t.Context(), w.grant(project, "container:get_one"), c.ID, false)))
}

type slowNode struct{ zun.Node }

func (slowNode) Observe(ctx context.Context, _ zun.Container) (zun.Observation, error) {
	<-ctx.Done()
	return zun.Observation{}, ctx.Err()
}
