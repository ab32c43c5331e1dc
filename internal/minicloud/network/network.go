package network

import (
	"net/http"
	"slices"
	"strings"
)

const defaultMTU = 1500

// network is a Neutron network.
type network struct {
	standard
	AdminUp      bool
	Shared       bool
	External     bool // router:external
	MTU          int
	PortSecurity bool     // what new ports have
	Hints        []string // availability_zone_hints
	Index        int      // minicloud.Network.Index; 0 until the data plane needs it
}

func (s *Service) networkKind() *kind[*network] {
	k := &kind[*network]{
		service: s, name: "network", plural: "networks", path: "networks", quota: "network", tagged: true,
		table:   s.state.networks,
		blank:   func() *network { return &network{AdminUp: true, MTU: defaultMTU, PortSecurity: true} },
		clone:   func(n *network) *network { c := *n; return &c },
		missing: networkNotFound,
		visible: seesNetwork,
		scope:   func(n *network) scope { return scope{n.ProjectID, n} },
		mayEdit: owner,
		mayDrop: owner,
		create:  createNetwork,
		update:  updateNetwork,
		remove:  func(w *work, _ caller, n *network) error { return w.removeNetwork(n) },
	}
	k.attributes = append(standardAttributes[*network](), networkAttributes()...)
	k.attributes = append(k.attributes, tagsAttribute[*network](nil))
	return k.index()
}

func networkAttributes() []attribute[*network] {
	return []attribute[*network]{
		{
			name: "admin_state_up", check: boolean, create: anyone, update: anyone,
			get: func(_ *state, n *network) any { return n.AdminUp },
			set: func(n *network, v any) { n.AdminUp = v.(bool) },
		},
		{name: "status", get: func(*state, *network) any { return "ACTIVE" }},
		{name: "subnets", shownOnly: true, get: func(s *state, n *network) any { return ids(s.subnetsOf[n.ID]) }},
		{
			name: "shared", check: boolean, create: admins, update: admins, harmless: false,
			get: func(_ *state, n *network) any { return n.Shared },
			set: func(n *network, v any) { n.Shared = v.(bool) },
		},
		{
			name: "router:external", check: boolean, create: admins, update: admins, harmless: false,
			get: func(_ *state, n *network) any { return n.External },
			set: func(n *network, v any) { n.External = v.(bool) },
		},
		{
			name: "mtu", check: mtu, create: anyone, update: anyone,
			get: func(_ *state, n *network) any { return n.MTU },
			set: func(n *network, v any) { n.MTU = v.(int) },
		},
		{
			name: "port_security_enabled", check: boolean, create: networkOwner, update: networkOwner,
			get: func(_ *state, n *network) any { return n.PortSecurity },
			set: func(n *network, v any) { n.PortSecurity = v.(bool) },
		},
		{
			name: "availability_zone_hints", check: orEmpty(listOf[string](10, text(255)), []any{}), create: anyone,
			get: func(_ *state, n *network) any { return n.Hints },
			set: func(n *network, v any) { n.Hints = v.([]string) },
		},
		{name: "availability_zones", get: func(*state, *network) any { return []string(nil) }},
		{name: "ipv4_address_scope", get: func(*state, *network) any { return nil }},
		{name: "ipv6_address_scope", get: func(*state, *network) any { return nil }},
		{name: "qos_policy_id", check: noQoS(), create: anyone, update: anyone, get: func(*state, *network) any { return nil }},
		// There is one host, and no tunnels: Neutron's word for such a network is local.
		{
			name: "provider:network_type", check: oneOf("local"), create: admins, see: admins,
			get: func(*state, *network) any { return "local" },
		},
		{name: "provider:physical_network", check: onlyNull, create: admins, see: admins, get: func(*state, *network) any { return nil }},
		{name: "provider:segmentation_id", check: onlyNull, create: admins, see: admins, get: func(*state, *network) any { return nil }},
	}
}

