package network_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/minicloud/network"
	"github.com/gozun/gozun/zun"
)

const thisHost = "host-1"

// cloud is the real service behind a real listener, on a real file.
type cloud struct {
	tb      testing.TB
	path    string
	db      *kv.DB
	service *network.Service
	server  *httptest.Server
}

// validate knows tokens of the form "project:role,role".
func validate(_ context.Context, token string) (zun.Identity, error) {
	project, roles, ok := strings.Cut(token, ":")
	if !ok {
		return zun.Identity{}, zun.Errorf(zun.CodeUnauthorized, "cannot accept the token: it is unknown")
	}
	return zun.Identity{UserID: "u", ProjectID: project, Roles: strings.Split(roles, ",")}, nil
}

func newCloud(tb testing.TB) *cloud {
	tb.Helper()
	c := &cloud{tb: tb, path: filepath.Join(tb.TempDir(), "minicloud.db")}
	c.open()
	tb.Cleanup(c.close)
	return c
}

func (c *cloud) open() {
	c.tb.Helper()
	var err error
	if c.db, err = kv.Open(c.path); err != nil {
		c.tb.Fatal(err)
	}
	if c.service, err = network.New(network.Config{DB: c.db, Validate: validate, Host: thisHost, ServiceProject: "service"}); err != nil {
		c.tb.Fatal(err)
	}
	c.server = httptest.NewServer(c.service.Handler())
}

func (c *cloud) close() {
	c.server.Close()
	if err := c.db.Close(); err != nil {
		c.tb.Error(err)
	}
}

// user speaks to the cloud with a token.
type user struct {
	*cloud
	token string
}

func (c *cloud) demo() user  { return user{c, "demo:member,reader"} }
func (c *cloud) other() user { return user{c, "other:member"} }
func (c *cloud) admin() user { return user{c, "admin:admin,member"} }
func (c *cloud) agent() user { return user{c, "service:service"} }

type object = map[string]any

// call returns the status and the decoded body of a request.
func (u user) call(method, path string, body any, headers ...string) (int, object) {
	u.tb.Helper()
	withVersion(method, path, body)
	var sent io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		sent = strings.NewReader(body)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			u.tb.Fatal(err)
		}
		sent = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, u.server.URL+"/v2.0"+path, sent)
	if err != nil {
		u.tb.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", u.token)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := u.server.Client().Do(req)
	if err != nil {
		u.tb.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		u.tb.Fatal(err)
	}
	var answer object
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			u.tb.Fatalf("%s %s answered %q: %v", method, path, raw, err)
		}
	}
	return resp.StatusCode, answer
}

// withVersion says a new subnet's IP version for tests to which it does not matter.
func withVersion(method, path string, body any) {
	request, _ := body.(object)
	subnet, ok := request["subnet"].(object)
	if method != http.MethodPost || path != "/subnets" || !ok || subnet["ip_version"] != nil {
		return
	}
	subnet["ip_version"] = 4
	if cidr, _ := subnet["cidr"].(string); strings.Contains(cidr, ":") {
		subnet["ip_version"] = 6
	}
}

// must is call for what has to succeed; it returns the one member of the answer.
func (u user) must(method, path string, body any) object {
	u.tb.Helper()
	status, answer := u.call(method, path, body)
	if status >= 300 {
		u.tb.Fatalf("%s %s %v: %d %v", method, path, body, status, answer)
	}
	for _, member := range answer {
		if o, ok := member.(object); ok {
			return o
		}
	}
	return nil
}

func (u user) make(kind string, attributes object) object {
	u.tb.Helper()
	path := "/" + strings.ReplaceAll(kind, "_", "-") + "s"
	return u.must("POST", path, object{kind: attributes})
}

// list returns the one list of the answer.
func (u user) list(path string) []object {
	u.tb.Helper()
	status, answer := u.call("GET", path, nil)
	if status != 200 {
		u.tb.Fatalf("GET %s: %d %v", path, status, answer)
	}
	for name, member := range answer {
		if rows, ok := member.([]any); ok && !strings.HasSuffix(name, "_links") {
			list := make([]object, len(rows))
			for i, row := range rows {
				list[i] = row.(object)
			}
			return list
		}
	}
	u.tb.Fatalf("GET %s: %v", path, answer)
	return nil
}

// refuses checks a refusal: status, Neutron's type, and a part of its message.
func (u user) refuses(method, path string, body any, status int, kind, part string) {
	u.tb.Helper()
	got, answer := u.call(method, path, body)
	said, _ := answer["NeutronError"].(object)
	if got != status || said["type"] != kind || !strings.Contains(said["message"].(string), part) {
		u.tb.Errorf("%s %s %v: got %d %v, want %d %s with %q", method, path, body, got, answer, status, kind, part)
	}
}

func id(o object) string { return o["id"].(string) }

func addressesOf(p object) []string {
	var list []string
	for _, fixed := range p["fixed_ips"].([]any) {
		list = append(list, fixed.(object)["ip_address"].(string))
	}
	return list
}

// net makes a network with one subnet.
func (u user) net(cidr string) (net, sub object) {
	u.tb.Helper()
	net = u.make("network", object{"name": "net"})
	version := 4
	if strings.Contains(cidr, ":") {
		version = 6
	}
	return net, u.make("subnet", object{"network_id": id(net), "cidr": cidr, "ip_version": version})
}
