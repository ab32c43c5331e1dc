package libnetwork_test

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// sparesOn are the ports of a Neutron network that nobody has asked for.
func (c *cloud) sparesOn(tb testing.TB, netID string) []zun.Port {
	tb.Helper()
	all := got(c.Service.FindPorts(context.Background(), zun.NeutronQuery{NetworkID: netID, Name: "kuryr-unbound-port"}))(tb)
	slices.SortFunc(all, func(a, b zun.Port) int { return a.FixedIPs[0].IP.Compare(b.FixedIPs[0].IP) })
	return all
}

// What an endpoint's user asks for is had with a spare port too.
func TestSparePortServesWhatIsAskedFor(t *testing.T) {
	c := mustCloud(t)
	binder, links := mustBinder(t)
	tn := c.tenant(t, "10.2.0.0/24", "fd00:5::/64")
	before := c.state(t)
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: binder, Spare: 2})
	a := ask{Subnets: []string{"10.2.0.0/24", "fd00:5::/64"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	for name, test := range map[string]struct {
		want  want
		calls int // to Neutron
	}{
		"anything":          {want{}, 1},
		"an IPv4 address":   {want{IPs: map[bool]string{false: c.free(t, tn.Net.ID, "10.2.0.0/24").String()}}, 2},
		"an IPv6 address":   {want{IPs: map[bool]string{true: "fd00:5::f:50"}}, 2},
		"both":              {want{IPs: map[bool]string{false: c.free(t, tn.Net.ID, "10.2.0.0/24").String(), true: "fd00:5::f:51"}}, 2},
		"a MAC":             {want{MAC: "02:00:00:00:00:77"}, 3},
		"a name":            {want{Options: object{"neutron.port.name": "front"}}, 3},
		"a spare's address": {want{IPs: map[bool]string{false: ""}}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, p.Settle(context.Background()))
			spares := c.sparesOn(t, tn.Net.ID)
			if len(spares) != 2 {
				t.Fatalf("%d spare ports, not 2: %v", len(spares), spares)
			}
			if ip, said := test.want.IPs[false]; said && ip == "" {
				test.want.IPs[false] = spares[1].FixedIPs[0].IP.String()
			}
			var e dockerEndpoint
			atMost(t, "start", test.calls, c.counted(func() { e = got(p.connect(n, test.want))(t) }))
			port := c.port(t, e.ip(n, false))
			if other := c.port(t, e.ip(n, true)); other.ID != port.ID || len(port.FixedIPs) != 2 {
				t.Errorf("ports %s and %s with %v", port.ID, other.ID, port.FixedIPs)
			}
			far, found, _ := links.Find("t_c" + port.ID[:11])
			if !found || far.MAC.String() != port.MAC || e.MAC != port.MAC {
				t.Errorf("Docker has MAC %s, the link %s, the port %s", e.MAC, far.MAC, port.MAC)
			}
			for v6, ip := range test.want.IPs {
				if e.ip(n, v6).String() != ip {
					t.Errorf("has %s, not %s", e.ip(n, v6), ip)
				}
			}
			p.disconnect(n, e)
		})
	}
	must(t, p.removeNetwork(n))
	must(t, p.Settle(context.Background()))
	if diff := cmp.Diff(before, c.state(t)); diff != "" {
		t.Error(diff)
	}
}

