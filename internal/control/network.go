package control

import (
	"context"
	"slices"
	"time"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/internal/scheduler"
	"github.com/gozun/gozun/zun"
)

// networkTimeout bounds making and removing a network. Both go on when the user hangs up:
// half of them would have to be cleaned up all the same.
const networkTimeout = 2 * time.Minute

// ListNetworks returns a page of the networks of the caller's project, or of all projects
// if he may, with the containers on them.
func (s *Service) ListNetworks(ctx context.Context, g policy.Grant, filter zun.NetworkFilter) ([]zun.NetworkDetail, error) {
	if filter.AllProjects {
		if err := s.may(g, "network:get_all_all_projects", nil); err != nil {
			return nil, err
		}
		return s.Store.ListNetworks(ctx, "", filter)
	}
	if g.Identity().ProjectID == "" {
		return nil, nil
	}
	return s.Store.ListNetworks(ctx, g.Identity().ProjectID, filter)
}

// GetNetwork returns a network with the containers on it, or CodeNetworkNotFound.
func (s *Service) GetNetwork(ctx context.Context, g policy.Grant, ref string) (zun.NetworkDetail, error) {
	network, err := s.network(ctx, g, ref)
	if err != nil {
		return zun.NetworkDetail{}, err
	}
	return s.Store.NetworkDetail(ctx, network.ID)
}

// CreateNetwork makes a network: it finds or makes the Neutron network, pool and subnet,
// records them and has one host make the Docker network before it returns. If any of it
// fails, everything is undone.
//
// Codes: CodeInvalid (bad name or CIDR, subnet not of the network, pool not of the
// subnet), CodeNetworkExists, CodeNetworkNotFound, CodeNotFound (subnet, pool),
// CodeConflict (ambiguous name, network without subnets), CodeUnavailable.
func (s *Service) CreateNetwork(ctx context.Context, g policy.Grant, request zun.NetworkRequest) (zun.NetworkDetail, error) {
	if g.Identity().ProjectID == "" {
		return zun.NetworkDetail{}, zun.Errorf(zun.CodePolicyNotAuthorized, "cannot create a network: the token is not scoped to a project")
	}
	if err := checkNetwork(request); err != nil {
		return zun.NetworkDetail{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), networkTimeout)
	defer cancel()
	network := zun.Network{
		ID: s.NewID(), Name: request.Name, ProjectID: g.Identity().ProjectID, UserID: g.Identity().UserID,
		Status: zun.NetworkCreating, CreatedAt: s.now(), UpdatedAt: s.now(),
	}
	r := s.resolver(g, false)
	if err := r.prepare(ctx, &network, request); err != nil {
		return zun.NetworkDetail{}, err
	}
	host, err := s.hostForNetwork(ctx, network)
	if err != nil {
		return zun.NetworkDetail{}, err
	}
	unlock, err := s.networkLocks.lock(ctx, network.ID) // the sweep leaves it alone
	if err != nil {
		return zun.NetworkDetail{}, err
	}
	defer unlock()
	if err := s.Store.AddNetwork(ctx, network); err != nil {
		return zun.NetworkDetail{}, err
	}
	if err := s.realise(ctx, r.neutron, &network, request, host); err != nil {
		return zun.NetworkDetail{}, err
	}
	return s.Store.NetworkDetail(ctx, network.ID)
}

// realise takes a network that is recorded from Creating to Active, or removes it again
// with all that was made for it.
func (s *Service) realise(ctx context.Context, neutron Neutron, network *zun.Network, request zun.NetworkRequest, host string) error {
	onHost, err := false, error(nil)
	if request.CIDR.IsValid() {
		err = s.makeInNeutron(ctx, neutron, network, request)
	}
	if err == nil {
		onHost, err = s.ensureOn(ctx, host, *network)
	}
	if err == nil {
		network.Status, network.UpdatedAt = zun.NetworkActive, s.now()
		err = s.Store.SaveNetwork(ctx, *network)
	}
	if err == nil {
		return nil
	}
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), networkTimeout)
	defer cancel()
	if undoErr := s.removeLocked(undo, network.ID, neutron, onHost); undoErr != nil {
		s.Log.Error("cannot undo a network that could not be made", "network", network.ID, "error", undoErr)
	}
	return err
}

// hostForNetwork picks the host that is to realise a network first. It asks all of them how
// they are just now: a host that is away is found out before anything is made that could
// not be undone without it.
func (s *Service) hostForNetwork(ctx context.Context, network zun.Network) (string, error) {
	s.askHosts(ctx, 0)
	candidates, err := s.candidates(ctx)
	if err != nil {
		return "", err
	}
	for i := range candidates {
		candidates[i].Service.Disabled = false // that is about containers
	}
	return scheduler.Pick(scheduler.Request{What: "network " + called(network)}, candidates, s.rules())
}

// ensureOn has the Docker network made on a host, and reports whether it was asked at all.
func (s *Service) ensureOn(ctx context.Context, host string, network zun.Network) (asked bool, err error) {
	node, ok := s.Nodes.Node(host)
	if !ok {
		return false, zun.Errorf(zun.CodeUnavailable, "cannot create network %s: host %s is not connected", called(network), host)
	}
	return true, hostSays(host, node.EnsureNetwork(ctx, network))
}

