package control

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/gozun/gozun/zun"
)

// cloud is a small Neutron in memory: what these tests need of its rules, seen by project.
type cloud struct {
	mu       sync.Mutex
	networks []zun.NeutronNetwork
	subnets  []zun.NeutronSubnet
	pools    []zun.NeutronPool
	ports    []zun.Port
	groups   []zun.SecurityGroup
	calls    []string
	fail     func(call string) error // before the call has an effect
	lose     func(call string) error // after it: the answer is lost
}

// as is the cloud as a project sees it; "" is an administrator.
type as struct {
	*cloud
	project string
}

// call counts a call and returns how to leave it.
func (c as) call(name string) (leave func(err error) error, err error) {
	c.mu.Lock()
	c.calls = append(c.calls, name)
	if c.fail != nil {
		if err := c.fail(name); err != nil {
			c.mu.Unlock()
			return nil, err
		}
	}
	return func(err error) error {
		if err == nil && c.lose != nil {
			err = c.lose(name)
		}
		c.mu.Unlock()
		return err
	}, nil
}

func (c *cloud) callsSince(n int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls[n:])
}

func (c as) sees(project string, shared bool) bool {
	return c.project == "" || shared || c.project == project
}

func matches(q zun.NeutronQuery, id, name, project string, tags []string) bool {
	for _, tag := range q.Tags {
		if !slices.Contains(tags, tag) {
			return false
		}
	}
	return (q.ID == "" || q.ID == id) && (q.Name == "" || q.Name == name) && (q.ProjectID == "" || q.ProjectID == project)
}

func keep[T any](items []T, ok func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(items), func(item T) bool { return !ok(item) })
}

func (c as) FindNetworks(_ context.Context, q zun.NeutronQuery) ([]zun.NeutronNetwork, error) {
	leave, err := c.call("GET networks")
	if err != nil {
		return nil, err
	}
	found := keep(c.networks, func(n zun.NeutronNetwork) bool {
		return c.sees(n.ProjectID, n.Shared || n.External) && matches(q, n.ID, n.Name, n.ProjectID, n.Tags) && (q.Shared == nil || *q.Shared == n.Shared)
	})
	for i := range found {
		found[i].SubnetIDs = nil
		for _, s := range c.subnets {
			if s.NetworkID == found[i].ID {
				found[i].SubnetIDs = append(found[i].SubnetIDs, s.ID)
			}
		}
	}
	return found, leave(nil)
}

func (c as) sharedNet(id string) bool {
	return slices.ContainsFunc(c.networks, func(n zun.NeutronNetwork) bool { return n.ID == id && (n.Shared || n.External) })
}

func (c as) FindSubnets(_ context.Context, q zun.NeutronQuery) ([]zun.NeutronSubnet, error) {
	leave, err := c.call("GET subnets")
	if err != nil {
		return nil, err
	}
	return keep(c.subnets, func(s zun.NeutronSubnet) bool {
		return c.sees(s.ProjectID, c.sharedNet(s.NetworkID)) && matches(q, s.ID, s.Name, s.ProjectID, s.Tags) && (q.NetworkID == "" || q.NetworkID == s.NetworkID)
	}), leave(nil)
}

func (c as) FindPools(_ context.Context, q zun.NeutronQuery) ([]zun.NeutronPool, error) {
	leave, err := c.call("GET pools")
	if err != nil {
		return nil, err
	}
	return keep(c.pools, func(p zun.NeutronPool) bool {
		return c.sees(p.ProjectID, p.Shared) && matches(q, p.ID, p.Name, p.ProjectID, p.Tags)
	}), leave(nil)
}

func (c as) FindPorts(_ context.Context, q zun.NeutronQuery) ([]zun.Port, error) {
	leave, err := c.call("GET ports")
	if err != nil {
		return nil, err
	}
	return keep(c.ports, func(p zun.Port) bool {
		hasIP := !q.IP.IsValid() || slices.ContainsFunc(p.FixedIPs, func(a zun.Address) bool { return a.IP == q.IP })
		return hasIP && matches(q, p.ID, p.Name, p.ProjectID, p.Tags) && (q.NetworkID == "" || q.NetworkID == p.NetworkID)
	}), leave(nil)
}

func (c as) FindSecurityGroups(_ context.Context, q zun.NeutronQuery) ([]zun.SecurityGroup, error) {
	leave, err := c.call("GET groups")
	if err != nil {
		return nil, err
	}
	return keep(c.groups, func(g zun.SecurityGroup) bool {
		return c.sees(g.ProjectID, false) && matches(q, g.ID, g.Name, g.ProjectID, nil)
	}), leave(nil)
}

func (c as) CreateNetwork(_ context.Context, spec zun.NeutronNetworkSpec) (zun.NeutronNetwork, error) {
	leave, err := c.call("POST network")
	if err != nil {
		return zun.NeutronNetwork{}, err
	}
	n := zun.NeutronNetwork{ID: uuid.NewString(), Name: spec.Name, ProjectID: c.project, MTU: 1450, Tags: spec.Tags, CreatedAt: fmt.Sprintf("2026-11-23T00:00:%02dZ", len(c.networks))}
	c.networks = append(c.networks, n)
	return n, leave(nil)
}

