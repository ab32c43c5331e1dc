package libnetwork_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/kuryr"
)

// dockers is an engine that has what a test says.
type dockers struct {
	id  string
	ids []string
}

func (d *dockers) Networks(context.Context) (engine string, ids []string, err error) {
	return d.id, d.ids, nil
}

// A network that Docker did not hear of, or gave up while the plugin was away, is removed;
// what an engine does not have that never had a network of ours stays, and so does everything
// while an endpoint is on a network that the engine does not have.
func TestNetworkThatDockerDoesNotHave(t *testing.T) {
	for name, test := range map[string]struct {
		knows, connected, stays bool
	}{
		"our Docker":              {knows: true},
		"another Docker":          {stays: true},
		"a Docker beside another": {knows: true, connected: true, stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustStage(t, "")
			clock, docker := &clock{}, &dockers{id: "engine"}
			p := mustPlugin(t, settings{Neutron: s.Service, Binder: &ledger{plugged: map[string]bool{}, living: true}, Now: clock.now, Docker: docker})
			kept := got(p.createNetwork(s.ask))(t)
			before := s.state(t)
			lost := got(p.createNetwork(ask{Subnets: []string{"10.3.0.0/24"}}))(t)
			if test.knows {
				docker.ids = []string{kept.ID}
			}
			if test.connected {
				got(p.connect(lost, want{}))(t)
			}
			sweep(t, p, clock)
			if diff := cmp.Diff(before, s.state(t)); (diff != "") != test.stays {
				t.Errorf("stays %t: %s", test.stays, diff)
			}
		})
	}
}

// sweep lets time pass and does what a plugin does in it.
func sweep(tb testing.TB, p *plugin, clock *clock) {
	tb.Helper()
	for range 2 {
		clock.pass()
		must(tb, p.Sweep(context.Background()))
		must(tb, p.Settle(context.Background()))
	}
}

// Docker gave a container up while the plugin was away, and nobody ever said so: the link is
// back on the host.
func TestEndpointThatDockerGaveUp(t *testing.T) {
	s := mustStage(t, "")
	clock, links := &clock{}, &ledger{plugged: map[string]bool{}, living: true}
	p := mustPlugin(t, settings{Neutron: s.Service, Binder: links, Now: clock.now})
	n := got(p.createNetwork(s.ask))(t)
	before := s.state(t)
	got(p.connect(n, want{Expose: []proto{{6, 80}}}))(t)
	must(t, p.Settle(context.Background()))
	with := s.state(t)
	sweep(t, p, clock)
	if diff := cmp.Diff(with, s.state(t)); diff != "" {
		t.Error("while the container runs:", diff)
	}
	links.living = false
	sweep(t, p, clock)
	if diff := cmp.Diff(before, s.state(t)); diff != "" || len(links.plugged) > 0 {
		t.Error(links.plugged, diff)
	}
}

var _ kuryr.Docker = (*dockers)(nil)
