package libnetwork_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/zun"
)

// TestSubnetsLeftToUs makes networks without --subnet and --gateway, which the Python plugin
// could not, and more than one of them.
func TestSubnetsLeftToUs(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	pool := func(name string, length int, prefix string) zun.NeutronPool {
		return got(c.Service.CreatePool(ctx, zun.NeutronPoolSpec{Name: name, Prefixes: []netip.Prefix{netip.MustParsePrefix(prefix)}, DefaultPrefixLen: length}))(t)
	}
	pool("kuryr", 26, "10.10.0.0/24")
	pool("kuryr6", 64, "fd00:a::/62")
	named := pool("named", 28, "10.11.0.0/24")
	before := c.state(t)
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
	var made []dockerNet
	for _, test := range []struct {
		ask  ask
		want []string
	}{
		{ask{Subnets: []string{""}}, []string{"10.10.0.0/26"}},
		{ask{Subnets: []string{""}}, []string{"10.10.0.64/26"}},
		{ask{Subnets: []string{"0.0.0.0/25"}}, []string{"10.10.0.128/25"}},
		{ask{Subnets: []string{"", "v6"}, IPAM: map[string]string{"neutron.pool.uuid": named.ID}, Options: map[string]string{"neutron.pool.uuid": named.ID}}, []string{"10.11.0.0/28", "fd00:a::/64"}},
		{ask{Subnets: []string{"v6"}}, []string{"fd00:a:0:1::/64"}},
		{ask{Subnets: []string{"::/64"}}, []string{"fd00:a:0:2::/64"}},
	} {
		n := got(p.createNetwork(test.ask))(t)
		ranges := []string{}
		for _, pool := range n.Pools {
			ranges = append(ranges, pool.Pool)
		}
		if diff := cmp.Diff(test.want, ranges); diff != "" {
			t.Error(diff)
		}
		e := got(p.connect(n, want{}))(t)
		for _, pool := range n.Pools {
			if cidr := netip.MustParsePrefix(pool.Pool); !cidr.Contains(e.ip(n, cidr.Addr().Is6())) {
				t.Errorf("addresses %v are not in %v", e.Addresses, ranges)
			}
		}
		p.disconnect(n, e)
		made = append(made, n)
	}
	if _, err := p.createNetwork(ask{Subnets: []string{""}}); err == nil || !strings.Contains(err.Error(), "no free /26") {
		t.Errorf("a network out of an empty pool: %v", err)
	}
	for _, n := range made {
		must(t, p.removeNetwork(n))
	}
	must(t, p.Settle(ctx))
	if diff := cmp.Diff(before, c.state(t)); diff != "" {
		t.Error(diff)
	}
}

// TestSwarmIDs: Swarm's ids have 25 characters and one tag.
func TestSwarmIDs(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	before := c.state(t)
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
	p.swarm = true
	n := got(p.createNetwork(ask{Subnets: []string{"10.3.0.0/24", "10.4.0.0/24", "10.5.0.0/24"}}))(t)
	if len(n.ID) != 25 {
		t.Fatalf("id %s", n.ID)
	}
	e := got(p.connect(dockerNet{ID: n.ID, Pools: n.Pools[2:]}, want{}))(t)
	must(t, p.Settle(ctx))
	if port := c.port(t, e.ip(dockerNet{Pools: n.Pools[2:]}, false)); port.Name != e.ID+"-port" {
		t.Errorf("port %+v", port)
	}
	p.disconnect(n, e)
	must(t, p.removeNetwork(n))
	must(t, p.Settle(ctx))
	if diff := cmp.Diff(before, c.state(t)); diff != "" {
		t.Error(diff)
	}
}

// TestWaitForActive: minicloud without its data plane wires nothing, so the wait ends in an
// error, with nothing left.
func TestWaitForActive(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	tn := c.tenant(t, "10.2.0.0/24", "")
	binder := &ledger{plugged: map[string]bool{}}
	wait := 50 * time.Millisecond
	if realServices() != nil {
		wait = 3 * time.Second // it takes long to say anything
	}
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: binder, Wait: wait})
	a := ask{Subnets: []string{"10.2.0.0/24"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	before := c.state(t)
	if _, err := p.connect(n, want{}); err == nil || !strings.Contains(err.Error(), "DOWN") || !strings.Contains(err.Error(), host) {
		t.Errorf("got %v", err)
	}
	must(t, p.Settle(ctx))
	if diff := cmp.Diff(before, c.state(t)); diff != "" || len(binder.plugged) > 0 {
		t.Error(diff, binder.plugged)
	}
	active := mustPlugin(t, settings{Neutron: wired{c.Service}, Binder: binder, Wait: time.Minute})
	n = got(active.createNetwork(a))(t)
	e := got(active.connect(n, want{}))(t)
	active.disconnect(n, e)
}

// wired is a Neutron whose ports are ACTIVE at the first look.
type wired struct{ kuryr.Neutron }

func (w wired) Port(c ctx, id string) (zun.Port, error) {
	p, err := w.Neutron.Port(c, id)
	p.Status = "ACTIVE"
	return p, err
}

// A plugin that was killed over a request gets it again: that is not Docker's loop, which
// one and the same plugin sees within moments.
func TestSubnetOfARequestThatDockerRepeats(t *testing.T) {
	s := mustStage(t, "")
	db, clock := mustDB(t, "kuryr.db"), &clock{}
	body := object{"AddressSpace": "x", "Pool": "", "Options": map[string]string{"neutron.subnet.uuid": s.V4.ID}, "V6": false}
	first := mustPlugin(t, settings{DB: db, Neutron: s.Service, Binder: &ledger{plugged: map[string]bool{}}, Now: clock.now})
	got(first.try("IpamDriver.RequestPool", body))(t)
	if _, err := first.try("IpamDriver.RequestPool", body); err == nil || !strings.Contains(err.Error(), "overlaps") {
		t.Errorf("asked in a loop: %v", err)
	}
	clock.ahead.Add(1)
	second := mustPlugin(t, settings{DB: db, Neutron: s.Service, Binder: &ledger{plugged: map[string]bool{}}, Now: clock.now})
	got(second.try("IpamDriver.RequestPool", body))(t)
	if _, err := second.try("IpamDriver.RequestPool", body); err == nil {
		t.Error("asked in a loop: granted")
	}
	clock.ahead.Add(int64(time.Minute))
	got(second.try("IpamDriver.RequestPool", body))(t)
}
