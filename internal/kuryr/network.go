package kuryr

import (
	"context"
	"net/netip"
	"slices"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// NetworkRequest asks for a Docker network.
type NetworkRequest struct {
	ID       string            // Docker's
	Options  map[string]string // -o
	Internal bool              // --internal: no way out
	Ranges   []Range           // IPv4 first
}

// Range is one subnet of a Docker network, as Docker has it from our RequestPool.
type Range struct {
	CIDR      netip.Prefix
	Gateway   netip.Prefix // zero, or 0.0.0.0/0 or ::/0: none
	Auxiliary []netip.Addr // --aux-address
}

// plan is what CreateNetwork found out and is about to do.
type plan struct {
	options options
	net     *zun.NeutronNetwork // nil: to be made
	subnets []zun.NeutronSubnet // those that net has, if somebody had to look
	parts   []part
}

// part is one subnet of a plan.
type part struct {
	Range
	pool pool
	drop bool // the pool's subnetpool is ours and not needed
}

// CreateNetwork makes the Neutron network, or finds the one that is named, and its
// subnets. Everything is checked before anything is changed, and what fails half way is
// taken back.
func (d *Driver) CreateNetwork(ctx context.Context, r NetworkRequest) error {
	defer d.traffic.enter(d.Now)()
	unlock, err := d.locks.lock(ctx, "network "+r.ID)
	if err != nil {
		return err
	}
	defer unlock()
	n, found, err := get(d, networks, r.ID)
	if err != nil || found && n.Stage == stageReady {
		return err
	}
	if found { // a crash or a failure left it
		if err := d.clear(ctx, n); err != nil {
			return err
		}
	}
	p, err := d.plan(ctx, r)
	if err != nil {
		return err
	}
	return d.realise(ctx, r, p)
}

// plan finds everything that the request names and checks that it fits together.
func (d *Driver) plan(ctx context.Context, r NetworkRequest) (plan, error) {
	o, err := parseOptions(r.Options)
	if err != nil {
		return plan{}, err
	}
	p := plan{options: o}
	if len(r.Ranges) == 0 {
		return p, zun.Errorf(zun.CodeInvalid, "Docker network %s has no subnet", r.ID)
	}
	for _, wanted := range r.Ranges {
		found, err := d.poolFor(wanted, o)
		if err != nil {
			return p, err
		}
		p.parts = append(p.parts, part{Range: wanted, pool: found})
	}
	if err := d.planNetwork(ctx, &p); err != nil {
		return p, err
	}
	for i := range p.parts {
		if err := d.planSubnet(ctx, &p, &p.parts[i]); err != nil {
			return p, err
		}
	}
	p.agreeOnPools()
	return p, nil
}

// agreeOnPools obeys a rule of Neutron's: the subnets of one IP version on a network are
// all out of one subnetpool, or all out of none. A subnetpool of ours gives way.
func (p *plan) agreeOnPools() {
	for i := range p.parts {
		this := &p.parts[i]
		if this.pool.there() || !this.pool.MadePool {
			continue
		}
		for _, other := range p.subnets {
			if other.CIDR.Addr().Is4() == this.CIDR.Addr().Is4() {
				this.pool.SubnetpoolID, this.drop = other.PoolID, true
			}
		}
		for j, other := range p.parts {
			if i != j && other.pool.v6() == this.pool.v6() && !other.pool.there() && !this.drop {
				this.pool.SubnetpoolID, this.drop = "", true
			}
		}
	}
}

// poolFor finds the pool that Docker was granted for a range: it tells the CIDR, not the
// pool's id, so the options decide between pools of one CIDR.
func (d *Driver) poolFor(wanted Range, o options) (best pool, err error) {
	err = d.DB.View(func(tx *kv.Tx) error {
		all, err := pools.All(tx)
		rank := 0
		for _, p := range all {
			if p.CIDR != wanted.CIDR {
				continue
			}
			if now := suits(p, o); now > rank {
				best, rank = p, now
			}
		}
		return err
	})
	if err == nil && best.ID == "" {
		err = zun.Errorf(zun.CodeInvalid, "no address pool %s was requested with these options; give --ipam-driver kuryr, and the neutron.subnet and neutron.pool options with --ipam-opt too", wanted.CIDR)
	}
	return best, err
}

// suits ranks how well a pool fits the options of a network; 0 is not at all.
func suits(p pool, o options) int {
	at := family(p.v6())
	pending := p.Refs > len(p.Networks)
	switch {
	case o.Subnet[at].ID != "" && p.there() && p.Subnet.ID != o.Subnet[at].ID,
		o.Subnet[at].Name != "" && o.Subnet[at].ID == "" && p.there() && p.Subnet.Name != o.Subnet[at].Name,
		o.Net.ID != "" && p.there() && p.Subnet.NetworkID != o.Net.ID,
		o.Pool[at].ID != "" && p.Named && p.SubnetpoolID != o.Pool[at].ID,
		!p.Named && p.there(): // another Docker network's own
		return 0
	}
	rank := 1
	if pending {
		rank += 4
	}
	named := o.Subnet[at].given() || o.Pool[at].given() || o.Net.given()
	if named == p.Named {
		rank += 2
	}
	return rank
}

// planNetwork finds the Neutron network: the one named, else the one that the subnets
// named to the IPAM driver are of, else none.
func (d *Driver) planNetwork(ctx context.Context, p *plan) error {
	r := p.options.Net
	for _, part := range p.parts {
		if !r.given() && part.pool.there() {
			r.ID = part.pool.Subnet.NetworkID
		}
	}
	if !r.given() {
		return nil
	}
	found, err := d.Neutron.FindNetworks(ctx, r.query())
	one, err := only(found, err, "network", r, func(n zun.NeutronNetwork) string { return n.ID })
	if err != nil {
		return err
	}
	if shared := p.options.Shared; shared != nil && *shared != one.Shared {
		return zun.Errorf(zun.CodeInvalid, "option %s is %t, but network %s has shared %t", optionShared, *shared, one.ID, one.Shared)
	}
	p.net = &one
	return nil
}

// planSubnet checks a part's subnet if it exists, and looks for it if it might.
func (d *Driver) planSubnet(ctx context.Context, p *plan, this *part) error {
	named := p.options.Subnet[family(this.pool.v6())]
	if !this.pool.there() && p.net != nil {
		if err := d.lookForSubnet(ctx, p, this, named); err != nil {
			return err
		}
	}
	if !this.pool.there() {
		if named.given() {
			return zun.Errorf(zun.CodeInvalid, "subnet %s is named without its network; give -o %s.uuid, or --ipam-opt %s.uuid too", named, optionNet, optionSubnet)
		}
		return nil
	}
	return d.checkSubnet(ctx, p, this)
}

// lookForSubnet finds the subnet of a range on a network that exists: the one named, else
// the one of that CIDR, else none.
func (d *Driver) lookForSubnet(ctx context.Context, p *plan, this *part, named reference) error {
	if named.given() {
		s, err := d.oneSubnet(ctx, named)
		if err != nil {
			return err
		}
		this.use(s)
		return nil
	}
	if p.subnets == nil {
		found, err := d.Neutron.FindSubnets(ctx, zun.NeutronQuery{NetworkID: p.net.ID})
		if err != nil {
			return err
		}
		p.subnets = append([]zun.NeutronSubnet{}, found...)
	}
	for _, s := range p.subnets { // Neutron has no two of one CIDR on a network
		if s.CIDR == this.CIDR {
			this.use(s)
		}
	}
	return nil
}

// use makes a subnet that exists the part's; a subnetpool that we made for it is needless.
func (p *part) use(s zun.NeutronSubnet) {
	p.drop = p.pool.MadePool
	p.pool.of(s)
}

func (d *Driver) checkSubnet(ctx context.Context, p *plan, this *part) error {
	s := this.pool.Subnet
	if s.NetworkID != p.net.ID {
		return zun.Errorf(zun.CodeInvalid, "subnet %s is not of network %s but of %s", s.ID, p.net.ID, s.NetworkID)
	}
	if s.CIDR != this.CIDR {
		return zun.Errorf(zun.CodeInvalid, "subnet %s has the CIDR %s, not %s", s.ID, s.CIDR, this.CIDR)
	}
	if named := p.options.Pool[family(this.pool.v6())]; named.given() && !(named.ID != "" && named.ID == s.PoolID) {
		if err := d.checkSubnetpool(ctx, s, named); err != nil {
			return err
		}
	}
	asked := this.Gateway.Addr()
	if !asked.IsValid() || asked.IsUnspecified() || asked == s.Gateway {
		return nil
	}
	if !s.Gateway.IsValid() {
		return zun.Errorf(zun.CodeInvalid, "subnet %s has no gateway, but the Docker network would have %s; name the subnet with --ipam-opt %s.uuid and leave --gateway out", s.ID, asked, optionSubnet)
	}
	return zun.Errorf(zun.CodeInvalid, "the gateway of subnet %s is %s, not %s; give --gateway %s", s.ID, s.Gateway, asked, s.Gateway)
}

// realise does what the plan says.
func (d *Driver) realise(ctx context.Context, r NetworkRequest, p plan) error {
	n := network{
		ID: r.ID, Stage: stageMaking, Internal: r.Internal, At: d.Now().UTC(),
		Name: netPrefix + short(r.ID, 8), MadeNetwork: p.net == nil,
	}
	for _, this := range p.parts {
		n.Pools = append(n.Pools, this.pool.ID)
		if !this.pool.there() {
			n.MadeSubnets = append(n.MadeSubnets, wantedSubnet{CIDR: this.CIDR})
		}
	}
	if p.net != nil {
		n.NeutronID, n.MTU, n.Tagged = p.net.ID, p.net.MTU, true
		if !p.net.Shared {
			n.PortProject = p.net.ProjectID
		}
	}
	if err := put(d, networks, n.ID, n); err != nil {
		return err
	}
	err := d.make(ctx, &n, &p)
	if err == nil {
		err = d.finish(ctx, &n, p)
	}
	if err != nil {
		d.takeBack(ctx, n)
	}
	return err
}

// make makes in Neutron what is not there, recording each thing as soon as it has an id.
func (d *Driver) make(ctx context.Context, n *network, p *plan) error {
	if n.MadeNetwork {
		shared := p.options.Shared != nil && *p.options.Shared
		made, err := d.Neutron.CreateNetwork(ctx, zun.NeutronNetworkSpec{
			Name: n.Name, Description: d.aboutNetwork(n.ID), Shared: shared, Tags: without(n.tags(), existingNetTag(n.ID)),
		})
		if err != nil {
			return err
		}
		n.NeutronID, n.MTU = made.ID, made.MTU
		if err := put(d, networks, n.ID, *n); err != nil {
			return err
		}
	}
	for i := range p.parts {
		if this := &p.parts[i]; !this.pool.there() {
			if err := d.makeSubnet(ctx, n, this); err != nil {
				return err
			}
		}
	}
	if n.Tagged {
		return d.Neutron.ReplaceTags(ctx, "networks", n.NeutronID, with(p.net.Tags, n.tags()...))
	}
	return nil
}

// tags are ours on a network that is not ours.
func (n network) tags() []string {
	tags := append(idTags(n.ID), existingNetTag(n.ID))
	if n.Internal {
		tags = append(tags, internalTag(n.ID))
	}
	return tags
}

// with returns tags and more, each once.
func with(tags []string, more ...string) []string {
	all := slices.Clone(tags)
	for _, tag := range more {
		if !slices.Contains(all, tag) {
			all = append(all, tag)
		}
	}
	return all
}

// without returns tags less those in less.
func without(tags []string, less ...string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return slices.Contains(less, tag) })
}

