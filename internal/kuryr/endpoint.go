package kuryr

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// EndpointRequest asks for a place on a Docker network.
type EndpointRequest struct {
	NetworkID  string // Docker's ids
	EndpointID string
	Addresses  []netip.Prefix
	MAC        string            // "" lets us say
	Options    map[string]string // docker run --network name=NET,driver-opt=KEY=VALUE; those of ours begin with "neutron."

	wishes wishes // what Options say
}

// CreateEndpoint gives an endpoint its port, if RequestAddress did not, and plugs it. The
// MAC it returns is the port's when Docker had none, else "", as Docker wants it.
func (d *Driver) CreateEndpoint(ctx context.Context, r EndpointRequest) (mac string, err error) {
	defer d.traffic.enter(d.Now)()
	if len(r.Addresses) == 0 {
		return "", zun.Errorf(zun.CodeInvalid, "endpoint %s has no address; is the IPAM driver of the network kuryr too?", r.EndpointID)
	}
	if r.wishes, err = parseWishes(r.Options); err != nil {
		return "", err
	}
	unlock, err := d.locks.lock(ctx, "endpoint "+r.EndpointID)
	if err != nil {
		return "", err
	}
	defer unlock()
	n, err := d.knownNetwork(ctx, r.NetworkID)
	if err != nil {
		return "", err
	}
	e, found, err := get(d, endpoints, r.EndpointID)
	if err != nil {
		return "", err
	}
	if found && e.Plugged {
		return d.answerMAC(e, r)
	}
	return d.makeEndpoint(ctx, n, r)
}

// answerMAC repeats the answer for an endpoint that is there.
func (d *Driver) answerMAC(e endpoint, r EndpointRequest) (string, error) {
	c, _, err := get(d, claims, e.ClaimID)
	if err != nil || r.MAC != "" {
		return "", err
	}
	return c.Port.MAC, nil
}

func (d *Driver) makeEndpoint(ctx context.Context, n network, r EndpointRequest) (mac string, err error) {
	c, unlock, err := d.freshClaim(ctx, n, r)
	if err != nil {
		return "", err
	}
	defer unlock()
	if c, err = d.begin(c, r); err != nil {
		return "", err
	}
	if err = d.equip(ctx, &c, r); err == nil {
		err = d.Binder.Plug(ctx, d.binding(c, n.MTU))
	}
	if err == nil {
		err = d.awaitActive(ctx, c)
	}
	if err != nil {
		d.cancelEndpoint(ctx, c, r.EndpointID)
		return "", err
	}
	err = d.update(func(tx *kv.Tx) error {
		err := endpoints.Put(tx, r.EndpointID, endpoint{
			ID: r.EndpointID, NetworkID: n.ID, ClaimID: c.ID, Plugged: true, At: d.Now().UTC(),
		})
		if err != nil {
			return err
		}
		return putClaim(tx, c)
	})
	if c.OwesName {
		d.wake()
	}
	if r.MAC != "" {
		return "", err
	}
	return c.Port.MAC, err
}

// freshClaim returns the claim that has the endpoint's addresses, and the hold on it. What a
// crash left half made of a claim for the same request, which Docker now repeats, is ended
// before.
func (d *Driver) freshClaim(ctx context.Context, n network, r EndpointRequest) (c claim, unlock func(), err error) {
	const tries = 3
	for range tries {
		if c, err = d.claimOf(ctx, n, r); err != nil {
			return c, nil, err
		}
		if unlock, err = d.lockClaim(ctx, c.ID); err != nil {
			return c, nil, err
		}
		now, found, err := get(d, claims, c.ID)
		if err == nil && found && now.Port.Stage != stageMaking && now.Port.Stage != stageRemoving {
			return now, unlock, nil
		}
		if err == nil && found {
			err = d.settleClaim(ctx, c.ID)
		}
		unlock()
		if err != nil {
			return c, nil, err
		}
	}
	return c, nil, zun.Errorf(zun.CodeConflict, "the addresses of endpoint %s were released while it was made; try again", r.EndpointID)
}

