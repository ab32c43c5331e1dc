package libnetwork_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/kuryr/libnetwork"
	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/zun"
)

// The tests of this file are named after the weaknesses W1 to W18 that were found in the
// Python plugin; each comment says what it did.

// stage is a cloud with a tenant's network, and a plugin of this host on it.
type stage struct {
	*cloud
	tenant
	p   *plugin
	ask ask // for the tenant's subnets
}

func mustStage(tb testing.TB, v6 string) *stage {
	tb.Helper()
	s := &stage{cloud: mustCloud(tb)}
	s.tenant = s.cloud.tenant(tb, "10.2.0.0/24", v6)
	s.p = mustPlugin(tb, settings{Neutron: s.Service, Binder: &ledger{plugged: map[string]bool{}}})
	s.ask = ask{Subnets: []string{"10.2.0.0/24"}}
	if v6 != "" {
		s.ask.Subnets = append(s.ask.Subnets, v6)
	}
	s.ask.IPAM, s.ask.Options = byID(s.tenant)
	return s
}

// unchanged checks that nothing differs from before once all that is owed is done.
func (s *stage) unchanged(tb testing.TB, before []string) {
	tb.Helper()
	must(tb, s.p.Settle(context.Background()))
	if diff := cmp.Diff(before, s.state(tb)); diff != "" {
		tb.Error(diff)
	}
}

// W1: the second network of a CIDR failed, and Docker's ReleasePool then deleted the first
// one's subnet and subnetpool.
func TestW1SecondNetworkOfOneRange(t *testing.T) {
	s := mustStage(t, "")
	first := got(s.p.createNetwork(ask{Subnets: []string{"10.3.0.0/24"}}))(t)
	before := s.state(t)
	second := got(s.p.createNetwork(ask{Subnets: []string{"10.3.0.0/24"}}))(t)
	must(t, s.p.removeNetwork(second))
	s.unchanged(t, before)
	got(s.p.connect(first, want{}))(t)
}

// W2: hosts on one network shared a subnetpool by its name; the first to remove its Docker
// network deleted it under the others.
func TestW2HostsShareANetwork(t *testing.T) {
	s := mustStage(t, "")
	elsewhere := mustPlugin(t, settings{Neutron: s.Service, Binder: &ledger{plugged: map[string]bool{}}})
	byNet := ask{Subnets: []string{"10.2.0.0/24"}, Options: map[string]string{"neutron.net.uuid": s.Net.ID}}
	here, there := got(s.p.createNetwork(byNet))(t), got(elsewhere.createNetwork(byNet))(t)
	e := got(elsewhere.connect(there, want{}))(t)
	must(t, s.p.removeNetwork(here))
	must(t, s.p.Settle(context.Background()))
	got(elsewhere.connect(there, want{}))(t)
	elsewhere.disconnect(there, e)
}

// W3: --ip with the address of a VM took its port, and giving it back unplugged the VM.
func TestW3PortOfAVM(t *testing.T) {
	s := mustStage(t, "")
	vm := got(s.Service.CreatePort(context.Background(), zun.PortSpec{
		NetworkID: s.Net.ID, ProjectID: s.Net.ProjectID, DeviceID: "vm", DeviceOwner: "compute:nova", Host: host,
	}))(t)
	n := got(s.p.createNetwork(s.ask))(t)
	before := s.state(t)
	for _, w := range []want{{IPs: map[bool]string{false: vm.FixedIPs[0].IP.String()}}, {MAC: vm.MAC}} {
		if _, err := s.p.connect(n, w); err == nil {
			t.Errorf("took the port of a VM with %v", w)
		}
		s.unchanged(t, before)
	}
}

// W4: subnets were looked for by CIDR among all projects'; an equal one of another tenant
// lent its gateway or blocked creation.
func TestW4SameRangeOfAnotherTenant(t *testing.T) {
	s := mustStage(t, "")
	n := got(s.p.createNetwork(ask{Subnets: []string{"10.2.0.0/24"}, Gateways: []string{"10.2.0.254"}}))(t)
	e := got(s.p.connect(n, want{}))(t)
	if port := s.port(t, e.ip(n, false)); port.NetworkID == s.Net.ID || e.Join["Gateway"] != "10.2.0.254" {
		t.Errorf("port %+v, joined with %v", port, e.Join)
	}
}

