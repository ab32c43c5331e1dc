package network

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// groupRule is a rule of a security group. Its Protocol is as users wrote it, a name or
// a number; "" is any.
type groupRule struct {
	standard
	GroupID      string
	Direction    string // ingress, egress
	EtherType    string // IPv4, IPv6
	Protocol     string
	PortMin      *int
	PortMax      *int
	RemotePrefix netip.Prefix // as users wrote it, host bits too; zero: any
	RemoteGroup  string
	Automatic    bool // came with its group
}

// protocolNumbers are the names that Neutron takes (neutron_lib.constants.IP_PROTOCOL_MAP).
func protocolNumbers() map[string]int {
	return map[string]int{
		"ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "hopopt": 0, "icmp": 1, "igmp": 2, "ip": 0, "ipip": 4,
		"ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": 58, "icmpv6": 58, "ipv6-nonxt": 59, "ipv6-opts": 60,
		"ipv6-route": 43, "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
	}
}

// protocolNumber returns the IP protocol of a rule, -1 for any.
func (r *groupRule) protocolNumber() int {
	if r.Protocol == "" {
		return -1
	}
	if number, ok := protocolNumbers()[r.Protocol]; ok {
		if number == 0 && r.Protocol == "ip" {
			return -1
		}
		if number == 1 && r.EtherType == "IPv6" {
			return 58
		}
		return number
	}
	number, _ := strconv.Atoi(r.Protocol) // checked where it entered
	return number
}

func (s *Service) ruleKind() *kind[*groupRule] {
	k := &kind[*groupRule]{
		service: s, name: "security_group_rule", plural: "security_group_rules", path: "security-group-rules", quota: "security_group_rule",
		table:   s.state.rules,
		blank:   func() *groupRule { return &groupRule{EtherType: "IPv4"} },
		clone:   func(r *groupRule) *groupRule { c := *r; return &c },
		missing: groupRuleNotFound,
		visible: func(who caller, r *groupRule) bool {
			g, ok := s.state.groups.get(r.GroupID)
			return who.trusted() || r.ProjectID == who.project || ok && g.ProjectID == who.project
		},
		scope:   func(r *groupRule) scope { return scope{project: r.ProjectID} },
		mayDrop: owner,
		create:  createRule,
		remove: func(w *work, _ caller, r *groupRule) error {
			erase(w, w.rules, r)
			w.touchGroup(r.GroupID)
			return nil
		},
	}
	k.needs, k.before = s.needsDefaultGroup, makeDefaultGroup
	k.attributes = slices.DeleteFunc(standardAttributes[*groupRule](), func(a attribute[*groupRule]) bool { return a.name == "name" })
	k.attributes = append(k.attributes, ruleAttributes()...)
	k.index().attribute("description").get = func(_ *state, r *groupRule) any {
		if r.Automatic {
			return nil // as Neutron shows it
		}
		return r.Description
	}
	return k.index()
}

func ruleAttributes() []attribute[*groupRule] {
	return []attribute[*groupRule]{
		{
			name: "security_group_id", check: text(255), create: anyone, required: true,
			get: func(_ *state, r *groupRule) any { return r.GroupID },
			set: func(r *groupRule, v any) { r.GroupID = v.(string) },
		},
		{
			name: "direction", check: oneOf("ingress", "egress"), create: anyone, required: true,
			get: func(_ *state, r *groupRule) any { return r.Direction },
			set: func(r *groupRule, v any) { r.Direction = v.(string) },
		},
		{
			name: "ethertype", check: etherType, create: anyone,
			get: func(_ *state, r *groupRule) any { return r.EtherType },
			set: func(r *groupRule, v any) { r.EtherType = v.(string) },
		},
		{
			name: "protocol", check: orNull(protocol), create: anyone,
			get: func(_ *state, r *groupRule) any { return orNil(r.Protocol) },
			set: func(r *groupRule, v any) { r.Protocol, _ = v.(string) },
		},
		{
			name: "port_range_min", check: orNull(portNumber), create: anyone,
			get: func(_ *state, r *groupRule) any { return valueOf(r.PortMin) },
			set: func(r *groupRule, v any) { r.PortMin = pointerTo(v) },
		},
		{
			name: "port_range_max", check: orNull(portNumber), create: anyone,
			get: func(_ *state, r *groupRule) any { return valueOf(r.PortMax) },
			set: func(r *groupRule, v any) { r.PortMax = pointerTo(v) },
		},
		{
			name: "remote_ip_prefix", check: remotePrefix, create: anyone,
			get: func(_ *state, r *groupRule) any { return orNil(r.RemotePrefix) },
			set: func(r *groupRule, v any) { r.RemotePrefix, _ = v.(netip.Prefix) },
		},
		{name: "normalized_cidr", get: func(_ *state, r *groupRule) any { return orNil(r.RemotePrefix.Masked()) }},
		{
			name: "remote_group_id", check: orNull(uuidText), create: anyone,
			get: func(_ *state, r *groupRule) any { return orNil(r.RemoteGroup) },
			set: func(r *groupRule, v any) { r.RemoteGroup, _ = v.(string) },
		},
		{name: "remote_address_group_id", check: onlyNull, create: anyone, get: func(*state, *groupRule) any { return nil }},
	}
}

func valueOf(n *int) any {
	if n == nil {
		return nil
	}
	return *n
}

func pointerTo(v any) *int {
	if n, ok := v.(int); ok {
		return &n
	}
	return nil
}

func portNumber(v any) (any, error) {
	n, err := toInteger(v)
	if err != nil || n < 0 || n > 65535 {
		return nil, badRequest("SecurityGroupInvalidPortValue", "Invalid value for port %s", shown(v))
	}
	return n, nil
}

