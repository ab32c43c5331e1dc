package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPluginStaysAway kills the plugin at every step of what makes something, and starts it
// again only after the user's command has failed: everything is taken back all the same.
func TestPluginStaysAway(t *testing.T) {
	b := startBetween(t, "")
	kinds := b.kinds()
	kinds["new"].meet()
	for name, l := range kinds {
		t.Run(name, func(t *testing.T) {
			l.eachAway(t, "network create", 1, l.create, l.remove)
			l.n++
			l.must(l.create)
			stride := 1
			if name == "mine" { // its address is not free again before the sweep
				stride = 8
			}
			l.eachAway(t, "run", stride, l.start, l.stop)
			before := l.state()
			l.must(l.startNamed)
			l.must(l.stop)
			l.backTo(before, "run and rm")
			l.must(l.remove)
		})
	}
}

// meet waits until the plugin knows Docker by a network of its own. It then removes what
// Docker does not have.
func (l *life) meet() {
	l.must(l.create)
	until(l.tb, "the plugin has met Docker", func() bool {
		log, err := os.ReadFile(l.log)
		return err == nil && strings.Contains(string(log), "met the Docker Engine")
	})
	l.must(l.remove)
}

// eachAway repeats one command, killing at one step after the other, or at every stride-th,
// and looks at the end what is left of all of them, or each time.
func (l *life) eachAway(t *testing.T, what string, stride int, do, undo func() (string, error)) {
	t.Helper()
	before, hits := l.state(), []string{}
	for n := 0; ; n += stride {
		if stride > 1 && !l.backTo(before, fmt.Sprintf("%s, killed at %q", what, hits)) {
			return
		}
		hit, out, err := l.killedAt(n, true, do)
		if err != nil && !strings.Contains(out, "the plugin is away") {
			t.Errorf("%s, killed at step %d (%s): %v: %s", what, n, hit, err, out)
		}
		_, _ = undo()
		if hit == "" {
			break
		}
		hits = append(hits, hit)
	}
	l.backTo(before, fmt.Sprintf("%s, killed at %q", what, hits))
	t.Logf("%s: %d steps", what, len(hits))
}

// answering is a Neutron that answers a status, with an error body as Neutron has them.
func answering(status int, kind string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"NeutronError": {"type": "`+kind+`", "message": "the weather is bad", "detail": ""}}`)
	}
}

// slow does what was asked and answers when the plugin has given up.
func slow(w http.ResponseWriter, r *http.Request, pass http.Handler) {
	pass.ServeHTTP(httptest.NewRecorder(), r)
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func never(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// TestNeutronMisbehaves lets Neutron misbehave at each of its calls in turn.
func TestNeutronMisbehaves(t *testing.T) {
	b := startBetween(t, "")
	l := b.life("--subnet 10.6.0.0/24 --gateway 10.6.0.1", "--expose 80")
	for _, test := range []struct {
		name string
		way  func(http.ResponseWriter, *http.Request, http.Handler)
		says string
	}{
		{"401", answering(401, "Unauthorized"), ""},
		{"409", answering(409, "Conflict"), "the weather is bad"},
		{"503", answering(503, "ServiceUnavailable"), "Neutron"},
		{"cut", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { hangUp(w) }, "Neutron"},
		{"slow", slow, "in time"},
		{"never", never, "in time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			began, before, hits := time.Now(), l.state(), 0
			each := func(what string, prepare, do, undo func() (string, error)) {
				t.Helper()
				for n := 0; ; n++ {
					l.must(prepare)
					l.forecast(n, test.way)
					began := time.Now()
					out, err := do()
					took, hit := time.Since(began), l.forecast(-1, nil)
					if err != nil && (hit == "" || !strings.Contains(out, test.says)) || took > 15*time.Second {
						t.Errorf("%s, %s: after %v: %v: %s", what, hit, took, err, out)
					}
					_, _ = undo()
					if hit == "" {
						return
					}
					hits++
				}
			}
			nothing := func() (string, error) { return "", nil }
			each("network create", nothing, l.create, l.remove)
			l.n++
			l.must(l.create)
			each("run", nothing, l.start, l.stop)
			each("rm", l.start, l.stop, nothing)
			l.must(l.remove)
			each("network rm", l.create, l.remove, nothing)
			l.backTo(before, test.name)
			t.Logf("%d calls, %v", hits, time.Since(began).Round(time.Second))
		})
	}
}

// TestDockerdKilled kills dockerd with SIGKILL when the plugin has done what it asked for
// and it has not heard of it.
func TestDockerdKilled(t *testing.T) {
	d := startDockerd(t)
	b := startBetween(t, d.host)
	l := b.life("--subnet 10.6.0.0/24 --gateway 10.6.0.1", "--expose 80")
	l.meet()
	before, hits := l.state(), []string{}
	nothing := func() (string, error) { return "", nil }
	each := func(what string, prepare, do, undo func() (string, error)) {
		t.Helper()
		for n := 0; ; n++ {
			l.must(prepare)
			b.arm(n, d.kill)
			_, _ = do()
			hit := b.disarm()
			if hit == "" {
				_, _ = undo()
				break
			}
			hits = append(hits, hit)
			d.start()
			_, _ = undo()
		}
		l.backTo(before, fmt.Sprintf("%s, dockerd killed at %q", what, hits))
	}
	clear := func() (string, error) { _, _ = l.stop(); return l.remove() }
	each("network create", nothing, l.create, l.remove)
	l.n++
	each("run", l.create, l.start, clear)
	each("rm", func() (string, error) { l.must(l.create); return l.start() }, l.stop, clear)
	each("network rm", l.create, l.remove, clear)
	for _, verb := range []string{"RequestPool", "CreateNetwork", "CreateEndpoint", "Join", "DeleteEndpoint", "ReleaseAddress", "ReleasePool", "DeleteNetwork"} {
		if !slices.ContainsFunc(hits, func(hit string) bool { return strings.HasSuffix(hit, "."+verb) }) {
			t.Errorf("dockerd was never killed over %s: %q", verb, hits)
		}
	}
	t.Logf("%d times", len(hits))
}

// kill ends dockerd as kill -9 does. Its containerd goes with it; where nobody reaps orphans
// it would look alive to the next dockerd by its number.
func (d *dockerd) kill() {
	_ = d.process.Process.Signal(syscall.SIGKILL)
	_ = d.process.Wait()
	note := filepath.Join(d.dir, "exec", "containerd", "containerd.pid")
	number, err := os.ReadFile(note)
	if err != nil {
		return
	}
	until(d.t, "containerd is dead", func() bool {
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(number)) + "/stat")
		return err != nil || strings.Contains(string(state), ") Z ")
	})
	_ = os.Remove(note)
}
