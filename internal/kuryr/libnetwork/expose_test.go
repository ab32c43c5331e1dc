package libnetwork_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/zun"
)

type proto struct{ Proto, Port int }

// expose sends what dockerd sends when a container's endpoint becomes its way out.
func (p *plugin) expose(n dockerNet, e dockerEndpoint, exposed, published []proto) error {
	p.tb.Helper()
	_, err := p.try("NetworkDriver.ProgramExternalConnectivity", object{"NetworkID": n.ID, "EndpointID": e.ID, "Options": object{
		"com.docker.network.endpoint.exposedports": exposed, "com.docker.network.portmap": published,
	}})
	return err
}

func (p *plugin) conceal(n dockerNet, e dockerEndpoint) error {
	p.tb.Helper()
	_, err := p.try("NetworkDriver.RevokeExternalConnectivity", object{"NetworkID": n.ID, "EndpointID": e.ID})
	return err
}

// ingress lists the rules of a port's groups that let anybody in.
func (c *cloud) ingress(tb testing.TB, p zun.Port) []string {
	tb.Helper()
	rules := []string{}
	for _, g := range p.SecurityGroups {
		found := got(neutron.New(c.session, neutron.Options{}).FindRecords(context.Background(), "security-group-rules", url.Values{"security_group_id": {g}, "direction": {"ingress"}}))(tb)
		for _, r := range found {
			if r["remote_group_id"] == nil {
				rules = append(rules, fmt.Sprint(r["ethertype"], " ", r["protocol"], " ", r["port_range_min"], "-", r["port_range_max"]))
			}
		}
	}
	slices.Sort(rules)
	return rules
}

