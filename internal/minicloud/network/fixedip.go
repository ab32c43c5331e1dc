package network

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// fixedIPOf reads one element of "fixed_ips": a subnet, an address or both.
func fixedIPOf(v any) (any, error) {
	members := map[string]check{"ip_address?": orNull(ipAddress), "subnet_id?": orNull(uuidText)}
	if err := onlyMembers(v, members); err != nil {
		return nil, err
	}
	checked, err := object("fixed IP", members)(v)
	if err != nil {
		return nil, err
	}
	ip, _ := given[netip.Addr](checked.(values), "ip_address")
	id, _ := given[string](checked.(values), "subnet_id")
	return fixedIP{SubnetID: id, IP: ip}, nil
}

// onlyMembers refuses other members of an object in the way that Neutron does for some.
func onlyMembers(v any, members map[string]check) error {
	raw, _ := v.(map[string]any)
	for name := range raw {
		if members[name] == nil && members[name+"?"] == nil {
			return invalidInput("Unrecognized attribute '%s'", shown(name))
		}
	}
	return nil
}

// fixedIPs are a port's addresses as they are shown.
type fixedIPs []fixedIP

func (list fixedIPs) appendJSON(b []byte) []byte {
	b = append(b, '[')
	for i, f := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"subnet_id":"`...), f.SubnetID...)
		b = f.IP.AppendTo(append(b, `","ip_address":"`...))
		b = append(b, '"', '}')
	}
	return append(b, ']')
}

// allocate gives a new port its addresses: those that are asked for, or, if the request
// says nothing, one of each IP version. Subnets with automatic addresses always add one.
func (w *work) allocate(who caller, p *port, wanted []fixedIP, said bool) error {
	var err error
	if said {
		err = w.allocateWanted(who, p, wanted)
	} else {
		err = w.allocateUsual(p)
	}
	if err != nil {
		return err
	}
	w.addAutomatic(p)
	return nil
}

func (w *work) allocateWanted(who caller, p *port, wanted []fixedIP) error {
	for _, want := range wanted {
		got, err := w.allocateOne(who, p, want)
		if err != nil {
			return err
		}
		if !slices.Contains(p.FixedIPs, got) {
			p.FixedIPs = append(p.FixedIPs, got)
		}
	}
	return nil
}

// allocateUsual takes an address of the first subnet of each version that has one.
func (w *work) allocateUsual(p *port) error {
	for _, version := range []int{4, 6} {
		candidates := slices.DeleteFunc(slices.Clone(w.subnetsOf[p.NetworkID]), func(n *subnet) bool {
			return n.version() != version || n.automatic() || !n.serves(p.DeviceOwner)
		})
		if len(candidates) == 0 {
			continue
		}
		if !slices.ContainsFunc(candidates, func(n *subnet) bool { return w.pick(p, n) == nil }) {
			return exhausted(p.NetworkID)
		}
	}
	return nil
}

// serves reports whether the subnet is for ports of this owner (service_types).
func (n *subnet) serves(deviceOwner string) bool {
	return len(n.ServiceTypes) == 0 || slices.Contains(n.ServiceTypes, deviceOwner)
}

func exhausted(networkID string) *fault {
	return conflict("IpAddressGenerationFailure", "No more IP addresses available on network %s.", networkID)
}

// pick adds any free address of the subnet to the port.
func (w *work) pick(p *port, n *subnet) error {
	free := w.addresses(n.ID)
	ip, ok := free.pick()
	if !ok {
		return exhausted(n.NetworkID)
	}
	w.onUndo(func() { free.free(ip) })
	p.FixedIPs = append(p.FixedIPs, fixedIP{n.ID, ip})
	return nil
}

func (w *work) allocateOne(who caller, p *port, want fixedIP) (fixedIP, error) {
	if want.SubnetID == "" && !want.IP.IsValid() {
		return want, invalidInput("IP allocation requires subnet_id or ip_address")
	}
	if on, _ := w.networks.get(p.NetworkID); want.IP.IsValid() && !networkOwner(who, scope{p.ProjectID, on}) {
		return want, denied("create", "port", "fixed_ips:ip_address")
	}
	n, err := w.subnetFor(p, want)
	if err != nil {
		return want, err
	}
	switch {
	case want.IP.IsValid() && n.automatic():
		return want, badRequest("AllocationOnAutoAddressSubnet",
			"IPv6 address %s cannot be directly assigned to a port on subnet %s as the subnet is configured for automatic addresses", want.IP, n.ID)
	case want.IP.IsValid():
		return fixedIP{n.ID, want.IP}, w.claimable(p, n, want.IP)
	case n.automatic():
		return fixedIP{n.ID, automaticAddress(p, n)}, nil
	}
	// pick appends to the port; here the caller does.
	holder := &port{}
	if err := w.pick(holder, n); err != nil {
		return want, err
	}
	return holder.FixedIPs[0], nil
}

