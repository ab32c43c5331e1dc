package control

import (
	"context"
	"sync"
)

// pokeSet is a set of ids that somebody should look at; adding one wakes who waits.
type pokeSet struct {
	mu   sync.Mutex
	ids  map[string]struct{}
	wake chan struct{}
}

func newPokeSet() *pokeSet {
	return &pokeSet{ids: map[string]struct{}{}, wake: make(chan struct{}, 1)}
}

func (p *pokeSet) add(ids ...string) {
	if len(ids) == 0 {
		return
	}
	p.mu.Lock()
	for _, id := range ids {
		p.ids[id] = struct{}{}
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// take empties the set and returns what was in it.
func (p *pokeSet) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make([]string, 0, len(p.ids))
	for id := range p.ids {
		ids = append(ids, id)
	}
	clear(p.ids)
	return ids
}

// locks are mutexes by name; those that nobody holds or wants take no room.
type locks struct {
	mu   sync.Mutex
	held map[string]*waiting
}

type waiting struct {
	token chan struct{}
	users int
}

// tryLock takes the named lock if nobody holds it.
func (l *locks) tryLock(ctx context.Context, name string) (unlock func(), ok bool) {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	unlock, err := l.lock(ended, name)
	return unlock, err == nil
}

// lock waits for the named lock and returns how to let go of it.
func (l *locks) lock(ctx context.Context, name string) (unlock func(), err error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*waiting{}
	}
	w, ok := l.held[name]
	if !ok {
		w = &waiting{token: make(chan struct{}, 1)}
		l.held[name] = w
	}
	w.users++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if w.users--; w.users == 0 {
			delete(l.held, name)
		}
	}
	unlock = func() { <-w.token; leave() }
	select {
	case w.token <- struct{}{}:
		return unlock, nil
	default:
	}
	select {
	case w.token <- struct{}{}:
		return unlock, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
