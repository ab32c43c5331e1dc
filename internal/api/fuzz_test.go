package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// sane fails unless an answer is one that a client can read.
func sane(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if wrong := insane(w); wrong != "" {
		t.Fatalf("%s: %s", wrong, w.Body)
	}
}

// insane tells what is wrong with an answer as such: a fault of ours, no request id, or no
// JSON where it says that it is. 501 is said of what is not in this release.
func insane(w *httptest.ResponseRecorder) string {
	if w.Code != http.StatusNotImplemented && w.Code >= 500 || w.Code < 200 || w.Code >= 300 && w.Code < 400 {
		return fmt.Sprint("status ", w.Code)
	}
	if !requestID.MatchString(w.Header().Get("X-Openstack-Request-Id")) {
		return "request id " + w.Header().Get("X-Openstack-Request-Id")
	}
	body := w.Body.Bytes()
	if w.Header().Get("Content-Type") == "application/json" && (!json.Valid(body) || !utf8.Valid(body)) {
		return "no JSON"
	}
	if w.Code >= 400 && len(body) > 64<<10 {
		return fmt.Sprintf("an error of %d bytes", len(body))
	}
	return ""
}

// FuzzRequest: no request, however odd, is answered with a 5xx of ours or with no answer.
func FuzzRequest(f *testing.F) {
	for _, seed := range [][5]string{
		{"GET", "/v1/containers", "limit=1&marker=x", "container 1.40", ""},
		{"POST", "/v1/containers", "run=true", "container 1.41", `{"image":"nginx","nets":[{"network":"foo","v4-fixed-ip":"10.0.0.1"}]}`},
		{"POST", "/v1/containers", "", "container 1.12", `{"image":"nginx","command":"\"sleep 100\"","restart_policy":{"Name":"no"}}`},
		{"POST", "/v1/containers//web/execute", "command='a b'", "container latest", ""},
		{"POST", "/v1/containers/web/network_attach/", "", "container 1.8", `{"fixed_ip":"::1","network":"n"}`},
		{"DELETE", "/containers/db", "force=1&stop=1&stop=0", "container 1.12", ""},
		{"POST", "/v1/networks", "", "container 1.41", `{"name":"n1","subnet":"10.0.0.0/33"}`},
		{"GET", "/v1/containers/web/logs", "since=2026-11-23 00:00:00,000&tail=-1", "container 1.1", ""},
		{"PUT", "/v1/quotas/\xff", "%zz", "1.1", "\x00"},
		{"OPTIONS", "", ";", "", "[[[["},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], "application/json", "*/*")
	}
	x := newFixture(f)
	f.Fuzz(func(t *testing.T, method, path, query, version, body, contentType, accept string) {
		x.TB = t // for the witness
		x.forget()
		r := &http.Request{
			Method: method, URL: &url.URL{Path: path, RawQuery: query}, Host: "zun:9517",
			Header: http.Header{
				"X-Auth-Token": {"admin"}, http.CanonicalHeaderKey(versionHeader): {version},
				"Content-Type": {contentType}, "Accept": {accept},
			},
			Body: http.NoBody,
		}
		if body != "" {
			r.Body = readCloser{strings.NewReader(body)}
		}
		w := httptest.NewRecorder()
		x.handler.ServeHTTP(w, r.WithContext(t.Context()))
		sane(t, w)
	})
}

// readCloser is a body.
type readCloser struct{ *strings.Reader }

// Close does nothing.
func (readCloser) Close() error { return nil }

// FuzzCreate: no body of a container is answered with a 5xx of ours; what is accepted has
// an image and reaches control once.
func FuzzCreate(f *testing.F) {
	for _, seed := range []string{
		`{"image":"nginx"}`, `{"image":"nginx","cpu":1e400}`, `{"image":"nginx","memory":-0}`, `{"image":"nginx","labels":{"a":[1,{"b":null}]}}`,
		`{"image":"nginx","restart_policy":{"Name":"on-failure","MaximumRetryCount":1.5}}`, `{"image":"nginx","nets":[{"port":"p","v6-fixed-ip":"::ffff:1.2.3.4"}]}`,
		`{"image":"nginx","command":["\ud800"],"environment":{"a":"\u0000"}}`, `{"image":"nginx","mounts":[{"size":"1"}]}`,
	} {
		for _, minor := range []int{1, 20, 41} {
			f.Add(seed, minor)
		}
	}
	x := newFixture(f)
	f.Fuzz(func(t *testing.T, body string, minor int) {
		x.TB = t // for the witness
		x.forget()
		if minor < minMinor || minor > maxMinor {
			minor = maxMinor
		}
		r := httptest.NewRequest(http.MethodPost, "/v1/containers", strings.NewReader(body))
		r.Header.Set("X-Auth-Token", "admin")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(versionHeader, "container "+versionText(minor))
		w := httptest.NewRecorder()
		x.handler.ServeHTTP(w, r)
		sane(t, w)
		if accepted := w.Code == http.StatusAccepted; accepted != (len(x.memory.asked) == 1) || accepted && len(x.memory.request.Image) < 2 {
			t.Fatalf("status %d, control was asked %v", w.Code, x.memory.asked)
		}
	})
}

// FuzzSplitWords: splitting ends, and no word comes from nowhere.
func FuzzSplitWords(f *testing.F) {
	for _, seed := range []string{"", `a "b c" 'd'`, `\`, `"\x"`, "'\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := splitWords(line)
		if err != nil && words != nil {
			t.Fatalf("%q and %v", words, err)
		}
		if utf8.ValidString(line) && len(strings.Join(words, "")) > len(line) {
			t.Fatalf("%q became %q", line, words)
		}
	})
}
