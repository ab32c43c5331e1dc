package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gozun/gozun/zun"
)

// BenchmarkContainers measures the API alone: token known, records in memory, no log. Budgets (design.md §6, two cores, with the store): show 5,000
// requests/s, list of 100 1,500, list of 1,000 200.
func BenchmarkContainers(b *testing.B) {
	for _, benchmark := range []struct {
		name, path string
	}{
		{"Show", "/v1/containers/web"},
		{"List100", "/v1/containers?limit=100"},
		{"List1000", "/v1/containers?limit=1000"},
	} {
		b.Run(benchmark.name, func(b *testing.B) {
			f := newFixture(b, func(c *Config) { c.Log = slog.New(slog.DiscardHandler) })
			f.memory.containers = many(1000)
			r := httptest.NewRequest(http.MethodGet, benchmark.path, nil)
			r.Header.Set("X-Auth-Token", "user")
			b.ReportAllocs()
			for b.Loop() {
				f.memory.asked = f.memory.asked[:0]
				w := httptest.NewRecorder()
				f.handler.ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatal(w.Code, w.Body)
				}
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}

// many are n containers, the first of them "web".
func many(n int) []zun.ContainerDetail {
	details := make([]zun.ContainerDetail, n)
	for i := range details {
		details[i] = newMemory().containers[0]
		if i > 0 {
			details[i].ID, details[i].Name = fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), fmt.Sprintf("c%d", i)
		}
	}
	return details
}
