package control

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

func TestNetworkOfWhatTheUserHas(t *testing.T) {
	w := newWorld(t)
	n := w.cloud.addNetwork(project, "testnet", "10.2.0.0/24", "fd00::/64")
	before := len(w.cloud.callsSince(0))
	got, err := w.CreateNetwork(t.Context(), w.grant(project, "network:create_own"), zun.NetworkRequest{
		Name: "foo", NeutronNet: "testnet", NeutronPool: w.cloud.pools[0].ID, NeutronSubnets: []string{n.SubnetIDs[0]},
	})
	w.must(err)
	if got.NeutronNetID != n.ID || got.NeutronPoolID != w.cloud.pools[0].ID || len(got.Subnets) != 1 || got.Subnets[0].CIDR.String() != "10.2.0.0/24" ||
		got.MTU != 1450 || got.Status != zun.NetworkActive || got.Made.NetworkID != "" {
		t.Errorf("%+v", got)
	}
	if calls := w.cloud.callsSince(before); len(calls) > 4 {
		t.Errorf("%d calls of Neutron: %v", len(calls), calls)
	}
	if diff := cmp.Diff([]string{got.ID}, w.node.networkIDs()); diff != "" {
		t.Error(diff)
	}
	count := w.cloud.count()
	w.must(w.DeleteNetwork(t.Context(), w.grant(project, "network:delete_own"), "foo"))
	if w.cloud.count() != count || len(w.node.networkIDs()) != 0 {
		t.Errorf("what the user made is gone, or the Docker network is not: %v %v", w.cloud.count(), w.node.networkIDs())
	}
	w.wantCode(second(w.GetNetwork(t.Context(), w.grant(project, "network:get_one"), "foo")), zun.CodeNetworkNotFound)
	all, err := w.CreateNetwork(t.Context(), w.grant(project, "network:create_own"), zun.NetworkRequest{Name: "all", NeutronNet: n.ID})
	w.must(err)
	if len(all.Subnets) != 2 || all.NeutronPoolID != "" {
		t.Errorf("%+v", all.Network)
	}
}

func TestNetworkThatIsMade(t *testing.T) {
	w := newWorld(t)
	got, err := w.CreateNetwork(t.Context(), w.grant(project, "network:create_own"), zun.NetworkRequest{Name: "foo", CIDR: netip.MustParsePrefix("10.2.0.0/24")})
	w.must(err)
	if got.Made.NetworkID == "" || got.Made.PoolID == "" || len(got.Made.SubnetIDs) != 1 || got.NeutronNetID != got.Made.NetworkID ||
		got.NeutronPoolID != got.Made.PoolID || got.Subnets[0].Gateway.String() != "10.2.0.1" || got.Status != zun.NetworkActive {
		t.Errorf("%+v", got)
	}
	if w.cloud.networks[0].ProjectID != project {
		t.Error("it is not the user's")
	}
	c := w.run(zun.ContainerRequest{Name: "web", Nets: []zun.NetRequest{{Network: "foo"}}})
	err = w.DeleteNetwork(t.Context(), w.grant(project, "network:delete_own"), "foo")
	w.wantCode(err, zun.CodeNetworkInUse)
	if !strings.Contains(err.Error(), "web ("+c.ID+")") {
		t.Errorf("%v does not name the holder", err)
	}
	w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), "web", zun.DeleteOptions{}))
	w.gone(c.ID)
	// A port of the user's keeps it, says so, and a second try after it is gone ends well.
	w.cloud.addPort(project, zun.NeutronNetwork{ID: got.NeutronNetID, SubnetIDs: got.Made.SubnetIDs}, "10.2.0.99")
	err = w.DeleteNetwork(t.Context(), w.grant(project, "network:delete_own"), "foo")
	w.wantCode(err, zun.CodeConflict)
	kept, err := w.GetNetwork(t.Context(), w.grant(project, "network:get_one"), "foo")
	w.must(err)
	if kept.Status != zun.NetworkError || !strings.Contains(kept.StatusReason, "ports have addresses") {
		t.Errorf("%s %q", kept.Status, kept.StatusReason)
	}
	_, err = w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", OwnNetworks: true, Nets: []zun.NetRequest{{Network: "foo"}}})
	w.wantCode(err, zun.CodeConflict)
	w.cloud.edit(func(c *cloud) { c.ports = nil })
	w.must(w.DeleteNetwork(t.Context(), w.grant(project, "network:delete_own"), got.ID))
	if w.cloud.count() != [3]int{} {
		t.Errorf("left in Neutron: %v", w.cloud.count())
	}
}

