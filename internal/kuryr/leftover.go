package kuryr

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// Leftover is something that we made on this host, or for it in Neutron, and that belongs
// to nothing any more.
type Leftover struct {
	Kind   string // network, endpoint, port, link, switch port, security group, subnetpool
	ID     string // Neutron's; of a network and an endpoint Docker's; of a link the beginning of its port's
	Name   string
	Reason string
	Since  time.Time // when it was first seen so; a sweep removes it Config.ClaimLife later

	remove func(context.Context) error
}

// Switchboard tells what is plugged on this host; binding.Binder is one. A Binder that is
// none makes ports and links invisible to sweeps.
type Switchboard interface {
	Pairs(ctx context.Context) ([]binding.Pair, error)
	OVSPorts(ctx context.Context) ([]binding.OVSPort, error)
}

// inventory is what Leftovers compares.
type inventory struct {
	claims []claim
	pairs  map[string]binding.Pair // by the beginning of the port's id
	ports  []zun.Port              // on this host
	seeing bool                    // pairs are known
}

// claim returns the claim that has a port.
func (v inventory) claim(p zun.Port) bool {
	return slices.ContainsFunc(v.claims, func(c claim) bool {
		return c.Port.ID == p.ID || c.Port.DeviceID != "" && c.Port.DeviceID == p.DeviceID
	})
}

// live reports whether a container has the port's link.
func (v inventory) live(portID string) bool {
	pair, there := v.pairs[beginning(portID)]
	return !v.seeing || there && pair.InSandbox()
}

func beginning(portID string) string { const length = 11; return portID[:min(length, len(portID))] }

// Leftovers looks for what was left behind, by crashes for which no record was left: what
// is on record is ended by Run without appearing here. It asks Neutron and changes nothing.
func (d *Driver) Leftovers(ctx context.Context) ([]Leftover, error) {
	v, err := d.inventory(ctx)
	if err != nil {
		return nil, err
	}
	var found []Leftover
	var failures []error
	for _, look := range []func(context.Context, inventory) ([]Leftover, error){
		d.leftNetworks, d.leftEndpoints, d.leftPorts, d.leftLinks, d.leftSwitchPorts, d.leftGroups, d.leftPools,
	} {
		some, err := look(ctx, v)
		found, failures = append(found, some...), append(failures, err)
	}
	d.date(found)
	return found, errors.Join(failures...)
}

func (d *Driver) inventory(ctx context.Context) (v inventory, err error) {
	if v.claims, err = d.claimsWhere(func(claim) bool { return true }); err != nil {
		return v, err
	}
	if v.ports, err = d.Neutron.PortsOn(ctx, d.Host); err != nil {
		return v, err
	}
	board, seeing := d.Binder.(Switchboard)
	if !seeing {
		return v, nil
	}
	pairs, err := board.Pairs(ctx)
	v.pairs, v.seeing = map[string]binding.Pair{}, true
	for _, p := range pairs {
		v.pairs[p.Port] = p
	}
	return v, err
}

// date notes when each leftover was first seen, and forgets what is seen no more.
func (d *Driver) date(found []Leftover) {
	d.mu.Lock()
	defer d.mu.Unlock()
	still := map[string]time.Time{}
	for i, l := range found {
		key := l.Kind + " " + l.ID
		since, known := d.seen[key]
		if !known {
			since = d.Now().UTC()
		}
		found[i].Since, still[key] = since, since
	}
	d.seen = still
}

// Sweep removes leftovers that have been so for Config.ClaimLife, and tells the log of all.
func (d *Driver) Sweep(ctx context.Context) error {
	found, err := d.Leftovers(ctx)
	failures := []error{err}
	for _, l := range found {
		attributes := []any{"kind", l.Kind, "id", l.ID, "name", l.Name, "reason", l.Reason, "since", l.Since}
		if !d.old(l.Since) {
			d.Log.Warn("found something left behind; it will be removed if it stays so", attributes...)
			continue
		}
		one, cancel := context.WithTimeout(ctx, patience)
		err := l.remove(one)
		cancel()
		if err != nil {
			failures = append(failures, err)
			continue
		}
		d.Log.Warn("removed something left behind", attributes...)
	}
	return errors.Join(failures...)
}

