package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gozun/gozun/zun"
)

// mustLog returns how many pages are in the log, and how many of them in the file, too.
func mustLog(t *testing.T, s *Store) (pages, moved int) {
	t.Helper()
	pages, moved, err := walk(t.Context(), s.write.DB, "NOOP")
	must(t, err)
	return pages, moved
}

// mustWrite commits until there are so many pages in the log that are not in the file.
func mustWrite(t *testing.T, s *Store, c zun.Container, pages int) {
	t.Helper()
	for {
		c.StatusReason += strings.Repeat("x", 1<<20)
		must(t, s.SaveContainer(t.Context(), c))
		if all, moved := mustLog(t, s); all-moved >= pages {
			return
		}
	}
}

// A commit has nothing to do but to commit.
func TestCommitsLeaveTheLogAlone(t *testing.T) {
	s, c := mustOpen(t), aContainer("c")
	must(t, s.AddContainer(t.Context(), c))
	mustWrite(t, s, c, manyPages+1)
	if pages, moved := mustLog(t, s); moved != 0 {
		t.Errorf("of %d pages a commit has moved %d", pages, moved)
	}
}

// Where nobody runs the task the log does not grow without end.
func TestACommitMovesALogThatIsTooLong(t *testing.T) {
	s, c := mustOpen(t), aContainer("c")
	must(t, s.AddContainer(t.Context(), c))
	c.StatusReason = strings.Repeat("x", 4<<20)
	for range tooManyPages/1000 + 2 {
		must(t, s.SaveContainer(t.Context(), c))
	}
	if pages, moved := mustLog(t, s); pages-moved >= tooManyPages {
		t.Errorf("of %d pages %d are moved", pages, moved)
	}
}

func TestTheTaskMovesALongLog(t *testing.T) {
	s, c := mustOpen(t), aContainer("c")
	must(t, s.AddContainer(t.Context(), c))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	mustWrite(t, s, c, manyPages)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for moved := 0; moved == 0; {
		must(t, ctx.Err())
		<-tick.C
		must(t, s.SaveContainer(t.Context(), c)) // after the first look it waits for a commit
		_, moved = mustLog(t, s)
	}
	cancel()
	must(t, <-ended)
	if got, err := s.Container(t.Context(), c.ID); err != nil || got.ID != c.ID {
		t.Errorf("after that: %+v, %v", got, err)
	}
}

// A log of a few pages is not worth a sync.
func TestAShortLogIsLeftAlone(t *testing.T) {
	s, c := mustOpen(t), aContainer("c")
	must(t, s.AddContainer(t.Context(), c))
	must(t, checkpoint(t.Context(), s.write.DB))
	if pages, moved := mustLog(t, s); pages == 0 || moved != 0 {
		t.Errorf("of %d pages %d are moved", pages, moved)
	}
}

// What was answered is soon safe from a power cut.
func TestTheTaskSyncsWhatWasCommitted(t *testing.T) {
	s, c := mustOpen(t), aContainer("c")
	synced := make(chan string, 1)
	s.sync = func(path string) error {
		synced <- path
		return syncFile(path)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	must(t, s.AddContainer(t.Context(), c))
	if path := <-synced; path != s.path+"-wal" {
		t.Errorf("synced %s", path)
	}
	must(t, syncFile(s.path+"-wal"))
	if err := syncFile(s.path + "-none"); err == nil {
		t.Error("a file that is not there was synced")
	}
	cancel()
	must(t, <-ended)
}
