package dataplane

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/minicloud"
)

// wire sends and receives whole Ethernet frames on a link.
type wire struct {
	tb    testing.TB
	fd    int
	index int
}

func newWire(tb testing.TB, at *link.Handle, name string) *wire {
	tb.Helper()
	found, ok, err := at.Find(name)
	if err != nil || !ok {
		tb.Fatalf("no %s in %s: %v", name, at.Namespace(), err)
	}
	w := &wire{tb: tb, index: found.Index}
	all := binary.NativeEndian.Uint16(half(unix.ETH_P_ALL))
	must(tb, at.In(func() (err error) {
		w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all))
		return err
	}))
	tb.Cleanup(func() { _ = unix.Close(w.fd) })
	must(tb, unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: w.index}))
	must(tb, unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}))
	return w
}

func (w *wire) send(frame []byte) {
	w.tb.Helper()
	must(w.tb, unix.Sendto(w.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: w.index}))
}

// until returns the words of the test frames that come in up to and including the last.
// Frames of one sender keep their order, so what has not come before the last was dropped.
func (w *wire) until(last string) map[string]bool {
	w.tb.Helper()
	seen := map[string]bool{}
	buf := make([]byte, 4096)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		n, from, err := unix.Recvfrom(w.fd, buf, 0)
		if err != nil {
			continue
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if _, word, ok := bytes.Cut(buf[:n], []byte("test:")); ok {
			name, _, _ := bytes.Cut(word, []byte(";"))
			seen[string(name)] = true
			if string(name) == last {
				return seen
			}
		}
	}
	w.tb.Fatalf("the frame %q never came; seen %v", last, seen)
	return nil
}

