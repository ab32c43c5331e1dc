package network

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gozun/gozun/internal/kv"
)

// standard is what every kind of record has. Records are immutable once they are in a
// table: a change puts a changed copy in their place, so readers need no copies.
type standard struct {
	ID          string
	ProjectID   string
	Name        string
	Description string
	Tags        []string // sorted, without repetition
	Created     time.Time
	Updated     time.Time
	Revision    int
}

func (s *standard) base() *standard { return s }

type record interface{ base() *standard }

// table holds the records of one kind. Its two hooks keep every index over the records,
// whether a record comes from a request, from the disk or back after a failed request.
type table[R record] struct {
	bucket     kv.Bucket[R]
	rows       map[string]R
	perProject map[string]int
	added      func(R)
	removed    func(R)
}

func newTable[R record](bucket string, added, removed func(R)) *table[R] {
	return &table[R]{kv.Bucket[R](bucket), map[string]R{}, map[string]int{}, added, removed}
}

func (t *table[R]) get(id string) (R, bool) {
	r, ok := t.rows[id]
	return r, ok
}

func (t *table[R]) set(r R) {
	t.drop(r.base().ID)
	t.rows[r.base().ID] = r
	t.perProject[r.base().ProjectID]++
	t.added(r)
}

func (t *table[R]) drop(id string) {
	r, ok := t.rows[id]
	if !ok {
		return
	}
	delete(t.rows, id)
	t.perProject[r.base().ProjectID]--
	t.removed(r)
}

func (t *table[R]) load(tx *kv.Tx) error {
	rows, err := t.bucket.All(tx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		t.set(r)
	}
	return nil
}

// byAge returns the records that keep, oldest first, which is the order of lists that
// ask for none.
func (t *table[R]) byAge(keep func(R) bool) []R {
	var rows []R
	for _, r := range t.rows {
		if keep(r) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b R) int { return compareAge(a.base(), b.base()) })
	return rows
}

func compareAge(a, b *standard) int {
	if order := a.Created.Compare(b.Created); order != 0 {
		return order
	}
	return strings.Compare(a.ID, b.ID)
}

// work is one request's changes. They are made in memory at once, where the request's
// later steps see them, written in one transaction at its end, and taken back if either
// the request or the disk fails.
type work struct {
	*state
	now    time.Time
	newID  func() string
	undo   []func()
	writes []func(*kv.Tx) error
	silent bool // nothing that the data plane looks at has changed
}

func (w *work) onUndo(f func()) { w.undo = append(w.undo, f) }

func (w *work) revert() {
	for _, undo := range slices.Backward(w.undo) {
		undo()
	}
}

func (w *work) write(tx *kv.Tx) error {
	for _, write := range w.writes {
		if err := write(tx); err != nil {
			return err
		}
	}
	return nil
}

// begin fills what a new record starts with.
func (w *work) begin(s *standard, project string) {
	s.ID, s.ProjectID = w.newID(), project
	// Two records of one request must not be of one age, or their order is lost.
	s.Created = w.now.Add(time.Duration(len(w.writes)))
	s.Updated = s.Created
	s.Revision = 1
}

// touch marks a changed copy as changed.
func (w *work) touch(s *standard) {
	s.Updated = w.now
	s.Revision++
}

// put places a record in its table, over the one of the same id.
func put[R record](w *work, t *table[R], r R) {
	id := r.base().ID
	before, had := t.get(id)
	t.set(r)
	w.onUndo(func() {
		if had {
			t.set(before)
		} else {
			t.drop(id)
		}
	})
	w.writes = append(w.writes, func(tx *kv.Tx) error { return t.bucket.Put(tx, id, r) })
}

// erase removes a record from its table.
func erase[R record](w *work, t *table[R], r R) {
	id := r.base().ID
	t.drop(id)
	w.onUndo(func() { t.set(r) })
	w.writes = append(w.writes, func(tx *kv.Tx) error { return t.bucket.Delete(tx, id) })
}

// numbers gives out small numbers, each to one holder. A number that came back is the
// last to be given out again, so that what the kernel still remembers under it has time
// to go.
type numbers struct {
	max  int
	last int
	used map[int]bool
}

func newNumbers(limit int) *numbers { return &numbers{max: limit, used: map[int]bool{}} }

func (n *numbers) take(number int) {
	if number > 0 {
		n.used[number] = true
		n.last = number
	}
}

func (n *numbers) free(number int) { delete(n.used, number) }

func (n *numbers) pick() (int, error) {
	for i := range n.max {
		number := (n.last+i)%n.max + 1
		if !n.used[number] {
			return number, nil
		}
	}
	return 0, fmt.Errorf("all of %d numbers are taken", n.max)
}

// sortedKeys returns a set's members in order, for messages that name them.
func sortedKeys[V any](set map[string]V) []string { return slices.Sorted(maps.Keys(set)) }
