package network

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/gozun/gozun/internal/minicloud"
)

// Desired returns what this host's data plane is to realise: networks that have a subnet
// with a gateway or a port bound here, in the order of their indexes.
func (s *Service) Desired(context.Context) (minicloud.Desired, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var wanted minicloud.Desired
	groups := map[string]bool{}
	for _, n := range s.state.networks.rows {
		if network, realised := s.state.desiredNetwork(n, groups); realised {
			wanted.Networks = append(wanted.Networks, network)
		}
	}
	slices.SortFunc(wanted.Networks, func(a, b minicloud.Network) int { return cmp.Compare(a.Index, b.Index) })
	wanted.Groups = s.state.desiredGroups(groups)
	return wanted, nil
}

// desiredNetwork also marks the groups that the network's ports use.
func (s *state) desiredNetwork(n *network, groups map[string]bool) (minicloud.Network, bool) {
	wanted := minicloud.Network{ID: n.ID, Index: n.Index, MTU: n.MTU}
	routed := false
	for _, sub := range s.subnetsOf[n.ID] {
		wanted.Subnets = append(wanted.Subnets, minicloud.Subnet{ID: sub.ID, CIDR: sub.CIDR, Gateway: sub.Gateway})
		routed = routed || sub.Gateway.IsValid()
	}
	for _, p := range s.portsOf[n.ID] {
		if p.vifType(s.host) != "bridge" {
			continue
		}
		wanted.Ports = append(wanted.Ports, desiredPort(n, p))
		for _, group := range p.Groups {
			groups[group] = true
		}
	}
	slices.SortFunc(wanted.Ports, func(a, b minicloud.Port) int { return cmp.Compare(a.Index, b.Index) })
	return wanted, routed || len(wanted.Ports) > 0
}

func desiredPort(n *network, p *port) minicloud.Port {
	wanted := minicloud.Port{
		ID: p.ID, Index: p.Index, MAC: p.MAC, AdminUp: p.AdminUp && n.AdminUp, Groups: p.Groups,
		// Ports of the network's own devices are trusted, as in Neutron.
		PortSecurity: p.PortSecurity && !networkDevice(p.DeviceOwner),
	}
	for _, fixed := range p.FixedIPs {
		wanted.IPs = append(wanted.IPs, fixed.IP)
	}
	for _, pair := range p.Pairs {
		allowed := minicloud.AddressPair{Prefix: pair.prefix()}
		if pair.MAC != p.MAC {
			allowed.MAC = pair.MAC
		}
		wanted.AllowedPairs = append(wanted.AllowedPairs, allowed)
	}
	return wanted
}

func (pair addressPair) prefix() netip.Prefix {
	if prefix, err := netip.ParsePrefix(pair.IP); err == nil {
		return prefix
	}
	ip, _ := netip.ParseAddr(pair.IP) // checked where it entered
	return netip.PrefixFrom(ip, ip.BitLen())
}

// desiredGroups returns the groups that are used, and those that their rules name.
func (s *state) desiredGroups(used map[string]bool) []minicloud.SecurityGroup {
	all := maps.Clone(used)
	for id := range used {
		for _, r := range s.rulesOf[id] {
			if r.RemoteGroup != "" {
				all[r.RemoteGroup] = true
			}
		}
	}
	var groups []minicloud.SecurityGroup
	for _, id := range sortedKeys(all) {
		group := minicloud.SecurityGroup{ID: id}
		for _, r := range s.rulesOf[id] {
			group.Rules = append(group.Rules, r.desired())
		}
		groups = append(groups, group)
	}
	return groups
}

func (r *groupRule) desired() minicloud.Rule {
	rule := minicloud.Rule{
		Ingress: r.Direction == "ingress", IPv6: r.EtherType == "IPv6", Protocol: r.protocolNumber(),
		PortMin: -1, PortMax: -1, RemotePrefix: r.RemotePrefix.Masked(), RemoteGroup: r.RemoteGroup,
	}
	if r.PortMin != nil {
		rule.PortMin = *r.PortMin
	}
	if r.PortMax != nil {
		rule.PortMax = *r.PortMax
	}
	return rule
}

// PortPlugged records whether a port's tap is on its bridge. The port's status follows.
func (s *Service) PortPlugged(_ context.Context, portID string, plugged bool) error {
	return s.change(func(w *work) error {
		p, ok := w.ports.get(portID)
		if !ok || p.Plugged == plugged {
			return nil
		}
		after := *p
		after.Plugged = plugged
		w.touch(&after.standard)
		put(w, w.ports, &after)
		w.silent = true // Desired does not show it
		return nil
	})
}
