package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Protocol of the routes that AddRoute makes: it tells ours from everybody else's
// (`ip route show proto 71`).
const Protocol = 71

// Route is a route of the main table.
type Route struct {
	To   netip.Prefix // 0.0.0.0/0 and ::/0 are the default routes
	Via  netip.Addr   // zero: the destination is on the link
	Link string       // "" in what Routes returns for a route over no or several links
	Ours bool         // made by AddRoute (of any process); ignored by AddRoute
}

// Routes returns the unicast routes of the main table, both families.
func (h *Handle) Routes() ([]Route, error) {
	names, err := h.linkNames()
	if err != nil {
		return nil, err
	}
	var found []Route
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := dump(func() ([]netlink.Route, error) { return h.nl.RouteList(nil, family) })
		if err != nil {
			return nil, fmt.Errorf("cannot list routes: %w", err)
		}
		for _, r := range routes {
			found = append(found, routeOf(r, family, names))
		}
	}
	return found, nil
}

func routeOf(r netlink.Route, family int, names map[int]string) Route {
	to, ok := prefixOf(r.Dst)
	if !ok {
		to = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if family == netlink.FAMILY_V6 {
			to = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
	}
	via, _ := netip.AddrFromSlice(r.Gw)
	return Route{To: to, Via: via.Unmap(), Link: names[r.LinkIndex], Ours: r.Protocol == Protocol}
}

func (h *Handle) linkNames() (map[int]string, error) {
	links, err := h.List("")
	if err != nil {
		return nil, err
	}
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Index] = l.Name
	}
	return names, nil
}

// AddRoute makes the route, in place of one of ours to the same destination. A
// destination that somebody else's route holds is an error.
func (h *Handle) AddRoute(r Route) error {
	err := h.with(r.Link, func(l netlink.Link) error {
		wire := wireRoute(r, l)
		err := h.nl.RouteAdd(wire)
		if errors.Is(err, unix.EEXIST) && h.oursTo(r.To) {
			return h.nl.RouteReplace(wire)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot route %s over %s: %w", r.To, r.Link, err)
	}
	return nil
}

func (h *Handle) oursTo(to netip.Prefix) bool {
	routes, err := h.Routes()
	if err != nil {
		return false
	}
	for _, r := range routes {
		if r.To == to {
			return r.Ours
		}
	}
	return false
}

// RemoveRoute takes a route that AddRoute made away. One that does not exist is no error.
func (h *Handle) RemoveRoute(r Route) error {
	err := h.with(r.Link, func(l netlink.Link) error { return h.nl.RouteDel(wireRoute(r, l)) })
	if err != nil && !errors.Is(err, unix.ESRCH) && !isGone(err) {
		return fmt.Errorf("cannot remove the route to %s over %s: %w", r.To, r.Link, err)
	}
	return nil
}

func wireRoute(r Route, l netlink.Link) *netlink.Route {
	wire := &netlink.Route{
		LinkIndex: l.Attrs().Index,
		Dst:       &net.IPNet{IP: r.To.Masked().Addr().AsSlice(), Mask: net.CIDRMask(r.To.Bits(), r.To.Addr().BitLen())},
		Protocol:  Protocol,
	}
	if r.Via.IsValid() {
		wire.Gw = r.Via.AsSlice()
	} else if r.To.Addr().Is4() {
		wire.Scope = netlink.SCOPE_LINK
	}
	return wire
}
