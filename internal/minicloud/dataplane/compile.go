package dataplane

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"

	"github.com/gozun/gozun/internal/minicloud"
)

// compile turns what is wanted into rules. Fragments that have says already are taken from
// there, so that the work for one new port is small. Ports that cannot be told apart from
// others by their index or MAC are left out, which means that nothing of theirs passes; why
// is told in the second result.
func compile(d minicloud.Desired, have ruleset) (ruleset, []error) {
	c := compiler{have: have, out: ruleset{}, groups: map[string]minicloud.SecurityGroup{}}
	for _, g := range d.Groups {
		c.groups[g.ID] = g
	}
	c.remotes = remoteGroups(d.Groups)
	for _, id := range c.remotes {
		c.add("group "+id, "", func() fragment {
			return fragment{sets: []set{{table: inetTable, name: groupSet(id), key: nftables.TypeMark}}}
		})
	}
	c.add("router", "", routerFragment)
	profiles := map[string]string{} // by the list of groups
	for _, n := range d.Networks {
		c.add("network "+n.ID, fmt.Sprint(n.Index, routed(n)), func() fragment { return networkFragment(n) })
		for _, p := range n.Ports {
			c.port(p, profiles)
		}
	}
	return c.out, c.errs
}

type compiler struct {
	have, out ruleset
	groups    map[string]minicloud.SecurityGroup
	remotes   []string // groups that some rule names as remote
	errs      []error
}

func (c *compiler) add(name, signature string, make func() fragment) {
	if old, ok := c.have[name]; ok && old.signature == signature {
		c.out[name] = old
		return
	}
	f := make()
	f.signature = signature
	c.out[name] = f
}

func (c *compiler) port(p minicloud.Port, profiles map[string]string) {
	mac, err := net.ParseMAC(p.MAC)
	if err != nil || len(mac) != 6 {
		c.errs = append(c.errs, fmt.Errorf("cannot filter port %s: MAC %q is not an Ethernet address", p.ID, p.MAC))
		return
	}
	if p.Index < 1 || p.Index >= routerIndex {
		c.errs = append(c.errs, fmt.Errorf("cannot filter port %s: index %d is not in 1..%d", p.ID, p.Index, routerIndex-1))
		return
	}
	profile := ""
	if p.PortSecurity && p.AdminUp {
		profile = c.profile(p.Groups, profiles)
	}
	memberOf := c.memberships(p)
	c.add("port "+p.ID, portSignature(p, profile, memberOf), func() fragment {
		return portFragment(p, mac, profile, memberOf)
	})
}

// portSignature is made for every port at every change, hence by hand.
func portSignature(p minicloud.Port, profile string, memberOf []string) string {
	b := make([]byte, 0, 256)
	b = strconv.AppendInt(b, int64(p.Index), 10)
	b = strconv.AppendBool(b, p.PortSecurity)
	b = strconv.AppendBool(b, p.AdminUp)
	b = append(append(b, p.MAC...), profile...)
	for _, ip := range p.IPs {
		b = ip.AppendTo(append(b, ' '))
	}
	for _, pair := range p.AllowedPairs {
		b = pair.Prefix.AppendTo(append(append(b, '|'), pair.MAC...))
	}
	for _, g := range memberOf {
		b = append(append(b, ' '), g...)
	}
	return string(b)
}

// memberships are the groups of the port that some rule names.
func (c *compiler) memberships(p minicloud.Port) []string {
	var in []string
	for _, g := range p.Groups {
		if _, named := slices.BinarySearch(c.remotes, g); named {
			in = append(in, g)
		}
	}
	return in
}

// profile returns the name that the rules of these groups together have, and makes their
// chains. Ports with the same rules share them.
func (c *compiler) profile(groups []string, known map[string]string) string {
	key := fmt.Sprint(slices.Sorted(slices.Values(groups)))
	if name, ok := known[key]; ok {
		return name
	}
	rules := c.rulesOf(groups)
	sum := sha256.Sum256([]byte(fmt.Sprint(rules)))
	name := hex.EncodeToString(sum[:6])
	known[key] = name
	c.add("profile "+name, "", func() fragment { return profileFragment(name, rules) })
	return name
}

func (c *compiler) rulesOf(groups []string) []minicloud.Rule {
	var rules []minicloud.Rule
	for _, id := range groups {
		rules = append(rules, c.groups[id].Rules...)
	}
	slices.SortFunc(rules, func(a, b minicloud.Rule) int {
		return slices.Compare([]byte(fmt.Sprint(a)), []byte(fmt.Sprint(b)))
	})
	return slices.Compact(rules)
}

