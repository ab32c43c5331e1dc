package api

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

var requestID = regexp.MustCompile(`^req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func TestVersionsAreToldToEveryone(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/", "", "//"} {
		a := f.do("GET", path, "", "X-Auth-Token:")
		if a.status != 200 || a.header.Get(versionHeader) != "" {
			t.Fatalf("%q: %d %v", path, a.status, a.header)
		}
		body := f.object(a)
		v1 := map[string]any{
			"id": "v1", "status": "CURRENT", "max_version": "1.41", "min_version": "1.1",
			"links": []any{map[string]any{"href": "http://zun:9517/v1/", "rel": "self"}},
		}
		delete(body, "description")
		want := map[string]any{"name": "OpenStack Zun API", "versions": []any{v1}, "default_version": v1}
		if diff := cmp.Diff(want, body); diff != "" {
			t.Error(diff)
		}
	}
}

func TestV1ListsResources(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v1", "/v1/", "/v1.json"} {
		a := f.do("GET", path, "", "X-Auth-Token:")
		body := f.object(a)
		want := []any{
			map[string]any{"href": "http://zun:9517/v1/containers/", "rel": "self"},
			map[string]any{"href": "http://zun:9517/containers/", "rel": "bookmark"},
		}
		if diff := cmp.Diff(want, body["containers"]); a.status != 200 || diff != "" {
			t.Errorf("%s: %d %s", path, a.status, diff)
		}
		if len(body) != 13 || body["id"] != "v1" {
			t.Errorf("%s: %d keys", path, len(body))
		}
		if got := a.header.Get(versionHeader); got != "container 1.1" {
			t.Errorf("%s: version header %q", path, got)
		}
	}
}

func TestHealthcheck(t *testing.T) {
	f := newFixture(t)
	a := f.do("GET", "/healthcheck", "", "X-Auth-Token:", "Accept: text/plain")
	if a.status != 200 || a.text != "OK" || !requestID.MatchString(a.header.Get("x-openstack-request-id")) {
		t.Errorf("%+v", a)
	}
}

func TestPathsAreTaken(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{
		"/v1/containers", "/containers", "/v1/containers/", "/v1//containers", "//containers//", "/v1/containers.json",
		"/v1/containers/" + runningID, "/v1/containers//" + runningID, "/containers/" + runningID + "/",
		"/v1/containers/" + runningID + ".json", "/v1/containers/web", "/v1/containers//" + runningID + "//container_actions/",
	} {
		if a := f.do("GET", path, ""); a.status != 200 {
			t.Errorf("GET %s: %d %s", path, a.status, a.text)
		}
	}
	for _, path := range []string{"/v1/containers//" + runningID + "/stop", "/v1/containers/web/stop/", "containers/web/stop"} {
		if a := f.do("POST", path, ""); a.status != 202 || a.text != "null" {
			t.Errorf("POST %s: %d %s", path, a.status, a.text)
		}
	}
}

func TestNameEndingInJSONIsAName(t *testing.T) {
	f := newFixture(t)
	f.memory.containers[0].Name = "web.json"
	if a := f.do("GET", "/v1/containers/web.json", ""); a.status != 200 {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestNoValidToken(t *testing.T) {
	f := newFixture(t)
	for _, token := range []string{"", "unknown", "tok\ten", "é", strings.Repeat("x", 9000)} {
		for _, path := range []string{"/v1/containers", "/v1/nowhere", "/nowhere"} {
			a := f.do("GET", path, "", "X-Auth-Token:"+token, version("9.9"))
			const body = `{"error":{"code":401,"title":"Unauthorized","message":"The request you have made requires authentication."}}`
			if a.status != 401 || a.text != body || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%q %s: %d %s", token, path, a.status, a.text)
			}
			if got := a.header.Get("WWW-Authenticate"); got != `Keystone uri="http://keystone:5000"` {
				t.Errorf("WWW-Authenticate %q", got)
			}
			if a.header.Get(versionHeader) != "" || !requestID.MatchString(a.header.Get("X-Openstack-Request-Id")) {
				t.Errorf("headers %v", a.header)
			}
		}
	}
	if len(f.memory.asked) != 0 {
		t.Errorf("control was asked %v", f.memory.asked)
	}
}

func TestKeystoneAwayIs503(t *testing.T) {
	f := newFixture(t)
	a := f.do("GET", "/v1/containers", "", "X-Auth-Token: away")
	if p := f.problem(a); a.status != 503 || p.Code != "container.service-unavailable" || !strings.Contains(p.Title, "Keystone") {
		t.Errorf("%d %+v", a.status, p)
	}
}

func TestUnscopedTokenIs403(t *testing.T) {
	f := newFixture(t)
	a := f.do("GET", "/v1/containers", "", "X-Auth-Token: unscoped")
	if p := f.problem(a); a.status != 403 || !strings.Contains(p.Detail, "not scoped") {
		t.Errorf("%d %+v", a.status, p)
	}
}

func TestMicroversionIsNegotiated(t *testing.T) {
	f := newFixture(t)
	for header, used := range map[string]string{
		"container 1.1": "1.1", "container 1.40": "1.40", "container 1.41": "1.41",
		"container latest": "1.41", "CONTAINER LATEST": "1.41", "container  1.12": "1.12",
	} {
		a := f.do("GET", "/v1/containers", "", versionHeader+":"+header)
		if a.status != 200 {
			t.Errorf("%s: %d", header, a.status)
		}
		checkVersionHeaders(t, a, used)
	}
	checkVersionHeaders(t, f.do("GET", "/v1/containers", ""), "1.1")
}

func checkVersionHeaders(t *testing.T, a answer, used string) {
	t.Helper()
	want := map[string]string{
		"OpenStack-API-Version": "container " + used, "OpenStack-API-Minimum-Version": "container 1.1",
		"OpenStack-API-Maximum-Version": "container 1.41", "Vary": "OpenStack-API-Version",
	}
	for name, value := range want {
		if got := a.header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

func TestVersionHeadersComeWithServiceErrorsOnly(t *testing.T) {
	f := newFixture(t)
	checkVersionHeaders(t, f.do("GET", "/v1/containers/nope", "", version("1.12")), "1.12")
	checkVersionHeaders(t, f.do("POST", "/v1/containers", "{}", version("1.12")), "1.12")
	checkVersionHeaders(t, f.do("GET", "/v1/hosts", "", version("1.12")), "1.12")
	for _, a := range []answer{
		f.do("GET", "/v1/nowhere", ""), f.do("PUT", "/v1/containers", ""), f.do("GET", "/v1/containers", "", version("0.9")),
		f.do("GET", "/v1/containers", "", "Accept: text/html"), f.do("POST", "/v1/containers/web/rename", "", version("1.14")),
	} {
		if a.status < 400 || a.header.Get("OpenStack-API-Maximum-Version") != "" {
			t.Errorf("%d %v", a.status, a.header)
		}
	}
}

func TestNotAcceptable(t *testing.T) {
	f := newFixture(t)
	for header, detail := range map[string]string{
		"compute 1.1": "Invalid service type for OpenStack-API-Version header", "1.1": "Invalid service type for OpenStack-API-Version header",
		"":            "Invalid service type for OpenStack-API-Version header",
		"container 1": "Invalid value for OpenStack-API-Version header", "container one.two": "Invalid value for OpenStack-API-Version header",
		"container 1.1.1": "Invalid value for OpenStack-API-Version header", "container -1.1": "Invalid value for OpenStack-API-Version header",
	} {
		a := f.do("GET", "/v1/containers", "", versionHeader+":"+header)
		p := f.problem(a)
		if a.status != 406 || p.Status != 406 || p.Title != "Not Acceptable" || p.Detail != detail || p.Code != "container." {
			t.Errorf("%q: %d %+v", header, a.status, p)
		}
	}
}

func TestMicroversionOutOfRange(t *testing.T) {
	f := newFixture(t)
	for _, v := range []string{"1.0", "1.42", "2.0", "0.1", "1.999999"} {
		a := f.do("GET", "/v1/containers", "", version(v))
		p := f.problem(a)
		if a.status != 406 || p.Code != "zun.microversion-unsupported" || p.Title != "Requested microversion is unsupported" ||
			p.MaxVersion != "1.41" || p.MinVersion != "1.1" || len(p.Links) != 1 || p.Links[0].Rel != "help" {
			t.Errorf("%s: %d %s", v, a.status, a.text)
		}
	}
}

func TestMethodsHaveTheirMicroversions(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		method, path, version string
		status                int
	}{
		{"POST", "/v1/containers/web/rename", "1.14", 406},
		{"POST", "/v1/containers/db/rename?name=other", "1.13", 200},
		{"POST", "/v1/containers/web/network_detach?network=n", "1.5", 406},
		{"POST", "/v1/containers/web/network_detach?network=n", "1.6", 202},
		{"POST", "/v1/containers/web/network_attach?network=n", "1.7", 406},
		{"POST", "/v1/containers/web/network_attach?network=n", "1.8", 200},
		{"GET", "/v1/containers/web/network_list", "1.12", 406},
		{"GET", "/v1/containers/web/network_list", "1.13", 200},
		{"POST", "/v1/containers/web/resize_container", "1.18", 406},
		{"POST", "/v1/containers/web/resize_container", "1.19", 202},
		{"POST", "/v1/containers/web/add_security_group?name=g", "1.14", 202},
		{"POST", "/v1/containers/web/add_security_group", "1.15", 406},
		{"GET", "/v1/hosts", "1.3", 406},
		{"DELETE", "/v1/networks/n", "1.26", 406},
	} {
		a := f.do(test.method, test.path, "", version(test.version))
		if a.status != test.status {
			t.Errorf("%s %s at %s: %d %s", test.method, test.path, test.version, a.status, a.text)
			continue
		}
		if want := "Version " + test.version + " was requested but the requested API is not supported for this version."; test.status == 406 {
			if p := f.problem(a); p.Detail != want || p.Title != "Not Acceptable" {
				t.Errorf("%+v", p)
			}
		}
	}
}

func TestAccept(t *testing.T) {
	f := newFixture(t)
	for accept, status := range map[string]int{
		"text/html": 406, "application/json;q=0": 406, "text/html, application/xml;q=0.9": 406,
		"*/*": 200, "application/*": 200, "text/html,*/*;q=0.8": 200, "": 200, "application/json; charset=utf-8": 200, "rubbish": 406, ";": 200,
	} {
		for _, path := range []string{"/v1/containers", "/v1"} {
			if a := f.do("GET", path, "", "Accept:"+accept); a.status != status {
				t.Errorf("%s with %q: %d", path, accept, a.status)
			}
		}
	}
}

func TestRouterErrors(t *testing.T) {
	f := newFixture(t)
	a := f.do("GET", "/v1/nowhere", "")
	want := errorItem{Code: "container.", Status: 404, Title: "Not Found", Detail: "there is no such resource in this API", Links: []link{}}
	if diff := cmp.Diff(want, f.problem(a)); a.status != 404 || diff != "" {
		t.Error(a.status, diff)
	}
	for _, path := range []string{"/v1/containers/web/nothing", "/v1/containers/web/start/more", "/v1/quotas", "/metrics", "/v1/\xff"} {
		if a := f.do("GET", path, ""); a.status != 404 {
			t.Errorf("%q: %d", path, a.status)
		}
	}
	for _, test := range []struct{ method, path, version, allow string }{
		{"GET", "/v1/networks", "1.40", "DELETE, POST"},
		{"GET", "/v1/networks/foo", "1.40", "DELETE"},
		{"PUT", "/v1/containers", "1.1", "GET, POST"},
		{"GET", "/v1/containers/web/start", "1.1", "POST"},
		{"POST", "/v1/containers/web", "1.41", "DELETE, GET, PATCH"},
		{"BREW", "/v1", "1.1", "GET"},
	} {
		a := f.do(test.method, test.path, "", version(test.version))
		p := f.problem(a)
		if a.status != 405 || a.header.Get("Allow") != test.allow || p.Title != "Method Not Allowed" || p.Code != "container." {
			t.Errorf("%s %s: %d Allow %q %+v", test.method, test.path, a.status, a.header.Get("Allow"), p)
		}
	}
}

func TestServiceErrorsHaveZunsBody(t *testing.T) {
	f := newFixture(t)
	a := f.do("GET", "/v1/containers/nope", "")
	const body = `{"errors":[{"request_id":"","code":"container.container-not-found","status":404,` +
		`"title":"Container nope could not be found.","detail":"Container nope could not be found.","links":[]}]}`
	if a.status != 404 || a.text != body {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestEveryCodeKeepsItsStatusAndWords(t *testing.T) {
	f := newFixture(t)
	for _, code := range []zun.Code{
		zun.CodeInvalid, zun.CodeImageNotFound, zun.CodePortInUse, zun.CodeExternalNetwork, zun.CodeOverQuota, zun.CodeNotFound,
		zun.CodeConflict, zun.CodeInvalidState, zun.CodeNetworkInUse, zun.CodeNotImplemented, zun.CodeUnavailable,
	} {
		f.memory.fail = zun.Errorf(code, "cannot do it: because")
		a := f.do("GET", "/v1/containers/web", "")
		p := f.problem(a)
		if a.status != code.Status() || p.Code != "container."+string(code) || p.Title != "cannot do it: because" || p.Detail != p.Title {
			t.Errorf("%s: %d %+v", code, a.status, p)
		}
	}
}

func TestOurFaultShowsAnIdAndNoCause(t *testing.T) {
	f := newFixture(t)
	for name, prepare := range map[string]func(){
		"error": func() { f.memory.fail = zun.Wrap(zun.CodeInternal, http.ErrBodyNotAllowed, "the secret cause") },
		"plain": func() { f.memory.fail = http.ErrLineTooLong },
		"panic": func() { f.memory.panics = true },
	} {
		f.log.Reset()
		prepare()
		a := f.do("GET", "/v1/containers/web", "")
		p := f.problem(a)
		id, found := strings.CutPrefix(p.Detail,
			"Your request could not be handled because of a problem in the server. Error Correlation id is: ")
		if a.status != 500 || p.Code != "container." || p.Title != "Internal Server Error" || !found || len(id) != 36 {
			t.Errorf("%s: %d %+v", name, a.status, p)
		}
		if strings.Contains(a.text, "secret") || !strings.Contains(f.log.String(), "correlation_id="+id) {
			t.Errorf("%s: answer %s, log %s", name, a.text, f.log)
		}
		if !requestID.MatchString(a.header.Get("X-Openstack-Request-Id")) {
			t.Errorf("%s: no request id", name)
		}
	}
}

func TestOneLogLineAndOneCountPerRequest(t *testing.T) {
	var observed []string
	now := noon
	f := newFixture(t, func(c *Config) {
		c.Observe = func(method, route string, status int, took time.Duration) {
			observed = append(observed, method+" "+route+" "+http.StatusText(status)+" "+took.String())
		}
		c.Now = func() time.Time { now = now.Add(5 * time.Millisecond); return now }
	})
	a := f.do("GET", "/v1/containers/web", "", "X-Auth-Token: user")
	line := f.log.String()
	for _, part := range []string{
		"request_id=" + a.header.Get("X-Openstack-Request-Id"), "project=p", "route=/v1/containers/{id}", "status=200", "ms=5",
	} {
		if !strings.Contains(line, part) {
			t.Errorf("no %s in %s", part, line)
		}
	}
	if strings.Count(line, "\n") != 1 || strings.Contains(line, "X-Auth-Token") {
		t.Errorf("log %s", line)
	}
	f.do("WEIRD", "/v1/users/choose/this", "")
	want := []string{"GET /v1/containers/{id} OK 5ms", "other unmatched Not Found 5ms"}
	if diff := cmp.Diff(want, observed); diff != "" {
		t.Error(diff)
	}
}

func TestMetricsAreServedWhenConfigured(t *testing.T) {
	f := newFixture(t, func(c *Config) {
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("counted 1\n")) })
	})
	if a := f.do("GET", "/metrics", "", "X-Auth-Token:"); a.status != 200 || a.text != "counted 1\n" {
		t.Errorf("%+v", a)
	}
	if a := newFixture(t).do("GET", "/metrics", "", "X-Auth-Token:"); a.status != 401 {
		t.Errorf("not configured: %d", a.status)
	}
}

func TestCORS(t *testing.T) {
	preflight := []string{"Origin: https://horizon", "Access-Control-Request-Method: POST", "X-Auth-Token:"}
	off := newFixture(t)
	if a := off.do("OPTIONS", "/v1/containers", "", preflight...); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without origins: %v", a.header)
	}
	f := newFixture(t, func(c *Config) { c.AllowedOrigins = []string{"https://horizon"} })
	a := f.do("OPTIONS", "/v1/containers", "", preflight...)
	if a.status != 204 || a.header.Get("Access-Control-Allow-Methods") != "GET,PUT,POST,DELETE,PATCH" {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
	a = f.do("GET", "/v1/containers", "", "Origin: https://horizon")
	if a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != "https://horizon" ||
		!strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "X-OpenStack-Request-ID") {
		t.Errorf("%d %v", a.status, a.header)
	}
	a = f.do("GET", "/v1/containers", "", "Origin: https://evil")
	if a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("other origin: %d %v", a.status, a.header)
	}
}

func TestPolicyIsAskedBeforeExistence(t *testing.T) {
	f := newFixture(t)
	a := f.do("GET", "/v1/services", "")
	p := f.problem(a)
	if a.status != 403 || p.Code != "container.policy-not-authorized" || !strings.Contains(p.Detail, "zun-service:get_all") {
		t.Errorf("%d %+v", a.status, p)
	}
	a = f.do("DELETE", "/v1/networks/nope", "", version("1.40"))
	if a.status != 403 || len(f.memory.asked) != 0 {
		t.Errorf("%d, asked %v", a.status, f.memory.asked)
	}
}

func TestBodies(t *testing.T) {
	f := newFixture(t)
	for name, test := range map[string]struct {
		body, contentType string
		status            int
		detail            string
	}{
		"not JSON":       {"{bad", "application/json", 400, "'image' is a required property"},
		"array":          {"[]", "application/json", 400, "'image' is a required property"},
		"two objects":    {`{"image":"nginx"}{}`, "application/json", 400, "'image' is a required property"},
		"not UTF-8":      {"{\"image\":\"\xff\xff\"}", "application/json", 400, "'image' is a required property"},
		"no type":        {`{"image":"nginx"}`, "", 415, "Content-Type must be application/json"},
		"form":           {`image=nginx`, "application/x-www-form-urlencoded", 415, "Content-Type must be application/json"},
		"too large":      {`{"image":"` + strings.Repeat("x", 1<<20) + `"}`, "application/json", 413, "over 1048576 bytes"},
		"deep":           {`{"image":"nginx","labels":{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}}`, "application/json", 400, "nested too deep"},
		"deeper":         {`{"labels":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + `}`, "application/json", 400, "'image' is a required"},
		"huge number":    {`{"image":"nginx","cpu":1e999999999}`, "application/json", 400, "too large"},
		"large number":   {`{"image":"nginx","memory":1e300}`, "application/json", 400, "between 4 and 8192"},
		"NUL":            {`{"image":"nginx\u0000"}`, "application/json", 400, "NUL"},
		"charset":        {`{"image":"nginx"}`, "application/json; charset=UTF-8", 202, ""},
		"duplicate keys": {`{"image":"nginx","image":1}`, "application/json", 400, "'image'"},
	} {
		a := f.do("POST", "/v1/containers", test.body, "Content-Type:"+test.contentType)
		if a.status != test.status {
			t.Errorf("%s: %d %.300s", name, a.status, a.text)
			continue
		}
		if test.detail != "" && !strings.Contains(f.problem(a).Detail, test.detail) {
			t.Errorf("%s: %.300s", name, a.text)
		}
		if len(a.text) > 4000 {
			t.Errorf("%s: the answer has %d bytes", name, len(a.text))
		}
	}
}

