package kv

import (
	"errors"
	"maps"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// overlay are changes by bucket and key; nil deletes.
type overlay map[string]map[string][]byte

// soon is how long changes wait for company on their way to the disk.
const soon = 50 * time.Millisecond

// Later runs change in a writing transaction that is for a crash to lose: readers see what it
// did at once, but it goes to the disk with the next Update, or a moment later by itself. It
// is for facts that can be found out again. What Later did before an Update is on disk when
// that returns; a failure to write it is that Update's.
func (db *DB) Later(change func(*Tx) error) error {
	defer db.wait(time.Now())
	db.changes.Lock()
	defer db.changes.Unlock()
	tx, err := db.begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.bolt.Rollback() }()
	tx.lazy, tx.later = true, tx.later.clone()
	if err := change(tx); err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.later = tx.later
	if db.flusher == nil {
		db.flusher = time.AfterFunc(soon, db.flush)
	}
	return nil
}

func (o overlay) clone() overlay {
	twin := overlay{}
	for bucket, records := range o {
		twin[bucket] = maps.Clone(records)
	}
	return twin
}

// flush writes what waits. If that fails it goes on waiting, for the next Update or flush.
func (db *DB) flush() {
	db.changes.Lock()
	defer db.changes.Unlock()
	err := db.writeLater()
	db.mu.Lock()
	defer db.mu.Unlock()
	db.flusher = nil
	if err != nil && !errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		db.flusher = time.AfterFunc(time.Second, db.flush)
	}
}

// writeLater writes what waits; the caller holds changes.
func (db *DB) writeLater() error {
	if len(db.later) == 0 {
		return nil
	}
	return db.updateWithLater(func(*Tx) error { return nil })
}

// updateWithLater is Update when something waits. Readers wait for the disk, too: they would
// see what waited over what changed it.
func (db *DB) updateWithLater(change func(*Tx) error) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.bolt.Update(func(bolt *bbolt.Tx) error {
		tx := &Tx{bolt: bolt}
		for bucket, records := range db.later {
			for key, raw := range records {
				if err := tx.set(bucket, key, raw); err != nil {
					return err
				}
			}
		}
		return change(tx)
	})
	if err == nil {
		db.later = nil
	}
	return err
}

// Close waits for what is under way, writes what waits, and closes the file.
func (db *DB) Close() error {
	db.changes.Lock()
	defer db.changes.Unlock()
	err := db.writeLater()
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		err = nil
	}
	return errors.Join(err, db.bolt.Close())
}

// raw returns the record under key, nil if there is none.
func (tx *Tx) raw(bucket, key string) []byte {
	if raw, changed := tx.later[bucket][key]; changed {
		return raw
	}
	if records := tx.bolt.Bucket([]byte(bucket)); records != nil {
		return records.Get([]byte(key))
	}
	return nil
}

// set changes the record under key; nil deletes it.
func (tx *Tx) set(bucket, key string, raw []byte) error {
	if tx.lazy {
		if tx.later[bucket] == nil {
			tx.later[bucket] = map[string][]byte{}
		}
		tx.later[bucket][key] = raw
		return nil
	}
	if raw == nil {
		if records := tx.bolt.Bucket([]byte(bucket)); records != nil {
			return records.Delete([]byte(key))
		}
		return nil
	}
	records, err := tx.bolt.CreateBucketIfNotExists([]byte(bucket))
	if err != nil {
		return err
	}
	return records.Put([]byte(key), raw)
}

// each calls do with every record of a bucket.
func (tx *Tx) each(bucket string, do func(key string, raw []byte) error) error {
	changed := tx.later[bucket]
	if records := tx.bolt.Bucket([]byte(bucket)); records != nil {
		err := records.ForEach(func(key, raw []byte) error {
			if _, other := changed[string(key)]; other {
				return nil
			}
			return do(string(key), raw)
		})
		if err != nil {
			return err
		}
	}
	for key, raw := range changed {
		if raw == nil {
			continue
		}
		if err := do(key, raw); err != nil {
			return err
		}
	}
	return nil
}
