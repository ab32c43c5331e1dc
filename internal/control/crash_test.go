package control

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

// crash kills a service at its n-th step towards the world (a write, a word to a node or
// to Neutron): before the step has an effect or, with late, right after it. A dead service
// does nothing more.
type crash struct {
	mu    sync.Mutex
	steps int
	at    int // 0: never
	late  bool
	dead  bool
}

var errCrash = errors.New("crashed")

func (c *crash) step(do func() error) error {
	c.mu.Lock()
	if c.dead {
		c.mu.Unlock()
		return errCrash
	}
	c.steps++
	now := c.steps == c.at
	if now {
		c.dead = true
	}
	c.mu.Unlock()
	if now && !c.late {
		return errCrash
	}
	err := do()
	if now {
		return errCrash
	}
	return err
}

func (c *crash) isDead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

type crashStore struct {
	Store
	*crash
}

func (s crashStore) Change(ctx context.Context, f func(context.Context) error) error {
	return s.step(func() error { return s.Store.Change(ctx, f) })
}

func (s crashStore) AddNetwork(ctx context.Context, n zun.Network) error {
	return s.step(func() error { return s.Store.AddNetwork(ctx, n) })
}

func (s crashStore) SaveNetwork(ctx context.Context, n zun.Network) error {
	return s.step(func() error { return s.Store.SaveNetwork(ctx, n) })
}

func (s crashStore) SaveEvent(ctx context.Context, e zun.Event) error {
	return s.step(func() error { return s.Store.SaveEvent(ctx, e) })
}

type crashNode struct {
	zun.Node
	*crash
}

func (n crashNode) Accept(ctx context.Context, order zun.Order) error {
	return n.step(func() error { return n.Node.Accept(ctx, order) })
}

func (n crashNode) EnsureNetwork(ctx context.Context, network zun.Network) error {
	return n.step(func() error { return n.Node.EnsureNetwork(ctx, network) })
}

func (n crashNode) RemoveNetwork(ctx context.Context, network zun.Network) error {
	return n.step(func() error { return n.Node.RemoveNetwork(ctx, network) })
}

type crashNeutron struct {
	Neutron
	*crash
}

func (n crashNeutron) CreateNetwork(ctx context.Context, spec zun.NeutronNetworkSpec) (made zun.NeutronNetwork, err error) {
	return made, n.step(func() error { made, err = n.Neutron.CreateNetwork(ctx, spec); return err })
}

func (n crashNeutron) CreateSubnet(ctx context.Context, spec zun.NeutronSubnetSpec) (made zun.NeutronSubnet, err error) {
	return made, n.step(func() error { made, err = n.Neutron.CreateSubnet(ctx, spec); return err })
}

func (n crashNeutron) CreatePool(ctx context.Context, spec zun.NeutronPoolSpec) (made zun.NeutronPool, err error) {
	return made, n.step(func() error { made, err = n.Neutron.CreatePool(ctx, spec); return err })
}

func (n crashNeutron) DeleteNetwork(ctx context.Context, id string) error {
	return n.step(func() error { return n.Neutron.DeleteNetwork(ctx, id) })
}

func (n crashNeutron) DeleteSubnet(ctx context.Context, id string) error {
	return n.step(func() error { return n.Neutron.DeleteSubnet(ctx, id) })
}

func (n crashNeutron) DeletePool(ctx context.Context, id string) error {
	return n.step(func() error { return n.Neutron.DeletePool(ctx, id) })
}

// arm makes the service of a world mortal.
func (c *crash) arm(config *Config) {
	config.Store = crashStore{config.Store, c}
	local := config.Nodes.(Local)
	config.Nodes = Local{Name: local.Name, Agent: crashNode{local.Agent, c}}
	user := config.Neutron
	config.Neutron = func(token string) Neutron { return crashNeutron{user(token), c} }
	config.ServiceNeutron = crashNeutron{config.ServiceNeutron, c}
}

