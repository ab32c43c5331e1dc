package node_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// memory is a container engine in memory, with what matters of Docker's rules: names are
// unique, a container starts only in a running sandbox, a network in use stays. before and
// after are as in neutron.
type memory struct {
	mu       sync.Mutex
	things   map[string]*node.State // by name
	networks map[string]bool
	images   map[string]node.Image

	resources     map[string]node.Resources // by id, as Update was asked for
	stuck         string                    // id of one whose task the engine holds for running, though it is not
	watcher       func(node.Change)
	before        func(verb string) error
	after         func(verb string) error
	node.Consoles // nobody here asks for one
}

func newMemory() *memory {
	return &memory{things: map[string]*node.State{}, networks: map[string]bool{}, images: map[string]node.Image{}, resources: map[string]node.Resources{}}
}

func (m *memory) call(verb string, work func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.before != nil {
		if err := m.before(verb); err != nil {
			return err
		}
	}
	if err := work(); err != nil {
		return err
	}
	if m.after != nil {
		return m.after(verb)
	}
	return nil
}

func (m *memory) get(name string) (*node.State, error) {
	for _, state := range m.things {
		if state.Name == name || state.ID == name {
			return state, nil
		}
	}
	return nil, zun.Errorf(zun.CodeNotFound, "no such container: %s", name)
}

func (m *memory) on(name string, verb string, work func(*node.State) error) error {
	return m.call(verb, func() error {
		state, err := m.get(name)
		if err != nil {
			return err
		}
		return work(state)
	})
}

func (m *memory) Ping(context.Context) error { return nil }

func (m *memory) Host(context.Context) (zun.Host, error) { return zun.Host{CPUs: 2}, nil }

func (m *memory) Watch(ctx context.Context, _ string, begun func(), changed func(node.Change)) error {
	m.mu.Lock()
	m.watcher = changed
	m.mu.Unlock()
	begun()
	<-ctx.Done()
	return ctx.Err()
}

func (m *memory) Image(_ context.Context, ref string) (image node.Image, err error) {
	err = m.call("Image", func() error {
		var ok bool
		if image, ok = m.images[ref]; !ok {
			return zun.Errorf(zun.CodeImageNotFound, "no such image")
		}
		return nil
	})
	return image, err
}

func (m *memory) PullImage(_ context.Context, ref string, _ zun.RegistryAccess, progress func(string)) error {
	return m.call("PullImage", func() error {
		progress("pulling")
		m.images[ref] = node.Image{Command: []string{"/bin/true"}}
		return nil
	})
}

func (m *memory) RemoveImage(_ context.Context, ref string) error {
	return m.call("RemoveImage", func() error {
		delete(m.images, ref)
		return nil
	})
}

func (m *memory) SearchImages(context.Context, string) (found []zun.FoundImage, err error) {
	err = m.call("SearchImages", func() error {
		found = []zun.FoundImage{{Name: "nginx"}}
		return nil
	})
	return found, err
}

func (m *memory) EnsureNetwork(_ context.Context, spec node.NetworkSpec) error {
	return m.call("EnsureNetwork", func() error {
		m.networks[spec.Name] = true
		return nil
	})
}

func (m *memory) RemoveNetwork(_ context.Context, name string) error {
	return m.call("RemoveNetwork", func() error {
		delete(m.networks, name)
		return nil
	})
}

func endpointOf(spec node.EndpointSpec) node.Endpoint {
	return node.Endpoint{PortID: spec.PortID, MAC: spec.MAC, IPv4: spec.IPv4, IPv6: spec.IPv6}
}

func (m *memory) Connect(_ context.Context, sandbox string, spec node.EndpointSpec) error {
	return m.on(sandbox, "Connect", func(state *node.State) error {
		state.Endpoints[spec.Network] = endpointOf(spec)
		return nil
	})
}

func (m *memory) Disconnect(_ context.Context, sandbox, network string) error {
	return m.call("Disconnect", func() error {
		if state, err := m.get(sandbox); err == nil {
			delete(state.Endpoints, network)
		}
		return nil
	})
}

