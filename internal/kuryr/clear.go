package kuryr

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// takeBack clears a network that could not be made. What cannot be cleared now is owed.
func (d *Driver) takeBack(ctx context.Context, n network) {
	const patience = 8 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := d.clear(ctx, n); err != nil {
		d.Log.Warn("cannot take back a network that could not be made; it will be tried again", "network", n.ID, "error", err)
	}
}

// DeleteNetwork removes what we made for a Docker network, and our tags from what we did
// not make. One that we do not know is gone already. What fails is owed: Docker forgets the
// network whatever we answer.
func (d *Driver) DeleteNetwork(ctx context.Context, id string) error {
	defer d.traffic.enter(d.Now)()
	unlock, err := d.locks.lock(ctx, "network "+id)
	if err != nil {
		return err
	}
	defer unlock()
	n, found, err := get(d, networks, id)
	if err == nil && !found {
		n, found, err = d.adoptNetwork(ctx, id)
	}
	if err != nil || !found {
		return err
	}
	return d.clear(ctx, n)
}

// clear removes a network, whole or half made, by what its record says. The caller holds
// its lock.
func (d *Driver) clear(ctx context.Context, n network) error {
	n.Stage = stageRemoving
	if err := put(d, networks, n.ID, n); err != nil {
		return err
	}
	err := d.clearNeutron(ctx, n)
	if err != nil {
		d.wake()
		return err
	}
	return d.dropNetwork(ctx, n)
}

func (d *Driver) clearNeutron(ctx context.Context, n network) error {
	if err := d.clearClaims(ctx, n); err != nil {
		return err
	}
	if n.Tagged {
		if err := d.untag(ctx, n); err != nil {
			return err
		}
	}
	if n.MadeNetwork && n.NeutronID == "" {
		found, err := d.Neutron.FindNetworks(ctx, zun.NeutronQuery{Name: n.Name, Description: d.aboutNetwork(n.ID)})
		if err != nil || len(found) == 0 {
			return err
		}
		n.NeutronID = found[0].ID
	}
	kept, err := d.inherited(ctx, n)
	if err != nil || kept {
		return err
	}
	for _, s := range n.MadeSubnets {
		if err := d.clearSubnet(ctx, n, s); err != nil {
			return err
		}
	}
	if n.MadeNetwork {
		if err := d.Neutron.DeleteNetwork(ctx, n.NeutronID); err != nil {
			return err
		}
	}
	for _, id := range n.MadePools {
		err := d.Neutron.DeletePool(ctx, id)
		if n.Adopted && zun.CodeOf(err) == zun.CodeConflict {
			d.Log.Warn("a subnetpool that seemed to be ours stays, as it is in use", "subnetpool", id)
			continue
		}
		if err != nil {
			return err
		}
	}
	return d.clearMarks(ctx, n)
}

// clearMarks removes what the Python plugin left on subnets and subnetpools of users.
func (d *Driver) clearMarks(ctx context.Context, n network) error {
	for _, s := range n.TaggedSubnets {
		if err := d.Neutron.RemoveTag(ctx, "subnets", s.ID, s.Tag); err != nil {
			return err
		}
	}
	for _, id := range n.TaggedPools {
		if err := d.Neutron.RemoveTag(ctx, "subnetpools", id, tagExistingPool); err != nil {
			return err
		}
	}
	return nil
}