// everything is what a user may do in an afternoon; he goes on whatever fails. It returns
// early when the service is dead.
func (w *world) everything(c *crash) {
	ctx := w.Context()
	wait := func() bool {
		w.eventually("idle or dead", func() bool {
			owed, err := w.records.OwedActions(ctx, "")
			w.must(err)
			return c.isDead() || len(owed) == 0
		})
		return !c.isDead()
	}
	_, _ = w.CreateNetwork(ctx, w.grant(project, "network:create_own"), zun.NetworkRequest{Name: "made", CIDR: netip.MustParsePrefix("10.5.0.0/24")})
	_, _ = w.CreateContainer(ctx, w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", Name: "web", Run: true, OwnNetworks: true, Nets: []zun.NetRequest{{Network: "made"}}})
	if !wait() {
		return
	}
	_, _ = w.ResizeContainer(ctx, w.grant(project, "container:resize_container"), "web", zun.Change{CPU: ptr(2.0)})
	_ = w.RebuildContainer(ctx, w.grant(project, "container:rebuild"), "web", "other", "")
	if !wait() {
		return
	}
	_ = w.AttachNetwork(ctx, w.grant(project, "container:network_attach"), "web", zun.NetRequest{Network: "testnet"}, true)
	_ = w.StopContainer(ctx, w.grant(project, "container:stop"), "web", nil)
	if !wait() {
		return
	}
	_ = w.DetachNetwork(ctx, w.grant(project, "container:network_detach"), "web", zun.NetRequest{Network: "testnet"}, true)
	_ = w.DeleteContainer(ctx, w.grant(project, "container:delete"), "web", zun.DeleteOptions{})
	if !wait() {
		return
	}
	_ = w.DeleteNetwork(ctx, w.grant(project, "network:delete_own"), "made")
}

func TestACrashAnywhereLeavesNothingHalf(t *testing.T) {
	steps, stride := 0, 1
	if testing.Short() {
		stride = 6 // a hundred databases take minutes under the race detector
	}
	for _, late := range []bool{false, true} {
		for at := 1; ; at += stride {
			c := &crash{at: at, late: late}
			if !crashOnce(t, c) {
				break
			}
			steps = max(steps, at)
		}
	}
	t.Logf("%d steps", steps)
	if steps < 25 {
		t.Errorf("only %d steps were seen", steps)
	}
}

// crashOnce runs everything with a crash, then a new service, and checks that records,
// host and cloud agree. It reports whether the crash happened.
func crashOnce(t *testing.T, c *crash) bool {
	t.Helper()
	w := newWorld(t, func(config *Config) { config.HeartbeatEvery = time.Hour })
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	before := w.cloud.count()
	w.stop()
	plain := w.config
	c.arm(&w.config)
	w.start()
	w.everything(c)
	w.stop()
	w.node.wg.Wait() // the host's process is the same one: it ends too
	crashed := c.isDead()
	w.config = plain
	w.start()
	defer w.stop()
	w.eventually("all is finished after the restart", func() bool {
		owed, err := w.records.OwedActions(t.Context(), "")
		w.must(err)
		unfinished, err := w.records.UnfinishedNetworks(t.Context())
		w.must(err)
		return len(owed) == 0 && len(unfinished) == 0
	})
	w.agree(c, before)
	return crashed
}

// agree checks that what the records say is what there is.
func (w *world) agree(c *crash, before [3]int) {
	w.Helper()
	list, err := w.records.ListContainers(w.Context(), zun.ContainerFilter{})
	w.must(err)
	containers, ports := map[string]zun.Status{}, map[string]string{}
	for _, container := range list {
		if container.Status == zun.StatusError {
			w.Errorf("crash at %d (late %v): container in Error: %s", c.at, c.late, container.StatusReason)
		}
		containers[container.ID] = container.Status
		for _, net := range container.Nets {
			ports[net.Attachment.ID] = net.Attachment.PortID
		}
	}
	networks, err := w.records.ListNetworks(w.Context(), "", zun.NetworkFilter{})
	w.must(err)
	known, made := []string{}, before
	for _, n := range networks {
		if n.Status != zun.NetworkActive {
			w.Errorf("crash at %d (late %v): network %s is %s: %s", c.at, c.late, n.Name, n.Status, n.StatusReason)
		}
		known = append(known, n.ID)
		made = [3]int{made[0] + 1, made[1] + 1, made[2] + 1}
	}
	w.node.mu.Lock()
	defer w.node.mu.Unlock()
	if diff := cmp.Diff(containers, w.node.containers); diff != "" {
		w.Errorf("crash at %d (late %v): containers recorded and there: %s", c.at, c.late, diff)
	}
	if diff := cmp.Diff(ports, w.node.ports); diff != "" {
		w.Errorf("crash at %d (late %v): ports recorded and there: %s", c.at, c.late, diff)
	}
	for id := range w.node.networks {
		if !slices.Contains(known, id) && !w.implicit(id) {
			w.Errorf("crash at %d (late %v): network %s is on the host and in no record", c.at, c.late, id)
		}
	}
	for id, times := range w.node.created {
		if times != 1 {
			w.Errorf("crash at %d (late %v): container %s was made %d times", c.at, c.late, id, times)
		}
	}
	if diff := cmp.Diff(made, w.cloud.count()); diff != "" {
		w.Errorf("crash at %d (late %v): networks, subnets and pools in Neutron: %s", c.at, c.late, diff)
	}
}

func (w *world) implicit(id string) bool {
	n, err := w.records.Network(w.Context(), id)
	return err == nil && n.Implicit
}

func TestASecondServiceTakesOverWhatIsOwed(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	w.stop() // orders are taken, nobody gives them out
	c, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", Run: true})
	w.must(err)
	w.start()
	if got := w.settled(c.ID); got.Status != zun.StatusRunning {
		t.Errorf("%s", got.Status)
	}
	<-w.Ready()
	if !strings.Contains(w.String(), "control") {
		t.Error(w.String())
	}
}