func (d *Driver) makeSubnet(ctx context.Context, n *network, this *part) error {
	gateway := this.Gateway.Addr()
	spec := zun.NeutronSubnetSpec{
		Name: subnetPrefix + this.CIDR.String(), NetworkID: n.NeutronID, CIDR: this.CIDR,
		PoolID: this.pool.SubnetpoolID, EnableDHCP: !d.NoDHCP, Tags: append([]string{this.pool.ID}, idTags(n.ID)...),
	}
	if gateway.IsValid() && !gateway.IsUnspecified() {
		spec.Gateway = gateway
	} else {
		spec.NoGateway = true
	}
	made, err := d.Neutron.CreateSubnet(ctx, spec)
	if err != nil {
		return err
	}
	for i := range n.MadeSubnets {
		if n.MadeSubnets[i].CIDR == this.CIDR {
			n.MadeSubnets[i].ID = made.ID
		}
	}
	this.pool.Subnet = made
	return put(d, networks, n.ID, *n)
}

// finish records the network as ready, and its pools as having their subnets.
func (d *Driver) finish(ctx context.Context, n *network, p plan) error {
	n.Stage = stageReady
	var needless []pool
	err := d.update(func(tx *kv.Tx) error {
		for _, this := range p.parts {
			now, found, err := pools.Get(tx, this.pool.ID)
			if err != nil {
				return err
			}
			if !found {
				return zun.Errorf(zun.CodeConflict, "address pool %s was released while the network was made; try again", this.pool.ID)
			}
			if now.there() && now.Subnet.ID != this.pool.Subnet.ID {
				return zun.Errorf(zun.CodeConflict, "address pool %s was given to another Docker network at the same moment; try again", now.CIDR)
			}
			now.Subnet, now.PortProject = this.pool.Subnet, n.PortProject
			now.Networks = with(now.Networks, n.ID)
			if this.drop {
				needless = append(needless, now)
				now.MadePool, now.SubnetpoolID, now.Named = false, this.pool.Subnet.PoolID, true
			}
			if err := pools.Put(tx, now.ID, now); err != nil {
				return err
			}
			for _, ip := range this.Auxiliary {
				if err := d.placeAuxiliary(tx, *n, now, ip); err != nil {
					return err
				}
			}
		}
		for _, p := range needless {
			in := intent{ID: p.SubnetpoolID, PoolID: p.SubnetpoolID, At: d.Now().UTC()}
			if err := intents.Put(tx, in.ID, in); err != nil {
				return err
			}
		}
		return networks.Put(tx, n.ID, *n)
	})
	if err == nil {
		err = d.reserveAuxiliary(ctx, *n)
	}
	if len(needless) > 0 || d.SparePorts > 0 {
		d.wake()
	}
	return err
}

