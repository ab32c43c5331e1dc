package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/minicloud/identity"
	"github.com/gozun/gozun/internal/minicloud/network"
)

// usualContainer is where a catalogue has Zun's service, if nothing is in its way.
const usualContainer = "http://127.0.0.1:9517"

// unknown is an id that nothing has.
const unknown = "11111111-2222-3333-4444-555555555555"

// cloud is a Keystone and a Neutron, with people in them: demo and alt, members of a project
// each, admin, and service, which has the roles of a service user.
type cloud struct {
	testing.TB
	identity string // http://127.0.0.1:5000
	network  string // http://127.0.0.1:9696
	client   *http.Client
	tokens   map[string]string // by user
	values   map[string]string // of placeholders
}

// openMinicloud starts the embedded services on a file of their own.
func openMinicloud(tb testing.TB, host string) *cloud {
	tb.Helper()
	db, err := kv.Open(filepath.Join(tb.TempDir(), "minicloud.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	log := slog.New(slog.NewTextHandler(tb.Output(), nil))
	people, err := identity.New(identity.Config{DB: db, Log: log, BcryptCost: bcrypt.MinCost})
	if err != nil {
		tb.Fatal(err)
	}
	nets, err := network.New(network.Config{DB: db, Validate: people.Validate, Host: host, Log: log})
	if err != nil {
		tb.Fatal(err)
	}
	serve := func(h http.Handler) string {
		server := httptest.NewServer(h)
		tb.Cleanup(server.Close)
		return server.URL
	}
	c := &cloud{TB: tb, identity: serve(people.Handler()), network: serve(nets.Handler())}
	passwords, err := people.Bootstrap(tb.Context(), identity.Bootstrap{Endpoints: map[string]string{
		"identity": c.identity + "/v3", "network": c.network, "container": usualContainer + "/v1",
	}})
	if err != nil {
		tb.Fatal(err)
	}
	c.settle(host, usualContainer, passwords["admin"], passwords["zun"])
	return c
}

// openReal finds the services that tests/openstack brought up; GOZUN_OPENSTACK is the path
// of the services.env that says where.
func openReal(tb testing.TB) *cloud {
	tb.Helper()
	path := os.Getenv("GOZUN_OPENSTACK")
	if path == "" {
		tb.Skip("no real OpenStack to compare with: make openstack-up, and GOZUN_OPENSTACK=<its services.env>")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	set := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			set[name] = value
		}
	}
	c := &cloud{TB: tb, identity: strings.TrimSuffix(set["OPENSTACK_AUTH_URL"], "/v3"), network: set["OPENSTACK_NEUTRON_URL"]}
	c.settle(set["OPENSTACK_HOST"], strings.TrimSuffix(set["OPENSTACK_ZUN_URL"], "/v1"), set["OPENSTACK_SERVICE_PASSWORD"], set["OPENSTACK_SERVICE_PASSWORD"])
	return c
}

type object = map[string]any

// settle makes the projects and users of this run, and removes them when the test ends.
func (c *cloud) settle(host, container, adminPassword, servicePassword string) {
	c.Helper()
	c.client = &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	suffix := fmt.Sprintf("%08x", time.Now().UnixNano()&0xffffffff)
	c.tokens = map[string]string{"nobody": "", "stranger": "not-a-token"}
	c.values = map[string]string{"unknown": unknown, "host": host, "run": suffix, "identity": c.identity, "network": c.network, "container": container}
	c.login("admin", "admin", "admin", adminPassword)
	c.login("service", "zun", "service", servicePassword)
	member := c.must("admin", "GET", "/v3/roles?name=member", nil)["roles"].([]any)[0].(object)["id"].(string)
	c.values["member"] = member
	for _, name := range []string{"demo", "alt"} {
		full, password := "contract-"+name+"-"+suffix, "pw-"+suffix
		project := c.made("project", object{"name": full, "domain_id": "default"})
		user := c.made("user", object{"name": full, "domain_id": "default", "password": password})
		c.must("admin", "PUT", "/v3/projects/"+project+"/users/"+user+"/roles/"+member, nil)
		c.login(name, full, full, password)
		c.Cleanup(func() { c.dropGroups(project) })
	}
}

// made makes something in Keystone, for as long as the test runs.
func (c *cloud) made(kind string, attributes object) string {
	c.Helper()
	id := c.must("admin", "POST", "/v3/"+kind+"s", object{kind: attributes})[kind].(object)["id"].(string)
	c.Cleanup(func() { c.must("admin", "DELETE", "/v3/"+kind+"s/"+id, nil) })
	return id
}

// dropGroups removes what Neutron made for a project by itself.
func (c *cloud) dropGroups(project string) {
	groups := c.must("admin", "GET", "/v2.0/security-groups?fields=id&project_id="+project, nil)["security_groups"].([]any)
	for _, g := range groups {
		c.must("admin", "DELETE", "/v2.0/security-groups/"+g.(object)["id"].(string), nil)
	}
}

func (c *cloud) login(user, name, project, password string) {
	c.Helper()
	domain := object{"id": "default"}
	got := c.send("nobody", "POST", "/v3/auth/tokens", jsonText(object{"auth": object{
		"identity": object{"methods": []string{"password"}, "password": object{"user": object{"name": name, "domain": domain, "password": password}}},
		"scope":    object{"project": object{"name": project, "domain": domain}},
	}}))
	if got.status != http.StatusCreated {
		c.Fatalf("%s cannot log in: %d %s", name, got.status, got.raw)
	}
	token := got.body.(object)["token"].(object)
	c.tokens[user] = got.header.Get("X-Subject-Token")
	c.values[user] = token["project"].(object)["id"].(string)
	c.values[user+".user"] = token["user"].(object)["id"].(string)
	c.values[user+".name"], c.values[user+".project"], c.values[user+".password"] = name, project, password
	c.values[user+".token"] = c.tokens[user]
}

func jsonText(v any) string {
	if v == nil {
		return ""
	}
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // only literals of these tests come here
	}
	return string(raw)
}

