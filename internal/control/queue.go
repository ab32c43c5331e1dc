package control

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// giveOutsAtOnce bounds how many containers' actions are given to nodes side by side.
const giveOutsAtOnce = 16

// queue remembers, for this process, which containers have work to be given out. What is
// owed is in the store; losing the queue loses nothing.
type queue struct {
	pokes *pokeSet

	mu     sync.Mutex
	busy   map[string]bool       // containers whose next action is being given out; true: poked meanwhile
	given  map[int64]givenAction // actions that a node accepted
	pauses map[string]*pause     // containers whose host could not take work
}

type givenAction struct {
	containerID string
	at          time.Time
}

type pause struct {
	delay time.Duration
	timer *time.Timer
}

func newQueue() *queue {
	return &queue{
		pokes: newPokeSet(), busy: map[string]bool{},
		given: map[int64]givenAction{}, pauses: map[string]*pause{},
	}
}

// poke says that a container may have work to be given out.
func (q *queue) poke(containerID string) { q.pokes.add(containerID) }

// begin claims a container for one goroutine. False means that another has it, which
// will poke it again when it ends.
func (q *queue) begin(containerID string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, ok := q.busy[containerID]; ok {
		q.busy[containerID] = true
		return false
	}
	q.busy[containerID] = false
	return true
}

func (q *queue) end(containerID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy[containerID] {
		q.pokes.add(containerID)
	}
	delete(q.busy, containerID)
}

// give marks an action as given out, before it is: its end may be reported before the node
// has returned.
func (q *queue) give(action int64, containerID string, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.given[action] = givenAction{containerID, at}
}

func (q *queue) isGiven(action int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.given[action]
	return ok
}

// done forgets an action that has ended or was not taken.
func (q *queue) done(action int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.given, action)
}

// accepted ends the pauses of a container whose host took work.
func (q *queue) accepted(containerID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p, ok := q.pauses[containerID]; ok {
		p.timer.Stop()
		delete(q.pauses, containerID)
	}
}

// later pokes a container after a pause, which doubles each time from least to most.
func (q *queue) later(containerID string, least, most time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p, ok := q.pauses[containerID]
	if !ok {
		p = &pause{delay: least}
		q.pauses[containerID] = p
	} else {
		p.timer.Stop()
		p.delay = min(2*p.delay, most)
	}
	p.timer = time.AfterFunc(p.delay, func() { q.poke(containerID) })
}

// retryNow ends all pauses: a host has come back.
func (q *queue) retryNow() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for containerID, p := range q.pauses {
		p.timer.Stop()
		delete(q.pauses, containerID)
		q.pokes.add(containerID)
	}
}

// redeliver forgets and pokes what was given before a time and has not ended.
func (q *queue) redeliver(before time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for action, given := range q.given {
		if given.at.Before(before) {
			delete(q.given, action)
			q.pokes.add(given.containerID)
		}
	}
}

// stop ends the timers.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.pauses {
		p.timer.Stop()
	}
}

// runQueue gives out the work of poked containers until ctx ends.
func (s *Service) runQueue(ctx context.Context) error {
	defer s.queue.stop()
	var group errgroup.Group
	group.SetLimit(giveOutsAtOnce)
	for {
		for _, id := range s.queue.pokes.take() {
			if !s.queue.begin(id) {
				continue
			}
			group.Go(func() error {
				s.advance(ctx, id)
				s.queue.end(id)
				return nil
			})
		}
		select {
		case <-ctx.Done():
			return group.Wait()
		case <-s.queue.pokes.wake:
		}
	}
}
