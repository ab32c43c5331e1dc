package kuryr

import (
	"context"
	"slices"
	"strings"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// The caller of every method of this file holds the claim's lock.

// obtainPort gives a claim the port that has its addresses, or makes one.
func (d *Driver) obtainPort(ctx context.Context, c *claim) error {
	at := slices.IndexFunc(c.Addresses, func(h held) bool { return h.IP.IsValid() })
	if at < 0 {
		return d.makePort(ctx, c)
	}
	found, err := d.Neutron.FindPorts(ctx, zun.NeutronQuery{NetworkID: c.NetworkID, IP: c.Addresses[at].IP})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return d.makePort(ctx, c)
	}
	p, gone, err := d.clearWay(ctx, *c, found[0])
	if err != nil {
		return err
	}
	if gone {
		return d.makePort(ctx, c)
	}
	if holdingOf(p) == holdingMade {
		return d.inherit(ctx, c, p)
	}
	if err := d.mayTake(*c, p, false); err != nil {
		return err
	}
	return d.take(ctx, c, p)
}

// obtainHanded gives a claim the port that its endpoint was handed.
func (d *Driver) obtainHanded(ctx context.Context, c *claim, id string) error {
	p, err := d.Neutron.Port(ctx, id)
	if err != nil {
		return err
	}
	p, gone, err := d.clearWay(ctx, *c, p)
	if err == nil && gone {
		err = zun.Errorf(zun.CodePortNotFound, "port %s was one of the plugin's own and is gone", id)
	}
	if err == nil {
		err = d.mayTake(*c, p, true)
	}
	if err != nil {
		return err
	}
	return d.take(ctx, c, p)
}

// clearWay ends what is left of another claim on the port whose end is still owed. A port
// of ours is gone then; a user's is returned as it is now.
func (d *Driver) clearWay(ctx context.Context, c claim, p zun.Port) (now zun.Port, gone bool, err error) {
	others, err := d.claimsWhere(func(other claim) bool {
		return other.ID != c.ID && (other.Port.ID == p.ID || other.Port.Holding == holdingMade && other.Port.DeviceID == p.DeviceID)
	})
	if err != nil || len(others) == 0 {
		return p, false, err
	}
	other := others[0]
	if other.Port.Stage != stageRemoving && !other.Spare {
		return p, false, zun.Errorf(zun.CodePortInUse, "port %s is in use%s", p.ID, orNone(" by endpoint ", other.EndpointID))
	}
	err = d.underLock(ctx, &other, func() error { return d.settleClaim(ctx, other.ID) })
	if err != nil || other.Port.Holding == holdingMade {
		return p, true, err
	}
	now, err = d.Neutron.Port(ctx, p.ID)
	return now, false, err
}

// makePort makes the claim's port, bound to this host. The claim is on record, with the
// device_id by which the port is found, before Neutron is asked.
func (d *Driver) makePort(ctx context.Context, c *claim) error {
	spec := d.portSpec(*c)
	if err := d.wish(ctx, *c, &spec); err != nil {
		return d.notMade(*c, err)
	}
	c.Port = port{Holding: holdingMade, Stage: stageMaking, DeviceID: spec.DeviceID}
	// The record comes to the disk while Neutron works. A crash before that leaves a port of ours
	// on this host without a claim, which Docker's next request for its MAC or a sweep finds.
	if err := d.durably(*c)(func(tx *kv.Tx) error { return claims.Put(tx, c.ID, *c) }); err != nil {
		return err
	}
	made, err := d.Neutron.CreatePort(ctx, spec)
	if d.clearedWay(ctx, *c, err) {
		made, err = d.Neutron.CreatePort(ctx, spec)
	}
	if err != nil {
		return d.notMade(*c, err)
	}
	c.Port.ID = made.ID
	c.Named = c.EndpointID != ""
	c.OwesName = c.Named && len(made.Tags) < len(spec.Tags)
	c.Port.Tagged = made.Tags
	c.know(made)
	err = settle(c, made)
	if err == nil && !c.Reserved {
		err = binding.Usable(d.binding(*c, 0))
	}
	if err != nil {
		d.abandon(ctx, *c)
		return err
	}
	c.Port.Stage = stageReady
	return d.durably(*c)(func(tx *kv.Tx) error { return putClaim(tx, *c) })
}

