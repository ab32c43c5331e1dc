package network

import (
	"encoding/json"
	"net/netip"
	"slices"

	"go4.org/netipx"
)

// subnet is a Neutron subnet.
type subnet struct {
	standard
	NetworkID    string
	PoolID       string // subnetpool_id
	CIDR         netip.Prefix
	Gateway      netip.Addr // zero: none
	Pools        []netipx.IPRange
	DNS          []string
	Routes       []hostRoute
	DHCP         bool
	RAMode       string
	AddressMode  string
	ServiceTypes []string // device owners that it is for; none: all
}

type hostRoute struct {
	Destination netip.Prefix `json:"destination"`
	NextHop     netip.Addr   `json:"nexthop"`
}

type addressRange struct {
	Start netip.Addr `json:"start"`
	End   netip.Addr `json:"end"`
}

func (n *subnet) version() int {
	if n.CIDR.Addr().Is4() {
		return 4
	}
	return 6
}

// automatic reports whether machines make their own addresses on it, from their MACs.
func (n *subnet) automatic() bool {
	return automaticMode(n.AddressMode) || automaticMode(n.RAMode)
}

func automaticMode(mode string) bool { return mode == "slaac" || mode == "dhcpv6-stateless" }

func (s *Service) subnetKind() *kind[*subnet] {
	k := &kind[*subnet]{
		service: s, name: "subnet", plural: "subnets", path: "subnets", quota: "subnet", tagged: true,
		table:   s.state.subnets,
		blank:   func() *subnet { return &subnet{DHCP: true} },
		clone:   func(n *subnet) *subnet { c := *n; return &c },
		missing: subnetNotFound,
		visible: func(who caller, n *subnet) bool {
			on, ok := s.state.networks.get(n.NetworkID)
			return who.trusted() || n.ProjectID == who.project || ok && seesNetwork(who, on)
		},
		scope:   func(n *subnet) scope { on, _ := s.state.networks.get(n.NetworkID); return scope{n.ProjectID, on} },
		mayEdit: func(who caller, on scope) bool { return owner(who, on) || networkOwnerOnly(who, on) },
		mayDrop: func(who caller, on scope) bool { return owner(who, on) || networkOwnerOnly(who, on) },
		prepare: prepareSubnet,
		create:  createSubnet,
		update:  updateSubnet,
		remove:  func(w *work, _ caller, n *subnet) error { return w.removeSubnet(n) },
	}
	k.attributes = append(standardAttributes[*subnet](), subnetAttributes()...)
	k.attributes = append(k.attributes, tagsAttribute[*subnet](nil))
	return k.index()
}

