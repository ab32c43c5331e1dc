package libnetwork_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/zun"
)

// faults make the n-th call to the outside fail, once.
type faults struct {
	mu     sync.Mutex
	left   int  // calls until the failure; negative: none
	done   bool // the failing call is carried out and its answer lost
	refuse bool // Neutron refuses, rather than being away
	hit    string
}

// next returns what the call named so is to do.
func (f *faults) next(name string) (fail, perform bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left--
	if f.left != -1 {
		return false, true
	}
	f.hit = name
	return true, f.done
}

func (f *faults) err(name string) error {
	if f.refuse {
		return zun.Errorf(zun.CodeInvalid, "%s was made to be refused", name)
	}
	return zun.Errorf(zun.CodeUnavailable, "%s was made to fail", name)
}

func run[T any](f *faults, name string, do func() (T, error)) (T, error) {
	fail, perform := f.next(name)
	var value, none T
	var err error
	if perform {
		value, err = do()
	}
	if fail {
		return none, f.err(name)
	}
	return value, err
}

func act(f *faults, name string, do func() error) error {
	_, err := run(f, name, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// shaky is a Neutron and a binder with faults.
type shaky struct {
	kuryr.Neutron
	binder kuryr.Binder
	*faults
}

type ctx = context.Context

func (s shaky) FindNetworks(c ctx, q zun.NeutronQuery) ([]zun.NeutronNetwork, error) {
	return run(s.faults, "FindNetworks", func() ([]zun.NeutronNetwork, error) { return s.Neutron.FindNetworks(c, q) })
}

func (s shaky) FindSubnets(c ctx, q zun.NeutronQuery) ([]zun.NeutronSubnet, error) {
	return run(s.faults, "FindSubnets", func() ([]zun.NeutronSubnet, error) { return s.Neutron.FindSubnets(c, q) })
}

func (s shaky) FindPorts(c ctx, q zun.NeutronQuery) ([]zun.Port, error) {
	return run(s.faults, "FindPorts", func() ([]zun.Port, error) { return s.Neutron.FindPorts(c, q) })
}

func (s shaky) Port(c ctx, id string) (zun.Port, error) {
	return run(s.faults, "Port", func() (zun.Port, error) { return s.Neutron.Port(c, id) })
}

func (s shaky) CreateNetwork(c ctx, spec zun.NeutronNetworkSpec) (zun.NeutronNetwork, error) {
	return run(s.faults, "CreateNetwork", func() (zun.NeutronNetwork, error) { return s.Neutron.CreateNetwork(c, spec) })
}

func (s shaky) CreateSubnet(c ctx, spec zun.NeutronSubnetSpec) (zun.NeutronSubnet, error) {
	return run(s.faults, "CreateSubnet", func() (zun.NeutronSubnet, error) { return s.Neutron.CreateSubnet(c, spec) })
}

func (s shaky) CreatePool(c ctx, spec zun.NeutronPoolSpec) (zun.NeutronPool, error) {
	return run(s.faults, "CreatePool", func() (zun.NeutronPool, error) { return s.Neutron.CreatePool(c, spec) })
}

func (s shaky) CreatePort(c ctx, spec zun.PortSpec) (zun.Port, error) {
	return run(s.faults, "CreatePort", func() (zun.Port, error) { return s.Neutron.CreatePort(c, spec) })
}

func (s shaky) CreatePorts(c ctx, specs []zun.PortSpec) ([]zun.Port, error) {
	return run(s.faults, "CreatePorts", func() ([]zun.Port, error) { return s.Neutron.CreatePorts(c, specs) })
}

func (s shaky) UpdatePort(c ctx, id string, change zun.PortChange) (zun.Port, error) {
	return run(s.faults, "UpdatePort", func() (zun.Port, error) { return s.Neutron.UpdatePort(c, id, change) })
}

func (s shaky) DeleteNetwork(c ctx, id string) error {
	return act(s.faults, "DeleteNetwork", func() error { return s.Neutron.DeleteNetwork(c, id) })
}

func (s shaky) DeleteSubnet(c ctx, id string) error {
	return act(s.faults, "DeleteSubnet", func() error { return s.Neutron.DeleteSubnet(c, id) })
}

func (s shaky) DeletePool(c ctx, id string) error {
	return act(s.faults, "DeletePool", func() error { return s.Neutron.DeletePool(c, id) })
}

func (s shaky) DeletePort(c ctx, id string) error {
	return act(s.faults, "DeletePort", func() error { return s.Neutron.DeletePort(c, id) })
}

func (s shaky) ReplaceTags(c ctx, kind, id string, tags []string) error {
	return act(s.faults, "ReplaceTags", func() error { return s.Neutron.ReplaceTags(c, kind, id, tags) })
}

func (s shaky) AddTag(c ctx, kind, id, tag string) error {
	return act(s.faults, "AddTag", func() error { return s.Neutron.AddTag(c, kind, id, tag) })
}

func (s shaky) RemoveTag(c ctx, kind, id, tag string) error {
	return act(s.faults, "RemoveTag", func() error { return s.Neutron.RemoveTag(c, kind, id, tag) })
}

func (s shaky) FindSecurityGroups(c ctx, q zun.NeutronQuery) ([]zun.SecurityGroup, error) {
	return run(s.faults, "FindSecurityGroups", func() ([]zun.SecurityGroup, error) { return s.Neutron.FindSecurityGroups(c, q) })
}

func (s shaky) CreateSecurityGroup(c ctx, spec zun.SecurityGroupSpec) (zun.SecurityGroup, error) {
	return run(s.faults, "CreateSecurityGroup", func() (zun.SecurityGroup, error) { return s.Neutron.CreateSecurityGroup(c, spec) })
}

func (s shaky) AllowIngress(c ctx, id string, rules []zun.Ingress) error {
	return act(s.faults, "AllowIngress", func() error { return s.Neutron.AllowIngress(c, id, rules) })
}

func (s shaky) DeleteSecurityGroup(c ctx, id string) error {
	return act(s.faults, "DeleteSecurityGroup", func() error { return s.Neutron.DeleteSecurityGroup(c, id) })
}

func (s shaky) Plug(c ctx, what binding.Binding) error {
	return act(s.faults, "Plug", func() error { return s.binder.Plug(c, what) })
}

func (s shaky) Unplug(c ctx, what binding.Binding) error {
	return act(s.faults, "Unplug", func() error { return s.binder.Unplug(c, what) })
}

// ledger is a binder that only remembers what is plugged: the kernel takes tens of
// milliseconds to remove a link, and the failures are many.
type ledger struct {
	mu      sync.Mutex
	plugged map[string]bool
	living  bool // the links are in containers
}

func (l *ledger) Plug(_ ctx, what binding.Binding) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plugged[what.HostEnd()] = true
	return binding.Usable(what)
}

// Pairs is what a host shows whose containers are gone.
func (l *ledger) Pairs(ctx) (pairs []binding.Pair, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.plugged {
		pairs = append(pairs, binding.Pair{Port: strings.TrimPrefix(name, "tap"), Host: true, Container: !l.living})
	}
	return pairs, nil
}

func (l *ledger) OVSPorts(ctx) ([]binding.OVSPort, error) { return nil, nil }

func (l *ledger) Unplug(_ ctx, what binding.Binding) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.plugged, what.HostEnd())
	return nil
}

