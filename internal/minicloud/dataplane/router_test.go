package dataplane

import (
	"context"
	"net/netip"
	"testing"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/minicloud"
)

// neighbour connects a namespace to the host with a veth: the world, or a Docker container.
func (h *testHost) neighbour(name, hostEnd string, addrs ...string) *link.Handle {
	h.tb.Helper()
	ns := newNamespace(h.tb, h.prefix+name)
	must(h.tb, h.links.EnsureVeth(link.Veth{Name: hostEnd, Peer: "eth0", PeerAt: ns}))
	must(h.tb, ns.SetUp("eth0"))
	for _, a := range addrs {
		p := cidr(a)
		must(h.tb, h.links.AddAddress(hostEnd, p))
		must(h.tb, ns.AddAddress("eth0", netip.PrefixFrom(p.Addr().Next(), p.Bits())))
	}
	return ns
}

func (h *testHost) defaultVia(ns *link.Handle, via string) {
	h.tb.Helper()
	must(h.tb, ns.AddRoute(link.Route{To: netip.PrefixFrom(zeroOf(addr(via)), 0), Via: addr(via), Link: "eth0"}))
}

func TestGatewayAnswersAndTheOutsideIsReachedByMasquerade(t *testing.T) {
	h := newHost(t)
	world := h.neighbour("world", "ext0", "198.51.100.1/24", "2001:db8::1/64")
	g := outGroup()
	a := port(1, 5, g.ID)
	n := dualNetwork(1, a)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	c := h.plug(n, a)
	mustPing(t, c.Handle, addr("10.2.0.1"))
	mustPing(t, c.Handle, addr("fd02::1"))
	listen(t, world, at("::", 80))
	for to, want := range map[string]string{"198.51.100.2": "198.51.100.1", "2001:db8::2": "2001:db8::1"} {
		talk := mustDial(t, c.Handle, at(to, 80))
		if got := talk.from.Addr().Unmap(); got != addr(want) {
			t.Errorf("%s sees %s, want the host's address %s", to, got, want)
		}
		mustPing(t, c.Handle, addr(to))
	}
}

func TestTheOutsideGetsInOnlyWithReplies(t *testing.T) {
	h := newHost(t)
	world := h.neighbour("world", "ext0", "198.51.100.1/24", "2001:db8::1/64")
	h.defaultVia(world, "198.51.100.1")
	h.defaultVia(world, "2001:db8::1")
	g := outGroup(ingress(false), ingress(true))
	a := port(1, 5, g.ID)
	n := dualNetwork(1, a)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	c := h.plug(n, a)
	listen(t, c.Handle, at("::", 80))
	for _, ip := range a.IPs {
		mustNotDial(t, world, netip.AddrPortFrom(ip, 80))
		mustDial(t, h.links, netip.AddrPortFrom(ip, 80))
	}
}

func TestTheHostReachesContainersWhateverTheirGroups(t *testing.T) {
	h := newHost(t)
	none := minicloud.SecurityGroup{ID: newID()}
	a := port(1, 5, none.ID)
	n := dualNetwork(7, a)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{none}})
	c := h.plug(n, a)
	listen(t, c.Handle, at("::", 80))
	for to, want := range map[string]netip.Addr{"10.2.0.5": hostLink4, "fd02::5": hostLink6} {
		if got := mustDial(t, h.links, at(to, 80)).from.Addr().Unmap(); got != want {
			t.Errorf("%s sees %s, want %s", to, got, want)
		}
	}
}

func TestASubnetWithoutGatewayHasNoWayOut(t *testing.T) {
	h := newHost(t)
	h.neighbour("world", "ext0", "198.51.100.1/24")
	g := defaultGroup()
	a, b := port(1, 5, g.ID), port(2, 6, g.ID)
	n := dualNetwork(1, a, b)
	for i := range n.Subnets {
		n.Subnets[i].Gateway = netip.Addr{}
	}
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	c := h.plug(n, a)
	h.plug(n, b)
	mustPing(t, c.Handle, addr("10.2.0.6"))
	mustNotPing(t, c.Handle, addr("10.2.0.1"))
	must(t, c.AddRoute(link.Route{To: cidr("0.0.0.0/0"), Via: addr("10.2.0.1"), Link: "eth0"}))
	mustNotPing(t, c.Handle, addr("198.51.100.1"))
	if names, _ := link.Namespaces(h.prefix + "-"); len(names) > 0 {
		t.Errorf("routers %v were made", names)
	}
	// A gateway that comes later serves the same containers, and goes again.
	n.Subnets[0].Gateway = addr("10.2.0.1")
	d := minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}}
	h.apply(d)
	mustPing(t, c.Handle, addr("198.51.100.1"))
	n.Subnets[0].Gateway = netip.Addr{}
	h.apply(d)
	mustNotPing(t, c.Handle, addr("10.2.0.1"))
}

