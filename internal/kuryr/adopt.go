package kuryr

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// Adoption is for what Docker names and our records do not know: the records were lost, or
// the Python plugin made it. Neutron's tags and names tell enough to go on with it and to
// end it; what they do not tell, nobody deletes.

// tagged is a tag of ours, or of the Python plugin, on a subnet of a user's.
type tagged struct{ ID, Tag string }

// knownNetwork returns the record of a Docker network, adopting it if need be.
// CodeNetworkNotFound.
func (d *Driver) knownNetwork(ctx context.Context, id string) (network, error) {
	n, found, err := get(d, networks, id)
	if err == nil && !found {
		unlock, err := d.locks.lock(ctx, "network "+id)
		if err != nil {
			return n, err
		}
		defer unlock()
		if n, found, err = get(d, networks, id); err == nil && !found {
			n, found, err = d.adoptNetwork(ctx, id)
		}
		if err != nil {
			return n, err
		}
	}
	if err == nil && (!found || n.Stage != stageReady) {
		err = zun.Errorf(zun.CodeNetworkNotFound, "Docker network %s is known neither to this host's plugin nor to Neutron; remove it and make it again", id)
	}
	return n, err
}

// adoptNetwork rebuilds a network's record. The caller holds its lock.
func (d *Driver) adoptNetwork(ctx context.Context, id string) (n network, found bool, err error) {
	nets, err := d.Neutron.FindNetworks(ctx, zun.NeutronQuery{Tags: idTags(id)})
	named := err == nil && len(nets) == 0
	if named {
		nets, err = d.Neutron.FindNetworks(ctx, zun.NeutronQuery{Name: id})
	}
	if err != nil || len(nets) == 0 {
		return n, false, err
	}
	if len(nets) > 1 {
		return n, false, zun.Errorf(zun.CodeConflict, "Docker network %s is not known to this host's plugin, and %d Neutron networks have its tags: %s; remove the tags from all but one",
			id, len(nets), strings.Join([]string{nets[0].ID, nets[1].ID}, ", "))
	}
	net := nets[0]
	n = network{ID: id, Stage: stageReady, NeutronID: net.ID, Name: net.Name, MTU: net.MTU, Adopted: true, At: d.Now().UTC()}
	n.Tagged = slices.Contains(net.Tags, existingNetTag(id))
	n.MadeNetwork = !n.Tagged && !named // a name may be a user's
	n.Internal = slices.Contains(net.Tags, internalTag(id))
	if !net.Shared {
		n.PortProject = net.ProjectID
	}
	subnets, err := d.Neutron.FindSubnets(ctx, zun.NeutronQuery{NetworkID: net.ID})
	if err != nil {
		return n, false, err
	}
	if err := d.adoptSubnets(ctx, &n, net, subnets); err != nil {
		return n, false, err
	}
	var reserved []zun.Port
	if n.alone(net) {
		if reserved, err = d.Neutron.FindPorts(ctx, zun.NeutronQuery{NetworkID: net.ID, Name: reservedName}); err != nil {
			return n, false, err
		}
	}
	d.Log.Info("adopted a Docker network", "docker_network", id, "neutron_network", net.ID, "made", n.MadeNetwork, "subnets", len(subnets))
	return n, true, d.putAdopted(&n, subnets, reserved)
}

// alone reports whether no other Docker network is on the Neutron network, here or on
// another host.
func (n network) alone(net zun.NeutronNetwork) bool {
	return !slices.ContainsFunc(net.Tags, func(tag string) bool {
		return strings.HasPrefix(tag, tagExistingNet) && tag != existingNetTag(n.ID)
	})
}

// adoptSubnets finds out which subnets, subnetpools and tags go with the network.
func (d *Driver) adoptSubnets(ctx context.Context, n *network, net zun.NeutronNetwork, subnets []zun.NeutronSubnet) error {
	var candidates []string
	alone := n.alone(net)
	for _, s := range subnets {
		marks := uuidTags(s.Tags)
		if n.madeSubnet(s, alone) {
			n.MadeSubnets = append(n.MadeSubnets, wantedSubnet{ID: s.ID, CIDR: s.CIDR})
		} else if alone {
			for _, mark := range marks {
				n.TaggedSubnets = append(n.TaggedSubnets, tagged{s.ID, mark})
			}
		}
		candidates = with(candidates, append(marks, s.PoolID)...)
	}
	if !alone {
		return nil
	}
	for _, id := range candidates {
		if err := d.adoptSubnetpool(ctx, n, id); err != nil {
			return err
		}
	}
	return nil
}

// madeSubnet reports whether a subnet was made for this Docker network. The Python plugin
// only leaves a name, which is proof enough when nobody else can have left it.
func (n network) madeSubnet(s zun.NeutronSubnet, alone bool) bool {
	if !strings.HasPrefix(s.Name, subnetPrefix) {
		return false
	}
	for _, tag := range s.Tags {
		if strings.HasPrefix(tag, tagLower) {
			return slices.Contains(s.Tags, idTags(n.ID)[0])
		}
	}
	return alone && (n.MadeNetwork || n.Tagged)
}

// adoptSubnetpool takes a subnetpool for ours if its name and tags say so.
func (d *Driver) adoptSubnetpool(ctx context.Context, n *network, id string) error {
	if id == "" {
		return nil
	}
	found, err := d.Neutron.FindPools(ctx, zun.NeutronQuery{ID: id})
	if err != nil || len(found) == 0 {
		return err
	}
	switch p := found[0]; {
	case slices.Contains(p.Tags, tagExistingPool):
		n.TaggedPools = append(n.TaggedPools, id)
	case strings.HasPrefix(p.Name, d.PoolPrefix+"-") && (n.MadeNetwork || n.Tagged):
		n.MadePools = append(n.MadePools, id)
	}
	return nil
}

