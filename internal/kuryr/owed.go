package kuryr

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// String names the task.
func (d *Driver) String() string { return "kuryr" }

// Ready is closed when Run has begun. Verbs work before that too.
func (d *Driver) Ready() <-chan struct{} { return d.ready }

// The waits between tries of owed work that fails.
const (
	firstWait = time.Second
	lastWait  = time.Minute
)

// Run does what is owed to Neutron: first what a crash left, then what verbs leave, and
// looks for left-behind records from time to time. It returns nil when ctx ends.
func (d *Driver) Run(ctx context.Context) error {
	d.once.Do(func() { close(d.ready) })
	wait, looked := firstWait, d.Now()
	for {
		next := d.SweepEvery
		if err := d.tend(ctx, &next); err != nil && ctx.Err() == nil {
			d.Log.Warn("owed work failed and will be tried again", "in", wait, "error", err)
			next, wait = min(wait, d.SweepEvery), min(2*wait, lastWait)
		} else {
			wait = firstWait
		}
		if d.Now().Sub(looked) > d.LookEvery && ctx.Err() == nil {
			looked = d.Now()
			if err := d.Sweep(ctx); err != nil && ctx.Err() == nil {
				d.Log.Warn("a look for leftovers failed", "error", err)
			}
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-d.woken(wait):
			timer.Stop()
		case <-timer.C:
		}
	}
}

// tend does what is owed, and keeps spare ports ready, as far as that is for now; next is cut
// to when more of it is.
func (d *Driver) tend(ctx context.Context, next *time.Duration) error {
	return errors.Join(
		d.settleAll(ctx, d.inTime(next)),
		d.tendSpares(ctx, func() bool {
			left := d.traffic.calmIn(d.Now())
			if left > 0 {
				*next = min(*next, left)
			}
			return left <= 0
		}))
}

// woken is the bell that verbs ring; after a failure it is not listened to, so that a
// Neutron that is away is not asked with every verb.
func (d *Driver) woken(wait time.Duration) <-chan struct{} {
	if wait != firstWait {
		return nil
	}
	return d.owed
}

const (
	patience = 30 * time.Second       // bounds one piece of owed work
	shortly  = 100 * time.Millisecond // until a verb that works on something has come to its end
)

// Settle does once what Run does again and again; it returns what failed. For tests, and
// for a caller that ends and would leave nothing owed.
func (d *Driver) Settle(ctx context.Context) error {
	return errors.Join(
		d.settleAll(ctx, func(claim) bool { return true }),
		d.tendSpares(ctx, func() bool { return true }))
}