// prepare finds out, before anything is recorded or made, what can be known to fail. When
// Neutron is to make things it is asked whether it answers at all: what it may or may not
// have made could not be undone without it.
func (r *resolver) prepare(ctx context.Context, network *zun.Network, request zun.NetworkRequest) error {
	taken, err := r.s.Store.FindNetworks(ctx, network.ProjectID, request.Name)
	if err != nil {
		return err
	}
	if len(taken) > 0 {
		return zun.Errorf(zun.CodeNetworkExists, "cannot create network %q: the project has a network of this name (%s); "+
			"choose another name, or delete that one first", request.Name, taken[0].ID)
	}
	if request.CIDR.IsValid() {
		_, err := r.neutron.FindPools(ctx, zun.NeutronQuery{ProjectID: network.ProjectID, Name: network.Name})
		return neutronSays(err)
	}
	return r.existing(ctx, network, request)
}

// existing fills a network in from what the user has in Neutron.
func (r *resolver) existing(ctx context.Context, network *zun.Network, request zun.NetworkRequest) error {
	n, err := r.neutronNetwork(ctx, request.NeutronNet)
	if err != nil {
		return err
	}
	subnets, err := r.subnetsOf(ctx, n)
	if err != nil {
		return err
	}
	if subnets, err = r.chosen(ctx, n, subnets, request.NeutronSubnets); err != nil {
		return err
	}
	if request.NeutronPool != "" {
		pool, err := r.pool(ctx, request.NeutronPool)
		if err != nil {
			return err
		}
		if subnets, err = ofPool(subnets, pool, len(request.NeutronSubnets) > 0); err != nil {
			return err
		}
		network.NeutronPoolID = pool.ID
	}
	network.NeutronNetID, network.Shared, network.MTU, network.Subnets = n.ID, n.Shared, n.MTU, recordSubnets(subnets)
	return nil
}

// chosen returns the subnets of a network that the user names; naming none chooses all.
func (r *resolver) chosen(ctx context.Context, n zun.NeutronNetwork, subnets []zun.NeutronSubnet, refs []string) ([]zun.NeutronSubnet, error) {
	if len(refs) == 0 {
		return subnets, nil
	}
	var chosen []zun.NeutronSubnet
	for _, ref := range refs {
		hits := slices.DeleteFunc(slices.Clone(subnets), func(s zun.NeutronSubnet) bool { return s.ID != ref && s.Name != ref })
		if len(hits) > 1 {
			return nil, ambiguous("subnets", ref)
		}
		if len(hits) == 0 {
			return nil, r.foreignSubnet(ctx, n, ref)
		}
		if !slices.ContainsFunc(chosen, func(s zun.NeutronSubnet) bool { return s.ID == hits[0].ID }) {
			chosen = append(chosen, hits[0])
		}
	}
	return chosen, nil
}

// foreignSubnet says why a subnet is not among a network's: it is elsewhere, or nowhere.
func (r *resolver) foreignSubnet(ctx context.Context, n zun.NeutronNetwork, ref string) error {
	found, err := findByRef(ctx, ref, r.neutron.FindSubnets)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return zun.Errorf(zun.CodeNotFound, "Subnet %s could not be found.", ref)
	}
	return zun.Errorf(zun.CodeInvalid, "cannot use subnet %s: it is on network %s and not on %s (%s)", ref, found[0].NetworkID, n.Name, n.ID)
}

func (r *resolver) pool(ctx context.Context, ref string) (zun.NeutronPool, error) {
	pools, err := findByRef(ctx, ref, r.neutron.FindPools)
	if err != nil {
		return zun.NeutronPool{}, err
	}
	pools = slices.DeleteFunc(pools, func(p zun.NeutronPool) bool { return p.ProjectID != r.id.ProjectID && !p.Shared })
	switch len(pools) {
	case 0:
		return zun.NeutronPool{}, zun.Errorf(zun.CodeNotFound, "Subnet pool %s could not be found.", ref)
	case 1:
		return pools[0], nil
	default:
		return zun.NeutronPool{}, ambiguous("subnet pools", ref)
	}
}

// ofPool keeps the subnets that come from the pool and those of the other IP version, which
// no pool of this version could give. A subnet that the user named must come from it.
func ofPool(subnets []zun.NeutronSubnet, pool zun.NeutronPool, named bool) ([]zun.NeutronSubnet, error) {
	var kept []zun.NeutronSubnet
	matches := 0
	for _, subnet := range subnets {
		same := len(pool.Prefixes) == 0 || pool.Prefixes[0].Addr().Is4() == subnet.CIDR.Addr().Is4()
		switch {
		case subnet.PoolID == pool.ID:
			matches++
		case same && named:
			return nil, zun.Errorf(zun.CodeInvalid, "cannot use subnet %s with pool %s: the subnet (%s) was not made from that pool", subnet.Name, pool.Name, subnet.CIDR)
		case same:
			continue
		}
		kept = append(kept, subnet)
	}
	if matches == 0 {
		return nil, zun.Errorf(zun.CodeInvalid, "cannot use pool %s (%s): no subnet of the network was made from it", pool.Name, pool.ID)
	}
	return kept, nil
}
