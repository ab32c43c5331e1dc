package network

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// port is a Neutron port.
type port struct {
	standard
	NetworkID    string
	MAC          string // lower case, colons
	AdminUp      bool
	DeviceID     string
	DeviceOwner  string
	FixedIPs     []fixedIP
	Groups       []string
	PortSecurity bool
	Pairs        []addressPair
	DHCPOptions  []dhcpOption
	Host         string // binding:host_id
	VNICType     string
	Profile      map[string]any
	Plugged      bool // its tap is on this host's bridge
	Index        int  // minicloud.Port.Index; 0 until it is first bound to this host
}

type fixedIP struct {
	SubnetID string     `json:"subnet_id"`
	IP       netip.Addr `json:"ip_address"`
}

type addressPair struct {
	MAC string `json:"mac_address"`
	IP  string `json:"ip_address"` // an address or a prefix, as it was asked for
}

type dhcpOption struct {
	Name    string `json:"opt_name"`
	Value   string `json:"opt_value"`
	Version int    `json:"ip_version"`
}

func (p *port) hasAddressOn(subnetID string) bool {
	return slices.ContainsFunc(p.FixedIPs, func(f fixedIP) bool { return f.SubnetID == subnetID })
}

// vifType says how the port is plugged, as Neutron's mechanism drivers would: only this
// host's bridges are ours to offer.
func (p *port) vifType(host string) string {
	switch {
	case p.Host == "":
		return "unbound"
	case p.Host == host && p.VNICType == "normal":
		return "bridge"
	}
	return "binding_failed"
}

func (p *port) vifDetails(host string) any {
	if p.vifType(host) == "bridge" {
		return json.RawMessage(`{"connectivity":"l2","port_filter":true}`)
	}
	return json.RawMessage("{}")
}

func (p *port) status(host string) string {
	if p.Plugged && p.AdminUp && p.vifType(host) == "bridge" {
		return "ACTIVE"
	}
	return "DOWN"
}

func (s *Service) portKind() *kind[*port] {
	k := &kind[*port]{
		service: s, name: "port", plural: "ports", path: "ports", quota: "port", tagged: true,
		table:   s.state.ports,
		blank:   func() *port { return &port{AdminUp: true, VNICType: "normal"} },
		clone:   func(p *port) *port { c := *p; return &c },
		missing: portNotFound,
		scope:   func(p *port) scope { on, _ := s.state.networks.get(p.NetworkID); return scope{p.ProjectID, on} },
		mayEdit: ownerOrService,
		mayDrop: ownerOrNetworkOwner,
		prepare: preparePort,
		create:  createPort,
		update:  updatePort,
		remove:  func(w *work, _ caller, p *port) error { erase(w, w.ports, p); return nil },
		filters: map[string]func([]string) (func(*port) bool, error){"fixed_ips": fixedIPFilter},
	}
	k.visible = func(who caller, p *port) bool { return ownerOrNetworkOwner(who, k.scope(p)) }
	k.attributes = append(standardAttributes[*port](), portAttributes()...)
	k.attributes = append(k.attributes, bindingAttributes()...)
	k.attributes = append(k.attributes, tagsAttribute[*port](anyone))
	return k.index()
}

