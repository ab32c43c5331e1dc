package network

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"go4.org/netipx"
)

// subnetPool is a Neutron subnetpool: ranges that subnets are cut from.
type subnetPool struct {
	standard
	Prefixes      []netip.Prefix // of one IP version, sorted, merged where they touch
	DefaultLength int
	MinLength     int
	MaxLength     int
	Quota         int // per project, in /32 or /64; 0: none
	Shared        bool
	Default       bool
}

func (p *subnetPool) version() int {
	if len(p.Prefixes) > 0 && !p.Prefixes[0].Addr().Is4() {
		return 6
	}
	return 4
}

func (s *Service) poolKind() *kind[*subnetPool] {
	k := &kind[*subnetPool]{
		service: s, name: "subnetpool", plural: "subnetpools", path: "subnetpools", quota: "subnetpool", tagged: true, single: true,
		table:   s.state.pools,
		blank:   func() *subnetPool { return &subnetPool{} },
		clone:   func(p *subnetPool) *subnetPool { c := *p; return &c },
		missing: poolNotFound,
		visible: seesPool,
		scope:   func(p *subnetPool) scope { return scope{project: p.ProjectID} },
		mayEdit: owner,
		mayDrop: owner,
		create:  createPool,
		update:  updatePool,
		remove:  removePool,
	}
	k.attributes = append(standardAttributes[*subnetPool](), poolAttributes()...)
	k.attributes = append(k.attributes, tagsAttribute[*subnetPool](nil))
	for i := range k.attributes {
		if k.attributes[i].name == "name" {
			k.attributes[i].required = true
		}
	}
	return k.index()
}

func poolAttributes() []attribute[*subnetPool] {
	length := integer(0, 128) // shown as text, as Neutron does
	return []attribute[*subnetPool]{
		{
			name: "prefixes", shownOnly: true, check: listOf[netip.Prefix](256, roundedCIDR), create: anyone, update: anyone, required: true,
			get: func(_ *state, p *subnetPool) any { return orEmptyList(p.Prefixes) },
		},
		{name: "ip_version", get: func(_ *state, p *subnetPool) any { return p.version() }},
		{
			name: "default_prefixlen", check: length, create: anyone, update: anyone,
			get: func(_ *state, p *subnetPool) any { return strconv.Itoa(p.DefaultLength) },
			set: func(p *subnetPool, v any) { p.DefaultLength = v.(int) },
		},
		{
			name: "min_prefixlen", check: length, create: anyone, update: anyone,
			get: func(_ *state, p *subnetPool) any { return strconv.Itoa(p.MinLength) },
			set: func(p *subnetPool, v any) { p.MinLength = v.(int) },
		},
		{
			name: "max_prefixlen", check: length, create: anyone, update: anyone,
			get: func(_ *state, p *subnetPool) any { return strconv.Itoa(p.MaxLength) },
			set: func(p *subnetPool, v any) { p.MaxLength = v.(int) },
		},
		{
			name: "default_quota", check: poolQuota, create: anyone, update: anyone,
			get: func(_ *state, p *subnetPool) any { return orNil(p.Quota) },
			set: func(p *subnetPool, v any) { p.Quota, _ = v.(int) },
		},
		{
			name: "shared", check: boolean, create: admins, harmless: false,
			get: func(_ *state, p *subnetPool) any { return p.Shared },
			set: func(p *subnetPool, v any) { p.Shared = v.(bool) },
		},
		{
			name: "is_default", check: boolean, create: admins, update: admins, harmless: false,
			get: func(_ *state, p *subnetPool) any { return p.Default },
			set: func(p *subnetPool, v any) { p.Default = v.(bool) },
		},
		{name: "address_scope_id", check: noSuch("AddressScopeNotFound", "Address scope %s could not be found"), create: anyone, update: anyone, get: func(*state, *subnetPool) any { return nil }},
	}
}

func poolQuota(v any) (any, error) {
	if v == nil {
		return nil, invalidInput("'None' is not an integer")
	}
	return integer(0, 1<<31-1)(v)
}

func seesPool(who caller, p *subnetPool) bool {
	return who.trusted() || p.Shared || p.ProjectID == who.project
}

