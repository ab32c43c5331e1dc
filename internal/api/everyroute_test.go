package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// onEveryRoute calls f for each route, public ones included, with its path about things
// that are there and the microversion's header.
func onEveryRoute(t *testing.T, f func(w *world, r route, path, query, body, minor string)) {
	t.Helper()
	w := newWorld(t)
	for _, r := range routeTable() {
		idents := []string{"x", "y"}
		if !r.later && !r.public {
			idents = w.idents(r)
		}
		query, body := w.example(theContract().operations.at(r, minorOf(r)))
		f(w, r, fillPath(r.path, idents), query, body, version(versionText(minorOf(r))))
	}
}

// Wherever there is a route, it is there in every spelling that clients have for it. A verb
// that nothing has asks for the place without doing anything.
func TestEveryRouteHasItsSpellings(t *testing.T) {
	onEveryRoute(t, func(w *world, r route, path, _, _, minor string) {
		spellings := []string{path, path + "/", strings.ReplaceAll(path, "/", "//"), "//" + path}
		if rest, versioned := strings.CutPrefix(path, "/v1/"); versioned && r.path != "/v1/openapi.json" {
			spellings = append(spellings, "/"+rest, "/"+rest+"/", "/v1//"+rest)
		}
		for _, spelling := range spellings {
			a := w.do("BREW", spelling, "", "X-Auth-Token: manager", minor)
			if a.status != http.StatusMethodNotAllowed || !slices.Contains(strings.Split(a.header.Get("Allow"), ", "), r.verb) {
				t.Errorf("%s %s: %d, allowed is %q", r.verb, spelling, a.status, a.header.Get("Allow"))
			}
		}
	})
}

// A verb that a path does not have is 405 and names those that it has.
func TestEveryOtherVerbIs405(t *testing.T) {
	onEveryRoute(t, func(w *world, r route, path, _, _, minor string) {
		known := []string{"HEAD"}
		for _, other := range routeTable() {
			if other.path == r.path {
				known = append(known, other.verb)
			}
		}
		for _, verb := range []string{get, post, put, patch, del, "TRACE", "PROPFIND", "get"} {
			if slices.Contains(known, verb) {
				continue
			}
			if a := w.do(verb, path, "", "X-Auth-Token: manager", minor); a.status != 405 || strings.Contains(a.header.Get("Allow"), verb) {
				t.Errorf("%s %s: %d, allowed is %q", verb, path, a.status, a.header.Get("Allow"))
			}
		}
	})
}

// What wants JSON refuses anything else, and JSON only is answered: 415 and 406.
func TestContentTypesOfEveryRoute(t *testing.T) {
	onEveryRoute(t, func(w *world, r route, path, query, body, minor string) {
		if r.json {
			for _, contentType := range []string{"", "text/plain", "application/xml", "application/x-www-form-urlencoded"} {
				a := w.do(r.verb, path+"?"+query, body, "X-Auth-Token: manager", minor, "Content-Type:"+contentType)
				if p := w.problem(a); a.status != http.StatusUnsupportedMediaType || p.Code != "container.unsupported-media-type" {
					t.Errorf("%s %s as %q: %d %s", r.verb, path, contentType, a.status, a.text)
				}
			}
		}
		if r.text {
			return
		}
		if a := w.do(r.verb, path+"?"+query, body, "X-Auth-Token: manager", minor, "Accept: text/html"); a.status != http.StatusNotAcceptable {
			t.Errorf("%s %s for text/html: %d %s", r.verb, path, a.status, a.text)
		}
		if r.verb != get {
			return
		}
		for _, accept := range []string{"", "*/*", "application/json", "text/html, */*;q=0.1"} {
			a := w.do(r.verb, path+"?"+query, "", "X-Auth-Token: manager", minor, "Accept:"+accept)
			if a.status == http.StatusNotAcceptable || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %s for %q: %d %s", r.verb, path, accept, a.status, a.header.Get("Content-Type"))
			}
		}
	})
}

// HEAD is GET, everywhere.
func TestHeadOfEveryRoute(t *testing.T) {
	onEveryRoute(t, func(w *world, r route, path, query, _, minor string) {
		if r.verb != get {
			return
		}
		a, b := w.do("HEAD", path+"?"+query, "", "X-Auth-Token: manager", minor), w.do("GET", path+"?"+query, "", "X-Auth-Token: manager", minor)
		if a.status != b.status || a.header.Get("Content-Type") != b.header.Get("Content-Type") {
			t.Errorf("%s: HEAD is %d, GET %d", path, a.status, b.status)
		}
	})
}

