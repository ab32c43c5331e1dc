package control

import (
	"context"
	"net/netip"

	"github.com/gozun/gozun/zun"
)

// ownTag marks what we make in Neutron for a network, so that it is found after a crash
// between the making and the recording.
func ownTag(networkID string) string { return "gozun.network=" + networkID }

// checkNetwork refuses requests that could not become a network.
func checkNetwork(r zun.NetworkRequest) error {
	if err := checkName("network", r.Name); err != nil {
		return err
	}
	named := r.NeutronNet != "" || r.NeutronPool != "" || len(r.NeutronSubnets) > 0
	switch {
	case r.CIDR.IsValid() && named:
		return zun.Errorf(zun.CodeInvalid, "cannot create network %q: a subnet to be made (%s) excludes a Neutron network, pool or subnet that is there", r.Name, r.CIDR)
	case r.CIDR.IsValid():
		return checkCIDR(r)
	case r.NeutronNet == "":
		return zun.Errorf(zun.CodeInvalid, "cannot create network %q: name a Neutron network, or give a subnet (a CIDR) to make one", r.Name)
	}
	return nil
}

// checkCIDR refuses ranges that hold no usable subnet.
func checkCIDR(r zun.NetworkRequest) error {
	if r.CIDR != r.CIDR.Masked() {
		return zun.Errorf(zun.CodeInvalid, "cannot create network %q: %s is an address in a subnet; the subnet is %s", r.Name, r.CIDR, r.CIDR.Masked())
	}
	first := r.CIDR.Addr()
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	if first.Is4In6() || first.IsMulticast() || first.IsLinkLocalUnicast() || first.IsUnspecified() || r.CIDR.Overlaps(loopback) || first.IsLoopback() {
		return zun.Errorf(zun.CodeInvalid, "cannot create network %q: %s is not a range for networks", r.Name, r.CIDR)
	}
	longest := 30
	if first.Is6() {
		longest = 126
	}
	if r.CIDR.Bits() < 8 || r.CIDR.Bits() > longest {
		return zun.Errorf(zun.CodeInvalid, "cannot create network %q: the prefix of %s must have 8 to %d bits", r.Name, r.CIDR, longest)
	}
	return nil
}

// makeInNeutron makes pool, network and subnet in the user's project. Each is recorded as
// soon as it is there; Network.Made is the list of what to undo.
func (s *Service) makeInNeutron(ctx context.Context, neutron Neutron, network *zun.Network, request zun.NetworkRequest) error {
	tags := []string{ownTag(network.ID)}
	pool, err := neutron.CreatePool(ctx, zun.NeutronPoolSpec{
		Name: network.Name, Prefixes: []netip.Prefix{request.CIDR}, DefaultPrefixLen: request.CIDR.Bits(), Tags: tags,
	})
	if err != nil {
		return neutronSays(err)
	}
	network.NeutronPoolID, network.Made.PoolID = pool.ID, pool.ID
	if err := s.Store.SaveNetwork(ctx, *network); err != nil {
		return err
	}
	made, err := neutron.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: network.Name, Tags: tags})
	if err != nil {
		return neutronSays(err)
	}
	network.NeutronNetID, network.MTU, network.Made.NetworkID = made.ID, made.MTU, made.ID
	if err := s.Store.SaveNetwork(ctx, *network); err != nil {
		return err
	}
	subnet, err := neutron.CreateSubnet(ctx, zun.NeutronSubnetSpec{
		Name: network.Name, NetworkID: made.ID, CIDR: request.CIDR, PoolID: pool.ID, EnableDHCP: true, Tags: tags,
	})
	if err != nil {
		return neutronSays(err)
	}
	network.Subnets, network.Made.SubnetIDs = recordSubnets([]zun.NeutronSubnet{subnet}), []string{subnet.ID}
	return s.Store.SaveNetwork(ctx, *network)
}

// unmake removes from Neutron what was made for a network, the last first. What was made
// but not recorded, because of a crash or a lost answer, is found by our tag.
func (s *Service) unmake(ctx context.Context, neutron Neutron, network *zun.Network) error {
	if err := s.adopt(ctx, neutron, network); err != nil {
		return err
	}
	for len(network.Made.SubnetIDs) > 0 {
		if err := neutron.DeleteSubnet(ctx, network.Made.SubnetIDs[0]); err != nil {
			return neutronSays(err)
		}
		network.Made.SubnetIDs = network.Made.SubnetIDs[1:]
		if err := s.Store.SaveNetwork(ctx, *network); err != nil {
			return err
		}
	}
	for _, one := range []struct {
		id     *string
		remove func(context.Context, string) error
	}{{&network.Made.PoolID, neutron.DeletePool}, {&network.Made.NetworkID, neutron.DeleteNetwork}} {
		if *one.id == "" {
			continue
		}
		if err := one.remove(ctx, *one.id); err != nil {
			return neutronSays(err)
		}
		*one.id = ""
		if err := s.Store.SaveNetwork(ctx, *network); err != nil {
			return err
		}
	}
	return nil
}

// adopt adds to Network.Made what carries our tag. It only looks while the making was not
// complete: a network that became Active has all of it recorded.
func (s *Service) adopt(ctx context.Context, neutron Neutron, network *zun.Network) error {
	if network.Implicit || len(network.Subnets) > 0 {
		return nil
	}
	query := zun.NeutronQuery{ProjectID: network.ProjectID, Name: network.Name, Tags: []string{ownTag(network.ID)}}
	pools, err := neutron.FindPools(ctx, query)
	if err != nil {
		return neutronSays(err)
	}
	networks, err := neutron.FindNetworks(ctx, query)
	if err != nil {
		return neutronSays(err)
	}
	subnets, err := neutron.FindSubnets(ctx, query)
	if err != nil {
		return neutronSays(err)
	}
	if len(pools) > 0 {
		network.Made.PoolID = pools[0].ID
	}
	if len(networks) > 0 {
		network.Made.NetworkID = networks[0].ID
	}
	if len(subnets) > 0 {
		network.Made.SubnetIDs = []string{subnets[0].ID}
	}
	return s.Store.SaveNetwork(ctx, *network)
}