func subnetAttributes() []attribute[*subnet] {
	modes := oneOf("dhcpv6-stateful", "dhcpv6-stateless", "slaac")
	return []attribute[*subnet]{
		{name: "network_id", check: uuidText, create: anyone, required: true, get: func(_ *state, n *subnet) any { return n.NetworkID }},
		{name: "ip_version", check: ipVersion, create: anyone, required: true, get: func(_ *state, n *subnet) any { return n.version() }},
		{name: "cidr", check: orNull(subnetCIDR), create: anyone, get: func(_ *state, n *subnet) any { return n.CIDR }},
		{name: "subnetpool_id", check: orNull(uuidText), create: anyone, get: func(_ *state, n *subnet) any { return orNil(n.PoolID) }},
		{name: "prefixlen", check: orNull(integer(0, 128)), create: anyone},
		{name: "use_default_subnetpool", check: boolean, create: anyone},
		{name: "gateway_ip", check: orNull(ipAddress), create: anyone, update: anyone, get: func(_ *state, n *subnet) any { return orNil(n.Gateway) }},
		{
			name: "allocation_pools", shownOnly: true, check: listOf[addressRange](64, addressRangeOf), create: anyone, update: anyone,
			get: func(_ *state, n *subnet) any { return shownRanges(n.Pools) },
		},
		{
			name: "dns_nameservers", shownOnly: true, check: orEmpty(unique[string](listOf[string](5, addressText)), []any{}), create: anyone, update: anyone,
			get: func(_ *state, n *subnet) any { return n.DNS },
			set: func(n *subnet, v any) { n.DNS = v.([]string) },
		},
		{
			name: "host_routes", shownOnly: true, check: orEmpty(unique[hostRoute](listOf[hostRoute](20, hostRouteOf)), []any{}), create: anyone, update: anyone,
			get: func(_ *state, n *subnet) any { return orEmptyList(n.Routes) },
			set: func(n *subnet, v any) { n.Routes = v.([]hostRoute) },
		},
		{
			name: "enable_dhcp", check: boolean, create: anyone, update: anyone,
			get: func(_ *state, n *subnet) any { return n.DHCP },
			set: func(n *subnet, v any) { n.DHCP = v.(bool) },
		},
		{
			name: "ipv6_ra_mode", check: orNull(modes), create: anyone,
			get: func(_ *state, n *subnet) any { return orNil(n.RAMode) },
			set: func(n *subnet, v any) { n.RAMode, _ = v.(string) },
		},
		{
			name: "ipv6_address_mode", check: orNull(modes), create: anyone,
			get: func(_ *state, n *subnet) any { return orNil(n.AddressMode) },
			set: func(n *subnet, v any) { n.AddressMode, _ = v.(string) },
		},
		{
			name: "service_types", check: unique[string](listOf[string](20, text(255))), create: anyone, update: anyone,
			get: func(_ *state, n *subnet) any { return n.ServiceTypes },
			set: func(n *subnet, v any) { n.ServiceTypes = v.([]string) },
		},
	}
}

func ipVersion(v any) (any, error) {
	n, err := toInteger(v)
	if err == nil && n != 4 && n != 6 {
		err = malformed("Invalid input for ip_version. Reason: '%d' is not in [4, 6].", n)
	}
	return n, err
}

// subnetCIDR is roundedCIDR with the error that Neutron has for it here.
func subnetCIDR(v any) (any, error) {
	prefix, err := roundedCIDR(v)
	if err != nil {
		return nil, invalidInput("%s", err)
	}
	return prefix, nil
}

func addressText(v any) (any, error) {
	ip, err := parseAddress(v)
	return ip.String(), err
}

func addressRangeOf(v any) (any, error) {
	checked, err := object("IP pool", map[string]check{"start": ipAddress, "end": ipAddress})(v)
	if err != nil {
		return nil, err
	}
	members := checked.(values)
	return addressRange{members["start"].(netip.Addr), members["end"].(netip.Addr)}, nil
}

func hostRouteOf(v any) (any, error) {
	checked, err := object("hostroute", map[string]check{"destination": cidr, "nexthop": ipAddress})(v)
	if err != nil {
		return nil, err
	}
	members := checked.(values)
	return hostRoute{members["destination"].(netip.Prefix), members["nexthop"].(netip.Addr)}, nil
}

func shownRanges(pools []netipx.IPRange) []addressRange {
	list := make([]addressRange, len(pools))
	for i, pool := range pools {
		list[i] = addressRange{pool.From(), pool.To()}
	}
	return list
}

// orEmptyList shows no list as an empty one.
func orEmptyList[T any](list []T) any {
	if len(list) == 0 {
		return json.RawMessage("[]")
	}
	return list
}

// prepareSubnet finds the network, and refuses who may not make subnets on it.
func prepareSubnet(w *work, who caller, n *subnet, in values) error {
	id, _ := given[string](in, "network_id")
	on, ok := w.networks.get(id)
	if !ok || !seesNetwork(who, on) {
		return networkNotFound(id)
	}
	if !owner(who, scope{on.ProjectID, on}) {
		return denied("create", "subnet", "")
	}
	n.NetworkID = id
	return nil
}

