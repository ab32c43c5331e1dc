package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/config"
	"github.com/gozun/gozun/internal/keystone"
	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/kuryr/libnetwork"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/metrics"
	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/internal/sdnotify"
)

// serve opens what the plugin needs, none of which asks Neutron, and serves until ctx ends.
func serve(ctx context.Context, c config.Kuryr, log *slog.Logger) error {
	for _, warning := range c.Warnings {
		log.Warn("configuration", "note", warning)
	}
	who, err := credentials(c.Login)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("must run as root: it makes network links. Try: sudo kuryr-libnetwork")
	}
	if err := os.MkdirAll(c.StateDir, 0o700); err != nil {
		return fmt.Errorf("cannot make the state directory: %w", err)
	}
	records := filepath.Join(c.StateDir, "kuryr.db")
	db, err := kv.Open(records)
	if err != nil {
		return fmt.Errorf("%w. Is another kuryr-libnetwork running with it? Try: fuser %s", err, records)
	}
	defer func() { _ = db.Close() }()
	binder, err := binding.Open(log, binding.WithOVSDB(c.OVSDB))
	if err != nil {
		return err
	}
	defer binder.Close()
	counts := metrics.New()
	driver := kuryr.New(kuryr.Config{
		DB: db, Neutron: openNeutron(who, c.Login, counts, log), Binder: binder, Host: c.Host, Log: log,
		PoolPrefix: c.PoolPrefix, InterfacePrefix: c.LinkPrefix, NoDHCP: !c.EnableDHCP, Global: c.Scope == "global", NoExternal: !c.External,
		DefaultPools: [2]string{c.PoolV4, c.PoolV6}, PlugWait: patience(c), SparePorts: c.SparePorts, ClaimLife: c.LeftoverAfter,
		Docker: engine{dockerAddress(c.DockerHost)},
	})
	counts.SparePorts(driver.SparesReady)
	p := &program{config: c, driver: driver, records: db, metrics: counts, log: log}
	if err := p.listen(ctx); err != nil {
		return err
	}
	return p.run(ctx)
}

// patience is how long containers wait for their ports; the driver cuts it to what Docker
// can be made to wait.
func patience(c config.Kuryr) time.Duration {
	switch {
	case !c.WaitActive:
		return 0
	case c.WaitTimeout == 0:
		return time.Hour
	}
	return c.WaitTimeout
}

// openNeutron returns a client that counts, and at level debug logs, each request.
func openNeutron(who keystone.Credentials, l config.Login, counts *metrics.Metrics, log *slog.Logger) *neutron.Client {
	return neutron.New(keystone.Open(who, log), neutron.Options{
		Endpoint: l.Endpoint, Timeout: l.Timeout, OnCall: counts.Neutron,
		Observe: func(ctx context.Context, call string, status int, took time.Duration) {
			counts.NeutronFor(ctx, call, status, took)
			log.Debug("asked Neutron", "call", call, "status", status, "ms", took.Milliseconds(), "for", metrics.VerbOf(ctx))
		},
	})
}

// program is the plugin with its sockets open.
type program struct {
	config  config.Kuryr
	driver  *kuryr.Driver
	records *kv.DB
	metrics *metrics.Metrics
	log     *slog.Logger

	plugin net.Listener
	counts net.Listener // nil: nobody wants metrics
}

// listen opens the sockets, that of the plugin last: dockerd finds it at once.
func (p *program) listen(ctx context.Context) (err error) {
	if p.config.MetricsListen != "" {
		if p.counts, err = new(net.ListenConfig).Listen(ctx, "tcp", p.config.MetricsListen); err != nil {
			return fmt.Errorf("cannot serve metrics: %w", err)
		}
	}
	if p.plugin, err = libnetwork.Listen(p.config.Socket); err != nil && p.counts != nil {
		_ = p.counts.Close()
	}
	return err
}

// run serves until ctx ends, and lets what is under way come to its end.
func (p *program) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	handler := p.metrics.Verbs(libnetwork.Handler(p.driver, libnetwork.Options{
		Log: p.log, AddressSpace: p.config.AddressSpace, Observe: p.metrics.Verb,
		Waited: func(ctx context.Context) (neutron, disk time.Duration) {
			return metrics.WaitedOf(ctx), p.records.Waited()
		},
	}))
	routes := http.NewServeMux()
	routes.Handle("POST "+leftoversPath, leftovers{p.driver, p.log})
	routes.Handle("/", handler)
	group.Go(func() error { return libnetwork.Serve(ctx, p.plugin, routes) })
	group.Go(func() error { return p.driver.Run(ctx) })
	if p.counts != nil {
		group.Go(func() error { return p.serveMetrics(ctx) })
	}
	attributes := []any{"socket", p.config.Socket, "host", p.config.Host, "version", version}
	if p.counts != nil {
		attributes = append(attributes, "metrics", "http://"+p.counts.Addr().String()+"/metrics")
	}
	p.log.Info("serving", attributes...)
	p.tell(ctx, sdnotify.Ready)
	<-ctx.Done()
	p.tell(context.WithoutCancel(ctx), sdnotify.Stopping)
	p.log.Info("ending")
	return group.Wait()
}

func (p *program) tell(ctx context.Context, fact string) {
	if err := sdnotify.Tell(ctx, fact); err != nil {
		p.log.Warn("cannot tell systemd", "fact", fact, "error", err)
	}
}

// serveMetrics answers Prometheus.
func (p *program) serveMetrics(ctx context.Context) error {
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", p.metrics.Handler())
	const slowest = 10 * time.Second
	server := &http.Server{Handler: routes, ReadHeaderTimeout: slowest, ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug)}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(p.counts); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve metrics: %w", err)
	}
	return nil
}
