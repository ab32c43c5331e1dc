package control

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// Config is what a Service needs. Store, Policy, Neutron and Nodes are required; every
// zero value of the rest has a default.
type Config struct {
	Store  Store
	Policy *policy.Engine

	// Neutron returns Neutron as the user with the token sees it.
	Neutron func(token string) Neutron
	// ServiceNeutron is Neutron with the service's own credentials, for what outlives a
	// user's request: finishing after a crash what a user began. Nil leaves such work
	// until the user asks again.
	ServiceNeutron Neutron

	Nodes Nodes

	// Vault encrypts the passwords of registries. Nil: registries have none.
	Vault Vault

	// DefaultNetwork is the name of a gozun or Neutron network for containers that name
	// none. Empty: the oldest Neutron network of the project, else the oldest shared.
	DefaultNetwork string

	Log   *slog.Logger
	Now   func() time.Time
	NewID func() string // a UUID

	HeartbeatEvery time.Duration // how often hosts are asked how they are; 10 s
	HostDownAfter  time.Duration // a host that was not seen for so long gets no containers; 60 s
	RetryMin       time.Duration // first pause after a node could not take an action; 500 ms
	RetryMax       time.Duration // longest such pause; 30 s
	HealRetryMin   time.Duration // first pause after a heal failed; 10 s
	HealRetryMax   time.Duration // longest such pause; 30 min
	RedeliverAfter time.Duration // an action without an end is given out again; 10 min
	ObserveTimeout time.Duration // how long a GET waits for the host; 2 s
	ObserveEvery   time.Duration // a container is not looked at more often by GETs; 1 s

	ConsoleTokenLife time.Duration // how long a console can be opened after it was asked for; 10 min, as Nova's

	// How much may be promised to containers per core, memory and disk of a host, after
	// what is reserved for the host itself. 0: 16, 1.5 and 1, as in Nova and Zun.
	CPURatio, MemoryRatio, DiskRatio float64

	ReservedCPUs      int
	ReservedMemoryMiB int64
	ReservedDiskGiB   int64

	DefaultZone  string // availability zone of hosts that name none; "nova"
	ScheduleZone string // availability zone of containers that name none; "": any

	// Bounds are what one container may have. Zero: Zun's.
	Bounds zun.Bounds

	// UniqueNames is where no two containers have the same name. "": nowhere.
	UniqueNames NameScope

	// DefaultDiskGiB bounds the disk of containers that name none, on hosts that can bound
	// it. 0: nothing does.
	DefaultDiskGiB int64

	// DefaultLimits are what a project may have for which nothing else was said. Nil:
	// Zun's, 40 containers with 51200 MiB of memory, 20 cores and 100 GiB of disk together.
	DefaultLimits *zun.Quota
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	defaultTo(&c.HeartbeatEvery, 10*time.Second)
	defaultTo(&c.HostDownAfter, time.Minute)
	defaultTo(&c.RetryMin, 500*time.Millisecond)
	defaultTo(&c.RetryMax, 30*time.Second)
	defaultTo(&c.HealRetryMin, 10*time.Second)
	defaultTo(&c.HealRetryMax, 30*time.Minute)
	defaultTo(&c.RedeliverAfter, 10*time.Minute)
	defaultTo(&c.ObserveTimeout, 2*time.Second)
	defaultTo(&c.ObserveEvery, time.Second)
	defaultTo(&c.ConsoleTokenLife, 10*time.Minute)
	defaultTo(&c.CPURatio, 16)
	defaultTo(&c.MemoryRatio, 1.5)
	defaultTo(&c.DiskRatio, 1)
	defaultTo(&c.DefaultZone, "nova")
	defaultTo(&c.Bounds, zun.DefaultBounds())
	if c.DefaultLimits == nil {
		c.DefaultLimits = new(DefaultLimits())
	}
	return c
}

func defaultTo[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Service is the control side. It implements zun.Reports, the methods that the API calls,
// and is a task. It is safe for concurrent use.
type Service struct {
	Config
	queue        *queue
	sweeps       *pokeSet // networks that may be to remove
	images       *pokeSet // images that may be to pull or delete
	networkLocks locks    // by Network.ID: making, removing, and giving out work that uses it
	hosts        hostWatch
	looked       lookTimes
	ready        chan struct{}
}

var _ zun.Reports = (*Service)(nil)

// New returns a Service. Orders are recorded from now on; nothing is given to nodes until
// Run.
func New(config Config) *Service {
	return &Service{
		Config: config.withDefaults(), queue: newQueue(), sweeps: newPokeSet(), images: newPokeSet(), ready: make(chan struct{}),
	}
}

// String names the task.
func (s *Service) String() string { return "control" }

// Ready is closed once Run has found what was owed when it began.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run gives owed actions to nodes, those found at start first, finishes what a crash left
// of networks, and watches the hosts, until ctx ends. It can be called once.
func (s *Service) Run(ctx context.Context) error {
	owed, err := s.Store.OwedActions(ctx, "")
	switch {
	case ctx.Err() != nil:
		return nil //nolint:nilerr // told to end before it began
	case err != nil:
		return fmt.Errorf("cannot find what is owed: %w", err)
	}
	for _, action := range owed {
		s.queue.poke(action.ContainerID)
	}
	close(s.ready)
	s.resealAll(ctx)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.runQueue(ctx) })
	group.Go(func() error { return s.runSweeps(ctx) })
	group.Go(func() error { return s.runImages(ctx) })
	group.Go(func() error { return s.runHosts(ctx) })
	return group.Wait()
}