func TestDeleteWithOctetStreamWorks(t *testing.T) {
	f := newFixture(t)
	if a := f.do("DELETE", "/v1/containers/db", "", "Content-Type: application/octet-stream"); a.status != 204 || a.text != "" {
		t.Errorf("%d %q", a.status, a.text)
	}
}

func TestQueries(t *testing.T) {
	f := newFixture(t)
	for query, detail := range map[string]string{
		"run=%zz": "not well formed", "run=%ff": "UTF-8", "a;b": "not well formed", "run=%00": "NUL",
		"run=true&run=false": "run", "run=maybe": "'run'", "bogus=1": "Additional properties are not allowed ('bogus' was unexpected)",
	} {
		a := f.do("POST", "/v1/containers?"+query, `{"image":"nginx"}`)
		if a.status != 400 || !strings.Contains(f.problem(a).Detail, detail) {
			t.Errorf("%s: %d %s", query, a.status, a.text)
		}
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	if a := newFixture(t).do("HEAD", "/v1/containers/web", ""); a.status != 200 {
		t.Errorf("%d", a.status)
	}
}

func TestPublicURLBeginsLinks(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.PublicURL = "https://cloud/container/" })
	if a := f.do("GET", "/", ""); !strings.Contains(a.text, `"https://cloud/container/v1/"`) {
		t.Error(a.text)
	}
}