func TestNetworksAndDockerAreIsolatedFromEachOther(t *testing.T) {
	h := newHost(t)
	g := outGroup(ingress(false), ingress(true))
	a, b := port(1, 5, g.ID), port(2, 6, g.ID)
	b.IPs = []netip.Addr{addr("10.3.0.6"), addr("fd03::6")}
	one, two := dualNetwork(1, a), dualNetwork(2, b)
	two.Subnets[0].CIDR, two.Subnets[0].Gateway = cidr("10.3.0.0/24"), addr("10.3.0.1")
	two.Subnets[1].CIDR, two.Subnets[1].Gateway = cidr("fd03::/64"), addr("fd03::1")
	user := h.neighbour("user", "br-0123456789ab", "172.18.0.1/16", "fd18::1/64")
	bare := h.neighbour("bare", "docker0", "172.17.0.1/16")
	h.defaultVia(user, "172.18.0.1")
	h.defaultVia(user, "fd18::1")
	h.defaultVia(bare, "172.17.0.1")
	must(t, run(context.Background(), h.links, "iptables", "-w", "-P", "FORWARD", "ACCEPT")) // nobody else may be the reason
	must(t, run(context.Background(), h.links, "ip6tables", "-w", "-P", "FORWARD", "ACCEPT"))
	h.run(minicloud.Desired{Networks: []minicloud.Network{one, two}, Groups: []minicloud.SecurityGroup{g}})
	ca, cb := h.plug(one, a), h.plug(two, b)
	for _, ip := range b.IPs {
		mustPing(t, h.links, ip)
		mustNotPing(t, ca.Handle, ip)
		mustNotPing(t, user, ip)
		mustNotPing(t, bare, ip)
	}
	mustPing(t, h.links, addr("172.18.0.2"))
	mustNotPing(t, cb.Handle, addr("172.18.0.2"))
	mustNotPing(t, cb.Handle, addr("fd18::2"))
	mustNotPing(t, cb.Handle, addr("172.17.0.2"))
	// What Docker publishes on the host's own addresses is there for tenants as for the world.
	listen(t, user, at("::", 80))
	must(t, run(context.Background(), h.links, "iptables", "-w", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "8080",
		"-m", "addrtype", "--dst-type", "LOCAL", "-j", "DNAT", "--to", "172.18.0.2:80"))
	mustDial(t, ca.Handle, at("172.18.0.1", 8080))
}

func TestTwoNetworksWithTheSameAddressesSideBySide(t *testing.T) {
	h := newHost(t)
	world := h.neighbour("world", "ext0", "198.51.100.1/24", "2001:db8::1/64")
	listen(t, world, at("::", 80))
	g1, g2 := defaultGroup(), defaultGroup()
	a1, b1, a2, b2 := port(1, 5, g1.ID), port(2, 6, g1.ID), port(3, 5, g2.ID), port(4, 6, g2.ID)
	one, two := dualNetwork(1, a1, b1), dualNetwork(2, a2, b2)
	d := minicloud.Desired{Networks: []minicloud.Network{one, two}, Groups: []minicloud.SecurityGroup{g1, g2}}
	h.run(d)
	ca1, cb1, ca2, cb2 := h.plug(one, a1), h.plug(one, b1), h.plug(two, a2), h.plug(two, b2)
	for i, ip := range b1.IPs {
		// The same five-tuple in both networks, both open at once.
		local := netip.AddrPortFrom(a1.IPs[i], 40000)
		to := netip.AddrPortFrom(ip, 80)
		if i == 0 {
			listen(t, cb1.Handle, at("::", 80))
			listen(t, cb2.Handle, at("::", 80))
		}
		t1, err := dialTCP(ca1.Handle, local, to, patience)
		must(t, err)
		t2, err := dialTCP(ca2.Handle, local, to, patience)
		must(t, err)
		for _, talk := range []*talk{t1, t2, t1} {
			must(t, talk.say("hello"))
		}
		// One ends; the other goes on.
		must(t, t1.conn.Close())
		must(t, t2.say("still here"))
		must(t, t2.conn.Close())
	}
	for _, c := range []*container{ca1, ca2} {
		mustPing(t, c.Handle, addr("10.2.0.1"))
		mustPing(t, c.Handle, addr("fd02::1"))
		mustDial(t, c.Handle, at("198.51.100.2", 80))
		mustDial(t, c.Handle, at("2001:db8::2", 80))
	}
	// The host cannot know which one is meant, and learns it when one goes.
	if to := h.routesTo(cidr("10.2.0.0/24")); len(to) != 0 {
		t.Errorf("an ambiguous range is routed: %v", to)
	}
	d.Networks = []minicloud.Network{two}
	h.apply(d)
	mustDial(t, h.links, at("10.2.0.6", 80))
	mustDial(t, h.links, at("fd02::6", 80))
	d.Networks = []minicloud.Network{two, one}
	h.apply(d)
	if to := h.routesTo(cidr("10.2.0.0/24")); len(to) != 0 {
		t.Errorf("a range that became ambiguous is still routed: %v", to)
	}
}

