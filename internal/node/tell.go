package node

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/gozun/gozun/zun"
)

// story tells the control side, in order and until it is recorded, what happens in one
// action, while the action goes on.
type story struct {
	agent   *Agent
	action  int64
	reports chan func(context.Context) error
	done    chan struct{}

	mu   sync.Mutex
	ends map[zun.Stage]int // ends of stages that are not recorded yet
}

// newStory begins to tell; end must be called.
func (a *Agent) newStory(action int64) *story {
	s := &story{
		agent: a, action: action, reports: make(chan func(context.Context) error, 64), done: make(chan struct{}),
		ends: map[zun.Stage]int{},
	}
	go func() {
		defer close(s.done)
		for report := range s.reports {
			a.tell(a.life, report)
		}
	}()
	return s
}

// began tells that a stage began, unless it has ended by the time that it would be told: the end
// tells both.
func (s *story) began(event zun.Event) {
	s.reports <- func(ctx context.Context) error {
		if s.ending(event.Stage, 0) > 0 {
			return nil
		}
		return s.agent.Reports.StageBegan(ctx, event)
	}
}

func (s *story) ended(event zun.Event) {
	s.ending(event.Stage, 1)
	s.reports <- func(ctx context.Context) error {
		err := s.agent.Reports.StageEnded(ctx, event)
		if err == nil {
			s.ending(event.Stage, -1)
		}
		return err
	}
}

// ending counts the ends of a stage that are still to be told.
func (s *story) ending(stage zun.Stage, more int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends[stage] += more
	return s.ends[stage]
}

func (s *story) plugged(attachment zun.Attachment) {
	s.reports <- func(ctx context.Context) error { return s.agent.Reports.Plugged(ctx, attachment) }
}

func (s *story) finished(outcome zun.Outcome) {
	s.reports <- func(ctx context.Context) error { return s.agent.Reports.Finished(ctx, s.action, outcome) }
}

// end waits until all is recorded, or the agent ends.
func (s *story) end() {
	close(s.reports)
	<-s.done
}

// tell repeats a report until it is recorded, the thing it is about is gone from the
// records, or ctx ends.
func (a *Agent) tell(ctx context.Context, report func(context.Context) error) {
	pause := a.backoff()
	for logged := false; ctx.Err() == nil; logged = true {
		err := a.step(ctx, report)
		switch {
		case err == nil:
			return
		case zun.IsNotFound(err):
			a.Log.WarnContext(ctx, "a report is about something no longer recorded", "cause", err)
			return
		case !logged:
			a.Log.WarnContext(ctx, "a report was not recorded, trying again", "cause", err)
		}
		if wait(ctx, pause.NextBackOff()) != nil {
			return
		}
	}
}

// backoff returns doubling pauses with jitter, from RetryAfter to 30 s.
func (a *Agent) backoff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.MaxInterval = a.RetryAfter, 2, 30*time.Second
	return b
}

// wait pauses, and returns ctx's error if it ends first.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
