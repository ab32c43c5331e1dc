package e2e

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// between stands between dockerd and the plugin, and between the plugin and Neutron. Every
// call is two steps of its stops: before it is passed on, and before its answer is.
type between struct {
	*plugin
	*stops
	ahead  *httputil.ReverseProxy // to Neutron
	behind http.Client            // to the plugin

	dockerd bool // steps are when the plugin has answered one of dockerd's calls

	mu   sync.Mutex
	up   chan struct{} // closed while the plugin is to be reached
	gone bool          // it will not be back before dockerd gives up
	sky  weather
}

// weather is how Neutron misbehaves: at one call, counted from 0.
type weather struct {
	at   int
	way  func(w http.ResponseWriter, r *http.Request, pass http.Handler)
	seen int
	hit  string
}

// startBetween starts a cloud, the proxies and the plugin. With a dockerd of the test's own its
// steps are those of dockerd, else the plugin's.
func startBetween(t *testing.T, dockerHost string) *between {
	t.Helper()
	p := newPlugin(t, dockerHost)
	b := &between{plugin: p, stops: &stops{at: -1}, up: make(chan struct{}), dockerd: dockerHost != "", sky: weather{at: -1}}
	if !b.dockerd {
		p.stops = b.stops
	}
	target, err := url.Parse(p.zund.network)
	if err != nil {
		t.Fatal(err)
	}
	b.ahead = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	sky := httptest.NewServer(http.HandlerFunc(b.toNeutron))
	t.Cleanup(sky.Close)
	inner := filepath.Join(p.dir, "inner.sock")
	b.behind.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", inner)
	}}
	p.configure(inner, "leftover_after = 4\ndocker_host = "+dockerHost, "endpoint_override = "+sky.URL, "timeout = 1")
	if err := os.MkdirAll("/run/docker/plugins", 0o755); err != nil {
		t.Fatal(err)
	}
	outer, err := net.Listen("unix", "/run/docker/plugins/"+p.name+".sock")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(b.toPlugin)}
	go server.Serve(outer)
	t.Cleanup(func() { server.Close() })
	b.revive()
	return b
}

// toNeutron passes a request on, unless it is the one at which the plugin dies or Neutron
// misbehaves.
func (b *between) toNeutron(w http.ResponseWriter, r *http.Request) {
	name := r.Method + " " + r.URL.Path
	if !b.dockerd && b.step("before "+name) {
		hangUp(w)
		return
	}
	b.mu.Lock()
	now := b.sky.at >= 0 && b.sky.seen == b.sky.at
	b.sky.seen++
	if now {
		b.sky.hit = name
	}
	way := b.sky.way
	b.mu.Unlock()
	if now {
		way(w, r, b.ahead)
		return
	}
	answer := httptest.NewRecorder()
	b.ahead.ServeHTTP(answer, r)
	if !b.dockerd && b.step("after "+name) {
		hangUp(w)
		return
	}
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// forecast lets Neutron misbehave at the n-th call from now on; negative: never again. It
// returns the call at which it did before.
func (b *between) forecast(n int, way func(http.ResponseWriter, *http.Request, http.Handler)) (hit string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	hit = b.sky.hit
	b.sky = weather{at: n, way: way}
	return hit
}

// hangUp cuts the connection instead of answering.
func hangUp(w http.ResponseWriter) {
	if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
		conn.Close()
	}
}

// toPlugin passes one of dockerd's calls on. When the plugin dies over it, it is made again
// as soon as there is a new plugin, as dockerd does, but without dockerd's second of
// waiting; or it fails at once, as it does after half a minute of that.
func (b *between) toPlugin(w http.ResponseWriter, r *http.Request) {
	verb := strings.TrimPrefix(r.URL.Path, "/")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		hangUp(w)
		return
	}
	if !b.dockerd {
		b.step("before " + verb)
	}
	answer, ok := b.ask(r, body)
	if !ok {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"Err":"the plugin is away"}`)
		return
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if b.step("after "+verb) && b.dockerd {
		hangUp(w)
		return
	}
	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(text)
}

// ask asks the plugin, and its successors until one answers. It is not ok when there will
// be none.
func (b *between) ask(r *http.Request, body []byte) (*http.Response, bool) {
	for range 100 { // it dies when told to, not otherwise
		b.mu.Lock()
		up, gone := b.up, b.gone
		b.mu.Unlock()
		select {
		case <-up:
		default:
			if gone {
				return nil, false
			}
			<-up
		}
		request, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, "http://plugin"+r.URL.Path, bytes.NewReader(body))
		if err != nil {
			return nil, false
		}
		request.Header = r.Header.Clone()
		answer, err := b.behind.Do(request)
		if err == nil {
			return answer, true
		}
		if r.Context().Err() != nil {
			return nil, false
		}
	}
	return nil, false
}

// revive starts the plugin, again if need be.
func (b *between) revive() {
	b.tb.Helper()
	b.start()
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.up)
}

// fell says that the plugin is down.
func (b *between) fell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.up = make(chan struct{})
}

// killedAt does what a user does while the plugin is killed at the n-th step, and started
// again: at once, or, if it stays away, when the user's command has ended. It returns the
// step, "" if there are fewer, and what became of the command.
func (b *between) killedAt(n int, away bool, do func() (string, error)) (hit, out string, err error) {
	b.tb.Helper()
	b.mu.Lock()
	b.gone = away
	b.mu.Unlock()
	process := b.process
	b.arm(n, func() {
		b.fell()
		_ = process.Process.Signal(syscall.SIGKILL)
		_ = process.Wait()
	})
	type result struct {
		out string
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := do()
		done <- result{out, err}
	}()
	var end result
	select {
	case end = <-done:
	case <-b.died():
		if away {
			end = <-done
		}
		b.process = nil
		b.revive()
		if !away {
			end = <-done
		}
		return b.disarm(), end.out, end.err
	}
	hit = b.disarm()
	if hit != "" {
		b.process = nil
		b.revive()
	}
	return hit, end.out, end.err
}
