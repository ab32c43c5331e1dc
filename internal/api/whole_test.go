package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/control"
	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/internal/store"
	"github.com/gozun/gozun/internal/vault"
)

// newWhole returns the API over the real control, policy and SQLite store.
func newWhole(tb testing.TB, change ...func(*Config)) (*fixture, *cloud, *store.Store) {
	tb.Helper()
	return newWholeOf(tb, func(*control.Config) {}, change...)
}

// newWholeOf is newWhole with another configuration of control.
func newWholeOf(tb testing.TB, adjust func(*control.Config), change ...func(*Config)) (*fixture, *cloud, *store.Store) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "zun.db")
	db, err := store.Open(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	engine, err := policy.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	c := newCloud()
	keys, err := vault.Open(filepath.Join(tb.TempDir(), "keys"))
	if err != nil {
		tb.Fatal(err)
	}
	config := control.Config{
		Store: db, Policy: engine, Neutron: func(string) control.Neutron { return c }, ServiceNeutron: c,
		Nodes: control.Local{Name: "h1", Agent: c}, Log: slog.New(slog.DiscardHandler), Vault: keys,
	}
	adjust(&config)
	service := control.New(config)
	c.reports = service
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	<-service.Ready()
	tb.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			tb.Errorf("control ended with %v", err)
		}
		c.done.Wait()
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	f := newFixture(tb, append([]func(*Config){func(config *Config) {
		config.Control, config.Policy = service, engine
		config.Log = slog.New(slog.DiscardHandler)
	}}, change...)...)
	f.database = path
	return f, c, db
}

// latest is the version header of our own client.
const latest = versionHeader + ": container latest"