func etherType(v any) (any, error) {
	for _, known := range []string{"IPv4", "IPv6"} {
		if s, _ := v.(string); strings.EqualFold(s, known) {
			return known, nil
		}
	}
	return nil, badRequest("SecurityGroupRuleInvalidEtherType", "Security group rule for ethertype '%s' not supported. Allowed values are ['IPv4', 'IPv6'].", shown(v))
}

func protocol(v any) (any, error) {
	name := strings.ToLower(shown(v))
	if name == "icmpv6" {
		name = "ipv6-icmp" // Neutron's word for it
	}
	if _, known := protocolNumbers()[name]; known {
		return name, nil
	}
	if n, err := toInteger(v); err == nil && n >= 0 && n <= 255 {
		return strconv.Itoa(n), nil
	}
	if name == "any" || name == "" {
		return nil, nil
	}
	return nil, badRequest("SecurityGroupRuleInvalidProtocol",
		"Security group rule protocol %s not supported. Only protocol values [%s] and integer representations [0 to 255] are supported.",
		shown(v), strings.Join(slices.Sorted(maps.Keys(protocolNumbers())), ", "))
}

// remotePrefix takes a prefix or an address, with host bits as Neutron does.
func remotePrefix(v any) (any, error) {
	if v == nil || v == "" {
		return nil, nil
	}
	if _, err := addressOrPrefix(v); err != nil {
		return nil, badRequest("InvalidCIDR", "Invalid CIDR %s given as IP prefix.", shown(v))
	}
	if ip, err := netip.ParseAddr(v.(string)); err == nil {
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	return netip.MustParsePrefix(v.(string)), nil
}

func createRule(w *work, who caller, r *groupRule, _ values) error {
	g, ok := w.groups.get(r.GroupID)
	if !ok || g.ProjectID != who.project && !who.admin {
		return groupNotFound(r.GroupID)
	}
	if r.RemoteGroup != "" {
		remote, ok := w.groups.get(r.RemoteGroup)
		if !ok || remote.ProjectID != r.ProjectID && !who.admin {
			return groupNotFound(r.RemoteGroup)
		}
	}
	if err := r.check(); err != nil {
		return err
	}
	for _, other := range w.rulesOf[r.GroupID] {
		if other.key() == r.key() {
			return conflict("SecurityGroupRuleExists", "Security group rule already exists. Rule id is %s.", other.ID)
		}
	}
	put(w, w.rules, r)
	w.touchGroup(r.GroupID)
	return nil
}

// key is what two rules that do the same have in common.
func (r *groupRule) key() string {
	prefix := ""
	if r.RemotePrefix.Bits() > 0 {
		prefix = r.RemotePrefix.Masked().String()
	}
	return fmt.Sprint(r.Direction, r.EtherType, r.protocolNumber(), valueOf(r.PortMin), valueOf(r.PortMax), prefix, r.RemoteGroup)
}

// check checks a rule's parts against one another.
func (r *groupRule) check() error {
	if r.PortMin != nil && r.PortMax != nil && *r.PortMin == 1 && *r.PortMax == 65535 {
		r.PortMin, r.PortMax = nil, nil
	}
	switch {
	case r.RemotePrefix.IsValid() && r.RemoteGroup != "":
		return badRequest("SecurityGroupMultipleRemoteEntites", "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.")
	case r.RemotePrefix.IsValid() && r.RemotePrefix.Addr().Is4() != (r.EtherType == "IPv4"):
		return badRequest("SecurityGroupRuleParameterConflict", "Conflicting value ethertype %s for CIDR %s", r.EtherType, r.RemotePrefix)
	case r.EtherType == "IPv4" && onlyIPv6(r.protocolNumber()):
		return badRequest("SecurityGroupEthertypeConflictWithProtocol", "Invalid ethertype %s for protocol %s.", r.EtherType, r.Protocol)
	}
	if r.PortMin == nil && r.PortMax == nil {
		return nil
	}
	return r.checkPorts()
}

func onlyIPv6(protocol int) bool { return slices.Contains([]int{41, 43, 44, 58, 59, 60}, protocol) }

func (r *groupRule) checkPorts() error {
	switch r.protocolNumber() {
	case -1:
		return badRequest("SecurityGroupProtocolRequiredWithPorts", "Must also specify protocol if port range is given.")
	case 6, 17, 33, 132, 136:
		switch {
		case r.PortMin != nil && *r.PortMin == 0 || r.PortMax != nil && *r.PortMax == 0:
			return badRequest("SecurityGroupInvalidPortValue", "Invalid value for port 0")
		case r.PortMin == nil || r.PortMax == nil || *r.PortMin > *r.PortMax:
			return badRequest("SecurityGroupInvalidPortRange", "For TCP/UDP protocols, port_range_min must be <= port_range_max")
		}
		return nil
	case 1, 58:
		return r.checkICMP()
	}
	return badRequest("SecurityGroupInvalidProtocolForPort", "Ports cannot be specified for protocol %s. Ports are only supported for DCCP, SCTP, TCP, UDP, UDPLITE.", r.Protocol)
}

func (r *groupRule) checkICMP() error {
	for _, part := range []struct {
		field, attribute string
		value            *int
	}{{"type", "port_range_min", r.PortMin}, {"code", "port_range_max", r.PortMax}} {
		if part.value != nil && *part.value > 255 {
			return badRequest("SecurityGroupInvalidIcmpValue", "Invalid value for ICMP %s (%s) %d. It must be 0 to 255.", part.field, part.attribute, *part.value)
		}
	}
	if r.PortMin == nil {
		return badRequest("SecurityGroupMissingIcmpType", "ICMP code (port-range-max) %d is provided but ICMP type (port-range-min) is missing.", *r.PortMax)
	}
	return nil
}
