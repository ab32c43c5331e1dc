package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/zun"
)

// many is how many containers are on record where that could matter.
const many = 10_000

// mustFill puts containers on record, each on the network and with its creation over, as they are
// on a host that has been at work for a while. The last ten are in Error, and their heals failed.
func mustFill(tb testing.TB, s *Store, network zun.Network, n int) {
	tb.Helper()
	must(tb, s.AddNetwork(tb.Context(), network))
	must(tb, s.Change(tb.Context(), func(ctx context.Context) error {
		for i := range n {
			c := aContainer(fmt.Sprint("c", i))
			c.AutoRemove, c.TaskState, c.Status = false, "", zun.StatusRunning
			kind, message := zun.ActionCreate, ""
			if i >= n-10 {
				c.Status, kind, message = zun.StatusError, zun.ActionHeal, "no such image"
			}
			must(tb, s.AddContainer(ctx, c))
			must(tb, s.AddAttachment(ctx, anAttachment(c, network)))
			for _, of := range []zun.Action{{Kind: zun.ActionCreate}, {Kind: kind, Message: message}} {
				of.ContainerID, of.StartedAt, of.FinishedAt = c.ID, at(1), at(2)
				_, err := s.AddAction(ctx, of)
				must(tb, err)
			}
		}
		return nil
	}))
}

// order is what POST containers asks of the store: one transaction.
func order(ctx context.Context, s *Store, network zun.Network) error {
	return s.Change(ctx, func(ctx context.Context) error {
		if _, err := s.ClassLimits(ctx, zun.DefaultQuotaClass); err != nil {
			return err
		}
		if _, err := s.ProjectLimits(ctx, "p1"); err != nil {
			return err
		}
		if _, err := s.ProjectUsage(ctx, "p1"); err != nil {
			return err
		}
		c := aContainer(uuid.NewString())
		if err := s.AddContainer(ctx, c); err != nil {
			return err
		}
		if err := s.AddAttachment(ctx, anAttachment(c, network)); err != nil {
			return err
		}
		action := zun.Action{Kind: zun.ActionCreate, ContainerID: c.ID, RequestID: uuid.NewString(), Input: json.RawMessage(`{"run":true}`), StartedAt: at(1)}
		if _, err := s.AddAction(ctx, action); err != nil {
			return err
		}
		_, err := s.ContainerDetail(ctx, c.ID)
		return err
	})
}

// BenchmarkOrder tells how long the slowest orders wait: what was written is moved
// from SQLite's log into the database at times, and the disk is synced.
func BenchmarkOrder(b *testing.B) {
	s, network := mustOpen(b), aNetwork("n")
	mustFill(b, s, network, many)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	tick := time.NewTicker(10 * time.Millisecond) // orders do not come one right after the other
	defer tick.Stop()
	var took []time.Duration
	for b.Loop() {
		<-tick.C
		began := time.Now()
		must(b, order(b.Context(), s, network))
		took = append(took, time.Since(began))
	}
	cancel()
	must(b, <-ended)
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
}

// BenchmarkStage is what an agent tells most often: that a step of its work began, and ended.
func BenchmarkStage(b *testing.B) {
	s, ctx, c := mustOpen(b), b.Context(), aContainer("c")
	must(b, s.AddContainer(ctx, c))
	action, err := s.AddAction(ctx, zun.Action{Kind: zun.ActionCreate, ContainerID: c.ID, StartedAt: at(1)})
	must(b, err)
	n := 0
	for b.Loop() {
		n++
		stage := zun.Stage(fmt.Sprint("stage ", n))
		must(b, s.SaveEvent(ctx, zun.Event{ActionID: action.ID, Stage: stage, StartedAt: at(1)}))
		must(b, s.SaveEvent(ctx, zun.Event{ActionID: action.ID, Stage: stage, FinishedAt: at(2)}))
	}
}

func BenchmarkContainer(b *testing.B) {
	s, ctx, c := mustOpen(b), b.Context(), aContainer("c")
	must(b, s.AddContainer(ctx, c))
	for b.Loop() {
		if _, err := s.Container(ctx, c.ID); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSaveContainer(b *testing.B) {
	s, ctx, c := mustOpen(b), b.Context(), aContainer("c")
	must(b, s.AddContainer(ctx, c))
	for b.Loop() {
		c.UpdatedAt = c.UpdatedAt.Add(time.Microsecond)
		must(b, s.SaveContainer(ctx, c))
	}
}

func BenchmarkOwedActions(b *testing.B) {
	s, network := mustOpen(b), aNetwork("n")
	mustFill(b, s, network, many)
	c := aContainer("c")
	must(b, s.AddContainer(b.Context(), c))
	_, err := s.AddAction(b.Context(), zun.Action{Kind: zun.ActionCreate, ContainerID: c.ID, StartedAt: at(1)})
	must(b, err)
	for b.Loop() {
		if owed, err := s.OwedActions(b.Context(), c.ID); err != nil || len(owed) != 1 {
			b.Fatal(len(owed), err)
		}
	}
}

// BenchmarkFailedHeals is asked with every heartbeat.
func BenchmarkFailedHeals(b *testing.B) {
	for _, n := range []int{1000, many} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := mustOpen(b)
			mustFill(b, s, aNetwork("n"), n)
			for b.Loop() {
				if failed, err := s.FailedHeals(b.Context()); err != nil || len(failed) != 10 {
					b.Fatal(len(failed), err)
				}
			}
		})
	}
}