func portAttributes() []attribute[*port] {
	return []attribute[*port]{
		{name: "network_id", check: uuidText, create: anyone, required: true, get: func(_ *state, p *port) any { return p.NetworkID }},
		{
			name: "mac_address", check: macText, create: networkOwner, update: trusted,
			get: func(_ *state, p *port) any { return p.MAC },
			set: func(p *port, v any) { p.MAC = v.(string) },
		},
		{
			name: "admin_state_up", check: boolean, create: anyone, update: anyone,
			get: func(_ *state, p *port) any { return p.AdminUp },
			set: func(p *port, v any) { p.AdminUp = v.(bool) },
		},
		{name: "status", get: func(s *state, p *port) any { return p.status(s.host) }},
		{
			name: "device_id", check: text(255), create: anyone, update: anyone,
			get: func(_ *state, p *port) any { return p.DeviceID },
			set: func(p *port, v any) { p.DeviceID = v.(string) },
		},
		{
			name: "device_owner", check: text(255), create: anyone, update: anyone,
			get: func(_ *state, p *port) any { return p.DeviceOwner },
			set: func(p *port, v any) { p.DeviceOwner = v.(string) },
		},
		{
			name: "fixed_ips", shownOnly: true, check: listOf[fixedIP](64, fixedIPOf), create: networkOwnerOrShared, update: networkOwnerOrShared,
			get: func(_ *state, p *port) any { return fixedIPs(p.FixedIPs) },
		},
		{
			name: "security_groups", check: orEmpty(unique[string](listOf[string](64, uuidText)), []any{}), create: anyone, update: anyone,
			get: func(_ *state, p *port) any { return p.Groups },
		},
		{
			name: "port_security_enabled", check: boolean, create: networkOwner, update: networkOwner,
			get: func(_ *state, p *port) any { return p.PortSecurity },
		},
		{
			name: "allowed_address_pairs", shownOnly: true, check: orEmpty(listOf[addressPair](10, addressPairOf), []any{}), create: networkOwnerOnly, update: networkOwnerOnly,
			get: func(_ *state, p *port) any { return orEmptyList(p.Pairs) },
		},
		{
			name: "extra_dhcp_opts", shownOnly: true, check: orEmpty(listOf[dhcpOption](64, dhcpOptionOf), []any{}), create: anyone, update: anyone,
			get: func(_ *state, p *port) any { return orEmptyList(p.DHCPOptions) },
			set: func(p *port, v any) { p.DHCPOptions = v.([]dhcpOption) },
		},
		{name: "qos_policy_id", check: noQoS(), create: anyone, update: anyone, get: func(*state, *port) any { return nil }},
		{name: "qos_network_policy_id", get: func(*state, *port) any { return nil }},
		{name: "resource_request", see: admins, get: func(*state, *port) any { return nil }},
	}
}

func bindingAttributes() []attribute[*port] {
	return []attribute[*port]{
		{
			name: "binding:host_id", check: orEmpty(text(255), ""), create: trusted, update: trusted, see: trusted,
			get: func(_ *state, p *port) any { return p.Host },
			set: func(p *port, v any) { p.Host = v.(string) },
		},
		{
			name: "binding:vnic_type", create: anyone, update: anyone,
			check: oneOf("normal", "direct", "macvtap", "baremetal", "direct-physical", "virtio-forwarder", "smart-nic", "vdpa"),
			get:   func(_ *state, p *port) any { return p.VNICType },
			set:   func(p *port, v any) { p.VNICType = v.(string) },
		},
		{
			name: "binding:profile", check: profile, create: trusted, update: trusted, see: trusted,
			get: func(_ *state, p *port) any {
				if p.Profile == nil {
					return json.RawMessage("{}")
				}
				return p.Profile
			},
			set: func(p *port, v any) { p.Profile = v.(map[string]any) },
		},
		{name: "binding:vif_type", see: trusted, get: func(s *state, p *port) any { return p.vifType(s.host) }},
		{name: "binding:vif_details", see: trusted, get: func(s *state, p *port) any { return p.vifDetails(s.host) }},
	}
}

func profile(v any) (any, error) {
	if v == nil {
		return map[string]any(nil), nil
	}
	members, ok := v.(map[string]any)
	if !ok || len(appendJSON(nil, members)) > 4095 {
		return nil, complain("'%s' is not a dictionary of at most 4095 bytes", shown(v))
	}
	return members, nil
}