func (h *testHost) routesTo(p netip.Prefix) []link.Route {
	h.tb.Helper()
	all, err := h.links.Routes()
	must(h.tb, err)
	var found []link.Route
	for _, r := range all {
		if r.To == p {
			found = append(found, r)
		}
	}
	return found
}

func TestARangeThatTheHostUsesIsNotTaken(t *testing.T) {
	h := newHost(t)
	h.neighbour("lan", "ext0", "10.2.0.129/25")
	n := dualNetwork(1)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}})
	if to := h.routesTo(cidr("10.2.0.0/24")); len(to) != 0 {
		t.Errorf("the host's own range is routed into the network: %v", to)
	}
	if to := h.routesTo(cidr("fd02::/64")); len(to) != 1 {
		t.Errorf("the free range has routes %v, want one", to)
	}
}

// Docker masquerades and redirects by address alone; a tenant may use the same ones.
func TestTheHostsTranslationDoesNotTouchBridgedTraffic(t *testing.T) {
	h := newHost(t)
	must(t, run(context.Background(), h.links, "iptables", "-w", "-t", "nat", "-A", "POSTROUTING", "-s", "10.2.0.0/24", "-j", "MASQUERADE"))
	must(t, run(context.Background(), h.links, "iptables", "-w", "-t", "nat", "-A", "PREROUTING", "-d", "10.2.0.6", "-j", "DNAT", "--to", "10.2.0.77"))
	must(t, run(context.Background(), h.links, "ip6tables", "-w", "-t", "nat", "-A", "POSTROUTING", "-s", "fd02::/64", "-j", "MASQUERADE"))
	g := defaultGroup()
	a, b := port(1, 5, g.ID), port(2, 6, g.ID)
	n := dualNetwork(1, a, b)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	ca, cb := h.plug(n, a), h.plug(n, b)
	listen(t, cb.Handle, at("::", 80))
	for i, ip := range b.IPs {
		if got := mustDial(t, ca.Handle, netip.AddrPortFrom(ip, 80)).from.Addr().Unmap(); got != a.IPs[i] {
			t.Errorf("%s sees %s, want %s", ip, got, a.IPs[i])
		}
	}
}

// A connection in one network must not open the way for the same addresses and ports in
// another, whose groups forbid it.
func TestAConnectionIsKnownInItsOwnNetworkOnly(t *testing.T) {
	h := newHost(t)
	open, closed := outGroup(ingress(false), ingress(true)), outGroup()
	a1, b1, a2, b2 := port(1, 5, open.ID), port(2, 6, open.ID), port(3, 5, closed.ID), port(4, 6, closed.ID)
	one, two := dualNetwork(1, a1, b1), dualNetwork(2, a2, b2)
	h.run(minicloud.Desired{Networks: []minicloud.Network{one, two}, Groups: []minicloud.SecurityGroup{open, closed}})
	ca1, cb1, ca2, cb2 := h.plug(one, a1), h.plug(one, b1), h.plug(two, a2), h.plug(two, b2)
	listen(t, cb1.Handle, at("::", 80))
	listen(t, cb2.Handle, at("::", 80))
	for i, ip := range b1.IPs {
		local, to := netip.AddrPortFrom(a1.IPs[i], 40000), netip.AddrPortFrom(ip, 80)
		talk, err := dialTCP(ca1.Handle, local, to, patience)
		must(t, err)
		if other, err := dialTCP(ca2.Handle, local, to, doubt); err == nil {
			_ = other.conn.Close()
			t.Errorf("%s: forbidden, but open because it is in the other network", to)
		}
		must(t, talk.say("undisturbed"))
		must(t, talk.conn.Close())
	}
}
