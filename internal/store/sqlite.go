package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// readers is how many connections read side by side; WAL lets them run beside the writer.
const readers = 5 // one of them watches for changes

// createFile makes the database file readable by its owner only, and says early when the
// place cannot be written. SQLite gives its -wal and -shm files the same mode.
func createFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open database: %w", err)
	}
	defer file.Close()
	if err := file.Chmod(0o600); err != nil {
		return fmt.Errorf("cannot protect database: %w", err)
	}
	return nil
}

// openPool opens connections to the file. One that writes takes the write lock when a
// transaction begins: one that began as a reader could not wait for it later.
func openPool(path string, write bool) (*sql.DB, error) {
	query := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)", "temp_store(MEMORY)",
	}}
	if write {
		query.Set("_txlock", "immediate")
		query.Add("_pragma", fmt.Sprintf("wal_autocheckpoint(%d)", tooManyPages))
	} else {
		query.Add("_pragma", "query_only(1)")
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	connector, err := newConnector(dsn.String())
	if err != nil {
		return nil, fmt.Errorf("cannot open database %s: %w", path, err)
	}
	pool := sql.OpenDB(connector)
	connections := 1
	if !write {
		connections = readers
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool, nil
}

// lockFile makes one process at a time migrate; the kernel lets go of it with the process,
// which a lock row would not survive.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock database: %w", err)
	}
	var refused error
	locked := make(chan struct{})
	go func() {
		refused = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		close(locked)
	}()
	select {
	case <-locked:
	case <-ctx.Done():
		go func() { // the wait cannot be broken off, only forgotten
			<-locked
			file.Close()
		}()
		return nil, fmt.Errorf("cannot lock database %s: %w", path, ctx.Err())
	}
	if refused != nil {
		file.Close()
		return nil, fmt.Errorf("cannot lock database %s: %w", path, refused)
	}
	return func() { file.Close() }, nil
}

// isDuplicate reports whether a unique index refused a row.
func isDuplicate(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

// isReferred reports whether a foreign key refused a change.
func isReferred(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// dialect is SQLite's with one difference: a NUL, which no SQL text can hold and bun
// refuses with a broken statement, is written as U+FFFD. It comes from users' arguments
// and from what programs in containers say.
type dialect struct{ *sqlitedialect.Dialect }

func newDialect() dialect { return dialect{sqlitedialect.New()} }

func (d dialect) AppendString(b []byte, s string) []byte {
	return d.Dialect.AppendString(b, strings.ReplaceAll(s, "\x00", "\ufffd"))
}
