package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// bench is one run.
type bench struct {
	options
	id           string // of what is made
	dir          string
	random       *mathrand.Rand
	progress     io.Writer
	docker       *engine
	image        string
	zund         *zund
	undo         []func(context.Context) error // in the order of the making
	windows      []window
	floor        *floor
	floorNetwork string
	happenings   *happenings // once somebody waits for zund
	round        int         // -1 is for warming up
	atOnce       int
	resolution   time.Duration // of what is asked again and again; zero is that of what is at once
	mu           sync.Mutex    // for what many containers at once report
	report       report
}

// window is the time of one start and one rm on a plugin's network.
type window struct {
	name                        string
	from, started, removing, to time.Time
	calls                       int // to Neutron, of both; only of kuryr
}

func newBench(o options, progress io.Writer) *bench {
	raw := make([]byte, 3)
	_, _ = rand.Read(raw) // it never fails
	id := hex.EncodeToString(raw)
	return &bench{
		options: o, id: id, progress: progress, docker: newEngine(id), image: "gozun-bench-" + id + ":latest",
		random: mathrand.New(mathrand.NewPCG(o.seed, 0)),
		report: report{Seed: o.seed, Began: time.Now()},
	}
}

// run does all that was chosen, and removes everything whatever happens.
func (b *bench) run(ctx context.Context) (report, error) {
	if os.Geteuid() != 0 {
		return b.report, errors.New("this must run as root. Try: sudo make bench")
	}
	b.report.LoadBefore = load()
	err := b.measure(ctx)
	b.report.LoadAfter = load()
	if failed := b.cleanUp(ctx); failed != nil {
		err = errors.Join(err, fmt.Errorf("not everything could be removed: %w", failed))
	}
	b.report.Took = time.Since(b.report.Began)
	return b.report, err
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }

func (b *bench) measure(ctx context.Context) error {
	var err error
	if b.report.Machine, err = b.machine(ctx); err != nil {
		return err
	}
	b.say("seed %d, load %s, %s", b.seed, b.report.LoadBefore, b.report.Machine)
	if b.dir, err = os.MkdirTemp("", "gozun-bench-"); err != nil {
		return err
	}
	b.push(func(context.Context) error { return os.RemoveAll(b.dir) })
	for _, part := range []struct {
		wanted bool
		run    func(context.Context) error
	}{
		{b.wants("ready"), b.measureReady},
		{b.wantsContainers() || b.wants("stream"), b.makeImage}, // before zund, whose containers go before it
		{b.zundWanted(), b.startZund},
		{b.wants("api") || b.wants("stream"), b.measureRecords},
		{b.wantsContainers(), b.measureContainers},
		{b.zundWanted(), b.noteMemoryAfter},
	} {
		if part.wanted {
			if err := part.run(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) zundWanted() bool {
	return b.wants("kuryr") || b.wants("zun") || b.wants("api") || b.wants("stream")
}

func (b *bench) wantsContainers() bool {
	for _, name := range []string{"none", "bridge", "user-bridge", "floor", "kuryr", "pair", "port", "real", "real-spare", "zun", "zun-real"} {
		if b.wants(name) {
			return true
		}
	}
	return false
}

// push adds something to do at the end.
func (b *bench) push(f func(context.Context) error) { b.undo = append(b.undo, f) }

// cleanUp undoes in reverse order, and goes on after a failure.
func (b *bench) cleanUp(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for i := len(b.undo) - 1; i >= 0; i-- {
		errs = append(errs, b.undo[i](ctx))
	}
	b.undo = nil
	return errors.Join(errs...)
}

// startZund starts the zund of all cases but "ready", and notes what it needs at rest.
func (b *bench) startZund(ctx context.Context) error {
	z, err := newZund(ctx, b.bin, filepath.Join(b.dir, "state"), "gozun-bench-"+b.id)
	if err != nil {
		return err
	}
	b.say("starting zund, when no other runs on this machine")
	if _, err := z.start(ctx); err != nil {
		return err
	}
	b.zund = z
	b.push(z.remove)
	if err := rest(ctx, 2*time.Second); err != nil {
		return err
	}
	if b.report.AtRest, err = memoryOf(z.process.Process.Pid); err != nil {
		return err
	}
	return z.login(ctx)
}

func (b *bench) noteMemoryAfter(ctx context.Context) (err error) {
	if err := rest(ctx, 2*time.Second); err != nil {
		return err
	}
	b.report.AtEnd, err = memoryOf(b.zund.process.Process.Pid)
	return err
}

// rest lets a process come to rest.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// measureReady starts zund again and again, on new state directories and on known ones.
func (b *bench) measureReady(ctx context.Context) error {
	b.say("ready: %d starts on new state, as many on known state", b.starts)
	for i := range b.starts {
		state := filepath.Join(b.dir, fmt.Sprintf("ready%d", i))
		z, err := newZund(ctx, b.bin, state, "gozun-bench-"+b.id)
		if err != nil {
			return err
		}
		b.push(z.remove)
		for _, verb := range []string{"first start", "next start"} {
			took, err := z.start(ctx)
			if err != nil {
				return err
			}
			b.note(sample{"ready", verb, 1, i, took})
			if err := z.stop(); err != nil {
				return err
			}
		}
	}
	return nil
}

// subnet returns one of 256 networks 10.N.x.0/16, to be alone on a shared machine.
func (b *bench) subnet(n byte) (prefix netip.Prefix, gateway netip.Addr) {
	raw, _ := hex.DecodeString(b.id) // we made it
	gateway = netip.AddrFrom4([4]byte{10, n, raw[0], 1})
	return netip.PrefixFrom(gateway, 24).Masked(), gateway
}

// load is the machine's load average over 1, 5 and 15 minutes.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}

func (b *bench) machine(ctx context.Context) (string, error) {
	docker, err := b.docker.version(ctx)
	if err != nil {
		return "", fmt.Errorf("no Docker Engine answers: %w", err)
	}
	text, _ := os.ReadFile("/proc/cpuinfo") // what is not there is not said
	model, cores := "unknown CPU", 0
	for line := range strings.Lines(string(text)) {
		if name, found := strings.CutPrefix(line, "model name"); found {
			model = strings.TrimSpace(strings.TrimLeft(name, "\t :"))
			cores++
		}
	}
	return fmt.Sprintf("%d × %s, %s", cores, model, docker), nil
}
