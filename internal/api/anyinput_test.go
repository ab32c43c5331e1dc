package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawJSON draws a JSON value, one of those that break things included.
func drawJSON(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.Float64Range(-1e300, 1e300).AsAny(), rapid.String().AsAny(),
		rapid.SampledFrom(nastyTexts()[:30]).AsAny(), rapid.SampledFrom([]string{"docker", "no", "always", "testnet", "10.2.0.7", "nginx", "True", "1", "shared"}).AsAny(),
	}
	if depth > 0 {
		inner := rapid.Deferred(func() *rapid.Generator[any] { return drawJSON(depth - 1) })
		kinds = append(kinds, rapid.SliceOfN(inner, 0, 3).AsAny(), rapid.MapOfN(rapid.String(), inner, 0, 3).AsAny(),
			rapid.MapOfN(rapid.SampledFrom([]string{"network", "port", "v4-fixed-ip", "Name", "MaximumRetryCount", "source", "destination", "size", "type", "domain", "name", "cmd"}), inner, 0, 3).AsAny())
	}
	return rapid.OneOf(kinds...)
}

// TestAnyRequest: whatever is asked of whatever route, the service does not fail, its answer
// can be read, and a refusal leaves no trace.
func TestAnyRequest(t *testing.T) {
	w := newWorld(t)
	trials := make([]*trial, 0, 100)
	for _, r := range servedRoutes() {
		x := &trial{world: w, route: r, op: theContract().operations.at(r, minorOf(r)), part: 1}
		if !r.later {
			x.settle()
			trials = append(trials, x)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		x := rapid.SampledFrom(trials).Draw(rt, "route")
		body := map[string]any{}
		if rapid.Bool().Draw(rt, "from the example") {
			_, text := x.example(x.op)
			_ = json.Unmarshal([]byte(text), &body) // no example is none
		}
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(x.fields()), 0, 4).Draw(rt, "fields") {
			body[name] = drawJSON(3).Draw(rt, "value")
		}
		raw, err := json.Marshal(body)
		if err != nil {
			rt.Skip()
		}
		query := url.Values{}
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(x.parameters()), 0, 2).Draw(rt, "parameters") {
			query.Add(name, rapid.OneOf(rapid.String(), rapid.SampledFrom(nastyTexts())).Draw(rt, "parameter"))
		}
		path := x.path()
		if rapid.IntRange(0, 4).Draw(rt, "another thing") == 0 {
			path = fillPath(x.route.path, rapid.SliceOfN(rapid.String(), 2, 2).Draw(rt, "idents"))
		}
		minor := rapid.IntRange(max(x.route.min, minMinor), minorOf(x.route)).Draw(rt, "minor")
		x.before = x.settled()
		if wrong := x.attempt(path, query.Encode(), string(raw), versionHeader+":", versionHeader+":container "+versionText(minor)); wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// Whatever a request said of the host, the next one has something to be about: found by
// FuzzRoute, whose inputs come in any order.
func TestATrialReopensTheHost(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"force_down?forced_down=true&", "disable?"} {
		w.want(200, w.do("PUT", "/v1/services/"+path+"host=h1&binary=zun-compute", "", "X-Auth-Token: manager"))
		for _, r := range servedRoutes() {
			if r.path == "/v1/networks/{id}" && r.verb == get && len(w.idents(r)) != 1 {
				t.Errorf("after %s there is nothing for %s %s", path, r.verb, r.path)
			}
		}
	}
}

// FuzzRoute is the same for bytes: any route of the whole service.
func FuzzRoute(f *testing.F) {
	routes := servedRoutes()
	for i, r := range routes {
		op := readOperations().at(r, minorOf(r))
		body, err := json.Marshal(op.Example.Body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(i), "", op.Example.Query, string(body), versionText(minorOf(r)))
	}
	w := newWorld(f)
	trials := make([]*trial, len(routes))
	for i, r := range routes {
		trials[i] = &trial{world: w, route: r, op: theContract().operations.at(r, minorOf(r)), part: 1}
		trials[i].settle()
	}
	f.Fuzz(func(t *testing.T, which uint16, ident, query, body, minor string) {
		x := trials[int(which)%len(trials)]
		w.TB = t // for the witness
		idents := slices.Clone(x.idents)
		if ident != "" && len(idents) > 0 {
			idents[0] = ident
		}
		x.before = x.settled()
		if wrong := x.attempt(fillPath(x.route.path, idents), query, body, versionHeader+":", versionHeader+":container "+minor); wrong != "" {
			t.Fatal(wrong)
		}
	})
}

// FuzzDecoders: what reads parts of a request ends, does not panic, and takes nothing back
// that it gave out.
func FuzzDecoders(f *testing.F) {
	for _, text := range nastyTexts() {
		f.Add(text)
	}
	for _, text := range nastyValues() {
		f.Add(text)
	}
	for _, text := range []string{"container 1.41", "container latest", "SIGTERM", "sigrtmin", "2026-11-23 00:00:00,000", "1234567890", "limit=1&marker=x", "application/json; q=0.1", `{"a":[1,{"b":null}]}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if minor, err := negotiate(http.Header{http.CanonicalHeaderKey(versionHeader): {text}}); err == nil && (minor < minMinor || minor > maxMinor) {
			t.Errorf("microversion 1.%d", minor)
		}
		object, ignored, err := parseBody([]byte(text))
		if err == nil && object == nil || ignored && len(object) > 0 {
			t.Errorf("%v, ignored %v, %v", object, ignored, err)
		}
		wordMap(object)
		for _, value := range object {
			_, _ = boolean(value)
			_, _ = wholeNumber(value)
			wordList(value)
			if again, err := encode(value); err != nil || !json.Valid(again) {
				t.Errorf("%v cannot be written again: %v", value, err)
			}
		}
		if query, err := readQuery(&url.URL{RawQuery: text}); err == nil {
			for name := range query {
				if strings.ContainsRune(name, 0) {
					t.Errorf("NUL in %q", name)
				}
			}
		}
		if signal, ok := signalOf(text); ok && strings.ContainsAny(signal, " \n\x00") {
			t.Errorf("signal %q", signal)
		}
		if at, ok := sinceTime(text); ok && !at.IsZero() && at.Unix() < -1<<40 {
			t.Errorf("time %v", at)
		}
		acceptsJSON(http.Header{"Accept": {text}})
		isJSON(http.Header{"Content-Type": {text}})
		if b := appendString(nil, text); !json.Valid(b) {
			t.Errorf("%q is written as %s", text, b)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: text}
		newRouteTree(routeTable()).find(r.URL.EscapedPath())
	})
}
