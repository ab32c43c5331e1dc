package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// service is a real HTTP server that negotiates up to max and hands the rest to handle.
func service(tb testing.TB, max string, handle http.HandlerFunc) *client.Client {
	tb.Helper()
	return client.New(serviceConfig(tb, max, handle))
}

func serviceConfig(tb testing.TB, max string, handle http.HandlerFunc) client.Config {
	tb.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Auth-Token") != "" {
			tb.Error("the token went to the public version list")
		}
		fmt.Fprintf(w, `{"versions":[{"id":"v1","status":"CURRENT","min_version":"1.1","max_version":%q}]}`, max)
	})
	mux.HandleFunc("/v1/", handle)
	server := httptest.NewServer(mux)
	tb.Cleanup(server.Close)
	return client.Config{
		Endpoint: client.Fixed(server.URL + "/v1"), Token: client.Fixed("secret"), HTTP: server.Client(),
		Pause: func(context.Context, time.Duration) error { return nil },
	}
}

func TestNegotiatesTheLowerOfBothMaxima(t *testing.T) {
	for max, want := range map[string]string{"1.40": "1.40", "1.41": "1.41", "1.99": "1.41", "1.12": "1.12"} {
		var header string
		c := service(t, max, func(w http.ResponseWriter, r *http.Request) {
			header = r.Header.Get("OpenStack-API-Version")
			io.WriteString(w, `{"containers":[],"next":null}`)
		})
		if _, err := c.ListContainers(t.Context(), client.ContainerList{}); err != nil {
			t.Fatalf("max %s: %v", max, err)
		}
		if header != "container "+want {
			t.Errorf("max %s: the request asked for %q, want %s", max, header, want)
		}
	}
}

func TestRefusesAServiceOfAnotherMajorVersion(t *testing.T) {
	c := service(t, "2.3", func(http.ResponseWriter, *http.Request) { t.Error("called") })
	_, err := c.GetContainer(t.Context(), "web", false)
	if zun.CodeOf(err) != zun.CodeNotAcceptable {
		t.Fatalf("got %v", err)
	}
}

func TestNetworksOfOnesOwnSayWhyTheyNeedGozun(t *testing.T) {
	c := service(t, "1.40", func(http.ResponseWriter, *http.Request) { t.Error("the service was asked") })
	_, create := c.CreateNetwork(t.Context(), client.NetworkCreate{Name: "foo", Subnet: "10.0.0.0/24"})
	_, list := c.ListNetworks(t.Context(), client.NetworkList{})
	_, show := c.GetNetwork(t.Context(), "foo")
	for verb, err := range map[string]error{"create": create, "list": list, "show": show, "delete": c.DeleteNetwork(t.Context(), "foo")} {
		if zun.CodeOf(err) != zun.CodeNotAcceptable || !strings.Contains(err.Error(), "1.41") || !strings.Contains(err.Error(), verb) {
			t.Errorf("%s: got %v", verb, err)
		}
	}
}

func TestErrorsCarryCodeMessageAndRequestID(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		code       zun.Code
		message    string
	}{
		{"zun's own", `{"errors":[{"code":"container.network-in-use","status":409,"title":"cannot delete network foo: web is on it","detail":"cannot delete network foo: web is on it"}]}`, 409, zun.CodeNetworkInUse, "cannot delete network foo: web is on it"},
		{"a code of a newer service", `{"errors":[{"code":"container.volume-in-use","status":409,"title":"t"}]}`, 409, zun.CodeConflict, "t"},
		{"keystonemiddleware", `{"error":{"code":401,"title":"Unauthorized","message":"The request needs authentication."}}`, 401, zun.CodeUnauthorized, "The request needs authentication."},
		{"5xx with its correlation id", `{"errors":[{"code":"container.","title":"Internal Server Error","detail":"Error Correlation id is: 42"}]}`, 500, zun.CodeInternal, "Internal Server Error: Error Correlation id is: 42"},
		{"a proxy's page", `<html>`, 502, zun.CodeInternal, "the service answered 502 Bad Gateway"},
		{"nothing", ``, 404, zun.CodeNotFound, "the service answered 404 Not Found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := service(t, "1.41", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Openstack-Request-Id", "req-1")
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			})
			_, err := c.GetContainer(t.Context(), "web", false)
			var got *zun.Error
			if !errors.As(err, &got) || got.Code != test.code || got.Message != test.message {
				t.Errorf("got %#v", err)
			}
			if id := client.RequestID(err); id != "req-1" {
				t.Errorf("request id %q", id)
			}
		})
	}
}

