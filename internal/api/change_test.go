package api

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

// tarOf is an archive of one file in Base64.
func tarOf(name, content string) string {
	return base64.StdEncoding.EncodeToString(rawTar(name, content))
}

func rawTar(name, content string) []byte {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}) // into memory
	_, _ = w.Write([]byte(content))
	_ = w.Close()
	return archive.Bytes()
}

// The exact JSON of what clients of Zun parse or print.
func TestAnswersOfInsights(t *testing.T) {
	f := newFixture(t)
	stat := `{"name":"hosts","size":7,"mode":420,"mtime":"2026-11-23T12:00:00.005Z","linkTarget":""}`
	data := base64.StdEncoding.EncodeToString([]byte("tar of /etc/hosts"))
	for _, test := range []struct{ path, version, want string }{
		{"top", "1.40", `{"Titles":["PID","CMD"],"Processes":[["1","sleep <1>"]]}`},
		{"stats", "1.40", `{"CONTAINER":"web","CPU %":12.5,"MEM USAGE(MiB)":1.5,"MEM LIMIT(MiB)":3,"MEM %":50,"BLOCK I/O(B)":"1/2","NET I/O(B)":"3/4"}`},
		{"get_archive?path=/etc/hosts", "1.40", `{"data":"` + data + `","stat":` + stat + `}`},
		{"get_archive?path=/etc/hosts", "1.25", `{"data":"` + data + `","stat":` + stat + `}`},
		{"get_archive?path=/etc/hosts", "1.24", `{"data":"tar of /etc/hosts","stat":` + stat + `}`},
	} {
		a := f.do("GET", "/v1/containers/web/"+test.path, "", version(test.version))
		if a.status != 200 || a.text != test.want || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s at %s: %d %s", test.path, test.version, a.status, a.text)
		}
		if a.header.Get("OpenStack-API-Version") != "container "+test.version {
			t.Errorf("%s at %s: headers %v", test.path, test.version, a.header)
		}
	}
	a := f.do("GET", "/v1/containers/web/get_archive?path=/binary", "", version("1.24"))
	if p := f.problem(a); a.status != 400 || !strings.Contains(p.Detail, "use microversion 1.25") {
		t.Errorf("what is no text at 1.24: %d %s", a.status, a.text)
	}
}

// Up to 1.24 an archive is sent as it is, NULs and all.
func TestTextArchives(t *testing.T) {
	f := newFixture(t)
	body, err := json.Marshal(map[string]string{"data": string(rawTar("a", "hello"))})
	if err != nil {
		t.Fatal(err)
	}
	f.want(200, f.do("POST", "/v1/containers/web/put_archive?path=/tmp", string(body), version("1.24")))
	a := f.do("POST", "/v1/containers/web/put_archive?path=/tmp", `{"data":"`+tarOf("a", "hello")+`"}`, version("1.24"))
	if a.status != 400 || !strings.Contains(f.problem(a).Detail, "no tar archive") {
		t.Errorf("Base64 at 1.24: %d %s", a.status, a.text)
	}
	if diff := cmp.Diff([]string{"put_archive web /tmp 2048"}, f.memory.asked); diff != "" {
		t.Error(diff)
	}
}

// An archive may be larger than other bodies, and is not without bounds either.
func TestSizeOfArchives(t *testing.T) {
	f := newFixture(t)
	large := tarOf("a", strings.Repeat("x", 3<<20))
	f.want(200, f.do("POST", "/v1/containers/web/put_archive?path=/tmp", `{"data":"`+large+`"}`, version("1.40")))
	a := f.do("POST", "/v1/containers/web/put_archive?path=/tmp", `{"data":"`+strings.Repeat("A", maxArchiveBody)+`"}`, version("1.40"))
	if p := f.problem(a); a.status != 413 || p.Code != "container.request-too-large" {
		t.Errorf("%d %s", a.status, a.text)
	}
	a = f.do("POST", "/v1/containers/web/stop", `{"data":"`+large+`"}`, version("1.40"))
	if a.status != 413 {
		t.Errorf("another action: %d", a.status)
	}
}

