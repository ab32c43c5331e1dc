package identity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/minicloud/identity"
)

// cloud is a running identity service, with a clock of its own.
type cloud struct {
	testing.TB
	service   *identity.Service
	server    *httptest.Server
	passwords identity.Passwords

	mu    sync.Mutex
	now   time.Time
	waits []time.Duration // what guessing passwords was held back for
}

func (c *cloud) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *cloud) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func startCloud(tb testing.TB) *cloud {
	tb.Helper()
	return openCloud(tb, filepath.Join(tb.TempDir(), "minicloud.db"))
}

// openCloud starts the service on a file, which may be there already.
func openCloud(tb testing.TB, path string) *cloud {
	tb.Helper()
	db, err := kv.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	c := &cloud{TB: tb, now: time.Now()}
	c.service, err = identity.New(identity.Config{
		DB: db, Log: slog.New(slog.NewTextHandler(tb.Output(), nil)), Now: c.clock, BcryptCost: bcrypt.MinCost,
		Wait: func(_ context.Context, d time.Duration) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.waits = append(c.waits, d)
			return nil
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	c.server = httptest.NewServer(c.service.Handler())
	tb.Cleanup(c.server.Close)
	c.passwords, err = c.service.Bootstrap(tb.Context(), identity.Bootstrap{
		Endpoints: map[string]string{
			"identity": c.server.URL + "/v3", "network": "http://127.0.0.1:9696", "container": "http://127.0.0.1:9517/v1",
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// reply is an HTTP answer, read.
type reply struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

// at walks into the body by keys and indexes; nil where there is nothing.
func (r reply) at(path ...any) any {
	var value any = r.body
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := value.(map[string]any)
			value = m[s]
		case int:
			list, _ := value.([]any)
			if s >= len(list) {
				return nil
			}
			value = list[s]
		}
	}
	return value
}

// do sends a request; body is JSON, or a string sent as it is, or nil.
func (c *cloud) do(method, path, token string, body any, headers ...string) reply {
	c.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = bytes.NewBufferString(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			c.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(c.Context(), method, c.server.URL+path, reader)
	if err != nil {
		c.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("X-Auth-Token", token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		c.Fatal(err)
	}
	r := reply{status: response.StatusCode, header: response.Header, raw: string(raw)}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &r.body); err != nil {
			c.Fatalf("%s %s answers %q: %v", method, path, raw, err)
		}
	}
	return r
}

// want is do for one status; anything else ends the test.
func (c *cloud) want(status int, method, path, token string, body any, headers ...string) reply {
	c.Helper()
	r := c.do(method, path, token, body, headers...)
	if r.status != status {
		c.Fatalf("%s %s: status %d, want %d: %s", method, path, r.status, status, r.raw)
	}
	return r
}

type obj = map[string]any

func byName(name string) obj { return obj{"name": name, "domain": obj{"id": "default"}} }

// login is the body of a login by password; scope nil is none.
func login(user, password string, scope any) obj {
	who := byName(user)
	who["password"] = password
	auth := obj{"identity": obj{"methods": []string{"password"}, "password": obj{"user": who}}}
	if scope != nil {
		auth["scope"] = scope
	}
	return obj{"auth": auth}
}

func inProject(name string) obj { return obj{"project": byName(name)} }

// token logs a bootstrapped user in.
func (c *cloud) token(user, project string) string {
	c.Helper()
	r := c.want(201, "POST", "/v3/auth/tokens", "", login(user, c.passwords[user], inProject(project)))
	return r.header.Get("X-Subject-Token")
}

// id returns the id of the first listed thing of that name.
func (c *cloud) id(kind, name string) string {
	c.Helper()
	r := c.want(200, "GET", "/v3/"+kind+"?name="+name, c.token("admin", "admin"), nil)
	id, _ := r.at(kind, 0, "id").(string)
	if id == "" {
		c.Fatalf("no %s named %s", kind, name)
	}
	return id
}
