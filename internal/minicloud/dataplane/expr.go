package dataplane

import (
	"net/netip"
	"slices"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A rule is a list of kernel expressions; the functions here each give a part of one, and
// rule joins them. Register 1 is the one that most work in; registers 9 and on follow
// directly behind its first four bytes, for keys that are put together.
type rule []expr.Any

const (
	reg1 = unix.NFT_REG_1
	reg9 = unix.NFT_REG32_01 // four bytes into register 1
	regB = unix.NFT_REG32_03 // twelve bytes into register 1
)

func join(parts ...rule) rule { return slices.Concat(parts...) }

func verdict(kind expr.VerdictKind, chain string) rule {
	return rule{&expr.Verdict{Kind: kind, Chain: chain}}
}

func accept() rule             { return verdict(expr.VerdictAccept, "") }
func drop() rule               { return rule{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}} }
func back() rule               { return verdict(expr.VerdictReturn, "") }
func goTo(chain string) rule   { return verdict(expr.VerdictGoto, chain) }
func meta(k expr.MetaKey) rule { return rule{&expr.Meta{Key: k, Register: reg1}} }

func compare(op expr.CmpOp, data []byte) rule {
	return rule{&expr.Cmp{Op: op, Register: reg1, Data: data}}
}
func is(data ...byte) rule { return compare(expr.CmpOpEq, data) }

func inSet(name string) rule { return rule{&expr.Lookup{SourceRegister: reg1, SetName: name}} }
func notInSet(name string) rule {
	return rule{&expr.Lookup{SourceRegister: reg1, SetName: name, Invert: true}}
}

// byMap replaces register 1 by what the map has for it, or ends the rule.
func byMap(name string) rule {
	return rule{&expr.Lookup{SourceRegister: reg1, DestRegister: reg1, IsDestRegSet: true, SetName: name}}
}

// byVerdict does what the verdict map has for register 1, or ends the rule.
func byVerdict(name string) rule {
	return rule{&expr.Lookup{SourceRegister: reg1, DestRegister: 0, IsDestRegSet: true, SetName: name}}
}

func iif() rule             { return meta(expr.MetaKeyIIFNAME) }
func oif() rule             { return meta(expr.MetaKeyOIFNAME) }
func mark(mask uint32) rule { return join(meta(expr.MetaKeyMARK), bits(mask, 0)) }
func setMark() rule {
	return rule{&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: reg1}}
}

func word(v uint32) []byte { return binaryutil.NativeEndian.PutUint32(v) }
func half(v uint16) []byte { return binaryutil.BigEndian.PutUint16(v) }

// bits keeps the bits of a host-order word that mask has and flips those that xor has.
func bits(mask, xor uint32) rule {
	return rule{&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: 4, Mask: word(mask), Xor: word(xor)}}
}

func load(base expr.PayloadBase, offset, length, register uint32) rule {
	return rule{&expr.Payload{DestRegister: register, Base: base, Offset: offset, Len: length}}
}

func atLink(offset, length uint32) rule {
	return load(expr.PayloadBaseLLHeader, offset, length, reg1)
}

func atNetwork(offset, length uint32) rule {
	return load(expr.PayloadBaseNetworkHeader, offset, length, reg1)
}

func atTransport(offset, length uint32) rule {
	return load(expr.PayloadBaseTransportHeader, offset, length, reg1)
}

func family(f byte) rule   { return join(meta(expr.MetaKeyNFPROTO), is(f)) }
func protocol(p byte) rule { return join(meta(expr.MetaKeyL4PROTO), is(p)) }
func ports(source, target uint16) rule {
	return join(atTransport(0, 4), is(append(half(source), half(target)...)...))
}

// ctState holds when the connection's state is one of those.
func ctState(states uint32) rule {
	return rule{
		&expr.Ct{Key: expr.CtKeySTATE, Register: reg1},
		&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: 4, Mask: word(states), Xor: word(0)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg1, Data: word(0)},
	}
}

func ctDNAT() rule {
	const dstNAT = 1 << 5 // IPS_DST_NAT
	return rule{
		&expr.Ct{Key: expr.CtKeySTATUS, Register: reg1},
		&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: 4, Mask: word(dstNAT), Xor: word(0)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg1, Data: word(0)},
	}
}

// within holds when the IP source (or, if not, the destination) is in the prefix; it
// implies nothing about the family, which must have been matched.
func within(source bool, p netip.Prefix) rule {
	if p.Bits() == 0 {
		return nil
	}
	size := uint32(p.Addr().BitLen() / 8)
	offset := uint32(12)
	if size == 16 {
		offset = 8
	}
	if !source {
		offset += size
	}
	out := atNetwork(offset, size)
	if !p.IsSingleIP() {
		out = append(out, &expr.Bitwise{
			SourceRegister: reg1, DestRegister: reg1, Len: size, Mask: netmask(p), Xor: make([]byte, size),
		})
	}
	return join(out, is(p.Masked().Addr().AsSlice()...))
}

func netmask(p netip.Prefix) []byte {
	mask := make([]byte, p.Addr().BitLen()/8)
	for i := range p.Bits() {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return mask
}

// ifname is a link's name as the kernel compares it.
func ifname(name string) []byte {
	out := make([]byte, unix.IFNAMSIZ)
	copy(out, name)
	return out
}
