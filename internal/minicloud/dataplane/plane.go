package dataplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/minicloud"
)

// Config says what a Plane works from.
type Config struct {
	Source minicloud.Source
	Log    *slog.Logger
	// Prefix names our nftables tables and, followed by a dash, router namespaces, and is in
	// the alias of our links; "gozun" if empty. At most one Plane of a prefix may run on a machine,
	// and one at all in a network namespace.
	Prefix string
	// Namespace is the named network namespace that is the host to this Plane; "" is the
	// process's own.
	Namespace string
	// Check is how often to look whether somebody removed our rules; 30 s if zero.
	Check time.Duration
}

// Plane keeps this host's Linux as its Source wants it.
type Plane struct {
	cfg   Config
	ready chan struct{}
}

// New returns a Plane that has done nothing yet.
func New(cfg Config) *Plane {
	if cfg.Prefix == "" {
		cfg.Prefix = "gozun"
	}
	if cfg.Check == 0 {
		cfg.Check = 30 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Plane{cfg: cfg, ready: make(chan struct{})}
}

// String names the task.
func (p *Plane) String() string { return "data plane" }

// Ready is closed when everything that was wanted at the start stands.
func (p *Plane) Ready() <-chan struct{} { return p.ready }

// Run works until ctx ends, then returns nil and leaves everything in place, so that
// containers keep their network. It fails only when the host cannot be worked on at all.
// Run it once.
func (p *Plane) Run(ctx context.Context) error {
	links, err := link.Open(p.cfg.Namespace)
	if err != nil {
		return err
	}
	defer links.Close()
	h := &host{links: links, prefix: p.cfg.Prefix}
	if err := h.prepare(ctx); err != nil {
		return fmt.Errorf("cannot prepare the host for minicloud's networks: %w", err)
	}
	events, err := links.Watch(ctx)
	if err != nil {
		return err
	}
	w := &worker{
		Plane: p, host: h, events: events,
		kernel:   &kernel{namespace: links.FD(), name: p.cfg.Prefix, log: p.cfg.Log},
		realised: map[string]string{}, taps: map[string]link.Info{}, bridges: map[int]string{}, told: map[string]bool{},
	}
	if err := w.takeStock(); err != nil {
		return err
	}
	return w.run(ctx)
}

// Clear removes everything of ours from the host: rules, routers, bridges, routes. Run must
// not be running. It may be called again, and when there is nothing.
func (p *Plane) Clear(ctx context.Context) error {
	links, err := link.Open(p.cfg.Namespace)
	if err != nil {
		return err
	}
	defer links.Close()
	h := &host{links: links, prefix: p.cfg.Prefix}
	k := &kernel{namespace: links.FD(), name: p.cfg.Prefix, log: p.cfg.Log}
	return errors.Join(
		h.sweep(func(string) bool { return false }), // routes go with their links
		k.clear(),
		h.unpassDocker(ctx))
}

// worker is a running Plane. All its work is done by one goroutine.
type worker struct {
	*Plane
	host   *host
	kernel *kernel
	events <-chan link.Event

	desired  minicloud.Desired
	realised map[string]string    // shape of the networks that stand, by UUID
	taps     map[string]link.Info // links named like a tap, by name
	bridges  map[int]string       // links named like a bridge: name by index
	told     map[string]bool      // what the Source knows of each port: plugged or not
	swept    bool
	passed   bool // Docker's chain was seen to
}

func (w *worker) run(ctx context.Context) error {
	check := time.NewTicker(w.cfg.Check)
	defer check.Stop()
	retry := time.NewTimer(0) // begins at once
	defer retry.Stop()
	delay := time.Second
	attempt := func() {
		if err := w.realise(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("cannot realise the networks, will try again", "err", err, "in", delay)
			retry.Reset(delay)
			delay = min(2*delay, 30*time.Second)
			return
		}
		delay = time.Second
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.cfg.Source.Changed():
			attempt()
		case <-retry.C:
			attempt()
		case <-check.C:
			w.verify(ctx)
			attempt()
		case e, ok := <-w.events:
			if !ok {
				return lost(ctx)
			}
			if w.observe(ctx, e) {
				attempt()
			}
		}
	}
}

// takeStock learns of the taps that are there before anything is told of a port: one that
// was plugged all the time must not be called down for a moment.
func (w *worker) takeStock() error {
	found, err := w.host.links.List("")
	if err != nil {
		return err
	}
	for _, l := range found {
		w.note(link.Event{Info: l})
	}
	return nil
}

func lost(ctx context.Context) error {
	if ctx.Err() == nil {
		return errors.New("cannot watch the host's links any longer")
	}
	return nil
}

// realise makes the host as the Source wants it now. Rules come before links: a tap that
// shows finds its rules waiting. What fails does not keep the rest from being done.
func (w *worker) realise(ctx context.Context) error {
	desired, err := w.cfg.Source.Desired(ctx)
	if err != nil {
		return fmt.Errorf("cannot learn what is wanted: %w", err)
	}
	stale := staleFlows(w.desired, desired)
	rules, problems := compile(desired, w.kernel.have)
	for _, problem := range problems {
		w.cfg.Log.Error("a port stays without traffic", "err", problem)
	}
	if err := w.kernel.apply(rules); err != nil {
		return err
	}
	w.desired = desired
	err = errors.Join(w.host.links.ForgetFlows(stale), w.networks(ctx), w.report(ctx))
	if err == nil {
		select {
		case <-w.ready:
		default:
			close(w.ready)
		}
	}
	return err
}

