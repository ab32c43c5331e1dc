package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const python = "/usr/bin/python3"

// needZunclient skips a test where Debian's python3-zunclient is not installed.
func needZunclient(t *testing.T) {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import zunclient").CombinedOutput(); err != nil {
		t.Skipf("python-zunclient is not installed (apt-get install python3-zunclient): %v %s", err, out)
	}
}

// served is the whole API, served over HTTP, once it has heard of its host.
func served(t *testing.T) string {
	t.Helper()
	f, _, _ := newWhole(t)
	f.until("/v1/hosts/h1", func(a answer) bool { return a.status == 200 }, asAdmin)
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	return server.URL
}

// TestPythonZunclientAdministers has the stock client do all that administrators do.
func TestPythonZunclientAdministers(t *testing.T) {
	needZunclient(t)
	out, err := exec.Command(python, "testdata/admin.py", served(t)+"/v1", "p").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := map[string][]any{}
	for line := range strings.Lines(string(out)) {
		var step []any
		if err := json.Unmarshal([]byte(line), &step); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got[step[0].(string)] = step[1:]
	}
	type object = map[string]any
	quota := func(containers, memory, disk, cpu float64) []any {
		return []any{object{"containers": containers, "memory": memory, "disk": disk, "cpu": cpu}}
	}
	switched := func(disabled bool, reason any) []any {
		return []any{[]any{200.0, object{"host": "h1", "binary": "zun-compute", "disabled": disabled, "disabled_reason": reason}}}
	}
	forced := func(down bool) []any {
		return []any{[]any{200.0, object{"host": "h1", "binary": "zun-compute", "forced_down": down}}}
	}
	want := map[string][]any{
		"hosts": {[]any{"h1"}}, "hosts paged": {[]any{"h1"}}, "host": {[]any{64.0, 18.0}},
		"host unknown": {"NotFound", "Compute node h9 could not be found."}, "zones": {[]any{"nova"}},
		"services": {[]any{[]any{1.0, "h1", "zun-compute", "up", false}}},
		"disable":  switched(true, "new disk"), "enable": switched(false, nil), "force down": forced(true), "unforce": forced(false),
		"service unknown": {"NotFound", "Zun service zun-compute on host h9 could not be found."},
		"quota":           quota(40, 51200, 100, 20), "usages": {[]any{[]any{"limit", 20.0}, []any{"in_use", 0.0}}},
		"quota update": quota(5, 51200, 100, -1), "quota defaults": quota(40, 51200, 100, 20),
		"quota bad":    {"BadRequest", "Invalid input for query parameters 'cpu'. Value: '-2'. it must be a number from -1, which is unlimited, to 2147483647"},
		"quota delete": {nil}, "class update": quota(40, 1024, 100, 20), "class": quota(40, 1024, 100, 20),
		"service delete": {nil}, "services left": {0.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestPythonCommandsAdminister has Debian's zun and openstack appcontainer print what
// administrators ask for.
func TestPythonCommandsAdminister(t *testing.T) {
	needZunclient(t)
	if testing.Short() {
		t.Skip("starting Python for each command takes a minute")
	}
	url := served(t)
	tools := map[string][]string{
		"zun": {
			"zun", "--os-auth-url", keystoneFor(t, url), "--os-username", "root", "--os-password", "x", "--os-project-name", "p",
			"--os-user-domain-name", "Default", "--os-project-domain-name", "Default",
		},
		"openstack": {"openstack", "--os-auth-type", "admin_token", "--os-endpoint", url + "/v1", "--os-token", "admin", "appcontainer"},
	}
	for _, test := range []struct{ tool, command, prints string }{
		{"zun", "host-list", "| h1 "},
		{"zun", "host-show h1", "| mem_total "},
		{"zun", "service-list", "| zun-compute | up "},
		{"zun", "service-disable --reason repair h1 zun-compute", "| repair "},
		{"zun", "service-enable h1 zun-compute", "| False "},
		{"zun", "service-force-down --unset h1 zun-compute", "| forced_down | False "},
		{"zun", "availability-zone-list", "| nova "},
		{"zun", "quota-get --usages p", "| containers | 40 "},
		{"zun", "quota-update --cpu 5 p", "| cpu "},
		{"zun", "quota-defaults p", "| 51200 "},
		{"zun", "quota-delete p", ""},
		{"zun", "quota-class-get default", "| containers "},
		{"zun", "quota-class-update --containers 9 default", "| 9 "},
		{"openstack", "host list", "| h1 "},
		{"openstack", "host show h1", "| h1 "},
		{"openstack", "service list", "| zun-compute | up "},
		{"openstack", "service disable --reason repair h1 zun-compute", "| repair "},
		{"openstack", "service enable h1 zun-compute", "| False "},
		{"openstack", "service forcedown h1 zun-compute", "| True "},
		{"openstack", "availability zone list", "| nova "},
		{"openstack", "quota get p", "| containers | 9 "},
		{"openstack", "quota update --cpu 7 p", "| 7 "},
		{"openstack", "quota default p", "| 51200 "},
		{"openstack", "quota delete p", "has been accepted"},
		{"openstack", "quota class get default", "| 9 "},
		{"openstack", "quota class update --cpu 3 default", "| 3 "},
		{"openstack", "service delete h1 zun-compute", "has been accepted"},
	} {
		words := append(append([]string{}, tools[test.tool]...), strings.Fields(test.command)...)
		path, err := exec.LookPath("/usr/bin/" + words[0])
		if err != nil {
			t.Logf("%s is not installed", words[0])
			continue
		}
		out, err := exec.Command(path, words[1:]...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), test.prints) || strings.Contains(string(out), "failed:") {
			t.Errorf("%s %s: %v\n%s", test.tool, test.command, err, out)
		}
	}
}

// keystoneFor is the URL of a Keystone that gives everybody the token "admin" and a catalog
// with the container service.
func keystoneFor(t *testing.T, service string) string {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	version := fmt.Sprintf(`{"id":"v3.14","status":"stable","links":[{"rel":"self","href":%q}]}`, server.URL+"/v3/")
	mux.HandleFunc("GET /v3", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"version":%s}`, version) })
	mux.HandleFunc("GET /v3/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"version":%s}`, version) })
	mux.HandleFunc("POST /v3/auth/tokens", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Subject-Token", "admin")
		w.WriteHeader(http.StatusCreated)
		domain := `"domain":{"id":"default","name":"Default"}`
		fmt.Fprintf(w, `{"token":{"methods":["password"],"expires_at":"2099-01-01T00:00:00.000000Z","issued_at":"2026-01-01T00:00:00.000000Z",
			"user":{"id":"a","name":"root",%s},"project":{"id":"p","name":"p",%s},"roles":[{"id":"r","name":"admin"}],
			"catalog":[{"type":"container","name":"zun","id":"z","endpoints":[{"id":"e","interface":"public","region":"R","region_id":"R","url":%q}]}]}}`,
			domain, domain, service+"/v1")
	})
	return server.URL + "/v3"
}
