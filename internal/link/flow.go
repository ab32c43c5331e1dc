package link

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// Flows are tracked connections: those of a conntrack zone that have one of the addresses
// at either end.
type Flows struct {
	Zone      int
	Addresses []netip.Addr
}

// ForgetFlows makes the kernel forget the connections, so that their next packet is judged
// as the first of a new one. It reads the whole table, milliseconds of the kernel's for
// each IP version that an address has, so tell it all at once.
func (h *Handle) ForgetFlows(flows []Flows) error {
	if len(flows) == 0 {
		return nil
	}
	m := make(flowMatch)
	for _, f := range flows {
		for _, a := range f.Addresses {
			m[zonedAddr{uint16(f.Zone), a.Unmap()}] = true
		}
	}
	for family := range m.families() {
		forget := func() ([]struct{}, error) {
			_, err := h.nl.ConntrackDeleteFilters(netlink.ConntrackTable, family, m)
			return nil, err
		}
		if _, err := dump(forget); err != nil {
			return fmt.Errorf("cannot forget connections: %w", err)
		}
	}
	return nil
}

type zonedAddr struct {
	zone uint16
	addr netip.Addr
}

type flowMatch map[zonedAddr]bool

// families are those of the addresses; entries of another cannot match.
func (m flowMatch) families() map[netlink.InetFamily]bool {
	families := map[netlink.InetFamily]bool{}
	for za := range m {
		if za.addr.Is4() {
			families[netlink.FAMILY_V4] = true
		} else {
			families[netlink.FAMILY_V6] = true
		}
	}
	return families
}

// MatchConntrackFlow is the library's question for each entry.
func (m flowMatch) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	has := func(ip net.IP) bool {
		addr, ok := netip.AddrFromSlice(ip)
		return ok && m[zonedAddr{flow.Zone, addr.Unmap()}]
	}
	return has(flow.Forward.SrcIP) || has(flow.Forward.DstIP)
}
