package metrics

import (
	"context"
	"net/http"
	"path"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// plugin is what the Docker plugin counts.
type plugin struct {
	calls   *prometheus.CounterVec
	latency *prometheus.HistogramVec
	neutron *prometheus.CounterVec
	waited  *prometheus.HistogramVec
}

// newPlugin returns the plugin's metrics, all zero, and registers them.
func newPlugin(registry *prometheus.Registry) plugin {
	p := plugin{
		calls: counter("gozun_plugin_calls_total", "Calls of Docker's to the plugin, by their HTTP status.", "verb", "status"),
		latency: histogram("gozun_plugin_call_seconds", "Time from a call of Docker's to its answer.",
			quick(), "verb"),
		neutron: counter("gozun_plugin_neutron_calls_total",
			"Requests to Neutron, by the call of Docker's that they were for and their HTTP status (0: no answer).", "verb", "call", "status"),
		waited: histogram("gozun_plugin_neutron_seconds", "Time from a request to Neutron to its answer.", quick(), "call"),
	}
	registry.MustRegister(p.calls, p.latency, p.neutron, p.waited)
	return p
}

// quick are the buckets, in seconds, for what should take milliseconds.
func quick() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30}
}

// Verb counts one answered call of Docker's to the plugin; libnetwork.Options.Observe
// takes it. The verb is the path, or "unknown" for one that is none.
func (m *Metrics) Verb(verb string, status int, took time.Duration) {
	verb = path.Clean("/" + verb)[1:]
	m.plugin.calls.WithLabelValues(verb, strconv.Itoa(status)).Inc()
	m.plugin.latency.WithLabelValues(verb).Observe(took.Seconds())
}

// SparePorts lets count tell how many ports the plugin has ready; of a count that fails nothing
// is told.
func (m *Metrics) SparePorts(count func() (int, error)) {
	m.registry.MustRegister(sparePorts{
		prometheus.NewDesc("gozun_plugin_spare_ports", "Ports that are ready for containers to come.", nil, nil), count,
	})
}

// sparePorts is a gauge that is asked when somebody reads it.
type sparePorts struct {
	desc  *prometheus.Desc
	count func() (int, error)
}

// Describe is prometheus.Collector's.
func (s sparePorts) Describe(to chan<- *prometheus.Desc) { to <- s.desc }

// Collect is prometheus.Collector's.
func (s sparePorts) Collect(to chan<- prometheus.Metric) {
	if n, err := s.count(); err == nil {
		to <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, float64(n))
	}
}

// verbKey is where Verbs leaves the call for NeutronFor.
type verbKey struct{}

// callOf is one of Docker's.
type callOf struct {
	verb   string
	waited atomic.Int64 // for Neutron, nanoseconds
}

// background is the verb of requests to Neutron that nobody in Docker waits for.
const background = "background"

// Verbs returns the plugin's handler with the verb put into each request's context, so that
// NeutronFor knows what a request to Neutron was for.
func (m *Metrics) Verbs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), verbKey{}, &callOf{verb: path.Clean("/" + r.URL.Path)[1:]})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// VerbOf returns the call of Docker's that ctx is about, "background" if it is about none.
func VerbOf(ctx context.Context) string {
	if c, ok := ctx.Value(verbKey{}).(*callOf); ok {
		return c.verb
	}
	return background
}

// WaitedOf returns how long the call of Docker's that ctx is about has waited for Neutron.
func WaitedOf(ctx context.Context) time.Duration {
	if c, ok := ctx.Value(verbKey{}).(*callOf); ok {
		return time.Duration(c.waited.Load())
	}
	return 0
}

// NeutronFor counts one request of the plugin's to Neutron ("POST ports"); its status is 0
// if there was no answer. neutron.Options.Observe takes it.
func (m *Metrics) NeutronFor(ctx context.Context, call string, status int, took time.Duration) {
	m.plugin.neutron.WithLabelValues(VerbOf(ctx), call, strconv.Itoa(status)).Inc()
	m.plugin.waited.WithLabelValues(call).Observe(took.Seconds())
	if c, ok := ctx.Value(verbKey{}).(*callOf); ok {
		c.waited.Add(int64(took))
	}
}
