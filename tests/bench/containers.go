package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// place is somewhere to start containers.
type place struct {
	name  string
	start func(ctx context.Context) (handle string, err error)
	after func(ctx context.Context, handle string) error // if set: done between the two, not timed
	rm    func(ctx context.Context, handle string) error
	rest  func(ctx context.Context) error // if set: waits, before and after, for what goes on behind
}

// rested does what is to be timed when nothing goes on behind it, nor behind what comes next.
func (p place) rested(ctx context.Context, do func(context.Context, place) error) error {
	if p.rest == nil {
		return do(ctx, p)
	}
	if err := p.rest(ctx); err != nil {
		return err
	}
	if err := do(ctx, p); err != nil {
		return err
	}
	return p.rest(ctx)
}

// measureContainers alternates all places, one container at a time and then many at once.
func (b *bench) measureContainers(ctx context.Context) error {
	places, err := b.places(ctx)
	if err != nil {
		return err
	}
	b.push(b.docker.sweep)
	for round := range b.rounds + 1 { // the first is for warming up
		b.say("one at a time: round %d of %d, load %s", round, b.rounds, load())
		b.round, b.atOnce = round-1, 1
		for _, i := range b.random.Perm(len(places)) {
			if err := places[i].rested(ctx, b.one); err != nil {
				return fmt.Errorf("%s: %w", places[i].name, err)
			}
		}
	}
	for round := range b.batches + min(b.batches, 1) {
		b.say("%d at once: round %d of %d, load %s", b.batch, round, b.batches, load())
		b.round, b.atOnce = round-1, b.batch
		for _, i := range b.random.Perm(len(places)) {
			if err := places[i].rested(ctx, b.many); err != nil {
				return fmt.Errorf("%s: %w", places[i].name, err)
			}
		}
	}
	return b.judgePlugins()
}

// note keeps a sample, unless its round was for warming up.
func (b *bench) note(s sample) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.Round >= 0 {
		b.report.samples = append(b.report.samples, s)
	}
}

// one measures one container.
func (b *bench) one(ctx context.Context, p place) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ours := p.name == "kuryr"
	before, err := b.callsSoFar(ctx, ours)
	if err != nil {
		return err
	}
	began := time.Now()
	handle, err := p.start(ctx)
	started := time.Now()
	if err != nil {
		return err
	}
	b.note(sample{p.name, "start", 1, b.round, started.Sub(began)})
	if p.after != nil {
		if err := p.after(ctx, handle); err != nil {
			return err
		}
	}
	removing := time.Now()
	if err := p.rm(ctx, handle); err != nil {
		return err
	}
	removed := time.Now()
	b.note(sample{p.name, "rm", 1, b.round, removed.Sub(removing)})
	if b.round < 0 {
		return nil
	}
	if !ours {
		b.windows = append(b.windows, window{p.name, began, started, removing, removed, 0})
		return nil
	}
	if err := rest(ctx, 50*time.Millisecond); err != nil { // what the plugin does after its answer
		return err
	}
	after, err := b.callsSoFar(ctx, ours)
	b.windows = append(b.windows, window{p.name, began, started, removing, removed, after - before})
	return err
}

func (b *bench) callsSoFar(ctx context.Context, ours bool) (int, error) {
	if !ours {
		return 0, nil
	}
	return b.zund.neutronCalls(ctx)
}

// many measures the time until the last of many containers, started at once, is there, and
// until the last of them is gone.
func (b *bench) many(ctx context.Context, p place) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	handles := make([]string, b.batch)
	began := time.Now()
	err := b.each(func(i int) (err error) {
		handles[i], err = p.start(ctx)
		return err
	})
	if err != nil {
		return err
	}
	b.note(sample{p.name, "start", b.batch, b.round, time.Since(began)})
	removing := time.Now()
	if err := b.each(func(i int) error { return p.rm(ctx, handles[i]) }); err != nil {
		return err
	}
	b.note(sample{p.name, "rm", b.batch, b.round, time.Since(removing)})
	return nil
}

func (b *bench) each(do func(i int) error) error {
	var group errgroup.Group
	for i := range b.batch {
		group.Go(func() error { return do(i) })
	}
	return group.Wait()
}

// places prepares the networks of all chosen cases.
func (b *bench) places(ctx context.Context) ([]place, error) {
	ofDocker := func(network func(context.Context) (string, error)) func(context.Context) (place, error) {
		return func(ctx context.Context) (place, error) {
			name, err := network(ctx)
			return place{
				start: func(ctx context.Context) (string, error) { return b.docker.startContainer(ctx, b.image, name) },
				rm:    b.docker.removeContainer,
			}, err
		}
	}
	named := func(name string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return name, nil }
	}
	makers := []struct {
		name string
		make func(context.Context) (place, error)
	}{
		{"none", ofDocker(named("none"))},
		{"bridge", ofDocker(named("bridge"))},
		{"user-bridge", ofDocker(b.makeUserBridge)},
		{"floor", ofDocker(b.makeFloor)},
		{"kuryr", ofDocker(func(ctx context.Context) (string, error) { return b.makeKuryr(ctx, b.zund.plugin, 231) })},
		{"pair", b.pairPlace},
		{"port", b.portPlace},
		{"real", ofDocker(b.makeReal)},
		{"real-spare", b.spareRealPlace},
		{"zun", func(ctx context.Context) (place, error) { return b.zunPlace(ctx, b.zund, "zun", 234) }},
		{"zun-real", b.zunRealPlace},
	}
	var places []place
	for _, m := range makers {
		if !b.wants(m.name) {
			continue
		}
		p, err := m.make(ctx)
		if errors.Is(err, errNoCloud) {
			b.say("%s: %v", m.name, err)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		p.name = m.name
		places = append(places, p)
	}
	return places, nil
}