func TestBadNetworks(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	w.cloud.addNetwork(project, "second", "10.3.0.0/24")
	w.cloud.addNetwork(project, "bare")
	w.cloud.addNetwork(project, "taken", "10.4.0.0/24")
	w.cloud.addNetwork(other, "secret", "10.5.0.0/24")
	w.ownNetwork("taken")
	cidr := netip.MustParsePrefix
	for name, c := range map[string]struct {
		request zun.NetworkRequest
		code    zun.Code
		says    string
	}{
		"name":              {zun.NetworkRequest{Name: "x", NeutronNet: "testnet"}, zun.CodeInvalid, "2 to 255"},
		"name taken":        {zun.NetworkRequest{Name: "taken", NeutronNet: "testnet"}, zun.CodeNetworkExists, "another name"},
		"name taken, cidr":  {zun.NetworkRequest{Name: "taken", CIDR: cidr("10.9.0.0/24")}, zun.CodeNetworkExists, "another name"},
		"nothing":           {zun.NetworkRequest{Name: "foo"}, zun.CodeInvalid, "CIDR"},
		"both":              {zun.NetworkRequest{Name: "foo", NeutronNet: "testnet", CIDR: cidr("10.9.0.0/24")}, zun.CodeInvalid, "excludes"},
		"unknown":           {zun.NetworkRequest{Name: "foo", NeutronNet: "nope"}, zun.CodeNetworkNotFound, "nope"},
		"another's":         {zun.NetworkRequest{Name: "foo", NeutronNet: "secret"}, zun.CodeNetworkNotFound, "secret"},
		"without subnets":   {zun.NetworkRequest{Name: "foo", NeutronNet: "bare"}, zun.CodeConflict, "subnet-create"},
		"subnet elsewhere":  {zun.NetworkRequest{Name: "foo", NeutronNet: "testnet", NeutronSubnets: []string{"second-sub"}}, zun.CodeInvalid, "not on testnet"},
		"subnet unknown":    {zun.NetworkRequest{Name: "foo", NeutronNet: "testnet", NeutronSubnets: []string{"nope"}}, zun.CodeNotFound, "nope"},
		"pool unknown":      {zun.NetworkRequest{Name: "foo", NeutronNet: "testnet", NeutronPool: "nope"}, zun.CodeNotFound, "nope"},
		"pool elsewhere":    {zun.NetworkRequest{Name: "foo", NeutronNet: "testnet", NeutronPool: "second-pool"}, zun.CodeInvalid, "no subnet of the network"},
		"pool not of named": {zun.NetworkRequest{Name: "foo", NeutronNet: "testnet", NeutronPool: "second-pool", NeutronSubnets: []string{"testnet-sub"}}, zun.CodeInvalid, "not made from that pool"},
		"pool another's":    {zun.NetworkRequest{Name: "foo", NeutronNet: "testnet", NeutronPool: "secret-pool"}, zun.CodeNotFound, "secret-pool"},
		"host bits":         {zun.NetworkRequest{Name: "foo", CIDR: cidr("10.9.0.7/24")}, zun.CodeInvalid, "10.9.0.0/24"},
		"too small":         {zun.NetworkRequest{Name: "foo", CIDR: cidr("10.9.0.0/31")}, zun.CodeInvalid, "bits"},
		"loopback":          {zun.NetworkRequest{Name: "foo", CIDR: cidr("127.0.0.0/16")}, zun.CodeInvalid, "range"},
		"multicast":         {zun.NetworkRequest{Name: "foo", CIDR: cidr("224.0.0.0/24")}, zun.CodeInvalid, "range"},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.cloud.count()
			_, err := w.CreateNetwork(t.Context(), w.grant(project, "network:create_own"), c.request)
			if zun.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v (%s), want %s saying %q", err, zun.CodeOf(err), c.code, c.says)
			}
			if w.cloud.count() != before {
				t.Error("something was made")
			}
		})
	}
	list, err := w.records.ListNetworks(t.Context(), "", zun.NetworkFilter{})
	w.must(err)
	if len(list) != 1 {
		t.Errorf("%d networks", len(list))
	}
}