func addressPairOf(v any) (any, error) {
	members, ok := v.(map[string]any)
	if ok && members["ip_address"] == nil {
		return nil, badRequest("AllowedAddressPairsMissingIP", "AllowedAddressPair must contain ip_address")
	}
	checked, err := object("allowed address pair", map[string]check{"ip_address": addressOrPrefix, "mac_address?": orNull(macText)})(v)
	if err != nil {
		return nil, err
	}
	mac, _ := given[string](checked.(values), "mac_address")
	return addressPair{MAC: mac, IP: checked.(values)["ip_address"].(string)}, nil
}

// addressOrPrefix takes 10.0.0.5 and 10.0.0.0/24, with host bits as Neutron does.
func addressOrPrefix(v any) (any, error) {
	s, _ := v.(string)
	if ip, err := parseAddress(s); err == nil {
		return ip.String(), nil
	}
	if prefix, err := netip.ParsePrefix(s); err == nil && !prefix.Addr().Is4In6() {
		return prefix.Masked().String(), nil
	}
	return nil, complain("'%s' is neither a valid IP address, nor is it a valid IP subnet", shown(v))
}

func dhcpOptionOf(v any) (any, error) {
	if option, ok := v.(map[string]any); ok && !values(option).has("opt_value") {
		return nil, invalidInput("an extra DHCP option has no opt_value")
	}
	checked, err := object("extra DHCP option", map[string]check{"opt_name": text(64), "opt_value": orNull(text(255)), "ip_version?": ipVersion})(v)
	if err != nil {
		return nil, err
	}
	members := checked.(values)
	version, _ := given[int](members, "ip_version")
	value, _ := given[string](members, "opt_value")
	return dhcpOption{members["opt_name"].(string), value, cmp.Or(version, 4)}, nil
}

// preparePort finds the network and refuses who may not have ports on it.
func preparePort(w *work, who caller, p *port, in values) error {
	id, _ := given[string](in, "network_id")
	on, ok := w.networks.get(id)
	if !ok || !seesNetwork(who, on) {
		return networkNotFound(id)
	}
	if !on.Shared && !networkOwner(who, scope{p.ProjectID, on}) {
		return newFault(403, "HTTPForbidden", "Tenant %s not allowed to create port on this network", p.ProjectID)
	}
	p.NetworkID, p.PortSecurity = id, on.PortSecurity
	if wanted, _ := given[string](in, "device_owner"); networkDevice(wanted) && !in.has("port_security_enabled") {
		p.PortSecurity = false
	}
	return mayOwnDevice(who, "create", scope{p.ProjectID, on}, in)
}

// mayOwnDevice keeps the owners that begin with "network:" to those who run the network:
// such ports are trusted.
func mayOwnDevice(who caller, verb string, on scope, in values) error {
	if wanted, _ := given[string](in, "device_owner"); networkDevice(wanted) && !networkOwner(who, on) {
		return denied(verb, "port", "device_owner")
	}
	return nil
}

func networkDevice(deviceOwner string) bool { return strings.HasPrefix(deviceOwner, "network:") }

func createPort(w *work, who caller, p *port, in values) error {
	if p.MAC == "" {
		p.MAC = w.freeMAC(p.NetworkID)
	} else if _, taken := w.macsOf[p.NetworkID][p.MAC]; taken {
		return macInUse(p)
	}
	wanted, said := given[[]fixedIP](in, "fixed_ips")
	if err := w.allocate(who, p, wanted, said); err != nil {
		return err
	}
	return w.finishPort(who, p, in, true)
}

func macInUse(p *port) *fault {
	return conflict("MacAddressInUse", "Unable to complete operation for network %s. The mac address %s is in use.", p.NetworkID, p.MAC)
}

// freeMAC makes up an address in Neutron's range that no port of the network has.
func (w *work) freeMAC(networkID string) string {
	for {
		var tail [3]byte
		_, _ = rand.Read(tail[:]) // never fails
		mac := fmt.Sprintf("fa:16:3e:%02x:%02x:%02x", tail[0], tail[1], tail[2])
		if _, taken := w.macsOf[networkID][mac]; !taken {
			return mac
		}
	}
}

