package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gozun/gozun/zun"
)

// The results that actions and stages are counted under.
const (
	success = "success"
	failure = "error"
)

// Metrics is a registry of its own with everything that the service counts. Its methods
// may be called from any goroutine.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	latency   *prometheus.HistogramVec
	actions   *prometheus.CounterVec
	durations *prometheus.HistogramVec
	stages    *prometheus.HistogramVec
	neutron   *prometheus.CounterVec
	plugin    plugin
	underway  *underway
}

// New returns metrics that are all zero. The process's own (memory, CPU, goroutines) are
// among them.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: counter("gozun_api_requests_total", "Requests to the API.", "method", "route", "status"),
		latency: histogram("gozun_api_request_seconds", "Time from a request to its answer.",
			[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "method", "route"),
		actions: counter("gozun_actions_total", "Actions that ended.", "kind", "result"),
		durations: histogram("gozun_action_seconds", "Time from an order to the end of its action.",
			slow(), "kind", "result"),
		stages:   histogram("gozun_stage_seconds", "Time of the stages of actions.", slow(), "stage", "result"),
		neutron:  counter("gozun_neutron_requests_total", "Requests to Neutron.", "verb"),
		underway: newUnderway(),
	}
	m.registry.MustRegister(m.requests, m.latency, m.actions, m.durations, m.stages, m.neutron,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.plugin = newPlugin(m.registry)
	return m
}

// counter makes a counter.
func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// histogram makes a histogram of seconds.
func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// slow are the buckets, in seconds, for work on containers.
func slow() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
}

// Handler answers with everything counted so far, in Prometheus's text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Request counts one answered request. The route must be a pattern, "unmatched" for
// none: whatever users invent would make labels without end.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.latency.WithLabelValues(method, route).Observe(took.Seconds())
}

// Neutron counts one request to Neutron.
func (m *Metrics) Neutron(verb string) { m.neutron.WithLabelValues(verb).Inc() }

// Action counts an action that ended, with the time since it was ordered.
func (m *Metrics) Action(kind zun.ActionKind, failed bool, took time.Duration) {
	m.actions.WithLabelValues(string(kind), result(failed)).Inc()
	m.durations.WithLabelValues(string(kind), result(failed)).Observe(took.Seconds())
}

// Stage counts a stage that ended.
func (m *Metrics) Stage(stage zun.Stage, failed bool, took time.Duration) {
	m.stages.WithLabelValues(string(stage), result(failed)).Observe(took.Seconds())
}

// result is the label for how something ended.
func result(failed bool) string {
	if failed {
		return failure
	}
	return success
}