// A body that is not declared as JSON is not looked at, as everywhere.
func TestPutArchiveWantsJSON(t *testing.T) {
	f := newFixture(t)
	a := f.do("POST", "/v1/containers/web/put_archive?path=/tmp", `{"data":""}`, version("1.40"), "Content-Type: text/plain")
	if a.status != 400 || !strings.Contains(f.problem(a).Detail, "'data'") {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestChangesAnswerWithTheContainer(t *testing.T) {
	f := newFixture(t)
	patched := f.object(f.want(200, f.do("PATCH", "/v1/containers/web", `{"name":"new","cpu":0.2,"memory":"200"}`, version("1.40"))))
	if patched["name"] != "new" || patched["cpu"] != 0.2 || patched["memory"] != "200" || patched["uuid"] != runningID || patched["links"] == nil {
		t.Errorf("PATCH: %v", patched)
	}
	resized := f.object(f.want(202, f.do("POST", "/v1/containers/db/resize_container", `{"memory":256}`, version("1.19"))))
	if resized["memory"] != "512" {
		t.Errorf("resize_container: %v", resized)
	}
	renamed := f.object(f.want(200, f.do("POST", "/v1/containers/db/rename?name=other", "", version("1.13"))))
	if renamed["name"] != "other" {
		t.Errorf("rename: %v", renamed)
	}
	if a := f.do("POST", "/v1/containers/other/rename", `{"name":"other"}`, version("1.13")); a.status != 409 {
		t.Errorf("rename to the same: %d %s", a.status, a.text)
	}
	for _, query := range []string{"", "?name=", "?name=-x", "?name=x", "?name=ok&nom=1"} {
		if a := f.do("POST", "/v1/containers/other/rename"+query, "", version("1.13")); a.status != 400 {
			t.Errorf("rename%s: %d %s", query, a.status, a.text)
		}
	}
}

// The microversions between which the actions exist; outside it is 406.
func TestMicroversionsOfActions(t *testing.T) {
	for _, test := range []struct {
		action      string
		first, last int
		status      int
	}{
		{"rename?name=other", 1, 13, 200},
		{"add_security_group?name=g", 1, 14, 202},
		{"remove_security_group?name=g", 1, 14, 202},
		{"resize_container", 19, 41, 202},
		{"pause", 1, 41, 202},
		{"rebuild", 1, 41, 202},
		{"commit?repository=r", 1, 41, 202},
	} {
		for minor := 1; minor <= 41; minor++ {
			f := newFixture(t)
			a := f.do("POST", "/v1/containers/web/"+test.action, "", version(versionText(minor)))
			want := test.status
			if minor < test.first || minor > test.last {
				want = 406
			}
			if a.status != want {
				t.Errorf("%s at 1.%d: %d %s", test.action, minor, a.status, a.text)
			}
		}
	}
}

func TestSecurityGroupNames(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		target, body string
		status       int
	}{
		{"add_security_group?name=g", "", 202},
		{"add_security_group", `{"name":"g"}`, 202},
		{"remove_security_group", `{"name":"` + portID + `"}`, 202},
		{"add_security_group", "", 400},
		{"add_security_group?name=", "", 400},
		{"add_security_group?name=" + strings.Repeat("x", 256), "", 400},
		{"remove_security_group?group=g", "", 400},
	} {
		if a := f.do("POST", "/v1/containers/web/"+test.target, test.body, version("1.14")); a.status != test.status {
			t.Errorf("%s %s: %d %s", test.target, test.body, a.status, a.text)
		}
	}
	want := []string{"add_security_group web g", "add_security_group web g", "remove_security_group web " + portID}
	if diff := cmp.Diff(want, f.memory.asked); diff != "" {
		t.Error(diff)
	}
}

// Zun's names of the events of the new actions, up to 1.40.
func TestEventNames(t *testing.T) {
	for kind, want := range map[zun.ActionKind]string{
		zun.ActionPause: "compute__do_container_pause", zun.ActionUnpause: "compute__do_container_unpause",
		zun.ActionRebuild: "compute__do_container_rebuild", zun.ActionAddGroup: "compute__add_security_group",
		zun.ActionRemoveGroup: "compute__remove_security_group",
	} {
		f := newFixture(t)
		f.memory.actions[runningID] = []zun.Action{{Kind: kind, ContainerID: runningID, RequestID: "req-9", StartedAt: noon}}
		one := f.object(f.do("GET", "/v1/containers/web/container_actions/req-9", "", version("1.40")))
		if got := fmt.Sprint(one["events"].([]any)[0].(map[string]any)["event"]); got != want {
			t.Errorf("%s: %s", kind, got)
		}
	}
}

// Half an archive does not look like a whole answer: the connection is dropped, and the log
// says why. The next answer on a connection is not hurried by the one before it.
func TestAnArchiveThatBreaksOff(t *testing.T) {
	f := newFixture(t)
	server := httptest.NewServer(f.handler)
	defer server.Close()
	get := func(path string) (string, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/containers/web/get_archive?path="+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Auth-Token", "user")
		request.Header.Set("OpenStack-API-Version", "container 1.40")
		response, err := server.Client().Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		raw, err := io.ReadAll(response.Body)
		return string(raw), err
	}
	if text, err := get("/broken"); err == nil {
		t.Errorf("it looked whole: %q", text)
	}
	for range 2 {
		if text, err := get("/etc/hosts"); err != nil || !strings.HasSuffix(text, "}") {
			t.Errorf("%q %v", text, err)
		}
	}
	server.Close()
	if !strings.Contains(f.log.String(), "an answer broke off") {
		t.Errorf("the log says %s", f.log)
	}
}