func TestRenewsTheTokenOnceAfterA401(t *testing.T) {
	config := serviceConfig(t, "1.41", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Auth-Token") != "fresh" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"uuid":"u1"}`)
	})
	token, renewed := "stale", 0
	config.Token = func(context.Context) (string, error) { return token, nil }
	config.Renew = func() { token = "fresh"; renewed++ }
	got, err := client.New(config).GetContainer(t.Context(), "web", false)
	if err != nil || got.UUID != "u1" || renewed != 1 {
		t.Fatalf("got %v, %v after %d renewals", got.UUID, err, renewed)
	}
}

// dropping closes the first n connections that reach the API without an answer.
func dropping(n int32, calls *atomic.Int32) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) <= n {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				conn.Close()
			}
			return
		}
		io.WriteString(w, `{"uuid":"u1"}`)
	}
}

func TestRetriesAGETWhoseConnectionBreaks(t *testing.T) {
	var calls atomic.Int32
	c := service(t, "1.41", dropping(2, &calls))
	if _, err := c.GetContainer(t.Context(), "web", false); err != nil {
		t.Fatal(err)
	}
}

func TestNeverRepeatsAnOrder(t *testing.T) {
	var calls atomic.Int32
	config := serviceConfig(t, "1.41", dropping(1, &calls))
	config.HTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	_, err := client.New(config).StartContainer(t.Context(), "web")
	var unreachable *client.UnreachableError
	if !errors.As(err, &unreachable) || zun.CodeOf(err) != zun.CodeUnavailable {
		t.Fatalf("got %v", err)
	}
	if calls.Load() != 1 {
		t.Errorf("the order was sent %d times", calls.Load())
	}
}

func TestConnectionRefusedNamesTheEndpoint(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	tries := 0
	c := client.New(client.Config{
		Endpoint: client.Fixed(server.URL), Token: client.Fixed("x"),
		Pause: func(context.Context, time.Duration) error { tries++; return nil },
	})
	_, err := c.ListContainers(t.Context(), client.ContainerList{})
	if err == nil || !strings.Contains(err.Error(), "cannot reach the container service at "+server.URL) || tries != 2 {
		t.Fatalf("got %v after %d retries", err, tries)
	}
}

func TestListFollowsPagesWithItsFilters(t *testing.T) {
	var asked []string
	c := service(t, "1.41", func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		switch r.URL.Query().Get("marker") {
		case "":
			io.WriteString(w, `{"containers":[{"uuid":"a"},{"uuid":"b"}],"next":"http://elsewhere/v1/containers?marker=b"}`)
		default:
			io.WriteString(w, `{"containers":[{"uuid":"c"}],"next":null}`)
		}
	})
	got, err := c.ListContainers(t.Context(), client.ContainerList{Status: "Running"})
	if err != nil || len(got) != 3 {
		t.Fatalf("got %d containers, %v", len(got), err)
	}
	if diff := cmp.Diff([]string{"status=Running", "marker=b&status=Running"}, asked); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

