package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

const (
	// manyPages of SQLite's log, 16 MiB, are worth the syncs that moving them costs.
	manyPages = 4000
	// tooManyPages make a commit move them: where Run does not run, or cannot keep up.
	tooManyPages = 4 * manyPages
	// checkpointRest is the least time between two looks at how long the log is.
	checkpointRest = 100 * time.Millisecond
)

// String names the task.
func (s *Store) String() string { return "database" }

// Run moves what was committed from SQLite's log into the database file, until ctx ends. Without
// it, the commit that finds the log long moves it, and syncs the disk twice: then one order of
// many takes tens of milliseconds longer than the others. Nobody waits for this one.
func (s *Store) Run(ctx context.Context) (err error) {
	pool, err := openPool(s.path, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.committed:
		}
		_ = checkpoint(ctx, pool) // tried again after the next commit; at the latest one that does it itself tells what is wrong
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(checkpointRest):
		}
	}
}

// checkpoint moves the log into the file if it is long. Those who read and write meanwhile do not
// wait for it.
func checkpoint(ctx context.Context, pool *sql.DB) error {
	pages, moved, err := walk(ctx, pool, "NOOP")
	if err != nil || pages-moved < manyPages {
		return err
	}
	_, _, err = walk(ctx, pool, "PASSIVE")
	return err
}

// walk has SQLite go through its log, and returns how many pages are in it and how many of them
// are in the database file, too.
func walk(ctx context.Context, pool *sql.DB, mode string) (pages, moved int, err error) {
	var busy bool // another process moves them
	err = pool.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &moved)
	return pages, moved, err
}
