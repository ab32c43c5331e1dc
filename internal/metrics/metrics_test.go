package metrics_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gozun/gozun/internal/metrics"
	"github.com/gozun/gozun/zun"
)

// acceptor is a node that takes orders, or does not.
type acceptor struct {
	zun.Node
	err error
}

func (a acceptor) Accept(context.Context, zun.Order) error { return a.err }

// recorder is a control side that records, or cannot.
type recorder struct {
	zun.Reports
	err error
}

func (r recorder) StageEnded(context.Context, zun.Event) error        { return r.err }
func (r recorder) Finished(context.Context, int64, zun.Outcome) error { return r.err }

// text returns what Prometheus reads.
func text(tb testing.TB, m *metrics.Metrics) string {
	tb.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != 200 {
		tb.Fatalf("status %d", w.Code)
	}
	return w.Body.String()
}

func want(tb testing.TB, m *metrics.Metrics, lines ...string) {
	tb.Helper()
	got := text(tb, m)
	for _, line := range lines {
		if !strings.Contains(got, line+"\n") {
			tb.Errorf("no line %q in\n%s", line, got)
		}
	}
}

func TestRequestsAreCountedByRouteAndStatus(t *testing.T) {
	m := metrics.New()
	m.Request("GET", "/v1/containers/{id}", 200, time.Millisecond)
	m.Request("GET", "/v1/containers/{id}", 404, time.Millisecond)
	m.Request("GET", "/v1/containers/{id}", 404, 2*time.Second)
	m.Neutron("POST")
	want(t, m,
		`gozun_api_requests_total{method="GET",route="/v1/containers/{id}",status="200"} 1`,
		`gozun_api_requests_total{method="GET",route="/v1/containers/{id}",status="404"} 2`,
		`gozun_api_request_seconds_bucket{method="GET",route="/v1/containers/{id}",le="0.001"} 2`,
		`gozun_api_request_seconds_count{method="GET",route="/v1/containers/{id}"} 3`,
		`gozun_neutron_requests_total{verb="POST"} 1`,
	)
}

func TestActionsAndStagesAreCountedInPassing(t *testing.T) {
	ctx, m := t.Context(), metrics.New()
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	node, reports := m.Node(acceptor{}), m.Reports(recorder{})
	for id, failed := range map[int64]bool{1: false, 2: true} {
		if err := node.Accept(ctx, zun.Order{Action: zun.Action{ID: id, Kind: zun.ActionCreate, StartedAt: began}}); err != nil {
			t.Fatal(err)
		}
		if err := reports.StageEnded(ctx, zun.Event{
			ActionID: id, Stage: zun.StagePort, StartedAt: began, FinishedAt: began.Add(20 * time.Millisecond), Failed: failed,
		}); err != nil {
			t.Fatal(err)
		}
		// The end is told twice, as a node may do; it counts once.
		for range 2 {
			if err := reports.Finished(ctx, id, zun.Outcome{Failed: failed, At: began.Add(400 * time.Millisecond)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	want(t, m,
		`gozun_actions_total{kind="create",result="success"} 1`,
		`gozun_actions_total{kind="create",result="error"} 1`,
		`gozun_action_seconds_sum{kind="create",result="success"} 0.4`,
		`gozun_stage_seconds_bucket{result="success",stage="port",le="0.025"} 1`,
		`gozun_stage_seconds_bucket{result="success",stage="port",le="0.01"} 0`,
		`gozun_stage_seconds_count{result="error",stage="port"} 1`,
	)
}

func TestWhatWasNotTakenOrRecordedIsNotCounted(t *testing.T) {
	ctx, m, no := t.Context(), metrics.New(), errors.New("no")
	order := zun.Order{Action: zun.Action{ID: 1, Kind: zun.ActionStop}}
	if err := m.Node(acceptor{err: no}).Accept(ctx, order); !errors.Is(err, no) {
		t.Errorf("Accept: %v", err)
	}
	if err := m.Reports(recorder{}).Finished(ctx, 1, zun.Outcome{}); err != nil {
		t.Errorf("Finished: %v", err)
	}
	if err := m.Node(acceptor{}).Accept(ctx, order); err != nil {
		t.Fatal(err)
	}
	lost := m.Reports(recorder{err: no})
	if err := lost.Finished(ctx, 1, zun.Outcome{}); !errors.Is(err, no) {
		t.Errorf("Finished: %v", err)
	}
	if err := lost.StageEnded(ctx, zun.Event{Stage: zun.StagePort, StartedAt: time.Now(), FinishedAt: time.Now()}); !errors.Is(err, no) {
		t.Errorf("StageEnded: %v", err)
	}
	if got := text(t, m); strings.Contains(got, "gozun_actions_total{") || strings.Contains(got, "gozun_stage_seconds_count") {
		t.Errorf("something was counted:\n%s", got)
	}
	// Told again, the end is recorded, and then it counts.
	if err := m.Reports(recorder{}).Finished(ctx, 1, zun.Outcome{}); err != nil {
		t.Fatal(err)
	}
	want(t, m, `gozun_actions_total{kind="stop",result="success"} 1`)
}