// remoteGroups returns the groups that rules name, sorted.
func remoteGroups(groups []minicloud.SecurityGroup) []string {
	named := map[string]bool{}
	for _, g := range groups {
		for _, r := range g.Rules {
			if r.RemoteGroup != "" {
				named[r.RemoteGroup] = true
			}
		}
	}
	ids := make([]string, 0, len(named))
	for id := range named {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func groupSet(id string) string { return "group-" + id }

func networkFragment(n minicloud.Network) fragment {
	bridge := ifname(bridgeName(n.ID))
	f := fragment{elements: []element{
		member(setBridges, bridge),
		value(mapZones, bridge, binaryutil.NativeEndian.PutUint16(uint16(n.Index))),
	}}
	if !routed(n) {
		return f
	}
	gateway := ifname(gatewayName(n.ID))
	f.elements = append(f.elements,
		member(setMembers, gateway),
		value(mapMarks, gateway, word(routerMark)),
		to(mapSenders, gateway, expr.VerdictGoto, "router"),
		to(mapTargets, gateway, expr.VerdictGoto, "to-router"),
		member(setUplinks, ifname(uplinkName(n.ID))),
	)
	return f
}

// routerFragment is the part of all routers together, as they share one index. They have
// no groups: what is sent to one passes, and what comes from one has only the target's.
func routerFragment() fragment {
	return fragment{elements: []element{to(mapIngress, word(routerIndex), expr.VerdictAccept, "")}}
}

func portFragment(p minicloud.Port, mac net.HardwareAddr, profile string, memberOf []string) fragment {
	tap := ifname(tapName(p.ID))
	f := fragment{elements: []element{member(setMembers, tap)}}
	if !p.AdminUp {
		f.elements = append(f.elements, to(mapSenders, tap, expr.VerdictDrop, ""), to(mapTargets, tap, expr.VerdictDrop, ""))
		return f
	}
	source, target := word(uint32(p.Index)<<16), word(uint32(p.Index))
	toChain := fmt.Sprintf("to-%d", p.Index)
	f.chains = []chain{{name: toChain, rules: []rule{join(mark(sourceMask), bits(sourceMask, uint32(p.Index)), setMark())}}}
	f.elements = append(f.elements,
		value(mapMarks, tap, source),
		to(mapTargets, tap, expr.VerdictGoto, toChain))
	for _, g := range memberOf {
		f.elements = append(f.elements, member(groupSet(g), source), member(groupSet(g), target))
	}
	if !p.PortSecurity {
		f.elements = append(f.elements,
			to(mapSenders, tap, expr.VerdictGoto, "open"),
			to(mapIngress, target, expr.VerdictAccept, ""))
		return f
	}
	f.elements = append(f.elements,
		to(mapSenders, tap, expr.VerdictGoto, "secured"),
		to(mapEgress, source, expr.VerdictJump, "egress-"+profile),
		to(mapIngress, target, expr.VerdictGoto, "ingress-"+profile))
	f.elements = append(f.elements, addressElements(p, mac, source)...)
	return f
}

// addressElements are what a secured port may send as itself: its MAC and those of its
// pairs, with the addresses and prefixes that go with each.
func addressElements(p minicloud.Port, mac net.HardwareAddr, source []byte) []element {
	a := addresses{source: source, seen: map[string]bool{}}
	a.mac(mac)
	for _, ip := range p.IPs {
		a.prefix(mac, netip.PrefixFrom(ip, ip.BitLen()))
	}
	for _, pair := range p.AllowedPairs {
		theirs := mac
		if other, err := net.ParseMAC(pair.MAC); err == nil && len(other) == 6 {
			theirs = other
		}
		a.mac(theirs)
		a.prefix(theirs, pair.Prefix)
	}
	return a.out
}

type addresses struct {
	source []byte
	seen   map[string]bool
	out    []element
}

func (a *addresses) add(e element) {
	if id := e.identity(); !a.seen[id] {
		a.seen[id] = true
		a.out = append(a.out, e)
	}
}

func (a *addresses) mac(mac net.HardwareAddr) {
	a.add(member(setMACs, a.key(mac, nil)))
	a.prefix(mac, netip.PrefixFrom(linkLocal(mac), 128))
}

// key puts the parts one after the other, each filled up to four bytes.
func (a *addresses) key(mac net.HardwareAddr, addr []byte) []byte {
	return slices.Concat(a.source, mac, []byte{0, 0}, addr)
}

func (a *addresses) prefix(mac net.HardwareAddr, p netip.Prefix) {
	if !p.IsValid() {
		return
	}
	single, ranges := setSources4, setRanges4
	if p.Addr().Is6() {
		single, ranges = setSources6, setRanges6
	}
	if p.IsSingleIP() {
		a.add(member(single, a.key(mac, p.Addr().AsSlice())))
		return
	}
	first := p.Masked().Addr().AsSlice()
	last := slices.Clone(first)
	for i, m := range netmask(p) {
		last[i] |= ^m
	}
	a.add(element{set: ranges, SetElement: nftables.SetElement{Key: a.key(mac, first), KeyEnd: a.key(mac, last)}})
}

func member(set string, key []byte) element {
	return element{set: set, SetElement: nftables.SetElement{Key: key}}
}

func value(set string, key, val []byte) element {
	return element{set: set, SetElement: nftables.SetElement{Key: key, Val: val}}
}

func to(set string, key []byte, kind expr.VerdictKind, chain string) element {
	return element{set: set, SetElement: nftables.SetElement{Key: key, VerdictData: &expr.Verdict{Kind: kind, Chain: chain}}}
}
