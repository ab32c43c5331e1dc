package dataplane

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/minicloud"
)

// model is what the kernel would hold: it refuses what the kernel refuses.
type model struct {
	sets     map[string]bool
	chains   map[string]bool
	elements map[string]element // by set and key
}

func newModel() *model {
	m := &model{sets: map[string]bool{}, chains: map[string]bool{}, elements: map[string]element{}}
	for _, s := range frameSets() {
		m.sets[s.name] = true
	}
	for _, c := range frameChains() {
		m.chains[c.name] = true
	}
	return m
}

func (m *model) carryOut(c change) error {
	for _, s := range c.addSets {
		if m.sets[s.name] {
			return fmt.Errorf("set %s is there already", s.name)
		}
		m.sets[s.name] = true
	}
	for _, ch := range c.addChains {
		if m.chains[ch.name] {
			return fmt.Errorf("chain %s is there already", ch.name)
		}
		m.chains[ch.name] = true
	}
	for _, e := range c.removeElements {
		key := e.set + string(e.Key) + string(e.KeyEnd)
		if _, ok := m.elements[key]; !ok {
			return fmt.Errorf("%x is not in %s", e.Key, e.set)
		}
		delete(m.elements, key)
	}
	for _, e := range c.addElements {
		key := e.set + string(e.Key) + string(e.KeyEnd)
		if _, ok := m.elements[key]; ok || !m.sets[e.set] {
			return fmt.Errorf("%x is in %s already (set there: %v)", e.Key, e.set, m.sets[e.set])
		}
		m.elements[key] = e
	}
	for _, ch := range c.removeChains {
		delete(m.chains, ch.name)
	}
	for _, s := range c.removeSets {
		delete(m.sets, s.name)
	}
	return m.consistent()
}

func (m *model) consistent() error {
	for _, e := range m.elements {
		if !m.sets[e.set] {
			return fmt.Errorf("an element is left of the removed set %s", e.set)
		}
		if e.VerdictData != nil && e.VerdictData.Chain != "" && !m.chains[e.VerdictData.Chain] {
			return fmt.Errorf("%s leads to the missing chain %s", e.set, e.VerdictData.Chain)
		}
	}
	return nil
}

func drawDesired(t *rapid.T) minicloud.Desired {
	var d minicloud.Desired
	ids := rapid.SampledFrom([]string{"g1", "g2", "g3", "unknown"})
	for _, id := range []string{"g1", "g2", "g3"} {
		rules := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) minicloud.Rule {
			r := minicloud.Rule{
				Ingress: rapid.Bool().Draw(t, "ingress"), IPv6: rapid.Bool().Draw(t, "v6"),
				Protocol: rapid.SampledFrom([]int{-1, 1, 6, 17, 58, 89}).Draw(t, "protocol"),
				PortMin:  rapid.IntRange(-1, 3).Draw(t, "min"), PortMax: rapid.IntRange(-1, 3).Draw(t, "max"),
			}
			if rapid.Bool().Draw(t, "grouped") {
				r.RemoteGroup = ids.Draw(t, "remote")
			}
			return r
		}), 0, 3).Draw(t, "rules")
		d.Groups = append(d.Groups, minicloud.SecurityGroup{ID: id, Rules: rules})
	}
	index := 1
	for i := range rapid.IntRange(0, 3).Draw(t, "networks") {
		n := minicloud.Network{ID: fmt.Sprintf("n%d-network", i), Index: i + 1, MTU: 1500}
		if rapid.Bool().Draw(t, "routed") {
			n.Subnets = []minicloud.Subnet{{ID: "s", CIDR: cidr("10.2.0.0/24"), Gateway: addr("10.2.0.1")}}
		}
		for range rapid.IntRange(0, 3).Draw(t, "ports") {
			p := minicloud.Port{
				ID: fmt.Sprintf("p-%09d", index), Index: index, MAC: fmt.Sprintf("fa:16:3e:00:00:%02x", index),
				PortSecurity: rapid.Bool().Draw(t, "secured"), AdminUp: rapid.Bool().Draw(t, "up"),
				Groups: rapid.SliceOfNDistinct(ids, 0, 3, rapid.ID[string]).Draw(t, "groups"),
				IPs: rapid.SliceOfNDistinct(rapid.SampledFrom([]netip.Addr{addr("10.2.0.5"), addr("10.2.0.6"), addr("fd02::5")}),
					0, 3, rapid.ID[netip.Addr]).Draw(t, "ips"),
			}
			if rapid.Bool().Draw(t, "paired") {
				p.AllowedPairs = []minicloud.AddressPair{{Prefix: cidr("10.2.0.5/32")}, {MAC: p.MAC, Prefix: cidr("10.2.0.0/24")}}
			}
			index++
			n.Ports = append(n.Ports, p)
		}
		d.Networks = append(d.Networks, n)
	}
	return d
}

