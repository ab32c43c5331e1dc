package node

import (
	"slices"
	"sync"
	"time"
)

// job is a piece of work on one container. action is 0 when nobody ordered it.
type job struct {
	action int64
	run    func()
}

// lanes keep work on one container serial and let containers go side by side.
type lanes struct {
	mu      sync.Mutex
	busy    map[string]*lane
	touched map[string]time.Time // when an ordered action was last taken or ended, for judging how fresh a record is
	all     sync.WaitGroup
	idled   func(containerID string) // called when nothing is left to do on a container
}

type lane struct {
	jobs []job // the first is under way
}

func newLanes(idled func(string)) *lanes {
	return &lanes{busy: map[string]*lane{}, touched: map[string]time.Time{}, idled: idled}
}

// add puts a job behind the others of its container; an action that is there already is
// joined: nothing is added.
func (l *lanes) add(containerID string, j job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j.action != 0 {
		l.touched[containerID] = time.Now()
	}
	if at, ok := l.busy[containerID]; ok {
		same := func(other job) bool { return j.action != 0 && other.action == j.action }
		if !slices.ContainsFunc(at.jobs, same) {
			at.jobs = append(at.jobs, j)
		}
		return
	}
	at := &lane{jobs: []job{j}}
	l.busy[containerID] = at
	l.all.Go(func() { l.drain(containerID, at) })
}

// addIfIdle adds a job that nobody ordered, unless the container is being worked on or an
// action on it came in or ended after since.
func (l *lanes) addIfIdle(containerID string, since time.Time, run func()) {
	l.mu.Lock()
	_, busy := l.busy[containerID]
	fresh := l.touched[containerID].After(since)
	l.mu.Unlock()
	if !busy && !fresh {
		l.add(containerID, job{run: run})
	}
}

// idle reports whether nothing is being done to the container.
func (l *lanes) idle(containerID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, busy := l.busy[containerID]
	return !busy
}

// untouched reports whether no action was taken on the container, or ended, after since.
func (l *lanes) untouched(containerID string, since time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.touched[containerID].After(since)
}

// forget drops what is known of actions before a time.
func (l *lanes) forget(before time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, at := range l.touched {
		if at.Before(before) {
			delete(l.touched, id)
		}
	}
}

func (l *lanes) drain(containerID string, at *lane) {
	for {
		l.mu.Lock()
		j := at.jobs[0]
		l.mu.Unlock()
		j.run()
		l.mu.Lock()
		if j.action != 0 {
			l.touched[containerID] = time.Now()
		}
		at.jobs = at.jobs[1:]
		if len(at.jobs) == 0 {
			delete(l.busy, containerID)
			l.mu.Unlock()
			l.idled(containerID)
			return
		}
		l.mu.Unlock()
	}
}

// wait returns when nothing is under way.
func (l *lanes) wait() { l.all.Wait() }