func mac(s string) net.HardwareAddr {
	m, err := net.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

var everybody = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func ethernet(to, from net.HardwareAddr, kind uint16, payload ...[]byte) []byte {
	return bytes.Join(append([][]byte{to, from, half(kind)}, payload...), nil)
}

func word4(word string) []byte { return []byte("test:" + word + ";") }

func udp(source, target uint16, word string) []byte {
	body := word4(word)
	return bytes.Join([][]byte{half(source), half(target), half(uint16(8 + len(body))), half(0), body}, nil)
}

func ip4(from, to string, protocol byte, payload []byte) []byte {
	head := make([]byte, 20)
	head[0], head[8], head[9] = 0x45, 64, protocol
	binary.BigEndian.PutUint16(head[2:], uint16(20+len(payload)))
	copy(head[12:], addr(from).AsSlice())
	copy(head[16:], addr(to).AsSlice())
	binary.BigEndian.PutUint16(head[10:], checksum(head))
	return slices.Concat(head, payload)
}

func ip6(from, to string, protocol byte, payload []byte) []byte {
	head := make([]byte, 40)
	head[0], head[6], head[7] = 0x60, protocol, 255
	binary.BigEndian.PutUint16(head[4:], uint16(len(payload)))
	copy(head[8:], addr(from).AsSlice())
	copy(head[24:], addr(to).AsSlice())
	return slices.Concat(head, payload)
}

// icmp6 computes no checksum: nothing between the taps looks at it but conntrack, which
// lets neighbour discovery pass unseen.
func icmp6(kind byte, target, word string) []byte {
	body := append([]byte{kind, 0, 0, 0, 0, 0, 0, 0}, addr(target).AsSlice()...)
	return append(body, word4(word)...)
}

func icmp6Summed(from, to string, message []byte) []byte {
	pseudo := bytes.Join([][]byte{addr(from).AsSlice(), addr(to).AsSlice(), {0, 0, 0, byte(len(message)), 0, 0, 0, 58}, message}, nil)
	if len(pseudo)%2 == 1 {
		pseudo = append(pseudo, 0)
	}
	binary.BigEndian.PutUint16(message[2:], checksum(pseudo))
	return message
}

func arp(operation byte, mac net.HardwareAddr, from, to, word string) []byte {
	return bytes.Join([][]byte{
		{0, 1, 8, 0, 6, 4, 0, operation}, mac, addr(from).AsSlice(), everybody, addr(to).AsSlice(), word4(word),
	}, nil)
}

func TestASecuredPortSendsOnlyAsItself(t *testing.T) {
	h := newHost(t)
	g := outGroup(ingress(false), ingress(true))
	a, b := port(1, 5, g.ID), port(2, 6, g.ID)
	pairMAC := mac("fa:16:3e:aa:aa:aa")
	a.AllowedPairs = []minicloud.AddressPair{
		{Prefix: cidr("10.2.0.64/28")},
		{MAC: pairMAC.String(), Prefix: cidr("10.2.0.90/32")},
		{Prefix: cidr("fd02:0:0:0:1::/80")},
	}
	n := dualNetwork(1, a, b)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	ca, cb := h.plug(n, a), h.plug(n, b)
	mustPing(t, ca.Handle, addr("10.2.0.6")) // both ends are up and forwarding
	mustPing(t, ca.Handle, addr("fd02::6"))

	own, other, to := mac(a.MAC), mac("fa:16:3e:bb:bb:bb"), mac(b.MAC)
	v4 := func(m net.HardwareAddr, from, word string) []byte {
		return ethernet(to, m, unix.ETH_P_IP, ip4(from, "10.2.0.6", unix.IPPROTO_UDP, udp(1000, 2000, word)))
	}
	v6 := func(m net.HardwareAddr, from, word string) []byte {
		return ethernet(to, m, unix.ETH_P_IPV6, ip6(from, "fd02::6", unix.IPPROTO_UDP, udp(1000, 2000, word)))
	}
	advert := func(from, target, word string) []byte {
		return ethernet(to, own, unix.ETH_P_IPV6, ip6(from, "fd02::6", unix.IPPROTO_ICMPV6,
			icmp6Summed(from, "fd02::6", icmp6(136, target, word))))
	}
	tagged := func(tag uint16, word string) []byte {
		inner := ip4("10.2.0.5", "10.2.0.6", unix.IPPROTO_UDP, udp(1000, 2000, word))
		return ethernet(to, own, unix.ETH_P_8021Q, half(tag), half(unix.ETH_P_IP), inner)
	}
	pass := map[string][]byte{
		"own IPv4":                v4(own, "10.2.0.5", "own IPv4"),
		"pair's range":            v4(own, "10.2.0.79", "pair's range"),
		"pair's MAC and address":  v4(pairMAC, "10.2.0.90", "pair's MAC and address"),
		"own IPv6":                v6(own, "fd02::5", "own IPv6"),
		"pair's IPv6 range":       v6(own, "fd02::1:0:0:7", "pair's IPv6 range"),
		"own link-local":          v6(own, linkLocal(own).String(), "own link-local"),
		"own advertisement":       advert("fd02::5", "fd02::5", "own advertisement"),
		"own ARP":                 ethernet(everybody, own, unix.ETH_P_ARP, arp(1, own, "10.2.0.5", "10.2.0.6", "own ARP")),
		"ARP probe":               ethernet(everybody, own, unix.ETH_P_ARP, arp(1, own, "0.0.0.0", "10.2.0.5", "ARP probe")),
		"DHCP client":             ethernet(everybody, own, unix.ETH_P_IP, ip4("0.0.0.0", "255.255.255.255", unix.IPPROTO_UDP, udp(68, 67, "DHCP client"))),
		"looking for a duplicate": ethernet(to, own, unix.ETH_P_IPV6, ip6("::", "ff02::1:ff00:5", unix.IPPROTO_ICMPV6, icmp6Summed("::", "ff02::1:ff00:5", icmp6(135, "fd02::5", "looking for a duplicate")))),
	}
	blocked := map[string][]byte{
		"foreign MAC":               v4(other, "10.2.0.5", "foreign MAC"),
		"foreign IPv4":              v4(own, "10.2.0.7", "foreign IPv4"),
		"the gateway's IPv4":        v4(own, "10.2.0.1", "the gateway's IPv4"),
		"just past the pair":        v4(own, "10.2.0.80", "just past the pair"),
		"pair's address, own MAC":   v4(own, "10.2.0.90", "pair's address, own MAC"),
		"own address, pair's MAC":   v4(pairMAC, "10.2.0.5", "own address, pair's MAC"),
		"foreign IPv6":              v6(own, "fd02::7", "foreign IPv6"),
		"foreign link-local":        v6(own, "fe80::1", "foreign link-local"),
		"foreign IPv6 MAC":          v6(other, "fd02::5", "foreign IPv6 MAC"),
		"the gateway advertised":    advert("fd02::5", "fd02::1", "the gateway advertised"),
		"foreign ARP address":       ethernet(everybody, own, unix.ETH_P_ARP, arp(2, own, "10.2.0.1", "10.2.0.6", "foreign ARP address")),
		"foreign ARP MAC":           ethernet(everybody, own, unix.ETH_P_ARP, arp(2, other, "10.2.0.5", "10.2.0.6", "foreign ARP MAC")),
		"foreign MAC around ARP":    ethernet(everybody, other, unix.ETH_P_ARP, arp(2, own, "10.2.0.5", "10.2.0.6", "foreign MAC around ARP")),
		"DHCP server":               v4Ports(to, own, 67, 68, "DHCP server"),
		"router advertisement":      ethernet(to, own, unix.ETH_P_IPV6, ip6(linkLocal(own).String(), "fd02::6", unix.IPPROTO_ICMPV6, icmp6Summed(linkLocal(own).String(), "fd02::6", icmp6(134, "::", "router advertisement")))),
		"unspecified IPv4":          v4(own, "0.0.0.0", "unspecified IPv4"),
		"another protocol":          ethernet(to, own, 0x88b5, word4("another protocol")),
		"a VLAN":                    tagged(7, "a VLAN"),
		"a VLAN that is only a tag": tagged(0, "a VLAN that is only a tag"),
	}
	send, receive := newWire(t, ca.Handle, "eth0"), newWire(t, cb.Handle, "eth0")
	for _, frames := range []map[string][]byte{pass, blocked} {
		for _, frame := range frames {
			send.send(frame)
		}
	}
	send.send(v4(own, "10.2.0.5", "the last"))
	seen := receive.until("the last")
	for name := range pass {
		if !seen[name] {
			t.Errorf("%s does not pass", name)
		}
	}
	for name := range blocked {
		if seen[name] {
			t.Errorf("%s passes, and must not", name)
		}
	}
}

func v4Ports(to, from net.HardwareAddr, source, target uint16, word string) []byte {
	return ethernet(to, from, unix.ETH_P_IP, ip4("10.2.0.5", "10.2.0.6", unix.IPPROTO_UDP, udp(source, target, word)))
}

// A tap that shows in a bridge of ours without being a port's gets and sends nothing.
func TestAnUnknownTapIsCutOff(t *testing.T) {
	h := newHost(t)
	g := outGroup(ingress(false), ingress(true))
	a, b, unknown := port(1, 5, g.ID), port(2, 6, g.ID), port(3, 7, g.ID)
	n := dualNetwork(1, a, b)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	ca, cb, cu := h.plug(n, a), h.plug(n, b), h.plugUnseen(n, unknown)
	mustPing(t, ca.Handle, addr("10.2.0.6"))
	wa, wb, wu := newWire(t, ca.Handle, "eth0"), newWire(t, cb.Handle, "eth0"), newWire(t, cu.Handle, "eth0")
	frame := func(word string) []byte {
		return ethernet(everybody, mac(unknown.MAC), unix.ETH_P_ARP, arp(1, mac(unknown.MAC), "10.2.0.7", "10.2.0.6", word))
	}
	wu.send(frame("unknown ARP"))
	wu.send(ethernet(everybody, mac(unknown.MAC), unix.ETH_P_IP, ip4("10.2.0.7", "10.2.0.6", unix.IPPROTO_UDP, udp(1, 2, "unknown IP"))))
	wa.send(ethernet(everybody, mac(a.MAC), unix.ETH_P_ARP, arp(1, mac(a.MAC), "10.2.0.5", "10.2.0.7", "to all")))
	if seen := wb.until("to all"); seen["unknown ARP"] || seen["unknown IP"] {
		t.Errorf("an unknown tap reaches a port: %v", seen)
	}
	mustNotPing(t, cu.Handle, addr("10.2.0.1"))
	mustNotPing(t, cu.Handle, addr("10.2.0.6"))

	// As soon as it is a port it is like the others.
	n.Ports = append(n.Ports, unknown)
	h.source.want(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	h.source.awaitPlugged(t, unknown.ID, true)
	mustPing(t, cu.Handle, addr("10.2.0.6"))
	mustPing(t, ca.Handle, netip.MustParseAddr("10.2.0.7"))
	wa.send(ethernet(everybody, mac(a.MAC), unix.ETH_P_ARP, arp(1, mac(a.MAC), "10.2.0.5", "10.2.0.7", "now known")))
	if seen := wu.until("now known"); seen["to all"] {
		t.Error("an unknown tap got what a port sent to all")
	}
}

// The host is not on the tenant's wire: it answers neither for its own addresses nor to
// frames that are sent to its bridge.
func TestTheHostIsNotOnTheBridge(t *testing.T) {
	h := newHost(t)
	lan := h.neighbour("lan", "ext0", "192.0.2.1/24")
	g := outGroup(ingress(false), ingress(true))
	a := port(1, 5, g.ID)
	n := dualNetwork(1, a)
	n.Subnets[0].Gateway, n.Subnets[1].Gateway = netip.Addr{}, netip.Addr{}
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	known, unknown := h.plug(n, a), h.plugUnseen(n, port(2, 6))
	bridge, _, err := h.links.Find(bridgeName(n.ID))
	must(t, err)
	for _, c := range []*container{known, unknown} {
		must(t, c.AddRoute(link.Route{To: cidr("192.0.2.0/24"), Link: "eth0"}))
		mustNotPing(t, c.Handle, addr("192.0.2.1"))
		if seen, err := output(context.Background(), c.Handle, "ip", "neigh", "show", "192.0.2.1"); err != nil || strings.Contains(seen, "lladdr") {
			t.Errorf("the host answered ARP: %s %v", seen, err)
		}
		must(t, run(context.Background(), c.Handle, "ip", "neigh", "replace", "192.0.2.1", "lladdr", bridge.MAC.String(), "dev", "eth0"))
		mustNotPing(t, c.Handle, addr("192.0.2.1"))
	}
	// Not even a frame of a port's comes in. The stranger's does, and is refused as IP only.
	host := newWire(t, h.links, bridge.Name)
	newWire(t, known.Handle, "eth0").send(ethernet(everybody, mac(a.MAC), unix.ETH_P_ARP,
		arp(1, mac(a.MAC), "10.2.0.5", "192.0.2.1", "a port's")))
	newWire(t, unknown.Handle, "eth0").send(ethernet(everybody, mac(unknown.port.MAC), unix.ETH_P_ARP,
		arp(1, mac(unknown.port.MAC), "10.2.0.6", "192.0.2.1", "a stranger's")))
	if seen := host.until("a stranger's"); seen["a port's"] {
		t.Error("the host sees what a port sends to all")
	}

	// A stranger's datagram to the bridge does not reach the host's programs.
	must(t, h.links.SetSysctl("net/ipv4/conf/all/rp_filter", "0", "net/ipv4/conf/"+bridge.Name+"/rp_filter", "0"))
	server := listenUDP(t, h.links, at("192.0.2.1", 5000))
	newWire(t, unknown.Handle, "eth0").send(ethernet(bridge.MAC, mac(unknown.port.MAC), unix.ETH_P_IP,
		ip4("10.2.0.6", "192.0.2.1", unix.IPPROTO_UDP, udp(1000, 5000, "a stranger's"))))
	_, err = listenUDP(t, lan, at("192.0.2.2", 5000)).WriteToUDPAddrPort([]byte("the lan's"), at("192.0.2.1", 5000))
	must(t, err)
	buf := make([]byte, 100)
	got, err := server.Read(buf)
	if err != nil || string(buf[:got]) != "the lan's" {
		t.Errorf("the host got %q first, %v", buf[:got], err)
	}
}

func listenUDP(tb testing.TB, at *link.Handle, addr netip.AddrPort) *net.UDPConn {
	tb.Helper()
	var conn *net.UDPConn
	must(tb, at.In(func() (err error) {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
		return err
	}))
	tb.Cleanup(func() { _ = conn.Close() })
	must(tb, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// fragment4 is a part of a datagram's IP payload.
func fragment4(from, to string, offset int, more bool, payload []byte) []byte {
	packet := ip4(from, to, unix.IPPROTO_UDP, payload)
	field := uint16(offset / 8)
	if more {
		field |= 0x2000
	}
	binary.BigEndian.PutUint16(packet[4:], 0x7777)
	binary.BigEndian.PutUint16(packet[6:], field)
	packet[10], packet[11] = 0, 0
	binary.BigEndian.PutUint16(packet[10:], checksum(packet[:20]))
	return packet
}

// The first half of a datagram from one network and the second from another, with the same
// addresses and the same identification, are no datagram.
func TestFragmentsOfTwoNetworksDoNotMix(t *testing.T) {
	h := newHost(t)
	g := outGroup(ingress(false))
	a1, b1, a2, b2 := port(1, 5, g.ID), port(2, 6, g.ID), port(3, 5, g.ID), port(4, 6, g.ID)
	one, two := dualNetwork(1, a1, b1), dualNetwork(2, a2, b2)
	h.run(minicloud.Desired{Networks: []minicloud.Network{one, two}, Groups: []minicloud.SecurityGroup{g}})
	ca1, cb1, ca2, cb2 := h.plug(one, a1), h.plug(one, b1), h.plug(two, a2), h.plug(two, b2)
	mustPing(t, ca1.Handle, b1.IPs[0])
	mustPing(t, ca2.Handle, b2.IPs[0])
	w1, w2 := newWire(t, ca1.Handle, "eth0"), newWire(t, ca2.Handle, "eth0")
	s1, s2 := listenUDP(t, cb1.Handle, at("10.2.0.6", 5000)), listenUDP(t, cb2.Handle, at("10.2.0.6", 5000))

	whole := append(udp(1000, 5000, "mixed"), make([]byte, 64)...)
	binary.BigEndian.PutUint16(whole[4:], uint16(len(whole)))
	const cut = 24
	w1.send(ethernet(mac(b1.MAC), mac(a1.MAC), unix.ETH_P_IP, fragment4("10.2.0.5", "10.2.0.6", 0, true, whole[:cut])))
	w2.send(ethernet(mac(b2.MAC), mac(a2.MAC), unix.ETH_P_IP, fragment4("10.2.0.5", "10.2.0.6", cut, false, whole[cut:])))
	for i, w := range []*wire{w1, w2} {
		p, q := []minicloud.Port{a1, a2}[i], []minicloud.Port{b1, b2}[i]
		w.send(v4Ports(mac(q.MAC), mac(p.MAC), 2000, 5000, "whole"))
	}
	for _, s := range []*net.UDPConn{s1, s2} {
		buf := make([]byte, 200)
		got, err := s.Read(buf)
		if err != nil || string(buf[:got]) != "test:whole;" {
			t.Errorf("got %q first, %v", buf[:got], err)
		}
	}
}
