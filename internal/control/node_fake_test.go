package control

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/gozun/gozun/zun"
)

// fakeNode is a host whose containers and networks are entries in maps. It does what it
// accepts at once, in a goroutine, unless hold says to wait; script may bend any outcome.
type fakeNode struct {
	tb      testing.TB
	reports zun.Reports
	wg      sync.WaitGroup

	mu         sync.Mutex
	containers map[string]zun.Status  // what "Docker" has
	networks   map[string]bool        // by Network.ID
	ports      map[string]string      // attachment id -> port id
	orders     []zun.Order            // as accepted
	images     []zun.ImageOrder       // as accepted
	serial     map[string]*sync.Mutex // by container
	done       map[int64]bool         // actions that were carried out: a second Accept changes nothing
	down       error                  // Accept and Host fail with it
	netErr     error                  // EnsureNetwork and RemoveNetwork fail with it
	ensureErr  error                  // EnsureNetwork alone fails with it
	hold       chan struct{}          // work waits for it to be closed
	script     func(zun.Order, *zun.Outcome)
	observe    func(zun.Container) (zun.Observation, error)
	observed   int
	updated    []zun.Container // as Update was asked for
	wrote      []string        // by WriteArchive
	host       func(*zun.Host) // changes what the host tells of itself
	created    map[string]int  // how often a container was made from nothing
	consoles
}

func newFakeNode(tb testing.TB) *fakeNode {
	return &fakeNode{
		tb: tb, containers: map[string]zun.Status{}, networks: map[string]bool{}, ports: map[string]string{},
		serial: map[string]*sync.Mutex{}, done: map[int64]bool{}, created: map[string]int{},
	}
}

func (n *fakeNode) edit(f func(*fakeNode)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(n)
}

func (n *fakeNode) Accept(_ context.Context, order zun.Order) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down != nil {
		return n.down
	}
	n.orders = append(n.orders, order)
	if n.serial[order.Container.ID] == nil {
		n.serial[order.Container.ID] = &sync.Mutex{}
	}
	turn, hold := n.serial[order.Container.ID], n.hold
	n.wg.Go(func() {
		if hold != nil {
			<-hold
		}
		turn.Lock()
		defer turn.Unlock()
		n.carryOut(order)
	})
	return nil
}

// carryOut does the work and reports it; a report that fails ends it, as a crash would.
func (n *fakeNode) carryOut(order zun.Order) {
	ctx := context.Background()
	outcome := zun.Outcome{}
	n.mu.Lock()
	script := n.script
	n.mu.Unlock()
	if script != nil {
		script(order, &outcome)
	}
	if n.reports.StageBegan(ctx, zun.Event{ActionID: order.Action.ID, Stage: zun.StagePort}) != nil {
		return
	}
	if !outcome.Failed && !n.work(ctx, order, &outcome) {
		return
	}
	if n.reports.StageEnded(ctx, zun.Event{ActionID: order.Action.ID, Stage: zun.StagePort, Failed: outcome.Failed}) != nil {
		return
	}
	_ = n.reports.Finished(ctx, order.Action.ID, outcome)
}