func TestAFailedCreationUndoesAll(t *testing.T) {
	for _, call := range []string{"POST pool", "POST network", "POST subnet", "docker"} {
		for _, lost := range []bool{false, true} {
			w := newWorld(t)
			w.cloud.edit(func(c *cloud) {
				f := func(name string) error {
					if name == call {
						return zun.Errorf(zun.CodeConflict, "no")
					}
					return nil
				}
				if lost {
					c.lose = f
				} else {
					c.fail = f
				}
			})
			if call == "docker" {
				w.node.edit(func(n *fakeNode) { n.netErr = zun.Errorf(zun.CodeInvalid, "no") })
			}
			_, err := w.CreateNetwork(t.Context(), w.grant(project, "network:create_own"), zun.NetworkRequest{Name: "foo", CIDR: netip.MustParsePrefix("10.2.0.0/24")})
			if err == nil || !strings.HasSuffix(err.Error(), "no") {
				t.Errorf("%s: error %v", call, err)
			}
			w.node.edit(func(n *fakeNode) { n.netErr = nil })
			if call == "docker" { // the host refused the removal too: the user sees it, and tries again
				w.must(w.DeleteNetwork(t.Context(), w.grant(project, "network:delete_own"), "foo"))
			}
			list, err := w.records.ListNetworks(t.Context(), "", zun.NetworkFilter{})
			w.must(err)
			if len(list) != 0 || w.cloud.count() != [3]int{} || len(w.node.networkIDs()) != 0 {
				t.Errorf("%s (lost %v): left %v, %v, %v", call, lost, list, w.cloud.count(), w.node.networkIDs())
			}
		}
	}
}

func TestNetworkWithoutAHost(t *testing.T) {
	w := newWorld(t)
	w.node.edit(func(n *fakeNode) { n.down = errors.New("docker does not answer") })
	w.eventually("the host is seen to be down", func() bool { _, wrong := w.hosts.get(); return wrong["h1"] != "" })
	_, err := w.CreateNetwork(t.Context(), w.grant(project, "network:create_own"), zun.NetworkRequest{Name: "foo", CIDR: netip.MustParsePrefix("10.2.0.0/24")})
	w.wantCode(err, zun.CodeUnavailable)
	if !strings.Contains(err.Error(), "docker does not answer") || w.cloud.count() != [3]int{} {
		t.Errorf("%v, left %v", err, w.cloud.count())
	}
	if list, err := w.records.ListNetworks(t.Context(), "", zun.NetworkFilter{}); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}

// What a host says is passed on; only what says nothing is taken for its silence.
func TestARefusalOfTheHostIsNotItsSilence(t *testing.T) {
	w := newWorld(t)
	request := zun.NetworkRequest{Name: "foo", CIDR: netip.MustParsePrefix("10.2.0.0/24")}
	for said, code := range map[error]zun.Code{
		zun.Errorf(zun.CodeInvalid, "cannot make it: no IPv4"):  zun.CodeInvalid,
		zun.Errorf(zun.CodeInternal, "cannot make it: refused"): zun.CodeInternal,
		errors.New("connection reset"):                          zun.CodeUnavailable,
		fmt.Errorf("cannot ask: %w", context.DeadlineExceeded):  zun.CodeUnavailable,
	} {
		w.node.edit(func(n *fakeNode) { n.ensureErr = said })
		_, err := w.CreateNetwork(t.Context(), w.grant(project, "network:create_own"), request)
		w.wantCode(err, code)
		w.node.edit(func(n *fakeNode) { n.ensureErr = nil })
		w.eventually("nothing is left", func() bool {
			left, err := w.records.UnfinishedNetworks(t.Context())
			w.must(err)
			return len(left) == 0 && w.cloud.count() == [3]int{}
		})
	}
}

