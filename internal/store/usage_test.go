package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/gozun/gozun/zun"
)

// A list of a project comes in the order of an index: sorting would read all that it has.
func TestListsOfAProjectAreNotSorted(t *testing.T) {
	s := mustOpen(t)
	rows, err := s.write.QueryContext(t.Context(), "EXPLAIN QUERY PLAN SELECT * FROM container AS c WHERE c.project_id = 'p' AND c.id > 7 ORDER BY c.id ASC LIMIT 100")
	must(t, err)
	defer func() { must(t, rows.Close()) }()
	plan := ""
	for rows.Next() {
		var id, parent, unused int
		var detail string
		must(t, rows.Scan(&id, &parent, &unused, &detail))
		plan += detail + "\n"
	}
	must(t, rows.Err())
	if !strings.Contains(plan, "container_of_project (project_id=? AND rowid>?)") || strings.Contains(plan, "TEMP B-TREE") {
		t.Error(plan)
	}
}

// sums is what the rows of containers hold together, by project, and by host and status, in
// millionths of a core, MiB and GiB.
type sums map[string][4]int64

func (s *Store) summedUp(ctx context.Context) (sums, error) {
	return s.readSums(ctx, "SELECT 'project ' || project_id, COUNT(*), SUM(CAST(ROUND(cpu * 1000000) AS INTEGER)), SUM(memory), SUM(disk) FROM container GROUP BY 1 "+
		"UNION ALL SELECT 'host ' || host || ' ' || status, COUNT(*), SUM(CAST(ROUND(cpu * 1000000) AS INTEGER)), SUM(memory), SUM(disk) FROM container WHERE host <> '' GROUP BY 1")
}

func (s *Store) keptSums(ctx context.Context) (sums, error) {
	return s.readSums(ctx, "SELECT 'project ' || project_id, containers, cpu, memory, disk FROM project_usage "+
		"UNION ALL SELECT 'host ' || host || ' ' || status, containers, cpu, memory, disk FROM host_usage")
}

func (s *Store) readSums(ctx context.Context, query string) (sums, error) {
	rows, err := s.reader(ctx).QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	read := sums{}
	for rows.Next() {
		var of string
		var n [4]int64
		if err := rows.Scan(&of, &n[0], &n[1], &n[2], &n[3]); err != nil {
			return nil, err
		}
		read[of] = n
	}
	return read, rows.Err()
}

type failer interface{ Fatal(...any) }

// checkSums compares what is kept with the sum of the rows, within one transaction.
func checkSums(f failer, s *Store, ctx context.Context) {
	err := s.Change(ctx, func(ctx context.Context) error {
		want, err := s.summedUp(ctx)
		if err != nil {
			return err
		}
		kept, err := s.keptSums(ctx)
		if diff := cmp.Diff(want, kept); err == nil && diff != "" {
			err = errors.New(diff)
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
}

// drawHolding gives a container what counts.
func drawHolding(t *rapid.T, c zun.Container) zun.Container {
	c.ProjectID = rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "project")
	c.Host = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "host")
	c.Status = rapid.SampledFrom([]zun.Status{zun.StatusCreating, zun.StatusRunning, zun.StatusError, zun.StatusDeleting}).Draw(t, "status")
	c.CPU = float64(rapid.IntRange(0, 4000).Draw(t, "millicores")) / 1000
	c.MemoryMiB, c.DiskGiB = rapid.Int64Range(0, 1<<20).Draw(t, "memory"), rapid.Int64Range(0, 100).Draw(t, "disk")
	return c
}

func TestKeptUsageIsAlwaysTheSum(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	var there []zun.Container // beyond one run: each goes on with what the one before left
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			there = changeOne(t, s, ctx, there)
			checkSums(t, s, ctx)
		}
	})
}