// leftEndpoints finds endpoints whose link is in no sandbox, although it was once: Docker gave
// them up while the plugin was away. Docker does not use an endpoint again that it has left.
func (d *Driver) leftEndpoints(_ context.Context, v inventory) (left []Leftover, err error) {
	all, err := list(d, endpoints)
	for id, e := range all {
		at := slices.IndexFunc(v.claims, func(c claim) bool { return c.ID == e.ClaimID })
		if !e.Joined || at < 0 || v.live(v.claims[at].Port.ID) {
			continue
		}
		left = append(left, Leftover{
			Kind: "endpoint", ID: id, Name: portName(id), Reason: "no sandbox has its link",
			remove: func(ctx context.Context) error { return d.endLeftEndpoint(ctx, id) },
		})
	}
	return left, err
}

func (d *Driver) endLeftEndpoint(ctx context.Context, id string) error {
	unlock, err := d.locks.lock(ctx, "endpoint "+id)
	if err != nil {
		return err
	}
	defer unlock()
	e, found, err := get(d, endpoints, id)
	if err != nil || !found {
		return err
	}
	return d.underLock(ctx, &claim{ID: e.ClaimID}, func() error {
		c, found, err := get(d, claims, e.ClaimID)
		if err != nil || !found {
			return err
		}
		c.EndpointID = id
		if err := d.endClaim(ctx, c); err != nil {
			return err
		}
		return d.settleClaim(ctx, c.ID)
	})
}

// leftPorts finds ports of this host, and users' ports of no host with tags of ours, that no
// record has and no container uses.
func (d *Driver) leftPorts(ctx context.Context, v inventory) (left []Leftover, err error) {
	tagged, err := d.Neutron.FindPorts(ctx, zun.NeutronQuery{Tags: []string{tagExistingPort}})
	for _, p := range append(v.ports, tagged...) {
		h, known := holdingOf(p), slices.ContainsFunc(left, func(l Leftover) bool { return l.ID == p.ID })
		if h == holdingHanded || known || p.Host != d.Host && (p.Host != "" || h != holdingTaken) || v.claim(p) || v.live(p.ID) {
			continue
		}
		left = append(left, Leftover{
			Kind: "port", ID: p.ID, Name: p.Name, Reason: "no endpoint has it, and no container its link",
			remove: func(ctx context.Context) error { return d.endLeftPort(ctx, p.ID) },
		})
	}
	return left, err
}

// endLeftPort adopts a port to end it: deleted, or given back if it is a user's.
func (d *Driver) endLeftPort(ctx context.Context, id string) error {
	p, err := d.Neutron.Port(ctx, id)
	if zun.IsNotFound(err) {
		return nil
	}
	if err != nil || holdingOf(p) == holdingHanded || p.Host != d.Host && p.Host != "" {
		return err
	}
	exposed, err := d.exposureOf(ctx, p)
	if err != nil {
		return err
	}
	var c claim
	err = d.update(func(tx *kv.Tx) error {
		_, known, err := claimOfPort(tx, id)
		if err != nil || known {
			return err
		}
		if c, err = d.adoptedClaim(tx, p, ""); err != nil {
			return err
		}
		c.Exposed = exposed
		return putClaim(tx, c)
	})
	if err != nil || c.ID == "" {
		return err
	}
	return d.underLock(ctx, &c, func() error { return d.settleClaim(ctx, c.ID) })
}

// leftLinks finds pairs of which both ends are on the host and no record tells why.
func (d *Driver) leftLinks(_ context.Context, v inventory) (left []Leftover, err error) {
	for id, pair := range v.pairs {
		known := slices.ContainsFunc(v.claims, func(c claim) bool { return beginning(c.Port.ID) == id })
		if known || !pair.Container {
			continue
		}
		left = append(left, Leftover{
			Kind: "link", ID: id, Name: "t_c" + id, Reason: "no endpoint has it",
			remove: func(ctx context.Context) error {
				return d.Binder.Unplug(ctx, binding.Binding{PortID: id, Host: d.Host})
			},
		})
	}
	return left, nil
}

