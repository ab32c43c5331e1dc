package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// memory is the service kept in memory: enough of control to serve the whole API and to
// tell afterwards what it was asked.
type memory struct {
	mu         sync.Mutex
	containers []zun.ContainerDetail
	networks   []zun.NetworkDetail
	registries []zun.Registry
	actions    map[string][]zun.Action
	asked      []string // "stop <id> 10"
	request    zun.ContainerRequest
	network    zun.NetworkRequest
	filter     zun.ContainerFilter
	fail       error // what every method returns
	panics     bool
}

var _ Control = (*memory)(nil)

// note records a question, and returns what the test wants to happen.
func (m *memory) note(ctx context.Context, format string, args ...any) error {
	if m.panics {
		panic("a broken invariant")
	}
	if zun.RequestID(ctx) == "" {
		panic("no request id in the context")
	}
	m.asked = append(m.asked, fmt.Sprintf(format, args...))
	return m.fail
}

// find returns the container of the caller's project, or of any for all.
func (m *memory) find(g policy.Grant, ref string, all bool) (*zun.ContainerDetail, error) {
	for i := range m.containers {
		c := &m.containers[i]
		if (c.ID == ref || c.Name == ref) && (all || c.ProjectID == g.Identity().ProjectID) {
			return c, nil
		}
	}
	return nil, zun.Errorf(zun.CodeContainerNotFound, "Container %s could not be found.", ref)
}

// order is an action on a container.
func (m *memory) order(ctx context.Context, g policy.Grant, ref, operation, detail string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "%s %s %s", operation, ref, detail); err != nil {
		return err
	}
	c, err := m.find(g, ref, false)
	if err != nil {
		return err
	}
	if err := c.CheckState(operation); err != nil {
		return err
	}
	m.actions[c.ID] = append([]zun.Action{{
		Kind: zun.ActionKind(operation), ContainerID: c.ID, RequestID: zun.RequestID(ctx),
		ProjectID: c.ProjectID, UserID: g.Identity().UserID, StartedAt: noon, FinishedAt: noon.Add(time.Second),
	}}, m.actions[c.ID]...)
	return nil
}

func (m *memory) CreateContainer(ctx context.Context, g policy.Grant, r zun.ContainerRequest) (zun.ContainerDetail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "create %s", r.Image); err != nil {
		return zun.ContainerDetail{}, err
	}
	m.request = r
	c := zun.ContainerDetail{Container: zun.Container{
		ID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", len(m.containers)+1), Name: r.Name, Image: r.Image,
		ProjectID: g.Identity().ProjectID, UserID: g.Identity().UserID, Status: zun.StatusCreating, CreatedAt: noon,
		Command: r.Command, Environment: r.Environment, RestartPolicy: r.RestartPolicy, ImageDriver: r.ImageDriver,
	}}
	m.containers = append(m.containers, c)
	return c, nil
}

func (m *memory) ListContainers(ctx context.Context, g policy.Grant, f zun.ContainerFilter) ([]zun.ContainerDetail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "list"); err != nil {
		return nil, err
	}
	m.filter = f
	var found []zun.ContainerDetail
	past := f.Page.Marker == ""
	for _, c := range m.containers {
		mine := f.AllProjects || c.ProjectID == g.Identity().ProjectID
		if past && mine && (f.Name == "" || f.Name == c.Name) && len(found) < f.Page.Limit {
			found = append(found, c)
		}
		past = past || c.ID == f.Page.Marker
	}
	if !past {
		return nil, zun.Errorf(zun.CodeContainerNotFound, "Container %s could not be found.", f.Page.Marker)
	}
	return found, nil
}

func (m *memory) GetContainer(ctx context.Context, g policy.Grant, ref string, all bool) (zun.ContainerDetail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "get %s %v", ref, all); err != nil {
		return zun.ContainerDetail{}, err
	}
	c, err := m.find(g, ref, all)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	return *c, nil
}

func (m *memory) DeleteContainer(ctx context.Context, g policy.Grant, ref string, o zun.DeleteOptions) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "delete %s %+v", ref, o); err != nil {
		return err
	}
	c, err := m.find(g, ref, o.AllProjects)
	if err != nil {
		return err
	}
	operation := "delete"
	if o.Force {
		operation = "delete_force"
	}
	if o.Stop {
		operation = "delete_after_stop"
	}
	return c.CheckState(operation)
}

func (m *memory) StartContainer(ctx context.Context, g policy.Grant, ref string) error {
	return m.order(ctx, g, ref, "start", "")
}

func (m *memory) StopContainer(ctx context.Context, g policy.Grant, ref string, timeout *int) error {
	return m.order(ctx, g, ref, "stop", seconds(timeout))
}

func (m *memory) RebootContainer(ctx context.Context, g policy.Grant, ref string, timeout *int) error {
	return m.order(ctx, g, ref, "reboot", seconds(timeout))
}

func (m *memory) KillContainer(ctx context.Context, g policy.Grant, ref, signal string) error {
	return m.order(ctx, g, ref, "kill", signal)
}

func seconds(timeout *int) string {
	if timeout == nil {
		return "default"
	}
	return fmt.Sprint(*timeout)
}