// placeAuxiliary completes the claim of an auxiliary address, which Docker asked for
// before there was a network.
func (d *Driver) placeAuxiliary(tx *kv.Tx, n network, p pool, ip netip.Addr) error {
	if !p.CIDR.Contains(ip) {
		return nil
	}
	id, found, err := addresses.Get(tx, addressKey(p.ID, ip))
	if err != nil || !found {
		return err
	}
	c, found, err := claims.Get(tx, id)
	if err != nil || !found || !c.Reserved {
		return err
	}
	c.NetworkID, c.ProjectID = n.NeutronID, n.PortProject
	c.Addresses = []held{{PoolID: p.ID, SubnetID: p.Subnet.ID, IP: ip, Bits: p.CIDR.Bits()}}
	return claims.Put(tx, id, c)
}

// reserveAuxiliary keeps Neutron from giving auxiliary addresses to others. One that has a
// port already, a router's say, is not going to be given away.
func (d *Driver) reserveAuxiliary(ctx context.Context, n network) error {
	waiting, err := d.claimsWhere(func(c claim) bool {
		return c.Reserved && c.Port.Holding == holdingNone && c.NetworkID == n.NeutronID && slices.Contains(n.Pools, c.Addresses[0].PoolID)
	})
	if err != nil {
		return err
	}
	for _, c := range waiting {
		err = d.underLock(ctx, &c, func() error { return d.makePort(ctx, &c) })
		if err != nil && zun.CodeOf(err) != zun.CodeConflict {
			return err
		}
	}
	return nil
}

// claimsWhere lists claims.
func (d *Driver) claimsWhere(wanted func(claim) bool) (list []claim, err error) {
	err = d.DB.View(func(tx *kv.Tx) error {
		all, err := claims.All(tx)
		for _, c := range all {
			if wanted(c) {
				list = append(list, c)
			}
		}
		return err
	})
	return list, err
}
