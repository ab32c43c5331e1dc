package libnetwork_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/zun"
)

func TestNetworksThatCannotBe(t *testing.T) {
	c := mustCloud(t)
	binder := &ledger{plugged: map[string]bool{}}
	tn, ctx := c.tenant(t, "10.2.0.0/24", "fd00:5::/64"), context.Background()
	other := c.tenant(t, "10.9.0.0/24", "")
	lone := c.lone(t)
	before := c.state(t)
	opt := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i+1 < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	v4 := []string{"10.2.0.0/24"}
	const nobody = "11111111-1111-1111-1111-111111111111"
	for name, test := range map[string]struct {
		ask  ask
		says string
	}{
		"unknown network":             {ask{Subnets: v4, Options: opt("neutron.net.uuid", nobody)}, "does not exist"},
		"unknown network by name":     {ask{Subnets: v4, Options: opt("neutron.net.name", "nowhere")}, "nowhere"},
		"network named twice":         {ask{Subnets: v4, Options: opt("neutron.net.name", "testnet")}, "2 of network"},
		"unknown subnet":              {ask{Subnets: v4, IPAM: opt("neutron.subnet.uuid", nobody)}, nobody},
		"subnet named twice":          {ask{Subnets: v4, IPAM: opt("neutron.subnet.name", "testsubnet")}, "2 of subnet"},
		"unknown subnetpool":          {ask{Subnets: v4, IPAM: opt("neutron.pool.uuid", nobody)}, nobody},
		"unknown subnetpool by name":  {ask{Subnets: v4, IPAM: opt("neutron.pool.name", "none")}, "none"},
		"subnet of another network":   {ask{Subnets: v4, IPAM: opt("neutron.subnet.uuid", tn.V4.ID), Options: opt("neutron.net.uuid", other.Net.ID)}, "no address pool"},
		"subnet of another by name":   {ask{Subnets: v4, IPAM: opt("neutron.subnet.uuid", tn.V4.ID), Options: opt("neutron.net.name", "lone")}, "is not of network"},
		"pool not of that subnet":     {ask{Subnets: v4, IPAM: opt("neutron.subnet.uuid", tn.V4.ID, "neutron.pool.uuid", other.Pool.ID)}, "not out of subnetpool"},
		"CIDR not of that subnet":     {ask{Subnets: []string{"10.7.0.0/24"}, IPAM: opt("neutron.subnet.uuid", tn.V4.ID)}, "10.7.0.0/24"},
		"CIDR outside the pool":       {ask{Subnets: []string{"10.7.0.0/24"}, IPAM: opt("neutron.pool.uuid", tn.Pool.ID)}, "not within"},
		"wrong IP version":            {ask{Subnets: v4, IPAM: opt("neutron.subnet.uuid", tn.V6.ID)}, "other IP version"},
		"gateway mismatch":            {ask{Subnets: v4, Gateways: []string{"10.2.0.254"}, IPAM: opt("neutron.subnet.uuid", tn.V4.ID)}, "10.2.0.1"},
		"gateway mismatch found late": {ask{Subnets: v4, Gateways: []string{"10.2.0.254"}, Options: opt("neutron.net.uuid", tn.Net.ID)}, "10.2.0.1"},
		"gateway where there is none": {ask{Subnets: []string{"10.243.0.0/24"}, Gateways: []string{"10.243.0.1"}, IPAM: opt("neutron.subnet.uuid", lone.SubnetIDs[0])}, "no gateway"},
		"gateway outside":             {ask{Subnets: v4, Gateways: []string{"10.3.0.1"}}, "10.3.0.1"},
		"range in a subnet":           {ask{Subnets: v4, Range: "10.2.0.128/25", IPAM: opt("neutron.subnet.uuid", tn.V4.ID)}, "--ip-range"},
		"shared is not":               {ask{Subnets: v4, IPAM: opt("neutron.subnet.uuid", tn.V4.ID), Options: opt("neutron.net.shared", "true")}, "shared"},
		"no uuid":                     {ask{Subnets: v4, Options: opt("neutron.net.uuid", "testnet")}, "not a uuid"},
		"unknown option":              {ask{Subnets: v4, IPAM: opt("neutron.sub.uuid", nobody)}, "not known"},
		"neither true nor false":      {ask{Subnets: v4, Options: opt("neutron.net.shared", "perhaps")}, "perhaps"},
		"no subnet":                   {ask{Subnets: []string{""}}, "--subnet"},
		"any subnet of a size":        {ask{Subnets: []string{"0.0.0.0/24"}}, "--subnet"},
		"not a CIDR":                  {ask{Subnets: []string{"10.2.0.0"}}, "not a CIDR"},
		"too short for Neutron":       {ask{Subnets: []string{"fd00::/48"}}, "prefix"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustPlugin(t, settings{Neutron: c.Service, Binder: binder})
			n, err := p.createNetwork(test.ask)
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), ": 5") {
				t.Errorf("got %v %v, want a 4xx with %q", n, err, test.says)
			}
			must(t, p.Settle(ctx))
			if diff := cmp.Diff(before, c.state(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSubnetLeftToItsName(t *testing.T) {
	c := mustCloud(t)
	tn := c.tenant(t, "10.2.0.0/24", "")
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
	for name, a := range map[string]ask{
		"names":            {Subnets: []string{"10.2.0.0/24"}, IPAM: map[string]string{"neutron.subnet.name": "testsubnet", "neutron.pool.name": "testpool"}, Options: map[string]string{"neutron.net.name": "testnet", "neutron.pool.name": "testpool", "neutron.subnet.name": "testsubnet"}},
		"only the network": {Subnets: []string{"10.2.0.0/24"}, Options: map[string]string{"neutron.net.uuid": tn.Net.ID}},
		"only the pool":    {Subnets: []string{"10.2.0.0/24"}, IPAM: map[string]string{"neutron.pool.name": "testpool"}},
		"no --subnet":      {Subnets: []string{""}, IPAM: map[string]string{"neutron.subnet.uuid": tn.V4.ID}},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.state(t)
			n := got(p.createNetwork(a))(t)
			e := got(p.connect(n, want{}))(t)
			if !tn.V4.CIDR.Contains(e.ip(n, false)) {
				t.Errorf("addresses %v", e.Addresses)
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

// TestTwoDockerNetworksOfOneRange: the second neither harms the first nor shares with it,
// and on one existing subnet they count its pool twice.
func TestTwoDockerNetworksOfOneRange(t *testing.T) {
	c := mustCloud(t)
	tn := c.tenant(t, "10.2.0.0/24", "")
	before := c.state(t)
	for _, which := range []string{"new", "existing"} {
		t.Run(which, func(t *testing.T) {
			p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
			a := ask{Subnets: []string{"10.2.0.0/24"}}
			if which == "existing" {
				a.IPAM, a.Options = byID(tn)
			}
			first, second := got(p.createNetwork(a))(t), got(p.createNetwork(a))(t)
			if same := first.Pools[0].ID == second.Pools[0].ID; same != (which == "existing") {
				t.Errorf("pools %v and %v", first.Pools, second.Pools)
			}
			if _, err := p.createNetwork(ask{Subnets: a.Subnets, Options: map[string]string{"neutron.net.name": "nowhere"}}); err == nil {
				t.Error("a third was made")
			}
			must(t, p.removeNetwork(first))
			e := got(p.connect(second, want{}))(t)
			p.disconnect(second, e)
			must(t, p.removeNetwork(second))
			must(t, p.Settle(context.Background()))
			if diff := cmp.Diff(before, c.state(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNetworkMadeHereOutlivesItsMakerWhileUsed(t *testing.T) {
	c := mustCloud(t)
	before := c.state(t)
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
	a := ask{Subnets: []string{"10.2.0.0/24"}}
	maker := got(p.createNetwork(a))(t)
	a.Options = map[string]string{"neutron.net.name": "kuryr-net-" + maker.ID[:8]}
	guest := got(p.createNetwork(a))(t)
	must(t, p.removeNetwork(maker))
	must(t, p.Settle(context.Background()))
	e := got(p.connect(guest, want{}))(t)
	p.disconnect(guest, e)
	must(t, p.removeNetwork(guest))
	must(t, p.Settle(context.Background()))
	if diff := cmp.Diff(before, c.state(t)); diff != "" {
		t.Error(diff)
	}
}

func TestManyContainersAtOnce(t *testing.T) {
	c := mustCloud(t)
	tn := c.tenant(t, "10.2.0.0/24", "fd00:5::/64")
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
	p.twice, p.rivals = true, true
	a := ask{Subnets: []string{"10.2.0.0/24", "fd00:5::/64"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	before := c.state(t)
	running, cancel := context.WithCancel(context.Background())
	var owed, starts sync.WaitGroup
	owed.Go(func() { _ = p.Run(running) })
	many := 24
	if realServices() != nil {
		many = 6 // it makes one port after the other, and half a second each
	}
	var won sync.Map
	for i := range many {
		starts.Go(func() {
			e, err := p.connect(n, want{})
			if err != nil {
				t.Error(err)
			}
			if i%2 == 0 { // all of these want the one address
				if wanted, err := p.connect(n, want{IPs: map[bool]string{false: "10.2.0.99"}}); err == nil {
					won.Store(wanted.ID, true)
					defer p.disconnect(n, wanted)
				}
			}
			p.disconnect(n, e)
		})
	}
	starts.Wait()
	cancel()
	owed.Wait()
	winners := 0
	won.Range(func(any, any) bool { winners++; return true })
	if winners == 0 {
		t.Error("nobody got the address that several wanted")
	}
	must(t, p.Settle(context.Background()))
	if diff := cmp.Diff(before, c.state(t)); diff != "" {
		t.Error(diff)
	}
}

func TestNeutronAway(t *testing.T) {
	c := mustCloud(t)
	tn := c.tenant(t, "10.2.0.0/24", "")
	f := &faults{left: -1}
	s := shaky{c.Service, &ledger{plugged: map[string]bool{}}, f}
	p := mustPlugin(t, settings{Neutron: s, Binder: s})
	a := ask{Subnets: []string{"10.2.0.0/24"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	f.left = 0
	if _, err := p.connect(n, want{}); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v, want a 503", err)
	}
}

func TestHostThatNeutronDoesNotKnow(t *testing.T) {
	c := mustCloud(t)
	tn := c.tenant(t, "10.2.0.0/24", "")
	p := mustPlugin(t, settings{Neutron: elsewhere{c.Service}, Binder: &ledger{plugged: map[string]bool{}}})
	a := ask{Subnets: []string{"10.2.0.0/24"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	before := c.state(t)
	_, err := p.connect(n, want{})
	if err == nil || !strings.Contains(err.Error(), "binding_failed") || !strings.Contains(err.Error(), host) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, c.state(t)); diff != "" {
		t.Error(diff)
	}
}

// elsewhere binds ports to a host that there is not.
type elsewhere struct{ *neutron.Client }

func (e elsewhere) CreatePort(c ctx, spec zun.PortSpec) (zun.Port, error) {
	spec.Host = "nosuchhost"
	return e.Client.CreatePort(c, spec)
}
