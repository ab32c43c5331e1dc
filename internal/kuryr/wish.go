package kuryr

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gozun/gozun/zun"
)

// The options of one endpoint (docker run --network name=NET,driver-opt=KEY=VALUE).
const (
	// OptionPort is the endpoint option that hands over one port by its uuid.
	OptionPort = "neutron.port.uuid"

	optionPortName = "neutron.port.name"
	optionGroups   = "neutron.security_groups"
	optionQoS      = "neutron.qos_policy"
	optionPairs    = "neutron.allowed_address_pairs"
	optionSecurity = "neutron.port_security"
)

// wishes are what a user wants of an endpoint's port beyond its addresses. The zero wishes
// are none.
type wishes struct {
	PortID   string
	Name     string
	Groups   []string // names and uuids
	QoS      string   // name or uuid
	Pairs    []zun.AddressPair
	Security *bool
}

// any reports whether the port is to be different from what it is without wishes.
func (w wishes) any() bool {
	return w.Name != "" || len(w.Groups) > 0 || w.QoS != "" || len(w.Pairs) > 0 || w.Security != nil
}

// parseWishes reads an endpoint's options whose keys begin with "neutron.". CodeInvalid.
func parseWishes(raw map[string]string) (w wishes, err error) {
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		value := strings.TrimSpace(raw[key])
		if !strings.HasPrefix(key, "neutron.") || value == "" {
			continue
		}
		if err := w.read(key, value); err != nil {
			return w, err
		}
	}
	if w.Security != nil && !*w.Security && len(w.Groups)+len(w.Pairs) > 0 {
		return w, zun.Errorf(zun.CodeInvalid, "endpoint option %s is false, so %s and %s have no effect; leave them out", optionSecurity, optionGroups, optionPairs)
	}
	return w, nil
}

func (w *wishes) read(key, value string) (err error) {
	switch key {
	case OptionPort:
		id, err := uuid.Parse(value)
		if err != nil {
			return zun.Errorf(zun.CodeInvalid, "endpoint option %s is %q, which is not a uuid", key, value)
		}
		w.PortID = id.String()
	case optionPortName:
		w.Name = value
	case optionGroups:
		w.Groups = split(value, ",;")
	case optionQoS:
		w.QoS = value
	case optionPairs:
		w.Pairs, err = parsePairs(value)
	case optionSecurity:
		on, bad := parseBool(key, value)
		w.Security, err = &on, bad
	default:
		return zun.Errorf(zun.CodeInvalid, "endpoint option %s is not known; there are %s", key,
			strings.Join([]string{OptionPort, optionPortName, optionGroups, optionQoS, optionPairs, optionSecurity}, ", "))
	}
	return err
}

