package kuryr

import (
	"context"
	"net/netip"
	"slices"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// AddressRequest asks for an address out of a pool.
type AddressRequest struct {
	PoolID  string
	IP      netip.Addr // zero: any
	MAC     string     // of the endpoint to be; ""
	Gateway bool       // it is the network's gateway
}

// RequestAddress grants an address. A given one is only recorded: which port has it turns
// out in CreateEndpoint. Without one a port is made, bound to this host, and with all
// addresses that the endpoint is going to ask for; the other version's request then costs
// nothing.
func (d *Driver) RequestAddress(ctx context.Context, r AddressRequest) (netip.Prefix, error) {
	defer d.traffic.enter(d.Now)()
	p, found, err := d.knownPool(ctx, r.PoolID, r.IP)
	if err != nil {
		return netip.Prefix{}, err
	}
	if !found {
		return netip.Prefix{}, zun.Errorf(zun.CodeNotFound, "address pool %s is known neither to this host's plugin nor to Neutron; remove the Docker network and make it again", r.PoolID)
	}
	if r.IP.IsValid() && !p.CIDR.Contains(r.IP) {
		return netip.Prefix{}, zun.Errorf(zun.CodeInvalid, "address %s is not in %s", r.IP, p.CIDR)
	}
	if r.Gateway {
		return gatewayOf(p, r.IP)
	}
	if r.MAC != "" && d.ChoosesMACs() {
		d.outdated.Do(func() { d.Log.Warn("dockerd chooses MACs still, so spare ports are of no use; restart dockerd") })
	}
	unlock, err := d.locks.lock(ctx, requestKey(p, r))
	if err != nil {
		return netip.Prefix{}, err
	}
	defer unlock()
	if r.IP.IsValid() {
		return d.reserve(ctx, p, r)
	}
	return d.allot(ctx, p, r)
}

// requestKey names what one endpoint asks for in its two requests, repeated or not.
func requestKey(p pool, r AddressRequest) string {
	if r.MAC != "" {
		return "mac " + macKey(p.Subnet.NetworkID, r.MAC)
	}
	return "address " + addressKey(p.ID, r.IP)
}

// gatewayOf answers from the record: the gateway of a subnet that exists is Neutron's
// affair, and that of a new one the user's.
func gatewayOf(p pool, ip netip.Addr) (netip.Prefix, error) {
	if !ip.IsValid() {
		return p.gateway(), nil
	}
	if !p.there() || ip == p.Subnet.Gateway {
		return netip.PrefixFrom(ip, p.CIDR.Bits()), nil
	}
	if !p.Subnet.Gateway.IsValid() {
		return netip.Prefix{}, zun.Errorf(zun.CodeInvalid, "subnet %s has no gateway; leave --gateway %s out", p.Subnet.ID, ip)
	}
	return netip.Prefix{}, zun.Errorf(zun.CodeInvalid, "the gateway of subnet %s is %s, not %s; give --gateway %s, or leave it out", p.Subnet.ID, p.Subnet.Gateway, ip, p.Subnet.Gateway)
}

// reserve records that an endpoint wants a certain address.
func (d *Driver) reserve(ctx context.Context, p pool, r AddressRequest) (netip.Prefix, error) {
	if p.there() && r.IP == p.Subnet.Gateway {
		return netip.Prefix{}, zun.Errorf(zun.CodeConflict, "address %s is the gateway of subnet %s", r.IP, p.Subnet.ID)
	}
	answer := netip.PrefixFrom(r.IP, p.CIDR.Bits())
	if r.MAC == "" {
		if granted, err := d.grantCertain(ctx, p, r.IP); granted || err != nil {
			return answer, err
		}
	}
	mine := held{PoolID: p.ID, SubnetID: p.Subnet.ID, IP: r.IP, Bits: p.CIDR.Bits()}
	c, err := d.claimOfMAC(p.Subnet.NetworkID, r.MAC)
	if err != nil {
		return answer, err
	}
	if c == nil {
		return answer, d.claimAnew(ctx, claim{MAC: r.MAC, NetworkID: p.Subnet.NetworkID, ProjectID: p.PortProject, Addresses: []held{mine}, Reserved: r.MAC == ""})
	}
	if has, ok := c.in(p.ID); ok && has.IP == r.IP {
		return answer, nil
	}
	return answer, d.extend(ctx, *c, mine)
}

// claimOfMAC returns the claim of an endpoint in the making, nil if there is none.
func (d *Driver) claimOfMAC(neutronNetID, mac string) (*claim, error) {
	if mac == "" {
		return nil, nil
	}
	var found *claim
	err := d.DB.View(func(tx *kv.Tx) error {
		id, ok, err := macs.Get(tx, macKey(neutronNetID, mac))
		if err != nil || !ok {
			return err
		}
		c, ok, err := claims.Get(tx, id)
		if ok {
			found = &c
		}
		return err
	})
	return found, err
}

// newClaim records a claim, unless somebody else has one of its addresses.
func (d *Driver) newClaim(c claim) error {
	c.ID, c.At = d.NewID(), d.Now().UTC()
	return d.durably(c)(func(tx *kv.Tx) error {
		if err := d.free(tx, c); err != nil {
			return err
		}
		return putClaim(tx, c)
	})
}

// free insists that nobody else has an address of the claim. Addresses that were asked for
// and never used, with no port behind them, are nobody's.
func (d *Driver) free(tx *kv.Tx, c claim) error {
	for _, h := range c.Addresses {
		id, found, err := addresses.Get(tx, addressKey(h.PoolID, h.IP))
		if err != nil {
			return err
		}
		if !found || id == c.ID {
			continue
		}
		other, found, err := claims.Get(tx, id)
		if err != nil {
			return err
		}
		if found && (other.EndpointID != "" || other.Port.Holding != holdingNone || other.Reserved && !c.Reserved) {
			return zun.Errorf(zun.CodeConflict, "address %s is in use%s", h.IP, orNone(" by endpoint ", other.EndpointID))
		}
		if err := dropClaim(tx, other); err != nil {
			return err
		}
	}
	return nil
}

// extend adds an address to a claim: only to the record when there is no port yet, to the
// port too when there is one of ours. An address that the port was given for the same
// pool before anyone asked for a certain one is replaced.
func (d *Driver) extend(ctx context.Context, c claim, mine held) error {
	unlock, err := d.lockClaim(ctx, c.ID)
	if err != nil {
		return err
	}
	defer unlock()
	c, found, err := get(d, claims, c.ID)
	if err != nil {
		return err
	}
	if !found {
		return zun.Errorf(zun.CodeConflict, "the addresses of %s were released meanwhile; try again", c.MAC)
	}
	former := c
	c.Addresses = slices.DeleteFunc(slices.Clone(c.Addresses), func(h held) bool { return h.PoolID == mine.PoolID })
	c.Addresses = append(c.Addresses, mine)
	if c.Port.Holding == holdingMade {
		if c, err = d.readdress(ctx, c); err != nil {
			return err
		}
	} else if c.Port.Holding != holdingNone {
		return zun.Errorf(zun.CodeInvalid, "address %s is not on port %s, which has the endpoint's other address", mine.IP, c.Port.ID)
	}
	return d.durably(c)(func(tx *kv.Tx) error {
		if err := d.free(tx, c); err != nil {
			return err
		}
		return replaceClaim(tx, former, c)
	})
}

// readdress gives a port of ours the claim's addresses.
func (d *Driver) readdress(ctx context.Context, c claim) (claim, error) {
	made, err := d.Neutron.UpdatePort(ctx, c.Port.ID, zun.PortChange{FixedIPs: fixed(c.Addresses)})
	if err != nil {
		return c, err
	}
	return c, settle(&c, made)
}

func fixed(list []held) []zun.Address {
	wanted := make([]zun.Address, len(list))
	for i, h := range list {
		wanted[i] = zun.Address{IP: h.IP, SubnetID: h.SubnetID}
	}
	return wanted
}

// settle takes over from a port the addresses that were left to Neutron to choose, and
// insists on the others.
func settle(c *claim, p zun.Port) error {
	for i, h := range c.Addresses {
		at := slices.IndexFunc(p.FixedIPs, func(a zun.Address) bool {
			return (h.SubnetID == "" || a.SubnetID == h.SubnetID) && (!h.IP.IsValid() || a.IP == h.IP)
		})
		if at < 0 {
			return zun.Errorf(zun.CodeInvalid, "port %s has not the address %s in subnet %s", p.ID, h.IP, h.SubnetID)
		}
		c.Addresses[i].IP, c.Addresses[i].SubnetID = p.FixedIPs[at].IP, p.FixedIPs[at].SubnetID
	}
	return nil
}

// allot grants an address that Neutron chooses.
func (d *Driver) allot(ctx context.Context, p pool, r AddressRequest) (netip.Prefix, error) {
	if !p.there() {
		return netip.Prefix{}, zun.Errorf(zun.CodeConflict, "address pool %s has no subnet yet", p.ID)
	}
	c, err := d.claimOfMAC(p.Subnet.NetworkID, r.MAC)
	if err == nil && r.MAC == "" {
		c, err = d.grantUnasked(ctx, p)
	}
	if err != nil {
		return netip.Prefix{}, err
	}
	mine := held{PoolID: p.ID, SubnetID: p.Subnet.ID, Bits: p.CIDR.Bits()}
	switch {
	case c == nil:
		c, err = d.claimWithPort(ctx, p, mine, r.MAC)
	case c.Port.Holding == holdingNone:
		c, err = d.portForClaim(ctx, *c, mine)
	default:
		if has, ok := c.in(p.ID); ok {
			return has.prefix(), nil
		}
		err = d.extendFreely(ctx, c, mine)
	}
	if err != nil {
		return netip.Prefix{}, err
	}
	has, _ := c.in(p.ID)
	return has.prefix(), nil
}

// claimWithPort begins a claim with a port that has an address in the pool and in the one
// other pool that Docker is going to ask next.
func (d *Driver) claimWithPort(ctx context.Context, p pool, mine held, mac string) (*claim, error) {
	c := claim{
		ID: d.NewID(), MAC: mac, NetworkID: p.Subnet.NetworkID, ProjectID: p.PortProject,
		Addresses: []held{mine}, At: d.Now().UTC(),
	}
	sibling, err := d.sibling(p)
	if err != nil {
		return nil, err
	}
	if sibling != nil {
		if mac == "" {
			sibling.PoolID = "" // there is nothing else to tell by that Docker asks for the same endpoint
		}
		c.Addresses = append(c.Addresses, *sibling)
	}
	return &c, d.underLock(ctx, &c, func() error { return d.makePort(ctx, &c) })
}

// sibling returns the place in the other version's pool when every Docker network on the
// pool has that one and no other.
func (d *Driver) sibling(p pool) (*held, error) {
	var place *held
	err := d.DB.View(func(tx *kv.Tx) error {
		var other string
		for _, id := range p.Networks {
			n, _, err := networks.Get(tx, id)
			if err != nil {
				return err
			}
			if len(n.Pools) != 2 || n.Adopted {
				return nil
			}
			next := n.Pools[0]
			if next == p.ID {
				next = n.Pools[1]
			}
			if other != "" && next != other {
				return nil
			}
			other = next
		}
		q, found, err := pools.Get(tx, other)
		if err == nil && found && q.v6() != p.v6() && q.Subnet.NetworkID == p.Subnet.NetworkID {
			place = &held{PoolID: q.ID, SubnetID: q.Subnet.ID, Bits: q.CIDR.Bits()}
		}
		return err
	})
	return place, err
}

// portForClaim finds or makes the port of a claim that has one given address and now wants
// another that is not given.
func (d *Driver) portForClaim(ctx context.Context, c claim, mine held) (*claim, error) {
	c.Addresses = append(slices.Clone(c.Addresses), mine)
	return &c, d.underLock(ctx, &c, func() error { return d.obtainPort(ctx, &c) })
}

// extendFreely gives a port of ours one more address of Neutron's choice.
func (d *Driver) extendFreely(ctx context.Context, c *claim, mine held) error {
	return d.underLock(ctx, c, func() error {
		if c.Port.Holding != holdingMade {
			return zun.Errorf(zun.CodeInvalid, "port %s has no address in subnet %s", c.Port.ID, mine.SubnetID)
		}
		c.Addresses = append(slices.Clone(c.Addresses), mine)
		extended, err := d.readdress(ctx, *c)
		if err != nil {
			return err
		}
		*c = extended
		return d.later(func(tx *kv.Tx) error { return putClaim(tx, *c) })
	})
}

func (d *Driver) lockClaim(ctx context.Context, id string) (unlock func(), err error) {
	return d.locks.lock(ctx, "claim "+id)
}

func (d *Driver) underLock(ctx context.Context, c *claim, do func() error) error {
	unlock, err := d.lockClaim(ctx, c.ID)
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}

// ReleaseAddress ends the claim that has the address, and with it the port: deleted if it
// is ours, given back as it was if it is a user's. An address that nobody has, a gateway
// for one, is released already.
func (d *Driver) ReleaseAddress(ctx context.Context, poolID string, ip netip.Addr) error {
	defer d.traffic.enter(d.Now)()
	id, found, err := get(d, addresses, addressKey(poolID, ip))
	if err == nil && !found {
		id, err = d.adoptAddress(ctx, poolID, ip)
	}
	if err != nil || id == "" {
		return err
	}
	unlock, err := d.lockClaim(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	c, found, err := get(d, claims, id)
	if err != nil || !found {
		return err
	}
	return d.endClaim(ctx, c)
}
