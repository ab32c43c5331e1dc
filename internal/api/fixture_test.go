package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Things that the fixture has.
const (
	runningID = "aaaaaaaa-0000-4000-8000-000000000001"
	stoppedID = "aaaaaaaa-0000-4000-8000-000000000002"
	foreignID = "bbbbbbbb-0000-4000-8000-000000000001"
	netID     = "cccccccc-0000-4000-8000-000000000001"
	neutronID = "dddddddd-0000-4000-8000-000000000001"
	portID    = "eeeeeeee-0000-4000-8000-000000000001"
	subnetID  = "ffffffff-0000-4000-8000-000000000001"
)

// tokens are the identities by token.
type tokens map[string]zun.Identity

// Validate is away for the token "away".
func (t tokens) Validate(_ context.Context, token string) (zun.Identity, error) {
	if token == "away" {
		return zun.Identity{}, zun.Errorf(zun.CodeUnavailable, "cannot validate the token: Keystone does not answer")
	}
	identity, ok := t[token]
	if !ok {
		return zun.Identity{}, zun.Errorf(zun.CodeUnauthorized, "no such token")
	}
	return identity, nil
}

// ValidateWithService takes no token of a service but "service".
func (t tokens) ValidateWithService(ctx context.Context, token, service string) (zun.Identity, error) {
	if _, err := t.Validate(ctx, service); err != nil {
		return zun.Identity{}, err
	}
	return t.Validate(ctx, strings.TrimPrefix(token, "late-"))
}

// fixture is the whole API over the service in memory.
type fixture struct {
	testing.TB
	handler http.Handler
	memory  *memory
	log     *bytes.Buffer
	host    string // that requests are for; "" is zun:9517
	tokens  tokens // more can be added

	database string // the file of newWhole's store
}

// newFixture returns the API with two containers of project p (user "u", token "user";
// role admin: token "admin"), one of project q, and one network.
func newFixture(tb testing.TB, change ...func(*Config)) *fixture {
	tb.Helper()
	engine, err := policy.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	f := &fixture{TB: tb, memory: newMemory(), log: &bytes.Buffer{}}
	f.tokens = tokens{
		"user":     {UserID: "u", ProjectID: "p", Roles: []string{"member"}},
		"admin":    {UserID: "a", ProjectID: "p", Roles: []string{"admin"}},
		"other":    {UserID: "o", ProjectID: "q", Roles: []string{"member"}},
		"unscoped": {UserID: "u"},
	}
	config := Config{
		Control: f.memory, Policy: engine, Log: slog.New(slog.NewTextHandler(f.log, nil)), Identities: f.tokens,
		AuthenticateURI: "http://keystone:5000",
	}
	for _, c := range change {
		c(&config)
	}
	f.handler = f.witnessed(New(config), config.Policy)
	return f
}

// newMemory returns the service with the fixture's things.
func newMemory() *memory {
	network := zun.Network{ID: netID, Name: "foo", ProjectID: "p", NeutronNetID: neutronID, Status: zun.NetworkActive}
	attachment := zun.Attachment{
		ContainerID: runningID, PortID: portID, MAC: "fa:16:3e:00:00:01",
		Addresses: []zun.Address{
			{IP: netip.MustParseAddr("10.2.0.5"), SubnetID: subnetID},
			{IP: netip.MustParseAddr("fd00::5"), SubnetID: subnetID},
		},
	}
	running := zun.ContainerDetail{
		Container: zun.Container{
			ID: runningID, Name: "web", ProjectID: "p", UserID: "u", Image: "nginx", Status: zun.StatusRunning,
			Command: []string{"nginx", "-g", "daemon off;"}, CPU: 1, MemoryMiB: 512, Environment: map[string]string{"A": "1<&>"},
			RestartPolicy: zun.RestartPolicy{Name: "on-failure", MaximumRetryCount: 2}, Host: "h1", Ports: []int{80},
			ImageDriver: "docker", CreatedAt: noon.Add(979986 * time.Microsecond), UpdatedAt: noon, StatusDetail: "Up 5 mins",
		},
		Nets: []zun.AttachedNetwork{{Attachment: attachment, Network: network}},
	}
	stopped := running
	stopped.ID, stopped.Name, stopped.Status, stopped.Nets = stoppedID, "db", zun.StatusStopped, nil
	foreign := running
	foreign.ID, foreign.Name, foreign.ProjectID = foreignID, "theirs", "q"
	return &memory{
		containers: []zun.ContainerDetail{running, stopped, foreign},
		networks: []zun.NetworkDetail{{
			Network: network, Holders: []zun.Holder{{Attachment: attachment, ContainerName: "web"}},
		}},
		actions: map[string][]zun.Action{runningID: {{
			Kind: zun.ActionCreate, ContainerID: runningID, RequestID: "req-1", UserID: "u", ProjectID: "p",
			StartedAt: noon, FinishedAt: noon.Add(time.Second), Message: "cannot pull nginx",
		}, {Kind: zun.ActionNetworkAttach, ContainerID: runningID, RequestID: "req-2", StartedAt: noon}}},
	}
}

// forget puts the service back to where it began.
func (f *fixture) forget() {
	fresh := newMemory()
	f.memory.containers, f.memory.networks, f.memory.actions = fresh.containers, fresh.networks, fresh.actions
	f.memory.asked, f.memory.request = nil, zun.ContainerRequest{}
	f.log.Reset()
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
}

// do sends a request. Headers are "Name: value"; a header of the same name replaces the
// default, which are the token "user" and, with a body, JSON.
func (f *fixture) do(method, target, body string, headers ...string) answer {
	f.Helper()
	r := httptest.NewRequest(method, "http://zun:9517/", strings.NewReader(body))
	r.Host = cmp.Or(f.host, r.Host)
	path, query, _ := strings.Cut(target, "?")
	r.URL.Path, r.URL.RawQuery = path, query
	if plain, err := url.PathUnescape(path); err == nil { // as net/http reads it
		r.URL.Path, r.URL.RawPath = plain, path
	}
	r.Header.Set("X-Auth-Token", "user")
	r.Header.Set("Accept", "application/json")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		r.Header.Set(name, strings.TrimSpace(value))
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	raw, err := io.ReadAll(w.Result().Body)
	if err != nil {
		f.Fatal(err)
	}
	return answer{w.Code, w.Header(), string(raw)}
}

// version is the header for a microversion.
func version(v string) string { return "OpenStack-API-Version: container " + v }

// problem is the one error in an answer.
func (f *fixture) problem(a answer) errorItem {
	f.Helper()
	var body errorBody
	if err := json.Unmarshal([]byte(a.text), &body); err != nil || len(body.Errors) != 1 {
		f.Fatalf("no error body: %s (%v)", a.text, err)
	}
	return body.Errors[0]
}

// object is an answer's JSON object.
func (f *fixture) object(a answer) map[string]any {
	f.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(a.text), &object); err != nil {
		f.Fatalf("no JSON object: %q: %v", a.text, err)
	}
	return object
}

// mustURL reads a URL as it stands in a test.
func mustURL(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}
