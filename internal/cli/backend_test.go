package cli_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// backend is the service behind the real API, in memory and with time standing still. An
// action takes one more step each time somebody looks at it.
type backend struct {
	mu         sync.Mutex
	containers []*zun.ContainerDetail
	networks   []*zun.NetworkDetail
	registries []*zun.Registry
	images     []*zun.Image
	passwords  map[string]string // of registries
	actions    map[string][]*zun.Action
	looks      map[string]int
	request    zun.ContainerRequest
	files      map[string][]byte // archives by the directory that they were put into
	consoles
	admin
}

func newBackend() *backend {
	return &backend{actions: map[string][]*zun.Action{}, looks: map[string]int{}, admin: newAdmin(), passwords: map[string]string{}}
}

func (b *backend) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.containers)
}

func id(kind string, n int) string { return fmt.Sprintf("%s%03d-0000-4000-8000-000000000000", kind, n) }

func (b *backend) find(ref string) (*zun.ContainerDetail, error) {
	for _, c := range b.containers {
		if c.ID == ref || c.Name == ref {
			return c, nil
		}
	}
	return nil, zun.Errorf(zun.CodeContainerNotFound, "Container %s could not be found.", ref)
}

func (b *backend) findNetwork(ref string) (*zun.NetworkDetail, error) {
	for _, n := range b.networks {
		if n.ID == ref || n.Name == ref {
			return n, nil
		}
	}
	return nil, zun.Errorf(zun.CodeNetworkNotFound, "cannot find network %q", ref)
}

func (b *backend) order(ctx context.Context, kind zun.ActionKind, c *zun.ContainerDetail) {
	b.actions[c.ID] = append([]*zun.Action{{
		Kind: kind, ContainerID: c.ID, RequestID: zun.RequestID(ctx), ProjectID: c.ProjectID, UserID: c.UserID, StartedAt: noon,
	}}, b.actions[c.ID]...)
}

func (b *backend) CreateContainer(ctx context.Context, g policy.Grant, r zun.ContainerRequest) (zun.ContainerDetail, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.request = r
	if r.Image == "crash" {
		panic("the test wants a 500")
	}
	if r.Name == "" {
		r.Name = fmt.Sprintf("tau-%d-container", len(b.containers)+1)
	}
	c := &zun.ContainerDetail{Container: zun.Container{
		ID: id("c0000", len(b.containers)+1), Name: r.Name, Image: r.Image, Command: r.Command, ImageDriver: "docker",
		ProjectID: g.Identity().ProjectID, UserID: g.Identity().UserID, Status: zun.StatusCreating, CreatedAt: noon,
		Interactive: r.Interactive, TTY: r.TTY, RegistryID: r.Registry, CPU: 1, MemoryMiB: 512, Environment: r.Environment, Labels: r.Labels, RestartPolicy: r.RestartPolicy,
	}}
	for i, net := range r.Nets {
		network, err := b.findNetwork(net.Network)
		if err != nil {
			return zun.ContainerDetail{}, err
		}
		b.attach(c, network, i, net.IPv4)
	}
	b.containers = append(b.containers, c)
	b.order(ctx, zun.ActionCreate, c)
	return *c, nil
}

func (b *backend) attach(c *zun.ContainerDetail, n *zun.NetworkDetail, position int, ip netip.Addr) {
	if !ip.IsValid() {
		ip = netip.AddrFrom4([4]byte{10, 2, 0, byte(len(n.Holders) + 4)})
	}
	a := zun.Attachment{
		ContainerID: c.ID, NetworkID: n.ID, Position: position, PortID: id("f0000", len(n.Holders)+1), MAC: "fa:16:3e:00:00:01",
		Addresses: []zun.Address{{IP: ip, SubnetID: n.Subnets[0].ID}},
	}
	n.Holders = append(n.Holders, zun.Holder{Attachment: a, ContainerName: c.Name})
	c.Nets = append(c.Nets, zun.AttachedNetwork{Attachment: a, Network: n.Network})
}

