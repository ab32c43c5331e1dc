package network

import (
	"slices"

	"github.com/gozun/gozun/internal/kv"
)

// state is all that is known, with the indexes that make the usual questions cheap. The
// tables' hooks keep the indexes; nothing else writes them.
type state struct {
	host           string
	serviceProject string // without limits of its own; see Config

	networks *table[*network]
	subnets  *table[*subnet]
	pools    *table[*subnetPool]
	ports    *table[*port]
	groups   *table[*securityGroup]
	rules    *table[*groupRule]
	limits   *table[*quota]

	subnetsOf    map[string][]*subnet         // network -> its subnets, oldest first
	portsOf      map[string]map[string]*port  // network -> port id -> port
	macsOf       map[string]map[string]string // network -> MAC -> port id
	addressesOf  map[string]*addresses        // subnet
	membersOf    map[string]map[string]*port  // security group -> port id -> port
	rulesOf      map[string][]*groupRule      // security group -> its rules, oldest first
	defaultGroup map[string]string            // project -> its default group
	networkIndex *numbers
	portIndex    *numbers
}

const (
	maxNetworkIndex = 16383 // minicloud.Network.Index
	maxPortIndex    = 65535 // minicloud.Port.Index
)

func newState(host, serviceProject string) *state {
	s := &state{
		host: host, serviceProject: serviceProject,

		subnetsOf:    map[string][]*subnet{},
		portsOf:      map[string]map[string]*port{},
		macsOf:       map[string]map[string]string{},
		addressesOf:  map[string]*addresses{},
		membersOf:    map[string]map[string]*port{},
		rulesOf:      map[string][]*groupRule{},
		defaultGroup: map[string]string{},
		networkIndex: newNumbers(maxNetworkIndex),
		portIndex:    newNumbers(maxPortIndex),
	}
	s.networks = newTable("neutron.networks",
		func(n *network) { s.networkIndex.take(n.Index) },
		func(n *network) { s.networkIndex.free(n.Index) })
	s.subnets = newTable("neutron.subnets", s.subnetAdded, s.subnetRemoved)
	s.pools = newTable("neutron.subnetpools", ignore[*subnetPool], ignore[*subnetPool])
	s.ports = newTable("neutron.ports", s.portAdded, s.portRemoved)
	s.groups = newTable("neutron.security_groups", s.groupAdded, s.groupRemoved)
	s.rules = newTable("neutron.security_group_rules", s.ruleAdded, s.ruleRemoved)
	s.limits = newTable("neutron.quotas", ignore[*quota], ignore[*quota])
	return s
}

func ignore[R any](R) {}

func (s *state) load(tx *kv.Tx) error {
	for _, load := range []func(*kv.Tx) error{
		s.networks.load, s.pools.load, s.subnets.load, s.groups.load, s.rules.load, s.ports.load, s.limits.load,
	} {
		if err := load(tx); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) subnetAdded(n *subnet) {
	s.subnetsOf[n.NetworkID] = insertByAge(s.subnetsOf[n.NetworkID], n)
	s.addresses(n.ID).reset(n.Pools)
}

func (s *state) subnetRemoved(n *subnet) {
	s.subnetsOf[n.NetworkID] = without(s.subnetsOf[n.NetworkID], n)
	if len(s.addresses(n.ID).used) == 0 {
		delete(s.addressesOf, n.ID)
	}
}

func (s *state) addresses(subnetID string) *addresses {
	if s.addressesOf[subnetID] == nil {
		s.addressesOf[subnetID] = newAddresses()
	}
	return s.addressesOf[subnetID]
}

func (s *state) portAdded(p *port) {
	setIn(s.portsOf, p.NetworkID, p.ID, p)
	setIn(s.macsOf, p.NetworkID, p.MAC, p.ID)
	for _, fixed := range p.FixedIPs {
		s.addresses(fixed.SubnetID).take(fixed.IP, p.ID)
	}
	for _, group := range p.Groups {
		setIn(s.membersOf, group, p.ID, p)
	}
	s.portIndex.take(p.Index)
}

func (s *state) portRemoved(p *port) {
	deleteIn(s.portsOf, p.NetworkID, p.ID)
	deleteIn(s.macsOf, p.NetworkID, p.MAC)
	for _, fixed := range p.FixedIPs {
		s.addresses(fixed.SubnetID).free(fixed.IP)
	}
	for _, group := range p.Groups {
		deleteIn(s.membersOf, group, p.ID)
	}
	s.portIndex.free(p.Index)
}

func (s *state) groupAdded(g *securityGroup) {
	if g.Name == defaultGroupName {
		s.defaultGroup[g.ProjectID] = g.ID
	}
}

func (s *state) groupRemoved(g *securityGroup) {
	if s.defaultGroup[g.ProjectID] == g.ID {
		delete(s.defaultGroup, g.ProjectID)
	}
}

func (s *state) ruleAdded(r *groupRule) {
	s.rulesOf[r.GroupID] = insertByAge(s.rulesOf[r.GroupID], r)
}

func (s *state) ruleRemoved(r *groupRule) {
	s.rulesOf[r.GroupID] = without(s.rulesOf[r.GroupID], r)
}

// insertByAge and without return new slices: a list that was handed out stays as it was.
func insertByAge[R record](rows []R, r R) []R {
	at, _ := slices.BinarySearchFunc(rows, r, func(a, b R) int { return compareAge(a.base(), b.base()) })
	return slices.Insert(slices.Clone(rows), at, r)
}

func without[R record](rows []R, r R) []R {
	return slices.DeleteFunc(slices.Clone(rows), func(other R) bool { return other.base().ID == r.base().ID })
}

func setIn[V any](m map[string]map[string]V, outer, inner string, v V) {
	if m[outer] == nil {
		m[outer] = map[string]V{}
	}
	m[outer][inner] = v
}

func deleteIn[V any](m map[string]map[string]V, outer, inner string) {
	delete(m[outer], inner)
	if len(m[outer]) == 0 {
		delete(m, outer)
	}
}
