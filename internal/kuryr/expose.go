package kuryr

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// Exposed is one port that a container exposes or publishes.
type Exposed struct {
	Protocol uint8 // IP protocol number
	Port     uint16
}

// exposure is the security group that lets traffic to an endpoint's exposed ports in. The
// endpoints of a project on this host that expose the same ports share one, named after the
// port that had it first: a project's quota is ten groups by default, and most images expose
// something.
type exposure struct {
	Name      string
	ProjectID string
	GroupID   string // "" while it is being made
	Ports     []Exposed
	Families  [2]bool // the IP versions that its rules are of
	Made      bool    // the group has its rules, and others may share it
	Ready     bool    // the port has it; otherwise it is to be removed
}

const (
	exposedSuffix = "-exposed_ports"
	exposedAbout  = "ports that a container exposes on host "
)

// about is the description of an endpoint's group, by which we know our own.
func (d *Driver) about() string { return exposedAbout + d.Host }

// Expose lets traffic from anywhere to the endpoint's ports in, through a security group
// that it shares with those who expose the same. Exposing other ports replaces the former ones. With Config.NoExternal it does
// nothing, and neither does it for a port without port security, which all traffic reaches.
func (d *Driver) Expose(ctx context.Context, networkID, endpointID string, ports []Exposed) error {
	if d.NoExternal || len(ports) == 0 && d.exposesNothing(endpointID) {
		return nil
	}
	ports = slices.Compact(slices.SortedFunc(slices.Values(ports), func(a, b Exposed) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port))
	}))
	return d.onEndpoint(ctx, networkID, endpointID, func(c *claim) error {
		if c.Exposed != nil && c.Exposed.Ready && slices.Equal(c.Exposed.Ports, ports) {
			return nil
		}
		if err := d.conceal(ctx, c); err != nil || len(ports) == 0 || c.Port.NoSecurity {
			return err
		}
		rules, err := ingress(ports, c.families())
		if err != nil {
			return err
		}
		if err := d.expose(ctx, c, ports, rules); err != nil {
			d.takeBackExposure(ctx, c)
			return ofQuota(c.Port.ProjectID, err)
		}
		return nil
	})
}

// ofQuota tells what to do when the groups, one for each set of ports, are too many: Neutron's
// default is ten in a project.
func ofQuota(projectID string, err error) error {
	if zun.CodeOf(err) != zun.CodeOverQuota {
		return err
	}
	return zun.Errorf(zun.CodeOverQuota, "containers that expose or publish different ports have a security group each; raise the quota of project %s, or set process_external_connectivity = False in kuryr.conf: %w", projectID, err)
}

// exposesNothing reports whether an endpoint is on record and has no exposed ports. Docker
// asks at every start, and nobody is kept waiting then for the port's name to be written.
func (d *Driver) exposesNothing(endpointID string) (nothing bool) {
	err := d.DB.View(func(tx *kv.Tx) error {
		e, found, err := endpoints.Get(tx, endpointID)
		if err != nil || !found {
			return err
		}
		c, found, err := claims.Get(tx, e.ClaimID)
		nothing = found && c.Exposed == nil
		return err
	})
	return err == nil && nothing
}

// Conceal takes back what Expose did. An endpoint that is gone exposes nothing.
func (d *Driver) Conceal(ctx context.Context, networkID, endpointID string) error {
	if d.NoExternal {
		return nil
	}
	err := d.onEndpoint(ctx, networkID, endpointID, func(c *claim) error { return d.conceal(ctx, c) })
	if code := zun.CodeOf(err); code == zun.CodeConflict || code.Status() == 404 {
		if _, found, get := get(d, endpoints, endpointID); get == nil && !found {
			return nil
		}
	}
	return err
}

// onEndpoint works on an endpoint's claim under the locks of both.
func (d *Driver) onEndpoint(ctx context.Context, networkID, endpointID string, do func(*claim) error) error {
	defer d.traffic.enter(d.Now)()
	unlock, err := d.locks.lock(ctx, "endpoint "+endpointID)
	if err != nil {
		return err
	}
	defer unlock()
	e, err := d.knownEndpoint(ctx, networkID, endpointID)
	if err != nil {
		return err
	}
	c := claim{ID: e.ClaimID}
	return d.underLock(ctx, &c, func() error {
		now, found, err := get(d, claims, c.ID)
		if err != nil || !found {
			return err
		}
		return do(&now)
	})
}

// families tells of which IP versions the claim has addresses.
func (c claim) families() (has [2]bool) {
	for _, h := range c.Addresses {
		has[family(h.IP.Is6())] = true
	}
	return has
}