// W5: removing a Docker network deleted every kuryr-subnet-* of the Neutron network.
func TestW5SubnetsOfOthers(t *testing.T) {
	s := mustStage(t, "")
	got(s.Service.CreateSubnet(context.Background(), zun.NeutronSubnetSpec{
		Name: "kuryr-subnet-fd00:9::/64", NetworkID: s.Net.ID, CIDR: netip.MustParsePrefix("fd00:9::/64"),
	}))(t)
	before := s.state(t)
	n := got(s.p.createNetwork(s.ask))(t)
	must(t, s.p.removeNetwork(n))
	s.unchanged(t, before)
}

// W6: one failure while Neutron's extensions were asked for switched the process to names
// instead of tags, for good.
func TestW6FailureAtFirstContact(t *testing.T) {
	s := mustStage(t, "")
	sky := &weather{left: 0, way: answering(503, "ServiceUnavailable")}
	bad, _ := s.behind(t, sky, time.Second)
	p := mustPlugin(t, settings{Neutron: bad, Binder: &ledger{plugged: map[string]bool{}}})
	_, _ = p.createNetwork(ask{Subnets: []string{"10.3.0.0/24"}})
	if sky.did() == "" {
		t.Fatal("nothing failed")
	}
	n := got(p.createNetwork(ask{Subnets: []string{"10.3.0.0/24"}}))(t)
	if found := got(s.Service.FindNetworks(context.Background(), zun.NeutronQuery{Tags: halves(n.ID)}))(t); len(found) != 1 {
		t.Errorf("networks with the tags: %v", found)
	}
}

// behind returns a client of the cloud's Neutron through a proxy.
func (s *stage) behind(tb testing.TB, sky *weather, timeout time.Duration) (*neutron.Client, *httptest.Server) {
	tb.Helper()
	target := got(url.Parse(got(s.session.Endpoint(context.Background(), "network"))(tb)))(tb)
	sky.Handler = proxyTo(target)
	server := httptest.NewServer(sky)
	tb.Cleanup(server.Close)
	return neutron.New(s.session, neutron.Options{Endpoint: server.URL, Timeout: timeout}), server
}

// W7: a fresh dual-stack container got a port without tags, which Join then did not find.
func TestW7FreshDualStack(t *testing.T) {
	s := mustStage(t, "fd00:5::/64")
	n := got(s.p.createNetwork(s.ask))(t)
	e := got(s.p.connect(n, want{}))(t)
	if port := s.port(t, e.ip(n, false)); port.ID != s.port(t, e.ip(n, true)).ID || e.Join["InterfaceName"] == nil {
		t.Errorf("port %+v, joined with %v", port, e.Join)
	}
}

// W8: --expose looked for a port by a name that it did not have, and did nothing.
func TestW8Expose(t *testing.T) {
	s := mustStage(t, "")
	n := got(s.p.createNetwork(s.ask))(t)
	e := got(s.p.connect(n, want{Expose: []proto{{6, 80}}}))(t)
	if diff := cmp.Diff([]string{"IPv4 tcp 80-80"}, s.ingress(t, s.port(t, e.ip(n, false)))); diff != "" {
		t.Error(diff)
	}
}

// W9: --aux-address, no --gateway, several subnets of a version and a sandbox outside
// /var/run/docker were refused; sctp and IPv6 could not be exposed.
func TestW9WhatWasRefused(t *testing.T) {
	s := mustStage(t, "")
	n := got(s.p.createNetwork(ask{Subnets: []string{"10.3.0.0/24"}, Aux: map[string]string{"router": "10.3.0.9"}}))(t)
	e := got(s.p.connect(n, want{Expose: []proto{{132, 80}}}))(t)
	got(s.p.try("NetworkDriver.Join", object{"NetworkID": n.ID, "EndpointID": e.ID, "SandboxKey": "/run/user/1000/docker/netns/x"}))(t)
	three := got(s.p.createNetwork(ask{Subnets: []string{"10.4.0.0/24", "10.5.0.0/24", "10.6.0.0/24"}}))(t)
	got(s.p.connect(dockerNet{ID: three.ID, Pools: three.Pools[1:2]}, want{}))(t)
	six := got(s.p.createNetwork(ask{Subnets: []string{"fd00:7::/64"}}))(t)
	got(s.p.connect(six, want{Expose: []proto{{6, 80}}}))(t)
}

