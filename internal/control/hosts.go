package control

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/gozun/gozun/zun"
)

// hostTimeout bounds asking a host how it is.
const hostTimeout = 3 * time.Second

// hostWatch remembers what the hosts said last: when each was asked, what was wrong, and
// whether it can bound the disk of a container.
type hostWatch struct {
	mu    sync.Mutex
	asked map[string]time.Time
	wrong map[string]string
	bound map[string]bool
}

func (w *hostWatch) set(host string, at time.Time, wrong string) (recovered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked == nil {
		w.asked, w.wrong = map[string]time.Time{}, map[string]string{}
	}
	w.asked[host] = at
	before := w.wrong[host]
	w.wrong[host] = wrong
	return before != "" && wrong == ""
}

func (w *hostWatch) get() (asked map[string]time.Time, wrong map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.asked), maps.Clone(w.wrong)
}

// setBounds says of a host that answered whether it can bound the disk of a container.
func (w *hostWatch) setBounds(host string, can bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bound == nil {
		w.bound = map[string]bool{}
	}
	w.bound[host] = can
}

func (w *hostWatch) bounds(host string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bound[host]
}

// anyBounds reports whether there is a host that can bound the disk of a container.
func (w *hostWatch) anyBounds() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, can := range w.bound {
		if can {
			return true
		}
	}
	return false
}

// runHosts asks the hosts at intervals how they are, gives out again what was given long ago
// and never ended, and has healed again what could not be healed before.
func (s *Service) runHosts(ctx context.Context) error {
	ticker := time.NewTicker(s.HeartbeatEvery)
	defer ticker.Stop()
	for {
		s.askHosts(ctx, 0)
		s.queue.redeliver(s.Now().Add(-s.RedeliverAfter))
		s.looked.forget(s.Now().Add(-s.ObserveEvery))
		if err := s.healAgain(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("cannot heal again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// askHosts asks every host that was not asked within fresh, side by side.
func (s *Service) askHosts(ctx context.Context, fresh time.Duration) {
	asked, _ := s.hosts.get()
	var wg sync.WaitGroup
	for _, name := range s.Nodes.Names() {
		if last, ok := asked[name]; ok && s.Now().Sub(last) < fresh {
			continue
		}
		wg.Go(func() { s.askHost(ctx, name) })
	}
	wg.Wait()
}

func (s *Service) askHost(ctx context.Context, name string) {
	bounded, cancel := context.WithTimeout(ctx, hostTimeout)
	defer cancel()
	var host zun.Host
	err := errors.New("it is not connected")
	if node, ok := s.Nodes.Node(name); ok {
		host, err = node.Host(bounded)
	}
	if ctx.Err() != nil {
		return
	}
	now := s.now()
	if err != nil {
		if _, wrong := s.hosts.get(); wrong[name] != err.Error() {
			s.Log.Warn("host does not answer", "host", name, "error", err)
		}
		s.hosts.set(name, now, err.Error())
		return
	}
	host.ID, host.Name, host.AvailabilityZone = s.NewID(), name, cmp.Or(host.AvailabilityZone, s.DefaultZone)
	s.hosts.setBounds(name, host.DiskQuota)
	if err := s.Store.SaveHost(ctx, host, now); err != nil {
		s.Log.Error("cannot record host", "host", name, "error", err)
	}
	if s.hosts.set(name, now, "") {
		s.Log.Info("host answers again", "host", name)
		s.queue.retryNow()
		s.retrySweeps(ctx)
	}
}

func (s *Service) retrySweeps(ctx context.Context) {
	unfinished, err := s.Store.UnfinishedNetworks(ctx)
	if err != nil {
		s.Log.Error("cannot find unfinished networks", "error", err)
	}
	for _, network := range unfinished {
		s.sweeps.add(network.ID)
	}
}

// fresh is how long an answer of a host counts when something is to be placed. A host
// that went away since says so itself when it is given the work.
func (s *Service) fresh() time.Duration { return 2 * s.HeartbeatEvery }

// lookTimes remembers when GETs last looked at containers, so that many readers cost a
// host one look.
type lookTimes struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// due reports whether a container was not looked at within every, and counts a look.
func (l *lookTimes) due(id string, now time.Time, every time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.last[id]; ok && now.Sub(last) < every {
		return false
	}
	if l.last == nil {
		l.last = map[string]time.Time{}
	}
	l.last[id] = now
	return true
}

// took counts a look that the host took by itself.
func (l *lookTimes) took(id string, at time.Time) { l.due(id, at, 0) }

// forget drops looks from before a time.
func (l *lookTimes) forget(before time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.last, func(_ string, at time.Time) bool { return at.Before(before) })
}