// settleAll does what is owed, and names the ports of the claims that nameable chooses.
func (d *Driver) settleAll(ctx context.Context, nameable func(claim) bool) error {
	var failures []error
	for _, settle := range []func(context.Context) error{
		d.settleEndpoints,
		func(ctx context.Context) error { return d.settleClaims(ctx, nameable) },
		d.settleNetworks, d.settleIntents, d.settlePools, d.meetDocker,
	} {
		if err := settle(ctx); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// each treats the records that are due, one at a time, skipping what a verb works on just
// now.
func each[T any](d *Driver, ctx context.Context, bucket kv.Bucket[T], kind string, due func(T) bool, treat func(context.Context, T) error) error {
	all, err := list(d, bucket)
	if err != nil {
		return err
	}
	var failures []error
	for id, record := range all {
		if !due(record) || ctx.Err() != nil {
			continue
		}
		unlock, ok := d.locks.tryLock(kind + " " + id)
		if !ok {
			time.AfterFunc(shortly, d.wake)
			continue
		}
		now, found, err := get(d, bucket, id)
		if err == nil && found && due(now) {
			one, cancel := context.WithTimeout(ctx, patience)
			err = treat(one, now)
			cancel()
		}
		unlock()
		if err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

func list[T any](d *Driver, bucket kv.Bucket[T]) (all map[string]T, err error) {
	err = d.DB.View(func(tx *kv.Tx) error {
		all, err = bucket.All(tx)
		return err
	})
	return all, err
}

func (d *Driver) old(t time.Time) bool { return d.Now().Sub(t) > d.ClaimLife }

// settleEndpoints ends endpoints whose sandbox never came, and unplugs that failed.
func (d *Driver) settleEndpoints(ctx context.Context) error {
	due := func(e endpoint) bool { return e.Leaving || !e.Joined && d.old(e.At) }
	return each(d, ctx, endpoints, "endpoint", due, func(ctx context.Context, e endpoint) error {
		if in, err := d.inSandbox(ctx, e); err != nil || in && !e.Leaving {
			return err
		}
		d.Log.Info("ending an endpoint that was left behind", "endpoint", e.ID, "docker_network", e.NetworkID)
		unlock, err := d.lockClaim(ctx, e.ClaimID)
		if err != nil {
			return err
		}
		defer unlock()
		c, found, err := get(d, claims, e.ClaimID)
		if err != nil {
			return err
		}
		if !found {
			return d.update(func(tx *kv.Tx) error { return endpoints.Delete(tx, e.ID) })
		}
		c.EndpointID = e.ID
		return d.endClaim(ctx, c)
	})
}

// inSandbox reports whether a sandbox has the endpoint's link, and keeps in mind that it has:
// that it was joined may have been lost.
func (d *Driver) inSandbox(ctx context.Context, e endpoint) (bool, error) {
	board, seeing := d.Binder.(Switchboard)
	c, found, err := get(d, claims, e.ClaimID)
	if err != nil || !seeing || !found || c.Port.ID == "" {
		return false, err
	}
	pairs, err := board.Pairs(ctx)
	in := slices.ContainsFunc(pairs, func(p binding.Pair) bool { return p.Port == beginning(c.Port.ID) && p.InSandbox() })
	if err != nil || !in {
		return false, err
	}
	e.Joined = true
	return true, d.later(func(tx *kv.Tx) error { return endpoints.Put(tx, e.ID, e) })
}

// settleClaims ends claims that are over, gives ports their names, and ends claims that
// nobody came for.
func (d *Driver) settleClaims(ctx context.Context, nameable func(claim) bool) error {
	due := func(c claim) bool {
		return c.Port.Stage == stageRemoving || c.Port.Stage == stageMaking || c.OwesName && nameable(c) || c.Exposed != nil && !c.Exposed.Ready ||
			c.EndpointID == "" && !c.Reserved && !c.Spare && d.old(c.At)
	}
	return each(d, ctx, claims, "claim", due, func(ctx context.Context, c claim) error {
		switch {
		case c.Port.Stage == stageReady && c.Exposed != nil && !c.Exposed.Ready:
			return d.conceal(ctx, &c)
		case c.OwesName && c.Port.Stage == stageReady:
			return d.name(ctx, c)
		case c.Port.Stage == stageMaking && c.EndpointID != "":
			// A crash in CreateEndpoint, which was not answered.
			return d.endClaim(ctx, c)
		}
		return d.settleClaim(ctx, c.ID)
	})
}

// settleClaim ends a claim to the last step. The caller holds its lock.
func (d *Driver) settleClaim(ctx context.Context, id string) error {
	for {
		c, found, err := get(d, claims, id)
		if err != nil || !found {
			return err
		}
		d.Log.Info("ending a claim that is over", "claim", id, "port", c.Port.ID)
		if err := d.endClaim(ctx, c); err != nil {
			return err
		}
	}
}

// name gives a port the name and the tags of its endpoint, which would have kept the
// container waiting.
func (d *Driver) name(ctx context.Context, c claim) error {
	err := d.writeName(ctx, &c)
	if err != nil && !zun.IsNotFound(err) {
		return err
	}
	c.OwesName = false
	return d.later(func(tx *kv.Tx) error { return claims.Put(tx, c.ID, c) })
}

func (d *Driver) writeName(ctx context.Context, c *claim) error {
	if c.Port.Holding == holdingMade { // the tags first: by a name of its user's a port is not known as ours
		err := d.Neutron.ReplaceTags(ctx, "ports", c.Port.ID, append([]string{tagOwnPort}, idTags(c.EndpointID)...))
		if err != nil {
			return err
		}
		return d.nameMade(ctx, c)
	}
	c.Port.Tagged = append([]string{tagExistingPort}, idTags(c.EndpointID)...)
	if err := put(d, claims, c.ID, *c); err != nil {
		return err
	}
	for _, tag := range c.Port.Tagged {
		if err := d.Neutron.AddTag(ctx, "ports", c.Port.ID, tag); err != nil {
			return err
		}
	}
	return nil
}

// nameMade renames a port of ours, unless it has its name already.
func (d *Driver) nameMade(ctx context.Context, c *claim) error {
	if c.Named {
		return nil
	}
	name := cmp.Or(c.Wishes.Name, portName(c.EndpointID))
	_, err := d.Neutron.UpdatePort(ctx, c.Port.ID, zun.PortChange{Name: &name, DeviceID: &c.EndpointID})
	c.Named = err == nil
	return err
}

// settleNetworks clears networks whose making or removal did not come to its end.
func (d *Driver) settleNetworks(ctx context.Context) error {
	due := func(n network) bool { return n.Stage != stageReady }
	return each(d, ctx, networks, "network", due, func(ctx context.Context, n network) error {
		d.Log.Info("clearing a network that is over", "docker_network", n.ID, "neutron_network", n.NeutronID)
		return d.clear(ctx, n)
	})
}

// settleIntents deletes subnetpools of ours that no record stands for.
func (d *Driver) settleIntents(ctx context.Context) error {
	due := func(intent) bool { return true }
	return each(d, ctx, intents, "intent", due, func(ctx context.Context, in intent) error {
		ids := []string{in.PoolID}
		if in.PoolID == "" {
			found, err := d.Neutron.FindPools(ctx, zun.NeutronQuery{Name: in.Name, Description: d.aboutPool(in.ID)})
			if err != nil {
				return err
			}
			ids = ids[:0]
			for _, p := range found {
				ids = append(ids, p.ID)
			}
		}
		for _, id := range ids {
			if err := d.Neutron.DeletePool(ctx, id); err != nil {
				return err
			}
		}
		return d.update(func(tx *kv.Tx) error { return intents.Delete(tx, in.ID) })
	})
}

// settlePools drops pools that nobody uses, and corrects counts that calls delivered twice
// have left wrong. A Swarm manager's pools have no networks here, so there they are left.
func (d *Driver) settlePools(ctx context.Context) error {
	if d.Global {
		return nil
	}
	all, err := list(d, pools)
	var failures []error
	for id, p := range all {
		if !p.unused() && (!d.old(p.TouchedAt) || p.Refs == len(p.Networks)) {
			continue
		}
		if err := d.settlePool(ctx, id, p); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(append(failures, err)...)
}

func (d *Driver) settlePool(ctx context.Context, id string, p pool) error {
	unlock, err := d.lockPool(ctx, p)
	if err != nil {
		return err
	}
	defer unlock()
	err = d.update(func(tx *kv.Tx) error {
		var found bool
		if p, found, err = pools.Get(tx, id); err != nil || !found {
			return err
		}
		p.Networks = slices.DeleteFunc(p.Networks, func(network string) bool {
			_, known, err := networks.Get(tx, network)
			return err == nil && !known
		})
		if d.old(p.TouchedAt) {
			p.Refs = len(p.Networks)
		}
		return pools.Put(tx, id, p)
	})
	if err != nil || p.ID == "" || !p.unused() {
		return err
	}
	return d.dropPool(ctx, p)
}
