package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/gozun/gozun/zun"
)

// Config is what an agent works with. Zero durations have the defaults named here.
type Config struct {
	Host    string // name of this machine, binding:host_id of its ports; required
	Files   string // directory for the files that are put into containers, made when needed; required with those
	Owner   string // whose records these are, a label on all we make in Docker; Host. Two agents on one Docker need two.
	Docker  Runtime
	Neutron Ports
	Reports zun.Reports
	Log     *slog.Logger
	Now     func() time.Time

	AvailabilityZone string  // of this machine; "": the service's default
	DiskReserve      float64 // part of Docker's disk that is not for containers but for images, 0 to 1

	ExecuteTimeout time.Duration // a command's longest run in Execute; 5 s, as upstream's execute_timeout
	StepTimeout    time.Duration // longest wait for one answer of Docker, pulls aside; 2 min
	PullTimeout    time.Duration // longest pull; 30 min
	CopyTimeout    time.Duration // longest copy of files into or out of a container; 10 min
	ArchiveLimit   int64         // bytes of one archive that is copied out; 1 GiB
	Patience       time.Duration // how long an action waits for a Docker that went away under it; 1 min
	CompareEvery   time.Duration // between comparisons of the records with Docker; 1 min
	OrphanGrace    time.Duration // age at which something of ours that no record knows is removed; 10 min
	RetryAfter     time.Duration // first pause before telling again what was not recorded, doubling; 100 ms
}

// Agent is the agent of one host. It implements zun.Node; Run is its task.
type Agent struct {
	Config
	life  context.Context // ends when Run does: actions outlive the calls that brought them
	end   context.CancelFunc
	lanes *lanes
	pulls pulls
	check *checks
	ready chan struct{}
	once  sync.Once

	copies chan struct{} // archives that are being copied out
}

var _ zun.Node = (*Agent)(nil)

// New returns an agent that takes actions at once; what happens by itself is seen while Run
// runs.
func New(config Config) *Agent {
	if config.Owner == "" {
		config.Owner = config.Host
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&config.ExecuteTimeout, 5 * time.Second},
		{&config.StepTimeout, 2 * time.Minute},
		{&config.PullTimeout, 30 * time.Minute},
		{&config.CopyTimeout, 10 * time.Minute},
		{&config.Patience, time.Minute},
		{&config.CompareEvery, time.Minute},
		{&config.OrphanGrace, 10 * time.Minute},
		{&config.RetryAfter, 100 * time.Millisecond},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if config.ArchiveLimit <= 0 {
		config.ArchiveLimit = 1 << 30
	}
	life, end := context.WithCancel(context.Background())
	checks := newChecks()
	return &Agent{Config: config, life: life, end: end, lanes: newLanes(checks.idle), check: checks, ready: make(chan struct{}), copies: make(chan struct{}, copiesAtOnce)}
}

// String names the task.
func (a *Agent) String() string { return "agent of host " + a.Config.Host }

// Ready is closed when Docker has answered once.
func (a *Agent) Ready() <-chan struct{} { return a.ready }

// Accept implements zun.Node.
func (a *Agent) Accept(ctx context.Context, order zun.Order) error {
	if a.life.Err() != nil {
		return zun.Errorf(zun.CodeUnavailable, "the agent of host %s is stopping", a.Config.Host)
	}
	if err := a.ping(ctx); err != nil {
		return err
	}
	a.lanes.add(order.Container.ID, job{action: order.Action.ID, run: func() { a.work(order) }})
	return nil
}

// ping asks Docker for a sign of life, with less patience than a step has.
func (a *Agent) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, min(5*time.Second, a.StepTimeout))
	defer cancel()
	return a.Docker.Ping(ctx)
}

// Logs implements zun.Node.
func (a *Agent) Logs(ctx context.Context, c zun.Container, options zun.LogsOptions) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	text, err := a.Docker.Logs(ctx, ContainerName(c.ID), options)
	return text, a.missing(err, c)
}