// claimOf returns the claim that has the endpoint's addresses, a new one if the requests
// for them got lost.
func (d *Driver) claimOf(ctx context.Context, n network, r EndpointRequest) (claim, error) {
	c := claim{MAC: r.MAC, NetworkID: n.NeutronID, ProjectID: n.PortProject}
	var found []claim
	err := d.DB.View(func(tx *kv.Tx) error {
		for _, address := range r.Addresses {
			h, err := placeOf(tx, n, address)
			if err != nil {
				return err
			}
			c.Addresses = append(c.Addresses, h)
			known, err := claimAt(tx, h)
			if err != nil {
				return err
			}
			if known != nil && !slices.ContainsFunc(found, func(f claim) bool { return f.ID == known.ID }) {
				found = append(found, *known)
			}
		}
		return nil
	})
	if err != nil {
		return claim{}, err
	}
	if len(found) == 1 && found[0].covers(c.Addresses) {
		return d.asked(found[0], c.Addresses)
	}
	if i := slices.IndexFunc(found, claim.gathers); i >= 0 {
		keep := found[i]
		return d.gather(ctx, keep, slices.Delete(found, i, i+1), c.Addresses)
	}
	return d.merge(c, found)
}

// covers reports whether the claim has all addresses.
func (c claim) covers(wanted []held) bool {
	return !slices.ContainsFunc(wanted, func(w held) bool {
		return !slices.ContainsFunc(c.Addresses, func(h held) bool { return h.IP == w.IP })
	})
}

// claimAt returns the claim that has the address, nil if none has. Auxiliary addresses
// that have their port are not for endpoints.
func claimAt(tx *kv.Tx, h held) (*claim, error) {
	id, found, err := addresses.Get(tx, addressKey(h.PoolID, h.IP))
	if err == nil && !found { // that Docker was granted it may have been lost in a crash
		id, found, err = unasked.Get(tx, addressKey(h.SubnetID, h.IP))
	}
	if err != nil || !found {
		return nil, err
	}
	c, found, err := claims.Get(tx, id)
	if err != nil || !found || c.Reserved && c.Port.Holding != holdingNone {
		return nil, err
	}
	return &c, nil
}

// merge makes one claim of several that have no port; Docker asks for each address of an
// endpoint on its own.
func (d *Driver) merge(c claim, found []claim) (claim, error) {
	c.ID, c.At = d.NewID(), d.Now().UTC()
	err := d.later(func(tx *kv.Tx) error {
		for _, f := range found {
			if f.Port.Holding != holdingNone || f.EndpointID != "" {
				return zun.Errorf(zun.CodeConflict, "address %s is in use%s", f.Addresses[0].IP, orNone(" by endpoint ", f.EndpointID))
			}
			if err := dropClaim(tx, f); err != nil {
				return err
			}
		}
		if err := d.free(tx, c); err != nil {
			return err
		}
		return putClaim(tx, c)
	})
	return c, err
}

// placeOf finds the pool of an address among the network's.
func placeOf(tx *kv.Tx, n network, address netip.Prefix) (held, error) {
	var place held
	for _, id := range n.Pools {
		p, found, err := pools.Get(tx, id)
		if err != nil {
			return held{}, err
		}
		if !found || !p.CIDR.Contains(address.Addr()) {
			continue
		}
		// An adopted subnet may be known by several ids; Docker asked by one of them.
		_, asked, err := addresses.Get(tx, addressKey(id, address.Addr()))
		if err != nil {
			return held{}, err
		}
		if place.PoolID == "" || asked {
			place = held{PoolID: id, SubnetID: p.Subnet.ID, IP: address.Addr(), Bits: p.CIDR.Bits()}
		}
	}
	if place.PoolID != "" {
		return place, nil
	}
	return held{}, zun.Errorf(zun.CodeInvalid, "address %s is in no subnet of Docker network %s", address, n.ID)
}