// uuidTags picks the tags that are uuids: the ids that Docker knows pools by.
func uuidTags(tags []string) (ids []string) {
	for _, tag := range tags {
		if id, err := uuid.Parse(tag); err == nil && id.String() == tag {
			ids = append(ids, tag)
		}
	}
	return ids
}

// putAdopted records the network, for each of its subnets a pool, and its auxiliary
// addresses.
func (d *Driver) putAdopted(n *network, subnets []zun.NeutronSubnet, reserved []zun.Port) error {
	return d.update(func(tx *kv.Tx) error {
		all, err := pools.All(tx)
		if err != nil {
			return err
		}
		for _, s := range subnets {
			mine := poolsOf(all, s)
			if len(mine) == 0 {
				mine = []pool{d.adoptedPool(s, n.PortProject, all)}
			}
			for _, p := range mine {
				p.Networks = with(p.Networks, n.ID)
				n.Pools = with(n.Pools, p.ID)
				all[p.ID] = p
				if err := pools.Put(tx, p.ID, p); err != nil {
					return err
				}
			}
		}
		for _, p := range reserved {
			if err := d.adoptReserved(tx, p); err != nil {
				return err
			}
		}
		return networks.Put(tx, n.ID, *n)
	})
}

func (d *Driver) adoptReserved(tx *kv.Tx, p zun.Port) error {
	_, known, err := claimOfPort(tx, p.ID)
	if err != nil || known || holdingOf(p) != holdingMade {
		return err
	}
	c, err := d.adoptedClaim(tx, p, "")
	if err != nil || len(c.Addresses) == 0 {
		return err
	}
	return putClaim(tx, c)
}

func poolsOf(all map[string]pool, s zun.NeutronSubnet) (list []pool) {
	for _, p := range all {
		if p.Subnet.ID == s.ID {
			list = append(list, p)
		}
	}
	return list
}

// adoptedPool makes a record of a subnet, by the id that Docker most likely has.
func (d *Driver) adoptedPool(s zun.NeutronSubnet, project string, all map[string]pool) pool {
	p := pool{
		CIDR: s.CIDR, Subnet: s, SubnetpoolID: s.PoolID, Adopted: true, Refs: 1, PortProject: project,
		Named: !strings.HasPrefix(s.Name, subnetPrefix), TouchedAt: d.Now().UTC(),
	}
	for _, id := range append(uuidTags(s.Tags), s.PoolID, s.ID) {
		if _, taken := all[id]; id != "" && !taken {
			p.ID = id
			return p
		}
	}
	p.ID = d.NewID()
	return p
}

// knownPool returns the record of a pool, adopting its subnet if need be. ip, if Docker
// names one, tells which of several subnets is meant.
func (d *Driver) knownPool(ctx context.Context, id string, ip netip.Addr) (p pool, found bool, err error) {
	p, found, err = get(d, pools, id)
	if _, bad := uuid.Parse(id); err != nil || found || bad != nil {
		return p, found, err
	}
	s, err := d.subnetOfPool(ctx, id, ip)
	if err != nil || s.ID == "" {
		return p, false, err
	}
	nets, err := d.Neutron.FindNetworks(ctx, zun.NeutronQuery{ID: s.NetworkID})
	if err != nil || len(nets) == 0 {
		return p, false, err
	}
	project := nets[0].ProjectID
	if nets[0].Shared {
		project = ""
	}
	d.Log.Info("adopted an address pool", "pool", id, "subnet", s.ID)
	err = d.update(func(tx *kv.Tx) error {
		if p, found, err = pools.Get(tx, id); err != nil || found {
			return err
		}
		p = d.adoptedPool(s, project, nil)
		p.ID, found = id, true
		return pools.Put(tx, id, p)
	})
	return p, found, err
}

// subnetOfPool finds the subnet that a pool id stands for: the one that has it for a tag,
// the one out of that subnetpool, or that of that very id.
func (d *Driver) subnetOfPool(ctx context.Context, id string, ip netip.Addr) (s zun.NeutronSubnet, err error) {
	for _, q := range []zun.NeutronQuery{{Tags: []string{id}}, {PoolID: id}, {ID: id}} {
		found, err := d.Neutron.FindSubnets(ctx, q)
		if err != nil {
			return s, err
		}
		if ip.IsValid() {
			found = slices.DeleteFunc(found, func(s zun.NeutronSubnet) bool { return !s.CIDR.Contains(ip) })
		}
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) > 1 {
			return d.subnetOfOurs(ctx, id, found)
		}
	}
	return s, nil
}

// subnetOfOurs chooses among subnets the one whose network is a Docker network.
func (d *Driver) subnetOfOurs(ctx context.Context, id string, among []zun.NeutronSubnet) (chosen zun.NeutronSubnet, err error) {
	hits := 0
	for _, s := range among {
		nets, err := d.Neutron.FindNetworks(ctx, zun.NeutronQuery{ID: s.NetworkID})
		if err != nil {
			return chosen, err
		}
		if len(nets) == 1 && slices.ContainsFunc(nets[0].Tags, func(tag string) bool { return strings.HasPrefix(tag, tagLower) }) {
			chosen, hits = s, hits+1
		}
	}
	if hits != 1 {
		return zun.NeutronSubnet{}, zun.Errorf(zun.CodeConflict, "address pool %s is not known to this host's plugin, and %d subnets may be it; remove the Docker network and make it again", id, len(among))
	}
	return chosen, nil
}