func TestListStopsAtItsLimitAndAtARepeatedPage(t *testing.T) {
	c := service(t, "1.41", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"containers":[{"uuid":"a"},{"uuid":"b"}],"next":"more"}`)
	})
	got, err := c.ListContainers(t.Context(), client.ContainerList{Page: client.Page{Limit: 2}})
	if err != nil || len(got) != 2 {
		t.Fatalf("limit 2 gave %d containers, %v", len(got), err)
	}
	if _, err := c.ListContainers(t.Context(), client.ContainerList{}); err == nil {
		t.Error("a service that repeats its page was believed")
	}
}

func TestCreateSendsWhatWasSaidAndNothingElse(t *testing.T) {
	var body map[string]any
	var query string
	c := service(t, "1.41", func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Openstack-Request-Id", "req-7")
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"uuid":"u1","status":"Creating","addresses":null,"command":null,"memory":"512","created_at":"2026-11-23 15:52:19.979986"}`)
	})
	made, id, err := c.CreateContainer(t.Context(), client.ContainerCreate{
		Image: "nginx", Command: []string{"sleep", "9"}, Run: true,
		Nets: []client.Net{{Network: "foo", IPv4: "10.2.0.9"}, {Port: "p1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"image": "nginx", "command": []any{"sleep", "9"},
		"nets": []any{map[string]any{"network": "foo", "v4-fixed-ip": "10.2.0.9"}, map[string]any{"port": "p1"}},
	}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if query != "run=true" || id != "req-7" || made.Status != zun.StatusCreating || made.CreatedAt.Second() != 19 {
		t.Errorf("query %q, id %q, container %+v", query, id, made)
	}
}

func TestCommandIsAStringForOldServices(t *testing.T) {
	var body map[string]any
	c := service(t, "1.19", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&body)
		io.WriteString(w, `{"uuid":"u1"}`)
	})
	if _, _, err := c.CreateContainer(t.Context(), client.ContainerCreate{Image: "nginx", Command: []string{"echo", "a b"}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"image": "nginx", "command": `'echo' 'a b'`}, body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestOrdersReachTheirPathsWithTheirParameters(t *testing.T) {
	three := 3
	tests := []struct {
		want string
		call func(context.Context, *client.Client) (string, error)
	}{
		{"POST /v1/containers/web/start", func(ctx context.Context, c *client.Client) (string, error) { return c.StartContainer(ctx, "web") }},
		{"POST /v1/containers/web/stop?timeout=3", func(ctx context.Context, c *client.Client) (string, error) {
			return c.StopContainer(ctx, "web", &three)
		}},
		{"POST /v1/containers/web/reboot", func(ctx context.Context, c *client.Client) (string, error) { return c.RebootContainer(ctx, "web", nil) }},
		{"POST /v1/containers/web/kill?signal=SIGHUP", func(ctx context.Context, c *client.Client) (string, error) {
			return c.KillContainer(ctx, "web", "SIGHUP")
		}},
		{"DELETE /v1/containers/we%2Fb?all_projects=false&force=false&stop=true", func(ctx context.Context, c *client.Client) (string, error) {
			return c.DeleteContainer(ctx, "we/b", client.ContainerDelete{Stop: true})
		}},
		{"POST /v1/containers/web/network_attach?fixed_ip=10.2.0.4&network=foo", func(ctx context.Context, c *client.Client) (string, error) {
			return c.AttachNetwork(ctx, "web", client.Attach{Network: "foo", FixedIP: "10.2.0.4"})
		}},
		{"POST /v1/containers/web/network_detach?port=p1", func(ctx context.Context, c *client.Client) (string, error) {
			return c.DetachNetwork(ctx, "web", client.Attach{Port: "p1"})
		}},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			var got string
			c := service(t, "1.41", func(w http.ResponseWriter, r *http.Request) {
				got = r.Method + " " + r.URL.RequestURI()
				w.Header().Set("X-Openstack-Request-Id", "req-9")
				io.WriteString(w, "null")
			})
			id, err := test.call(t.Context(), c)
			if err != nil || id != "req-9" || got != test.want {
				t.Errorf("sent %q, id %q, error %v", got, id, err)
			}
		})
	}
}

func TestAttachNeedsExactlyOneTarget(t *testing.T) {
	c := service(t, "1.41", func(http.ResponseWriter, *http.Request) { t.Error("the service was asked") })
	for _, what := range []client.Attach{{}, {Network: "a", Port: "b"}} {
		if _, err := c.AttachNetwork(t.Context(), "web", what); zun.CodeOf(err) != zun.CodeInvalid {
			t.Errorf("%+v: got %v", what, err)
		}
	}
}

func TestTimesInEverySpelling(t *testing.T) {
	for text, want := range map[string]string{
		`"2026-11-23 15:52:19.979986"`: "2026-11-23T15:52:19.979986Z", `"2026-11-23 15:52:19"`: "2026-11-23T15:52:19Z",
		`"2026-11-23T15:54:03.049880"`: "2026-11-23T15:54:03.04988Z", `"2026-11-23T15:54:03Z"`: "2026-11-23T15:54:03Z",
		`"2026-11-23 15:52:19+00:00"`: "2026-11-23T15:52:19Z",
	} {
		var got client.Time
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if back, _ := json.Marshal(got); string(back) != `"`+want+`"` {
			t.Errorf("%s became %s, want %s", text, back, want)
		}
	}
	for _, bad := range []string{`"yesterday"`, `12`, `{}`} {
		if err := json.Unmarshal([]byte(bad), new(client.Time)); err == nil {
			t.Errorf("%s was taken as a time", bad)
		}
	}
}