// life is all that a network and its containers go through. It returns the first failure
// that dockerd saw; dockerd's own clean-up is done.
func life(p *plugin, a ask, containers ...want) error {
	n, err := p.createNetwork(a)
	if err != nil {
		return fmt.Errorf("network create: %w", err)
	}
	for _, w := range containers {
		e, failed := p.connect(n, w)
		if failed != nil {
			err = fmt.Errorf("start: %w", failed)
			continue
		}
		if settled := p.Settle(context.Background()); settled != nil && err == nil {
			err = fmt.Errorf("settle: %w", settled)
		}
		if len(w.Expose) > 0 && len(w.Options) > 0 { // the other endings are without
			_ = p.conceal(n, e)
		}
		p.disconnect(n, e)
	}
	if failed := p.removeNetwork(n); failed != nil && err == nil {
		err = fmt.Errorf("network rm: %w", failed)
	}
	return err
}

// TestFailureAtEveryCall lets each call to Neutron and to the binder fail in turn, in three
// ways, and the plugin's process end there too: nothing may be left, and a retry must work.
func TestFailureAtEveryCall(t *testing.T) {
	embeddedOnly(t, "it begins anew for each of hundreds of calls")
	c := mustCloud(t)
	binder := &ledger{plugged: map[string]bool{}}
	tn := c.tenant(t, "10.2.0.0/24", "fd00:5::/64")
	own := c.userPort(t, tn)
	existing := ask{Subnets: []string{"10.2.0.0/24", "fd00:5::/64"}}
	existing.IPAM, existing.Options = byID(tn)
	lives := map[string]struct {
		ask        ask
		containers []want
		spare      int
	}{
		"new":             {ask: ask{Subnets: []string{"10.3.0.0/24", "fd00:6::/64"}, Aux: nil}, containers: []want{{}}},
		"new with spares": {ask: ask{Subnets: []string{"10.3.0.0/24", "fd00:6::/64"}}, containers: []want{{}, {}}, spare: 1},
		"existing with spares": {ask: existing, spare: 1, containers: []want{
			{MAC: "02:00:00:00:00:77"},
			{IPs: map[bool]string{false: c.free(t, tn.Net.ID, "10.2.0.0/24").String()}},
			{IPs: map[bool]string{false: own.FixedIPs[0].IP.String(), true: own.FixedIPs[1].IP.String()}, MAC: own.MAC},
		}},
		"existing": {ask: existing, containers: []want{
			{Options: object{"neutron.port.name": "front", "neutron.security_groups": "default"}, Expose: []proto{{6, 80}}},
			{IPs: map[bool]string{false: c.free(t, tn.Net.ID, "10.2.0.0/24").String()}},
			{IPs: map[bool]string{true: "fd00:5::f:50"}},
			{IPs: map[bool]string{false: own.FixedIPs[0].IP.String(), true: own.FixedIPs[1].IP.String()}, Options: object{"neutron.port_security": "false"}},
			{IPs: map[bool]string{false: own.FixedIPs[0].IP.String()}, MAC: own.MAC, Expose: []proto{{6, 80}}},
			{IPs: map[bool]string{false: own.FixedIPs[0].IP.String(), true: own.FixedIPs[1].IP.String()}, MAC: own.MAC, Options: object{"neutron.port.uuid": own.ID}},
		}},
	}
	before := c.state(t)
	const most = 200
	for name, l := range lives {
		for _, way := range []*faults{{}, {done: true}, {refuse: true}} {
			t.Run(fmt.Sprintf("%s done=%t refuse=%t", name, way.done, way.refuse), func(t *testing.T) {
				reached := 0
				for i := range most {
					f := &faults{left: i, done: way.done, refuse: way.refuse}
					s := shaky{c.Service, binder, f}
					clock := &clock{}
					db := mustDB(t, "kuryr.db")
					err := life(mustPlugin(t, settings{DB: db, Neutron: s, Binder: s, Now: clock.now, Spare: l.spare}), l.ask, l.containers...)
					if f.hit == "" {
						if err != nil {
							t.Fatalf("without a failure: %v", err)
						}
						must(t, mustPlugin(t, settings{DB: db, Neutron: c.Service, Binder: binder}).Settle(context.Background()))
						reached = i
						break
					}
					// The process ends and another begins on the same records.
					p := mustPlugin(t, settings{DB: db, Neutron: c.Service, Binder: binder, Now: clock.now, Spare: l.spare})
					clock.pass()
					must(t, p.Settle(context.Background()))
					must(t, p.Settle(context.Background()))
					if diff := cmp.Diff(before, c.state(t)); diff != "" {
						t.Fatalf("call %d, %s, failed (Docker saw: %v) and left:\n%s", i, f.hit, err, diff)
					}
					if len(binder.plugged) > 0 {
						t.Fatalf("call %d, %s, failed and left %v", i, f.hit, binder.plugged)
					}
					if err := life(p, l.ask, l.containers...); err != nil {
						t.Fatalf("call %d, %s, failed, and a retry: %v", i, f.hit, err)
					}
					must(t, p.Settle(context.Background()))
				}
				if reached == 0 {
					t.Fatal("no life without a failure was reached")
				}
				t.Logf("%d calls, each failed once", reached)
			})
		}
	}
}
