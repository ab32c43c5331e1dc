package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// life is what a user does with a network, one command after the other. Each is told by its
// words, and by whether it is done so far.
type life struct {
	*between
	net string // arguments of docker network create
	run string // arguments of docker run
	n   int    // of networks and containers, so that each has a name of its own
}

func (l *life) network() string   { return fmt.Sprint(l.name, "-net", l.n) }
func (l *life) container() string { return fmt.Sprint(l.name, "-c", l.n) }

func (l *life) docker(args ...string) (string, error) {
	out, stderr, err := l.try("docker", args...)
	return strings.TrimSpace(out + stderr), err
}

func (l *life) create() (string, error) {
	args := append(strings.Fields("network create -d "+l.name+" --ipam-driver "+l.name), strings.Fields(l.net)...)
	return l.docker(append(args, l.network())...)
}

// start starts a container, and waits until its port has its name, which is owed.
func (l *life) start() (string, error) {
	args := append([]string{"run", "-d", "--name", l.container(), "--net", l.network()}, strings.Fields(l.run)...)
	out, err := l.docker(append(args, image)...)
	if err == nil {
		until(l.tb, "the port of "+l.container()+" has its name", func() bool {
			id, _ := l.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.EndpointID}}{{end}}", l.container())
			return strings.Contains(l.ports(), id)
		})
	}
	return out, err
}

// ports lists the ports' tags and names.
func (l *life) ports() string {
	var found struct {
		Ports []struct {
			Name     string
			Tags     []string
			DeviceID string `json:"device_id"`
		}
	}
	l.neutron("GET", "ports", nil, &found)
	return fmt.Sprint(found)
}

func (l *life) stop() (string, error)   { return l.docker("rm", "-f", l.container()) }
func (l *life) remove() (string, error) { return l.docker("network", "rm", l.network()) }

// must does what must succeed.
func (l *life) must(do func() (string, error)) {
	l.tb.Helper()
	if out, err := do(); err != nil {
		l.tb.Fatalf("%v: %s", err, out)
	}
}

func (l *life) clear() {
	_, _ = l.stop()
	_, _ = l.remove()
}

// TestPluginKilled kills the plugin with SIGKILL at every step of every command: before and
// after each call of dockerd's and each request to Neutron, and before each write to the
// disk and each change of a link.
func TestPluginKilled(t *testing.T) {
	b := startBetween(t, "")
	began := time.Now()
	before := b.all()
	l := &life{between: b, net: "--subnet 10.6.0.0/24 --gateway 10.6.0.1", run: "--expose 80"}
	t.Cleanup(l.clear)
	l.each(t, before, "network create", func() {}, l.create, func() { _, _ = l.remove() })
	l.each(t, before, "run", func() { l.must(l.create) }, l.start, l.clear)
	l.each(t, before, "rm", func() { l.must(l.create); l.must(l.start) }, l.stop, l.clear)
	l.each(t, before, "network rm", func() { l.must(l.create) }, l.remove, l.clear)
	t.Log(time.Since(began))
}

// each repeats one command, killing at one step after the other, until none is left.
func (l *life) each(t *testing.T, before, what string, prepare func(), do func() (string, error), undo func()) {
	t.Helper()
	failed, began := 0, time.Now()
	for n := 0; ; n++ {
		if n == 300 {
			t.Fatalf("%s has no end", what)
		}
		l.n++
		prepare()
		hit, out, err := l.killedAt(n, false, do)
		if hit == "" && err != nil {
			t.Fatalf("%s, not killed: %v: %s", what, err, out)
		}
		if err != nil {
			failed++
			t.Logf("%s, killed at step %d (%s): %s", what, n, hit, out)
		}
		undo()
		now := ""
		deadline := time.Now().Add(10 * time.Second)
		for now = l.all(); now != before && time.Now().Before(deadline); now = l.all() {
			time.Sleep(20 * time.Millisecond)
		}
		if now != before {
			t.Errorf("%s, killed at step %d (%s), left\n%s\ninstead of\n%s", what, n, hit, now, before)
			return
		}
		if hit == "" {
			t.Logf("%s: %d steps, at %d of which the user saw the plugin die, %v", what, n, failed, time.Since(began))
			return
		}
	}
}