// portSpec is what a port of ours for a claim is asked for with, but for its user's wishes.
func (d *Driver) portSpec(c claim) zun.PortSpec {
	spec := zun.PortSpec{
		Name: unboundPortName, ProjectID: c.ProjectID, NetworkID: c.NetworkID,
		FixedIPs: fixed(c.Addresses), MAC: c.MAC,
		DeviceID: c.ID, DeviceOwner: zun.DeviceOwner, Host: d.Host, Tags: []string{tagOwnPort},
	}
	if c.EndpointID != "" {
		spec.Name, spec.DeviceID = portName(c.EndpointID), c.EndpointID
		spec.Tags = append(spec.Tags, idTags(c.EndpointID)...)
	}
	if c.Reserved {
		spec.Name, spec.Host = reservedName, ""
	}
	// Until it is tagged the port is known by its name.
	spec.TagsLater = !c.Reserved && c.Wishes.Name == ""
	return spec
}

// clearedWay reports whether something of ours was in the way of a port that Neutron refused,
// and is not any more: a twin, or spares that have taken the last of a quota or a subnet.
func (d *Driver) clearedWay(ctx context.Context, c claim, cause error) bool {
	switch zun.CodeOf(cause) {
	case zun.CodeConflict:
		noTwin := c.MAC != "" && d.clearTwin(ctx, c)
		anyAddress := slices.ContainsFunc(c.Addresses, func(h held) bool { return !h.IP.IsValid() })
		return anyAddress && d.giveSpares(ctx, cause) || noTwin
	case zun.CodeOverQuota:
		return d.giveSpares(ctx, cause)
	}
	return false
}

// know takes over what plugging needs.
func (c *claim) know(p zun.Port) {
	c.Port.MAC, c.Port.VIFType, c.Port.VIFDetails = strings.ToLower(p.MAC), p.VIFType, p.VIFDetails
	c.Port.ProjectID, c.Port.NoSecurity = p.ProjectID, p.NoSecurity
}

// wish puts what the endpoint's user wishes into the request for its port.
func (d *Driver) wish(ctx context.Context, c claim, spec *zun.PortSpec) error {
	if !c.Wishes.any() {
		return nil
	}
	a, err := d.resolve(ctx, c.Wishes, c.ProjectID)
	c.Wishes.forNew(a, spec)
	return err
}

// notMade handles a failed creation: what Neutron refused leaves nothing; of anything else
// Run looks what came.
func (d *Driver) notMade(c claim, cause error) error {
	err := d.update(func(tx *kv.Tx) error {
		if refused(cause) {
			return dropClaim(tx, c)
		}
		c.Port.Stage, c.EndpointID = stageRemoving, ""
		if err := unindexClaim(tx, c); err != nil {
			return err
		}
		return claims.Put(tx, c.ID, c)
	})
	if err != nil {
		d.Log.Error("cannot record a port that was not made", "claim", c.ID, "error", err)
	}
	d.wake()
	return cause
}

// abandon ends a claim that turned out useless; if that fails it is owed.
func (d *Driver) abandon(ctx context.Context, c claim) {
	if err := d.endClaim(ctx, c); err != nil {
		d.Log.Warn("cannot give up a port; it will be tried again", "claim", c.ID, "port", c.Port.ID, "error", err)
	}
}