// Execute implements zun.Node.
func (a *Agent) Execute(ctx context.Context, c zun.Container, command []string) (zun.ExecResult, error) {
	limited, cancel := context.WithTimeout(ctx, a.ExecuteTimeout)
	defer cancel()
	result, err := a.Docker.Execute(limited, ContainerName(c.ID), command)
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		return zun.ExecResult{}, zun.Wrap(zun.CodeConflict, err, "Timeout on executing command: %s (it may take %s, and goes on in the container)",
			strings.Join(command, " "), a.ExecuteTimeout)
	}
	return result, a.missing(err, c)
}

// Observe implements zun.Node.
func (a *Agent) Observe(ctx context.Context, c zun.Container) (zun.Observation, error) {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	seen, err := a.look(ctx, c.ID)
	if err != nil {
		return zun.Observation{}, err
	}
	return a.observation(c, seen), nil
}

// missing says in our words that Docker has no such container.
func (a *Agent) missing(err error, c zun.Container) error {
	if zun.CodeOf(err) != zun.CodeNotFound {
		return err
	}
	return zun.Wrap(zun.CodeConflict, err, "container %s is not in Docker on host %s", c.ID, a.Config.Host)
}

// EnsureNetwork implements zun.Node.
func (a *Agent) EnsureNetwork(ctx context.Context, network zun.Network) error {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	return a.Docker.EnsureNetwork(ctx, NetworkSpec{
		Name: NetworkName(network), Owner: a.Owner, NetworkID: network.ID, ProjectID: network.ProjectID, Network: network,
	})
}

// RemoveNetwork implements zun.Node.
func (a *Agent) RemoveNetwork(ctx context.Context, network zun.Network) error {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	return a.Docker.RemoveNetwork(ctx, NetworkName(network))
}

// Host implements zun.Node.
func (a *Agent) Host(ctx context.Context) (zun.Host, error) {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	host, err := a.Docker.Host(ctx)
	if err != nil {
		return zun.Host{}, err
	}
	host.Name, host.AvailabilityZone = a.Config.Host, a.AvailabilityZone
	host.DiskGiB -= int64(float64(host.DiskGiB) * a.DiskReserve)
	return host, nil
}

// seen is what Docker has of a container; nil where it has nothing.
type seen struct {
	sandbox, app *State
}

// look asks Docker for a container and its sandbox.
func (a *Agent) look(ctx context.Context, id string) (seen, error) {
	sandbox, err := a.inspect(ctx, SandboxName(id))
	if err != nil {
		return seen{}, err
	}
	app, err := a.inspect(ctx, ContainerName(id))
	if err != nil {
		return seen{}, err
	}
	for _, state := range []*State{sandbox, app} {
		if state != nil && state.ContainerID != id {
			return seen{}, zun.Errorf(zun.CodeConflict, "cannot use %s: it is in Docker on host %s, but not ours; remove it with: docker rm -f %s",
				state.Name, a.Config.Host, state.Name)
		}
	}
	return seen{sandbox, app}, nil
}

// removeOwn removes a sandbox or container if it is the container's; what has its name and
// not its label is left alone.
func (a *Agent) removeOwn(ctx context.Context, name, containerID string) error {
	state, err := a.inspect(ctx, name)
	if err != nil || state == nil || state.ContainerID != containerID {
		return err
	}
	return a.Docker.Remove(ctx, name)
}

// inspect returns nil for what is not there.
func (a *Agent) inspect(ctx context.Context, name string) (*State, error) {
	state, err := a.Docker.Inspect(ctx, name)
	switch {
	case zun.CodeOf(err) == zun.CodeNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &state, nil
}

// step runs f with the bound of one answer.
func (a *Agent) step(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	return f(ctx)
}

// panicked keeps one container's broken invariant from taking the host's agent down.
func (a *Agent) panicked(containerID string) {
	if v := recover(); v != nil {
		a.Log.Error("work on container panicked", "container", containerID, "cause", fmt.Sprint(v))
	}
}
