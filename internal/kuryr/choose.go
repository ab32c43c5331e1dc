package kuryr

import (
	"context"
	"math/big"
	"net/netip"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// anySubnet reports whether the CIDR is for us to choose: nothing was said, or only a size
// (Docker 29 writes 0.0.0.0/24).
func anySubnet(cidr netip.Prefix) bool {
	return !cidr.IsValid() || cidr.Addr().IsUnspecified()
}

// choose grants a free part of a subnetpool. The Python plugin answered the whole first
// prefix, of which there is one; here every Docker network gets a subnet of its own. Docker
// asks again when a route of the host overlaps the answer, and then gets another, as those
// that were granted and not given back yet are not free.
func (d *Driver) choose(ctx context.Context, p pool, v6 bool, r reference, byDefault bool) (PoolAnswer, error) {
	unlock, err := d.locks.lock(ctx, "choice "+r.String())
	if err != nil {
		return PoolAnswer{}, err
	}
	defer unlock()
	whole, err := d.oneSubnetpool(ctx, r)
	if byDefault && zun.CodeOf(err) == zun.CodeNotFound {
		err = zun.Errorf(zun.CodeInvalid, "cannot choose a subnet: there is no subnetpool %s; make it, or give --subnet CIDR, or --ipam-opt %s%s.uuid", r, optionSubnet, map[bool]string{true: optionV6}[v6])
	}
	if err != nil {
		return PoolAnswer{}, err
	}
	taken, err := d.Neutron.FindSubnets(ctx, zun.NeutronQuery{PoolID: whole.ID})
	if err != nil {
		return PoolAnswer{}, err
	}
	used, err := d.granted(whole.ID)
	if err != nil {
		return PoolAnswer{}, err
	}
	for _, s := range taken {
		used = append(used, s.CIDR)
	}
	bits := whole.DefaultPrefixLen
	if p.CIDR.IsValid() {
		bits = p.CIDR.Bits()
	}
	cidr := freePart(whole.Prefixes, bits, v6, used)
	if !cidr.IsValid() {
		return PoolAnswer{}, zun.Errorf(zun.CodeInvalid, "subnetpool %s %v has no free /%d for an %s subnet; give --subnet CIDR", r, whole.Prefixes, bits, map[bool]string{false: "IPv4", true: "IPv6"}[v6])
	}
	p.CIDR, p.SubnetpoolID, p.Named = cidr, whole.ID, true
	return d.grant(p, false)
}

// granted lists what of a subnetpool is promised to Docker networks in the making.
func (d *Driver) granted(subnetpoolID string) (used []netip.Prefix, err error) {
	err = d.DB.View(func(tx *kv.Tx) error {
		all, err := pools.All(tx)
		for _, p := range all {
			if p.SubnetpoolID == subnetpoolID {
				used = append(used, p.CIDR)
			}
		}
		return err
	})
	return used, err
}

// freePart returns the first prefix of that length within one of the prefixes that
// overlaps nothing used, the zero Prefix if there is none.
func freePart(prefixes []netip.Prefix, bits int, v6 bool, used []netip.Prefix) netip.Prefix {
	for _, whole := range prefixes {
		if whole.Addr().Is6() != v6 || bits < whole.Bits() || bits > whole.Addr().BitLen() {
			continue
		}
		for at := netip.PrefixFrom(whole.Masked().Addr(), bits); at.IsValid() && whole.Contains(at.Addr()); {
			clash := overlapping(at, used)
			if !clash.IsValid() {
				return at
			}
			if clash.Bits() > bits {
				clash = at
			}
			at = netip.PrefixFrom(after(clash), bits)
		}
	}
	return netip.Prefix{}
}

func overlapping(p netip.Prefix, used []netip.Prefix) netip.Prefix {
	for _, u := range used {
		if u.Overlaps(p) {
			return u
		}
	}
	return netip.Prefix{}
}

// after returns the first address behind a prefix, the zero Addr after the last.
func after(p netip.Prefix) netip.Addr {
	size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
	next := size.Add(size, new(big.Int).SetBytes(p.Masked().Addr().AsSlice()))
	raw := next.Bytes()
	length := p.Addr().BitLen() / 8
	if len(raw) > length {
		return netip.Addr{}
	}
	addr, _ := netip.AddrFromSlice(append(make([]byte, length-len(raw)), raw...))
	return addr
}
