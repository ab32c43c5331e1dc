package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// nastyTexts are what nobody should send as a name, an id or a value.
func nastyTexts() []string {
	return []string{
		"", " ", ".", "..", "../../etc/passwd", "a/b", "%", "%00", "%zz", "%2e%2e%2f", "\x00", "a\x00b", "\xff\xfe", "\xed\xa0\x80", "\u202e", "ä", "𝕏", "\r\nX-Evil: 1",
		"' OR '1'='1", "'; DROP TABLE container; --", `"`, `\`, "`id`", "$(id)", "{{7*7}}", "${jndi:ldap://x}", "<script>", "*", "?", "#", ";", "&", "=",
		"null", "None", "True", "NaN", "Infinity", "-1", "0", "1e309", "1e-400", "0x10", "007", "1.5", "99999999999999999999999999", "-99999999999999999999999999",
		"2147483648", "9223372036854775808", "-9223372036854775809", "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
		"0000000000000000000000000000000g", "aaaaaaaa-0000-4000-8000-00000000000", "{aaaaaaaa-0000-4000-8000-000000000001}", "urn:uuid:aaaaaaaa-0000-4000-8000-000000000001",
		strings.Repeat("x", 300), strings.Repeat("é", 5000), strings.Repeat("-", 70000), "10.0.0.1/24", "::ffff:10.0.0.1", "fe80::1%eth0", "256.1.1.1", "127.0.0.1:80",
	}
}

// nastyValues are values in JSON of every kind that a field may not expect.
func nastyValues() []string {
	values := []string{
		"null", "true", "false", "0", "-0", "-1", "1", "1.5", "1e308", "1e400", "-1e400", "1e-400", "2147483648", "9223372036854775807", "9223372036854775808", strings.Repeat("9", 400),
		"[]", "{}", "[null]", "[[]]", "[{}]", "[1,\"a\",null,{}]", `{"":null}`, `{"a":{"b":[{"c":null}]}}`, `{"\u0000":1}`, `["\u0000"]`, `"\ud800"`, `"\u0000"`,
		strings.Repeat("[", 31) + strings.Repeat("]", 31), strings.Repeat("[", 200) + strings.Repeat("]", 200), strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200),
		"[" + strings.Repeat("0,", 20000) + "0]", `{"nets":[],"image":{}}`,
	}
	for _, text := range nastyTexts() {
		raw, _ := json.Marshal(text)
		values = append(values, string(raw))
	}
	return values
}

// trial sends one request after the other about a route, and keeps having something for it
// to be about.
type trial struct {
	*world
	route  route
	op     *operation
	idents []string
	before map[string]int

	part, place, sent int // see some
}

// try sends a request with bad input in it and fails on what no input may bring about.
func (x *trial) try(path, query, body string, headers ...string) {
	x.Helper()
	if wrong := x.attempt(path, query, body, headers...); wrong != "" {
		x.Error(wrong)
	}
}

// attempt sends a request and tells what no input may bring about: a failure of ours, an
// answer that clients cannot read, or a refusal that left a trace.
func (x *trial) attempt(path, query, body string, headers ...string) string {
	x.Helper()
	w := httptest.NewRecorder()
	x.sent++
	x.handler.ServeHTTP(w, x.request(path, query, body, headers))
	told := fmt.Sprintf("%s %.200s?%.200q %.300q %.200q: %d %.300s", x.route.verb, path, query, body, headers, w.Code, w.Body)
	if wrong := insane(w); wrong != "" {
		return told + ": " + wrong
	}
	if w.Code < 400 {
		if x.route.verb != get { // something has come of it
			x.settle()
		} else if strings.HasSuffix(x.route.path, "/attach") { // which makes a token
			x.before = x.count()
		}
		return ""
	}
	if diff := cmp.Diff(x.before, x.count()); diff != "" {
		x.before = x.settled()
		return told + ", and yet: " + diff
	}
	return ""
}

// request is a request of an administrator at a microversion of the route; a header that is
// given replaces or joins the usual one, and one without a value removes it.
func (x *trial) request(path, query, body string, headers []string) *http.Request {
	r := httptest.NewRequest(x.route.verb, "http://zun:9517/", strings.NewReader(body))
	r.URL = &url.URL{Scheme: "http", Host: "zun:9517", Path: path, RawQuery: query}
	if plain, err := url.PathUnescape(path); err == nil {
		r.URL.Path, r.URL.RawPath = plain, path
	}
	r.Header = http.Header{
		"X-Auth-Token": {"manager"}, "Content-Type": {"application/json"}, http.CanonicalHeaderKey(versionHeader): {"container " + versionText(minorOf(x.route))},
	}
	for _, header := range headers {
		if name, value, _ := strings.Cut(header, ":"); value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Add(name, value)
		}
	}
	return r
}

// settle has something new for the route to be about.
func (x *trial) settle() {
	x.Helper()
	if !x.route.later {
		x.idents = x.world.idents(x.route)
	} else {
		x.idents = []string{uuid.NewString(), "x"}
	}
	x.before = x.settled()
}

// fields are the names that a route's body knows, and one that it does not.
func (x *trial) fields() []string {
	names := []string{"unknown"}
	body := x.op.Body
	if name, named := body.(string); named {
		raw, err := schemaFiles.ReadFile(fileAt(schemaFiles, "schema", name, minorOf(x.route)))
		must(err)
		var read map[string]any
		must(json.Unmarshal(raw, &read))
		body = read
	}
	schema, _ := body.(map[string]any)
	query, _ := x.op.Query.(map[string]any)
	for _, part := range []map[string]any{schema, query} {
		properties, _ := part["properties"].(map[string]any)
		names = slices.AppendSeq(names, maps.Keys(properties))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// parameters are the names that a route's query knows, and some that lists have.
func (x *trial) parameters() []string {
	query, _ := x.op.Query.(map[string]any)
	properties, _ := query["properties"].(map[string]any)
	names := append(slices.Collect(maps.Keys(properties)), "unknown", "limit", "marker", "sort_key", "sort_dir", "all_projects")
	slices.Sort(names)
	return slices.Compact(names)
}

// withField is an example's body with another value for one field, and for the field
// within an envelope such as {"registry": {…}}.
func withField(body, name, value string) []string {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(body), &object) != nil {
		object = map[string]json.RawMessage{}
	}
	with := func(o map[string]json.RawMessage) string {
		o = maps.Clone(o)
		delete(o, name)
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(o)) {
			parts = append(parts, fmt.Sprintf("%q:%s", key, o[key]))
		}
		return "{" + strings.Join(append(parts, fmt.Sprintf("%q:%s", name, value)), ",") + "}"
	}
	bodies := []string{with(object)}
	for key, raw := range object {
		var inner map[string]json.RawMessage
		if json.Unmarshal(raw, &inner) == nil && inner != nil && key != name {
			for field := range inner {
				inner := maps.Clone(inner)
				inner[field] = json.RawMessage(value)
				changed, _ := json.Marshal(inner)
				object := maps.Clone(object)
				object[key] = changed
				if whole, err := json.Marshal(object); err == nil {
					bodies = append(bodies, string(whole))
				}
			}
		}
	}
	return bodies
}

// TestBadInput sends every route bad values in every place: path, query, body, headers. All
// of them in all places are some hundred thousand requests; each run sends a part of them,
// which is another one for each place.
func TestBadInput(t *testing.T) {
	part := 5
	if testing.Short() {
		part = 60
	}
	if os.Getenv("GOZUN_ALL_BAD_INPUT") != "" {
		part = 1
	}
	w, sent := newWorld(t), 0
	for i, r := range servedRoutes() {
		x := &trial{world: w, route: r, op: theContract().operations.at(r, minorOf(r)), part: part, place: i}
		x.settle()
		x.badBodies()
		x.badQueries()
		x.badPaths()
		x.badHeaders()
		sent += x.sent
	}
	t.Logf("%d requests", sent)
}

// some are the part of the values that is sent in the next place.
func (x *trial) some(all []string) (chosen []string) {
	x.place++
	for i := x.place % x.part; i < len(all); i += x.part {
		chosen = append(chosen, all[i])
	}
	return chosen
}

// path is a route's path about what is there.
func (x *trial) path() string { return fillPath(x.route.path, x.idents) }

// badBodies sends every value in every field, and bodies that are none.
func (x *trial) badBodies() {
	if x.route.verb == get {
		return
	}
	for _, body := range x.some(append(nastyTexts(), nastyValues()...)) {
		x.try(x.path(), x.op.Example.Query, body)
	}
	x.try(x.path(), x.op.Example.Query, `{"image":"`+strings.Repeat("x", maxBody)+`"}`)
	x.try(x.path(), x.op.Example.Query, strings.Repeat("[", maxBody-1))
	for _, name := range x.fields() {
		for _, value := range x.some(nastyValues()) {
			query, body := x.example(x.op)
			for _, changed := range withField(body, name, value) {
				x.try(x.path(), query, changed)
			}
		}
	}
}

// badQueries sends every text as every parameter, once and twice.
func (x *trial) badQueries() {
	for _, name := range x.parameters() {
		for _, text := range x.some(nastyTexts()) {
			_, body := x.example(x.op)
			if x.route.verb == get {
				body = ""
			}
			x.try(x.path(), url.Values{name: {text}}.Encode(), body)
			x.try(x.path(), url.Values{name: {text, "1"}}.Encode(), body)
		}
	}
	for _, query := range x.some([]string{"%zz", ";", "a;b", "&&&", "=", "%00=1", "%ff", strings.Repeat("a=1&", 20000), strings.Repeat("a", 100000)}) {
		_, body := x.example(x.op)
		x.try(x.path(), query, body)
	}
}

// badPaths sends every text as every identifier.
func (x *trial) badPaths() {
	for at := range x.idents {
		for _, text := range x.some(nastyTexts()) {
			if text == "" || strings.ContainsAny(text, "\r\n") {
				continue
			}
			for _, escaped := range []string{url.PathEscape(text), text} {
				idents := slices.Clone(x.idents)
				if at >= strings.Count(x.route.path, "{") {
					continue
				}
				words, n := strings.Split(x.route.path, "/"), 0
				for i, word := range words {
					if strings.HasPrefix(word, "{") {
						if words[i] = url.PathEscape(idents[n]); n == at {
							words[i] = escaped
						}
						n++
					}
				}
				query, body := x.example(x.op)
				x.try(strings.Join(words, "/"), query, body)
			}
		}
	}
}

// badHeaders sends versions, content types and tokens that are none, and some twice.
func (x *trial) badHeaders() {
	const v = versionHeader + ":"
	for i, headers := range [][]string{
		{v},
		{v, v + "container"},
		{v, v + "container "},
		{v, v + "container 1"},
		{v, v + "container 1."},
		{v, v + "container .1"},
		{v, v + "container 1.1.1"},
		{v, v + "container -1.-1"},
		{v, v + "container 1.99999999999999999999"},
		{v, v + "container 9999999999999999999999.1"},
		{v, v + "container 1.0x1"},
		{v, v + "container latest latest"},
		{v, v + "container 1e1.1"},
		{v, v + "compute 2.1, container 1.12"},
		{v, v + strings.Repeat("container 1.1,", 5000)},
		{v + "container 1.2"},
		{v, v + "\xff\xff"},
		{v, v + "container ١.١"},
		{v, v + "container +1.+1"},
		{"Content-Type:"},
		{"Content-Type:", "Content-Type:text/plain"},
		{"Content-Type:", "Content-Type:application/json; charset=\xff"},
		{"Content-Type:", "Content-Type:;;;"},
		{"Content-Type:text/html"},
		{"Content-Type:", "Content-Type:application/json-patch+json"},
		{"Content-Type:", "Content-Type:multipart/form-data; boundary=x"},
		{"X-Auth-Token:"},
		{"X-Auth-Token:rubbish"},
		{"X-Auth-Token:", "X-Auth-Token:" + strings.Repeat("x", 60000)},
		{"X-Auth-Token:", "X-Auth-Token:\x01"},
		{"Accept:", "Accept:text/html"},
		{"Accept:\xff"},
		{"Accept:" + strings.Repeat("a/b,", 10000)},
		{"Accept:*/*;q=1e999"},
		{"Accept-Encoding:gzip"},
		{"If-Match:*"},
		{"Range:bytes=0-1"},
		{"Content-Encoding:gzip"},
		{"X-Forwarded-Proto:javascript"},
		{"X-Forwarded-Host:evil"},
		{"Origin:\xff"},
		{"X-Roles:admin"},
		{"X-Project-Id:" + adminProject},
		{"Expect:200-maybe"},
		{"X-Service-Token:rubbish"},
		{"X-Http-Method-Override:DELETE"},
		{"Upgrade:websocket", "Connection:upgrade"},
	} {
		if (i+x.place)%min(x.part, 30) != 0 {
			continue
		}
		query, body := x.example(x.op)
		x.try(x.path(), query, body, headers...)
	}
}