// stocked is a plugin with spare ports ready on one IPv4 network.
func stocked(t *testing.T, c *cloud, binder kuryr.Binder, cidr string, spare int) (*plugin, *kv.DB, dockerNet, tenant) {
	t.Helper()
	tn := c.tenant(t, cidr, "")
	db := mustDB(t, "kuryr.db")
	p := mustPlugin(t, settings{DB: db, Neutron: c.Service, Binder: binder, Spare: spare})
	a := ask{Subnets: []string{cidr}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	must(t, p.Settle(context.Background()))
	return p, db, n, tn
}

// Containers that start at once get each its own port, spare or not.
func TestSparePortsAreGivenOnce(t *testing.T) {
	c := mustCloud(t)
	p, _, n, tn := stocked(t, c, &ledger{plugged: map[string]bool{}}, "10.2.0.0/24", 5)
	const containers = 10
	var mu sync.Mutex
	var ips []netip.Addr
	var group errgroup.Group
	for range containers {
		group.Go(func() error {
			e, err := p.connect(n, want{})
			mu.Lock()
			defer mu.Unlock()
			ips = append(ips, e.ip(n, false))
			return err
		})
	}
	must(t, group.Wait())
	slices.SortFunc(ips, netip.Addr.Compare)
	if len(slices.Compact(ips)) != containers {
		t.Errorf("addresses %v", ips)
	}
	must(t, p.Settle(context.Background()))
	if now := c.sparesOn(t, tn.Net.ID); len(now) != 5 {
		t.Errorf("%d spare ports afterwards", len(now))
	}
}

// Somebody may have deleted a spare port, or taken it for something else.
func TestSparePortThatSomebodyMeddledWith(t *testing.T) {
	ctx := context.Background()
	nova, elsewhere := "a-vm", "otherhost"
	for name, test := range map[string]struct {
		meddle func(c *cloud, p zun.Port) error
		stays  bool
	}{
		"deleted":         {func(c *cloud, p zun.Port) error { return c.Service.DeletePort(ctx, p.ID) }, false},
		"taken for a VM":  {func(c *cloud, p zun.Port) error { return update(c, p, zun.PortChange{DeviceID: &nova}) }, true},
		"bound elsewhere": {func(c *cloud, p zun.Port) error { return update(c, p, zun.PortChange{Host: &elsewhere}) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := mustCloud(t)
			p, _, n, tn := stocked(t, c, &ledger{plugged: map[string]bool{}}, "10.2.0.0/24", 1)
			spare := c.sparesOn(t, tn.Net.ID)[0]
			must(t, test.meddle(c, spare))
			e := got(p.connect(n, want{}))(t)
			if got(p.EndpointInfo(ctx, e.ID))(t)["neutron.port.uuid"] == spare.ID {
				t.Error("a container has the port")
			}
			must(t, p.Settle(ctx))
			_, err := c.Service.Port(ctx, spare.ID)
			if stays := err == nil; stays != test.stays {
				t.Errorf("the port is there: %t, %v", stays, err)
			}
		})
	}
}

func update(c *cloud, p zun.Port, change zun.PortChange) error {
	_, err := c.Service.UpdatePort(context.Background(), p.ID, change)
	return err
}

// Spare ports are no container's: where there is not enough for both they give way.
func TestSparePortsGiveWay(t *testing.T) {
	ctx := context.Background()
	c := mustCloud(t)
	clock := &clock{}
	net := got(c.Demo.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "small"}))(t)
	small := got(c.Demo.CreateSubnet(ctx, zun.NeutronSubnetSpec{Name: "small", NetworkID: net.ID, CIDR: netip.MustParsePrefix("10.2.1.0/29")}))(t)
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}, Spare: 4, Now: clock.now})
	n := got(p.createNetwork(ask{Subnets: []string{small.CIDR.String()}, IPAM: map[string]string{"neutron.subnet.uuid": small.ID}}))(t)
	must(t, p.Settle(ctx))
	if now := c.sparesOn(t, net.ID); len(now) != 4 {
		t.Fatalf("%d spare ports", len(now))
	}
	// 10.2.1.2 to .6 can be had: one is left, and dockerd, not started anew yet, tells MACs.
	for i := range 5 {
		if _, err := p.RequestAddress(ctx, kuryr.AddressRequest{PoolID: n.Pools[0].ID, MAC: randomMAC()}); err != nil {
			t.Fatalf("container %d: %v", i, err)
		}
	}
	must(t, p.Settle(ctx))
	if now := c.sparesOn(t, net.ID); len(now) != 5 { // the containers', not named yet
		t.Errorf("%d ports without a name", len(now))
	}
	if _, err := p.RequestAddress(ctx, kuryr.AddressRequest{PoolID: n.Pools[0].ID}); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("one more: %v", err)
	}
}

// A plugin that is told to keep fewer spare ports, or none, gives the others up, and their
// network can go whatever happens to be spare.
func TestSparePortsOfBefore(t *testing.T) {
	ctx := context.Background()
	c := mustCloud(t)
	binder := &ledger{plugged: map[string]bool{}}
	_, db, n, tn := stocked(t, c, binder, "10.2.0.0/24", 3)
	for _, count := range []int{3, 1, 2, 0, 4} {
		p := mustPlugin(t, settings{DB: db, Neutron: c.Service, Binder: binder, Spare: count})
		must(t, p.Settle(ctx))
		if now := c.sparesOn(t, tn.Net.ID); len(now) != count {
			t.Errorf("%d spare ports, not %d", len(now), count)
		}
	}
	p := mustPlugin(t, settings{DB: db, Neutron: c.Service, Binder: binder})
	must(t, p.removeNetwork(n))
	if left := c.sparesOn(t, tn.Net.ID); len(left) != 0 {
		t.Errorf("spare ports are left: %v", left)
	}
}

// A crash may lose that Docker was granted a spare port's address.
func TestSparePortWhoseGrantIsLost(t *testing.T) {
	c := mustCloud(t)
	p, _, n, tn := stocked(t, c, &ledger{plugged: map[string]bool{}}, "10.2.0.0/24", 1)
	spare := c.sparesOn(t, tn.Net.ID)[0]
	address := spare.FixedIPs[0].IP.String()
	e := dockerEndpoint{ID: p.id(), Addresses: map[string]string{n.Pools[0].ID: address + "/24"}, Created: true}
	answer := got(p.try("NetworkDriver.CreateEndpoint", object{"NetworkID": n.ID, "EndpointID": e.ID, "Interface": object{"Address": address + "/24"}}))(t)
	if mac := answer["Interface"].(object)["MacAddress"]; mac != spare.MAC {
		t.Errorf("MAC %v, not the port's %s", mac, spare.MAC)
	}
	p.disconnect(n, e)
	if _, err := c.Service.Port(context.Background(), spare.ID); !zun.IsNotFound(err) {
		t.Errorf("the port is there still: %v", err)
	}
}

// Without spare ports Docker chooses MACs, as with the Python plugin.
func TestWhoChoosesMACs(t *testing.T) {
	for spare, wanted := range map[int]bool{0: true, 1: false} {
		p := mustPlugin(t, settings{Spare: spare})
		if answer := got(p.try("IpamDriver.GetCapabilities", nil))(t); answer["RequiresMACAddress"] != wanted {
			t.Errorf("with %d spare ports Docker is answered %v", spare, answer)
		}
	}
}
