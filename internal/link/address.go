package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Addresses returns the link's addresses with their prefix lengths, link-local IPv6 ones
// excepted: those are the kernel's own.
func (h *Handle) Addresses(name string) ([]netip.Prefix, error) {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("cannot list addresses of %s: %w", name, err)
	}
	addrs, err := dump(func() ([]netlink.Addr, error) { return h.nl.AddrList(l, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("cannot list addresses of %s: %w", name, err)
	}
	var found []netip.Prefix
	for _, a := range addrs {
		p, ok := prefixOf(a.IPNet)
		if ok && !(p.Addr().Is6() && p.Addr().IsLinkLocalUnicast()) {
			found = append(found, p)
		}
	}
	return found, nil
}

// SetAddresses makes these the link's only addresses, changing no more than needed.
// IPv6 ones are usable at once (no duplicate detection).
func (h *Handle) SetAddresses(name string, want []netip.Prefix) error {
	have, err := h.Addresses(name)
	if err != nil {
		return err
	}
	for _, p := range want {
		if !slices.Contains(have, p) {
			if err := h.AddAddress(name, p); err != nil {
				return err
			}
		}
	}
	for _, p := range have {
		if !slices.Contains(want, p) {
			if err := h.RemoveAddress(name, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// AddAddress gives the link an address (p's address part, p's length). One it has already
// is no error.
func (h *Handle) AddAddress(name string, p netip.Prefix) error {
	err := h.with(name, func(l netlink.Link) error { return h.nl.AddrAdd(l, addrOf(p)) })
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("cannot give %s the address %s: %w", name, p, err)
	}
	return nil
}

// RemoveAddress takes the address from the link. One it has not is no error.
func (h *Handle) RemoveAddress(name string, p netip.Prefix) error {
	err := h.with(name, func(l netlink.Link) error { return h.nl.AddrDel(l, addrOf(p)) })
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !isGone(err) {
		return fmt.Errorf("cannot take the address %s from %s: %w", p, name, err)
	}
	return nil
}

func addrOf(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: &net.IPNet{
		IP:   p.Addr().AsSlice(),
		Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
	}}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP)
	if !ok {
		return netip.Prefix{}, false
	}
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), ones), true
}
