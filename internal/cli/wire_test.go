package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gozun/gozun/internal/api"
	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// world is a Keystone, a Neutron and two container services on one server: the real API,
// and the same one telling that it speaks no more than an upstream Zun.
type world struct {
	*backend
	server  *httptest.Server
	neutron *neutronFake
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	engine, err := policy.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{backend: newBackend(), neutron: &neutronFake{records: map[string][]map[string]any{"extensions": {{"alias": "binding"}, {"alias": "security-group"}}}}}
	var mu sync.Mutex
	requests := 0
	mux := http.NewServeMux()
	w.server = httptest.NewUnstartedServer(mux)
	consoleURL := &url.URL{Scheme: "ws", Host: w.server.Listener.Addr().String(), Path: "/console/"}
	mux.Handle("/console/", w.proxy(tb))
	container := api.New(api.Config{
		Control: w.backend, Policy: engine, Identities: identities{}, Log: slog.New(slog.DiscardHandler),
		ConsoleURL: consoleURL,
		NewID: func() string {
			mu.Lock()
			defer mu.Unlock()
			requests++
			return id("e0000", requests)
		},
	})
	mux.HandleFunc("POST /v3/auth/tokens", w.login)
	mux.Handle("/v2.0/", w.neutron)
	mux.Handle("/container/", http.StripPrefix("/container", container))
	mux.Handle("/upstream/", http.StripPrefix("/upstream", upTo140(container)))
	w.server.Start()
	tb.Cleanup(w.server.Close)
	return w
}

// environment is what an openrc would set.
func (w *world) environment() map[string]string {
	return map[string]string{
		"OS_AUTH_URL": w.server.URL + "/v3", "OS_USERNAME": "demo", "OS_PASSWORD": "secret", "OS_PROJECT_NAME": "demo",
		"OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default", "OS_IDENTITY_API_VERSION": "3",
	}
}

func (w *world) getenv(name string) string { return w.environment()[name] }

type identities struct{}

func (identities) Validate(_ context.Context, token string) (zun.Identity, error) {
	if token == "token-of-admin" {
		return zun.Identity{Token: token, UserID: "user-admin", ProjectID: "project-admin", Roles: []string{"admin"}}, nil
	}
	if token != "token-of-demo" {
		return zun.Identity{}, zun.Errorf(zun.CodeUnauthorized, "no such token")
	}
	return zun.Identity{Token: token, UserID: "user-demo", ProjectID: "project-demo", Roles: []string{"member"}}, nil
}

// ValidateWithService is not asked: the command line is no service.
func (i identities) ValidateWithService(ctx context.Context, token, _ string) (zun.Identity, error) {
	return i.Validate(ctx, token)
}

func (w *world) login(out http.ResponseWriter, r *http.Request) {
	var body struct {
		Auth struct {
			Identity struct {
				Password struct {
					User struct{ Name, Password string }
				}
			}
		}
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	out.Header().Set("Content-Type", "application/json")
	user := body.Auth.Identity.Password.User
	if user.Name != "demo" && user.Name != "admin" || user.Password != "secret" {
		out.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(out, `{"error":{"code":401,"title":"Unauthorized","message":"The request you have made requires authentication."}}`)
		return
	}
	endpoint := func(kind, path string) string {
		return fmt.Sprintf(`{"type":%q,"name":%q,"endpoints":[{"interface":"public","region":"RegionOne","region_id":"RegionOne","url":%q}]}`, kind, kind, w.server.URL+path)
	}
	out.Header().Set("X-Subject-Token", "token-of-"+user.Name)
	out.WriteHeader(http.StatusCreated)
	fmt.Fprintf(out, `{"token":{"expires_at":"2099-01-01T00:00:00.000000Z","issued_at":"2026-01-01T00:00:00.000000Z","methods":["password"],
		"user":{"id":"user-%[1]s","name":"%[1]s","domain":{"id":"default","name":"Default"}},"project":{"id":"project-%[1]s","name":"%[1]s","domain":{"id":"default","name":"Default"}},
		"roles":[{"id":"r","name":"member"}],"catalog":[%[2]s,%[3]s]}}`, user.Name, endpoint("container", "/container/v1"), endpoint("network", ""))
}

// upTo140 changes the version list, by which a client chooses what it says.
func upTo140(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			next.ServeHTTP(out, r)
			return
		}
		recorded := httptest.NewRecorder()
		next.ServeHTTP(recorded, r)
		fmt.Fprint(out, strings.ReplaceAll(recorded.Body.String(), "1.41", "1.40"))
	})
}

// neutronFake keeps what is posted, and finds it by any field.
type neutronFake struct {
	mu      sync.Mutex
	records map[string][]map[string]any
	made    int
}

func (n *neutronFake) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !strings.HasPrefix(r.Header.Get("X-Auth-Token"), "token-of-") {
		out.WriteHeader(http.StatusUnauthorized)
		return
	}
	kind, ref, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2.0/"), "/")
	key := strings.ReplaceAll(kind, "-", "_")
	out.Header().Set("Content-Type", "application/json")
	switch r.Method {
	case http.MethodGet:
		_ = json.NewEncoder(out).Encode(map[string]any{key: n.find(kind, r)})
	case http.MethodPost:
		var body map[string]map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		record := n.make(kind, body[strings.TrimSuffix(key, "s")])
		out.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(out).Encode(map[string]any{strings.TrimSuffix(key, "s"): record})
	case http.MethodDelete:
		n.remove(out, kind, ref)
	}
}

func (n *neutronFake) find(kind string, r *http.Request) []map[string]any {
	found := []map[string]any{}
	for _, record := range n.records[kind] {
		matches := true
		for field, wanted := range r.URL.Query() {
			matches = matches && (field == "fields" || fmt.Sprint(record[field]) == wanted[0])
		}
		if matches {
			found = append(found, record)
		}
	}
	return found
}

func (n *neutronFake) make(kind string, record map[string]any) map[string]any {
	n.made++
	record["id"] = id("d0000", n.made)
	record["tenant_id"], record["project_id"] = "project-demo", "project-demo"
	switch kind {
	case "networks":
		record["subnets"], record["shared"], record["mtu"], record["status"] = []any{}, false, 1500, "ACTIVE"
	case "subnets":
		record["allocation_pools"] = []any{map[string]any{"start": "10.2.0.2", "end": "10.2.0.254"}}
		for _, network := range n.records["networks"] {
			if network["id"] == record["network_id"] {
				network["subnets"] = append(network["subnets"].([]any), record["id"])
			}
		}
	}
	n.records[kind] = append(n.records[kind], record)
	return record
}

func (n *neutronFake) remove(out http.ResponseWriter, kind, ref string) {
	for i, record := range n.records[kind] {
		if record["id"] != ref {
			continue
		}
		if subnets, _ := record["subnets"].([]any); len(subnets) > 0 {
			out.WriteHeader(http.StatusConflict)
			fmt.Fprintf(out, `{"NeutronError":{"type":"NetworkInUse","message":"Unable to complete operation on network %s. There are one or more ports still in use on the network.","detail":""}}`, ref)
			return
		}
		n.records[kind] = append(n.records[kind][:i:i], n.records[kind][i+1:]...)
		out.WriteHeader(http.StatusNoContent)
		return
	}
	out.WriteHeader(http.StatusNotFound)
}