func createSubnet(w *work, who caller, n *subnet, in values) error {
	if err := w.chooseCIDR(who, n, in); err != nil {
		return err
	}
	on, _ := w.networks.get(n.NetworkID)
	if err := w.checkCIDR(on, n); err != nil {
		return err
	}
	n.Gateway = n.CIDR.Addr().Next()
	if n.CIDR.IsSingleIP() {
		n.Gateway = n.CIDR.Addr()
	}
	if err := finishSubnet(n, in, true); err != nil {
		return err
	}
	if err := checkModes(n); err != nil {
		return err
	}
	put(w, w.subnets, n)
	w.changeNetwork(on, func(*network) {})
	return w.numberIfRouted(n)
}

func (w *work) numberIfRouted(n *subnet) error {
	if !n.Gateway.IsValid() {
		return nil
	}
	return w.numberNetwork(n.NetworkID)
}

// finishSubnet sets the gateway and the allocation pools and checks what depends on them.
func finishSubnet(n *subnet, in values, creating bool) error {
	if in.has("gateway_ip") {
		n.Gateway, _ = in["gateway_ip"].(netip.Addr) // null: none
	}
	if n.Gateway.IsValid() && !validGateway(n.CIDR, n.Gateway) {
		return invalidInput("Gateway is not valid on subnet")
	}
	if asked, ok := given[[]addressRange](in, "allocation_pools"); ok && (len(asked) > 0 || !creating) {
		pools, err := allocationPools(n.CIDR, asked)
		if err != nil {
			return err
		}
		n.Pools = pools
	} else if creating {
		n.Pools = defaultPools(n.CIDR, n.Gateway)
	}
	if creating || in.has("gateway_ip") || in.has("allocation_pools") {
		if err := gatewayOutsidePools(n); err != nil {
			return err
		}
	}
	return checkDetails(n, in, creating)
}

// validGateway is stricter than Neutron, which since 2018 takes a gateway outside of the
// subnet: here the gateway is ours to answer for, and it answers on the subnet.
func validGateway(cidr netip.Prefix, gateway netip.Addr) bool {
	if !cidr.Contains(gateway) {
		return false
	}
	return !gateway.Is4() || usable(cidr).Contains(gateway)
}

func gatewayOutsidePools(n *subnet) error {
	if !n.Gateway.IsValid() || n.CIDR.IsSingleIP() {
		return nil
	}
	for _, pool := range n.Pools {
		if pool.Contains(n.Gateway) {
			return conflict("GatewayConflictWithAllocationPools", "Gateway ip %s conflicts with allocation pool %s.", n.Gateway, pool)
		}
	}
	return nil
}

func allocationPools(cidr netip.Prefix, asked []addressRange) ([]netipx.IPRange, error) {
	var pools []netipx.IPRange
	for _, r := range asked {
		pool := netipx.IPRangeFrom(r.Start, r.End)
		if !pool.IsValid() || r.Start.Is4() != cidr.Addr().Is4() {
			return nil, badRequest("InvalidAllocationPool", "The allocation pool %s-%s is not valid.", r.Start, r.End)
		}
		if bounds := usable(cidr); !bounds.Contains(r.Start) || !bounds.Contains(r.End) {
			return nil, badRequest("OutOfBoundsAllocationPool", "The allocation pool %s spans beyond the subnet cidr %s.", pool, cidr)
		}
		for _, other := range pools {
			if pool.Overlaps(other) {
				return nil, conflict("OverlappingAllocationPools", "Found overlapping allocation pools: %s %s for subnet %s.", other, pool, cidr)
			}
		}
		pools = append(pools, pool)
	}
	slices.SortFunc(pools, func(a, b netipx.IPRange) int { return a.From().Compare(b.From()) })
	return pools, nil
}