// mayTake insists that a port that is not ours is free, or was bound to this host for a
// container by someone who may. A port handed over by its uuid may have its device
// already; one found by its address may not, as it could be anyone's.
func (d *Driver) mayTake(c claim, p zun.Port, handed bool) error {
	others := p.Host != "" && endpointID(p.DeviceID) && p.DeviceID != c.EndpointID
	owned := p.DeviceOwner == "" || p.DeviceOwner == zun.DeviceOwner
	boundHere := d.boundHere(p)
	idle := p.Status != "ACTIVE" || p.VIFType == "unbound"
	free := p.Host == "" && (handed || p.DeviceID == "" && idle)
	if owned && !others && (boundHere || free) {
		return nil
	}
	return zun.Errorf(zun.CodePortInUse, "port %s (device %q, owner %q, host %q, status %s) is not free; choose another address, or free the port",
		p.ID, p.DeviceID, p.DeviceOwner, p.Host, p.Status)
}

func (d *Driver) boundHere(p zun.Port) bool {
	return p.Host != "" && p.Host == d.Host && p.DeviceOwner == zun.DeviceOwner
}

// take gives a claim a port that someone else made. Only what must be is changed, in one
// request, and what was there is on record before. A port that needs nothing is left
// alone, now and at the end.
func (d *Driver) take(ctx context.Context, c *claim, p zun.Port) error {
	if p.NetworkID != c.NetworkID {
		return zun.Errorf(zun.CodeInvalid, "port %s is on network %s, not on %s", p.ID, p.NetworkID, c.NetworkID)
	}
	if err := settle(c, p); err != nil {
		return err
	}
	a, err := d.resolve(ctx, c.Wishes, p.ProjectID)
	if err != nil {
		return err
	}
	c.Port = port{Holding: holdingHanded, Stage: stageReady, ID: p.ID}
	c.know(p)
	if change := d.changeFor(*c, p, a); change != nil {
		if err := d.bindPort(ctx, c, p, *change); err != nil {
			return err
		}
	}
	if err := binding.Usable(d.binding(*c, 0)); err != nil {
		d.abandon(ctx, *c)
		return err
	}
	c.Port.Stage = stageReady
	c.OwesName = c.Port.Holding == holdingTaken
	return d.later(func(tx *kv.Tx) error { return putClaim(tx, *c) })
}

// changeFor returns what a port needs to serve the claim, nil if it is fine as it is.
// Docker before 25 cannot be told the MAC of a container's second network and makes one
// up, so the port follows.
func (d *Driver) changeFor(c claim, p zun.Port, a attributes) *zun.PortChange {
	var change zun.PortChange
	needed := c.Wishes.any()
	c.Wishes.forOld(a, &change)
	if c.MAC != "" && !strings.EqualFold(c.MAC, p.MAC) {
		change.MAC, needed = &c.MAC, true
	}
	if !d.boundHere(p) || change.MAC != nil {
		change.Host, needed = &d.Host, true
	}
	if p.DeviceOwner == "" {
		owner := zun.DeviceOwner
		change.DeviceOwner, needed = &owner, true
	}
	if p.DeviceID == "" && change.Host != nil {
		device := c.ID
		if c.EndpointID != "" {
			device = c.EndpointID
		}
		change.DeviceID = &device
	}
	if !needed {
		return nil
	}
	return &change
}

// bindPort makes the change to a user's port.
func (d *Driver) bindPort(ctx context.Context, c *claim, p zun.Port, change zun.PortChange) error {
	c.Port.Holding, c.Port.Stage = holdingTaken, stageMaking
	c.Port.Before = beforeOf(p)
	c.Port.Before.Set = change
	c.Port.Unbound = change.MAC != nil && p.Host != ""
	if err := put(d, claims, c.ID, *c); err != nil {
		return err
	}
	// Nobody else may have changed the port since we looked at it.
	change.IfRevision = &p.Revision
	bound, err := d.rebind(ctx, p, change)
	if err != nil {
		d.notBound(ctx, *c, change, err)
		return err
	}
	c.Port.Unbound = false
	c.know(bound)
	return nil
}

