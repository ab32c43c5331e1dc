package libnetwork_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

func byID(t tenant) (ipam, options map[string]string) {
	ipam = map[string]string{"neutron.subnet.uuid": t.V4.ID, "neutron.pool.uuid": t.Pool.ID}
	options = map[string]string{"neutron.net.uuid": t.Net.ID, "neutron.subnet.uuid": t.V4.ID, "neutron.pool.uuid": t.Pool.ID}
	if t.V6.ID != "" {
		ipam["neutron.subnet.v6.uuid"], options["neutron.subnet.v6.uuid"] = t.V6.ID, t.V6.ID
	}
	return ipam, options
}

func TestExistingNetworkCountsAndLeavesNothing(t *testing.T) {
	c := mustCloud(t)
	binder, links := mustBinder(t)
	for _, test := range []struct {
		name, v6 string
	}{{"IPv4", ""}, {"dual stack", "fd00:5::/64"}} {
		t.Run(test.name, func(t *testing.T) {
			tn := c.tenant(t, map[string]string{"": "10.2.0.0/24"}[""], test.v6)
			before := c.state(t)
			p := mustPlugin(t, settings{Neutron: c.Service, Binder: binder})
			a := ask{Subnets: []string{"10.2.0.0/24"}}
			a.IPAM, a.Options = byID(tn)
			if test.v6 != "" {
				a.Subnets = append(a.Subnets, test.v6)
			}
			var n dockerNet
			atMost(t, "network create", 4, c.counted(func() { n = got(p.createNetwork(a))(t) }))
			var e dockerEndpoint
			atMost(t, "start", 1, c.counted(func() { e = got(p.connect(n, want{}))(t) }))
			port := c.port(t, e.ip(n, false))
			if port.MAC != e.MAC || port.Host != host || port.DeviceOwner != zun.DeviceOwner || port.ProjectID != tn.Net.ProjectID {
				t.Errorf("port is %+v", port)
			}
			if test.v6 != "" && !slices.ContainsFunc(port.FixedIPs, func(a zun.Address) bool { return a.IP == e.ip(n, true) }) {
				t.Errorf("port %v has not %s", port.FixedIPs, e.ip(n, true))
			}
			must(t, p.Settle(context.Background()))
			port = c.port(t, e.ip(n, false))
			if port.Name != e.ID+"-port" || port.DeviceID != e.ID || !slices.Contains(port.Tags, "compute:kuryr") ||
				!slices.Contains(port.Tags, "kuryr.net.uuid.lh:"+e.ID[:32]) || !slices.Contains(port.Tags, "kuryr.net.uuid.uh:"+e.ID[32:]) {
				t.Errorf("after settling the port is %+v", port)
			}
			if diff := cmp.Diff("10.2.0.1", e.Join["Gateway"]); diff != "" {
				t.Error(diff)
			}
			tap, found, err := links.Find("tap" + port.ID[:11])
			must(t, err)
			bridge, _, _ := links.Find("brq" + tn.Net.ID[:11])
			wired := tap.Master == bridge.Index || port.VIFType != "bridge" // else in a switch, whatever that is to the kernel
			if !found || !wired || tap.MTU != tn.Net.MTU || !tap.Up {
				t.Errorf("tap %+v, bridge %+v", tap, bridge)
			}
			far, _, _ := links.Find("t_c" + port.ID[:11])
			if far.MTU != tn.Net.MTU || far.MAC.String() != e.MAC {
				t.Errorf("container's end %+v", far)
			}
			atMost(t, "stop", 1, c.counted(func() { p.disconnect(n, e) }))
			if _, found, _ := links.Find("tap" + port.ID[:11]); found {
				t.Error("tap is left")
			}
			atMost(t, "network rm", 2, c.counted(func() { must(t, p.removeNetwork(n)) }))
			must(t, p.Settle(context.Background()))
			if diff := cmp.Diff(before, c.state(t)); diff != "" {
				t.Error(diff)
			}
			c.drop(t, tn)
		})
	}
}

func (c *cloud) drop(tb testing.TB, t tenant) {
	tb.Helper()
	ctx := context.Background()
	must(tb, c.Demo.DeleteNetwork(ctx, t.Net.ID))
	must(tb, c.Demo.DeletePool(ctx, t.Pool.ID))
}