func (m *memory) make(verb string, state node.State) (string, error) {
	state.ID, state.Phase, state.Created = uuid.NewString(), node.PhaseCreated, time.Now()
	return state.ID, m.call(verb, func() error {
		if _, taken := m.things[state.Name]; taken {
			return zun.Errorf(zun.CodeConflict, "the name %s is in use", state.Name)
		}
		m.things[state.Name] = &state
		return nil
	})
}

func (m *memory) CreateSandbox(_ context.Context, spec node.SandboxSpec) (string, error) {
	endpoints := map[string]node.Endpoint{}
	for _, endpoint := range spec.Endpoints {
		endpoints[endpoint.Network] = endpointOf(endpoint)
	}
	return m.make("CreateSandbox", node.State{
		Name: spec.Name, ContainerID: spec.ContainerID, Role: node.RoleSandbox, Hostname: spec.Hostname, Endpoints: endpoints, Alone: len(endpoints) == 0,
	})
}

func (m *memory) CreateContainer(_ context.Context, spec node.ContainerSpec) (string, error) {
	return m.make("CreateContainer", node.State{
		Name: spec.Name, ContainerID: spec.Container.ID, Role: node.RoleContainer, Sandbox: spec.Sandbox,
		Command: spec.Container.Command, Entrypoint: spec.Container.Entrypoint, Action: spec.Action,
	})
}

func (m *memory) run(state *node.State) error {
	if state.Role == node.RoleContainer {
		if sandbox, err := m.get(state.Sandbox); err != nil || !sandbox.Running() {
			return zun.Errorf(zun.CodeConflict, "cannot join network of a non running container: %s", state.Sandbox)
		}
	}
	if state.ID == m.stuck {
		return zun.Errorf(zun.CodeConflict, "task %s: already exists", state.ID)
	}
	if !state.Running() {
		state.Phase, state.StartedAt = node.PhaseRunning, time.Now()
	}
	return nil
}

func (m *memory) halt(state *node.State) {
	if state.Running() {
		state.Phase, state.FinishedAt = node.PhaseExited, time.Now()
	}
}

func (m *memory) Start(_ context.Context, name string) error { return m.on(name, "Start", m.run) }

func (m *memory) Stop(_ context.Context, name string, _ *int) error {
	return m.on(name, "Stop", func(state *node.State) error {
		m.halt(state)
		return nil
	})
}

func (m *memory) Restart(_ context.Context, name string, _ *int) error {
	return m.on(name, "Restart", func(state *node.State) error {
		m.halt(state)
		return m.run(state)
	})
}

func (m *memory) Kill(_ context.Context, name, _ string) error {
	return m.on(name, "Kill", func(state *node.State) error {
		if !state.Running() {
			return zun.Errorf(zun.CodeConflict, "container %s is not running", name)
		}
		m.halt(state)
		return nil
	})
}

func (m *memory) Remove(_ context.Context, name string) error {
	return m.call("Remove", func() error {
		if state, err := m.get(name); err == nil {
			delete(m.things, state.Name)
		}
		return nil
	})
}

func (m *memory) Inspect(_ context.Context, name string) (state node.State, err error) {
	err = m.on(name, "Inspect", func(found *node.State) error {
		state = *found
		state.Endpoints = maps.Clone(found.Endpoints)
		return nil
	})
	return state, err
}

func (m *memory) List(context.Context, string) (states []node.State, err error) {
	err = m.call("List", func() error {
		for _, state := range m.things {
			states = append(states, *state)
		}
		return nil
	})
	return states, err
}

func (m *memory) Logs(context.Context, string, zun.LogsOptions) ([]byte, error) { return nil, nil }

func (m *memory) Execute(context.Context, string, []string) (zun.ExecResult, error) {
	return zun.ExecResult{}, nil
}

// all returns what there is, by name.
func (m *memory) all() []node.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	var states []node.State
	for _, name := range slices.Sorted(maps.Keys(m.things)) {
		states = append(states, *m.things[name])
	}
	return states
}