// subnetFor finds the subnet of a wanted address on the port's network.
func (w *work) subnetFor(p *port, want fixedIP) (*subnet, error) {
	on := w.subnetsOf[p.NetworkID]
	if want.SubnetID == "" {
		for _, n := range on {
			if onSubnet(n.CIDR, want.IP) {
				return n, nil
			}
		}
		return nil, badRequest("InvalidIpForNetwork", "IP address %s is not a valid IP for any of the subnets on the specified network.", want.IP)
	}
	at := slices.IndexFunc(on, func(n *subnet) bool { return n.ID == want.SubnetID })
	if at < 0 {
		if _, elsewhere := w.subnets.get(want.SubnetID); !elsewhere {
			return nil, subnetNotFound(want.SubnetID)
		}
		return nil, invalidInput("Failed to create port on network %s, because fixed_ips included invalid subnet %s", p.NetworkID, want.SubnetID)
	}
	if want.IP.IsValid() && !onSubnet(on[at].CIDR, want.IP) {
		return nil, badRequest("InvalidIpForSubnet", "IP address %s is not a valid IP for the specified subnet.", want.IP)
	}
	return on[at], nil
}

// claimable refuses an address that another port has, or that the gateway answers at.
func (w *work) claimable(p *port, n *subnet, ip netip.Addr) error {
	if holder, taken := w.addresses(n.ID).used[ip]; taken && holder != p.ID {
		return conflict("IpAddressAlreadyAllocated", "IP address %s already allocated in subnet %s", ip, n.ID)
	}
	if ip == n.Gateway {
		return conflict("IpAddressInUse", "Unable to complete operation for network %s. The IP address %s is in use.", n.NetworkID, ip)
	}
	if slices.ContainsFunc(p.FixedIPs, func(f fixedIP) bool { return f.IP == ip }) {
		return malformed("Invalid input for fixed_ips. Reason: Duplicate IP address '%s'.", ip)
	}
	return nil
}

// addAutomatic adds the address that the port's machine makes for itself on each subnet
// with automatic addresses. Should a port have it already, the machine would notice too.
func (w *work) addAutomatic(p *port) {
	for _, n := range w.subnetsOf[p.NetworkID] {
		if !n.automatic() || p.hasAddressOn(n.ID) || strings.HasPrefix(p.DeviceOwner, "network:router") {
			continue
		}
		ip := automaticAddress(p, n)
		if holder, taken := w.addresses(n.ID).used[ip]; !taken || holder == p.ID {
			p.FixedIPs = append(p.FixedIPs, fixedIP{n.ID, ip})
		}
	}
}

func automaticAddress(p *port, n *subnet) netip.Addr {
	mac, _ := net.ParseMAC(p.MAC)
	return eui64(n.CIDR, [6]byte(mac))
}

// reallocate changes a port's addresses to those wanted. What it has and is still wanted,
// by address or by subnet, stays.
func (w *work) reallocate(who caller, before, after *port, wanted []fixedIP) error {
	kept, open := keepWanted(before.FixedIPs, wanted)
	after.FixedIPs = kept
	if err := w.allocateWanted(who, after, open); err != nil {
		return err
	}
	w.addAutomatic(after)
	return nil
}

// keepWanted divides a request for addresses into what is there and what is not.
func keepWanted(have, wanted []fixedIP) (kept, open []fixedIP) {
	left := slices.Clone(have)
	for _, exact := range []bool{true, false} { // addresses first, so that a subnet does not take them
		for _, want := range wanted {
			if want.IP.IsValid() != exact {
				continue
			}
			at := slices.IndexFunc(left, func(f fixedIP) bool {
				return (want.SubnetID == "" || f.SubnetID == want.SubnetID) && (!exact || f.IP == want.IP)
			})
			if at < 0 || want == (fixedIP{}) {
				open = append(open, want)
				continue
			}
			kept = append(kept, left[at])
			left = slices.Delete(left, at, at+1)
		}
	}
	return kept, open
}

// fixedIPFilter is the filter fixed_ips=ip_address=A&fixed_ips=subnet_id=S: any of the
// addresses, and any of the subnets, though not on the same element.
func fixedIPFilter(wanted []string) (func(*port) bool, error) {
	byAddress, bySubnet, bySubstring := map[string]bool{}, map[string]bool{}, []string{}
	for _, condition := range wanted {
		name, value, ok := strings.Cut(condition, "=")
		switch {
		case ok && name == "ip_address":
			byAddress[canonical(value)] = true
		case ok && name == "subnet_id":
			bySubnet[strings.ToLower(value)] = true
		case ok && name == "ip_address_substr":
			bySubstring = append(bySubstring, value)
		default:
			return nil, invalidInput("Invalid input for fixed_ips: '%s' is not of the form <key>=[value]", shown(condition))
		}
	}
	return func(p *port) bool {
		any := func(holds func(fixedIP) bool) bool { return slices.ContainsFunc(p.FixedIPs, holds) }
		return (len(byAddress) == 0 || any(func(f fixedIP) bool { return byAddress[f.IP.String()] })) &&
			(len(bySubnet) == 0 || any(func(f fixedIP) bool { return bySubnet[f.SubnetID] })) &&
			(len(bySubstring) == 0 || any(func(f fixedIP) bool {
				return slices.ContainsFunc(bySubstring, func(part string) bool { return strings.Contains(f.IP.String(), part) })
			}))
	}, nil
}
