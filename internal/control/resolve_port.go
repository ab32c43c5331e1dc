package control

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/gozun/gozun/zun"
)

// port resolves a request for a port that the user made. Checks and codes are Zun's
// (zun/network/neutron.py ensure_neutron_port_usable).
func (r *resolver) port(ctx context.Context, request zun.NetRequest) (wantedNet, error) {
	ports, err := findByRef(ctx, request.Port, r.neutron.FindPorts)
	if err != nil {
		return wantedNet{}, err
	}
	if len(ports) == 0 {
		return wantedNet{}, zun.Errorf(zun.CodePortNotFound, "Port %s could not be found.", request.Port)
	}
	if len(ports) > 1 {
		return wantedNet{}, ambiguous("ports", request.Port)
	}
	if err := r.checkPort(ports[0]); err != nil {
		return wantedNet{}, err
	}
	network, err := r.networkOfPort(ctx, ports[0])
	// The port has its addresses; what was asked besides has never counted in Zun.
	return wantedNet{network: network, port: ports[0].ID}, err
}

func (r *resolver) checkPort(p zun.Port) error {
	switch {
	case p.ProjectID != r.id.ProjectID:
		return zun.Errorf(zun.CodePortNotUsable, "Port %s not usable for the container: it belongs to another project.", p.ID)
	case p.DeviceID != "":
		return zun.Errorf(zun.CodePortInUse, "Port %s is still in use.", p.ID)
	case p.VIFType == "binding_failed":
		return zun.Errorf(zun.CodePortBindingFailed, "Binding failed for port %s; see the logs of Neutron.", p.ID)
	case p.Status == "ACTIVE" || p.Status == "BUILD" || p.Status == "ERROR":
		return zun.Errorf(zun.CodePortNotUsable, "Port %s not usable for the container: its status is %s.", p.ID, p.Status)
	default:
		return nil
	}
}

// networkOfPort chooses a network of the user's that has all subnets of the port, so that
// his containers meet on one Docker network; else the implicit one. A Docker network that
// has IPv6 wants an IPv6 address of everybody: a port without one needs a network without.
func (r *resolver) networkOfPort(ctx context.Context, p zun.Port) (zun.Network, error) {
	if r.own {
		networks, err := r.s.Store.NetworksOf(ctx, r.id.ProjectID, p.NetworkID)
		if err != nil {
			return zun.Network{}, err
		}
		for _, network := range networks {
			if network.Status == zun.NetworkActive && hasSubnetsOf(network, p) && !lacksIPv6(p, network) {
				return network, nil
			}
		}
	}
	found, err := r.neutron.FindNetworks(ctx, zun.NeutronQuery{ID: p.NetworkID})
	if err != nil {
		return zun.Network{}, neutronSays(err)
	}
	if len(found) == 0 {
		return zun.Network{}, noNetwork(p.NetworkID)
	}
	network, err := r.implicit(ctx, found[0])
	if err == nil && lacksIPv6(p, network) {
		return r.withoutIPv6(ctx, network)
	}
	return network, err
}

// lacksIPv6 reports whether a port has no IPv6 address where the network has some to give.
func lacksIPv6(p zun.Port, network zun.Network) bool {
	return len(p.FixedIPs) > 0 && slices.ContainsFunc(network.Subnets, isIPv6) &&
		!slices.ContainsFunc(p.FixedIPs, func(a zun.Address) bool { return a.IP.Is6() })
}

func isIPv6(s zun.Subnet) bool { return s.CIDR.Addr().Is6() }

// withoutIPv6 returns the implicit network that stands for the IPv4 subnets of the Neutron
// network that another stands for.
func (r *resolver) withoutIPv6(ctx context.Context, whole zun.Network) (zun.Network, error) {
	network, err := r.s.Store.ImplicitNetwork(ctx, whole.NeutronNetID, true)
	if zun.IsNotFound(err) {
		network, err = whole, nil
		network.ID, network.Name, network.OnlyIPv4, network.CreatedAt = r.s.NewID(), "", true, r.s.now()
	}
	if err != nil {
		return network, err
	}
	network.Subnets = slices.DeleteFunc(slices.Clone(whole.Subnets), isIPv6)
	network.Shared, network.MTU = whole.Shared, whole.MTU
	return network, nil
}

func hasSubnetsOf(network zun.Network, p zun.Port) bool {
	for _, address := range p.FixedIPs {
		if !slices.ContainsFunc(network.Subnets, func(s zun.Subnet) bool { return s.ID == address.SubnetID }) {
			return false
		}
	}
	return true
}

// checkFixed refuses fixed addresses that the network cannot give.
func (r *resolver) checkFixed(ctx context.Context, net wantedNet) error {
	if v4 := net.request.IPv4; v4.IsValid() && !v4.Is4() {
		return zun.Errorf(zun.CodeInvalid, "cannot use %s as an IPv4 address", v4)
	}
	if v6 := net.request.IPv6; v6.IsValid() && !v6.Is6() {
		return zun.Errorf(zun.CodeInvalid, "cannot use %s as an IPv6 address", v6)
	}
	for _, ip := range net.fixed() {
		if err := fits(net.network, ip); err != nil {
			return err
		}
		ports, err := r.neutron.FindPorts(ctx, zun.NeutronQuery{NetworkID: net.network.NeutronNetID, IP: ip})
		if err != nil {
			return neutronSays(err)
		}
		if len(ports) > 0 {
			return zun.Errorf(zun.CodeConflict, "cannot use address %s on network %s: port %s has it", ip, called(net.network), ports[0].ID)
		}
	}
	return nil
}

func (n wantedNet) fixed() []netip.Addr {
	var ips []netip.Addr
	for _, ip := range []netip.Addr{n.request.IPv4, n.request.IPv6} {
		if ip.IsValid() {
			ips = append(ips, ip)
		}
	}
	return ips
}

// fits refuses an address that is in none of a network's subnets, and those of a subnet
// that no port can have.
func fits(network zun.Network, ip netip.Addr) error {
	var subnets []string
	for _, subnet := range network.Subnets {
		subnets = append(subnets, strings.TrimSpace(subnet.Name+" "+subnet.CIDR.String()))
		if !subnet.CIDR.Contains(ip) {
			continue
		}
		if ip == subnet.Gateway {
			return zun.Errorf(zun.CodeInvalid, "cannot use address %s on network %s: it is the gateway of subnet %s", ip, called(network), subnets[len(subnets)-1])
		}
		if ip == subnet.CIDR.Masked().Addr() || ip == broadcast(subnet.CIDR) {
			return zun.Errorf(zun.CodeInvalid, "cannot use address %s on network %s: it is the network's or the broadcast address of %s", ip, called(network), subnet.CIDR)
		}
		return nil
	}
	return zun.Errorf(zun.CodeInvalid, "cannot use address %s on network %s: it is in none of its subnets (%s)", ip, called(network), strings.Join(subnets, ", "))
}

// broadcast returns the last address of an IPv4 prefix, and nothing for IPv6 and for
// prefixes too small to have one.
func broadcast(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() || p.Bits() > 30 {
		return netip.Addr{}
	}
	last := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(last)
}