// ingress makes rules of ports: consecutive ports of a protocol are one rule, for each IP
// version.
func ingress(ports []Exposed, families [2]bool) (rules []zun.Ingress, err error) {
	for v, has := range families {
		if !has {
			continue
		}
		for _, p := range ports {
			name, whole, err := protocolName(p.Protocol, v == 1)
			if err != nil {
				return nil, err
			}
			if last := len(rules) - 1; last >= 0 && rules[last].V6 == (v == 1) && rules[last].Protocol == name && (whole || rules[last].To+1 == p.Port) {
				if !whole {
					rules[last].To = p.Port
				}
				continue
			}
			rule := zun.Ingress{V6: v == 1, Protocol: name}
			if !whole {
				rule.From, rule.To = p.Port, p.Port
			}
			rules = append(rules, rule)
		}
	}
	return rules, nil
}

// protocolName spells a protocol as Neutron does, and tells whether it has no ports.
func protocolName(number uint8, v6 bool) (name string, whole bool, err error) {
	switch number {
	case 1, 58:
		return map[bool]string{false: "icmp", true: "ipv6-icmp"}[v6], true, nil
	case 6:
		return "tcp", false, nil
	case 17:
		return "udp", false, nil
	case 132:
		return "sctp", false, nil
	}
	return "", false, zun.Errorf(zun.CodeInvalid, "cannot expose a port of IP protocol %d; there are tcp, udp, sctp and icmp", number)
}

// expose finds or makes the group and gives it to the port, on record at every step.
func (d *Driver) expose(ctx context.Context, c *claim, ports []Exposed, rules []zun.Ingress) error {
	p, err := d.Neutron.Port(ctx, c.Port.ID)
	if err != nil {
		return err
	}
	c.Exposed = &exposure{Name: p.ID + exposedSuffix, ProjectID: p.ProjectID, Ports: ports, Families: c.families()}
	shared, err := d.group(ctx, c, rules)
	if err == nil {
		err = d.wear(ctx, c, &p)
	}
	if shared && zun.IsNotFound(err) { // someone has deleted it behind our back
		c.Exposed.Name, c.Exposed.GroupID, c.Exposed.Made = p.ID+exposedSuffix, "", false
		if err = d.makeGroup(ctx, c, rules); err == nil {
			err = d.wear(ctx, c, &p)
		}
	}
	return err
}

// group sees to it that there is a group for the claim: another endpoint's, or a new one.
// The lock keeps a group from being deleted by the last who had it just when it is chosen.
func (d *Driver) group(ctx context.Context, c *claim, rules []zun.Ingress) (shared bool, err error) {
	unlock, err := d.lockGroups(ctx, c.Exposed.ProjectID)
	if err != nil {
		return false, err
	}
	defer unlock()
	all, err := list(d, claims)
	if err != nil {
		return false, err
	}
	for _, other := range all {
		if other.ID != c.ID && other.Port.Stage == stageReady && other.Exposed.serves(*c.Exposed) {
			c.Exposed.Name, c.Exposed.GroupID, c.Exposed.Made = other.Exposed.Name, other.Exposed.GroupID, true
			return true, put(d, claims, c.ID, *c)
		}
	}
	return false, d.makeGroup(ctx, c, rules)
}

// serves reports whether an endpoint's group is what another needs.
func (e *exposure) serves(wanted exposure) bool {
	return e != nil && e.Made && e.ProjectID == wanted.ProjectID && e.Families == wanted.Families && slices.Equal(e.Ports, wanted.Ports)
}

func (d *Driver) lockGroups(ctx context.Context, projectID string) (unlock func(), err error) {
	return d.locks.lock(ctx, "groups "+projectID)
}

func (d *Driver) makeGroup(ctx context.Context, c *claim, rules []zun.Ingress) error {
	if err := put(d, claims, c.ID, *c); err != nil {
		return err
	}
	made, err := d.Neutron.CreateSecurityGroup(ctx, zun.SecurityGroupSpec{
		Name: c.Exposed.Name, ProjectID: c.Exposed.ProjectID, Description: d.about(),
	})
	if err != nil {
		return err
	}
	c.Exposed.GroupID = made.ID
	if err := d.Neutron.AllowIngress(ctx, made.ID, rules); err != nil {
		return err
	}
	c.Exposed.Made = true
	return put(d, claims, c.ID, *c)
}