// begin makes the claim the endpoint's. That is put on record only where Neutron is to be
// asked: a crash while a port that is there is plugged leaves a claim that nobody
// comes for, whose end unplugs it. The caller holds its lock.
func (d *Driver) begin(c claim, r EndpointRequest) (claim, error) {
	asks := c.Port.Holding != holdingMade || c.Port.Stage != stageReady || r.wishes.any() || c.MAC == "" && r.MAC != ""
	transact := d.DB.View
	if asks {
		transact = d.later
	}
	err := transact(func(tx *kv.Tx) error {
		now, found, err := claims.Get(tx, c.ID)
		if err != nil {
			return err
		}
		if !found || now.Port.Stage == stageRemoving {
			return zun.Errorf(zun.CodeConflict, "the addresses of endpoint %s were released while it was made; try again", r.EndpointID)
		}
		c = now
		if c.EndpointID != "" && c.EndpointID != r.EndpointID || c.MAC != "" && r.MAC != "" && !strings.EqualFold(c.MAC, r.MAC) {
			return zun.Errorf(zun.CodeConflict, "address %s is in use%s", c.Addresses[0].IP, orNone(" by endpoint ", c.EndpointID))
		}
		c.EndpointID, c.Reserved, c.Unplugged, c.Wishes, c.MAC = r.EndpointID, false, false, r.wishes, cmp.Or(c.MAC, r.MAC)
		c.OwesName = c.Port.Holding == holdingMade && c.Port.DeviceID != r.EndpointID || c.Port.Holding == holdingTaken
		if !asks {
			return nil
		}
		if err := endpoints.Put(tx, r.EndpointID, endpoint{ID: r.EndpointID, NetworkID: r.NetworkID, ClaimID: c.ID, At: d.Now().UTC()}); err != nil {
			return err
		}
		return putClaim(tx, c)
	})
	return c, err
}

// equip sees to it that the claim has its port.
func (d *Driver) equip(ctx context.Context, c *claim, r EndpointRequest) error {
	switch wanted := r.wishes.PortID; {
	case c.Port.Holding == holdingNone && wanted == "":
		return d.obtainPort(ctx, c)
	case c.Port.Holding == holdingNone:
		return d.obtainHanded(ctx, c, wanted)
	case wanted != "" && wanted != c.Port.ID:
		return zun.Errorf(zun.CodeInvalid, "endpoint option %s is %s, but address %s is of port %s; give --ip with an address of the port", OptionPort, wanted, c.Addresses[0].IP, c.Port.ID)
	}
	if err := d.giveMAC(ctx, c); err != nil {
		return err
	}
	return d.fulfil(ctx, c)
}

// cancelEndpoint takes back that the claim is the endpoint's, and what plugging may have
// left; Docker then releases the addresses, and with them the port.
func (d *Driver) cancelEndpoint(ctx context.Context, c claim, endpointID string) {
	if c.Port.ID != "" {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
		defer cancel()
		if err := d.Binder.Unplug(ctx, d.binding(c, 0)); err != nil {
			d.Log.Warn("cannot take back a plug; it will be tried again", "endpoint", endpointID, "error", err)
			d.oweUnplug(c)
			return
		}
	}
	err := d.update(func(tx *kv.Tx) error {
		if err := endpoints.Delete(tx, endpointID); err != nil {
			return err
		}
		now, found, err := claims.Get(tx, c.ID)
		if err != nil || !found || now.EndpointID != endpointID {
			return err
		}
		now.EndpointID = ""
		return putClaim(tx, now)
	})
	if err != nil {
		d.Log.Error("cannot record a failed endpoint", "endpoint", endpointID, "error", err)
	}
}

// DeleteEndpoint unplugs an endpoint. Its port stays until ReleaseAddress, which Docker
// calls next. One that we do not know is gone already.
func (d *Driver) DeleteEndpoint(ctx context.Context, networkID, endpointID string) error {
	unlock, err := d.locks.lock(ctx, "endpoint "+endpointID)
	if err != nil {
		return err
	}
	defer unlock()
	e, found, err := get(d, endpoints, endpointID)
	if err == nil && !found {
		e, found, err = d.adoptEndpoint(ctx, networkID, endpointID)
	}
	if err != nil || !found {
		return err
	}
	unlockClaim, err := d.lockClaim(ctx, e.ClaimID)
	if err != nil {
		return err
	}
	defer unlockClaim()
	c, found, err := get(d, claims, e.ClaimID)
	if err != nil {
		return err
	}
	if !found {
		return d.update(func(tx *kv.Tx) error { return endpoints.Delete(tx, endpointID) })
	}
	c.EndpointID = endpointID
	if err := d.forgetEndpoint(ctx, &c); err != nil {
		return err
	}
	return d.later(func(tx *kv.Tx) error { return putClaim(tx, c) })
}

