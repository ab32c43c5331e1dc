package kuryr

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// PoolRequest asks for a range that endpoints get their addresses from.
type PoolRequest struct {
	CIDR    netip.Prefix      // --subnet; zero: not said
	Range   netip.Prefix      // --ip-range; zero: not said
	V6      bool              // the family, when CIDR does not tell
	Options map[string]string // --ipam-opt
}

// PoolAnswer is a range granted.
type PoolAnswer struct {
	ID      string
	CIDR    netip.Prefix
	Gateway netip.Prefix // as Docker is to record it; 0.0.0.0/0 or ::/0 when there is none
}

// RequestPool finds the subnet or subnetpool that the options name, or makes a subnetpool
// of the range. Asked twice for one subnet it answers the same pool and counts two.
func (d *Driver) RequestPool(ctx context.Context, r PoolRequest) (PoolAnswer, error) {
	o, err := parseOptions(r.Options)
	if err != nil {
		return PoolAnswer{}, err
	}
	v6 := r.V6 || r.CIDR.IsValid() && r.CIDR.Addr().Is6()
	subnet, subnetpool := o.Subnet[family(v6)], o.Pool[family(v6)]
	p := pool{CIDR: wantedRange(r), Named: true, Shared: o.Shared != nil && *o.Shared}
	switch {
	case subnet.given():
		err = d.bySubnet(ctx, &p, r, v6, subnet, subnetpool)
	case subnetpool.given() && anySubnet(p.CIDR) && p.CIDR.IsValid():
		return d.choose(ctx, p, v6, subnetpool, false)
	case subnetpool.given():
		err = d.bySubnetpool(ctx, &p, r, v6, subnetpool)
		if err == nil && !p.CIDR.IsValid() {
			return d.choose(ctx, p, v6, subnetpool, false)
		}
	case anySubnet(p.CIDR):
		return d.choose(ctx, p, v6, referenceTo(d.DefaultPools[family(v6)]), true)
	default:
		p.Named = false
		return d.newPool(ctx, p)
	}
	if err != nil {
		return PoolAnswer{}, err
	}
	return d.grant(p, !r.CIDR.IsValid())
}

// wantedRange is the subnet that the user means: Kuryr makes it as small as --ip-range.
func wantedRange(r PoolRequest) netip.Prefix {
	if r.Range.IsValid() {
		return r.Range.Masked()
	}
	return r.CIDR.Masked()
}

// bySubnet fills in p from an existing subnet.
func (d *Driver) bySubnet(ctx context.Context, p *pool, r PoolRequest, v6 bool, subnet, subnetpool reference) error {
	found, err := d.oneSubnet(ctx, subnet)
	if err != nil {
		return err
	}
	if found.CIDR.Addr().Is6() != v6 {
		return zun.Errorf(zun.CodeInvalid, "subnet %s is %s, of the other IP version than the option that names it", found.ID, found.CIDR)
	}
	if err := fits(found, r); err != nil {
		return err
	}
	if subnetpool.given() {
		if err := d.checkSubnetpool(ctx, found, subnetpool); err != nil {
			return err
		}
	}
	p.of(found)
	return nil
}

// fits compares what the user said of a range with the subnet it is to be.
func fits(s zun.NeutronSubnet, r PoolRequest) error {
	if r.CIDR.IsValid() && r.CIDR.Masked() != s.CIDR && wantedRange(r) != s.CIDR {
		return zun.Errorf(zun.CodeInvalid, "subnet %s has the CIDR %s, not %s; give --subnet %s", s.ID, s.CIDR, r.CIDR, s.CIDR)
	}
	if r.Range.IsValid() && wantedRange(r) != s.CIDR {
		return zun.Errorf(zun.CodeInvalid, "subnet %s exists and gives addresses out of its own allocation pools; leave --ip-range %s out", s.ID, r.Range)
	}
	return nil
}

// of takes the facts over from a subnet that exists.
func (p *pool) of(s zun.NeutronSubnet) {
	p.Subnet, p.CIDR, p.SubnetpoolID = s, s.CIDR, s.PoolID
}

func (d *Driver) oneSubnet(ctx context.Context, r reference) (zun.NeutronSubnet, error) {
	found, err := d.Neutron.FindSubnets(ctx, r.query())
	return only(found, err, "subnet", r, func(s zun.NeutronSubnet) string { return s.ID })
}

func (d *Driver) oneSubnetpool(ctx context.Context, r reference) (zun.NeutronPool, error) {
	found, err := d.Neutron.FindPools(ctx, r.query())
	return only(found, err, "subnetpool", r, func(p zun.NeutronPool) string { return p.ID })
}