func createPool(w *work, _ caller, p *subnetPool, in values) error {
	asked, _ := given[[]netip.Prefix](in, "prefixes")
	prefixes, err := mergePrefixes(asked)
	if err != nil {
		return err
	}
	p.Prefixes = prefixes
	least, most := 8, 32
	if p.version() == 6 {
		least, most = 64, 128
	}
	if !in.has("min_prefixlen") {
		p.MinLength = least
	}
	if !in.has("max_prefixlen") {
		p.MaxLength = most
	}
	if !in.has("default_prefixlen") {
		p.DefaultLength = p.MinLength
	}
	return w.finishPool(p)
}

func (w *work) finishPool(p *subnetPool) error {
	most := p.Prefixes[0].Addr().BitLen()
	for _, bound := range []struct {
		name  string
		value int
		other string
		limit int
		ok    bool
	}{
		{"max_prefixlen", p.MaxLength, "ip_version_max", most, p.MaxLength <= most},
		{"min_prefixlen", p.MinLength, "max_prefixlen", p.MaxLength, p.MinLength <= p.MaxLength},
		{"default_prefixlen", p.DefaultLength, "min_prefixlen", p.MinLength, p.DefaultLength >= p.MinLength},
		{"default_prefixlen", p.DefaultLength, "max_prefixlen", p.MaxLength, p.DefaultLength <= p.MaxLength},
	} {
		if !bound.ok {
			return badRequest("IllegalSubnetPoolPrefixBounds", "Illegal prefix bounds: %s=%d, %s=%d.", bound.name, bound.value, bound.other, bound.limit)
		}
	}
	if other := w.defaultPool(p.version()); p.Default && other != nil && other.ID != p.ID {
		return invalidInput("A default subnetpool for this IP family has already been set. Only one default may exist per IP family")
	}
	put(w, w.pools, p)
	return nil
}

func (s *state) defaultPool(version int) *subnetPool {
	for _, p := range s.pools.rows {
		if p.Default && p.version() == version {
			return p
		}
	}
	return nil
}

func prefixSet(prefixes []netip.Prefix) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, prefix := range prefixes {
		b.AddPrefix(prefix)
	}
	set, err := b.IPSet()
	if err != nil {
		panic(err) //nolint:forbidigo // a broken invariant: prefixes are checked where they enter
	}
	return set
}

func mergePrefixes(asked []netip.Prefix) ([]netip.Prefix, error) {
	if len(asked) == 0 {
		return nil, badRequest("EmptySubnetPoolPrefixList", "Empty subnet pool prefix list.")
	}
	for _, prefix := range asked {
		if prefix.Addr().Is4() != asked[0].Addr().Is4() {
			return nil, badRequest("PrefixVersionMismatch", "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.")
		}
	}
	return prefixSet(asked).Prefixes(), nil
}

// updatePool lets prefixes grow: subnets may already be cut from those that are there.
func updatePool(w *work, _ caller, before, after *subnetPool, in values) error {
	if asked, ok := given[[]netip.Prefix](in, "prefixes"); ok {
		prefixes, err := mergePrefixes(asked)
		if err != nil {
			return err
		}
		set := prefixSet(prefixes)
		for _, old := range before.Prefixes {
			if !set.ContainsPrefix(old) {
				return badRequest("IllegalSubnetPoolPrefixUpdate", "Illegal update to prefixes: Existing prefixes must be a subset of the new prefixes.")
			}
		}
		after.Prefixes = prefixes
	}
	return w.finishPool(after)
}

func removePool(w *work, _ caller, p *subnetPool) error {
	if len(w.cutFrom(p)) > 0 {
		return badRequest("SubnetPoolDeleteError", "Unable to delete subnet pool: Subnet pool has existing allocations.")
	}
	erase(w, w.pools, p)
	return nil
}

// cutFrom returns the subnets that come from the pool.
func (s *state) cutFrom(p *subnetPool) []*subnet {
	return s.subnets.byAge(func(n *subnet) bool { return n.PoolID == p.ID })
}