// leavePools makes the subnetpools of ours that the network's subnets are out of nobody's,
// and returns them: they live as long as the subnets.
func leavePools(tx *kv.Tx, n network) (left []string, err error) {
	for _, id := range n.Pools {
		p, found, err := pools.Get(tx, id)
		if err != nil {
			return nil, err
		}
		if !found || !p.MadePool {
			continue
		}
		left = append(left, p.SubnetpoolID)
		p.MadePool = false
		if err := pools.Put(tx, id, p); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// inherited reports whether what we made is used by other Docker networks and so stays:
// one on this host becomes responsible for it; one on another host is told by its tag.
func (d *Driver) inherited(ctx context.Context, n network) (bool, error) {
	if !n.MadeNetwork && len(n.MadeSubnets) == 0 || n.NeutronID == "" {
		return false, nil
	}
	passed := false
	err := d.update(func(tx *kv.Tx) error {
		all, err := networks.All(tx)
		for _, heir := range all {
			if passed || heir.ID == n.ID || heir.NeutronID != n.NeutronID || heir.Stage == stageRemoving {
				continue
			}
			passed = true
			heir.MadeNetwork = heir.MadeNetwork || n.MadeNetwork
			heir.MadeSubnets = append(heir.MadeSubnets, n.MadeSubnets...)
			heir.MadePools = append(heir.MadePools, n.MadePools...)
			left, err := leavePools(tx, n)
			if err != nil {
				return err
			}
			heir.MadePools = append(heir.MadePools, left...)
			n.MadeNetwork, n.MadeSubnets, n.MadePools = false, nil, nil
			if err := networks.Put(tx, heir.ID, heir); err != nil {
				return err
			}
			if err := networks.Put(tx, n.ID, n); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil || passed || !n.MadeNetwork {
		return passed, err
	}
	found, err := d.Neutron.FindNetworks(ctx, zun.NeutronQuery{ID: n.NeutronID})
	if err != nil || len(found) == 0 {
		return false, err
	}
	elsewhere := slices.ContainsFunc(found[0].Tags, func(tag string) bool { return strings.HasPrefix(tag, tagExistingNet) })
	if elsewhere {
		if err := d.update(func(tx *kv.Tx) error { _, err := leavePools(tx, n); return err }); err != nil {
			return true, err
		}
		d.Log.Warn("a Neutron network of ours stays, as Docker networks elsewhere are on it", "network", n.ID, "neutron_network", n.NeutronID)
		return true, d.Neutron.ReplaceTags(ctx, "networks", n.NeutronID, without(found[0].Tags, idTags(n.ID)...))
	}
	return false, nil
}

// clearClaims ends what endpoints and auxiliary addresses still hold on the network.
func (d *Driver) clearClaims(ctx context.Context, n network) error {
	var left []string
	err := d.DB.View(func(tx *kv.Tx) error {
		all, err := endpoints.All(tx)
		for _, e := range all {
			if e.NetworkID == n.ID {
				left = append(left, e.ClaimID)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	reserved, err := d.claimsWhere(func(c claim) bool {
		return c.Reserved && c.NetworkID == n.NeutronID && slices.Contains(n.Pools, c.Addresses[0].PoolID) && d.lastOn(c.Addresses[0].PoolID, n.ID)
	})
	if err != nil {
		return err
	}
	useless, err := d.uselessSpares(n.NeutronID)
	if err != nil {
		return err
	}
	for _, c := range append(reserved, useless...) {
		left = append(left, c.ID)
	}
	for _, id := range left {
		c := claim{ID: id}
		err := d.underLock(ctx, &c, func() error {
			now, found, err := get(d, claims, id)
			if err != nil || !found {
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

// lastOn reports whether no other Docker network uses the pool.
func (d *Driver) lastOn(poolID, networkID string) bool {
	p, _, err := get(d, pools, poolID)
	return err == nil && len(without(p.Networks, networkID)) == 0
}

func (d *Driver) untag(ctx context.Context, n network) error {
	found, err := d.Neutron.FindNetworks(ctx, zun.NeutronQuery{ID: n.NeutronID})
	if err != nil || len(found) == 0 {
		return err
	}
	left := without(found[0].Tags, append(n.tags(), internalTag(n.ID))...)
	if len(left) == len(found[0].Tags) {
		return nil
	}
	err = d.Neutron.ReplaceTags(ctx, "networks", n.NeutronID, left)
	if zun.IsNotFound(err) {
		return nil
	}
	return err
}

func (d *Driver) clearSubnet(ctx context.Context, n network, s wantedSubnet) error {
	if s.ID != "" {
		return d.Neutron.DeleteSubnet(ctx, s.ID)
	}
	if n.NeutronID == "" {
		return nil
	}
	// Its id did not arrive. Before it was made the network had none of this CIDR.
	found, err := d.Neutron.FindSubnets(ctx, zun.NeutronQuery{NetworkID: n.NeutronID, CIDR: s.CIDR, Name: subnetPrefix + s.CIDR.String()})
	for _, f := range found {
		if err := d.Neutron.DeleteSubnet(ctx, f.ID); err != nil {
			return err
		}
	}
	return err
}

// dropNetwork drops the record, and the pools that nobody needs any more.
func (d *Driver) dropNetwork(ctx context.Context, n network) error {
	var unused []pool
	err := d.update(func(tx *kv.Tx) error {
		for _, id := range n.Pools {
			p, found, err := pools.Get(tx, id)
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			p.Networks = without(p.Networks, n.ID)
			if slices.ContainsFunc(n.MadeSubnets, func(s wantedSubnet) bool { return s.CIDR == p.CIDR }) {
				p.Subnet = zun.NeutronSubnet{}
			}
			if p.unused() {
				unused = append(unused, p)
			}
			if err := pools.Put(tx, id, p); err != nil {
				return err
			}
		}
		return networks.Delete(tx, n.ID)
	})
	for _, p := range unused {
		if dropped := d.dropLocked(ctx, p); err == nil {
			err = dropped
		}
	}
	return err
}

func (d *Driver) dropLocked(ctx context.Context, p pool) error {
	unlock, err := d.lockPool(ctx, p)
	if err != nil {
		return err
	}
	defer unlock()
	// Before we had the lock somebody may have asked for it again.
	p, found, err := get(d, pools, p.ID)
	if err != nil || !found || !p.unused() {
		return err
	}
	return d.dropPool(ctx, p)
}
