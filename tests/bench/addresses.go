package main

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
)

// addresses are what the floor has to give of one subnet. Those that came back are given again, the
// first of them first, so that a run has no end of containers. It is safe for concurrent use.
type addresses struct {
	mu     sync.Mutex
	subnet netip.Prefix
	before netip.Addr   // the first to give comes after it
	last   netip.Addr   // of those that were given for the first time
	back   []netip.Addr // in the order in which they came
}

// newAddresses has those of a subnet that come after its gateway.
func newAddresses(subnet netip.Prefix, gateway netip.Addr) *addresses {
	return &addresses{subnet: subnet, before: gateway, last: gateway}
}

// take returns an address with the length of the subnet's prefix.
func (a *addresses) take() (netip.Prefix, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ip := a.last.Next()
	if a.subnet.Contains(ip) && a.subnet.Contains(ip.Next()) { // the very last is for broadcast
		a.last = ip
	} else if len(a.back) > 0 {
		ip, a.back = a.back[0], a.back[1:]
	} else {
		return netip.Prefix{}, fmt.Errorf("cannot take an address of %s: all are given", a.subnet)
	}
	return netip.PrefixFrom(ip, a.subnet.Bits()), nil
}

// release takes an address back. One that was never given, as Docker's gateway, is left alone, and
// one that is back already stays so.
func (a *addresses) release(ip netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	given := a.before.Less(ip) && !a.last.Less(ip)
	if given && !slices.Contains(a.back, ip) {
		a.back = append(a.back, ip)
	}
}