func TestExposedPorts(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	tn := c.tenant(t, "10.2.0.0/24", "fd00:5::/64")
	own := c.userPort(t, tn)
	exposed := []proto{{6, 443}, {6, 80}, {6, 81}, {17, 53}, {132, 80}, {1, 0}}
	published := []proto{{6, 80}, {6, 8080}}
	wanted := []string{}
	for _, v := range []string{"IPv4", "IPv6"} {
		icmp := map[string]string{"IPv4": "icmp", "IPv6": "ipv6-icmp"}[v]
		wanted = append(wanted, v+" "+icmp+" <nil>-<nil>", v+" sctp 80-80", v+" tcp 443-443", v+" tcp 80-81", v+" tcp 8080-8080", v+" udp 53-53")
	}
	slices.Sort(wanted)
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
	p.twice = true
	a := ask{Subnets: []string{"10.2.0.0/24", "fd00:5::/64"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	before := c.state(t)
	for name, w := range map[string]want{
		"on a port of ours":   {},
		"on a user's port":    {IPs: map[bool]string{false: own.FixedIPs[0].IP.String(), true: own.FixedIPs[1].IP.String()}},
		"with chosen groups":  {Options: object{"neutron.security_groups": "default"}},
		"on a port left idle": {IPs: map[bool]string{false: own.FixedIPs[0].IP.String(), true: own.FixedIPs[1].IP.String()}, MAC: own.MAC},
	} {
		t.Run(name, func(t *testing.T) {
			e := got(p.connect(n, w))(t)
			idle := c.state(t)
			for range 2 {
				must(t, p.expose(n, e, exposed, published))
				port := c.port(t, e.ip(n, false))
				if diff := cmp.Diff(wanted, c.ingress(t, port)); diff != "" {
					t.Error(diff)
				}
				made := got(c.Service.FindSecurityGroups(ctx, zun.NeutronQuery{Name: port.ID + "-exposed_ports"}))(t)
				if len(made) != 1 || made[0].ProjectID != tn.Net.ProjectID {
					t.Errorf("groups %+v", made)
				}
				must(t, p.expose(n, e, []proto{{6, 1}}, nil)) // another container start with other ports
				if diff := cmp.Diff([]string{"IPv4 tcp 1-1", "IPv6 tcp 1-1"}, c.ingress(t, c.port(t, e.ip(n, false)))); diff != "" {
					t.Error(diff)
				}
				must(t, p.conceal(n, e))
				if diff := cmp.Diff(idle, c.state(t)); diff != "" {
					t.Error(diff)
				}
			}
			must(t, p.expose(n, e, exposed, nil))
			p.disconnect(n, e) // and no Revoke, as after a restart of dockerd
			must(t, p.conceal(n, e))
			must(t, p.Settle(ctx))
			if diff := cmp.Diff(before, c.state(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExposedPortsThatCannotBe(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	tn := c.tenant(t, "10.2.0.0/24", "")
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
	a := ask{Subnets: []string{"10.2.0.0/24"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	e := got(p.connect(n, want{}))(t)
	must(t, p.Settle(ctx))
	before := c.state(t)
	if err := p.expose(n, e, []proto{{47, 1}}, nil); err == nil || !strings.Contains(err.Error(), "400") || !strings.Contains(err.Error(), "protocol 47") {
		t.Errorf("exposed GRE: %v", err)
	}
	if err := p.expose(n, dockerEndpoint{ID: random(32)}, []proto{{6, 1}}, nil); err == nil || strings.Contains(err.Error(), ": 404") {
		t.Errorf("exposed an endpoint that there is not: %v", err)
	}
	must(t, p.conceal(n, dockerEndpoint{ID: random(32)}))
	must(t, p.expose(n, e, nil, nil))
	// A group of that name that is not ours is neither used nor removed.
	port := c.port(t, e.ip(n, false))
	foreign := got(c.Demo.CreateSecurityGroup(ctx, zun.SecurityGroupSpec{Name: port.ID + "-exposed_ports"}))(t)
	must(t, p.expose(n, e, []proto{{6, 1}}, nil))
	if now := c.port(t, e.ip(n, false)); slices.Contains(now.SecurityGroups, foreign.ID) || len(now.SecurityGroups) != 2 {
		t.Errorf("port has groups %v", now.SecurityGroups)
	}
	must(t, p.conceal(n, e))
	must(t, c.Demo.DeleteSecurityGroup(ctx, foreign.ID))
	if diff := cmp.Diff(before, c.state(t)); diff != "" {
		t.Error(diff)
	}
	open := got(p.connect(n, want{Options: object{"neutron.port_security": "false"}}))(t)
	atMost(t, "expose without port security", 0, c.counted(func() { must(t, p.expose(n, open, []proto{{6, 1}}, nil)) }))
	p.disconnect(n, open)
}

// poor is a Neutron whose quota of security groups is reached.
type poor struct{ kuryr.Neutron }

func (poor) CreateSecurityGroup(ctx, zun.SecurityGroupSpec) (zun.SecurityGroup, error) {
	return zun.SecurityGroup{}, zun.Errorf(zun.CodeOverQuota, "Quota exceeded for resources: ['security_group'].")
}

func TestExposedPortsBeyondTheQuota(t *testing.T) {
	s := mustStage(t, "")
	p := mustPlugin(t, settings{Neutron: poor{s.Service}, Binder: &ledger{plugged: map[string]bool{}}})
	n := got(p.createNetwork(s.ask))(t)
	_, err := p.connect(n, want{Expose: []proto{{6, 80}}})
	for _, says := range []string{"Quota exceeded", "process_external_connectivity", s.Net.ProjectID} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}

// held is a Neutron that is asked to change a port and does not answer yet.
type held struct {
	kuryr.Neutron
	asked, answer chan struct{}
}

func (h held) UpdatePort(c ctx, id string, change zun.PortChange) (zun.Port, error) {
	close(h.asked)
	<-h.answer
	return h.Neutron.UpdatePort(c, id, change)
}

// Docker asks for outside connectivity at every start. A container that exposes nothing does
// not wait for its port to get its name.
func TestNothingExposedWaitsForNobody(t *testing.T) {
	c := mustCloud(t)
	tn := c.tenant(t, "10.2.0.0/24", "")
	slow := held{c.Service, make(chan struct{}), make(chan struct{})}
	p := mustPlugin(t, settings{Neutron: slow, Binder: &ledger{plugged: map[string]bool{}}})
	a := ask{Subnets: []string{"10.2.0.0/24"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	e := got(p.connect(n, want{}))(t)
	named := make(chan error, 1)
	go func() { named <- p.Settle(context.Background()) }()
	<-slow.asked
	must(t, p.expose(n, e, nil, nil))
	select {
	case err := <-named:
		t.Fatalf("the port got its name without Neutron: %v", err)
	default:
	}
	close(slow.answer)
	must(t, <-named)
}

// exposing are the groups of exposed ports that there are.
func (c *cloud) exposing(tb testing.TB) (groups []zun.SecurityGroup) {
	tb.Helper()
	all := got(neutron.New(c.session, neutron.Options{}).FindSecurityGroups(context.Background(), zun.NeutronQuery{}))(tb)
	return slices.DeleteFunc(all, func(g zun.SecurityGroup) bool { return !strings.HasSuffix(g.Name, "-exposed_ports") })
}

// Containers that expose the same share a group, which goes with the last of them, whichever
// that is: Neutron's default quota is ten groups for a project.
func TestExposedPortsShareAGroup(t *testing.T) {
	s := mustStage(t, "")
	p := mustPlugin(t, settings{Neutron: s.Service, Binder: &ledger{plugged: map[string]bool{}}})
	p.twice = true
	n := got(p.createNetwork(s.ask))(t)
	before := s.state(t)
	web := want{Expose: []proto{{6, 80}, {6, 443}}}
	first, second := got(p.connect(n, web))(t), got(p.connect(n, web))(t)
	third := got(p.connect(n, want{Expose: []proto{{6, 443}, {6, 80}}}))(t)
	other := got(p.connect(n, want{Expose: []proto{{6, 80}}}))(t)
	if groups := s.exposing(t); len(groups) != 2 {
		t.Fatalf("two sets of ports have %d groups", len(groups))
	}
	rules := []string{"IPv4 tcp 443-443", "IPv4 tcp 80-80"}
	opened := func(e dockerEndpoint, want []string) {
		t.Helper()
		if diff := cmp.Diff(want, s.ingress(t, s.port(t, e.ip(n, false)))); diff != "" {
			t.Error(diff)
		}
	}
	p.disconnect(n, first) // whose name the group has
	must(t, p.Settle(context.Background()))
	must(t, p.Sweep(context.Background()))
	opened(second, rules)
	opened(other, []string{"IPv4 tcp 80-80"})
	must(t, p.conceal(n, second))
	opened(second, []string{})
	opened(third, rules)
	must(t, p.expose(n, second, web.Expose, nil))
	opened(second, rules)
	if groups := s.exposing(t); len(groups) != 2 {
		t.Errorf("there are %d groups now", len(groups))
	}
	p.disconnect(n, third)
	p.disconnect(n, second)
	must(t, p.Settle(context.Background()))
	if groups := s.exposing(t); len(groups) != 1 {
		t.Errorf("when the last is gone there are %d groups", len(groups))
	}
	p.disconnect(n, other)
	must(t, p.Settle(context.Background()))
	if diff := cmp.Diff(before, s.state(t)); diff != "" {
		t.Error(diff)
	}
}

// Many come and go at once, and a group that someone has deleted is made again.
func TestExposedPortsShareAGroupAtOnce(t *testing.T) {
	s := mustStage(t, "")
	p := mustPlugin(t, settings{Neutron: s.Service, Binder: &ledger{plugged: map[string]bool{}}})
	n := got(p.createNetwork(s.ask))(t)
	before := s.state(t)
	var coming sync.WaitGroup
	for range 6 {
		coming.Go(func() {
			for range 3 {
				e, err := p.connect(n, want{Expose: []proto{{6, 80}}})
				if err != nil {
					t.Error(err)
					return
				}
				port := s.port(t, e.ip(n, false))
				if groups := s.exposing(t); len(groups) == 0 || !slices.ContainsFunc(groups, func(g zun.SecurityGroup) bool { return slices.Contains(port.SecurityGroups, g.ID) }) {
					t.Errorf("port %s has %v, and the groups are %v", port.ID, port.SecurityGroups, groups)
				}
				p.disconnect(n, e)
			}
		})
	}
	coming.Wait()
	must(t, p.Settle(context.Background()))
	if diff := cmp.Diff(before, s.state(t)); diff != "" {
		t.Error(diff)
	}
	one := got(p.connect(n, want{Expose: []proto{{6, 80}}}))(t)
	port := s.port(t, one.ip(n, false))
	bare := []string{}
	for _, g := range port.SecurityGroups {
		if !slices.ContainsFunc(s.exposing(t), func(e zun.SecurityGroup) bool { return e.ID == g }) {
			bare = append(bare, g)
		}
	}
	_ = got(s.Service.UpdatePort(context.Background(), port.ID, zun.PortChange{SecurityGroups: bare}))(t)
	must(t, s.Service.DeleteSecurityGroup(context.Background(), s.exposing(t)[0].ID))
	two := got(p.connect(n, want{Expose: []proto{{6, 80}}}))(t)
	if diff := cmp.Diff([]string{"IPv4 tcp 80-80"}, s.ingress(t, s.port(t, two.ip(n, false)))); diff != "" {
		t.Error(diff)
	}
	p.disconnect(n, one)
	p.disconnect(n, two)
	must(t, p.Settle(context.Background()))
	if diff := cmp.Diff(before, s.state(t)); diff != "" {
		t.Error(diff)
	}
}
