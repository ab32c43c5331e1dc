package kv_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/kv"
)

// onDisk is what a crash would leave now: the records of a copy of the file.
func onDisk(tb testing.TB, path string) map[string]record {
	tb.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	twin := filepath.Join(tb.TempDir(), "twin.db")
	if err := os.WriteFile(twin, raw, 0o600); err != nil {
		tb.Fatal(err)
	}
	db := mustOpen(tb, twin)
	defer db.Close()
	return all(tb, db)
}

func mustLater(tb testing.TB, db *kv.DB, change func(*kv.Tx) error) {
	tb.Helper()
	if err := db.Later(change); err != nil {
		tb.Fatal(err)
	}
}

// put changes one record.
func put(key string, count int) func(*kv.Tx) error {
	return func(tx *kv.Tx) error { return records.Put(tx, key, record{Count: count}) }
}

func TestLaterIsSeenAtOnceAndWrittenWithTheNextUpdate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	db := mustOpen(t, path)
	mustUpdate(t, db, put("gone", 1))
	mustLater(t, db, put("a", 1))
	mustLater(t, db, func(tx *kv.Tx) error {
		if found, there, err := records.Get(tx, "a"); err != nil || !there || found.Count != 1 {
			t.Errorf("a later change sees %v, %v, %v of the one before", found, there, err)
		}
		return records.Delete(tx, "gone")
	})
	if diff := cmp.Diff(map[string]record{"a": {Count: 1}}, all(t, db)); diff != "" {
		t.Error("before the Update:", diff)
	}
	mustUpdate(t, db, func(tx *kv.Tx) error {
		if _, there, err := records.Get(tx, "gone"); err != nil || there {
			t.Errorf("the Update sees what was deleted: %v", err)
		}
		return put("b", 2)(tx)
	})
	want := map[string]record{"a": {Count: 1}, "b": {Count: 2}}
	if diff := cmp.Diff(want, all(t, db)); diff != "" {
		t.Error("after the Update:", diff)
	}
	if diff := cmp.Diff(want, onDisk(t, path)); diff != "" {
		t.Error("on disk:", diff)
	}
}

func TestLaterIsWrittenByItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	db := mustOpen(t, path)
	mustLater(t, db, put("a", 1))
	for deadline := time.Now().Add(10 * time.Second); len(onDisk(t, path)) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("it is not on disk after ten seconds")
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func TestALaterChangeThatFailsChangesNothing(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "kv.db"))
	mustLater(t, db, put("a", 1))
	if err := db.Later(func(tx *kv.Tx) error { _ = put("a", 2)(tx); return os.ErrInvalid }); err == nil {
		t.Error("it does not fail")
	}
	if err := db.Update(func(tx *kv.Tx) error { _ = put("a", 3)(tx); return os.ErrInvalid }); err == nil {
		t.Error("it does not fail")
	}
	if diff := cmp.Diff(map[string]record{"a": {Count: 1}}, all(t, db)); diff != "" {
		t.Error(diff)
	}
}

// A reader that began before a change sees none of it, wherever the change is kept.
func TestAReaderSeesOneState(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "kv.db"))
	mustLater(t, db, put("a", 1))
	err := db.View(func(tx *kv.Tx) error {
		mustUpdate(t, db, put("a", 2))
		mustLater(t, db, put("a", 3))
		found, _, err := records.Get(tx, "a")
		if found.Count != 1 {
			t.Errorf("it sees %v", found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
