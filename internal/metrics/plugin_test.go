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
)

// A request to Neutron is counted under the call of Docker's that it was for, also when
// that call's context was taken further, and under "background" otherwise.
func TestNeutronIsCountedByWhatDockerAskedFor(t *testing.T) {
	m := metrics.New()
	handler := m.Verbs(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), time.Minute)
		defer cancel()
		m.NeutronFor(ctx, "POST ports", 201, 30*time.Millisecond)
		m.NeutronFor(ctx, "POST ports", 0, time.Second)
		if waited := metrics.WaitedOf(ctx); waited != 1030*time.Millisecond {
			t.Errorf("waited %v for Neutron", waited)
		}
		m.Verb(r.URL.Path, 200, 2*time.Millisecond)
		w.WriteHeader(http.StatusOK)
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/NetworkDriver.CreateEndpoint", nil))
	m.NeutronFor(t.Context(), "DELETE ports", 204, time.Millisecond)
	if waited := metrics.WaitedOf(t.Context()); waited != 0 {
		t.Errorf("nobody waited %v for Neutron", waited)
	}
	m.Verb("unknown", 404, time.Millisecond)
	want(t, m,
		`gozun_plugin_calls_total{status="200",verb="NetworkDriver.CreateEndpoint"} 1`,
		`gozun_plugin_calls_total{status="404",verb="unknown"} 1`,
		`gozun_plugin_call_seconds_bucket{verb="NetworkDriver.CreateEndpoint",le="0.0025"} 1`,
		`gozun_plugin_call_seconds_bucket{verb="NetworkDriver.CreateEndpoint",le="0.001"} 0`,
		`gozun_plugin_neutron_calls_total{call="POST ports",status="201",verb="NetworkDriver.CreateEndpoint"} 1`,
		`gozun_plugin_neutron_calls_total{call="POST ports",status="0",verb="NetworkDriver.CreateEndpoint"} 1`,
		`gozun_plugin_neutron_calls_total{call="DELETE ports",status="204",verb="background"} 1`,
		`gozun_plugin_neutron_seconds_count{call="POST ports"} 2`,
	)
}

// What cannot be counted just now is not there, rather than zero.
func TestSparePortsAreCountedWhenAsked(t *testing.T) {
	m, count, failure := metrics.New(), 3, error(nil)
	m.SparePorts(func() (int, error) { return count, failure })
	want(t, m, "gozun_plugin_spare_ports 3")
	count = 1
	want(t, m, "gozun_plugin_spare_ports 1")
	failure = errors.New("closed")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "spare_ports") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