// finishPort settles what depends on more than one attribute, and puts the port.
func (w *work) finishPort(who caller, p *port, in values, creating bool) error {
	if on, ok := given[bool](in, "port_security_enabled"); ok {
		p.PortSecurity = on
	}
	if err := w.chooseGroups(who, p, in, creating); err != nil {
		return err
	}
	if err := choosePairs(p, in); err != nil {
		return err
	}
	if p.Host == w.host && p.Index == 0 {
		index, err := w.portIndex.pick()
		if err != nil {
			return noMoreNumbers("port", err)
		}
		p.Index = index
	}
	put(w, w.ports, p)
	if p.Host == w.host {
		return w.numberNetwork(p.NetworkID)
	}
	return nil
}

// chooseGroups sets the security groups: those asked for, else for a new port its
// project's default one.
func (w *work) chooseGroups(who caller, p *port, in values, creating bool) error {
	wanted, said := given[[]string](in, "security_groups")
	if said && len(wanted) > 0 && !p.PortSecurity && !creating && !in.has("port_security_enabled") {
		return badRequest("PortSecurityAndIPRequiredForSecurityGroups", "Port security must be enabled and port must have an IP address in order to use security groups.")
	}
	if said {
		for _, id := range wanted {
			g, ok := w.groups.get(id)
			if !ok || g.ProjectID != p.ProjectID && !who.trusted() {
				return groupNotFound(id)
			}
		}
		p.Groups = wanted
	}
	if creating && !said && p.PortSecurity && !networkDevice(p.DeviceOwner) {
		p.Groups = []string{w.ensureDefaultGroup(p.ProjectID).ID}
	}
	if !p.PortSecurity && len(p.Groups) > 0 {
		return conflict("PortSecurityPortHasSecurityGroup",
			"Port has security group associated. Cannot disable port security or IP address until security group is removed.")
	}
	return nil
}

func choosePairs(p *port, in values) error {
	wanted, said := given[[]addressPair](in, "allowed_address_pairs")
	if said {
		pairs := make([]addressPair, 0, len(wanted))
		for _, pair := range wanted {
			pair.MAC = cmp.Or(pair.MAC, p.MAC)
			if slices.Contains(pairs, pair) {
				return badRequest("DuplicateAddressPairInRequest", "Request contains duplicate address pair: mac_address %s ip_address %s.", pair.MAC, pair.IP)
			}
			pairs = append(pairs, pair)
		}
		p.Pairs = pairs
	}
	if !p.PortSecurity && len(p.Pairs) > 0 {
		return conflict("AddressPairAndPortSecurityRequired", "Port Security must be enabled in order to have allowed address pairs on a port.")
	}
	return nil
}

func updatePort(w *work, who caller, before, after *port, in values) error {
	on, _ := w.networks.get(after.NetworkID)
	if err := mayOwnDevice(who, "update", scope{after.ProjectID, on}, in); err != nil {
		return err
	}
	if after.MAC != before.MAC {
		if err := w.changeMAC(before, after); err != nil {
			return err
		}
	}
	if wanted, said := given[[]fixedIP](in, "fixed_ips"); said {
		if err := w.reallocate(who, before, after, wanted); err != nil {
			return err
		}
	}
	return w.finishPort(who, after, in, false)
}

// changeMAC refuses what the port's owner could no longer be reached by.
func (w *work) changeMAC(before, after *port) error {
	switch {
	case networkDevice(before.DeviceOwner):
		return conflict("UnsupportedPortDeviceOwner", "Operation mac address update is not supported for device_owner %s on port %s.", before.DeviceOwner, before.ID)
	case before.vifType(w.host) == "bridge":
		return conflict("PortBound", "Unable to complete operation on port %s, port is already bound, port type: bridge, old_mac %s, new_mac %s.", before.ID, before.MAC, after.MAC)
	}
	if _, taken := w.macsOf[after.NetworkID][after.MAC]; taken {
		return macInUse(after)
	}
	return nil
}