func (n *fakeNode) work(ctx context.Context, order zun.Order, outcome *zun.Outcome) bool {
	id := order.Container.ID
	switch order.Action.Kind {
	case zun.ActionCreate, zun.ActionNetworkAttach:
		for i, a := range order.Attachments {
			if order.Action.Kind == zun.ActionNetworkAttach && !slices.Contains(order.Input.AttachmentIDs, a.ID) {
				continue
			}
			if n.reports.Plugged(ctx, n.plug(a, i)) != nil {
				return false
			}
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done[order.Action.ID] = true
	status := n.containers[id]
	switch order.Action.Kind {
	case zun.ActionCreate, zun.ActionHeal:
		if status == "" {
			n.created[id]++
			status = zun.StatusCreated
		}
		if order.Input.Run {
			status = zun.StatusRunning
		}
	case zun.ActionStart, zun.ActionReboot, zun.ActionUnpause:
		status = zun.StatusRunning
	case zun.ActionPause:
		status = zun.StatusPaused
	case zun.ActionRebuild:
		status = zun.StatusCreated
		if order.Input.Run {
			status = zun.StatusRunning
		}
	case zun.ActionAddGroup, zun.ActionRemoveGroup:
		outcome.SecurityGroups = n.regroup(order)
	case zun.ActionStop, zun.ActionKill:
		status = zun.StatusStopped
	case zun.ActionNetworkDetach:
		for _, a := range order.Input.AttachmentIDs {
			delete(n.ports, a)
		}
		outcome.Detached = order.Input.AttachmentIDs
	case zun.ActionDelete:
		for _, a := range order.Attachments {
			delete(n.ports, a.ID)
		}
		delete(n.containers, id)
		outcome.Deleted = true
		return true
	}
	n.containers[id] = status
	if outcome.Observation.Status == "" {
		outcome.Observation = zun.Observation{ContainerID: id, Status: status, DockerID: "docker-" + id, SandboxID: "sandbox-" + id}
	}
	return true
}

// plug gives an attachment a port, the same again if it has one.
func (n *fakeNode) plug(a zun.Attachment, i int) zun.Attachment {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.networks[a.NetworkID] = true
	if n.ports[a.ID] == "" {
		n.ports[a.ID] = uuid.NewString()
		if a.RequestedPort != "" {
			n.ports[a.ID] = a.RequestedPort
		}
	}
	a.PortID, a.MAC = n.ports[a.ID], fmt.Sprintf("fa:16:3e:00:00:%02x", i)
	a.Addresses = []zun.Address{{IP: netip.MustParseAddr("10.2.0.77"), SubnetID: "s"}}
	return a
}

// AcceptImage notes the order; tests report its end themselves.
func (n *fakeNode) AcceptImage(_ context.Context, order zun.ImageOrder) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down != nil {
		return n.down
	}
	n.images = append(n.images, order)
	return nil
}

func (n *fakeNode) SearchImages(_ context.Context, term string) ([]zun.FoundImage, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return []zun.FoundImage{{Name: term}, {Name: "other/" + term}}, n.down
}

func (n *fakeNode) Logs(context.Context, zun.Container, zun.LogsOptions) ([]byte, error) {
	return []byte("out\xff\n"), nil
}

func (n *fakeNode) Execute(_ context.Context, _ zun.Container, command []string) (zun.ExecResult, error) {
	return zun.ExecResult{Output: []byte(fmt.Sprint(command)), ExitCode: 3}, nil
}

func (n *fakeNode) Observe(_ context.Context, c zun.Container) (zun.Observation, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.observed++
	if n.observe != nil {
		return n.observe(c)
	}
	return zun.Observation{Status: n.containers[c.ID]}, n.down
}

func (n *fakeNode) EnsureNetwork(_ context.Context, network zun.Network) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	err := cmp.Or(n.netErr, n.ensureErr)
	if err == nil {
		n.networks[network.ID] = true
	}
	return err
}

func (n *fakeNode) RemoveNetwork(_ context.Context, network zun.Network) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.netErr == nil {
		delete(n.networks, network.ID)
	}
	return n.netErr
}

func (n *fakeNode) Host(context.Context) (zun.Host, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	host := zun.Host{CPUs: 2, MemoryMiB: 1 << 20, Runtimes: []string{"runc"}}
	if n.host != nil {
		n.host(&host)
	}
	return host, n.down
}

func (n *fakeNode) kinds(containerID string) []zun.ActionKind {
	n.mu.Lock()
	defer n.mu.Unlock()
	var kinds []zun.ActionKind
	for _, order := range n.orders {
		if order.Container.ID == containerID {
			kinds = append(kinds, order.Action.Kind)
		}
	}
	return kinds
}

func (n *fakeNode) networkIDs() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.networks))
}
