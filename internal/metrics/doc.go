// Package metrics counts what the service does, for Prometheus.
//
// It must not know how anything it counts is done: it is told of requests, and it stands
// between control and node, passing on every call and looking at the times in them.
package metrics
