package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/uptrace/bun"
	"golang.org/x/sync/singleflight"

	"github.com/gozun/gozun/zun"
)

// cacheItems bounds how many records all cached answers hold together.
const cacheItems = 4096

// cache keeps answers for as long as nobody has committed anything. Users poll: the same
// lists and objects are asked for many times between two changes, and reading a thousand
// rows costs tens of milliseconds. Cached answers are shared; nobody may change them.
type cache struct {
	mu      sync.Mutex
	version int64
	items   int
	answers map[string]any
	loading singleflight.Group
}

// watch tells whether the database has changed: its own connection's data_version, which
// SQLite changes with every commit of every other connection, of this process or not.
type watch struct {
	mu   sync.Mutex
	conn *sql.Conn
	ask  *sql.Stmt
}

func newWatch(ctx context.Context, db *bun.DB) (*watch, error) {
	conn, err := db.DB.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot watch database: %w", err)
	}
	ask, err := conn.PrepareContext(ctx, "PRAGMA data_version")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot watch database: %w", err), conn.Close())
	}
	return &watch{conn: conn, ask: ask}, nil
}

// version returns a number that differs from an earlier one if something was committed
// between.
//
// The context must not end: a query that is broken off can cost the connection, and
// data_version counts for one connection only.
func (w *watch) version(ctx context.Context) (version int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	err = w.ask.QueryRowContext(ctx).Scan(&version)
	return version, err
}

func (w *watch) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ask.Close(); err != nil {
		return err
	}
	return w.conn.Close()
}

// cached returns the answer to a question, from memory if nothing has changed since it was
// last loaded. Within a transaction it is always loaded.
func cached[T any](ctx context.Context, s *Store, question string, size func(T) int, load func() (T, error)) (T, error) {
	if _, ok := ctx.Value(txKey{}).(bun.Tx); ok {
		return load()
	}
	version, err := s.watch.version(context.WithoutCancel(ctx)) // before loading: what changes meanwhile is found out next time
	if err != nil {
		return load()
	}
	if answer, ok := s.cache.get(version, question); ok {
		return answer.(T), nil
	}
	// Those who ask the same of the same version at the same time share one loading, which
	// began after the version was read: it knows all that they may expect.
	return share(ctx, &s.cache.loading, fmt.Sprint(version, " ", question), func() (T, error) {
		answer, err := load()
		if err == nil {
			s.cache.put(version, question, answer, size(answer))
		}
		return answer, err
	})
}

// share is load, once for all who ask for the same at the same time. Somebody who goes away
// while he loads does not spoil it for the others.
func share[T any](ctx context.Context, loading *singleflight.Group, key string, load func() (T, error)) (T, error) {
	loaded, err, _ := loading.Do(key, func() (any, error) { return load() })
	if ctx.Err() == nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return load()
	}
	return loaded.(T), err
}

func (c *cache) get(version int64, question string) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != version {
		return nil, false
	}
	answer, ok := c.answers[question]
	return answer, ok
}

func (c *cache) put(version int64, question string, answer any, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != version || c.answers == nil || c.items+size > cacheItems {
		c.version, c.items, c.answers = version, 0, map[string]any{}
	}
	c.items += size
	c.answers[question] = answer
}

func one[T any](T) int { return 1 }

func details(list []zun.ContainerDetail) int { return 1 + len(list) }
