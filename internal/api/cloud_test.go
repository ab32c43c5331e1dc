package api

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/gozun/gozun/internal/control"
	"github.com/gozun/gozun/zun"
)

// cloud is a Neutron of one project with the network "testnet" and its pool and subnet,
// and one host. It answers at once and lets everything succeed.
type cloud struct {
	mu       sync.Mutex
	networks []zun.NeutronNetwork
	subnets  []zun.NeutronSubnet
	pools    []zun.NeutronPool
	reports  zun.Reports
	away     bool
	stuck    bool // the host does not answer
	files    map[string][]byte
	updated  []zun.Container
	groups   []zun.SecurityGroup
	done     sync.WaitGroup
	terminals
}

var (
	_ control.Neutron = (*cloud)(nil)
	_ zun.Node        = (*cloud)(nil)
)

// newCloud returns a cloud for project p.
func newCloud() *cloud {
	cidr := netip.MustParsePrefix("10.2.0.0/24")
	return &cloud{
		networks: []zun.NeutronNetwork{{
			ID: neutronID, Name: "testnet", ProjectID: "p", MTU: 1450, SubnetIDs: []string{subnetID}, CreatedAt: "2026-11-23T12:00:00Z",
		}},
		subnets: []zun.NeutronSubnet{{
			ID: subnetID, Name: "testsubnet", NetworkID: neutronID, ProjectID: "p", CIDR: cidr,
			Gateway: netip.MustParseAddr("10.2.0.1"), PoolID: portID, EnableDHCP: true,
		}},
		pools: []zun.NeutronPool{{ID: portID, Name: "testpool", ProjectID: "p", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16")}}},
	}
}

// answers is an error while Neutron is away.
func (c *cloud) answers() error {
	if c.away {
		return zun.Errorf(zun.CodeUnavailable, "cannot reach Neutron: it does not answer")
	}
	return nil
}

// matches reports whether something fits a query's id, name, network and project.
func matches(q zun.NeutronQuery, id, name, network, project string) bool {
	fits := func(want, got string) bool { return want == "" || want == got }
	return fits(q.ID, id) && fits(q.Name, name) && fits(q.NetworkID, network) && fits(q.ProjectID, project)
}

// choose returns what fits.
func choose[T any](c *cloud, all *[]T, fits func(T) bool) ([]T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []T
	for _, one := range *all {
		if fits(one) {
			found = append(found, one)
		}
	}
	return found, c.answers()
}

func (c *cloud) FindNetworks(_ context.Context, q zun.NeutronQuery) ([]zun.NeutronNetwork, error) {
	return choose(c, &c.networks, func(n zun.NeutronNetwork) bool {
		return matches(q, n.ID, n.Name, "", n.ProjectID) && len(q.Tags) == 0 && (q.Shared == nil || *q.Shared == n.Shared)
	})
}

func (c *cloud) FindSubnets(_ context.Context, q zun.NeutronQuery) ([]zun.NeutronSubnet, error) {
	return choose(c, &c.subnets, func(n zun.NeutronSubnet) bool {
		return matches(q, n.ID, n.Name, n.NetworkID, n.ProjectID) && len(q.Tags) == 0
	})
}

func (c *cloud) FindPools(_ context.Context, q zun.NeutronQuery) ([]zun.NeutronPool, error) {
	return choose(c, &c.pools, func(n zun.NeutronPool) bool { return matches(q, n.ID, n.Name, "", n.ProjectID) && len(q.Tags) == 0 })
}

func (c *cloud) FindPorts(context.Context, zun.NeutronQuery) ([]zun.Port, error) {
	return nil, c.answers()
}

func (c *cloud) FindSecurityGroups(_ context.Context, q zun.NeutronQuery) ([]zun.SecurityGroup, error) {
	return choose(c, &c.groups, func(g zun.SecurityGroup) bool { return matches(q, g.ID, g.Name, "", g.ProjectID) })
}

func (c *cloud) CreateNetwork(_ context.Context, spec zun.NeutronNetworkSpec) (zun.NeutronNetwork, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := zun.NeutronNetwork{ID: made("1", len(c.networks)), Name: spec.Name, ProjectID: "p", MTU: 1450}
	c.networks = append(c.networks, n)
	return n, c.answers()
}

func (c *cloud) CreateSubnet(_ context.Context, spec zun.NeutronSubnetSpec) (zun.NeutronSubnet, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := zun.NeutronSubnet{
		ID: made("2", len(c.subnets)), Name: spec.Name, NetworkID: spec.NetworkID, ProjectID: "p", CIDR: spec.CIDR,
		Gateway: spec.CIDR.Addr().Next(), PoolID: spec.PoolID,
	}
	c.subnets = append(c.subnets, n)
	return n, c.answers()
}

func (c *cloud) CreatePool(_ context.Context, spec zun.NeutronPoolSpec) (zun.NeutronPool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := zun.NeutronPool{ID: made("3", len(c.pools)), Name: spec.Name, ProjectID: "p", Prefixes: spec.Prefixes}
	c.pools = append(c.pools, n)
	return n, c.answers()
}

// made is the UUID of the n-th thing of a kind.
func made(kind string, n int) string {
	return fmt.Sprintf("%s%07d-0000-4000-b000-000000000000", kind, n)
}

// remove takes what fits out of a list.
func remove[T any](c *cloud, all *[]T, fits func(T) bool) error {
	rest, err := choose(c, all, func(one T) bool { return !fits(one) })
	c.mu.Lock()
	defer c.mu.Unlock()
	*all = rest
	return err
}

func (c *cloud) DeleteNetwork(_ context.Context, id string) error {
	return remove(c, &c.networks, func(n zun.NeutronNetwork) bool { return n.ID == id })
}

func (c *cloud) DeleteSubnet(_ context.Context, id string) error {
	return remove(c, &c.subnets, func(n zun.NeutronSubnet) bool { return n.ID == id })
}

func (c *cloud) DeletePool(_ context.Context, id string) error {
	return remove(c, &c.pools, func(n zun.NeutronPool) bool { return n.ID == id })
}

// Accept does the action at once, as far as anyone can tell from the reports.
func (c *cloud) Accept(_ context.Context, order zun.Order) error {
	c.done.Go(func() { c.work(context.Background(), order) })
	return nil
}

// work reports the stages and the end of an action.
func (c *cloud) work(ctx context.Context, order zun.Order) {
	outcome := zun.Outcome{At: time.Now(), Observation: zun.Observation{ContainerID: order.Container.ID}}
	event := zun.Event{ActionID: order.Action.ID, Stage: zun.StagePort, StartedAt: time.Now()}
	_ = c.reports.StageBegan(ctx, event)
	switch order.Action.Kind {
	case zun.ActionCreate:
		for i, a := range order.Attachments {
			a.PortID, a.MAC = made("5", int(order.Action.ID)*10+i), "fa:16:3e:00:00:02"
			a.Addresses = []zun.Address{{IP: netip.MustParseAddr("10.2.0.9"), SubnetID: subnetID}}
			_ = c.reports.Plugged(ctx, a)
		}
		outcome.Observation.Status = zun.StatusCreated
		if order.Input.Run {
			outcome.Observation.Status = zun.StatusRunning
		}
	case zun.ActionStop, zun.ActionKill:
		outcome.Observation.Status = zun.StatusStopped
	case zun.ActionHeal:
		outcome.Observation.Status = zun.StatusCreated
		if order.Input.Run {
			outcome.Observation.Status = zun.StatusRunning
		}
	case zun.ActionStart, zun.ActionReboot, zun.ActionUnpause:
		outcome.Observation.Status = zun.StatusRunning
	case zun.ActionPause:
		outcome.Observation.Status = zun.StatusPaused
	case zun.ActionAddGroup:
		outcome.SecurityGroups = append(outcome.SecurityGroups, order.Input.SecurityGroup)
	case zun.ActionRemoveGroup:
		outcome.SecurityGroups = []string{}
	case zun.ActionNetworkDetach:
		outcome.Detached = order.Input.AttachmentIDs
	case zun.ActionDelete:
		outcome.Deleted = true
	}
	event.FinishedAt = time.Now()
	_ = c.reports.StageEnded(ctx, event)
	_ = c.reports.Finished(ctx, order.Action.ID, outcome)
}

// AcceptImage does the work at once. What is called missing cannot be pulled.
func (c *cloud) AcceptImage(_ context.Context, order zun.ImageOrder) error {
	report := zun.ImageReport{ImageID: order.Image.ID, Order: order.Image.Status, Status: zun.ImageAvailable, DockerID: "sha256:11", SizeBytes: 1 << 20}
	switch {
	case order.Image.Status == zun.ImageDeleting:
		report = zun.ImageReport{ImageID: order.Image.ID, Order: order.Image.Status, Deleted: true}
	case order.Image.Repo == "missing":
		report = zun.ImageReport{ImageID: order.Image.ID, Order: order.Image.Status, Status: zun.ImageError, Reason: "there is none"}
	}
	c.done.Go(func() { _ = c.reports.ImageChanged(context.Background(), report) })
	return nil
}

func (c *cloud) SearchImages(_ context.Context, term string) ([]zun.FoundImage, error) {
	if term == "unreachable" {
		return nil, zun.Errorf(zun.CodeUnavailable, "cannot search for image unreachable: host h1 cannot reach Docker Hub: no route")
	}
	return []zun.FoundImage{{Name: term, Description: "it", Official: true, Stars: 7}, {Name: "other/" + term}}, nil
}

func (c *cloud) Logs(context.Context, zun.Container, zun.LogsOptions) ([]byte, error) {
	return []byte("hello\n"), nil
}

func (c *cloud) Execute(_ context.Context, _ zun.Container, command []string) (zun.ExecResult, error) {
	return zun.ExecResult{Output: fmt.Append(nil, command), ExitCode: 1}, nil
}

func (c *cloud) Observe(_ context.Context, container zun.Container) (zun.Observation, error) {
	return zun.Observation{ContainerID: container.ID}, nil
}

func (c *cloud) EnsureNetwork(context.Context, zun.Network) error { return nil }
func (c *cloud) RemoveNetwork(context.Context, zun.Network) error { return nil }

func (c *cloud) Host(context.Context) (zun.Host, error) {
	return zun.Host{Name: "h1", CPUs: 64, MemoryMiB: 1 << 20, Runtimes: []string{"runc"}}, nil
}
