package dataplane

import (
	"encoding/binary"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/gozun/gozun/internal/minicloud"
)

// profileFragment makes the two chains of a set of rules: ingress accepts, egress returns
// what is allowed, so that the target's rules are asked next. Both drop the rest.
func profileFragment(name string, rules []minicloud.Rule) fragment {
	in := chain{table: inetTable, name: "ingress-" + name}
	out := chain{table: inetTable, name: "egress-" + name}
	invalid := join(ctState(expr.CtStateBitINVALID), drop())
	in.rules, out.rules = []rule{invalid}, []rule{invalid}
	for _, r := range rules {
		if r.Ingress {
			in.rules = append(in.rules, join(match(r), accept()))
		} else {
			out.rules = append(out.rules, join(match(r), back()))
		}
	}
	in.rules, out.rules = append(in.rules, drop()), append(out.rules, drop())
	return fragment{chains: []chain{in, out}}
}

// match holds for the packets that begin what the rule allows.
func match(r minicloud.Rule) rule {
	f := byte(unix.NFPROTO_IPV4)
	if r.IPv6 {
		f = unix.NFPROTO_IPV6
	}
	out := family(f)
	switch {
	case r.RemoteGroup != "" && r.Ingress:
		out = join(out, mark(sourceMask), inSet(groupSet(r.RemoteGroup)))
	case r.RemoteGroup != "":
		out = join(out, mark(targetMask), inSet(groupSet(r.RemoteGroup)))
	case r.RemotePrefix.IsValid():
		out = join(out, within(r.Ingress, r.RemotePrefix))
	}
	return join(out, matchProtocol(r))
}

func matchProtocol(r minicloud.Rule) rule {
	number := r.Protocol
	if r.IPv6 && number == unix.IPPROTO_ICMP {
		number = unix.IPPROTO_ICMPV6 // as Neutron reads "icmp" in an IPv6 rule
	}
	if number < 0 {
		return nil
	}
	out := protocol(byte(number))
	switch number {
	case unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6:
		return join(out, matchICMP(r))
	case unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_SCTP, unix.IPPROTO_DCCP, unix.IPPROTO_UDPLITE:
		return join(out, matchPorts(r))
	}
	return out
}

func matchICMP(r minicloud.Rule) rule {
	if r.PortMin < 0 {
		return nil
	}
	out := join(atTransport(0, 1), is(byte(r.PortMin)))
	if r.PortMax >= 0 {
		out = join(out, atTransport(1, 1), is(byte(r.PortMax)))
	}
	return out
}

func matchPorts(r minicloud.Rule) rule {
	low, high := max(r.PortMin, 0), r.PortMax
	if high < 0 {
		high = 65535
	}
	if low == 0 && high == 65535 {
		return nil
	}
	if low == high {
		return join(atTransport(2, 2), is(half(uint16(low))...))
	}
	var from, to [2]byte
	binary.BigEndian.PutUint16(from[:], uint16(low))
	binary.BigEndian.PutUint16(to[:], uint16(high))
	return join(atTransport(2, 2), compare(expr.CmpOpGte, from[:]), compare(expr.CmpOpLte, to[:]))
}