// step is what an action does when it ends.
func (b *backend) step(c *zun.ContainerDetail, a *zun.Action) {
	a.FinishedAt = noon.Add(time.Second)
	switch {
	case c.Image == "missing" && a.Kind == zun.ActionCreate:
		c.Status, c.StatusReason, a.Message = zun.StatusError, "cannot pull image missing: there is none", "cannot pull image missing: there is none"
	case c.Image == "brief" && a.Kind == zun.ActionCreate: // it has ended, and asked for that
		b.remove(c)
	case a.Kind == zun.ActionCreate && !b.request.Run:
		c.Status = zun.StatusCreated
	case a.Kind == zun.ActionRebuild && c.Image == "missing":
		a.Message = "image missing is not on host h1 and cannot be pulled"
	case a.Kind == zun.ActionPause:
		c.Status = zun.StatusPaused
	case a.Kind == zun.ActionCreate, a.Kind == zun.ActionStart, a.Kind == zun.ActionReboot, a.Kind == zun.ActionUnpause, a.Kind == zun.ActionRebuild:
		c.Status = zun.StatusRunning
	case a.Kind == zun.ActionStop, a.Kind == zun.ActionKill:
		c.Status = zun.StatusStopped
	case a.Kind == zun.ActionDelete:
		b.remove(c)
	}
}

func (b *backend) remove(c *zun.ContainerDetail) {
	b.containers = slices.DeleteFunc(b.containers, func(other *zun.ContainerDetail) bool { return other.ID == c.ID })
	for _, n := range b.networks {
		n.Holders = slices.DeleteFunc(n.Holders, func(h zun.Holder) bool { return h.Attachment.ContainerID == c.ID })
	}
}

func (b *backend) Action(_ context.Context, _ policy.Grant, ref, request string) (zun.Action, []zun.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.find(ref)
	if err != nil {
		return zun.Action{}, nil, err
	}
	for _, a := range b.actions[c.ID] {
		if a.RequestID == request {
			b.looks[request]++
			if b.looks[request] == 3 && c.Image != "slow" {
				b.step(c, a)
				if c.Image == "brief" {
					break // before anybody saw how it ended
				}
			}
			return *a, stagesAfter(b.looks[request], a.Message), nil
		}
	}
	return zun.Action{}, nil, zun.Errorf(zun.CodeResourceNotFound, "The Action resource %s could not be found.", request)
}

func stagesAfter(looks int, failure string) []zun.Event {
	stages := []zun.Event{{Stage: zun.StageImage, StartedAt: noon, Detail: "found nginx"}, {Stage: zun.StagePort, StartedAt: noon}}
	if looks > 1 {
		stages[0].FinishedAt = noon.Add(12 * time.Millisecond)
	}
	if looks > 2 {
		stages[1].FinishedAt, stages[1].Failed, stages[1].Detail = noon.Add(240*time.Millisecond), failure != "", failure
	}
	return stages
}

func (b *backend) Actions(_ context.Context, _ policy.Grant, ref string) ([]zun.Action, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.find(ref)
	if err != nil {
		return nil, err
	}
	var all []zun.Action
	for _, a := range b.actions[c.ID] {
		all = append(all, *a)
	}
	return all, nil
}

func (b *backend) ListContainers(_ context.Context, _ policy.Grant, f zun.ContainerFilter) ([]zun.ContainerDetail, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []zun.ContainerDetail
	for _, c := range b.containers {
		if (f.Name == "" || f.Name == c.Name) && (f.Status == "" || f.Status == c.Status) {
			found = append(found, *c)
		}
	}
	if f.Page.SortKey == "name" {
		slices.SortFunc(found, func(x, y zun.ContainerDetail) int { return strings.Compare(x.Name, y.Name) })
	}
	return found[:min(len(found), f.Page.Limit)], nil
}

func (b *backend) GetContainer(_ context.Context, _ policy.Grant, ref string, _ bool) (zun.ContainerDetail, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.find(ref)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	return *c, nil
}

func (b *backend) act(ctx context.Context, ref, check string, kind zun.ActionKind) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.find(ref)
	if err != nil {
		return err
	}
	if err := c.CheckState(check); err != nil {
		return err
	}
	b.order(ctx, kind, c)
	return nil
}

func (b *backend) DeleteContainer(ctx context.Context, _ policy.Grant, ref string, o zun.DeleteOptions) error {
	check := "delete"
	if o.Stop {
		check = "delete_after_stop"
	}
	if err := b.act(ctx, ref, check, zun.ActionDelete); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, _ := b.find(ref); c != nil {
		c.Status = zun.StatusDeleting
	}
	return nil
}

func (b *backend) StartContainer(ctx context.Context, _ policy.Grant, ref string) error {
	return b.act(ctx, ref, "start", zun.ActionStart)
}

func (b *backend) StopContainer(ctx context.Context, _ policy.Grant, ref string, _ *int) error {
	return b.act(ctx, ref, "stop", zun.ActionStop)
}

func (b *backend) RebootContainer(ctx context.Context, _ policy.Grant, ref string, _ *int) error {
	return b.act(ctx, ref, "reboot", zun.ActionReboot)
}

func (b *backend) KillContainer(ctx context.Context, _ policy.Grant, ref, _ string) error {
	return b.act(ctx, ref, "kill", zun.ActionKill)
}