func (m *memory) Logs(ctx context.Context, g policy.Grant, ref string, o zun.LogsOptions) (string, error) {
	detail := fmt.Sprintf("%v %v %v %s %d", o.Stdout, o.Stderr, o.Timestamps, o.Tail, max(0, o.Since.Unix()))
	return "hello\n\xff<b>", m.order(ctx, g, ref, "logs", detail)
}

func (m *memory) Execute(ctx context.Context, g policy.Grant, ref string, command []string) (zun.ExecResult, error) {
	return zun.ExecResult{Output: []byte("out\n"), ExitCode: 3}, m.order(ctx, g, ref, "execute", strings.Join(command, "|"))
}

func (m *memory) NetworksOf(ctx context.Context, g policy.Grant, ref string) ([]zun.AttachedNetwork, error) {
	if err := m.order(ctx, g, ref, "network_list", ""); err != nil {
		return nil, err
	}
	c, err := m.find(g, ref, false)
	if err != nil {
		return nil, err
	}
	return c.Nets, nil
}

func (m *memory) AttachNetwork(ctx context.Context, g policy.Grant, ref string, r zun.NetRequest, own bool) error {
	return m.order(ctx, g, ref, "network_attach", fmt.Sprintf("%+v %v", r, own))
}

func (m *memory) DetachNetwork(ctx context.Context, g policy.Grant, ref string, r zun.NetRequest, own bool) error {
	return m.order(ctx, g, ref, "network_detach", fmt.Sprintf("%+v %v", r, own))
}

func (m *memory) Actions(ctx context.Context, g policy.Grant, ref string) ([]zun.Action, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "actions %s", ref); err != nil {
		return nil, err
	}
	c, err := m.find(g, ref, false)
	if err != nil {
		return nil, err
	}
	return m.actions[c.ID], nil
}

func (m *memory) Action(ctx context.Context, g policy.Grant, ref, id string) (zun.Action, []zun.Event, error) {
	actions, err := m.Actions(ctx, g, ref)
	if err != nil {
		return zun.Action{}, nil, err
	}
	for _, a := range actions {
		if a.RequestID == id {
			return a, []zun.Event{
				{Stage: zun.StageImage, StartedAt: a.StartedAt, FinishedAt: a.StartedAt.Add(250 * time.Millisecond), Detail: "found it"},
				{Stage: zun.StagePort, StartedAt: a.StartedAt},
			}, nil
		}
	}
	return zun.Action{}, nil, zun.Errorf(zun.CodeResourceNotFound, "The Action resource %s could not be found.", id)
}

func (m *memory) CreateNetwork(ctx context.Context, g policy.Grant, r zun.NetworkRequest) (zun.NetworkDetail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "network-create %s", r.Name); err != nil {
		return zun.NetworkDetail{}, err
	}
	m.network = r
	if slices.ContainsFunc(m.networks, func(n zun.NetworkDetail) bool { return n.Name == r.Name }) {
		return zun.NetworkDetail{}, zun.Errorf(zun.CodeNetworkExists, "cannot create network %s: the name is taken", r.Name)
	}
	n := zun.NetworkDetail{Network: zun.Network{
		ID: fmt.Sprintf("%08d-0000-4000-9000-000000000000", len(m.networks)+1), Name: r.Name,
		ProjectID: g.Identity().ProjectID, UserID: g.Identity().UserID, NeutronNetID: r.NeutronNet,
		Status: zun.NetworkActive, CreatedAt: noon, MTU: 1500,
	}}
	m.networks = append(m.networks, n)
	return n, nil
}

func (m *memory) ListNetworks(ctx context.Context, _ policy.Grant, f zun.NetworkFilter) ([]zun.NetworkDetail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.note(ctx, "network-list %+v", f)
	return m.networks[:min(len(m.networks), f.Page.Limit)], err
}

func (m *memory) GetNetwork(ctx context.Context, g policy.Grant, ref string) (zun.NetworkDetail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "network-get %s", ref); err != nil {
		return zun.NetworkDetail{}, err
	}
	for _, n := range m.networks {
		if (n.ID == ref || n.Name == ref) && n.ProjectID == g.Identity().ProjectID {
			return n, nil
		}
	}
	return zun.NetworkDetail{}, zun.Errorf(zun.CodeNetworkNotFound, "cannot find network %s", ref)
}

func (m *memory) DeleteNetwork(ctx context.Context, g policy.Grant, ref string) error {
	n, err := m.GetNetwork(ctx, g, ref)
	if err == nil && len(n.Holders) > 0 {
		err = zun.Errorf(zun.CodeNetworkInUse, "cannot delete network %s: %s is on it", ref, n.Holders[0].ContainerName)
	}
	return err
}

func (m *memory) CreateNeutronHandle(ctx context.Context, g policy.Grant, name, id string) (zun.NetworkDetail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.note(ctx, "handle-create %s %s", name, id)
	return zun.NetworkDetail{Network: zun.Network{
		ID: "00000001-0000-4000-a000-000000000000", ProjectID: g.Identity().ProjectID, UserID: "u", NeutronNetID: id,
	}}, err
}

func (m *memory) DeleteNeutronHandle(ctx context.Context, _ policy.Grant, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.note(ctx, "handle-delete %s", id)
}