// until repeats a GET until it satisfies.
func (f *fixture) until(target string, satisfied func(answer) bool, headers ...string) answer {
	f.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		a := f.do("GET", target, "", append([]string{latest}, headers...)...)
		if satisfied(a) {
			return a
		}
		if time.Now().After(deadline) {
			f.Fatalf("GET %s is still %d %s", target, a.status, a.text)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// want fails unless an answer has the status.
func (f *fixture) want(status int, a answer) answer {
	f.Helper()
	if a.status != status {
		f.Fatalf("status %d, want %d: %s", a.status, status, a.text)
	}
	return a
}

// TestWorkflow is the workflow of the design, from the API down to the database.
func TestWorkflow(t *testing.T) {
	f, _, _ := newWhole(t)
	made := f.object(f.want(201, f.do("POST", "/v1/networks",
		`{"name":"foo","neutron_net":"testnet","neutron_pool":"testpool","neutron_subnet":["testsubnet"]}`, latest)))
	if made["status"] != "Active" || made["neutron_net_id"] != neutronID || made["mtu"] != 1450.0 {
		t.Errorf("network %v", made)
	}
	created := f.want(202, f.do("POST", "/v1/containers?run=true", `{"image":"nginx","name":"web","nets":[{"network":"foo"}]}`, latest))
	id := f.object(created)["uuid"].(string)
	if got := f.object(created)["status"]; got != "Creating" {
		t.Errorf("status %v", got)
	}
	running := f.object(f.until("/v1/containers/web", func(a answer) bool { return strings.Contains(a.text, `"Running"`) }))
	addresses := running["addresses"].(map[string]any)[neutronID].([]any)
	if addr := addresses[0].(map[string]any)["addr"]; addr != "10.2.0.9" {
		t.Errorf("address %v", addr)
	}

	action := f.object(f.do("GET", "/v1/containers/"+id+"/container_actions/"+created.header.Get("X-Openstack-Request-Id"), "", latest))
	if action["action"] != "create" || action["finish_time"] == nil || action["message"] != nil || len(action["events"].([]any)) == 0 {
		t.Errorf("action %v", action)
	}
	shown := f.object(f.want(200, f.do("GET", "/v1/networks/foo", "", latest)))
	if got := shown["attachments"].([]any); len(got) != 1 || got[0].(map[string]any)["container_name"] != "web" {
		t.Errorf("attachments %v", got)
	}
	in := f.do("DELETE", "/v1/networks/foo", "", latest)
	if p := f.problem(in); in.status != 409 || p.Code != "container.network-in-use" || !strings.Contains(p.Detail, "web") {
		t.Errorf("delete in use: %d %+v", in.status, p)
	}
	if logs := f.want(200, f.do("GET", "/v1/containers/web/logs", "")); logs.text != `"hello\n"` {
		t.Errorf("logs %s", logs.text)
	}
	if out := f.object(f.want(200, f.do("POST", "/v1/containers/web/execute?command=a+b", ""))); out["output"] != "[a b]" || out["exit_code"] != 1.0 {
		t.Errorf("execute %v", out)
	}

	f.want(204, f.do("DELETE", "/v1/containers/web?stop=True", "", latest))
	f.until("/v1/containers/web", func(a answer) bool { return a.status == 404 })
	f.want(204, f.do("DELETE", "/v1/networks/foo", "", latest))
	f.want(404, f.do("GET", "/v1/networks/foo", "", latest))
	if list := f.do("GET", "/v1/networks", "", latest); list.text != `{"networks":[],"next":null}` {
		t.Errorf("list %s", list.text)
	}
}

// TestOwnNetworkIsMadeAndRemoved: with a CIDR everything is made and, at the end, gone.
func TestOwnNetworkIsMadeAndRemoved(t *testing.T) {
	f, c, _ := newWhole(t)
	made := f.object(f.want(201, f.do("POST", "/v1/networks", `{"name":"bar","subnet":"10.9.0.0/24"}`, latest)))
	subnet := made["subnets"].([]any)[0].(map[string]any)
	if diff := cmp.Diff([]any{"network", "subnetpool", "subnet"}, made["made"]); diff != "" || subnet["cidr"] != "10.9.0.0/24" || subnet["gateway_ip"] != "10.9.0.1" {
		t.Errorf("%s %v", diff, made)
	}
	f.want(204, f.do("DELETE", "/v1/networks/bar", "", latest))
	if len(c.networks) != 1 || len(c.subnets) != 1 || len(c.pools) != 1 {
		t.Errorf("left: %v %v %v", c.networks, c.subnets, c.pools)
	}
}

// TestUserErrorsThroughTheWholeService: each is a clear 4xx and leaves nothing.
func TestUserErrorsThroughTheWholeService(t *testing.T) {
	f, c, _ := newWhole(t)
	f.want(201, f.do("POST", "/v1/networks", `{"name":"foo","neutron_net":"testnet"}`, latest))
	for _, test := range []struct {
		method, target, body string
		status               int
	}{
		{"POST", "/v1/networks", `{"name":"foo","neutron_net":"testnet"}`, 409},
		{"POST", "/v1/networks", `{"name":"n2","neutron_net":"unknown"}`, 404},
		{"POST", "/v1/networks", `{"name":"n2","neutron_net":"testnet","neutron_subnet":"unknown"}`, 404},
		{"POST", "/v1/networks", `{"name":"n2","neutron_net":"testnet","neutron_pool":"unknown"}`, 404},
		{"POST", "/v1/networks", `{"name":"n2","subnet":"127.0.0.0/8"}`, 400},
		{"POST", "/v1/networks", `{"name":"n2","subnet":"10.0.0.0/31"}`, 400},
		{"POST", "/v1/containers", `{"image":"nginx","nets":[{"network":"unknown"}]}`, 404},
		{"POST", "/v1/containers", `{"image":"nginx","nets":[{"port":"unknown"}]}`, 404},
		{"POST", "/v1/containers", `{"image":"nginx","nets":[{"network":"foo","v4-fixed-ip":"10.3.0.1"}]}`, 400},
		{"POST", "/v1/containers", `{"image":"nginx","security_groups":["unknown"]}`, 400},
		{"GET", "/v1/containers?sort_key=bogus", "", 400},
		{"GET", "/v1/containers?marker=" + foreignID, "", 404},
		{"GET", "/v1/networks?sort_key=bogus", "", 400},
		{"GET", "/v1/containers/" + foreignID, "", 404},
		{"POST", "/v1/containers/" + foreignID + "/start", "", 404},
		{"DELETE", "/v1/networks/" + foreignID, "", 404},
		{"GET", "/v1/containers/x/container_actions/req-1", "", 404},
	} {
		a := f.do(test.method, test.target, test.body, latest)
		if a.status != test.status {
			t.Errorf("%s %s %s: %d %s", test.method, test.target, test.body, a.status, a.text)
		}
		if a.status >= 400 && f.problem(a).Detail == "" {
			t.Errorf("%s %s: no detail", test.method, test.target)
		}
	}
	c.mu.Lock()
	c.away = true
	c.mu.Unlock()
	a := f.do("POST", "/v1/networks", `{"name":"n2","neutron_net":"testnet"}`, latest)
	if p := f.problem(a); a.status != 503 || !strings.Contains(p.Detail, "Neutron") {
		t.Errorf("Neutron away: %d %+v", a.status, p)
	}
	if list := f.object(f.do("GET", "/v1/containers", "", latest)); len(list["containers"].([]any)) != 0 {
		t.Errorf("containers are left: %v", list)
	}
	if list := f.object(f.do("GET", "/v1/networks", "", latest)); len(list["networks"].([]any)) != 1 {
		t.Errorf("networks are left: %v", list)
	}
}

// TestPagesOfTheDatabase: following next shows each container once, in either direction.
func TestPagesOfTheDatabase(t *testing.T) {
	f, _, db := newWhole(t)
	fill(t, db, 7)
	for _, query := range []string{"", "&sort_dir=desc", "&sort_key=name", "&sort_key=image&sort_dir=desc", "&sort_key=created_at"} {
		seen := map[string]int{}
		for next := "/v1/containers?limit=3" + query; next != ""; {
			page := f.object(f.want(200, f.do("GET", next, "")))
			for _, one := range page["containers"].([]any) {
				seen[one.(map[string]any)["name"].(string)]++
			}
			next, _ = page["next"].(string)
			next = strings.TrimPrefix(next, "http://zun:9517")
		}
		if len(seen) != 7 {
			t.Errorf("%s: saw %v", query, seen)
		}
		for name, times := range seen {
			if times != 1 {
				t.Errorf("%s: saw %s %d times", query, name, times)
			}
		}
	}
}

// fill records n containers of project p.
func fill(tb testing.TB, db *store.Store, n int) {
	tb.Helper()
	err := db.Change(tb.Context(), func(ctx context.Context) error {
		for i := range n {
			c := newMemory().containers[0].Container
			c.ID, c.Name = fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), fmt.Sprintf("c%d", i)
			if err := db.AddContainer(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkWhole measures the API with control and SQLite behind it. Budgets (design.md
// §6, two cores): show 5,000 requests/s, list of 100 1,500, list of 1,000 200.
func BenchmarkWhole(b *testing.B) {
	f, _, db := newWhole(b)
	fill(b, db, 1000)
	for _, benchmark := range []struct{ name, path string }{
		{"Show", "/v1/containers/00000007-0000-4000-8000-000000000000"},
		{"List100", "/v1/containers?limit=100"},
		{"List1000", "/v1/containers?limit=1000"},
	} {
		b.Run(benchmark.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r := httptest.NewRequest(http.MethodGet, benchmark.path, nil)
					r.Header.Set("X-Auth-Token", "user")
					w := httptest.NewRecorder()
					f.handler.ServeHTTP(w, r)
					if w.Code != 200 {
						b.Fatal(w.Code, w.Body)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