// leftSwitchPorts finds interfaces on Open vSwitch whose link is gone.
func (d *Driver) leftSwitchPorts(ctx context.Context, v inventory) (left []Leftover, err error) {
	board, seeing := d.Binder.(Switchboard)
	if !seeing {
		return nil, nil
	}
	plugged, err := board.OVSPorts(ctx)
	for _, p := range plugged {
		known := slices.ContainsFunc(v.claims, func(c claim) bool { return c.Port.ID == p.PortID })
		if known || !p.Gone {
			continue
		}
		left = append(left, Leftover{
			Kind: "switch port", ID: p.PortID, Name: p.Interface, Reason: "its link is gone",
			remove: func(ctx context.Context) error {
				return d.Binder.Unplug(ctx, binding.Binding{PortID: p.PortID, Host: d.Host, VIFType: "ovs"})
			},
		})
	}
	return left, err
}

// leftGroups finds groups of exposed ports that no container's port here has.
func (d *Driver) leftGroups(ctx context.Context, v inventory) (left []Leftover, err error) {
	groups, err := d.Neutron.GroupsDescribed(ctx, d.about())
	for _, g := range groups {
		portID, ours := strings.CutSuffix(g.Name, exposedSuffix)
		if !ours || v.has(g.ID, portID) {
			continue
		}
		left = append(left, Leftover{
			Kind: "security group", ID: g.ID, Name: g.Name, Reason: "no endpoint has it",
			remove: func(ctx context.Context) error {
				return d.conceal(ctx, &claim{Port: port{ID: portID}, Exposed: &exposure{GroupID: g.ID, ProjectID: g.ProjectID}})
			},
		})
	}
	return left, err
}

// has reports whether a container here has a group, or is about to: by its record or, where
// that is lost, by its port and its link.
func (v inventory) has(groupID, namesake string) bool {
	return v.live(namesake) ||
		slices.ContainsFunc(v.claims, func(c claim) bool {
			return c.Port.ID == namesake || c.Exposed != nil && c.Exposed.GroupID == groupID
		}) ||
		slices.ContainsFunc(v.ports, func(p zun.Port) bool { return slices.Contains(p.SecurityGroups, groupID) && v.live(p.ID) })
}

// leftPools finds subnetpools that this host made and that no subnet is out of.
func (d *Driver) leftPools(ctx context.Context, _ inventory) (left []Leftover, err error) {
	made, err := d.Neutron.FindPools(ctx, zun.NeutronQuery{Tags: []string{hostTag(d.Host)}})
	if err != nil || len(made) == 0 {
		return nil, err
	}
	known, err := d.knownSubnetpools()
	if err != nil {
		return nil, err
	}
	for _, p := range made {
		if known[p.ID] || slices.ContainsFunc(p.Tags, func(tag string) bool { return known[tag] }) {
			continue
		}
		subnets, err := d.Neutron.FindSubnets(ctx, zun.NeutronQuery{PoolID: p.ID})
		if err != nil {
			return left, err
		}
		if len(subnets) > 0 {
			continue
		}
		left = append(left, Leftover{
			Kind: "subnetpool", ID: p.ID, Name: p.Name, Reason: "no subnet is out of it",
			remove: func(ctx context.Context) error { return d.Neutron.DeletePool(ctx, p.ID) },
		})
	}
	return left, nil
}

// knownSubnetpools are the ids of subnetpools on record, and the tags of those being made.
func (d *Driver) knownSubnetpools() (known map[string]bool, err error) {
	known = map[string]bool{}
	err = d.DB.View(func(tx *kv.Tx) error {
		ps, err1 := pools.All(tx)
		ns, err2 := networks.All(tx)
		is, err3 := intents.All(tx)
		for _, p := range ps {
			known[p.SubnetpoolID] = true
		}
		for _, n := range ns {
			for _, id := range n.MadePools {
				known[id] = true
			}
		}
		for _, in := range is {
			known[in.PoolID], known[tagIntent+in.ID] = true, true
		}
		return errors.Join(err1, err2, err3)
	})
	return known, err
}
