package network

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/minicloud"
	"github.com/gozun/gozun/zun"
)

// Config is what a Service needs. DB, Validate and Host have no default.
type Config struct {
	// DB keeps the records, in buckets that begin with "neutron.". It may hold others'.
	DB *kv.DB
	// Validate tells whose token it is. Errors: zun.CodeUnauthorized is answered 401,
	// zun.CodeUnavailable 503.
	Validate func(ctx context.Context, token string) (zun.Identity, error)
	// Host is the name by which ports are bound to this machine (binding:host_id).
	Host string
	// ServiceProject is the id of the project of the cloud's own services, which has no
	// limits until an administrator sets some: the plugin makes a port, and for what a
	// container exposes a security group, for every container that Docker's users run.
	ServiceProject string

	Log   *slog.Logger     // nil: nothing is logged
	Now   func() time.Time // nil: time.Now
	NewID func() string    // nil: random UUIDs
}

// Service is the embedded Neutron. Its methods may be called from many goroutines.
type Service struct {
	cfg     Config
	mu      sync.RWMutex
	state   *state
	changed chan struct{}
}

var _ minicloud.Source = (*Service)(nil)

// New reads what cfg.DB holds and returns a Service that continues from there.
func New(cfg Config) (*Service, error) {
	if cfg.DB == nil || cfg.Validate == nil || cfg.Host == "" {
		return nil, errors.New("cannot make the network service: Config.DB, Validate and Host must be set")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = uuid.NewString
	}
	s := &Service{cfg: cfg, state: newState(cfg.Host, cfg.ServiceProject), changed: make(chan struct{}, 1)}
	if err := cfg.DB.View(s.state.load); err != nil {
		return nil, err
	}
	return s, nil
}

// change runs one request's changes: all of them are in memory and on disk when it
// returns nil, none otherwise. Readers wait meanwhile, so they never see what the disk
// may yet refuse.
func (s *Service) change(make func(*work) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &work{state: s.state, now: s.cfg.Now().UTC(), newID: s.cfg.NewID}
	err := make(w)
	if err == nil && len(w.writes) > 0 {
		err = s.cfg.DB.Update(w.write)
	}
	if err != nil {
		w.revert()
		return err
	}
	if len(w.writes) > 0 && !w.silent {
		s.notify()
	}
	return nil
}

func (s *Service) notify() {
	select {
	case s.changed <- struct{}{}:
	default: // one is waiting already: they are merged
	}
}

// Changed receives a value after any change that Desired shows; values are merged.
func (s *Service) Changed() <-chan struct{} { return s.changed }

// Handler serves the Networking API: discovery at / and /v2.0, the rest below /v2.0.
func (s *Service) Handler() http.Handler { return newRouter(s) }
