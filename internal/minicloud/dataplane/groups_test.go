package dataplane

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gozun/gozun/internal/minicloud"
)

func bothFamilies(change func(*minicloud.Rule)) []minicloud.Rule {
	v4, v6 := ingress(false), ingress(true)
	change(&v4)
	change(&v6)
	return []minicloud.Rule{v4, v6}
}

func TestRulesAllowWhatTheySayAndNothingElse(t *testing.T) {
	type probe func(tb testing.TB, c *container, ip netip.Addr)
	dial := func(p uint16) probe {
		return func(tb testing.TB, c *container, ip netip.Addr) {
			tb.Helper()
			mustDial(tb, c.Handle, netip.AddrPortFrom(ip, p))
		}
	}
	noDial := func(p uint16) probe {
		return func(tb testing.TB, c *container, ip netip.Addr) {
			tb.Helper()
			mustNotDial(tb, c.Handle, netip.AddrPortFrom(ip, p))
		}
	}
	echoes := func(tb testing.TB, c *container, ip netip.Addr) { tb.Helper(); mustPing(tb, c.Handle, ip) }
	noEchoes := func(tb testing.TB, c *container, ip netip.Addr) { tb.Helper(); mustNotPing(tb, c.Handle, ip) }

	one, two := outGroup(), outGroup()
	a, b := port(1, 5, one.ID), port(2, 6, two.ID)
	tests := map[string]struct {
		rules    []minicloud.Rule
		one, two []probe // of the client in group one, in group two
	}{
		"nothing is allowed without a rule": {
			one: []probe{noDial(80), noEchoes}, two: []probe{noDial(80)},
		},
		"a rule for everything allows everybody": {
			rules: bothFamilies(func(*minicloud.Rule) {}),
			one:   []probe{dial(80), echoes}, two: []probe{dial(8000)},
		},
		"a port range has two ends": {
			rules: bothFamilies(func(r *minicloud.Rule) { r.Protocol, r.PortMin, r.PortMax = unix.IPPROTO_TCP, 8000, 8010 }),
			one:   []probe{dial(8000), dial(8010), noDial(80), noDial(8011), noEchoes},
		},
		"a single port": {
			rules: bothFamilies(func(r *minicloud.Rule) { r.Protocol, r.PortMin, r.PortMax = unix.IPPROTO_TCP, 80, 80 }),
			one:   []probe{dial(80), noDial(8000)},
		},
		"another protocol's port": {
			rules: bothFamilies(func(r *minicloud.Rule) { r.Protocol, r.PortMin, r.PortMax = unix.IPPROTO_UDP, 80, 80 }),
			one:   []probe{noDial(80)},
		},
		"a protocol by its number": {
			rules: bothFamilies(func(r *minicloud.Rule) { r.Protocol = unix.IPPROTO_TCP }),
			one:   []probe{dial(80), noEchoes},
		},
		"ICMP as a whole": {
			rules: bothFamilies(func(r *minicloud.Rule) { r.Protocol = unix.IPPROTO_ICMP }),
			one:   []probe{echoes, noDial(80)},
		},
		"the ICMP type of an echo": {
			rules: bothFamilies(func(r *minicloud.Rule) {
				r.Protocol, r.PortMin, r.PortMax = unix.IPPROTO_ICMP, 8, 0
				if r.IPv6 {
					r.Protocol, r.PortMin = unix.IPPROTO_ICMPV6, 128
				}
			}),
			one: []probe{echoes},
		},
		"another ICMP type": {
			rules: bothFamilies(func(r *minicloud.Rule) { r.Protocol, r.PortMin = unix.IPPROTO_ICMP, 13 }),
			one:   []probe{noEchoes},
		},
		"a remote prefix": {
			rules: bothFamilies(func(r *minicloud.Rule) {
				r.RemotePrefix = cidr("10.2.0.4/31")
				if r.IPv6 {
					r.RemotePrefix = cidr("fd02::4/127")
				}
			}),
			one: []probe{dial(80)}, two: []probe{noDial(80)},
		},
		"a remote group": {
			rules: bothFamilies(func(r *minicloud.Rule) { r.RemoteGroup = two.ID }),
			one:   []probe{noDial(80)}, two: []probe{dial(80)},
		},
	}
	h := newHost(t)
	n := dualNetwork(1, a, b)
	d := minicloud.Desired{Groups: []minicloud.SecurityGroup{one, two}}
	servers := map[string]minicloud.Port{}
	for name, tt := range tests {
		g := outGroup(tt.rules...)
		p := port(10+len(servers), 10+len(servers), g.ID)
		servers[name] = p
		n.Ports = append(n.Ports, p)
		d.Groups = append(d.Groups, g)
	}
	d.Networks = []minicloud.Network{n}
	h.run(d)
	ca, cb := h.plug(n, a), h.plug(n, b)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := h.plug(n, servers[name])
			for _, p := range []uint16{80, 8000, 8010, 8011} {
				listen(t, server.Handle, at("::", p))
			}
			for _, ip := range server.port.IPs {
				for _, p := range tt.one {
					p(t, ca, ip)
				}
				for _, p := range tt.two {
					p(t, cb, ip)
				}
			}
		})
	}
}

