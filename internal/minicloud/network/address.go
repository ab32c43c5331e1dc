package network

import (
	"net/netip"

	"go4.org/netipx"
)

// addresses knows which addresses of a subnet are taken and finds free ones in its
// allocation pools, in constant time however large the subnet is: it walks through the
// pools once and then gives out what came back, the longest free first, so that
// neighbours have time to forget who had it.
//
// Every free address of the pools is either at or after the mark, or in freed.
type addresses struct {
	pools  []netipx.IPRange
	used   map[netip.Addr]string // address -> port
	pool   int                   // the mark: pools[pool], next
	next   netip.Addr
	freed  []netip.Addr
	queued map[netip.Addr]bool // members of freed
}

func newAddresses() *addresses {
	return &addresses{used: map[netip.Addr]string{}, queued: map[netip.Addr]bool{}}
}

// reset starts again with other pools; what is taken stays taken.
func (a *addresses) reset(pools []netipx.IPRange) {
	a.pools, a.pool, a.freed = pools, 0, nil
	clear(a.queued)
	if len(pools) > 0 {
		a.next = pools[0].From()
	}
}

func (a *addresses) take(ip netip.Addr, port string) { a.used[ip] = port }

// free gives an address back; one that was never taken too, if pick returned it.
func (a *addresses) free(ip netip.Addr) {
	delete(a.used, ip)
	if a.passed(ip) && !a.queued[ip] {
		a.queued[ip] = true
		a.freed = append(a.freed, ip)
	}
}

// passed reports whether ip is in a pool and before the mark.
func (a *addresses) passed(ip netip.Addr) bool {
	for i, pool := range a.pools {
		if pool.Contains(ip) {
			return i < a.pool || i == a.pool && (!a.next.IsValid() || ip.Less(a.next))
		}
	}
	return false
}

// pick returns a free address, and false when there is none. The same one is not
// returned again until it is given to free.
func (a *addresses) pick() (netip.Addr, bool) {
	for ; a.pool < len(a.pools); a.advancePool() {
		for last := a.pools[a.pool].To(); a.next.IsValid() && a.next.Compare(last) <= 0; {
			ip := a.next
			a.next = ip.Next()
			if _, taken := a.used[ip]; !taken {
				return ip, true
			}
		}
	}
	return a.pickFreed()
}

func (a *addresses) advancePool() {
	a.pool++
	if a.pool < len(a.pools) {
		a.next = a.pools[a.pool].From()
	}
}

func (a *addresses) pickFreed() (netip.Addr, bool) {
	for len(a.freed) > 0 {
		ip := a.freed[0]
		a.freed = a.freed[1:]
		delete(a.queued, ip)
		if _, taken := a.used[ip]; !taken {
			return ip, true
		}
	}
	return netip.Addr{}, false
}

// defaultPools returns a subnet's addresses that may be given out when its maker named
// none: all but the gateway and those that have a meaning of their own.
func defaultPools(cidr netip.Prefix, gateway netip.Addr) []netipx.IPRange {
	var b netipx.IPSetBuilder
	b.AddRange(usable(cidr))
	if gateway.IsValid() {
		b.Remove(gateway)
	}
	set, err := b.IPSet()
	if err != nil {
		return nil
	}
	return set.Ranges()
}

// usable returns the range of a subnet's host addresses: without the network and the
// broadcast address for IPv4 up to /30, without the first (the routers' anycast
// address) for IPv6.
func usable(cidr netip.Prefix) netipx.IPRange {
	all := netipx.RangeOfPrefix(cidr)
	first, last := all.From(), all.To()
	switch {
	case first == last:
	case !cidr.Addr().Is4():
		first = first.Next()
	case cidr.Bits() <= 30:
		first, last = first.Next(), last.Prev()
	}
	return netipx.IPRangeFrom(first, last)
}

// onSubnet reports whether a port may have the address.
func onSubnet(cidr netip.Prefix, ip netip.Addr) bool {
	return cidr.Contains(ip) && usable(cidr).Contains(ip)
}

// eui64 returns the address that a machine with the MAC gives itself in a /64
// (RFC 4291, appendix A).
func eui64(cidr netip.Prefix, mac [6]byte) netip.Addr {
	ip := cidr.Addr().As16()
	copy(ip[8:], []byte{mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
	return netip.AddrFrom16(ip)
}
