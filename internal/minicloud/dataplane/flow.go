package dataplane

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/minicloud"
)

// staleFlows are the connections that the change from old to now may have forbidden, or
// whose address may become another port's: of ports that went, lost an address, or lost a
// rule. Established connections pass without asking the rules, so they must be forgotten
// for the rules to be asked again; what is still allowed then goes on.
func staleFlows(old, now minicloud.Desired) []link.Flows {
	current := map[string]minicloud.Port{}
	for _, n := range now.Networks {
		for _, p := range n.Ports {
			current[p.ID] = p
		}
	}
	shrunk := shrinking{old: rulesByGroup(old), now: rulesByGroup(now), known: map[string]bool{}}
	var flows []link.Flows
	for _, n := range old.Networks {
		var stale []netip.Addr
		for _, was := range n.Ports {
			is, there := current[was.ID]
			if there && is.PortSecurity == was.PortSecurity && !shrunk.between(was.Groups, is.Groups) {
				stale = append(stale, without(was.IPs, is.IPs)...)
			} else {
				stale = append(stale, was.IPs...)
			}
		}
		if len(stale) > 0 {
			flows = append(flows, link.Flows{Zone: n.Index, Addresses: stale})
		}
	}
	return flows
}

func without(a, b []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

func rulesByGroup(d minicloud.Desired) map[string][]minicloud.Rule {
	out := make(map[string][]minicloud.Rule, len(d.Groups))
	for _, g := range d.Groups {
		out[g.ID] = g.Rules
	}
	return out
}

// shrinking tells whether a list of groups has lost a rule or a group, which others' rules
// may name. Most ports share few lists.
type shrinking struct {
	old, now map[string][]minicloud.Rule
	known    map[string]bool
}

func (s shrinking) between(was, is []string) bool {
	key := fmt.Sprint(was, is)
	answer, ok := s.known[key]
	if !ok {
		answer = s.compute(was, is)
		s.known[key] = answer
	}
	return answer
}

func (s shrinking) compute(was, is []string) bool {
	left := map[minicloud.Rule]bool{}
	for _, g := range is {
		for _, r := range s.now[g] {
			left[r] = true
		}
	}
	for _, g := range was {
		if !slices.Contains(is, g) {
			return true
		}
		for _, r := range s.old[g] {
			if !left[r] {
				return true
			}
		}
	}
	return false
}