// W10: a network that could not be made left its Neutron network and tags, for ever.
func TestW10FailedCreation(t *testing.T) {
	s := mustStage(t, "")
	before := s.state(t)
	f := &faults{left: 3, refuse: true}
	bad := shaky{s.Service, &ledger{plugged: map[string]bool{}}, f}
	p := mustPlugin(t, settings{Neutron: bad, Binder: bad})
	if _, err := p.createNetwork(ask{Subnets: []string{"10.3.0.0/24", "fd00:7::/64"}}); err == nil || f.hit != "CreateSubnet" {
		t.Fatalf("%v at %q", err, f.hit)
	}
	must(t, p.Settle(context.Background()))
	s.unchanged(t, before)
}

// W11: a second DeleteEndpoint or ReleasePool, or one after Neutron was cleaned up by hand,
// was an error, and Docker kept the endpoint.
func TestW11CleanedUpByHand(t *testing.T) {
	s := mustStage(t, "")
	n := got(s.p.createNetwork(ask{Subnets: []string{"10.3.0.0/24"}}))(t)
	e := got(s.p.connect(n, want{Expose: []proto{{6, 80}}}))(t)
	ctx := context.Background()
	port := s.port(t, e.ip(n, false))
	must(t, s.Service.DeletePort(ctx, port.ID))
	must(t, s.Service.DeleteNetwork(ctx, port.NetworkID))
	must(t, s.Service.DeletePool(ctx, n.Pools[0].ID))
	for range 2 {
		got(s.p.try("NetworkDriver.RevokeExternalConnectivity", object{"NetworkID": n.ID, "EndpointID": e.ID}))(t)
		got(s.p.try("NetworkDriver.DeleteEndpoint", object{"NetworkID": n.ID, "EndpointID": e.ID}))(t)
		got(s.p.try("IpamDriver.ReleaseAddress", object{"PoolID": n.Pools[0].ID, "Address": e.ip(n, false).String()}))(t)
		got(s.p.try("IpamDriver.ReleasePool", object{"PoolID": n.Pools[0].ID}))(t)
		got(s.p.try("NetworkDriver.DeleteNetwork", object{"NetworkID": n.ID}))(t)
	}
}

// W12: two that wanted one port both got it, and subnetpools were made twice. Here the plugins
// of two hosts have both looked at a free port before either takes it: Neutron's If-Match
// lets one have it, and the other leaves it alone, now and when it cleans up.
func TestW12TwoHostsWantOnePort(t *testing.T) {
	embeddedOnly(t, "Neutron 21 grants both of two changes with one If-Match that come at the very same time")
	s, ctx := mustStage(t, ""), context.Background()
	own := s.userPort(t, s.tenant)
	race := &race{left: 2, all: make(chan struct{})}
	contenders := map[string]*plugin{}
	networks := map[string]dockerNet{}
	for _, name := range []string{host, "otherhost"} {
		p := mustPlugin(t, settings{Neutron: racer{s.Service, race}, Binder: &ledger{plugged: map[string]bool{}}, Host: name})
		contenders[name], networks[name] = p, got(p.createNetwork(s.ask))(t)
	}
	before := s.state(t)
	var starts sync.WaitGroup
	var mu sync.Mutex
	won, lost := map[string]dockerEndpoint{}, map[string]error{}
	for name, p := range contenders {
		starts.Go(func() {
			e, err := p.connect(networks[name], want{IPs: map[bool]string{false: own.FixedIPs[0].IP.String()}})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				lost[name] = err
				return
			}
			won[name] = e
		})
	}
	starts.Wait()
	if len(won) != 1 || len(lost) != 1 {
		t.Fatalf("got the port: %v, did not: %v", won, lost)
	}
	for name, e := range won {
		must(t, errors.Join(contenders[host].Settle(ctx), contenders["otherhost"].Settle(ctx)))
		if now := s.port(t, own.FixedIPs[0].IP); now.Host != name || now.DeviceID != e.ID || now.MAC != e.MAC {
			t.Errorf("%s won, and the port is %+v", name, now)
		}
		contenders[name].disconnect(networks[name], e)
		must(t, contenders[name].Settle(ctx))
		if diff := cmp.Diff(before, s.state(t)); diff != "" {
			t.Error(diff)
		}
	}
	for name := range lost { // which may have it now
		got(contenders[name].connect(networks[name], want{IPs: map[bool]string{false: own.FixedIPs[0].IP.String()}}))(t)
	}
}

