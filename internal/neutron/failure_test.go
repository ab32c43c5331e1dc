package neutron_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/zun"
)

// against returns a client of a Neutron that behaves as handler does.
func against(t *testing.T, c *cloud, handler http.HandlerFunc) *neutron.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return neutron.New(c.session("demo", "demo"), neutron.Options{Endpoint: server.URL + "/v2.0/", Timeout: time.Second})
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestWhenNeutronFails(t *testing.T) {
	c := startCloud(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	at := func(url string) *neutron.Client {
		return neutron.New(c.session("demo", "demo"), neutron.Options{Endpoint: url, Timeout: 300 * time.Millisecond})
	}
	for name, test := range map[string]struct {
		client *neutron.Client
		code   zun.Code
		says   string
	}{
		"not there":      {at(closed.URL), zun.CodeUnavailable, "cannot reach Neutron at " + closed.URL},
		"no answer":      {at("http://" + silent.Addr().String()), zun.CodeUnavailable, "in time"},
		"cut connection": {against(t, c, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), zun.CodeUnavailable, "cannot reach"},
		"cut answer": {against(t, c, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"port":`))
		}), zun.CodeUnavailable, "cannot show port p"},
		"5xx":           {against(t, c, answering(500, `{"NeutronError":{"type":"X","message":"secretcause"}}`)), zun.CodeUnavailable, "fails (500)"},
		"5xx in HTML":   {against(t, c, answering(504, `<html>secretcause`)), zun.CodeUnavailable, "fails (504)"},
		"rate limit":    {against(t, c, answering(429, ``)), zun.CodeUnavailable, "fails (429)"},
		"not JSON":      {against(t, c, answering(200, `<html>`)), zun.CodeUnavailable, "cannot show port p"},
		"another thing": {against(t, c, answering(200, `{"network":{}}`)), zun.CodeUnavailable, `no "port"`},
		"null":          {against(t, c, answering(200, `{"port":null}`)), zun.CodeUnavailable, `no "port"`},
		"bad address":   {against(t, c, answering(200, `{"port":{"id":"p","fixed_ips":[{"ip_address":"1.2.3"}]}}`)), zun.CodeUnavailable, `"1.2.3"`},
		"redirect":      {against(t, c, answering(302, ``)), zun.CodeUnavailable, "fails (302)"},
		"quota":         {against(t, c, answering(409, `{"NeutronError":{"type":"OverQuota","message":"too many"}}`)), zun.CodeOverQuota, "too many"},
		"pool is empty": {against(t, c, answering(500, `{"NeutronError":{"type":"SubnetAllocationError","message":"no space"}}`)), zun.CodeConflict, ": no space"},
		"in a string":   {against(t, c, answering(400, `{"NeutronError":"odd"}`)), zun.CodeInvalid, ": odd"},
		"middleware":    {against(t, c, answering(403, `{"error":{"message":"no","code":403}}`)), zun.CodePolicyNotAuthorized, ": no"},
		"no words":      {against(t, c, answering(404, ``)), zun.CodePortNotFound, "Not Found"},
		"always 401":    {against(t, c, answering(401, ``)), zun.CodeUnauthorized, "Unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.client.Port(t.Context(), "p")
			if zun.CodeOf(err) != test.code || err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("code %q, %v; want %q and %q", zun.CodeOf(err), err, test.code, test.says)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%q tells too much", err)
			}
		})
	}
}

func TestWhenKeystoneIsAway(t *testing.T) {
	c := startCloud(t)
	c.url = "http://127.0.0.1:1"
	_, err := c.client("demo", "demo").Port(t.Context(), "p")
	if zun.CodeOf(err) != zun.CodeUnavailable || !strings.Contains(err.Error(), "Keystone") {
		t.Errorf("got %v", err)
	}
}

func TestAllPagesAreRead(t *testing.T) {
	c := startCloud(t)
	asked := []string{}
	client := against(t, c, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		page := map[string]any{"security_groups": []any{map[string]string{"id": fmt.Sprint(len(asked))}}}
		if len(asked) < 3 {
			next := fmt.Sprintf("http://%s/v2.0/security-groups?limit=1&marker=%d", r.Host, len(asked))
			page["security_groups_links"] = []any{map[string]string{"rel": "previous", "href": "x"}, map[string]string{"rel": "next", "href": next}}
		}
		_ = json.NewEncoder(w).Encode(page)
	})
	groups, err := client.FindSecurityGroups(t.Context(), zun.NeutronQuery{Name: "a b"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]zun.SecurityGroup{{ID: "1"}, {ID: "2"}, {ID: "3"}}, groups); diff != "" {
		t.Error(diff)
	}
	want := []string{"/v2.0/security-groups?name=a+b", "/v2.0/security-groups?limit=1&marker=1", "/v2.0/security-groups?limit=1&marker=2"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

// old is a Neutron that takes no tags at creation and, when broken, none at all.
func old(asked *[]string, broken bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Method+" "+r.URL.Path)
		switch {
		case strings.HasSuffix(r.URL.Path, "/extensions"):
			_, _ = w.Write([]byte(`{"extensions":[{"alias":"standard-attr-tag"}]}`))
		case strings.HasSuffix(r.URL.Path, "/tags") && broken:
			w.WriteHeader(http.StatusInternalServerError)
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"port":{"id":"p","tags":[]}}`))
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		}
	}
}

func TestTagsFollowWhereCreationTakesNone(t *testing.T) {
	c := startCloud(t)
	asked := []string{}
	port, err := against(t, c, old(&asked, false)).CreatePort(t.Context(), zun.PortSpec{NetworkID: "n", Tags: []string{"a"}})
	if err != nil || len(port.Tags) != 1 || port.Tags[0] != "a" {
		t.Errorf("port is %+v, %v", port, err)
	}
	if diff := cmp.Diff([]string{"GET /v2.0/extensions", "POST /v2.0/ports", "PUT /v2.0/ports/p/tags"}, asked); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeTaggedIsRemovedAgain(t *testing.T) {
	c := startCloud(t)
	asked := []string{}
	_, err := against(t, c, old(&asked, true)).CreatePort(t.Context(), zun.PortSpec{
		NetworkID: "n", Tags: []string{"a"}, FixedIPs: []zun.Address{{IP: netip.MustParseAddr("10.0.0.1")}},
	})
	if zun.CodeOf(err) != zun.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	if last := asked[len(asked)-1]; last != "DELETE /v2.0/ports/p" {
		t.Errorf("the last call is %s", last)
	}
}

func TestTagsAreLeftToTheCallerWhereCreationTakesNone(t *testing.T) {
	c := startCloud(t)
	asked := []string{}
	port, err := against(t, c, old(&asked, false)).CreatePort(t.Context(), zun.PortSpec{NetworkID: "n", Tags: []string{"a"}, TagsLater: true})
	if err != nil || port.ID != "p" || len(port.Tags) != 0 {
		t.Errorf("port is %+v, %v", port, err)
	}
	if diff := cmp.Diff([]string{"GET /v2.0/extensions", "POST /v2.0/ports"}, asked); diff != "" {
		t.Error(diff)
	}
}