func (b *backend) Logs(_ context.Context, _ policy.Grant, ref string, o zun.LogsOptions) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := b.find(ref)
	return fmt.Sprintf("tail %s stdout %v stderr %v since %d\n", o.Tail, o.Stdout, o.Stderr, max(0, o.Since.Unix())), err
}

// Execute answers with the words that it got, a line each; the word exit<N> ends it so.
func (b *backend) Execute(_ context.Context, _ policy.Grant, ref string, command []string) (zun.ExecResult, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.find(ref); err != nil {
		return zun.ExecResult{}, err
	}
	result := zun.ExecResult{Output: []byte(strings.Join(command, "\n") + "\n")}
	_, _ = fmt.Sscanf(command[len(command)-1], "exit%d", &result.ExitCode)
	return result, nil
}

func (b *backend) NetworksOf(_ context.Context, _ policy.Grant, ref string) ([]zun.AttachedNetwork, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.find(ref)
	if err != nil {
		return nil, err
	}
	return c.Nets, nil
}

func (b *backend) AttachNetwork(ctx context.Context, _ policy.Grant, ref string, r zun.NetRequest, _ bool) error {
	b.mu.Lock()
	n, err := b.findNetwork(r.Network)
	c, err2 := b.find(ref)
	if err == nil && err2 == nil {
		b.attach(c, n, len(c.Nets), r.IPv4)
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	return b.act(ctx, ref, "network_attach", zun.ActionNetworkAttach)
}

func (b *backend) DetachNetwork(ctx context.Context, _ policy.Grant, ref string, _ zun.NetRequest, _ bool) error {
	return b.act(ctx, ref, "network_detach", zun.ActionNetworkDetach)
}

func (b *backend) CreateNetwork(_ context.Context, g policy.Grant, r zun.NetworkRequest) (zun.NetworkDetail, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.findNetwork(r.Name); err == nil {
		return zun.NetworkDetail{}, zun.Errorf(zun.CodeNetworkExists, "cannot create network %s: the name is taken", r.Name)
	}
	n := &zun.NetworkDetail{Network: zun.Network{
		ID: id("a0000", len(b.networks)+1), Name: r.Name, ProjectID: g.Identity().ProjectID, UserID: g.Identity().UserID,
		NeutronNetID: r.NeutronNet, NeutronPoolID: r.NeutronPool, MTU: 1500, Status: zun.NetworkActive, CreatedAt: noon,
	}}
	subnet := zun.Subnet{ID: id("b0000", 1), Name: strings.Join(r.NeutronSubnets, ","), CIDR: netip.MustParsePrefix("10.2.0.0/24"), Gateway: netip.MustParseAddr("10.2.0.1")}
	if r.CIDR.IsValid() {
		n.NeutronNetID, subnet.Name, subnet.CIDR, subnet.Gateway = id("d0000", 1), r.Name, r.CIDR, r.CIDR.Addr().Next()
		n.Made = zun.Made{NetworkID: n.NeutronNetID, PoolID: "p", SubnetIDs: []string{"s"}}
	}
	n.Subnets = []zun.Subnet{subnet}
	b.networks = append(b.networks, n)
	return *n, nil
}

func (b *backend) ListNetworks(context.Context, policy.Grant, zun.NetworkFilter) ([]zun.NetworkDetail, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []zun.NetworkDetail
	for _, n := range b.networks {
		all = append(all, *n)
	}
	return all, nil
}

func (b *backend) GetNetwork(_ context.Context, _ policy.Grant, ref string) (zun.NetworkDetail, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := b.findNetwork(ref)
	if err != nil {
		return zun.NetworkDetail{}, err
	}
	return *n, nil
}

func (b *backend) DeleteNetwork(_ context.Context, _ policy.Grant, ref string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := b.findNetwork(ref)
	if err != nil {
		return err
	}
	if len(n.Holders) > 0 {
		return zun.Errorf(zun.CodeNetworkInUse, "cannot delete network %s: %s is on it", ref, n.Holders[0].ContainerName)
	}
	b.networks = slices.DeleteFunc(b.networks, func(other *zun.NetworkDetail) bool { return other == n })
	return nil
}

func (b *backend) CreateNeutronHandle(context.Context, policy.Grant, string, string) (zun.NetworkDetail, error) {
	return zun.NetworkDetail{}, zun.Errorf(zun.CodeNotImplemented, "not in this test")
}

func (b *backend) DeleteNeutronHandle(context.Context, policy.Grant, string) error {
	return zun.Errorf(zun.CodeNotImplemented, "not in this test")
}
