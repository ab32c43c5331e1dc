package kuryr

import (
	"context"
	"slices"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// before is what a user's port had before we took it.
type before struct {
	MAC, DeviceID, DeviceOwner, Host string

	Name           string
	SecurityGroups []string
	AddressPairs   []zun.AddressPair
	QoSPolicyID    string
	NoSecurity     bool

	Set zun.PortChange // what we asked for
}

func beforeOf(p zun.Port) before {
	return before{
		MAC: p.MAC, DeviceID: p.DeviceID, DeviceOwner: p.DeviceOwner, Host: p.Host, Name: p.Name,
		SecurityGroups: p.SecurityGroups, AddressPairs: p.AddressPairs, QoSPolicyID: p.QoSPolicyID, NoSecurity: p.NoSecurity,
	}
}

// learn adds a second change to what we asked for: what it changes was until now as p has
// it.
func (b *before) learn(p zun.Port, change zun.PortChange) {
	if change.Name != nil {
		b.Name, b.Set.Name = p.Name, change.Name
	}
	if change.SecurityGroups != nil {
		b.SecurityGroups, b.Set.SecurityGroups = p.SecurityGroups, change.SecurityGroups
	}
	if change.AddressPairs != nil {
		b.AddressPairs, b.Set.AddressPairs = p.AddressPairs, change.AddressPairs
	}
	if change.QoSPolicyID != nil {
		b.QoSPolicyID, b.Set.QoSPolicyID = p.QoSPolicyID, change.QoSPolicyID
	}
	if change.PortSecurity != nil {
		b.NoSecurity, b.Set.PortSecurity = p.NoSecurity, change.PortSecurity
	}
}

// device is what the port's device_id is while we have it.
func (b before) device() string {
	if b.Set.DeviceID != nil {
		return *b.Set.DeviceID
	}
	return b.DeviceID
}

// restore is the change back of the wishes that were set.
func (b before) restore() (change zun.PortChange) {
	if b.Set.Name != nil {
		change.Name = &b.Name
	}
	if b.Set.SecurityGroups != nil {
		change.SecurityGroups = append([]string{}, b.SecurityGroups...)
	}
	if b.Set.AddressPairs != nil {
		change.AddressPairs = append([]zun.AddressPair{}, b.AddressPairs...)
	}
	if b.Set.QoSPolicyID != nil {
		change.QoSPolicyID = &b.QoSPolicyID
	}
	if b.Set.PortSecurity != nil {
		on := !b.NoSecurity
		change.PortSecurity = &on
	}
	return change
}

// giveBack lists the steps that make a user's port what it was.
func (p port) giveBack() []step {
	b, set := p.Before, p.Before.Set
	first := b.restore()
	var second zun.PortChange
	if set.Host != nil {
		first.Host = &b.Host
	}
	if set.DeviceID != nil {
		first.DeviceID = &b.DeviceID
	}
	if set.DeviceOwner != nil {
		first.DeviceOwner = &b.DeviceOwner
	}
	if set.MAC == nil {
		return []step{{Change: &first, Untag: p.Tagged}}
	}
	first.Host = new(string) // a bound port's MAC cannot be changed
	second.MAC = &b.MAC
	if b.Host != "" {
		second.Host = &b.Host
	}
	return []step{{Change: &first}, {Change: &second, Untag: p.Tagged}}
}

// nextStep takes one step in giving a user's port back; the others, and its tags, are owed.
func (d *Driver) nextStep(ctx context.Context, c claim) error {
	if len(c.Port.Steps) == 0 {
		return d.update(func(tx *kv.Tx) error { return dropClaim(tx, c) })
	}
	now := &c.Port.Steps[0]
	if now.Change != nil {
		return d.stepChange(ctx, c)
	}
	for _, tag := range now.Untag {
		if err := d.Neutron.RemoveTag(ctx, "ports", c.Port.ID, tag); err != nil && !zun.IsNotFound(err) {
			return err
		}
	}
	c.Port.Steps = c.Port.Steps[1:]
	return d.keepSteps(c)
}

// stepChange restores attributes. A port that is gone needs nothing more, and one that
// somebody else has taken meanwhile is theirs.
func (d *Driver) stepChange(ctx context.Context, c claim) error {
	err := d.restorePort(ctx, &c)
	switch {
	case zun.IsNotFound(err):
		c.Port.Steps = nil
	case err != nil:
		return err
	case len(c.Port.Steps) > 0:
		c.Port.Steps[0].Change = nil
		if len(c.Port.Steps[0].Untag) == 0 {
			c.Port.Steps = c.Port.Steps[1:]
		}
	}
	return d.keepSteps(c)
}

// restorePort makes the first step's change to the port as long as it is what we left, so
// that it does not overwrite what others did with it meanwhile.
func (d *Driver) restorePort(ctx context.Context, c *claim) (err error) {
	const tries = 4
	for range tries {
		p, look := d.Neutron.Port(ctx, c.Port.ID)
		if look != nil {
			return look
		}
		if d.reassigned(*c, p) {
			d.Log.Info("a port that was to be given back is somebody else's by now", "port", p.ID, "device", p.DeviceID, "host", p.Host)
			c.Port.Steps = theirs(c.Port.Steps)
			return nil
		}
		change := *c.Port.Steps[0].Change
		if p.Host == "" && !c.Port.Unbound {
			// Unbound by whoever handed it over: it is not bound again.
			change.Host = nil
			for i := range c.Port.Steps[1:] {
				c.Port.Steps[1+i].Change.Host = nil
			}
		}
		if err := d.noteUnbinding(c); err != nil {
			return err
		}
		change.IfRevision = &p.Revision
		_, err = d.Neutron.UpdatePort(ctx, p.ID, change)
		if zun.CodeOf(err) != zun.CodeConflict || err == nil {
			return err
		}
	}
	return err
}

// noteUnbinding records that we are about to unbind a port, so that one that is found
// unbound is known to be so by us.
func (d *Driver) noteUnbinding(c *claim) error {
	if c.Port.Unbound {
		return nil
	}
	c.Port.Unbound = true
	return put(d, claims, c.ID, *c)
}

// reassigned reports whether a port that we have is somebody else's now.
func (d *Driver) reassigned(c claim, p zun.Port) bool {
	elsewhere := p.Host != "" && p.Host != d.Host
	// Once the first step is done the device is the former one again.
	device := p.DeviceID != c.Port.Before.device() && !(c.Port.Unbound && p.DeviceID == c.Port.Before.DeviceID)
	return elsewhere || device
}

// theirs are the steps left for a port that is somebody else's: only tags that nobody else
// can have set.
func theirs(steps []step) []step {
	var tags []string
	for _, s := range steps {
		tags = append(tags, s.Untag...)
	}
	tags = slices.DeleteFunc(tags, func(tag string) bool { return tag == tagExistingPort })
	if len(tags) == 0 {
		return nil
	}
	return []step{{Untag: tags}}
}

func (d *Driver) keepSteps(c claim) error {
	if len(c.Port.Steps) > 0 {
		d.wake()
		return put(d, claims, c.ID, c)
	}
	return d.update(func(tx *kv.Tx) error { return dropClaim(tx, c) })
}
