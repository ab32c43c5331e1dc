package control

import (
	"cmp"
	"context"
	"slices"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// resolver finds out what a user's words about networks mean, with the user's eyes.
type resolver struct {
	s       *Service
	grant   policy.Grant
	id      zun.Identity
	neutron Neutron
	own     bool // names mean networks of ours first
}

// wantedNet is a network that a container is to be on, found out but not yet recorded.
type wantedNet struct {
	network zun.Network // for an implicit one perhaps not recorded yet: found again by its Neutron network
	request zun.NetRequest
	port    string // UUID of the user's port
}

func (s *Service) resolver(g policy.Grant, own bool) *resolver {
	return &resolver{s: s, grant: g, id: g.Identity(), neutron: s.Neutron(g.Identity().Token), own: own}
}

// nets resolves what a container asks for; asking for nothing is the default network.
func (r *resolver) nets(ctx context.Context, requests []zun.NetRequest) ([]wantedNet, error) {
	if len(requests) == 0 {
		requests = []zun.NetRequest{{}}
	}
	nets := make([]wantedNet, 0, len(requests))
	seen := map[string]bool{}
	for _, request := range requests {
		net, err := r.net(ctx, request)
		if err != nil {
			return nil, err
		}
		key := net.network.ID
		if net.network.Implicit {
			key = net.network.NeutronNetID
		}
		if seen[key] {
			return nil, zun.Errorf(zun.CodeInvalid, "cannot attach a container twice to network %s", called(net.network))
		}
		seen[key] = true
		for _, other := range nets {
			if err := apart(other.network, net.network); err != nil {
				return nil, err
			}
		}
		nets = append(nets, net)
	}
	return nets, nil
}

// apart refuses two networks for one container whose subnets overlap: it would have two
// ways to the same addresses, and Docker does not start it.
func apart(a, b zun.Network) error {
	for _, mine := range a.Subnets {
		for _, other := range b.Subnets {
			if mine.CIDR.Overlaps(other.CIDR) {
				return zun.Errorf(zun.CodeInvalid, "cannot attach a container to both network %s and network %s: their subnets %s and %s overlap",
					called(a), called(b), mine.CIDR, other.CIDR)
			}
		}
	}
	return nil
}

// net resolves one request; the empty one is the default network.
func (r *resolver) net(ctx context.Context, request zun.NetRequest) (wantedNet, error) {
	if request.Port != "" && request.Network != "" {
		return wantedNet{}, zun.Errorf(zun.CodeInvalid, "cannot use network %q and port %q together: choose one", request.Network, request.Port)
	}
	if request.Port != "" {
		return r.port(ctx, request)
	}
	network, err := r.network(ctx, request.Network)
	if err != nil {
		return wantedNet{}, err
	}
	net := wantedNet{network: network, request: request}
	return net, r.checkFixed(ctx, net)
}

// network finds the network that a name or UUID means, "" being the default.
func (r *resolver) network(ctx context.Context, ref string) (zun.Network, error) {
	if ref == "" && r.s.DefaultNetwork == "" {
		return r.oldestNetwork(ctx)
	}
	if ref == "" {
		network, err := r.named(ctx, r.s.DefaultNetwork, true)
		if zun.IsNotFound(err) {
			return network, zun.Errorf(zun.CodeConflict, "the default network %q is not there for this project; name a network", r.s.DefaultNetwork)
		}
		return network, err
	}
	return r.named(ctx, ref, r.own)
}

func (r *resolver) named(ctx context.Context, ref string, own bool) (zun.Network, error) {
	if own {
		networks, err := r.s.Store.FindNetworks(ctx, r.id.ProjectID, ref)
		if err != nil {
			return zun.Network{}, err
		}
		if len(networks) > 0 {
			return networks[0], usable(networks[0])
		}
	}
	found, err := r.neutronNetwork(ctx, ref)
	if err != nil {
		return zun.Network{}, err
	}
	return r.implicit(ctx, found)
}

// usable refuses networks that are being made or removed, or are broken.
func usable(n zun.Network) error {
	if n.Status == zun.NetworkActive {
		return nil
	}
	why := ""
	if n.StatusReason != "" {
		why = ": " + n.StatusReason
	}
	return zun.Errorf(zun.CodeConflict, "cannot use network %s: its status is %s%s", called(n), n.Status, why)
}

// called is how a user knows a network.
func called(n zun.Network) string {
	switch {
	case n.Implicit:
		return n.NeutronNetID
	case n.Name != "":
		return n.Name + " (" + n.ID + ")"
	default:
		return n.ID
	}
}

// neutronNetwork finds one Neutron network that the user may put containers on.
func (r *resolver) neutronNetwork(ctx context.Context, ref string) (zun.NeutronNetwork, error) {
	visible, err := findByRef(ctx, ref, r.neutron.FindNetworks)
	if err != nil {
		return zun.NeutronNetwork{}, err
	}
	visible = slices.DeleteFunc(visible, func(n zun.NeutronNetwork) bool {
		return n.ProjectID != r.id.ProjectID && !n.Shared && !n.External
	})
	switch len(visible) {
	case 0:
		return zun.NeutronNetwork{}, noNetwork(ref)
	case 1:
		return visible[0], r.checkExternal(visible[0])
	default:
		return zun.NeutronNetwork{}, ambiguous("networks", ref)
	}
}

func ambiguous(kind, ref string) *zun.Error {
	return zun.Errorf(zun.CodeConflict, "several %s are named %q; use a UUID", kind, ref)
}

// checkExternal guards external networks as Zun does (zun/network/neutron.py).
func (r *resolver) checkExternal(n zun.NeutronNetwork) error {
	if !n.External || n.Shared || r.s.Policy.Allows(r.id, "network:attach_external_network", nil) {
		return nil
	}
	return zun.Errorf(zun.CodeExternalNetwork, "It is not allowed to create an interface on external network %s", n.ID)
}

// oldestNetwork is the choice for who says nothing: the project's oldest network, else
// the oldest shared one.
func (r *resolver) oldestNetwork(ctx context.Context) (zun.Network, error) {
	no, yes := false, true
	for _, query := range []zun.NeutronQuery{{ProjectID: r.id.ProjectID, Shared: &no}, {Shared: &yes}} {
		networks, err := r.neutron.FindNetworks(ctx, query)
		if err != nil {
			return zun.Network{}, neutronSays(err)
		}
		networks = slices.DeleteFunc(networks, func(n zun.NeutronNetwork) bool { return r.checkExternal(n) != nil })
		if len(networks) > 0 {
			return r.implicit(ctx, slices.MinFunc(networks, func(a, b zun.NeutronNetwork) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) }))
		}
	}
	return zun.Network{}, zun.Errorf(zun.CodeConflict, "There is no neutron network available; make one, or name one")
}

