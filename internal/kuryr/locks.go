package kuryr

import (
	"context"
	"sync"

	"github.com/gozun/gozun/zun"
)

// locks serialise work on one thing, named by a key, while other things go on.
type locks struct {
	mu   sync.Mutex
	held map[string]*waitable
}

type waitable struct {
	turn chan struct{} // holds a token while nobody works
	uses int
}

// lock waits for the thing and returns how to let go of it. It fails when ctx ends first.
func (l *locks) lock(ctx context.Context, key string) (unlock func(), err error) {
	w := l.use(key)
	select {
	case <-w.turn:
		return func() { w.turn <- struct{}{}; l.drop(key, w) }, nil
	case <-ctx.Done():
		l.drop(key, w)
		return nil, zun.Wrap(zun.CodeUnavailable, ctx.Err(), "cannot work on %s: other work on it does not end; try again", key)
	}
}

// tryLock is lock for those who would rather not wait.
func (l *locks) tryLock(key string) (unlock func(), ok bool) {
	w := l.use(key)
	select {
	case <-w.turn:
		return func() { w.turn <- struct{}{}; l.drop(key, w) }, true
	default:
		l.drop(key, w)
		return nil, false
	}
}

func (l *locks) use(key string) *waitable {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[string]*waitable{}
	}
	w, ok := l.held[key]
	if !ok {
		w = &waitable{turn: make(chan struct{}, 1)}
		w.turn <- struct{}{}
		l.held[key] = w
	}
	w.uses++
	return w
}

func (l *locks) drop(key string, w *waitable) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.uses--; w.uses == 0 {
		delete(l.held, key)
	}
}
