package kuryr

import (
	"sync"
	"time"
)

// The wait of names for a moment in which nobody in Docker waits for Neutron: each takes it
// almost half the work of a port's creation, which then takes that much longer.
const (
	calmAfter  = time.Second // the last call of Docker's
	latestName = time.Minute // after the claim began, if there is no calm
)

// traffic knows whether Docker waits for something that Neutron may be asked for.
type traffic struct {
	mu    sync.Mutex
	under int       // calls under way
	last  time.Time // when one ended
}

// enter counts a call of Docker's until leave.
func (t *traffic) enter(now func() time.Time) (leave func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.under++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.under--
		t.last = now()
	}
}

// calmIn returns how long it is going to take at least until calm; 0: it is there.
func (t *traffic) calmIn(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.under > 0 {
		return calmAfter
	}
	return max(0, t.last.Add(calmAfter).Sub(now))
}

// inTime chooses the claims that may be named now, and notes in wait when others are to be
// looked at again.
func (d *Driver) inTime(wait *time.Duration) func(claim) bool {
	return func(c claim) bool {
		now := d.Now()
		left := min(d.traffic.calmIn(now), c.At.Add(latestName).Sub(now))
		if left > 0 {
			*wait = min(*wait, left)
		}
		return left <= 0
	}
}