// networks makes, changes and removes bridges and routers, then what depends on all of
// them. Nothing is asked of the kernel when no network changed.
func (w *worker) networks(ctx context.Context) error {
	wanted := map[string]bool{}
	var errs []error
	dirty := !w.swept
	for _, n := range w.desired.Networks {
		wanted[n.ID] = true
		if w.realised[n.ID] == shape(n) {
			continue
		}
		dirty = true
		if err := w.ensureNetwork(n); err != nil {
			errs = append(errs, fmt.Errorf("network %s: %w", n.ID, err))
			continue
		}
		w.realised[n.ID] = shape(n)
	}
	for id := range w.realised {
		if !wanted[id] {
			dirty = true
			errs = append(errs, w.forget(id))
		}
	}
	if !dirty {
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, w.afterNetworks(ctx, wanted))...)
}

func (w *worker) forget(networkID string) error {
	if err := w.host.removeNetwork(networkID); err != nil {
		return fmt.Errorf("network %s: %w", networkID, err)
	}
	delete(w.realised, networkID)
	return nil
}

func (w *worker) afterNetworks(ctx context.Context, wanted map[string]bool) error {
	if !w.swept {
		if err := w.host.sweep(func(id string) bool { return wanted[id] }); err != nil {
			return err
		}
		w.swept = true
	}
	var errs []error
	if !w.passed {
		err := w.host.passDocker(ctx)
		w.passed = err == nil
		errs = append(errs, err)
	}
	return errors.Join(append(errs, w.host.routeNetworks(w.desired.Networks))...)
}

func (w *worker) ensureNetwork(n minicloud.Network) error {
	for _, g := range gateways(n) {
		if g.Addr().Is6() {
			if err := w.host.forwardIPv6(); err != nil {
				return err
			}
		}
	}
	return w.host.ensureNetwork(n)
}

// shape is equal as long as nothing about the network's links has to change.
// The order of its subnets means nothing.
func shape(n minicloud.Network) string {
	subnets := slices.SortedFunc(slices.Values(n.Subnets), func(a, b minicloud.Subnet) int { return strings.Compare(a.ID, b.ID) })
	return fmt.Sprint(n.Index, n.MTU, subnets)
}

// verify looks for what others may have removed, and forgets that it stands.
func (w *worker) verify(ctx context.Context) {
	ok, err := w.kernel.intact()
	if err != nil {
		w.cfg.Log.Warn("cannot look after the packet filter", "err", err)
	} else if !ok && w.kernel.have != nil {
		w.cfg.Log.Warn("somebody removed the packet filter, loading it anew")
		w.kernel.have = nil
	}
	if err := w.host.passDocker(ctx); err != nil {
		w.cfg.Log.Warn("cannot look after Docker's forward chain", "err", err)
	}
	if err := w.host.routeNetworks(w.desired.Networks); err != nil {
		w.cfg.Log.Warn("cannot look after the routes into networks", "err", err)
	}
}

// observe takes in how a link is now. It reports a port whose tap came or went, and
// returns true when a link of ours is gone that should stand.
func (w *worker) observe(ctx context.Context, e link.Event) bool {
	w.note(e)
	if err := w.report(ctx); err != nil {
		w.cfg.Log.Error("cannot tell of a port's tap, will try again", "err", err)
		return true
	}
	return e.Gone && w.missed(e.Name)
}

func (w *worker) note(e link.Event) {
	switch {
	case strings.HasPrefix(e.Name, "tap") && e.Gone:
		delete(w.taps, e.Name)
	case strings.HasPrefix(e.Name, "tap"):
		w.taps[e.Name] = e.Info
	case strings.HasPrefix(e.Name, "brq") && e.Gone:
		delete(w.bridges, e.Index)
	case strings.HasPrefix(e.Name, "brq"):
		w.bridges[e.Index] = e.Name
	}
}

// missed forgets that the network stands which needs the link that is gone.
func (w *worker) missed(name string) bool {
	for _, n := range w.desired.Networks {
		if name == bridgeName(n.ID) || routed(n) && (name == gatewayName(n.ID) || name == uplinkName(n.ID)) {
			_, stood := w.realised[n.ID]
			delete(w.realised, n.ID)
			return stood
		}
	}
	return false
}

// report tells the Source which ports' taps are on their bridge, where it does not know.
// All rules of w.desired are in the kernel when it is called.
func (w *worker) report(ctx context.Context) error {
	if w.kernel.have == nil {
		return nil
	}
	var errs []error
	present := make(map[string]bool, len(w.told))
	for _, n := range w.desired.Networks {
		bridge := bridgeName(n.ID)
		for _, p := range n.Ports {
			present[p.ID] = true
			tap, ok := w.taps[tapName(p.ID)]
			plugged := ok && tap.Master != 0 && w.bridges[tap.Master] == bridge
			if told, known := w.told[p.ID]; known && told == plugged {
				continue
			}
			if err := w.cfg.Source.PortPlugged(ctx, p.ID, plugged); err != nil {
				errs = append(errs, fmt.Errorf("port %s: %w", p.ID, err))
				continue
			}
			w.told[p.ID] = plugged
		}
	}
	for id := range w.told {
		if !present[id] {
			delete(w.told, id)
		}
	}
	return errors.Join(errs...)
}