// forgetEndpoint unplugs the claim's endpoint and drops its record; the claim itself is
// for the caller to write. The caller holds the claim's lock.
func (d *Driver) forgetEndpoint(ctx context.Context, c *claim) error {
	if c.Port.ID != "" {
		if err := d.Binder.Unplug(ctx, d.binding(*c, 0)); err != nil {
			d.oweUnplug(*c)
			return err
		}
	}
	id := c.EndpointID
	c.EndpointID, c.OwesName, c.Adopted, c.Unplugged, c.At = "", false, false, true, d.Now().UTC()
	if id == "" {
		return nil
	}
	return d.later(func(tx *kv.Tx) error { return endpoints.Delete(tx, id) })
}

func (d *Driver) oweUnplug(c claim) {
	err := d.update(func(tx *kv.Tx) error {
		e, found, err := endpoints.Get(tx, c.EndpointID)
		if err != nil || !found {
			return err
		}
		e.Leaving = true
		return endpoints.Put(tx, e.ID, e)
	})
	if err != nil {
		d.Log.Error("cannot record an unplug that is owed", "endpoint", c.EndpointID, "error", err)
	}
	d.wake()
}

// Joined is what Docker needs to put an endpoint into a sandbox.
type Joined struct {
	Link    string // name of the link to move
	Prefix  string // of its name in the sandbox
	Gateway [2]netip.Addr
	Routes  []zun.HostRoute
}

// Join answers from the records, without Neutron, unless they were lost.
func (d *Driver) Join(ctx context.Context, networkID, endpointID string) (Joined, error) {
	n, err := d.knownNetwork(ctx, networkID)
	if err != nil {
		return Joined{}, err
	}
	unlock, err := d.locks.lock(ctx, "endpoint "+endpointID)
	if err != nil {
		return Joined{}, err
	}
	defer unlock()
	e, err := d.knownEndpoint(ctx, networkID, endpointID)
	if err != nil {
		return Joined{}, err
	}
	c, _, err := get(d, claims, e.ClaimID)
	if err != nil {
		return Joined{}, err
	}
	answer := Joined{Link: d.binding(c, 0).ContainerEnd(), Prefix: d.InterfacePrefix}
	err = d.later(func(tx *kv.Tx) error {
		for _, h := range c.Addresses {
			p, _, err := pools.Get(tx, h.PoolID)
			if err != nil {
				return err
			}
			answer.add(p, n.Internal)
		}
		e.Joined = true
		return endpoints.Put(tx, e.ID, e)
	})
	return answer, err
}

// knownEndpoint returns the record of an endpoint that is plugged, adopting it if need be.
// The caller holds its lock. CodeConflict.
func (d *Driver) knownEndpoint(ctx context.Context, networkID, endpointID string) (endpoint, error) {
	e, found, err := get(d, endpoints, endpointID)
	if err == nil && !found {
		e, found, err = d.adoptEndpoint(ctx, networkID, endpointID)
	}
	if err == nil && (!found || !e.Plugged || e.NetworkID != networkID) {
		err = zun.Errorf(zun.CodeConflict, "endpoint %s is not known to this host's plugin", endpointID)
	}
	return e, err
}

// add takes the ways out of a subnet over. Docker sets the default route itself, so one
// among the host routes would clash.
func (j *Joined) add(p pool, internal bool) {
	if internal {
		return
	}
	j.Gateway[family(p.v6())] = p.Subnet.Gateway
	for _, route := range p.Subnet.HostRoutes {
		if route.Destination.Bits() > 0 && p.CIDR.Contains(route.NextHop) {
			j.Routes = append(j.Routes, route)
		}
	}
}

// Leave takes note that Docker has the link moved back to the host; DeleteEndpoint follows.
func (d *Driver) Leave(context.Context, string, string) error { return nil }

// EndpointInfo is what Docker may show of an endpoint; empty if there is none.
func (d *Driver) EndpointInfo(_ context.Context, endpointID string) (map[string]string, error) {
	e, found, err := get(d, endpoints, endpointID)
	if err != nil || !found {
		return map[string]string{}, err
	}
	c, _, err := get(d, claims, e.ClaimID)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		OptionPort: c.Port.ID, "neutron.net.uuid": c.NetworkID, "binding:vif_type": c.Port.VIFType,
	}, nil
}
