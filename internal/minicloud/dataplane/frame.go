package dataplane

import (
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The sets and maps that every ruleset has. Keys of the address sets are the source mark,
// the MAC and the address.
const (
	setMembers  = "members"  // links that may take part: taps of known ports, routers
	mapSenders  = "senders"  // link → what to do with what it sends
	mapMarks    = "marks"    // link → source mark
	mapTargets  = "targets"  // link → what to do with what it is to get
	setMACs     = "macs"     // mark, MAC
	setSources4 = "sources4" // mark, MAC, address
	setRanges4  = "ranges4"  // the same with prefixes
	setSources6 = "sources6" // …
	setRanges6  = "ranges6"  //
	setBridges  = "bridges"  // our bridges
	setUplinks  = "uplinks"  // host's ends of the ways out
	mapZones    = "zones"    // bridge → conntrack zone
	mapEgress   = "egress"   // source mark → rules for what it sends
	mapIngress  = "ingress"  // target mark → rules for what it gets
)

func concat(types ...nftables.SetDatatype) nftables.SetDatatype {
	return nftables.MustConcatSetType(types...)
}

func frameSets() []set {
	name, word, mac := nftables.TypeIFName, nftables.TypeMark, nftables.TypeEtherAddr
	v4, v6, to := nftables.TypeIPAddr, nftables.TypeIP6Addr, nftables.TypeVerdict
	zone := nftables.TypeInteger
	zone.Bytes = 2
	return []set{
		{table: bridgeTable, name: setMembers, key: name},
		{table: bridgeTable, name: mapSenders, key: name, isMap: true, data: to},
		{table: bridgeTable, name: mapMarks, key: name, isMap: true, data: word},
		{table: bridgeTable, name: mapTargets, key: name, isMap: true, data: to},
		{table: bridgeTable, name: setMACs, key: concat(word, mac), concat: true},
		{table: bridgeTable, name: setSources4, key: concat(word, mac, v4), concat: true},
		{table: bridgeTable, name: setRanges4, key: concat(word, mac, v4), concat: true, interval: true},
		{table: bridgeTable, name: setSources6, key: concat(word, mac, v6), concat: true},
		{table: bridgeTable, name: setRanges6, key: concat(word, mac, v6), concat: true, interval: true},
		{table: inetTable, name: setBridges, key: name},
		{table: inetTable, name: setUplinks, key: name},
		{table: inetTable, name: mapZones, key: name, isMap: true, data: zone},
		{table: inetTable, name: mapEgress, key: word, isMap: true, data: to},
		{table: inetTable, name: mapIngress, key: word, isMap: true, data: to},
	}
}

func frameChains() []chain {
	return append(bridgeChains(), inetChains()...)
}

// bridgeChains run before br_netfilter hands a frame to the inet table.
func bridgeChains() []chain {
	filter := func(at *nftables.ChainHook, priority int) *hook {
		return &hook{nftables.ChainTypeFilter, at, priority}
	}
	markSource := join(iif(), byMap(mapMarks), setMark())
	chains := []chain{
		{name: "open", rules: []rule{join(markSource, accept()), drop()}},
		{name: "router", rules: []rule{join(markSource, accept()), drop()}},
		{name: "secured", rules: []rule{
			markSource,
			// Read from the frame and not from its metadata, where a VLAN tag hides: tagged
			// frames would pass br_netfilter unseen.
			join(atLink(12, 2), is(half(unix.ETH_P_IP)...), goTo("ipv4")),
			join(atLink(12, 2), is(half(unix.ETH_P_IPV6)...), goTo("ipv6")),
			join(atLink(12, 2), is(half(unix.ETH_P_ARP)...), goTo("arp")),
			drop(),
		}},
		{name: "to-router", rules: []rule{join(mark(sourceMask), bits(sourceMask, routerIndex), setMark())}},
		{name: "senders", base: filter(nftables.ChainHookPrerouting, -300), rules: []rule{
			join(iif(), byVerdict(mapSenders)),
		}},
		{name: "targets", base: filter(nftables.ChainHookForward, -200), rules: []rule{
			join(iif(), inSet(setMembers), oif(), byVerdict(mapTargets)),
			join(iif(), inSet(setMembers), drop()), // to a tap that no port is known for
			join(oif(), inSet(setMembers), drop()), // from one
		}},
		{name: "host", base: filter(nftables.ChainHookInput, -200), rules: []rule{
			join(iif(), inSet(setMembers), drop()), // the host itself is reached through the router only
		}},
	}
	return append(chains, spoofingChains()...)
}

// spoofingChains accept what a secured port may send as itself and drop everything else.
// Each leads the mark, the MAC and the address into one register after the other.
func spoofingChains() []chain {
	sender := func(base expr.PayloadBase, macAt, addrAt, addrLen uint32, macBase expr.PayloadBase) rule {
		return join(meta(expr.MetaKeyMARK), load(macBase, macAt, 6, reg9), load(base, addrAt, addrLen, regB))
	}
	const ll, nh, th = expr.PayloadBaseLLHeader, expr.PayloadBaseNetworkHeader, expr.PayloadBaseTransportHeader
	ip4, ip6 := sender(nh, 6, 12, 4, ll), sender(nh, 6, 8, 16, ll)
	arp, advert := sender(nh, 8, 14, 4, nh), sender(th, 6, 8, 16, ll)
	ownMAC := join(meta(expr.MetaKeyMARK), load(ll, 6, 6, reg9), inSet(setMACs))
	zero4, zero6 := atNetwork(12, 4), atNetwork(8, 16)
	icmp6 := func(kind byte) rule { return join(protocol(unix.IPPROTO_ICMPV6), atTransport(0, 1), is(kind)) }
	none6 := join(zero6, is(make([]byte, 16)...))
	return []chain{
		{name: "ipv4", rules: []rule{
			join(protocol(unix.IPPROTO_UDP), ports(67, 68), drop()), // a DHCP server
			join(ip4, inSet(setSources4), accept()),
			join(ip4, inSet(setRanges4), accept()),
			join(zero4, is(0, 0, 0, 0), atNetwork(16, 4), is(255, 255, 255, 255),
				protocol(unix.IPPROTO_UDP), ports(68, 67), ownMAC, accept()), // a DHCP client
			drop(),
		}},
		{name: "ipv6", rules: []rule{
			join(icmp6(134), drop()),                                  // a router's advertisement
			join(protocol(unix.IPPROTO_UDP), ports(547, 546), drop()), // a DHCPv6 server
			join(icmp6(136), advert, inSet(setSources6), goTo("ipv6-source")),
			join(icmp6(136), advert, inSet(setRanges6), goTo("ipv6-source")),
			join(icmp6(136), drop()), // "that address is at my MAC", and it is not
			goTo("ipv6-source"),
		}},
		{name: "ipv6-source", rules: []rule{
			join(ip6, inSet(setSources6), accept()),
			join(ip6, inSet(setRanges6), accept()),
			// Without an address yet: looking for a router, for duplicates, joining groups.
			join(none6, ownMAC, icmp6(133), accept()),
			join(none6, ownMAC, icmp6(135), accept()),
			join(none6, ownMAC, icmp6(143), accept()),
			drop(),
		}},
		{name: "arp", rules: []rule{
			join(ownMAC, arp, inSet(setSources4), accept()),
			join(ownMAC, arp, inSet(setRanges4), accept()),
			join(ownMAC, atNetwork(14, 4), is(0, 0, 0, 0), // a probe
				meta(expr.MetaKeyMARK), load(nh, 8, 6, reg9), inSet(setMACs), accept()),
			drop(),
		}},
	}
}

func inetChains() []chain {
	base := func(kind nftables.ChainType, at *nftables.ChainHook, priority int) *hook {
		return &hook{kind, at, priority}
	}
	pre, post := nftables.ChainHookPrerouting, nftables.ChainHookPostrouting
	filter, nat := nftables.ChainTypeFilter, nftables.ChainTypeNAT
	chains := []chain{
		{name: "bridged", rules: bridgedRules()},
		{name: "from-tenant", rules: fromTenantRules()},
		{name: "to-tenant", rules: []rule{
			join(ctState(expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), accept()),
			drop(), // the host's own packets are not forwarded, so this is everybody else
		}},
		// Before defragmentation (-400), so that fragments of two networks never mix.
		{name: "zone", base: base(filter, pre, -450), rules: []rule{
			join(iif(), byMap(mapZones), rule{&expr.Ct{Key: expr.CtKeyZONE, SourceRegister: true, Register: reg1}}),
		}},
		{name: "host", base: base(filter, nftables.ChainHookInput, -10), rules: []rule{
			join(iif(), inSet(setBridges), drop()),
		}},
		{name: "forward", base: base(filter, nftables.ChainHookForward, -10), rules: []rule{
			join(iif(), inSet(setBridges), goTo("bridged")),
			join(oif(), inSet(setBridges), drop()),
			join(iif(), inSet(setUplinks), goTo("from-tenant")),
			join(oif(), inSet(setUplinks), goTo("to-tenant")),
		}},
		// Others' rules after ours must not take our marks for theirs.
		{name: "unmark", base: base(filter, post, -150), rules: []rule{
			join(oif(), inSet(setBridges), rule{&expr.Immediate{Register: reg1, Data: word(0)}}, setMark()),
		}},
		{name: "out", base: base(nat, post, 100), rules: []rule{
			masquerade(unix.NFPROTO_IPV4, linkRange4), masquerade(unix.NFPROTO_IPV6, linkRange6),
		}},
		// A connection that was translated, be it to the same, is not translated again: so
		// the host's (Docker's) NAT rules do not touch what crosses our bridges.
		{name: "keep-target", base: base(nat, pre, -101), rules: []rule{
			keep(iif(), unix.NFPROTO_IPV4, expr.NATTypeDestNAT, 16, 4),
			keep(iif(), unix.NFPROTO_IPV6, expr.NATTypeDestNAT, 24, 16),
		}},
		{name: "keep-source", base: base(nat, post, 99), rules: []rule{
			keep(oif(), unix.NFPROTO_IPV4, expr.NATTypeSourceNAT, 12, 4),
			keep(oif(), unix.NFPROTO_IPV6, expr.NATTypeSourceNAT, 8, 16),
		}},
	}
	for i := range chains {
		chains[i].table = inetTable
	}
	return chains
}

// bridgedRules: one port to another, or to or from the router. Only what both ends'
// groups allow reaches an accept.
func bridgedRules() []rule {
	fromHost := func(f byte, offset uint32, host netip.Addr) rule {
		return join(family(f), atNetwork(offset, uint32(host.BitLen()/8)), is(host.AsSlice()...), accept())
	}
	fromRouter := join(mark(sourceMask), is(word(routerMark)...))
	rules := []rule{
		join(oif(), notInSet(setBridges), drop()),
		join(mark(sourceMask), is(word(0)...), drop()),
		join(ctState(expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), accept()),
		join(fromRouter, fromHost(unix.NFPROTO_IPV4, 12, hostLink4)),
		join(fromRouter, fromHost(unix.NFPROTO_IPV6, 8, hostLink6)),
	}
	// Neighbours and multicast listeners: IPv6 does not work without, and no group forbids them.
	for _, kind := range []byte{130, 131, 132, 133, 135, 136, 143} {
		rules = append(rules, join(family(unix.NFPROTO_IPV6), protocol(unix.IPPROTO_ICMPV6), atTransport(0, 1), is(kind), accept()))
	}
	return append(rules,
		join(mark(sourceMask), byVerdict(mapEgress)),
		join(mark(targetMask), byVerdict(mapIngress)),
		drop(),
	)
}

// fromTenantRules: out of a router. Neither to other networks nor to Docker's, but for
// what Docker publishes on the host's addresses to everybody.
func fromTenantRules() []rule {
	return []rule{
		join(oif(), inSet(setUplinks), drop()),
		join(ctState(expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), accept()),
		join(ctDNAT(), accept()),
		join(oif(), is(ifname("docker0")...), drop()),
		join(oif(), is([]byte("br-")...), drop()),
	}
}

func masquerade(f byte, from netip.Prefix) rule {
	return join(family(f), within(true, from), oif(), notInSet(setUplinks), rule{&expr.Masq{}})
}

func keep(where rule, f byte, kind expr.NATType, offset, size uint32) rule {
	return join(where, inSet(setBridges), family(f), atNetwork(offset, size),
		rule{&expr.NAT{Type: kind, Family: uint32(f), RegAddrMin: reg1}})
}