// race keeps the first that would change a port waiting until all of them would.
type race struct {
	mu   sync.Mutex
	left int
	all  chan struct{}
}

func (r *race) meet() {
	r.mu.Lock()
	r.left--
	if r.left == 0 {
		close(r.all)
	}
	r.mu.Unlock()
	<-r.all
}

// racer is a Neutron with an agent on every host, of which the embedded one has one.
type racer struct {
	kuryr.Neutron
	race *race
}

func (r racer) UpdatePort(c ctx, id string, change zun.PortChange) (zun.Port, error) {
	r.race.meet()
	p, err := r.Neutron.UpdatePort(c, id, change)
	if p.VIFType == "binding_failed" {
		p.VIFType = "bridge"
	}
	return p, err
}

// W12, the other half: a network of one range is asked for twice at a time, and each is
// whole.
func TestW12NetworksOfOneRangeAtOnce(t *testing.T) {
	s := mustStage(t, "")
	before := s.state(t)
	var makers sync.WaitGroup
	made := make([]dockerNet, 2)
	plugins := []*plugin{s.p, mustPlugin(t, settings{Neutron: s.Service, Binder: &ledger{plugged: map[string]bool{}}, Host: "otherhost"})}
	for i, p := range plugins {
		makers.Go(func() { made[i] = got(p.createNetwork(ask{Subnets: []string{"10.3.0.0/24"}}))(t) })
	}
	makers.Wait()
	must(t, plugins[1].removeNetwork(made[1]))
	got(s.p.connect(made[0], want{}))(t)
	must(t, s.p.removeNetwork(made[0]))
	must(t, plugins[1].Settle(context.Background()))
	s.unchanged(t, before)
}

// W13: without Neutron the answer was no HTTP, and a 404 of Neutron's was taken for "no such
// verb".
func TestW13Statuses(t *testing.T) {
	s := mustStage(t, "")
	n := got(s.p.createNetwork(s.ask))(t)
	e := got(s.p.connect(n, want{}))(t)
	must(t, s.Service.DeletePort(context.Background(), s.port(t, e.ip(n, false)).ID))
	if status, answer := s.p.send("NetworkDriver.ProgramExternalConnectivity", object{"NetworkID": n.ID, "EndpointID": e.ID, "Options": object{
		"com.docker.network.endpoint.exposedports": []proto{{6, 80}},
	}}); status != http.StatusConflict || answer["Err"] == "" {
		t.Errorf("%d %v", status, answer)
	}
	away := neutron.New(s.session, neutron.Options{Endpoint: "http://127.0.0.1:1"})
	p := mustPlugin(t, settings{Neutron: away, Binder: &ledger{plugged: map[string]bool{}}})
	if _, err := p.createNetwork(s.ask); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v", err)
	}
}

