package kuryr

import (
	"context"
	"time"

	"github.com/gozun/gozun/zun"
)

// The waits between looks at a port that is to become ACTIVE: Neutron's networking API tells
// nobody of it, so one has to look.
const (
	firstLook  = 30 * time.Millisecond
	lastLook   = time.Second
	answerTime = 3 * time.Second // of the verb, to undo and to answer
)

// awaitActive waits until Neutron's agent has wired the port. CodePortBindingFailed when it
// does not in time.
func (d *Driver) awaitActive(ctx context.Context, c claim) error {
	if d.PlugWait <= 0 {
		return nil
	}
	began := d.Now()
	limit := d.PlugWait
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)-answerTime)
	}
	until, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	status := "unknown"
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		p, err := d.Neutron.Port(until, c.Port.ID)
		switch {
		case err == nil && p.Status == "ACTIVE":
			return nil
		case err == nil:
			status = p.Status
		case until.Err() == nil:
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-until.Done():
			timer.Stop()
			return zun.Errorf(zun.CodePortBindingFailed, "port %s is %s and was not ACTIVE in %s; does the Neutron agent of host %q work?",
				c.Port.ID, status, d.Now().Sub(began).Round(time.Millisecond), d.Host)
		case <-timer.C:
		}
	}
}