// only insists on one hit.
func only[T any](found []T, err error, kind string, r reference, id func(T) string) (T, error) {
	var none T
	if err != nil {
		return none, err
	}
	switch len(found) {
	case 0:
		return none, zun.Errorf(zun.CodeNotFound, "%s %s does not exist, or our credentials may not see it", kind, r)
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for i, f := range found {
		ids[i] = id(f)
	}
	return none, zun.Errorf(zun.CodeConflict, "there are %d of %s %s; give one of the uuids %s", len(found), kind, r, strings.Join(ids, ", "))
}

// checkSubnetpool insists that a subnet is out of the subnetpool the user named.
func (d *Driver) checkSubnetpool(ctx context.Context, s zun.NeutronSubnet, r reference) error {
	id := r.ID
	if id == "" {
		found, err := d.oneSubnetpool(ctx, r)
		if err != nil {
			return err
		}
		id = found.ID
	}
	if s.PoolID != id {
		return zun.Errorf(zun.CodeInvalid, "subnet %s is not out of subnetpool %s%s", s.ID, r, orNone(" but of ", s.PoolID))
	}
	return nil
}

func orNone(before, value string) string {
	if value == "" {
		return ""
	}
	return before + value
}

// bySubnetpool fills in p from the subnet of that CIDR out of an existing subnetpool, or
// prepares for making it.
func (d *Driver) bySubnetpool(ctx context.Context, p *pool, r PoolRequest, v6 bool, subnetpool reference) error {
	id := subnetpool.ID
	var whole *zun.NeutronPool
	if id == "" {
		found, err := d.oneSubnetpool(ctx, subnetpool)
		if err != nil {
			return err
		}
		id, whole = found.ID, &found
	}
	subnets, err := d.Neutron.FindSubnets(ctx, zun.NeutronQuery{PoolID: id, CIDR: p.CIDR})
	if err != nil {
		return err
	}
	if len(subnets) == 1 && (p.CIDR.IsValid() || subnets[0].CIDR.Addr().Is6() == v6) {
		p.of(subnets[0])
		return fits(subnets[0], r)
	}
	if len(subnets) == 0 && !p.CIDR.IsValid() {
		return nil
	}
	if len(subnets) > 1 || !p.CIDR.IsValid() {
		return zun.Errorf(zun.CodeInvalid, "cannot choose a subnet out of subnetpool %s, which has %d: give --subnet CIDR", subnetpool, len(subnets))
	}
	if whole == nil {
		found, err := d.oneSubnetpool(ctx, subnetpool)
		if err != nil {
			return err
		}
		whole = &found
	}
	p.SubnetpoolID = id
	return within(*whole, p.CIDR)
}

func within(whole zun.NeutronPool, cidr netip.Prefix) error {
	for _, prefix := range whole.Prefixes {
		if prefix.Bits() <= cidr.Bits() && prefix.Contains(cidr.Addr()) {
			return nil
		}
	}
	return zun.Errorf(zun.CodeInvalid, "%s is not within subnetpool %s, which has %v", cidr, whole.ID, whole.Prefixes)
}

// grant counts the request on the record of the subnet, that of p's id if it has one, making
// the record if need be.
// Docker asks again and again, at once, for a range that it was left to choose when a route
// of the host overlaps the answer; chosen says that this may be so. A request that waits for
// its network since before this process began is being repeated, and counts once.
func (d *Driver) grant(p pool, chosen bool) (PoolAnswer, error) {
	err := d.update(func(tx *kv.Tx) error {
		all, err := pools.All(tx)
		if err != nil {
			return err
		}
		repeated, exactly := false, p.ID
		for _, known := range all {
			if exactly == "" && known.same(p) || exactly != "" && known.ID == exactly {
				waiting := known.Refs > len(known.Networks)
				repeated = waiting && known.TouchedAt.Before(d.began)
				if chosen && waiting && d.justNow(known.TouchedAt) {
					return zun.Errorf(zun.CodeConflict, "subnet %s overlaps a route of this host, or is being given to another network just now; give --subnet %s", p.Subnet.ID, p.CIDR)
				}
				p.ID, p.Refs, p.Networks, p.MadePool = known.ID, known.Refs, known.Networks, known.MadePool
				p.Named, p.PortProject = known.Named, known.PortProject
			}
		}
		if p.ID == "" {
			p.ID = d.poolID(p, all)
		}
		if !repeated {
			p.Refs++
		}
		p.TouchedAt = d.Now().UTC()
		return pools.Put(tx, p.ID, p)
	})
	return p.answer(), err
}

// justNow reports whether this process granted something a moment ago. What another one did
// is being repeated by a Docker that did not hear of it.
func (d *Driver) justNow(granted time.Time) bool {
	const moment = 10 * time.Second
	return !granted.Before(d.began) && d.Now().Sub(granted) < moment
}

// same reports whether two records are of one subnet, there or to be made.
func (p pool) same(q pool) bool {
	if p.there() || q.there() {
		return p.Subnet.ID == q.Subnet.ID
	}
	return p.CIDR == q.CIDR && p.Named == q.Named && (p.SubnetpoolID == q.SubnetpoolID || !p.Named)
}

// poolID chooses the id that Docker will know a new record by; see the package comment.
func (d *Driver) poolID(p pool, all map[string]pool) string {
	for _, id := range []string{p.SubnetpoolID, p.Subnet.ID} {
		if _, taken := all[id]; id != "" && !taken {
			return id
		}
	}
	return d.NewID()
}

func (p pool) answer() PoolAnswer {
	answer := PoolAnswer{ID: p.ID, CIDR: p.CIDR}
	if p.there() {
		answer.Gateway = p.gateway()
	}
	return answer
}

// gateway is what Docker is told: its "none" is the unspecified address with no bits.
func (p pool) gateway() netip.Prefix {
	switch gw := p.Subnet.Gateway; {
	case gw.IsValid():
		return netip.PrefixFrom(gw, p.CIDR.Bits())
	case !p.there():
		return netip.PrefixFrom(p.CIDR.Addr().Next(), p.CIDR.Bits())
	case p.v6():
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	default:
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
}

// newPool makes a subnetpool for a subnet that CreateNetwork will make. Two requests for
// one range before a network is made of it cannot be told apart, so they share it.
func (d *Driver) newPool(ctx context.Context, p pool) (PoolAnswer, error) {
	unlock, err := d.lockPool(ctx, p)
	if err != nil {
		return PoolAnswer{}, err
	}
	defer unlock()
	pending, err := d.pendingPool(p)
	if err != nil {
		return PoolAnswer{}, err
	}
	if pending != nil {
		return d.grant(*pending, false)
	}
	if p.SubnetpoolID, err = d.makeSubnetpool(ctx, p); err != nil {
		return PoolAnswer{}, err
	}
	p.ID = p.SubnetpoolID // a network that was cleared meanwhile may have left another of the range
	return d.grant(p, false)
}

func (d *Driver) pendingPool(p pool) (pending *pool, err error) {
	err = d.DB.View(func(tx *kv.Tx) error {
		all, err := pools.All(tx)
		for _, known := range all {
			if !known.there() && known.same(p) {
				pending = &known
			}
		}
		return err
	})
	return pending, err
}

// makeSubnetpool makes the subnetpool and records it as ours, all in the way that a crash
// at any point leaves a trace.
func (d *Driver) makeSubnetpool(ctx context.Context, p pool) (string, error) {
	in := intent{ID: d.NewID(), Name: d.PoolPrefix + "-" + p.CIDR.String(), At: d.Now().UTC()}
	unlock, err := d.locks.lock(ctx, "intent "+in.ID)
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := put(d, intents, in.ID, in); err != nil {
		return "", err
	}
	made, err := d.Neutron.CreatePool(ctx, zun.NeutronPoolSpec{
		Name: in.Name, Description: d.aboutPool(in.ID), Prefixes: []netip.Prefix{p.CIDR}, DefaultPrefixLen: p.CIDR.Bits(),
		Shared: p.Shared, Tags: []string{tagIntent + in.ID, hostTag(d.Host)},
	})
	if err != nil {
		d.forgetIntent(in, err)
		return "", err
	}
	p.ID, p.SubnetpoolID, p.MadePool, p.TouchedAt = made.ID, made.ID, true, d.Now().UTC()
	err = d.update(func(tx *kv.Tx) error {
		if err := intents.Delete(tx, in.ID); err != nil {
			return err
		}
		return pools.Put(tx, p.ID, p)
	})
	return made.ID, err
}

// forgetIntent drops the trace when Neutron refused; otherwise Run looks what came of it.
func (d *Driver) forgetIntent(in intent, cause error) {
	if !refused(cause) {
		d.wake()
		return
	}
	err := d.update(func(tx *kv.Tx) error { return intents.Delete(tx, in.ID) })
	if err != nil {
		d.Log.Warn("cannot forget a subnetpool that was not made", "intent", in.ID, "error", err)
	}
}

// ReleasePool takes one request back. What we made for it goes when nobody needs it; a
// pool that we do not know is gone already.
func (d *Driver) ReleasePool(ctx context.Context, id string) error {
	p, found, err := get(d, pools, id)
	if err != nil || !found {
		return err
	}
	unlock, err := d.lockPool(ctx, p)
	if err != nil {
		return err
	}
	defer unlock()
	p = pool{}
	err = d.update(func(tx *kv.Tx) error {
		var found bool
		if p, found, err = pools.Get(tx, id); err != nil || !found {
			return err
		}
		p.Refs = max(p.Refs-1, 0)
		return pools.Put(tx, id, p)
	})
	if err != nil || p.ID == "" || !p.unused() {
		return err
	}
	return d.dropPool(ctx, p)
}

// lockPool serialises the making and dropping of pools of one range.
func (d *Driver) lockPool(ctx context.Context, p pool) (unlock func(), err error) {
	return d.locks.lock(ctx, "pool "+p.CIDR.String())
}

// dropPool removes an unused pool, and the subnetpool if it is ours. The caller holds the
// pool's lock.
func (d *Driver) dropPool(ctx context.Context, p pool) error {
	if p.MadePool {
		if err := d.Neutron.DeletePool(ctx, p.SubnetpoolID); err != nil {
			d.wake()
			return err
		}
	}
	return d.update(func(tx *kv.Tx) error {
		now, found, err := pools.Get(tx, p.ID)
		if err != nil || !found {
			return err
		}
		if !now.unused() { // asked for again meanwhile: the subnetpool can be done without
			now.MadePool, now.SubnetpoolID = false, ""
			return pools.Put(tx, p.ID, now)
		}
		return pools.Delete(tx, p.ID)
	})
}