func noQoS() check { return noSuch("QosPolicyNotFound", "QoS policy %s could not be found.") }

// mtu takes what a Linux bridge takes; 0 is Neutron's "the usual one".
func mtu(v any) (any, error) {
	if n, err := toInteger(v); err == nil && n == 0 {
		return defaultMTU, nil
	}
	return integer(68, 65535)(v)
}

func seesNetwork(who caller, n *network) bool {
	return who.trusted() || n.Shared || n.External || n.ProjectID == who.project
}

func createNetwork(w *work, who caller, n *network, _ values) error {
	if who.admin || n.ProjectID == who.project {
		w.ensureDefaultGroup(n.ProjectID)
	}
	put(w, w.networks, n)
	return nil
}

func updateNetwork(w *work, _ caller, before, after *network, _ values) error {
	if before.Shared && !after.Shared && w.sharedByOthers(before) {
		return conflict("InvalidSharedSetting",
			"Unable to reconfigure sharing settings for network %s. Multiple tenants are using it.", before.ID)
	}
	if after.MTU < minMTUv6 && slices.ContainsFunc(w.subnetsOf[after.ID], func(n *subnet) bool { return !n.CIDR.Addr().Is4() }) {
		return mtuTooSmall(after)
	}
	put(w, w.networks, after)
	return nil
}

// minMTUv6 is the smallest MTU that IPv6 works over (RFC 8200, section 5).
const minMTUv6 = 1280

func mtuTooSmall(n *network) *fault {
	return conflict("NetworkMTUSubnetConflict", "Requested MTU %d of network %s is smaller than the %d that its IPv6 subnets need.", n.MTU, n.ID, minMTUv6)
}

// sharedByOthers reports whether projects besides the owner use the network.
func (s *state) sharedByOthers(n *network) bool {
	for _, p := range s.portsOf[n.ID] {
		if p.ProjectID != n.ProjectID && !infrastructure(p.DeviceOwner) {
			return true
		}
	}
	return slices.ContainsFunc(s.subnetsOf[n.ID], func(sub *subnet) bool { return sub.ProjectID != n.ProjectID })
}

// removeNetwork removes a network that no port is on, with its subnets.
func (w *work) removeNetwork(n *network) error {
	using := map[string]*port{}
	for id, p := range w.portsOf[n.ID] {
		if !infrastructure(p.DeviceOwner) {
			using[id] = p
		}
	}
	if len(using) > 0 {
		return newFault(http.StatusConflict, "NetworkInUse",
			"Unable to complete operation on network %s. There are one or more ports still in use on the network, id for these ports is: %s.",
			n.ID, strings.Join(sortedKeys(using), ","))
	}
	for _, id := range sortedKeys(w.portsOf[n.ID]) {
		erase(w, w.ports, w.portsOf[n.ID][id])
	}
	for _, sub := range w.subnetsOf[n.ID] {
		erase(w, w.subnets, sub)
	}
	erase(w, w.networks, n)
	return nil
}

// infrastructure reports whether a port of this owner goes with its network or subnet
// (neutron/db: AUTO_DELETE_PORT_OWNERS).
func infrastructure(deviceOwner string) bool { return deviceOwner == "network:dhcp" }

// changeNetwork puts a changed copy of a network in its place.
func (w *work) changeNetwork(n *network, change func(*network)) {
	after := *n
	change(&after)
	w.touch(&after.standard)
	put(w, w.networks, &after)
}

// numberNetwork gives the network its Index if it has none.
func (w *work) numberNetwork(id string) error {
	n, ok := w.networks.get(id)
	if !ok || n.Index != 0 {
		return nil
	}
	index, err := w.networkIndex.pick()
	if err != nil {
		return noMoreNumbers("network", err)
	}
	after := *n
	after.Index = index
	put(w, w.networks, &after)
	return nil
}

func noMoreNumbers(what string, err error) *fault {
	return conflict("NoNetworkAvailable", "This host can realise no further %s: %v.", what, err)
}