// implicit returns the network that stands for a Neutron network, as recorded or, until
// the container is recorded, as it would be. One that containers are on keeps the subnets
// it was made with.
func (r *resolver) implicit(ctx context.Context, n zun.NeutronNetwork) (zun.Network, error) {
	network, err := r.s.Store.ImplicitNetwork(ctx, n.ID, false)
	if err == nil && sameSubnets(network, n) {
		return network, nil
	}
	if err != nil && !zun.IsNotFound(err) {
		return zun.Network{}, err
	}
	if err != nil {
		network = zun.Network{
			ID: r.s.NewID(), ProjectID: n.ProjectID, UserID: r.id.UserID, Implicit: true, NeutronNetID: n.ID,
			Status: zun.NetworkActive, CreatedAt: r.s.now(),
		}
	}
	held, err := r.s.Store.HasHolders(ctx, network.ID)
	if err != nil || held {
		return network, err
	}
	subnets, err := r.subnetsOf(ctx, n)
	if err != nil {
		return zun.Network{}, err
	}
	network.Subnets, network.Shared, network.MTU, network.UpdatedAt = recordSubnets(subnets), n.Shared, n.MTU, r.s.now()
	return network, nil
}

func sameSubnets(network zun.Network, n zun.NeutronNetwork) bool {
	if len(network.Subnets) == 0 || len(network.Subnets) != len(n.SubnetIDs) {
		return false
	}
	for _, subnet := range network.Subnets {
		if !slices.Contains(n.SubnetIDs, subnet.ID) {
			return false
		}
	}
	return true
}

// subnetsOf reads the subnets of a network; having none is a conflict.
func (r *resolver) subnetsOf(ctx context.Context, n zun.NeutronNetwork) ([]zun.NeutronSubnet, error) {
	subnets, err := r.neutron.FindSubnets(ctx, zun.NeutronQuery{NetworkID: n.ID})
	if err != nil {
		return nil, neutronSays(err)
	}
	if len(subnets) == 0 {
		return nil, zun.Errorf(zun.CodeConflict, "cannot use Neutron network %s (%s): it has no subnet; make one with subnet-create first", n.Name, n.ID)
	}
	return subnets, nil
}

func recordSubnets(subnets []zun.NeutronSubnet) []zun.Subnet {
	recorded := make([]zun.Subnet, len(subnets))
	for i, subnet := range subnets {
		recorded[i] = zun.Subnet{
			ID: subnet.ID, Name: subnet.Name, CIDR: subnet.CIDR, Gateway: subnet.Gateway, PoolID: subnet.PoolID, DNS: subnet.DNS,
		}
	}
	return recorded
}

// findByRef asks for what has a UUID or, if it is not one or nothing has it, a name.
func findByRef[T any](ctx context.Context, ref string, find func(context.Context, zun.NeutronQuery) ([]T, error)) ([]T, error) {
	if ref == "" {
		return nil, nil
	}
	if zun.IsUUID(ref) {
		found, err := find(ctx, zun.NeutronQuery{ID: ref})
		if err != nil || len(found) > 0 {
			return found, neutronSays(err)
		}
	}
	found, err := find(ctx, zun.NeutronQuery{Name: ref})
	return found, neutronSays(err)
}

// neutronSays passes Neutron's own errors on and says of the rest that it is away.
func neutronSays(err error) error {
	switch zun.CodeOf(err) {
	case "":
		return nil
	case zun.CodeUnavailable, zun.CodeInternal:
		return zun.Wrap(zun.CodeUnavailable, err, "Neutron does not answer; try again later")
	default:
		return err
	}
}

// securityGroups turns names and UUIDs into the UUIDs of the project's groups.
func (r *resolver) securityGroups(ctx context.Context, refs []string) ([]string, error) {
	var ids []string
	for _, ref := range refs {
		groups, err := findByRef(ctx, ref, r.neutron.FindSecurityGroups)
		if err != nil {
			return nil, err
		}
		groups = slices.DeleteFunc(groups, func(g zun.SecurityGroup) bool { return g.ProjectID != r.id.ProjectID })
		switch {
		case len(groups) == 0:
			return nil, zun.Errorf(zun.CodeInvalid, "Security group %s not found.", ref)
		case len(groups) > 1:
			return nil, ambiguous("security groups", ref)
		case !slices.Contains(ids, groups[0].ID):
			ids = append(ids, groups[0].ID)
		}
	}
	return ids, nil
}
