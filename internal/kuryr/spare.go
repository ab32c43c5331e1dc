package kuryr

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// A spare is a claim with a port that was made before anybody asked for it, bound to this
// host. RequestAddress grants its addresses without waiting for Neutron to make a port, which
// takes longer than all else of a container's start. A container then has the port's MAC, so
// Docker must not choose one: see ChoosesMACs.

// ChoosesMACs reports whether endpoints get the MACs of their ports. If not, Docker chooses
// them, and ports are made to have them. Docker asks once in its life.
func (d *Driver) ChoosesMACs() bool { return d.SparePorts > 0 }

// SparesReady counts the ports that are ready for endpoints to come.
func (d *Driver) SparesReady() (count int, err error) {
	list, err := d.claimsWhere(func(c claim) bool { return c.Spare && c.Port.Stage == stageReady })
	return len(list), err
}

// berth is what makes spares alike: an endpoint of a Docker network gets its addresses in
// these subnets, of each IP version one or none.
type berth struct {
	NetworkID, ProjectID string  // of the port
	Places               [2]held // without pool and address
}

func (b *berth) place(subnetID string, cidr netip.Prefix) {
	if at := &b.Places[family(cidr.Addr().Is6())]; at.SubnetID == "" {
		*at = held{SubnetID: subnetID, Bits: cidr.Bits()}
	}
}

// addresses are the places that there are.
func (b berth) addresses() []held {
	return slices.DeleteFunc(slices.Clone(b.Places[:]), func(h held) bool { return h.SubnetID == "" })
}

// berthOf is where a spare is of use.
func berthOf(c claim) berth {
	b := berth{NetworkID: c.NetworkID, ProjectID: c.ProjectID}
	for _, h := range c.Addresses {
		b.place(h.SubnetID, h.prefix())
	}
	return b
}

// berths are those of the Docker networks that are in use, each with one network.
func (d *Driver) berths() (all map[berth]string, err error) {
	all = map[berth]string{}
	err = d.DB.View(func(tx *kv.Tx) error {
		known, err := networks.All(tx)
		for id, n := range known {
			b := berth{NetworkID: n.NeutronID, ProjectID: n.PortProject}
			for _, poolID := range n.Pools {
				p, _, err := pools.Get(tx, poolID)
				if err != nil {
					return err
				}
				if p.there() && p.Subnet.NetworkID == n.NeutronID {
					b.place(p.Subnet.ID, p.CIDR)
				}
			}
			if n.Stage == stageReady && len(b.addresses()) > 0 {
				all[b] = max(all[b], id)
			}
		}
		return err
	})
	return all, err
}