// However the wishes change, going there step by step ends where loading anew does, and
// the kernel could carry every step out.
func TestChangesLeadWhereAFreshLoadDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel()
		var have ruleset
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			d := drawDesired(t)
			want, problems := compile(d, have)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if err := m.carryOut(difference(have, want)); err != nil {
				t.Fatal(err)
			}
			have = want
			fresh, _ := compile(d, nil)
			anew := newModel()
			if err := anew.carryOut(difference(nil, fresh)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(anew, m, cmp.AllowUnexported(model{}, element{})); diff != "" {
				t.Fatalf("step by step differs from afresh (-fresh +steps):\n%s", diff)
			}
			if c := difference(have, want); !c.empty() {
				t.Fatal("the same wishes are a change")
			}
		}
	})
}

func TestPortsThatCannotBeToldApartGetNoRules(t *testing.T) {
	for name, change := range map[string]func(*minicloud.Port){
		"no index":           func(p *minicloud.Port) { p.Index = 0 },
		"the router's index": func(p *minicloud.Port) { p.Index = routerIndex },
		"no MAC":             func(p *minicloud.Port) { p.MAC = "" },
		"a longer MAC":       func(p *minicloud.Port) { p.MAC = "00:00:5e:00:53:01:00:00" },
	} {
		t.Run(name, func(t *testing.T) {
			p := port(1, 5)
			change(&p)
			rules, problems := compile(minicloud.Desired{Networks: []minicloud.Network{dualNetwork(1, p)}}, nil)
			if _, made := rules["port "+p.ID]; made || len(problems) != 1 {
				t.Errorf("made rules: %v, problems: %v", made, problems)
			}
		})
	}
}

func TestRoutesAreMadeOnlyToUnclaimedRanges(t *testing.T) {
	one, two := dualNetwork(1), dualNetwork(2)
	two.Subnets = []minicloud.Subnet{{CIDR: cidr("10.2.0.128/25"), Gateway: addr("10.2.0.129")}}
	foreign := []link.Route{{To: cidr("0.0.0.0/0")}, {To: cidr("fd02::/48"), Link: "eth0"}}
	tests := map[string]struct {
		networks []minicloud.Network
		existing []link.Route
		want     []string
	}{
		"alone":                           {networks: []minicloud.Network{one}, want: []string{"10.2.0.0/24", "fd02::/64"}},
		"overlapping another's":           {networks: []minicloud.Network{one, two}, want: []string{"fd02::/64"}},
		"the host's own, not its default": {networks: []minicloud.Network{one}, existing: foreign, want: []string{"10.2.0.0/24"}},
		"our own route is nobody's claim": {networks: []minicloud.Network{two}, existing: []link.Route{{To: cidr("10.2.0.0/24"), Ours: true}}, want: []string{"10.2.0.128/25"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, r := range planRoutes(tt.networks, tt.existing) {
				got = append(got, r.To.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLinkAddressesAreTheIndexs(t *testing.T) {
	for index, want := range map[int][2]string{
		1:     {"169.254.64.1", "fd67:6f7a:756e::1"},
		256:   {"169.254.65.0", "fd67:6f7a:756e::100"},
		16383: {"169.254.127.255", "fd67:6f7a:756e::3fff"},
	} {
		got := [2]string{routerLink4(index).String(), routerLink6(index).String()}
		if got != want || !linkRange4.Contains(routerLink4(index)) || !linkRange6.Contains(routerLink6(index)) {
			t.Errorf("%d: got %v, want %v", index, got, want)
		}
	}
}

func TestOnlyWhatMayBeForbiddenIsForgotten(t *testing.T) {
	g := outGroup(ingress(false))
	less := minicloud.SecurityGroup{ID: g.ID, Rules: g.Rules[:2]}
	a, b := port(1, 5, g.ID), port(2, 6)
	n := dualNetwork(9)
	wish := func(g minicloud.SecurityGroup, ports ...minicloud.Port) minicloud.Desired {
		with := n
		with.Ports = ports
		return minicloud.Desired{Networks: []minicloud.Network{with}, Groups: []minicloud.SecurityGroup{g}}
	}
	bare, moved, ungrouped := a, a, a
	bare.PortSecurity = false
	moved.IPs = []netip.Addr{a.IPs[1], addr("10.2.0.50")}
	ungrouped.Groups = nil
	tests := map[string]struct {
		old, now minicloud.Desired
		want     []netip.Addr
	}{
		"nothing changed":       {old: wish(g, a, b), now: wish(g, a, b)},
		"a port came":           {old: wish(g, b), now: wish(g, a, b)},
		"a rule came":           {old: wish(less, a, b), now: wish(g, a, b)},
		"a rule went":           {old: wish(g, a, b), now: wish(less, a, b), want: a.IPs},
		"a group went":          {old: wish(g, a, b), now: wish(g, ungrouped, b), want: a.IPs},
		"a port went":           {old: wish(g, a, b), now: wish(g, b), want: a.IPs},
		"an address went":       {old: wish(g, a, b), now: wish(g, moved, b), want: a.IPs[:1]},
		"port security came on": {old: wish(g, bare, b), now: wish(g, a, b), want: a.IPs},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var want []link.Flows
			if tt.want != nil {
				want = []link.Flows{{Zone: 9, Addresses: tt.want}}
			}
			equal := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
			if diff := cmp.Diff(want, staleFlows(tt.old, tt.now), equal); diff != "" {
				t.Error(diff)
			}
		})
	}
}