// Pages of allowed origins may read every answer, those of failures included; others none.
func TestCORSOfEveryRoute(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.AllowedOrigins = []string{"https://horizon"} })
	for _, r := range routeTable() {
		path := fillPath(r.path, []string{"web", "req-1"})
		for origin, allowed := range map[string]string{"https://horizon": "https://horizon", "https://evil": "", "null": "", "https://horizon.evil": "", "HTTPS://HORIZON": ""} {
			before := len(f.memory.asked)
			a := f.do("OPTIONS", path, "", "Origin:"+origin, "Access-Control-Request-Method:"+r.verb, "X-Auth-Token:")
			if got := a.header.Get("Access-Control-Allow-Origin"); got != allowed || allowed != "" && a.status != 204 || len(f.memory.asked) != before {
				t.Errorf("preflight of %s %s from %s: %d, allowed %q", r.verb, path, origin, a.status, got)
			}
			for _, token := range []string{"", "user"} {
				a := f.do("GET", path, "", "Origin:"+origin, "X-Auth-Token:"+token, version(versionText(minorOf(r))))
				if got := a.header.Get("Access-Control-Allow-Origin"); got != allowed || !strings.Contains(strings.Join(a.header.Values("Vary"), ","), "Origin") {
					t.Errorf("GET %s from %s with %q: %d, allowed %q", path, origin, token, a.status, got)
				}
			}
		}
	}
}

// At every microversion each route is there or answers as one that is not.
func TestMicroversionsOfEveryRoute(t *testing.T) {
	f := newFixture(t)
	table := routeTable()
	for _, r := range table {
		if r.public {
			continue
		}
		path := fillPath(r.path, []string{"none", "req-none"})
		for minor := minMinor; minor <= maxMinor; minor++ {
			served := slices.ContainsFunc(table, func(other route) bool { return other.verb == r.verb && other.path == r.path && other.serves(minor) })
			ours := !slices.ContainsFunc(table, func(other route) bool { return other.verb == r.verb && other.path == r.path && !other.ours })
			a := f.do(r.verb, path, "", version(versionText(minor)), "X-Auth-Token: admin")
			want := map[bool]int{true: 405, false: 406}[ours]
			if refused := a.status == 405 || a.status == 406; refused == served || refused && a.status != want {
				t.Errorf("%s %s at 1.%d: %d %s", r.verb, path, minor, a.status, a.text)
			}
		}
	}
}

// The shapes of errors, to the letter.
func TestErrorsToTheLetter(t *testing.T) {
	f := newFixture(t)
	item := func(code, status, title, detail, links, more string) string {
		return `{"errors":[{"request_id":"","code":"` + code + `","status":` + status + `,"title":"` + title + `","detail":"` + detail + `","links":[` + links + `]` + more + `}]}`
	}
	for _, test := range []struct {
		verb, path, body, version, want string
		status                          int
	}{
		{get, "/v1/nowhere", "", "1.1", item("container.", "404", "Not Found", "there is no such resource in this API", "", ""), 404},
		{put, "/v1/containers", "", "1.1", item("container.", "405", "Method Not Allowed", "the methods allowed here are GET, POST", "", ""), 405},
		{post, "/v1/containers/web/rename?name=n2", "", "1.14", item("container.", "406", "Not Acceptable",
			"Version 1.14 was requested but the requested API is not supported for this version.", "", ""), 406},
		{get, "/v1/containers", "", "1.99", item("zun.microversion-unsupported", "406", "Requested microversion is unsupported",
			"Version 1.99 is not supported by the API. Minimum is 1.1 and maximum is 1.41.",
			`{"href":"https://docs.openstack.org/api-guide/compute/microversions.html","rel":"help"}`, `,"max_version":"1.41","min_version":"1.1"`), 406},
		{get, "/v1/services", "", "1.1", item("container.policy-not-authorized", "403", "Policy doesn't allow zun-service:get_all to be performed.",
			"Policy doesn't allow zun-service:get_all to be performed.", "", ""), 403},
		{get, "/v1/containers?limit=0", "", "1.1", item("container.invalid", "400", "Limit must be positive integer", "Limit must be positive integer", "", ""), 400},
		{post, "/v1/containers", "{}", "1.1", item("container.schema-validation-error", "400", "'image' is a required property", "'image' is a required property", "", ""), 400},
	} {
		a := f.do(test.verb, test.path, test.body, version(test.version))
		if diff := cmp.Diff(test.want, a.text); diff != "" || a.status != test.status {
			t.Errorf("%s %s: %d %s", test.verb, test.path, a.status, diff)
		}
	}
}

// GET /v1 to the letter: each kind of thing with its two links.
func TestV1ToTheLetter(t *testing.T) {
	f := newFixture(t)
	links := func(path string) []any {
		return []any{map[string]any{"href": "http://zun:9517/v1/" + path + "/", "rel": "self"}, map[string]any{"href": "http://zun:9517/" + path + "/", "rel": "bookmark"}}
	}
	want := map[string]any{
		"id": "v1", "links": []any{map[string]any{"href": "http://zun:9517/v1/", "rel": "self"}},
		"media_types": []any{map[string]any{"base": "application/json", "type": "application/vnd.openstack.zun.v1+json"}},
	}
	for _, resource := range strings.Fields("services containers images networks hosts capsules availability_zones quotas quota_classes registries") {
		want[resource] = links(resource)
	}
	if diff := cmp.Diff(want, f.object(f.do("GET", "/v1", "", "X-Auth-Token:"))); diff != "" {
		t.Error(diff)
	}
}