func (c as) CreateSubnet(_ context.Context, spec zun.NeutronSubnetSpec) (zun.NeutronSubnet, error) {
	leave, err := c.call("POST subnet")
	if err != nil {
		return zun.NeutronSubnet{}, err
	}
	s := zun.NeutronSubnet{
		ID: uuid.NewString(), Name: spec.Name, NetworkID: spec.NetworkID, ProjectID: c.project, CIDR: spec.CIDR,
		Gateway: spec.CIDR.Addr().Next(), PoolID: spec.PoolID, EnableDHCP: true, Tags: spec.Tags,
	}
	c.subnets = append(c.subnets, s)
	return s, leave(nil)
}

func (c as) CreatePool(_ context.Context, spec zun.NeutronPoolSpec) (zun.NeutronPool, error) {
	leave, err := c.call("POST pool")
	if err != nil {
		return zun.NeutronPool{}, err
	}
	p := zun.NeutronPool{ID: uuid.NewString(), Name: spec.Name, ProjectID: c.project, Prefixes: spec.Prefixes, Tags: spec.Tags}
	c.pools = append(c.pools, p)
	return p, leave(nil)
}

func (c as) DeleteNetwork(_ context.Context, id string) error {
	leave, err := c.call("DELETE network")
	if err != nil {
		return err
	}
	if slices.ContainsFunc(c.ports, func(p zun.Port) bool { return p.NetworkID == id }) {
		return leave(zun.Errorf(zun.CodeConflict, "cannot delete network %s: there are ports on it", id))
	}
	c.networks = slices.DeleteFunc(c.networks, func(n zun.NeutronNetwork) bool { return n.ID == id })
	c.subnets = slices.DeleteFunc(c.subnets, func(s zun.NeutronSubnet) bool { return s.NetworkID == id })
	return leave(nil)
}

func (c as) DeleteSubnet(_ context.Context, id string) error {
	leave, err := c.call("DELETE subnet")
	if err != nil {
		return err
	}
	for _, p := range c.ports {
		if slices.ContainsFunc(p.FixedIPs, func(a zun.Address) bool { return a.SubnetID == id }) {
			return leave(zun.Errorf(zun.CodeConflict, "cannot delete subnet %s: ports have addresses in it", id))
		}
	}
	c.subnets = slices.DeleteFunc(c.subnets, func(s zun.NeutronSubnet) bool { return s.ID == id })
	return leave(nil)
}

func (c as) DeletePool(_ context.Context, id string) error {
	leave, err := c.call("DELETE pool")
	if err != nil {
		return err
	}
	if slices.ContainsFunc(c.subnets, func(s zun.NeutronSubnet) bool { return s.PoolID == id }) {
		return leave(zun.Errorf(zun.CodeConflict, "cannot delete pool %s: it is in use", id))
	}
	c.pools = slices.DeleteFunc(c.pools, func(p zun.NeutronPool) bool { return p.ID == id })
	return leave(nil)
}

// addNetwork makes a network of a project with subnets, as a user would.
func (c *cloud) addNetwork(project, name string, cidrs ...string) zun.NeutronNetwork {
	ctx := context.Background()
	n, _ := as{c, project}.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: name})
	for _, cidr := range cidrs {
		prefix := netip.MustParsePrefix(cidr)
		pool, _ := as{c, project}.CreatePool(ctx, zun.NeutronPoolSpec{Name: name + "-pool", Prefixes: []netip.Prefix{prefix}})
		s, _ := as{c, project}.CreateSubnet(ctx, zun.NeutronSubnetSpec{Name: name + "-sub", NetworkID: n.ID, CIDR: prefix, PoolID: pool.ID})
		n.SubnetIDs = append(n.SubnetIDs, s.ID)
	}
	return n
}

func (c *cloud) addPort(project string, n zun.NeutronNetwork, ip string) zun.Port {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := zun.Port{ID: uuid.NewString(), Name: "port-" + ip, ProjectID: project, NetworkID: n.ID, Status: "DOWN", VIFType: "unbound"}
	if ip != "" {
		p.FixedIPs = []zun.Address{{IP: netip.MustParseAddr(ip), SubnetID: n.SubnetIDs[0]}}
	}
	c.ports = append(c.ports, p)
	return p
}

// addAddress gives a port one more address.
func (c *cloud) addAddress(port, subnet, ip string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.IndexFunc(c.ports, func(p zun.Port) bool { return p.ID == port })
	c.ports[at].FixedIPs = append(slices.Clone(c.ports[at].FixedIPs), zun.Address{IP: netip.MustParseAddr(ip), SubnetID: subnet})
}

func (c *cloud) edit(f func(*cloud)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

// count returns how many networks, subnets and pools there are.
func (c *cloud) count() [3]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return [3]int{len(c.networks), len(c.subnets), len(c.pools)}
}
