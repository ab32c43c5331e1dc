package kuryr

import (
	"context"
	"time"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// moving is the longest that Docker takes to move the link of an endpoint that has joined
// into its sandbox, or out of it when it leaves.
const moving = time.Minute

// claimAnew records a claim. What has its address may be an endpoint that Docker gave up
// while the plugin was away, after a crash of the host for one: that one is ended first, so
// that a container comes back with its address and does not wait for a sweep.
func (d *Driver) claimAnew(ctx context.Context, c claim) error {
	refused := d.newClaim(c)
	if zun.CodeOf(refused) != zun.CodeConflict {
		return refused
	}
	dead, err := d.deadEndpoints(ctx, c.Addresses)
	if err != nil || len(dead) == 0 {
		return refused
	}
	for _, id := range dead {
		d.Log.Warn("ending an endpoint that Docker gave up without saying so; its address is asked for", "endpoint", id)
		if err := d.endLeftEndpoint(ctx, id); err != nil {
			return err
		}
	}
	return d.newClaim(c)
}

// deadEndpoints returns the endpoints with one of the addresses that have no link any more,
// or one that lies about outside of any sandbox.
func (d *Driver) deadEndpoints(ctx context.Context, wanted []held) (dead []string, err error) {
	board, seeing := d.Binder.(Switchboard)
	if !seeing {
		return nil, nil
	}
	pairs, err := board.Pairs(ctx)
	if err != nil {
		return nil, err
	}
	abroad := map[string]bool{} // by the beginning of the port's id: whether a sandbox has the link
	for _, pair := range pairs {
		abroad[pair.Port] = pair.InSandbox()
	}
	for _, h := range wanted {
		e, portID, err := d.holderOf(h)
		if err != nil {
			return nil, err
		}
		inSandbox, linked := abroad[beginning(portID)]
		if e.Joined && !inSandbox && (!linked || d.Now().Sub(e.At) > moving) {
			dead = append(dead, e.ID)
		}
	}
	return dead, nil
}

// holderOf returns the endpoint that has an address, and its port; none is no error.
func (d *Driver) holderOf(h held) (e endpoint, portID string, err error) {
	err = d.DB.View(func(tx *kv.Tx) error {
		id, found, err := addresses.Get(tx, addressKey(h.PoolID, h.IP))
		if err != nil || !found {
			return err
		}
		c, found, err := claims.Get(tx, id)
		if err != nil || !found || c.EndpointID == "" {
			return err
		}
		portID = c.Port.ID
		e, _, err = endpoints.Get(tx, c.EndpointID)
		return err
	})
	return e, portID, err
}
