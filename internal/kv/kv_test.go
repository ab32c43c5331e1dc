package kv_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gozun/gozun/internal/kv"
)

type record struct {
	Name  string
	Count int
	Tags  []string
}

const records = kv.Bucket[record]("records")

func mustOpen(tb testing.TB, path string) *kv.DB {
	tb.Helper()
	db, err := kv.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() }) // closing twice is harmless
	return db
}

func mustUpdate(tb testing.TB, db *kv.DB, change func(*kv.Tx) error) {
	tb.Helper()
	if err := db.Update(change); err != nil {
		tb.Fatal(err)
	}
}

func all(tb testing.TB, db *kv.DB) map[string]record {
	tb.Helper()
	var found map[string]record
	err := db.View(func(tx *kv.Tx) (err error) {
		found, err = records.All(tx)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

func TestRecordsSurviveReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	want := map[string]record{"a": {"one", 1, []string{"x", "y"}}, "b/ü": {Name: "two"}}
	db := mustOpen(t, path)
	mustUpdate(t, db, func(tx *kv.Tx) error {
		for key, value := range want {
			if err := records.Put(tx, key, value); err != nil {
				return err
			}
		}
		return nil
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, all(t, mustOpen(t, path))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
}

func TestAFailedUpdateChangesNothing(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "kv.db"))
	before := map[string]record{"kept": {Name: "as it was"}}
	mustUpdate(t, db, func(tx *kv.Tx) error { return records.Put(tx, "kept", before["kept"]) })
	failure := errors.New("no")
	err := db.Update(func(tx *kv.Tx) error {
		if err := errors.Join(records.Put(tx, "kept", record{}), records.Put(tx, "new", record{}), records.Delete(tx, "kept")); err != nil {
			return err
		}
		if _, there, err := records.Get(tx, "new"); err != nil || !there {
			t.Errorf("a change does not see its own work: %v, %v", there, err)
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("Update gives %v", err)
	}
	if diff := cmp.Diff(before, all(t, db)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAPanicInAnUpdateChangesNothingAndFreesTheFile(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "kv.db"))
	func() {
		defer func() { _ = recover() }()
		_ = db.Update(func(tx *kv.Tx) error {
			_ = records.Put(tx, "a", record{})
			panic("broken")
		})
	}()
	mustUpdate(t, db, func(tx *kv.Tx) error { return records.Put(tx, "b", record{}) })
	if diff := cmp.Diff([]string{"b"}, slices.Collect(maps.Keys(all(t, db)))); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "kv.db"))
	mustUpdate(t, db, func(tx *kv.Tx) error {
		if _, there, err := records.Get(tx, "a"); there || err != nil {
			t.Errorf("Get gives %v, %v", there, err)
		}
		return records.Delete(tx, "a")
	})
	if found := all(t, db); len(found) != 0 {
		t.Errorf("All gives %v", found)
	}
}

func TestARecordOfAnotherTypeIsAnError(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "kv.db"))
	mustUpdate(t, db, func(tx *kv.Tx) error { return kv.Bucket[string]("records").Put(tx, "a", "words") })
	err := db.View(func(tx *kv.Tx) error {
		if _, _, err := records.Get(tx, "a"); err == nil {
			t.Error("Get reads it")
		}
		_, err := records.All(tx)
		return err
	})
	if err == nil {
		t.Error("All reads it")
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	mustOpen(t, path)
	if db, err := kv.Open(path); err == nil {
		db.Close()
		t.Error("an open file was opened again")
	}
}

// TestItBehavesAsAMap does random work in transactions that sometimes fail, reopens now
// and then, and compares with a map that the failed ones did not touch.
func TestItBehavesAsAMap(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp("", "kv")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "kv.db")
		db, err := kv.Open(path)
		if err != nil {
			r.Fatal(err)
		}
		defer func() { db.Close() }()
		model := map[string]record{}
		for range rapid.IntRange(1, 8).Draw(r, "transactions") {
			tried := maps.Clone(model)
			fails := rapid.Bool().Draw(r, "fails")
			transact := db.Update
			if rapid.Bool().Draw(r, "later") {
				transact = db.Later
			}
			err := transact(func(tx *kv.Tx) error { return work(r, tx, tried, fails) })
			switch {
			case fails != (err != nil):
				r.Fatalf("a change gives %v", err)
			case !fails:
				model = tried
			}
			if rapid.Bool().Draw(r, "reopen") {
				if err := db.Close(); err != nil {
					r.Fatal(err)
				}
				if db, err = kv.Open(path); err != nil {
					r.Fatal(err)
				}
			}
			var found map[string]record
			if err := db.View(func(tx *kv.Tx) (err error) { found, err = records.All(tx); return err }); err != nil {
				r.Fatal(err)
			}
			if diff := cmp.Diff(model, found); diff != "" {
				r.Fatalf("(-model +file):\n%s", diff)
			}
		}
	})
}

// work puts, deletes and gets at random, in the file and in the model.
func work(r *rapid.T, tx *kv.Tx, model map[string]record, fails bool) error {
	for range rapid.IntRange(0, 6).Draw(r, "steps") {
		key := rapid.SampledFrom([]string{"a", "b", "c", "a/b", "ü"}).Draw(r, "key")
		switch rapid.IntRange(0, 2).Draw(r, "step") {
		case 0:
			value := record{Name: rapid.String().Draw(r, "name"), Count: rapid.Int().Draw(r, "count")}
			if err := records.Put(tx, key, value); err != nil {
				r.Fatal(err)
			}
			model[key] = value
		case 1:
			if err := records.Delete(tx, key); err != nil {
				r.Fatal(err)
			}
			delete(model, key)
		case 2:
			got, there, err := records.Get(tx, key)
			want, expected := model[key]
			if err != nil || there != expected || !cmp.Equal(got, want) {
				r.Fatalf("Get(%q) gives %v, %v, %v", key, got, there, err)
			}
		}
	}
	if fails {
		return errors.New("no")
	}
	return nil
}