// wear gives the port the group.
func (d *Driver) wear(ctx context.Context, c *claim, p *zun.Port) error {
	if err := d.regroup(ctx, p, func(groups []string) []string { return with(groups, c.Exposed.GroupID) }); err != nil {
		return err
	}
	c.Exposed.Ready = true
	return put(d, claims, c.ID, *c)
}

// regroup changes a port's security groups, without undoing what others change meanwhile.
func (d *Driver) regroup(ctx context.Context, p *zun.Port, change func([]string) []string) error {
	const tries = 4
	for try := 1; ; try++ {
		groups := change(p.SecurityGroups)
		if slices.Equal(groups, p.SecurityGroups) {
			return nil
		}
		_, err := d.Neutron.UpdatePort(ctx, p.ID, zun.PortChange{SecurityGroups: append([]string{}, groups...), IfRevision: &p.Revision})
		if zun.CodeOf(err) != zun.CodeConflict || try == tries {
			return err
		}
		now, err := d.Neutron.Port(ctx, p.ID)
		if err != nil {
			return err
		}
		*p = now
	}
}

// takeBackExposure undoes a failed expose; what cannot be undone now is owed.
func (d *Driver) takeBackExposure(ctx context.Context, c *claim) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
	defer cancel()
	if err := d.conceal(ctx, c); err != nil {
		d.Log.Warn("cannot take exposed ports back; it will be tried again", "endpoint", c.EndpointID, "error", err)
		d.wake()
	}
}

// conceal takes the group off the port and deletes it. The caller holds the claim's lock.
func (d *Driver) conceal(ctx context.Context, c *claim) error {
	if c.Exposed == nil {
		return nil
	}
	if c.Exposed.Ready || c.Exposed.Made {
		c.Exposed.Ready, c.Exposed.Made = false, false
		if err := put(d, claims, c.ID, *c); err != nil {
			return err
		}
	}
	ids, err := d.exposedGroups(ctx, *c)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		p, err := d.Neutron.Port(ctx, c.Port.ID)
		if err == nil {
			err = d.regroup(ctx, &p, func(groups []string) []string { return without(groups, ids...) })
		}
		if err != nil && !zun.IsNotFound(err) {
			return err
		}
	}
	return d.deleteGroups(ctx, *c, ids, func() error {
		c.Exposed = nil
		if c.ID == "" { // left behind without a record
			return nil
		}
		return put(d, claims, c.ID, *c)
	})
}

// exposureOf finds what a port that has no claim exposes.
func (d *Driver) exposureOf(ctx context.Context, p zun.Port) (*exposure, error) {
	groups, err := d.Neutron.GroupsDescribed(ctx, d.about())
	for _, g := range groups {
		if g.Name == p.ID+exposedSuffix || slices.Contains(p.SecurityGroups, g.ID) {
			return &exposure{Name: g.Name, ProjectID: g.ProjectID, GroupID: g.ID, Ready: true}, nil
		}
	}
	return nil, err
}

// exposedGroups returns the claim's group, found by what it says of itself if its id did
// not arrive.
func (d *Driver) exposedGroups(ctx context.Context, c claim) (ids []string, err error) {
	if c.Exposed == nil {
		return nil, nil
	}
	if c.Exposed.GroupID != "" {
		return []string{c.Exposed.GroupID}, nil
	}
	found, err := d.Neutron.FindSecurityGroups(ctx, zun.NeutronQuery{Name: c.Exposed.Name, ProjectID: c.Exposed.ProjectID})
	for _, g := range found {
		if g.Description == d.about() {
			ids = append(ids, g.ID)
		}
	}
	return ids, err
}

// deleteGroups deletes a claim's group unless another endpoint has it, too, and has the
// claim forget it before anyone else can ask who has it. A group that somebody else's port
// has is left to a sweep, like one that is shared with an endpoint that is on no record.
func (d *Driver) deleteGroups(ctx context.Context, c claim, ids []string, forget func() error) error {
	if c.Exposed == nil {
		return forget()
	}
	unlock, err := d.lockGroups(ctx, c.Exposed.ProjectID)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := list(d, claims)
	if err != nil {
		return err
	}
	for _, id := range ids {
		shared := false
		for _, other := range all {
			shared = shared || other.ID != c.ID && other.Exposed != nil && other.Exposed.GroupID == id
		}
		if shared {
			continue
		}
		err := d.Neutron.DeleteSecurityGroup(ctx, id)
		if err != nil && (c.ID == "" || zun.CodeOf(err) != zun.CodeConflict) {
			return err
		}
	}
	return forget()
}