func atMost(tb testing.TB, what string, limit int, calls []string) {
	tb.Helper()
	tb.Logf("%s: %d Neutron calls: %s", what, len(calls), strings.Join(calls, ", "))
	if len(calls) > limit {
		tb.Errorf("%s took %d Neutron calls, more than %d", what, len(calls), limit)
	}
}

func TestNewNetworkIsMadeAndRemoved(t *testing.T) {
	c := mustCloud(t)
	binder, _ := mustBinder(t)
	for name, a := range map[string]ask{
		"IPv4":                 {Subnets: []string{"10.3.0.0/24"}, Gateways: []string{"10.3.0.1"}},
		"gateway not said":     {Subnets: []string{"10.3.0.0/24"}},
		"dual stack":           {Subnets: []string{"10.4.0.0/24", "2001:db8:a0b:12f0::/64"}},
		"two IPv4":             {Subnets: []string{"10.5.0.0/24", "10.6.0.0/24"}},
		"with a smaller range": {Subnets: []string{"10.3.0.0/16"}, Range: "10.3.7.0/24"},
		"auxiliary":            {Subnets: []string{"10.3.0.0/24"}, Aux: map[string]string{"router": "10.3.0.77"}},
		"internal":             {Subnets: []string{"10.3.0.0/24"}, Internal: true},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.state(t)
			p := mustPlugin(t, settings{Neutron: c.Service, Binder: binder})
			n := got(p.createNetwork(a))(t)
			made := got(c.Service.FindNetworks(context.Background(), zun.NeutronQuery{Name: "kuryr-net-" + n.ID[:8]}))(t)
			if len(made) != 1 || len(made[0].SubnetIDs) != len(a.Subnets) || len(made[0].Tags) != map[bool]int{false: 2, true: 3}[a.Internal] {
				t.Fatalf("made %+v", made)
			}
			for _, s := range got(c.Service.FindSubnets(context.Background(), zun.NeutronQuery{NetworkID: made[0].ID}))(t) {
				if s.Name != "kuryr-subnet-"+s.CIDR.String() || len(s.Tags) != 3 {
					t.Errorf("subnet %+v", s)
				}
				if name == "two IPv4" {
					continue // Neutron wants one subnetpool for both, or none
				}
				if !slices.Contains(s.Tags, s.PoolID) {
					t.Errorf("subnet %+v", s)
				}
				pool := got(c.Service.FindPools(context.Background(), zun.NeutronQuery{ID: s.PoolID}))(t)
				if len(pool) != 1 || pool[0].Name != "kuryrPool-"+s.CIDR.String() {
					t.Errorf("pool %+v", pool)
				}
			}
			e := got(p.connect(n, want{}))(t)
			if a.Internal != (e.Join["Gateway"] == nil) {
				t.Errorf("joined with %v", e.Join)
			}
			for _, ip := range a.Aux {
				if port := c.port(t, netip.MustParseAddr(ip)); port.Name != "kuryr-reserved-address" {
					t.Errorf("auxiliary port %+v", port)
				}
			}
			p.disconnect(n, e)
			must(t, p.removeNetwork(n))
			must(t, p.Settle(context.Background()))
			if diff := cmp.Diff(before, c.state(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVerbsDeliveredTwice(t *testing.T) {
	c := mustCloud(t)
	binder, _ := mustBinder(t)
	tn := c.tenant(t, "10.2.0.0/24", "fd00:5::/64")
	before := c.state(t)
	for _, which := range []string{"new", "existing"} {
		t.Run(which, func(t *testing.T) {
			clock := &clock{}
			p := mustPlugin(t, settings{Neutron: c.Service, Binder: binder, Now: clock.now})
			p.twice = true
			a := ask{Subnets: []string{"10.2.0.0/24", "fd00:5::/64"}}
			if which == "existing" {
				a.IPAM, a.Options = byID(tn)
			}
			n := got(p.createNetwork(a))(t)
			e := got(p.connect(n, want{}))(t)
			at := c.free(t, tn.Net.ID, "10.2.0.0/24")
			given := got(p.connect(n, want{IPs: map[bool]string{false: at.String(), true: "fd00:5::f:50"}, MAC: "02:00:00:00:00:50"}))(t)
			if given.ip(n, false) != at || given.ip(n, true) != netip.MustParseAddr("fd00:5::f:50") {
				t.Errorf("got %v", given.Addresses)
			}
			p.disconnect(n, e)
			p.disconnect(n, given)
			must(t, p.removeNetwork(n))
			clock.pass()
			must(t, p.Settle(context.Background()))
			if diff := cmp.Diff(before, c.state(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