// changeOne adds, saves or deletes a container, or gives up all of it, and returns what is there then.
func changeOne(t *rapid.T, s *Store, ctx context.Context, there []zun.Container) []zun.Container {
	change := rapid.SampledFrom([]string{"add", "save", "delete", "give up"}).Draw(t, "change")
	if len(there) == 0 {
		change = "add"
	}
	i := rapid.IntRange(0, max(0, len(there)-1)).Draw(t, "which")
	var err error
	switch c := drawHolding(t, aContainer("c")); change {
	case "add":
		err, there = s.AddContainer(ctx, c), append(there, c)
	case "save":
		c.ID = there[i].ID
		err = s.SaveContainer(ctx, c)
	case "delete":
		err = s.DeleteContainer(ctx, there[i].ID)
		there = slices.Delete(there, i, i+1)
	case "give up":
		givenUp := errors.New("given up")
		err = s.Change(ctx, func(ctx context.Context) error {
			changed := c
			changed.ID = there[i].ID
			checks := errors.Join(s.AddContainer(ctx, c), s.SaveContainer(ctx, changed), s.DeleteContainer(ctx, there[0].ID))
			checkSums(t, s, ctx)
			return errors.Join(checks, givenUp)
		})
		if err.Error() == givenUp.Error() {
			err = nil
		}
	}
	if err != nil {
		t.Fatal(change, err)
	}
	return there
}

func TestKeptUsageIsTheSumUnderConcurrentChanges(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 25 {
				c := aContainer(fmt.Sprint(worker, i))
				c.Host, c.CPU = []string{"", "a", "b"}[i%3], float64(i)/10
				if err := s.AddContainer(ctx, c); err != nil {
					t.Error(err)
				}
				c.Status, c.MemoryMiB, c.Host = zun.StatusStopped, int64(i), "a"
				if err := s.SaveContainer(ctx, c); err != nil {
					t.Error(err)
				}
				if i%2 == 0 {
					if err := s.DeleteContainer(ctx, c.ID); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	checkSums(t, s, ctx)
	if usage, err := s.ProjectUsage(ctx, "p1"); err != nil || usage.Containers != 4*12 {
		t.Errorf("%+v, %v", usage, err)
	}
}

// What a crash leaves of a transaction is in the files as they are then.
func TestKeptUsageSurvivesACrash(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	must(t, s.AddContainer(ctx, aContainer("before")))
	_, err := s.write.ExecContext(ctx, "PRAGMA cache_size = 10") // pages: the rest is written before the end
	must(t, err)
	crashed := filepath.Join(t.TempDir(), "zun.db")
	must(t, s.Change(ctx, func(ctx context.Context) error {
		for range 100 {
			must(t, s.AddContainer(ctx, aContainer("during")))
		}
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(s.path + suffix)
			must(t, err)
			must(t, os.WriteFile(crashed+suffix, content, 0o600))
		}
		return nil
	}))
	checkSums(t, s, ctx)
	after, err := Open(ctx, crashed)
	must(t, err)
	defer func() { must(t, after.Close()) }()
	checkSums(t, after, ctx)
	if usage, err := after.ProjectUsage(ctx, "p1"); err != nil || usage.Containers != 1 {
		t.Errorf("%+v, %v", usage, err)
	}
}

func TestUsageOfAnOldDatabaseIsSummedUp(t *testing.T) {
	ctx := t.Context()
	path, old := atStep(t, slices.IndexFunc(steps(), func(s step) bool { return strings.HasSuffix(s.name, "_usage_kept") }))
	for i, host := range []string{"", "a", "a", "b"} {
		c := aContainer("c")
		c.ID, c.Host, c.CPU = uuid.NewString(), host, 0.1*float64(i)
		_, err := old.NewInsert().Model(rowOfContainer(c)).Exec(ctx)
		must(t, err)
	}
	must(t, old.Close())
	for range 2 {
		s, err := Open(ctx, path)
		must(t, err)
		checkSums(t, s, ctx)
		if usage, err := s.ProjectUsage(ctx, "p1"); err != nil || usage.Containers != 4 || usage.CPU != 0.6 {
			t.Errorf("%+v, %v", usage, err)
		}
		must(t, s.Close())
	}
}