// checkDetails checks that what a request says is of the subnet's IP version.
func checkDetails(n *subnet, in values, creating bool) error {
	is4 := n.CIDR.Addr().Is4()
	if in.has("dns_nameservers") {
		for _, server := range n.DNS {
			if netip.MustParseAddr(server).Is4() != is4 {
				return invalidInput("dns_nameserver '%s' does not match the ip_version '%d'", server, n.version())
			}
		}
	}
	if in.has("host_routes") {
		for _, route := range n.Routes {
			if route.Destination.Addr().Is4() != is4 || route.NextHop.Is4() != is4 {
				return invalidInput("host route '%s' via '%s' does not match the ip_version '%d'", route.Destination, route.NextHop, n.version())
			}
		}
	}
	limit := 126
	if is4 {
		limit = 30
	}
	if n.DHCP && (creating || in.has("enable_dhcp")) && n.CIDR.Bits() > limit {
		return invalidInput("Subnet has a prefix length that is incompatible with DHCP service enabled")
	}
	return nil
}

// checkModes checks ipv6_ra_mode and ipv6_address_mode.
func checkModes(n *subnet) error {
	switch {
	case n.RAMode == "" && n.AddressMode == "":
		return nil
	case n.version() == 4:
		return invalidInput("ipv6_ra_mode and ipv6_address_mode are not valid when ip_version is 4")
	case !n.DHCP:
		return invalidInput("ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False")
	case n.RAMode != "" && n.AddressMode != "" && n.RAMode != n.AddressMode:
		return invalidInput("ipv6_ra_mode set to '%s' with ipv6_address_mode set to '%s' is not valid. If both attributes are set, they must be the same value", n.RAMode, n.AddressMode)
	case n.automatic() && n.CIDR.Bits() != 64:
		return invalidInput("Invalid CIDR %s for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64", n.CIDR)
	}
	return nil
}

// checkCIDR checks the range against the network's other subnets.
func (w *work) checkCIDR(on *network, n *subnet) error {
	switch {
	case n.CIDR.Bits() == 0:
		return invalidInput("0 is not allowed as CIDR prefix length")
	case n.CIDR.Addr().IsMulticast() || n.CIDR.Addr().IsLoopback() || n.CIDR.Addr().IsUnspecified():
		return invalidInput("%s is not a range that machines can have addresses of", n.CIDR)
	case n.version() == 6 && on.MTU < minMTUv6:
		return mtuTooSmall(on)
	}
	for _, other := range w.subnetsOf[on.ID] {
		if other.CIDR.Overlaps(n.CIDR) {
			return invalidInput("Requested subnet with cidr: %s for network: %s overlaps with another subnet", n.CIDR, on.ID)
		}
		if other.PoolID != n.PoolID && other.version() == n.version() {
			return badRequest("NetworkSubnetPoolAffinityError", "Subnets hosted on the same network must be allocated from the same subnet pool.")
		}
	}
	return nil
}

func updateSubnet(w *work, _ caller, before, after *subnet, in values) error {
	if err := finishSubnet(after, in, false); err != nil {
		return err
	}
	if after.Gateway != before.Gateway {
		if holder, taken := w.addresses(after.ID).used[after.Gateway]; taken {
			return conflict("GatewayIpInUse", "Current gateway ip %s already in use by port %s. Unable to update.", after.Gateway, holder)
		}
	}
	put(w, w.subnets, after)
	return w.numberIfRouted(after)
}

// removeSubnet removes a subnet that no port has an address of. Automatic addresses do
// not hold it: they leave their ports.
func (w *work) removeSubnet(n *subnet) error {
	for _, id := range sortedKeys(w.portsOf[n.NetworkID]) {
		p := w.portsOf[n.NetworkID][id]
		if !p.hasAddressOn(n.ID) {
			continue
		}
		if !n.automatic() && !infrastructure(p.DeviceOwner) {
			return conflict("SubnetInUse", "Unable to complete operation on subnet %s: One or more ports have an IP allocation from this subnet.", n.ID)
		}
		after := *p
		after.FixedIPs = slices.DeleteFunc(slices.Clone(p.FixedIPs), func(f fixedIP) bool { return f.SubnetID == n.ID })
		w.touch(&after.standard)
		put(w, w.ports, &after)
	}
	erase(w, w.subnets, n)
	if on, ok := w.networks.get(n.NetworkID); ok {
		w.changeNetwork(on, func(*network) {})
	}
	return nil
}