// split cuts a list at any of the separators, less spaces and empty parts.
func split(list, separators string) []string {
	var parts []string
	for part := range strings.FieldsFuncSeq(list, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return parts
}

// parsePairs reads "10.0.0.5;10.1.0.0/24,02:00:00:00:00:01".
func parsePairs(list string) ([]zun.AddressPair, error) {
	var pairs []zun.AddressPair
	for _, text := range split(list, ";") {
		ip, mac, _ := strings.Cut(text, ",")
		ip, mac = strings.TrimSpace(ip), strings.TrimSpace(mac)
		_, notIP := netip.ParseAddr(ip)
		_, notPrefix := netip.ParsePrefix(ip)
		hw, notMAC := net.ParseMAC(mac)
		if notIP != nil && notPrefix != nil || mac != "" && (notMAC != nil || len(hw) != 6) {
			return nil, zun.Errorf(zun.CodeInvalid, "endpoint option %s has %q; it is a list of IP[/LENGTH][,MAC] with semicolons between", optionPairs, text)
		}
		pairs = append(pairs, zun.AddressPair{IP: ip, MAC: hw.String()})
	}
	return pairs, nil
}

// attributes are wishes in Neutron's ids.
type attributes struct {
	groups []string // nil: not said
	qos    string
}

// resolve finds the ids of what wishes name. Names are looked for in the port's project
// only: the plugin may see those of others.
func (d *Driver) resolve(ctx context.Context, w wishes, project string) (a attributes, err error) {
	if len(w.Groups) == 0 && w.QoS == "" {
		return a, nil
	}
	if project == "" {
		if project, err = d.Neutron.ProjectID(ctx); err != nil {
			return a, err
		}
	}
	for _, name := range w.Groups {
		id, err := d.groupID(ctx, name, project)
		if err != nil {
			return a, err
		}
		if !slices.Contains(a.groups, id) {
			a.groups = append(a.groups, id)
		}
	}
	if w.QoS == "" {
		return a, nil
	}
	r := referenceTo(w.QoS)
	found, err := d.Neutron.FindQoSPolicies(ctx, r.query())
	one, err := only(found, err, "QoS policy", r, func(p zun.QoSPolicy) string { return p.ID })
	a.qos = one.ID
	return a, asked(optionQoS, err)
}

func (d *Driver) groupID(ctx context.Context, name, project string) (string, error) {
	r := referenceTo(name)
	q := r.query()
	if r.ID == "" {
		q.ProjectID = project
	}
	found, err := d.Neutron.FindSecurityGroups(ctx, q)
	one, err := only(found, err, "security group", r, func(g zun.SecurityGroup) string { return g.ID })
	return one.ID, asked(optionGroups, err)
}

// asked says which option an error is about. What a user named and is not there is a bad
// request.
func asked(option string, err error) error {
	if err == nil {
		return nil
	}
	code := zun.CodeOf(err)
	if code == zun.CodeNotFound {
		code = zun.CodeInvalid
	}
	return zun.Wrap(code, err, "endpoint option %s: %v", option, err)
}

// referenceTo takes a uuid for one and anything else for a name.
func referenceTo(text string) reference {
	if id, err := uuid.Parse(text); err == nil {
		return reference{ID: id.String()}
	}
	return reference{Name: text}
}

// forNew puts wishes into the request for a new port.
func (w wishes) forNew(a attributes, spec *zun.PortSpec) {
	if w.Name != "" {
		spec.Name = w.Name
	}
	spec.SecurityGroups, spec.AddressPairs, spec.QoSPolicyID, spec.PortSecurity = a.groups, w.Pairs, a.qos, w.Security
	if w.Security != nil && !*w.Security {
		spec.SecurityGroups = []string{}
	}
}

// forOld puts wishes into a change of a port.
func (w wishes) forOld(a attributes, change *zun.PortChange) {
	if w.Name != "" {
		change.Name = &w.Name
	}
	change.SecurityGroups, change.AddressPairs, change.PortSecurity = a.groups, w.Pairs, w.Security
	if a.qos != "" {
		change.QoSPolicyID = &a.qos
	}
	if w.Security != nil && !*w.Security {
		change.SecurityGroups, change.AddressPairs = []string{}, []zun.AddressPair{}
	}
}

// fulfil gives a port that the endpoint has already what its user wishes, in one request.
// The caller holds the claim's lock.
func (d *Driver) fulfil(ctx context.Context, c *claim) error {
	if !c.Wishes.any() {
		return nil
	}
	a, err := d.resolve(ctx, c.Wishes, c.Port.ProjectID)
	if err != nil {
		return err
	}
	var change zun.PortChange
	c.Wishes.forOld(a, &change)
	if c.Port.Holding == holdingMade {
		return d.fulfilMade(ctx, c, change)
	}
	p, err := d.Neutron.Port(ctx, c.Port.ID)
	if err != nil {
		return err
	}
	if c.Port.Holding == holdingHanded {
		c.Port.Holding, c.Port.Before = holdingTaken, beforeOf(p)
	}
	c.Port.Before.learn(p, change)
	if err := put(d, claims, c.ID, *c); err != nil {
		return err
	}
	changed, err := d.Neutron.UpdatePort(ctx, p.ID, change)
	if err == nil {
		c.know(changed)
	}
	return err
}

// fulfilMade names a port of ours on the occasion.
func (d *Driver) fulfilMade(ctx context.Context, c *claim, change zun.PortChange) error {
	if name := portName(c.EndpointID); change.Name == nil {
		change.Name = &name
	}
	change.DeviceID = &c.EndpointID
	if err := d.keepKnown(ctx, *c, c.Port.Tagged); err != nil {
		return err
	}
	changed, err := d.Neutron.UpdatePort(ctx, c.Port.ID, change)
	if err != nil {
		return err
	}
	c.know(changed)
	c.Named = true
	return put(d, claims, c.ID, *c)
}

// keepKnown tags a port of ours that is to have a name of its user's: by that it is not known
// as ours. The other tags follow with those of all ports.
func (d *Driver) keepKnown(ctx context.Context, c claim, tags []string) error {
	if c.Wishes.Name == "" || slices.Contains(tags, tagOwnPort) {
		return nil
	}
	return d.Neutron.AddTag(ctx, "ports", c.Port.ID, tagOwnPort)
}
