package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

// Store is an open database. It is safe for concurrent use; one transaction writes at a
// time, and readers see the last state that was committed.
type Store struct {
	path  string
	read  *bun.DB
	write *bun.DB
	watch *watch
	cache cache

	committed chan struct{} // holds one if somebody has written since Run looked
	sync      func(path string) error
}

// Open opens the SQLite database file at path, makes it (mode 0600) if it is not there,
// and brings its tables up to date.
func Open(ctx context.Context, path string) (*Store, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open database %s: %w", path, err)
	}
	if err := createFile(absolute); err != nil {
		return nil, err
	}
	s := &Store{path: absolute, committed: make(chan struct{}, 1), sync: syncFile}
	write, err := openPool(absolute, true)
	if err != nil {
		return nil, err
	}
	s.write = bun.NewDB(write, newDialect())
	read, err := openPool(absolute, false)
	if err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	s.read = bun.NewDB(read, newDialect())
	if err := s.migrate(ctx, steps()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.watch, err = newWatch(ctx, s.read); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes the database; what is under way fails.
func (s *Store) Close() error {
	var err error
	if s.watch != nil {
		err = s.watch.close()
	}
	return errors.Join(err, s.read.Close(), s.write.Close())
}

type txKey struct{}

// Change runs f in one write transaction. Calls with the context that f gets are part of
// it; if f fails none of them is kept. Within a transaction it just runs f.
func (s *Store) Change(ctx context.Context, f func(ctx context.Context) error) error {
	if _, ok := ctx.Value(txKey{}).(bun.Tx); ok {
		return f(ctx)
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return internal(err, "cannot begin a transaction")
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it has nothing to do
	if err := f(context.WithValue(ctx, txKey{}, tx)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return internal(err, "cannot commit")
	}
	s.wrote()
	return nil
}

// wrote tells Run that the log has become longer.
func (s *Store) wrote() {
	select {
	case s.committed <- struct{}{}:
	default: // it knows
	}
}

// reader returns what reads go to: the transaction of ctx, else the readers' pool.
func (s *Store) reader(ctx context.Context) bun.IDB {
	if tx, ok := ctx.Value(txKey{}).(bun.Tx); ok {
		return tx
	}
	return s.read
}

// writer returns what single writes go to: the transaction of ctx, else the one writer.
func (s *Store) writer(ctx context.Context) bun.IDB {
	if tx, ok := ctx.Value(txKey{}).(bun.Tx); ok {
		return tx
	}
	s.wrote() // or is about to
	return s.write
}

// insert adds a row; taken is the error when a unique index refuses it.
func (s *Store) insert(ctx context.Context, row any, taken *zun.Error) error {
	_, err := s.writer(ctx).NewInsert().Model(row).Exec(ctx)
	if err != nil && isDuplicate(err) {
		taken.Err = err
		return taken
	}
	return internal(err, "cannot insert %T", row)
}

// internal hides the database's words behind a CodeInternal error; nil stays nil.
func internal(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}

// found turns "no rows" into the given error and other failures into internal ones.
func found(err error, missing *zun.Error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	return internal(err, "cannot read")
}

// changedOne reports whether a statement changed a row.
func changedOne(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, internal(err, "cannot update")
	}
	n, err := result.RowsAffected()
	return n > 0, internal(err, "cannot count changes")
}
