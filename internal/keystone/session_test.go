package keystone_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"github.com/gozun/gozun/internal/keystone"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/minicloud/identity"
	"github.com/gozun/gozun/zun"
)

// cloud is a real identity service that counts what it is asked.
type cloud struct {
	service   *identity.Service
	url       string
	passwords identity.Passwords
	mu        sync.Mutex
	asked     map[string]int // by method and path
	now       atomic.Int64
}

func startCloud(t *testing.T) *cloud {
	t.Helper()
	db, err := kv.Open(filepath.Join(t.TempDir(), "kv.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c := &cloud{asked: map[string]int{}}
	c.now.Store(time.Now().UnixNano())
	c.service, err = identity.New(identity.Config{DB: db, Log: slog.New(slog.DiscardHandler), Now: c.clock, BcryptCost: bcrypt.MinCost})
	if err != nil {
		t.Fatal(err)
	}
	handler := c.service.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.asked[r.Method+" "+r.URL.Path]++
		c.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	c.passwords, err = c.service.Bootstrap(t.Context(), identity.Bootstrap{
		Endpoints: map[string]string{"identity": c.url + "/v3", "network": "http://127.0.0.1:9696/", "container": "http://127.0.0.1:9517/v1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cloud) clock() time.Time     { return time.Unix(0, c.now.Load()) }
func (c *cloud) pass(d time.Duration) { c.now.Add(int64(d)) }

func (c *cloud) count(request string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[request]
}

func (c *cloud) credentials(user, project string) keystone.Credentials {
	return keystone.Credentials{
		AuthURL: c.url, Username: user, Password: c.passwords[user], UserDomainName: "Default",
		ProjectName: project, ProjectDomainID: "default",
	}
}

func (c *cloud) open(credentials keystone.Credentials) *keystone.Session {
	s := keystone.Open(credentials, slog.New(slog.DiscardHandler))
	s.Now = c.clock
	return s
}

func token(t *testing.T, s *keystone.Session) string {
	t.Helper()
	token, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

const (
	logins      = "POST /v3/auth/tokens"
	validations = "GET /v3/auth/tokens"
)

func TestSessionLogsInOnceForAll(t *testing.T) {
	c := startCloud(t)
	s := c.open(c.credentials("demo", "demo"))
	if c.count(logins) != 0 {
		t.Error("Open logs in")
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := s.Token(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := c.count(logins); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
	for kind, want := range map[string]string{
		"network": "http://127.0.0.1:9696", "container": "http://127.0.0.1:9517/v1", "identity": c.url + "/v3",
	} {
		if got, err := s.Endpoint(t.Context(), kind); err != nil || got != want {
			t.Errorf("%s is at %q, %v; want %q", kind, got, err, want)
		}
	}
	if _, err := s.Endpoint(t.Context(), "compute"); zun.CodeOf(err) != zun.CodeUnavailable || !strings.Contains(err.Error(), "only container, identity, network") {
		t.Errorf("compute: %v", err)
	}
	id, err := s.ProjectID(t.Context())
	if who, _ := c.service.Validate(t.Context(), token(t, s)); err != nil || id == "" || id != who.ProjectID {
		t.Errorf("project is %q, %v", id, err)
	}
	if n := c.count(logins); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

func TestSessionLogsInAgain(t *testing.T) {
	c := startCloud(t)
	s := c.open(c.credentials("demo", "demo"))
	first := token(t, s)
	c.pass(12*time.Hour - 90*time.Second)
	if token(t, s) != first {
		t.Error("a token is given up long before its end")
	}
	c.pass(31 * time.Second)
	second := token(t, s)
	if second == first {
		t.Error("a token is given out less than a minute before its end")
	}
	s.Refused(first)
	if token(t, s) != second {
		t.Error("a new token is given up because an old one was refused")
	}
	s.Refused(second)
	third := token(t, s)
	s.Invalidate()
	if fourth := token(t, s); second == third || third == fourth {
		t.Error("a refused token is given out again")
	}
}

func TestLoginByToken(t *testing.T) {
	c := startCloud(t)
	given := token(t, c.open(c.credentials("admin", "admin")))
	asIs := c.open(keystone.Credentials{AuthURL: c.url, Token: given})
	if token(t, asIs) != given {
		t.Error("the token is not used as it is")
	}
	if url, err := asIs.Endpoint(t.Context(), "network"); err != nil || url != "http://127.0.0.1:9696" {
		t.Errorf("network is at %q, %v", url, err)
	}
	scoped := c.open(keystone.Credentials{AuthURL: c.url, Token: given, ProjectName: "demo"})
	if who, err := c.service.Validate(t.Context(), token(t, scoped)); err != nil || who.ProjectName != "demo" || who.UserName != "admin" {
		t.Errorf("with a project the token is %+v, %v", who, err)
	}
	_, err := c.open(keystone.Credentials{AuthURL: c.url, Token: "over"}).Token(t.Context())
	if zun.CodeOf(err) != zun.CodeUnauthorized || !strings.Contains(err.Error(), "OS_TOKEN") {
		t.Errorf("a token that is over: %v", err)
	}
}

func TestValidator(t *testing.T) {
	c := startCloud(t)
	demo := token(t, c.open(c.credentials("demo", "demo")))
	v := keystone.NewValidator(c.open(c.credentials("zun", "service")), time.Minute)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			who, err := v.Validate(t.Context(), demo)
			if err != nil || who.UserName != "demo" || who.ProjectName != "demo" || who.DomainID != "default" || !who.HasRole("member") || who.Token != demo {
				t.Errorf("it is %+v, %v", who, err)
			}
		})
	}
	all.Wait()
	if n := c.count(validations); n != 1 {
		t.Errorf("%d validations, want 1", n)
	}
	c.pass(time.Minute)
	if _, err := v.Validate(t.Context(), demo); err != nil || c.count(validations) != 2 {
		t.Errorf("%d validations after the memory's end, %v; want 2", c.count(validations), err)
	}
	for _, bad := range []string{"", "unknown", "with space", "with\nline", strings.Repeat("x", 10000)} {
		if _, err := v.Validate(t.Context(), bad); zun.CodeOf(err) != zun.CodeUnauthorized {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if n := c.count(logins); n != 2 {
		t.Errorf("%d logins, want 2: a bad token must not cost us ours", n)
	}
}

func TestValidatorForgetsATokenAtItsEnd(t *testing.T) {
	c := startCloud(t)
	demo := token(t, c.open(c.credentials("demo", "demo")))
	v := keystone.NewValidator(c.open(c.credentials("zun", "service")), 100*time.Hour)
	if _, err := v.Validate(t.Context(), demo); err != nil {
		t.Fatal(err)
	}
	c.pass(12 * time.Hour)
	if _, err := v.Validate(t.Context(), demo); zun.CodeOf(err) != zun.CodeUnauthorized {
		t.Errorf("the token is over, and gives %v", err)
	}
}

func TestValidatorLogsInAgainWhenItsOwnTokenIsRevoked(t *testing.T) {
	c := startCloud(t)
	demo := token(t, c.open(c.credentials("demo", "demo")))
	own := c.open(c.credentials("zun", "service"))
	v := keystone.NewValidator(own, 0)
	if _, err := v.Validate(t.Context(), demo); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, c.url+"/v3/auth/tokens", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Auth-Token", token(t, own))
	request.Header.Set("X-Subject-Token", token(t, own))
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusNoContent {
		t.Fatal(response, err)
	}
	response.Body.Close()
	before := c.count(logins)
	if _, err := v.Validate(t.Context(), demo); err != nil || c.count(logins) != before+1 {
		t.Errorf("%v after %d logins, want one", err, c.count(logins)-before)
	}
}

func TestValidatorWithoutTheRightToAsk(t *testing.T) {
	c := startCloud(t)
	admin := token(t, c.open(c.credentials("admin", "admin")))
	v := keystone.NewValidator(c.open(c.credentials("demo", "demo")), time.Minute)
	if _, err := v.Validate(t.Context(), admin); zun.CodeOf(err) != zun.CodeUnavailable || !strings.Contains(err.Error(), "role") {
		t.Errorf("got %v", err)
	}
}

func TestSessionErrors(t *testing.T) {
	c := startCloud(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	answering := func(status int, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		connection, _, _ := w.(http.Hijacker).Hijack()
		connection.Close()
	}))
	t.Cleanup(cut.Close)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes the connection and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	at := func(url string) keystone.Credentials {
		return keystone.Credentials{AuthURL: url, Username: "u", Password: "secretword"}
	}
	wrong := c.credentials("demo", "demo")
	wrong.Password = "secretword"
	noCA := c.credentials("demo", "demo")
	noCA.CACert = "/does/not/exist"
	for name, test := range map[string]struct {
		credentials keystone.Credentials
		code        zun.Code
		says        string
	}{
		"wrong password": {wrong, zun.CodeUnauthorized, `as user "demo" to project "demo"`},
		"no Keystone":    {at(closed.URL), zun.CodeUnavailable, closed.URL},
		"cut connection": {at(cut.URL), zun.CodeUnavailable, "cannot reach"},
		"no answer":      {at("http://" + silent.Addr().String()), zun.CodeUnavailable, "in time"},
		"5xx":            {at(answering(503, "secretcause")), zun.CodeUnavailable, "fails (503)"},
		"not Keystone":   {at(answering(404, "")), zun.CodeUnavailable, "is OS_AUTH_URL Keystone's"},
		"a redirect":     {at(answering(302, "")), zun.CodeUnavailable, "302"},
		"no token in it": {at(answering(201, "{}")), zun.CodeUnavailable, "without a token"},
		"not JSON":       {at(answering(201, "<html>")), zun.CodeUnavailable, "cannot log in"},
		"no CA file":     {noCA, zun.CodeInvalid, "OS_CACERT"},
		"no password":    {keystone.Credentials{AuthURL: c.url, Username: "demo"}, zun.CodeInvalid, "password"},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.open(test.credentials)
			s.Timeout = 500 * time.Millisecond
			_, err := s.Token(t.Context())
			if zun.CodeOf(err) != test.code || err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("code %q, %v; want %q and %q", zun.CodeOf(err), err, test.code, test.says)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%q tells too much", err)
			}
		})
	}
	t.Run("caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.open(at("http://" + silent.Addr().String())).Token(ctx); zun.CodeOf(err) != zun.CodeUnavailable {
			t.Errorf("got %v", err)
		}
	})
}

func TestGophercloudTakesMinicloudForKeystone(t *testing.T) {
	c := startCloud(t)
	provider, err := openstack.AuthenticatedClient(t.Context(), gophercloud.AuthOptions{
		IdentityEndpoint: c.url, Username: "admin", Password: c.passwords["admin"], DomainName: "Default",
		TenantName: "admin", AllowReauth: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := openstack.NewIdentityV3(provider, gophercloud.EndpointOpts{})
	if err != nil {
		t.Fatal(err)
	}
	demo := token(t, c.open(c.credentials("demo", "demo")))
	user, err := tokens.Get(t.Context(), client, demo).ExtractUser()
	if err != nil || user.Name != "demo" || user.Domain.Name != "Default" {
		t.Errorf("the token is %+v's, %v", user, err)
	}
	if ok, err := tokens.Validate(t.Context(), client, demo); !ok || err != nil {
		t.Errorf("Validate gives %v, %v", ok, err)
	}
	pages, err := projects.List(client, projects.ListOpts{}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list, err := projects.ExtractProjects(pages)
	if err != nil || len(list) != 3 || list[1].Name != "demo" || !list[1].Enabled {
		t.Errorf("projects are %+v, %v", list, err)
	}
}