// W14: calls to Neutron and the wait for ACTIVE had no limit, while dockerd held its locks.
func TestW14NeutronNeverAnswers(t *testing.T) {
	s := mustStage(t, "")
	sky := &weather{left: 0, way: never}
	bad, _ := s.behind(t, sky, time.Hour)
	p := mustPlugin(t, settings{Neutron: bad, Binder: &ledger{plugged: map[string]bool{}}})
	p.handler = libnetwork.Handler(p.Driver, libnetwork.Options{Log: p.Log, Deadline: 100 * time.Millisecond})
	began := time.Now()
	if _, err := p.createNetwork(s.ask); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

// W15: 13 calls for a start, 7 for a stop, 13 for a network and for its end.
func TestW15Calls(t *testing.T) {
	s := mustStage(t, "")
	var n dockerNet
	var e dockerEndpoint
	atMost(t, "network create", 4, s.counted(func() { n = got(s.p.createNetwork(s.ask))(t) }))
	atMost(t, "start", 2, s.counted(func() { e = got(s.p.connect(n, want{}))(t) }))
	atMost(t, "stop", 1, s.counted(func() { s.p.disconnect(n, e) }))
	atMost(t, "network rm", 2, s.counted(func() { must(t, s.p.removeNetwork(n)) }))
}

// W16: ports and security groups were the service project's, whoever's network it was.
func TestW16Tenancy(t *testing.T) {
	s := mustStage(t, "")
	n := got(s.p.createNetwork(s.ask))(t)
	e := got(s.p.connect(n, want{Expose: []proto{{6, 80}}}))(t)
	port := s.port(t, e.ip(n, false))
	groups := got(s.Service.FindSecurityGroups(context.Background(), zun.NeutronQuery{Name: port.ID + "-exposed_ports"}))(t)
	if port.ProjectID != s.Net.ProjectID || len(groups) != 1 || groups[0].ProjectID != s.Net.ProjectID {
		t.Errorf("port of %s, groups %v, network of %s", port.ProjectID, groups, s.Net.ProjectID)
	}
}

// W17: only the container's end had the network's MTU (see TestExistingNetworkCountsAndLeaves
// Nothing for both), a user's port kept Docker's MAC, and device_id stayed.
func TestW17PortComesBack(t *testing.T) {
	s := mustStage(t, "")
	own := s.userPort(t, s.tenant)
	n := got(s.p.createNetwork(s.ask))(t)
	e := got(s.p.connect(n, want{IPs: map[bool]string{false: own.FixedIPs[0].IP.String()}}))(t)
	s.p.disconnect(n, e)
	must(t, s.p.Settle(context.Background()))
	if now := s.port(t, own.FixedIPs[0].IP); now.MAC != own.MAC || now.DeviceID != "" || now.Host != "" || !slices.Equal(now.Tags, own.Tags) {
		t.Errorf("port %+v", now)
	}
}

// W18: the plugin listened on all interfaces and asked nobody for proof.
func TestW18SocketOfRootOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugins", "kuryr.sock")
	l := got(libnetwork.Listen(path))(t)
	defer func() { _ = l.Close() }()
	if info := got(os.Stat(path))(t); info.Mode().Perm() != 0o600 || l.Addr().Network() != "unix" {
		t.Errorf("mode %v on %s", info.Mode(), l.Addr().Network())
	}
}

// TestFullSubnetAndQuota: what Neutron cannot give is told in its words, and a later try is
// fine.
func TestFullSubnetAndQuota(t *testing.T) {
	s := mustStage(t, "")
	n := got(s.p.createNetwork(ask{Subnets: []string{"10.3.0.0/30"}}))(t)
	e := got(s.p.connect(n, want{}))(t)
	must(t, s.p.Settle(context.Background()))
	before := s.state(t)
	if _, err := s.p.connect(n, want{}); err == nil || !strings.Contains(err.Error(), "No more IP addresses") {
		t.Errorf("got %v", err)
	}
	s.unchanged(t, before)
	s.p.disconnect(n, e)
	got(s.p.connect(n, want{}))(t)
}

// TestBridgeGone: plugging fails, and nothing of the port is left.
func TestBridgeGone(t *testing.T) {
	s := mustStage(t, "")
	f := &faults{left: -1}
	bad := shaky{s.Service, &ledger{plugged: map[string]bool{}}, f}
	p := mustPlugin(t, settings{Neutron: bad, Binder: bad})
	n := got(p.createNetwork(s.ask))(t)
	before := s.state(t)
	f.left = 1 // after the port's creation
	if _, err := p.connect(n, want{}); err == nil || f.hit != "Plug" {
		t.Errorf("got %v at %q", err, f.hit)
	}
	must(t, p.Settle(context.Background()))
	s.unchanged(t, before)
}

func proxyTo(target *url.URL) http.Handler { return httputil.NewSingleHostReverseProxy(target) }