func TestEgressRulesHoldBackAndRepliesPass(t *testing.T) {
	h := newHost(t)
	mute := minicloud.SecurityGroup{ID: newID(), Rules: []minicloud.Rule{ingress(false), ingress(true)}}
	open := outGroup(ingress(false), ingress(true))
	a, b := port(1, 5, mute.ID), port(2, 6, open.ID)
	n := dualNetwork(1, a, b)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{mute, open}})
	ca, cb := h.plug(n, a), h.plug(n, b)
	listen(t, ca.Handle, at("::", 80))
	listen(t, cb.Handle, at("::", 80))
	for i, ip := range b.IPs {
		mustNotDial(t, ca.Handle, netip.AddrPortFrom(ip, 80))
		mustDial(t, cb.Handle, netip.AddrPortFrom(a.IPs[i], 80))
	}
}

func TestEgressToARemoteGroup(t *testing.T) {
	h := newHost(t)
	friend, other := outGroup(ingress(false)), outGroup(ingress(false))
	r := egress(false)
	r.RemoteGroup = friend.ID
	choosy := minicloud.SecurityGroup{ID: newID(), Rules: []minicloud.Rule{r}}
	a, b, c := port(1, 5, choosy.ID), port(2, 6, friend.ID), port(3, 7, other.ID)
	n := dualNetwork(1, a, b, c)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{choosy, friend, other}})
	ca := h.plug(n, a)
	h.plug(n, b)
	h.plug(n, c)
	mustPing(t, ca.Handle, addr("10.2.0.6"))
	mustNotPing(t, ca.Handle, addr("10.2.0.7"))
}

func TestPortSecurityOffAndAdminDown(t *testing.T) {
	h := newHost(t)
	g := outGroup(ingress(false), ingress(true))
	open, down, plain := port(1, 5), port(2, 6, g.ID), port(3, 7, g.ID)
	open.PortSecurity = false
	n := dualNetwork(1, open, down, plain)
	d := minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}}
	h.run(d)
	co, cd, cp := h.plug(n, open), h.plug(n, down), h.plug(n, plain)
	must(t, co.AddAddress("eth0", cidr("10.2.0.99/24"))) // an address that Neutron never gave it
	mustPing(t, cp.Handle, addr("10.2.0.99"))
	mustPing(t, co.Handle, addr("fd02::7"))
	mustPing(t, cd.Handle, addr("10.2.0.7"))

	down.AdminUp = false
	n.Ports = []minicloud.Port{open, down, plain}
	d.Networks = []minicloud.Network{n}
	h.apply(d)
	mustNotPing(t, cd.Handle, addr("10.2.0.7"))
	mustNotPing(t, cp.Handle, addr("10.2.0.6"))
	mustPing(t, cp.Handle, addr("10.2.0.5"))
}