// spares lists the spares of each berth, the oldest first.
func (d *Driver) spares() (map[berth][]claim, error) {
	list, err := d.claimsWhere(func(c claim) bool { return c.Spare && c.Port.Stage != stageRemoving })
	slices.SortFunc(list, func(a, b claim) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	all := map[berth][]claim{}
	for _, c := range list {
		all[berthOf(c)] = append(all[berthOf(c)], c)
	}
	return all, err
}

// tendSpares ends spares that are too many or of no use, and makes those that are missing
// while calm says that nobody in Docker would wait for that.
func (d *Driver) tendSpares(ctx context.Context, calm func() bool) error {
	wanted, err := d.berths()
	if err != nil {
		return err
	}
	have, err := d.spares()
	if err != nil {
		return err
	}
	for b, list := range have {
		keep := 0
		if _, used := wanted[b]; used {
			keep = min(d.SparePorts, len(list))
		}
		if err := d.endSpares(ctx, list[keep:]); err != nil {
			return err
		}
	}
	for b, networkID := range wanted {
		missing := d.SparePorts - len(have[b])
		for ; missing > 0 && !d.scarce() && calm(); missing -= sparesAtOnce {
			if err := d.stock(ctx, networkID, b, missing); err != nil {
				return err
			}
		}
	}
	return nil
}

// endSpares deletes the ports of spares.
func (d *Driver) endSpares(ctx context.Context, list []claim) error {
	for _, c := range list {
		err := d.underLock(ctx, &c, func() error {
			now, found, err := get(d, claims, c.ID)
			if err != nil || !found || !now.Spare {
				return err
			}
			return d.endClaim(ctx, now)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sparesAtOnce bounds how long one request keeps Neutron from a container that comes after
// all; of more than these a port does not become cheaper.
const sparesAtOnce = 5

// stock makes a few of the spares that are missing in a berth.
func (d *Driver) stock(ctx context.Context, networkID string, b berth, missing int) error {
	unlock, ok := d.locks.tryLock("network " + networkID) // it is not removed meanwhile
	if !ok {
		return nil
	}
	defer unlock()
	n, found, err := get(d, networks, networkID)
	if err != nil || !found || n.Stage != stageReady {
		return err
	}
	return d.makeSpares(ctx, b, min(missing, sparesAtOnce))
}

// scarce reports whether a port could not be had not long ago: what is left of a quota or a
// subnet is for containers.
func (d *Driver) scarce() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Now().Before(d.scarceUntil)
}

func (d *Driver) beScarce(cause error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scarceUntil = d.Now().Add(d.LookEvery)
	d.Log.Warn("no spare ports for a while: one cannot be had", "until", d.scarceUntil.UTC(), "error", cause)
}

// makeSpares makes ports in one request. As with any port of ours each is on record, with the
// device_id by which it is found, before Neutron is asked.
func (d *Driver) makeSpares(ctx context.Context, b berth, count int) error {
	var specs []zun.PortSpec
	made := map[string]claim{} // by device_id
	for range count {
		c := claim{ID: d.NewID(), NetworkID: b.NetworkID, ProjectID: b.ProjectID, Addresses: b.addresses(), Spare: true, At: d.Now().UTC()}
		unlock, err := d.lockClaim(ctx, c.ID)
		if err != nil {
			return err
		}
		defer unlock()
		spec := d.portSpec(c)
		c.Port = port{Holding: holdingMade, Stage: stageMaking, DeviceID: spec.DeviceID}
		specs, made[spec.DeviceID] = append(specs, spec), c
	}
	if err := d.later(func(tx *kv.Tx) error { return eachOf(made, func(c claim) error { return putClaim(tx, c) }) }); err != nil {
		return err
	}
	ports, err := d.Neutron.CreatePorts(ctx, specs)
	if refused(err) {
		d.beScarce(err)
		return d.later(func(tx *kv.Tx) error { return eachOf(made, func(c claim) error { return dropClaim(tx, c) }) })
	}
	for _, p := range ports {
		if c, ours := made[p.DeviceID]; ours {
			made[p.DeviceID] = d.readySpare(c, p)
		}
	}
	d.wake() // what did not become ready, whether its port came or not, is ended
	if wrote := d.later(func(tx *kv.Tx) error { return eachOf(made, func(c claim) error { return putClaim(tx, c) }) }); err == nil {
		err = wrote
	}
	return err
}

// readySpare gives a spare its port, if that will do.
func (d *Driver) readySpare(c claim, p zun.Port) claim {
	c.Port.ID, c.Port.Tagged = p.ID, p.Tags
	c.know(p)
	err := settle(&c, p)
	if err == nil {
		err = binding.Usable(d.binding(c, 0))
	}
	if err != nil {
		d.beScarce(err)
		return c
	}
	c.Port.Stage = stageReady
	return c
}

// uselessSpares are those on a Neutron network that are in no Docker network's subnets.
func (d *Driver) uselessSpares(neutronNetID string) (list []claim, err error) {
	wanted, err := d.berths()
	if err != nil {
		return nil, err
	}
	return d.claimsWhere(func(c claim) bool {
		_, used := wanted[berthOf(c)]
		return c.Spare && c.NetworkID == neutronNetID && !used
	})
}

// giveSpares ends all spares, and reports whether there was any: containers' ports come first.
func (d *Driver) giveSpares(ctx context.Context, cause error) bool {
	list, err := d.claimsWhere(func(c claim) bool { return c.Spare })
	if err != nil || len(list) == 0 {
		return false
	}
	d.beScarce(cause)
	if err := d.endSpares(ctx, list); err != nil {
		d.Log.Warn("cannot give up spare ports; it will be tried again", "error", err)
	}
	return true
}

func eachOf(list map[string]claim, do func(claim) error) error {
	for _, c := range list {
		if err := do(c); err != nil {
			return err
		}
	}
	return nil
}
