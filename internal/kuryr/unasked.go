package kuryr

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// Where endpoints get the MACs of their ports Docker's requests for the addresses of one
// endpoint have nothing in common, and its user's MAC comes after them. A port's address that
// Docker does not know yet is unasked.

// grantUnasked grants an address of a port that is there, to an endpoint of which Docker tells
// no MAC: the other version's address of the one that is being made, else a spare's. nil: there
// is none.
func (d *Driver) grantUnasked(ctx context.Context, p pool) (*claim, error) {
	for {
		c, err := d.unaskedIn(p)
		if c == nil || err != nil {
			return nil, err
		}
		granted, err := d.assign(ctx, c.ID, p)
		if granted != nil || err != nil {
			return granted, err
		}
	}
}

// grantCertain grants an address that a port of ours has and Docker does not know, and reports
// whether there is one.
func (d *Driver) grantCertain(ctx context.Context, p pool, ip netip.Addr) (bool, error) {
	id, found, err := get(d, unasked, addressKey(p.Subnet.ID, ip))
	if err != nil || !found {
		return false, err
	}
	granted, err := d.assign(ctx, id, p)
	return granted != nil, err
}

// unaskedIn chooses, of the claims with an address in the pool's subnet that Docker does not
// know yet, the youngest of an endpoint, else the oldest spare.
func (d *Driver) unaskedIn(p pool) (best *claim, err error) {
	err = d.DB.View(func(tx *kv.Tx) error {
		all, err := unasked.All(tx)
		if err != nil {
			return err
		}
		for key, id := range all {
			if !strings.HasPrefix(key, p.Subnet.ID+"/") {
				continue
			}
			c, found, err := claims.Get(tx, id)
			if err != nil {
				return err
			}
			fit := found && c.Port.Stage == stageReady && c.EndpointID == "" && c.ProjectID == p.PortProject
			if fit && (best == nil || c.before(*best)) {
				best = &c
			}
		}
		return nil
	})
	return best, err
}

// before orders claims by who gets an endpoint first.
func (c claim) before(other claim) bool {
	switch {
	case c.Spare != other.Spare:
		return other.Spare
	case c.Spare:
		return c.At.Before(other.At)
	}
	return c.At.After(other.At)
}

// assign grants the claim's address in the pool, and makes a spare an endpoint's. Somebody may
// have meddled with a spare's port meanwhile: then it is none any more, and nil is returned.
func (d *Driver) assign(ctx context.Context, id string, p pool) (*claim, error) {
	unlock, err := d.lockClaim(ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	c, found, err := get(d, claims, id)
	unknown := slices.ContainsFunc(c.Addresses, func(h held) bool { return h.PoolID == "" && h.SubnetID == p.Subnet.ID })
	if err != nil || !found || !unknown || c.Port.Stage != stageReady || c.EndpointID != "" {
		return nil, err
	}
	if c.Spare {
		fine, err := d.inspect(ctx, &c)
		if err != nil || !fine {
			return nil, err
		}
	}
	err = d.later(func(tx *kv.Tx) error { return d.ask(tx, &c, held{PoolID: p.ID, SubnetID: p.Subnet.ID}) })
	d.wake()
	return &c, err
}

// inspect reports whether a spare's port is as it was made. One that is not is given up: if it
// is not somebody else's by now it is deleted.
func (d *Driver) inspect(ctx context.Context, c *claim) (bool, error) {
	p, err := d.Neutron.Port(ctx, c.Port.ID)
	gone := zun.IsNotFound(err)
	if err != nil && !gone {
		return false, err
	}
	if !gone && p.DeviceID == c.Port.DeviceID && p.Host == d.Host && settle(c, p) == nil {
		c.know(p)
		return true, nil
	}
	d.Log.Warn("a spare port was changed or deleted by somebody", "port", c.Port.ID, "device_id", p.DeviceID, "host", p.Host)
	if gone || p.DeviceID != c.Port.DeviceID {
		return false, d.update(func(tx *kv.Tx) error { return dropClaim(tx, *c) })
	}
	d.abandon(ctx, *c)
	return false, nil
}

// asked notes that Docker names addresses of a claim of which it was not known that it was
// granted them.
func (d *Driver) asked(c claim, wanted []held) (claim, error) {
	if !slices.ContainsFunc(c.Addresses, func(h held) bool { return h.PoolID == "" }) {
		return c, nil
	}
	err := d.later(func(tx *kv.Tx) error {
		now, found, err := claims.Get(tx, c.ID)
		if err != nil || !found {
			return err
		}
		c = now
		return d.ask(tx, &c, wanted...)
	})
	return c, err
}

// ask notes that Docker knows the claim's addresses in places, by their pools, so that it is
// no spare any more.
func (d *Driver) ask(tx *kv.Tx, c *claim, places ...held) error {
	former := *c
	c.Addresses = slices.Clone(c.Addresses)
	for i, h := range c.Addresses {
		at := slices.IndexFunc(places, func(place held) bool {
			return place.SubnetID == h.SubnetID && (place.IP == h.IP || !place.IP.IsValid())
		})
		if at >= 0 && h.PoolID == "" {
			c.Addresses[i].PoolID = places[at].PoolID
		}
	}
	c.Spare, c.At = false, d.Now().UTC()
	return replaceClaim(tx, former, *c)
}

// gathers reports whether a claim is one that others of the same endpoint may be added to:
// its port is ours, and no MAC told that they belong together.
func (c claim) gathers() bool {
	return c.Port.Holding == holdingMade && c.Port.Stage == stageReady && c.MAC == "" && c.EndpointID == ""
}

// gather makes one claim of several: Docker asked for the addresses of one endpoint as if they
// were of different ones. keep's port gets them all.
func (d *Driver) gather(ctx context.Context, keep claim, others []claim, wanted []held) (claim, error) {
	for _, other := range others {
		if other.Port.Holding != holdingNone && !other.gathers() {
			return keep, zun.Errorf(zun.CodeConflict, "address %s is in use%s", other.Addresses[0].IP, orNone(" by endpoint ", other.EndpointID))
		}
		if err := d.underLock(ctx, &other, func() error { return d.settleClaim(ctx, other.ID) }); err != nil {
			return keep, err
		}
	}
	err := d.underLock(ctx, &keep, func() error {
		former, found, err := get(d, claims, keep.ID)
		if err != nil || !found || !former.gathers() {
			return err // the caller finds out
		}
		keep = former
		keep.Addresses, keep.Spare = slices.Clone(wanted), false
		if keep, err = d.readdress(ctx, keep); err != nil {
			return err
		}
		return d.later(func(tx *kv.Tx) error { return replaceClaim(tx, former, keep) })
	})
	return keep, err
}

// giveMAC gives a port of ours the MAC that its endpoint's user wants and that RequestAddress
// was not told. Neutron refuses that on a bound port. The caller holds the claim's lock.
func (d *Driver) giveMAC(ctx context.Context, c *claim) error {
	if c.Port.Holding != holdingMade || c.MAC == "" || strings.EqualFold(c.MAC, c.Port.MAC) {
		return nil
	}
	c.Port.Stage = stageMaking
	if err := put(d, claims, c.ID, *c); err != nil {
		return err
	}
	changed, err := d.rebind(ctx, zun.Port{ID: c.Port.ID, Host: d.Host}, zun.PortChange{Host: &d.Host, MAC: &c.MAC})
	if err != nil {
		return err
	}
	c.know(changed)
	if err := binding.Usable(d.binding(*c, 0)); err != nil {
		return err
	}
	c.Port.Stage = stageReady
	return put(d, claims, c.ID, *c)
}