func TestChangedRulesTakeEffect(t *testing.T) {
	h := newHost(t)
	g := outGroup()
	a, b := port(1, 5, g.ID), port(2, 6, g.ID)
	n := dualNetwork(1, a, b)
	d := minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}}
	h.run(d)
	ca, cb := h.plug(n, a), h.plug(n, b)
	listen(t, cb.Handle, at("::", 80))
	to := at("10.2.0.6", 80)
	mustNotDial(t, ca.Handle, to)
	d.Groups = []minicloud.SecurityGroup{{ID: g.ID, Rules: append(g.Rules, ingress(false))}}
	h.apply(d)
	mustDial(t, ca.Handle, to)
	d.Groups = []minicloud.SecurityGroup{g}
	h.apply(d)
	mustNotDial(t, ca.Handle, to)
	mustPing(t, h.links, addr("10.2.0.6")) // the host's user always gets through
}

// A datagram that needs fragments passes both families, each fragment counted to its port.
func TestFragmentsPass(t *testing.T) {
	h := newHost(t)
	g := defaultGroup()
	a, b := port(1, 5, g.ID), port(2, 6, g.ID)
	n := dualNetwork(1, a, b)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	ca, cb := h.plug(n, a), h.plug(n, b)
	for _, ip := range b.IPs {
		var server, client *net.UDPConn
		must(t, cb.In(func() (err error) {
			server, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 5000)))
			return err
		}))
		must(t, ca.In(func() (err error) {
			client, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 5000)))
			return err
		}))
		_, err := client.Write(make([]byte, 6000))
		must(t, err)
		must(t, server.SetDeadline(time.Now().Add(patience)))
		got, err := server.Read(make([]byte, 9000))
		if err != nil || got != 6000 {
			t.Errorf("%s: got %d bytes, %v", ip, got, err)
		}
		_, _ = client.Close(), server.Close()
	}
}

func TestClearTwiceAndWithNothingThere(t *testing.T) {
	h := newHost(t)
	must(t, h.plane().Clear(context.Background()))
	must(t, h.plane().Clear(context.Background()))
}

// An open connection ends with the rule that allowed it, and one that is still allowed
// does not.
func TestATakenRuleEndsItsConnections(t *testing.T) {
	h := newHost(t)
	web := bothFamilies(func(r *minicloud.Rule) { r.Protocol, r.PortMin, r.PortMax = unix.IPPROTO_TCP, 80, 80 })
	alt := bothFamilies(func(r *minicloud.Rule) { r.Protocol, r.PortMin, r.PortMax = unix.IPPROTO_TCP, 8080, 8080 })
	client, server := outGroup(), outGroup(append(web, alt...)...)
	a, b := port(1, 5, client.ID), port(2, 6, server.ID)
	n := dualNetwork(1, a, b)
	d := minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{client, server}}
	h.run(d)
	ca, cb := h.plug(n, a), h.plug(n, b)
	listen(t, cb.Handle, at("::", 80))
	listen(t, cb.Handle, at("::", 8080))
	for _, ip := range b.IPs {
		ends, stays := mustDial(t, ca.Handle, netip.AddrPortFrom(ip, 80)), mustDial(t, ca.Handle, netip.AddrPortFrom(ip, 8080))
		d.Groups = []minicloud.SecurityGroup{client, {ID: server.ID, Rules: outGroup(alt...).Rules}}
		h.apply(d)
		must(t, stays.say("still allowed"))
		must(t, ends.conn.SetDeadline(time.Now().Add(doubt)))
		_, _ = ends.conn.Write([]byte("gone"))
		if _, err := ends.conn.Read(make([]byte, 4)); err == nil {
			t.Errorf("%s: a connection outlived its rule", ip)
		}
		d.Groups = []minicloud.SecurityGroup{client, server}
		h.apply(d)
	}
}
