package kv

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

// DB is an open file of records. It is safe for concurrent use; one process at a time
// has a file open.
type DB struct {
	bolt    *bbolt.DB
	changes sync.Mutex   // held by whoever changes something
	mu      sync.RWMutex // guards what follows, and that it fits what readers see of bolt
	later   overlay      // not on disk yet; never changed, but replaced
	flusher *time.Timer
	waited  atomic.Int64 // nanoseconds
}

// Tx is one reading or writing of a DB; it is valid only inside the function it was
// given to.
type Tx struct {
	bolt  *bbolt.Tx
	later overlay
	lazy  bool // changes go to later
}

// Open opens the file at path and makes it (mode 0600) if it is not there. It fails
// after a second if another process has it open.
func Open(path string) (*DB, error) {
	bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	return &DB{bolt: bolt}, nil
}

// Update runs change in a writing transaction: either all of what it does is on disk
// when Update returns nil, or none of it.
func (db *DB) Update(change func(*Tx) error) error {
	defer db.wait(time.Now())
	db.changes.Lock()
	defer db.changes.Unlock()
	if len(db.later) > 0 { // changed by those who hold changes only
		return db.updateWithLater(change)
	}
	return db.bolt.Update(func(tx *bbolt.Tx) error { return change(&Tx{bolt: tx}) })
}

func (db *DB) wait(since time.Time) { db.waited.Add(int64(time.Since(since))) }

// Waited is the time that callers have spent in Update and Later so far.
func (db *DB) Waited() time.Duration { return time.Duration(db.waited.Load()) }

// View runs read in a reading transaction, which sees one state throughout.
func (db *DB) View(read func(*Tx) error) error {
	tx, err := db.begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.bolt.Rollback() }()
	return read(tx)
}

// begin begins a reading transaction.
func (db *DB) begin() (*Tx, error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	tx, err := db.bolt.Begin(false)
	return &Tx{bolt: tx, later: db.later}, err
}

// Bucket names a set of records of one type, kept as JSON under string keys. A bucket
// need not be made first.
type Bucket[T any] string

// Get returns the record under key, and false if there is none.
func (b Bucket[T]) Get(tx *Tx, key string) (record T, found bool, err error) {
	raw := tx.raw(string(b), key)
	if raw == nil {
		return record, false, nil
	}
	if err := json.Unmarshal(raw, &record); err != nil {
		return record, false, fmt.Errorf("cannot read %s %q: %w", string(b), key, err)
	}
	return record, true, nil
}

// Put writes the record under key, over what was there.
func (b Bucket[T]) Put(tx *Tx, key string, record T) error {
	raw, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("cannot write %s %q: %w", string(b), key, err)
	}
	if err := tx.set(string(b), key, raw); err != nil {
		return fmt.Errorf("cannot write %s %q: %w", string(b), key, err)
	}
	return nil
}

// Delete removes the record under key; that there is none is no error.
func (b Bucket[T]) Delete(tx *Tx, key string) error {
	return tx.set(string(b), key, nil)
}

// All returns every record with its key.
func (b Bucket[T]) All(tx *Tx) (map[string]T, error) {
	records := map[string]T{}
	err := tx.each(string(b), func(key string, raw []byte) error {
		var record T
		if err := json.Unmarshal(raw, &record); err != nil {
			return fmt.Errorf("cannot read %s %q: %w", string(b), key, err)
		}
		records[key] = record
		return nil
	})
	return records, err
}
