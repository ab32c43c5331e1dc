package kv

import (
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// DB is an open file of records. It is safe for concurrent use; one process at a time
// has a file open.
type DB struct{ bolt *bbolt.DB }

// Tx is one reading or writing of a DB; it is valid only inside the function it was
// given to.
type Tx struct{ bolt *bbolt.Tx }

// Open opens the file at path and makes it (mode 0600) if it is not there. It fails
// after a second if another process has it open.
func Open(path string) (*DB, error) {
	bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	return &DB{bolt}, nil
}

// Close waits for what is under way and closes the file.
func (db *DB) Close() error { return db.bolt.Close() }

// Update runs change in a writing transaction: either all of what it does is on disk
// when Update returns nil, or none of it.
func (db *DB) Update(change func(*Tx) error) error {
	return db.bolt.Update(func(tx *bbolt.Tx) error { return change(&Tx{tx}) })
}

// View runs read in a reading transaction, which sees one state throughout.
func (db *DB) View(read func(*Tx) error) error {
	return db.bolt.View(func(tx *bbolt.Tx) error { return read(&Tx{tx}) })
}

// Bucket names a set of records of one type, kept as JSON under string keys. A bucket
// need not be made first.
type Bucket[T any] string

// Get returns the record under key, and false if there is none.
func (b Bucket[T]) Get(tx *Tx, key string) (record T, found bool, err error) {
	bucket := tx.bolt.Bucket([]byte(b))
	if bucket == nil {
		return record, false, nil
	}
	raw := bucket.Get([]byte(key))
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
	bucket, err := tx.bolt.CreateBucketIfNotExists([]byte(b))
	if err != nil {
		return fmt.Errorf("cannot write %s %q: %w", string(b), key, err)
	}
	return bucket.Put([]byte(key), raw)
}

// Delete removes the record under key; that there is none is no error.
func (b Bucket[T]) Delete(tx *Tx, key string) error {
	bucket := tx.bolt.Bucket([]byte(b))
	if bucket == nil {
		return nil
	}
	return bucket.Delete([]byte(key))
}

// All returns every record with its key.
func (b Bucket[T]) All(tx *Tx) (map[string]T, error) {
	records := map[string]T{}
	bucket := tx.bolt.Bucket([]byte(b))
	if bucket == nil {
		return records, nil
	}
	err := bucket.ForEach(func(key, raw []byte) error {
		var record T
		if err := json.Unmarshal(raw, &record); err != nil {
			return fmt.Errorf("cannot read %s %q: %w", string(b), key, err)
		}
		records[string(key)] = record
		return nil
	})
	return records, err
}
