package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/control"
	"github.com/gozun/gozun/internal/store"
	"github.com/gozun/gozun/zun"
)

// BenchmarkOrder measures POST containers up to the 202, with control and SQLite behind it and a host
// that takes the orders meanwhile, one right after the other, with 10,000 containers on the network.
func BenchmarkOrder(b *testing.B) {
	f, _, db := newWholeOf(b, func(c *control.Config) {
		c.DefaultLimits = &zun.Quota{Containers: zun.Unlimited, MemoryMiB: zun.Unlimited, DiskGiB: zun.Unlimited, CPU: zun.Unlimited}
	})
	order := func() time.Duration {
		r := httptest.NewRequest(http.MethodPost, "/v1/containers?run=true", strings.NewReader(`{"image": "nginx"}`))
		r.Header.Set("X-Auth-Token", "user")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("OpenStack-API-Version", "container latest")
		w := httptest.NewRecorder()
		began := time.Now()
		f.handler.ServeHTTP(w, r)
		if w.Code != http.StatusAccepted {
			b.Fatal(w.Code, w.Body)
		}
		return time.Since(began)
	}
	order() // makes the network
	network, err := db.ImplicitNetwork(b.Context(), neutronID, false)
	if err != nil {
		b.Fatal(err)
	}
	fillNetwork(b, db, network, 10_000)
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		took = append(took, order())
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// fillNetwork records n containers on a network.
func fillNetwork(tb testing.TB, db *store.Store, network zun.Network, n int) {
	tb.Helper()
	err := db.Change(tb.Context(), func(ctx context.Context) error {
		for range n {
			c := newMemory().containers[0].Container
			c.ID = uuid.NewString()
			if err := db.AddContainer(ctx, c); err != nil {
				return err
			}
			err := db.AddAttachment(ctx, zun.Attachment{ID: uuid.NewString(), ContainerID: c.ID, NetworkID: network.ID, ProjectID: c.ProjectID})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}