// pairPlace is what a container of Zun's is to Docker: a sandbox on a network, here the
// floor's, and the container in its namespace.
func (b *bench) pairPlace(ctx context.Context) (place, error) {
	network, err := b.makeFloor(ctx)
	var made atomic.Int64
	return place{
		start: func(ctx context.Context) (string, error) {
			name := fmt.Sprintf("gozun-bench-%s-pair%d", b.id, made.Add(1))
			return name, b.docker.startPair(ctx, name, b.image, network)
		},
		rm: b.docker.removePair,
	}, err
}

func (b *bench) makeNetwork(ctx context.Context, n dockerNetwork) (string, error) {
	n.name = "gozun-bench-" + b.id + "-" + n.name
	if err := b.docker.createNetwork(ctx, n); err != nil {
		return "", err
	}
	b.push(func(ctx context.Context) error { return b.docker.removeNetwork(ctx, n.name) })
	return n.name, nil
}

func (b *bench) makeUserBridge(ctx context.Context) (string, error) {
	return b.makeNetwork(ctx, dockerNetwork{name: "user", driver: "bridge"})
}

func (b *bench) makeFloor(ctx context.Context) (string, error) {
	if b.floor != nil {
		return b.floorNetwork, nil
	}
	subnet, gateway := b.subnet(232)
	f, err := startFloor(ctx, "gozun-floor-"+b.id, "gb"+b.id, subnet, gateway)
	if err != nil {
		return "", err
	}
	b.floor = f
	b.push(func(context.Context) error { return f.stop() })
	b.floorNetwork, err = b.makeNetwork(ctx, dockerNetwork{
		name: "floor", driver: f.name, ipam: f.name, subnet: subnet.String(), gateway: gateway.String(),
	})
	return b.floorNetwork, err
}

// makeKuryr makes a network through a plugin, which makes one in Neutron for it.
func (b *bench) makeKuryr(ctx context.Context, plugin string, subnetByte byte) (string, error) {
	subnet, gateway := b.subnet(subnetByte)
	return b.makeNetwork(ctx, dockerNetwork{
		name: fmt.Sprint("kuryr", subnetByte), driver: plugin, ipam: plugin, subnet: subnet.String(), gateway: gateway.String(),
	})
}

// makeReal makes a network with a plugin of its own on a cloud that runs.
func (b *bench) makeReal(ctx context.Context) (string, error) {
	p, err := b.realPlugin(ctx, "real", 0)
	if err != nil {
		return "", err
	}
	return b.makeKuryr(ctx, p.name, 233)
}

// spareRealPlace is the same where ports are ready.
func (b *bench) spareRealPlace(ctx context.Context) (place, error) {
	p, err := b.realPlugin(ctx, "spare", b.batch)
	if err != nil {
		return place{}, err
	}
	network, err := b.makeKuryr(ctx, p.name, 237)
	return place{
		start: func(ctx context.Context) (string, error) { return b.docker.startContainer(ctx, b.image, network) },
		rm:    b.docker.removeContainer,
		rest: func(ctx context.Context) error {
			return until(ctx, nil, askSeldom, func() (bool, error) { return p.ready(ctx, b.batch) })
		},
	}, err
}

func (b *bench) realPlugin(ctx context.Context, name string, spare int) (*plugin, error) {
	cloud, err := findCloud()
	if err != nil {
		return nil, err
	}
	p, err := startPlugin(ctx, cloud, filepath.Join(b.bin, "kuryr-libnetwork"), b.dir, "gozun-"+name+"-"+b.id, spare)
	if err == nil {
		b.push(func(context.Context) error { return p.stop() })
	}
	return p, err
}

// judgePlugins sums up what the plugins themselves needed for each start and each rm.
func (b *bench) judgePlugins() error {
	if b.floor != nil {
		b.report.Plugins = append(b.report.Plugins, judge("floor", b.windows, b.floor.times()))
	}
	if !b.wants("kuryr") {
		return nil
	}
	times, err := verbTimes(b.zund.log)
	if err == nil {
		b.report.Plugins = append(b.report.Plugins, judge("kuryr", b.windows, times))
	}
	return err
}

func judge(name string, windows []window, times []verbTime) pluginReport {
	var starts, rms sums
	var calls []float64
	byVerb := map[string][]float64{}
	for _, w := range windows {
		if w.name == name {
			starts.add(times, w.from, w.started, byVerb)
			rms.add(times, w.removing, w.to, byVerb)
			calls = append(calls, float64(w.calls))
		}
	}
	r := pluginReport{
		Name: name, Start: starts.spread(), RM: rms.spread(), NeutronCalls: median(calls), Verbs: map[string]spread{},
	}
	for verb, values := range byVerb {
		r.Verbs[verb] = spreadOf(values)
	}
	return r
}

// sums are milliseconds, one of each for every window.
type sums struct{ own, disk, neutron []float64 }

// add adds up the calls that ended in a window, and sorts them by verb.
func (s *sums) add(times []verbTime, from, to time.Time, byVerb map[string][]float64) {
	var own, disk, neutron float64
	for _, t := range times {
		if t.ended.After(from) && t.ended.Before(to) {
			mine := milliseconds(t.took - t.neutron)
			own, disk, neutron = own+mine, disk+milliseconds(t.disk), neutron+milliseconds(t.neutron)
			byVerb[t.verb] = append(byVerb[t.verb], mine)
		}
	}
	s.own, s.disk, s.neutron = append(s.own, own), append(s.disk, disk), append(s.neutron, neutron)
}

func (s *sums) spread() pluginTime {
	return pluginTime{spreadOf(s.own), spreadOf(s.disk), spreadOf(s.neutron)}
}