// notBound handles a failed change. One that Neutron refused is not taken back: the port
// is as it was, or somebody else's by now.
func (d *Driver) notBound(ctx context.Context, c claim, change zun.PortChange, cause error) {
	if !refused(cause) || change.MAC != nil && c.Port.Before.Host != "" {
		d.abandon(ctx, c)
		return
	}
	c.Port = port{}
	if err := put(d, claims, c.ID, c); err != nil {
		d.Log.Error("cannot record a port that was not taken", "claim", c.ID, "error", err)
	}
}

// rebind makes a change to a port that binds it. Where the MAC changes it is unbound before:
// Neutron refuses that on a bound port.
func (d *Driver) rebind(ctx context.Context, p zun.Port, change zun.PortChange) (zun.Port, error) {
	if change.MAC != nil && p.Host != "" {
		_, err := d.Neutron.UpdatePort(ctx, p.ID, zun.PortChange{Host: new(string), IfRevision: change.IfRevision})
		if err != nil {
			return zun.Port{}, err
		}
		change.IfRevision = nil
	}
	return d.Neutron.UpdatePort(ctx, p.ID, change)
}

// endClaim ends a claim and all that hangs on it. On failure the rest is owed, and nothing
// of it is in anyone's way.
func (d *Driver) endClaim(ctx context.Context, c claim) error {
	if c.EndpointID != "" || c.Port.ID != "" && !c.Unplugged && !c.Reserved {
		if err := d.forgetEndpoint(ctx, &c); err != nil {
			return err
		}
	}
	if c.Port.Holding != holdingMade {
		if err := d.conceal(ctx, &c); err != nil {
			d.wake()
			return err
		}
	}
	if c.Port.Holding == holdingNone || c.Port.Holding == holdingHanded {
		return d.update(func(tx *kv.Tx) error { return dropClaim(tx, c) })
	}
	if c.Port.Stage != stageRemoving {
		c.Port.Stage = stageRemoving
		if c.Port.Holding == holdingTaken {
			c.Port.Steps = c.Port.giveBack()
		}
	}
	write := d.update
	if c.Port.Holding == holdingMade {
		write = d.later // a port that is gone already is deleted just the same
	}
	err := write(func(tx *kv.Tx) error {
		if err := unindexClaim(tx, c); err != nil {
			return err
		}
		return claims.Put(tx, c.ID, c)
	})
	if err != nil {
		return err
	}
	if c.Port.Holding == holdingMade {
		err = d.deletePort(ctx, c)
	} else {
		err = d.nextStep(ctx, c)
	}
	if err != nil {
		d.wake()
	}
	return err
}

// deletePort deletes a port of ours and the group of its exposed ports, found by its device_id if its own id never arrived.
func (d *Driver) deletePort(ctx context.Context, c claim) error {
	ids := []string{c.Port.ID}
	if c.Port.ID == "" {
		found, err := d.Neutron.FindPorts(ctx, zun.NeutronQuery{NetworkID: c.NetworkID, DeviceID: c.Port.DeviceID})
		if err != nil {
			return err
		}
		ids = ids[:0]
		for _, p := range found {
			if p.DeviceID == c.Port.DeviceID {
				ids = append(ids, p.ID)
			}
		}
	}
	for _, id := range ids {
		if err := d.Neutron.DeletePort(ctx, id); err != nil {
			return err
		}
	}
	groups, err := d.exposedGroups(ctx, c)
	if err != nil {
		return err
	}
	return d.deleteGroups(ctx, c, groups, func() error {
		return d.update(func(tx *kv.Tx) error { return dropClaim(tx, c) })
	})
}

// binding is what the binder is told of the claim's port.
func (d *Driver) binding(c claim, mtu int) binding.Binding {
	mac := c.MAC
	if mac == "" {
		mac = c.Port.MAC
	}
	return binding.Binding{
		PortID: c.Port.ID, NetworkID: c.NetworkID, DeviceID: c.EndpointID, MAC: mac, MTU: mtu, Host: d.Host,
		VIFType: c.Port.VIFType, VIFDetails: c.Port.VIFDetails,
	}
}
