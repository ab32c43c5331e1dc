package dataplane

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/minicloud"
)

// planRoutes tells which routes lead the host into networks: to every subnet that has a
// gateway, and whose range nobody else claims, be it another network here or a route that
// the host has besides ours and its default route.
func planRoutes(networks []minicloud.Network, existing []link.Route) []link.Route {
	var routes []link.Route
	for _, n := range networks {
		for _, s := range n.Subnets {
			if s.Gateway.IsValid() && !claimed(s.CIDR, n.ID, networks, existing) {
				routes = append(routes, routeTo(n, s))
			}
		}
	}
	return routes
}

func routeTo(n minicloud.Network, s minicloud.Subnet) link.Route {
	r := link.Route{To: s.CIDR.Masked(), Via: routerLink4(n.Index), Link: uplinkName(n.ID)}
	if s.CIDR.Addr().Is6() {
		r.Via = routerLink6(n.Index)
	}
	return r
}

func claimed(cidr netip.Prefix, networkID string, networks []minicloud.Network, existing []link.Route) bool {
	for _, n := range networks {
		for _, s := range n.Subnets {
			if n.ID != networkID && s.CIDR.Overlaps(cidr) {
				return true
			}
		}
	}
	for _, r := range existing {
		if !r.Ours && r.To.Bits() > 0 && r.To.Overlaps(cidr) {
			return true
		}
	}
	return false
}

// routeNetworks makes the planned routes and removes those of ours that no longer belong.
func (h *host) routeNetworks(networks []minicloud.Network) error {
	existing, err := h.links.Routes()
	if err != nil {
		return err
	}
	want := planRoutes(networks, existing)
	var errs []error
	for _, r := range existing {
		if r.Ours && !isLink(r.To) && !contains(want, r) {
			errs = append(errs, h.links.RemoveRoute(r))
		}
	}
	for _, r := range want {
		if !contains(existing, r) {
			errs = append(errs, h.links.AddRoute(r))
		}
	}
	return errors.Join(errs...)
}

// isLink tells the routes to the routers themselves, which live and die with the uplink.
func isLink(p netip.Prefix) bool {
	return p.IsSingleIP() && (linkRange4.Contains(p.Addr()) || linkRange6.Contains(p.Addr()))
}

func contains(routes []link.Route, want link.Route) bool {
	return slices.ContainsFunc(routes, func(r link.Route) bool {
		return r.To == want.To && r.Via == want.Via && r.Link == want.Link
	})
}