// reply is an HTTP answer, read.
type reply struct {
	status int
	header http.Header
	body   any // decoded; nil when there is none
	raw    string
}

// address tells whose a path is.
func (c *cloud) address(path string) string {
	switch {
	case strings.HasPrefix(path, "net:"):
		return c.network + path[4:]
	case strings.HasPrefix(path, "id:"):
		return c.identity + path[3:]
	case strings.HasPrefix(path, "/v3"):
		return c.identity + path
	}
	return c.network + path
}

func (c *cloud) send(user, verb, path, body string, headers ...string) reply {
	c.Helper()
	var sent io.Reader
	if body != "" {
		sent = bytes.NewBufferString(body)
	}
	request, err := http.NewRequest(verb, c.address(path), sent)
	if err != nil {
		c.Fatal(err)
	}
	token, known := c.tokens[user]
	if !known {
		c.Fatalf("%s %s: there is no user %q", verb, path, user)
	}
	if token != "" {
		request.Header.Set("X-Auth-Token", token)
	}
	request.Header.Set("Accept", "application/json")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.client.Do(request)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		c.Fatal(err)
	}
	r := reply{status: response.StatusCode, header: response.Header, raw: string(raw)}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if decoder.Decode(&r.body) != nil && len(raw) > 0 {
		r.body = "<text>"
	}
	return r
}

// must sends a request that has to succeed, and returns its JSON object.
func (c *cloud) must(user, verb, path string, body any) object {
	c.Helper()
	r := c.send(user, verb, path, jsonText(body))
	if r.status >= 300 {
		c.Fatalf("%s %s: %d %s", verb, path, r.status, r.raw)
	}
	answer, _ := r.body.(object)
	return answer
}
