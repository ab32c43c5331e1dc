package libnetwork_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/zun"
)

// weather is a proxy in front of the embedded Neutron that misbehaves at one request.
type weather struct {
	http.Handler
	mu   sync.Mutex
	left int // requests until then; negative: fair
	way  func(w http.ResponseWriter, r *http.Request, pass http.Handler)
	hit  string
}

func (p *weather) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.left--
	now := p.left == -1
	if now {
		p.hit = r.Method + " " + r.URL.Path
	}
	p.mu.Unlock()
	if now {
		p.way(w, r, p.Handler)
		return
	}
	p.Handler.ServeHTTP(w, r)
}

// set makes the n-th request from now on the bad one.
func (p *weather) set(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.hit = n, ""
}

func (p *weather) did() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hit
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

func cut(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

// late does what was asked, and cuts the connection instead of answering.
func late(w http.ResponseWriter, r *http.Request, pass http.Handler) {
	pass.ServeHTTP(httptest.NewRecorder(), r)
	cut(w, r, pass)
}

func never(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	// Only when the body is read is it noticed that the plugin hangs up.
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// slow does what was asked and answers when the plugin has given up.
func slow(w http.ResponseWriter, r *http.Request, pass http.Handler) {
	pass.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// TestBadWeather lets Neutron misbehave at each request of a life in turn. Every verb must
// answer in time and say why; nothing may be left; and a retry must work.
func TestBadWeather(t *testing.T) {
	embeddedOnly(t, "it begins anew for each of hundreds of calls")
	c, ctx := mustCloud(t), context.Background()
	tn := c.tenant(t, "10.2.0.0/24", "fd00:5::/64")
	own := c.userPort(t, tn)
	target := got(url.Parse(got(c.session.Endpoint(ctx, "network"))(t)))(t)
	sky := &weather{Handler: httputil.NewSingleHostReverseProxy(target), left: -1}
	server := httptest.NewServer(sky)
	t.Cleanup(server.Close)
	bad := neutron.New(c.session, neutron.Options{Endpoint: server.URL, Timeout: 150 * time.Millisecond})
	got(bad.FindPools(ctx, zun.NeutronQuery{Name: "none"}))(t) // logs in
	a := ask{Subnets: []string{"10.2.0.0/24", "fd00:5::/64"}}
	a.IPAM, a.Options = byID(tn)
	ips := map[bool]string{false: own.FixedIPs[0].IP.String(), true: own.FixedIPs[1].IP.String()}
	containers := []want{{Expose: []proto{{6, 80}}, Options: object{"neutron.port.name": "x"}}, {IPs: ips}}
	before := c.state(t)
	for name, test := range map[string]struct {
		way  func(http.ResponseWriter, *http.Request, http.Handler)
		says string
	}{
		"401":   {answering(401, "Unauthorized"), ""},
		"403":   {answering(403, "PolicyNotAuthorized"), "the weather is bad"},
		"409":   {answering(409, "Conflict"), "the weather is bad"},
		"412":   {answering(412, "RevisionNumberConstraintFailed"), "the weather is bad"},
		"quota": {answering(409, "OverQuota"), "the weather is bad"},
		"500":   {answering(500, "HTTPInternalServerError"), "Neutron"},
		"503":   {answering(503, "ServiceUnavailable"), "Neutron"},
		"cut":   {cut, "Neutron"},
		"late":  {late, "Neutron"},
		"never": {never, "in time"},
		"slow":  {slow, "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			sky.way = test.way
			for i := range 100 {
				binder := &ledger{plugged: map[string]bool{}}
				clock := &clock{}
				db := mustDB(t, "kuryr.db")
				p := mustPlugin(t, settings{DB: db, Neutron: bad, Binder: binder, Now: clock.now})
				sky.set(i)
				began := time.Now()
				err := life(p, a, containers...)
				took, hit := time.Since(began), sky.did()
				sky.set(-1)
				if hit == "" {
					if err != nil {
						t.Fatalf("in fair weather: %v", err)
					}
					must(t, p.Settle(ctx))
					t.Logf("%d requests", i)
					return
				}
				if err != nil && !strings.Contains(err.Error(), test.says) || took > 5*time.Second {
					t.Errorf("%s at %s: after %s: %v", name, hit, took, err)
				}
				p = mustPlugin(t, settings{DB: db, Neutron: c.Service, Binder: binder, Now: clock.now})
				clock.pass()
				_ = p.Settle(ctx)
				must(t, p.Settle(ctx))
				clock.pass()
				must(t, p.Sweep(ctx))
				clock.pass()
				must(t, p.Sweep(ctx))
				if diff := cmp.Diff(before, c.state(t)); diff != "" || len(binder.plugged) > 0 {
					t.Fatalf("%s at %s (Docker saw: %v) left %v and:\n%s", name, hit, err, binder.plugged, diff)
				}
				must(t, life(p, a, containers...))
				must(t, p.Settle(ctx))
			}
			t.Error("the life has no end")
		})
	}
}

var _ kuryr.Neutron = (*neutron.Client)(nil)