// chooseCIDR sets a new subnet's range: what the request says or a free part of the pool
// that it names.
func (w *work) chooseCIDR(who caller, n *subnet, in values) error {
	asked, saysCIDR := given[netip.Prefix](in, "cidr")
	version, saysVersion := given[int](in, "ip_version")
	if saysCIDR && saysVersion && (version == 4) != asked.Addr().Is4() {
		return invalidInput("cidr '%s' does not match the ip_version '%d'", asked, version)
	}
	p, err := w.poolOf(who, in, cmp.Or(version, 4))
	switch {
	case err != nil:
		return err
	case p == nil && in["prefixlen"] != nil:
		return badRequest("BadRequest", "Bad subnets request: prefixlen needs a subnetpool.")
	case p == nil && !saysCIDR:
		return badRequest("BadRequest", "Bad subnets request: a subnetpool must be specified in the absence of a cidr.")
	case p == nil:
		n.CIDR = asked
		return nil
	case saysCIDR && asked.Addr().Is4() != (p.version() == 4) || saysVersion && version != p.version():
		return badRequest("BadRequest", "Bad subnets request: Cannot allocate requested subnet from subnetpool %s: it is of IPv%d.", p.ID, p.version())
	}
	return w.cut(n, p, asked, in)
}

// poolOf returns the pool that a new subnet's request names, nil if none.
func (w *work) poolOf(who caller, in values, version int) (*subnetPool, error) {
	id, named := given[string](in, "subnetpool_id")
	byDefault, _ := given[bool](in, "use_default_subnetpool")
	switch {
	case named && byDefault:
		return nil, badRequest("BadRequest", "Bad subnets request: subnetpool_id and use_default_subnetpool cannot both be specified.")
	case byDefault:
		if p := w.defaultPool(version); p != nil && seesPool(who, p) {
			return p, nil
		}
		return nil, badRequest("BadRequest", "Bad subnets request: No default subnetpool found for IPv%d.", version)
	case !named:
		return nil, nil
	}
	p, ok := w.pools.get(id)
	if !ok || !seesPool(who, p) {
		return nil, poolNotFound(id)
	}
	return p, nil
}

// cut takes a subnet's range out of a pool; asked is zero when any will do.
func (w *work) cut(n *subnet, p *subnetPool, asked netip.Prefix, in values) error {
	length := p.DefaultLength
	if said, ok := given[int](in, "prefixlen"); ok {
		if asked.IsValid() {
			return badRequest("BadRequest", "Bad subnets request: cidr and prefixlen must not be supplied together.")
		}
		length = said
	}
	if asked.IsValid() {
		length = asked.Bits()
	}
	if err := w.checkLength(n, p, length); err != nil {
		return err
	}
	taken := w.cutFrom(p)
	var free netipx.IPSetBuilder
	free.AddSet(prefixSet(p.Prefixes))
	for _, other := range taken {
		free.RemovePrefix(other.CIDR)
	}
	available, err := free.IPSet()
	if err != nil {
		return err
	}
	n.PoolID = p.ID
	if asked.IsValid() {
		n.CIDR = asked
		if !available.ContainsPrefix(asked) {
			return conflict("SubnetAllocationError", "Failed to allocate subnet: Cannot allocate requested subnet from the available set of prefixes.")
		}
		return nil
	}
	var ok bool
	if n.CIDR, _, ok = available.RemoveFreePrefix(uint8(length)); !ok {
		return conflict("SubnetAllocationError", "Failed to allocate subnet: Insufficient prefix space to allocate subnet size /%d.", length)
	}
	return nil
}

func (w *work) checkLength(n *subnet, p *subnetPool, length int) error {
	if length > p.MaxLength {
		return badRequest("MaxPrefixSubnetAllocationError", "Unable to allocate subnet with prefix length %d, maximum allowed prefix is %d.", length, p.MaxLength)
	}
	if length < p.MinLength {
		return badRequest("MinPrefixSubnetAllocationError", "Unable to allocate subnet with prefix length %d, minimum allowed prefix is %d.", length, p.MinLength)
	}
	if p.Quota == 0 {
		return nil
	}
	mine := slices.DeleteFunc(w.cutFrom(p), func(other *subnet) bool { return other.ProjectID != n.ProjectID })
	used := quotaUnits(p, length)
	for _, other := range mine {
		used += quotaUnits(p, other.CIDR.Bits())
	}
	if used > float64(p.Quota) {
		return conflict("SubnetPoolQuotaExceeded", "Per-tenant subnet pool prefix quota exceeded.")
	}
	return nil
}

// quotaUnits is the size of a subnet in what a pool's default_quota counts: addresses of
// IPv4, /64 of IPv6.
func quotaUnits(p *subnetPool, length int) float64 {
	unit := 32
	if p.version() == 6 {
		unit = 64
	}
	if length > unit {
		return 1 / float64(uint64(1)<<min(length-unit, 63))
	}
	return float64(uint64(1) << min(unit-length, 63))
}
