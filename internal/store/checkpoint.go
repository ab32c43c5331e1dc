package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"time"
)

const (
	// manyPages of SQLite's log, 16 MiB, are worth the syncs that moving them costs.
	manyPages = 4000
	// tooManyPages make a commit move them: where Run does not run, or cannot keep up.
	tooManyPages = 4 * manyPages
	// syncAfter is how long what was committed waits for company on its way to the disk. Whoever
	// said that it is about to write has done so by then.
	syncAfter = 250 * time.Millisecond
)

// String names the task.
func (s *Store) String() string { return "database" }

// Run brings what was committed to the disk, and from SQLite's log into the database file when
// that is long, until ctx ends. Without it a commit does so that finds the log long, which syncs
// the disk twice: then one order of many takes tens of milliseconds longer than the others, and
// all that came before it would be lost with the machine's power. Nobody waits for this one.
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
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(syncAfter):
		}
		// Both are tried again after the next commit; at the latest one that does it itself tells what is wrong.
		_ = s.sync(s.path + "-wal")
		_ = checkpoint(ctx, pool)
	}
}

// syncFile brings what was written to a file to the disk.
func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
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
