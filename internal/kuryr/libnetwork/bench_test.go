package libnetwork_test

import (
	"log/slog"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/kuryr/libnetwork"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// timed is a Neutron that measures how long the plugin waits for it.
type timed struct {
	kuryr.Neutron
	spent *atomic.Int64
}

func (n timed) CreatePort(c ctx, spec zun.PortSpec) (zun.Port, error) {
	began := time.Now()
	defer func() { n.spent.Add(int64(time.Since(began))) }()
	return n.Neutron.CreatePort(c, spec)
}

// BenchmarkStart measures the plugin's own time of a container's start, Neutron's not
// counted: RequestAddress, CreateEndpoint and Join, with records on a real disk and real
// links.
func BenchmarkStart(b *testing.B) {
	c := mustCloud(b)
	tn := c.tenant(b, "10.2.0.0/16", "")
	binder, _ := mustBinder(b)
	spent := &atomic.Int64{}
	db := got(kv.Open(filepath.Join(b.TempDir(), "kuryr.db")))(b)
	b.Cleanup(func() { _ = db.Close() })
	log := slog.New(slog.DiscardHandler)
	d := kuryr.New(kuryr.Config{DB: db, Neutron: timed{c.Service, spent}, Binder: binder, Host: host, Log: log})
	p := &plugin{Driver: d, tb: b, handler: libnetwork.Handler(d, libnetwork.Options{Log: log})}
	a := ask{Subnets: []string{"10.2.0.0/16"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(b)
	var own []time.Duration
	for b.Loop() {
		spent.Store(0)
		began := time.Now()
		e := got(p.connect(n, want{}))(b)
		own = append(own, time.Since(began)-time.Duration(spent.Load()))
		b.StopTimer()
		p.disconnect(n, e)
		b.StartTimer()
	}
	slices.Sort(own)
	b.ReportMetric(float64(own[len(own)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(own[len(own)*99/100].Microseconds())/1000, "p99-ms")
}