func TestADeletionGoesOnWhenTheHostReturns(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	foo := w.ownNetwork("testnet")
	w.node.edit(func(n *fakeNode) { n.netErr = zun.Errorf(zun.CodeUnavailable, "docker does not answer") })
	err := w.DeleteNetwork(t.Context(), w.grant(project, "network:delete_own"), "testnet")
	w.wantCode(err, zun.CodeUnavailable)
	got, err := w.GetNetwork(t.Context(), w.grant(project, "network:get_one"), "testnet")
	w.must(err)
	if got.Status != zun.NetworkDeleting || !strings.Contains(got.StatusReason, "docker does not answer") {
		t.Errorf("%s %q", got.Status, got.StatusReason)
	}
	w.node.edit(func(n *fakeNode) { n.netErr = nil })
	w.eventually("it goes on by itself", func() bool {
		_, err := w.records.Network(t.Context(), foo.ID)
		return zun.IsNotFound(err)
	})
}

func TestNeutronHandles(t *testing.T) {
	w := newWorld(t)
	n := w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	got, err := w.CreateNeutronHandle(t.Context(), w.admin("network:create"), "handle", n.ID)
	w.must(err)
	if got.Name != "handle" || got.NeutronNetID != n.ID || !got.Implicit {
		t.Errorf("%+v", got)
	}
	c := w.run(zun.ContainerRequest{Nets: []zun.NetRequest{{Network: n.ID}}})
	if c.Nets[0].Network.ID != got.ID {
		t.Error("two rows for one Neutron network")
	}
	err = w.DeleteNeutronHandle(t.Context(), w.admin("network:delete"), n.ID)
	w.wantCode(err, zun.CodeNetworkInUse)
	w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), c.ID, zun.DeleteOptions{}))
	w.gone(c.ID)
	w.must(w.sweep(t.Context(), got.ID))
	w.must(second(w.records.Network(t.Context(), got.ID))) // kept: someone asked for it
	w.must(w.DeleteNeutronHandle(t.Context(), w.admin("network:delete"), n.ID))
	w.wantCode(w.DeleteNeutronHandle(t.Context(), w.admin("network:delete"), n.ID), zun.CodeNetworkNotFound)
	w.wantCode(second(w.CreateNeutronHandle(t.Context(), w.admin("network:create"), "x", "nope")), zun.CodeNetworkNotFound)
	w.wantCode(second(w.CreateNeutronHandle(t.Context(), w.admin("network:create"), "x", "")), zun.CodeInvalid)
}

func TestLists(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	w.ownNetwork("testnet")
	list, err := w.ListNetworks(t.Context(), w.grant(project, "network:get_all"), zun.NetworkFilter{Name: "testnet"})
	w.must(err)
	if len(list) != 1 {
		t.Errorf("%d", len(list))
	}
	if list, err := w.ListNetworks(t.Context(), w.grant(other, "network:get_all"), zun.NetworkFilter{}); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
	w.wantCode(second(w.ListNetworks(t.Context(), w.grant(other, "network:get_all"), zun.NetworkFilter{AllProjects: true})), zun.CodePolicyNotAuthorized)
	if list, err := w.ListNetworks(t.Context(), w.admin("network:get_all"), zun.NetworkFilter{AllProjects: true}); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
}

func TestACallerWhoHangsUpLeavesAWholeNetwork(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.cloud.edit(func(c *cloud) {
		c.fail = func(call string) error {
			if call == "POST subnet" {
				cancel()
			}
			return nil
		}
	})
	got, err := w.CreateNetwork(ctx, w.grant(project, "network:create_own"), zun.NetworkRequest{Name: "foo", CIDR: netip.MustParsePrefix("10.2.0.0/24")})
	w.must(err)
	if got.Status != zun.NetworkActive {
		t.Errorf("%s", got.Status)
	}
}
