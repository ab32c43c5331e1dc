package dataplane

import (
	"fmt"
	"net/netip"

	"github.com/gozun/gozun/internal/minicloud"
)

func addr(s string) netip.Addr                { return netip.MustParseAddr(s) }
func cidr(s string) netip.Prefix              { return netip.MustParsePrefix(s) }
func at(s string, port uint16) netip.AddrPort { return netip.AddrPortFrom(addr(s), port) }

// dualNetwork has 10.2.0.0/24 and fd02::/64 with gateways.
func dualNetwork(index int, ports ...minicloud.Port) minicloud.Network {
	return minicloud.Network{
		ID: newID(), Index: index, MTU: 1450, Ports: ports,
		Subnets: []minicloud.Subnet{
			{ID: newID(), CIDR: cidr("10.2.0.0/24"), Gateway: addr("10.2.0.1")},
			{ID: newID(), CIDR: cidr("fd02::/64"), Gateway: addr("fd02::1")},
		},
	}
}

// port has the addresses 10.2.0.<last> and fd02::<last>.
func port(index, last int, groups ...string) minicloud.Port {
	return minicloud.Port{
		ID: newID(), Index: index, MAC: fmt.Sprintf("fa:16:3e:00:%02x:%02x", index, last),
		IPs:          []netip.Addr{addr(fmt.Sprintf("10.2.0.%d", last)), addr(fmt.Sprintf("fd02::%d", last))},
		PortSecurity: true, AdminUp: true, Groups: groups,
	}
}

func ingress(v6 bool) minicloud.Rule {
	return minicloud.Rule{Ingress: true, IPv6: v6, Protocol: -1, PortMin: -1, PortMax: -1}
}

func egress(v6 bool) minicloud.Rule {
	return minicloud.Rule{IPv6: v6, Protocol: -1, PortMin: -1, PortMax: -1}
}

// defaultGroup is Neutron's: out to everybody, in from its own members.
func defaultGroup(extra ...minicloud.Rule) minicloud.SecurityGroup {
	g := minicloud.SecurityGroup{ID: newID()}
	in4, in6 := ingress(false), ingress(true)
	in4.RemoteGroup, in6.RemoteGroup = g.ID, g.ID
	g.Rules = append([]minicloud.Rule{egress(false), egress(true), in4, in6}, extra...)
	return g
}

// outGroup lets everything out and in what the rules say.
func outGroup(rules ...minicloud.Rule) minicloud.SecurityGroup {
	return minicloud.SecurityGroup{ID: newID(), Rules: append([]minicloud.Rule{egress(false), egress(true)}, rules...)}
}
