package api

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

func TestBadOptions(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		version, field string
		status         int
		detail         string
	}{
		{"1.20", `"disk":161`, 400, "between 1 and 160"},
		{"1.20", `"disk":-1`, 400, "between 1 and 160"},
		{"1.20", `"disk":"5G"`, 400, "field 'disk'"},
		{"1.20", `"disk":1.5`, 400, "field 'disk'"},
		{"1.20", `"auto_heal":1`, 400, "field 'auto_heal'"},
		{"1.20", `"auto_heal":"yes"`, 400, "field 'auto_heal'"},
		{"1.20", `"auto_heal":null`, 400, "field 'auto_heal'"},
		{"1.21", `"privileged":"maybe"`, 400, "field 'privileged'"},
		{"1.4", `"runtime":"runc"`, 400, "only supported from version 1.5"},
		{"1.5", `"runtime":"runc"`, 403, "container:create:runtime"},
		{"1.20", `"privileged":true`, 400, "only supported from version 1.21"},
		{"1.21", `"privileged":false`, 403, "container:create:privileged"},
		{"1.2", `"auto_remove":true`, 400, "only supported from version 1.3"},
		{"1.20", `"auto_remove":true,"restart_policy":{"Name":"always"}`, 400, "exclude each other"},

		{"1.21", `"healthcheck":{"cmd":"true"}`, 400, "only supported from version 1.22"},
		{"1.22", `"healthcheck":"true"`, 400, "field 'healthcheck'"},
		{"1.22", `"healthcheck":{"command":"true"}`, 400, "cmd, interval, timeout and retries"},
		{"1.22", `"healthcheck":{"cmd":["true"]}`, 400, "a line for the container's shell"},
		{"1.22", `"healthcheck":{"cmd":"true","test":"false"}`, 400, "the same thing"},
		{"1.22", `"healthcheck":{"cmd":"true","interval":"5s"}`, 400, "a number of seconds"},
		{"1.22", `"healthcheck":{"cmd":"true","interval":-1}`, 400, "a number of seconds"},
		{"1.22", `"healthcheck":{"cmd":"true","timeout":1.5}`, 400, "a number of seconds"},
		{"1.22", `"healthcheck":{"cmd":"true","timeout":9999999999}`, 400, "a number of seconds"},
		{"1.22", `"healthcheck":{"cmd":"true","retries":true}`, 400, "failed checks in a row"},

		{"1.23", `"exposed_ports":{"80":{}}`, 400, "only supported from version 1.24"},
		{"1.24", `"exposed_ports":["80"]`, 400, "field 'exposed_ports'"},
		{"1.24", `"exposed_ports":{"0":{}}`, 400, "a port is 1 to 65535"},
		{"1.24", `"exposed_ports":{"65536":{}}`, 400, "a port is 1 to 65535"},
		{"1.24", `"exposed_ports":{"http":{}}`, 400, "a port is 1 to 65535"},
		{"1.24", `"exposed_ports":{"80/sctp":{}}`, 400, "/tcp or /udp"},
		{"1.24", `"exposed_ports":{"80/":{}}`, 400, "/tcp or /udp"},
		{"1.24", `"exposed_ports":{"80-90":{}}`, 400, "a port is 1 to 65535"},
		{"1.24", `"exposed_ports":{"80":{}},"security_groups":["a"]`, 400, "exclude each other"},
		{"1.24", `"exposed_ports":{"80":{}},"security_groups":[]`, 400, "exclude each other"},

		{"1.10", `"mounts":[{"type":"bind","source":"","destination":"/a"}]`, 400, "only supported from version 1.11"},
		{"1.11", `"mounts":{}`, 400, "field 'mounts'"},
		{"1.11", `"mounts":[{}]`, 400, "mount 1: it must have a destination, and a source or a size"},
		{"1.11", `"mounts":[{"source":"v"}]`, 400, "must have a destination"},
		{"1.11", `"mounts":[{"destination":"/a"}]`, 400, "a source or a size"},
		{"1.11", `"mounts":[{"source":"v","destination":"/a"}]`, 501, "volumes of Cinder are not in this release"},
		{"1.11", `"mounts":[{"size":"1","destination":"/a"}]`, 501, "volumes of Cinder"},
		{"1.40", `"mounts":[{"type":"volume","source":"v","destination":"/a"}]`, 501, "volumes of Cinder"},
		{"1.40", `"mounts":[{"type":"bind","source":"YQ==","destination":"/a"},{"size":1,"destination":"/b"}]`, 501, "mount 2: volumes of Cinder"},
		{"1.40", `"mounts":[{"type":"tmpfs","source":"v","destination":"/a"}]`, 400, `its type is "tmpfs"`},
		{"1.40", `"mounts":[{"type":"bind","size":1,"destination":"/a"}]`, 400, "has a source"},
		{"1.40", `"mounts":[{"type":"bind","source":"YQ==","size":1,"destination":"/a"}]`, 400, "and no size"},
		{"1.40", `"mounts":[{"type":"bind","source":"YQ==","destination":"/a","mode":"rw"}]`, 400, "('mode' was unexpected)"},
		{"1.40", `"mounts":[{"type":"bind","source":1,"destination":"/a"}]`, 400, "field 'mounts'"},
		{"1.40", `"mounts":[{"type":"bind","source":"hunter2!","destination":"/a"}]`, 400, "is not Base64"},
		{"1.40", `"mounts":[{"type":"bind","source":"hunter","destination":"/a"}]`, 400, "is not Base64"},
	} {
		a := f.do("POST", "/v1/containers", `{"image":"nginx",`+test.field+`}`, version(test.version))
		if a.status != test.status {
			t.Errorf("%s at %s: %d %s", test.field, test.version, a.status, a.text)
			continue
		}
		if p := f.problem(a); !strings.Contains(p.Detail, test.detail) {
			t.Errorf("%s at %s: %s", test.field, test.version, p.Detail)
		}
	}
	if len(f.memory.asked) != 0 {
		t.Errorf("control was asked %v", f.memory.asked)
	}
}

// What a file holds is in no answer and in no log, whatever is wrong with the request.
func TestFilesAreKeptSecret(t *testing.T) {
	f := newFixture(t)
	secret := base64.StdEncoding.EncodeToString([]byte("hunter2 hunter2"))
	for _, mount := range []string{
		`{"type":"bind","source":"%s","destination":"/etc/key"}`,
		`{"type":"bind","source":"%s!","destination":"/etc/key"}`,
		`{"type":"bind","source":"%s","destination":"/etc/key","more":1}`,
		`{"type":"bind","source":["%s"],"destination":"/etc/key"}`,
		`{"type":"other","source":"%s","destination":"/etc/key"}`,
		`"%s"`,
	} {
		a := f.do("POST", "/v1/containers", `{"image":"nginx","mounts":[`+fmt.Sprintf(mount, secret)+`]}`, latest)
		if strings.Contains(a.text+f.log.String(), secret[:8]) || strings.Contains(a.text+f.log.String(), "hunter2") {
			t.Errorf("%s: %s\n%s", mount, a.text, f.log)
		}
	}
}

func TestRuntimeAndPrivilegedAreForThoseWhoMay(t *testing.T) {
	engine, err := policy.New(map[string]string{"container:create:privileged": "role:admin"})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *Config) { c.Policy = engine })
	f.want(202, f.do("POST", "/v1/containers", `{"image":"nginx","privileged":"True","runtime":"runc"}`, latest, "X-Auth-Token: admin"))
	if r := f.memory.request; !r.Privileged || r.Runtime != "runc" {
		t.Errorf("asked for %+v", r)
	}
	for _, field := range []string{`"privileged":true`, `"runtime":"runc"`} {
		f.want(403, f.do("POST", "/v1/containers", `{"image":"nginx",`+field+`}`, latest))
	}
}

// The options are shown as Zun shows them, two of them to administrators only.
func TestOptionsAreShown(t *testing.T) {
	f := newFixture(t)
	c := &f.memory.containers[0].Container
	c.Privileged, c.Runtime, c.AutoHeal, c.DiskGiB = true, "runc", true, 10
	c.Healthcheck = &zun.Healthcheck{Test: "true", Interval: 3 * time.Second, Timeout: 5 * time.Second, Retries: 2}
	c.StatusDetail, c.SecurityGroups = "Up 5 mins (healthy)", []string{"sg"}
	for token, shown := range map[string]string{
		"admin": `"runtime":"runc","privileged":true,`,
		"user":  "",
	} {
		text := f.want(200, f.do("GET", "/v1/containers/web", "", "X-Auth-Token: "+token)).text
		for _, part := range []string{
			shown, `"auto_heal":true`, `"disk":10`, `"status_detail":"Up 5 mins (healthy)"`, `"security_groups":["sg"]`,
			`"healthcheck":{"test":"true","interval":3,"retries":2,"timeout":5}`,
		} {
			if !strings.Contains(text, part) {
				t.Errorf("%s does not see %s in %s", token, part, text)
			}
		}
		if token == "user" && (strings.Contains(text, "runtime") || strings.Contains(text, "privileged")) {
			t.Errorf("a user sees %s", text)
		}
	}
	c.Healthcheck = &zun.Healthcheck{Interval: 3 * time.Second}
	if text := f.do("GET", "/v1/containers/web", "").text; !strings.Contains(text, `"healthcheck":{"test":"","interval":3}`) {
		t.Errorf("a check without a command: %s", text)
	}
}

// From the API down to the database and to the node.
func TestOptionsThroughTheWholeService(t *testing.T) {
	f, c, db := newWhole(t)
	big := base64.StdEncoding.EncodeToString(make([]byte, 512<<10))
	for _, test := range []struct {
		field  string
		detail string
	}{
		{`"mounts":[{"type":"bind","source":"","destination":"etc/a"}]`, "a path from the root"},
		{`"mounts":[{"type":"bind","source":"","destination":"/"}]`, "a path from the root"},
		{`"mounts":[{"type":"bind","source":"","destination":"/etc/../root/.ssh/id"}]`, "without . and .."},
		{`"mounts":[{"type":"bind","source":"","destination":"/etc/a/"}]`, "with the file's name at its end"},
		{`"mounts":[{"type":"bind","source":"","destination":"/proc/1/environ"}]`, "/proc is the kernel's"},
		{`"mounts":[{"type":"bind","source":"","destination":"/a"},{"type":"bind","source":"","destination":"/a"}]`, "one is in the place of the other"},
		{`"mounts":[{"type":"bind","source":"","destination":"/a/b"},{"type":"bind","source":"","destination":"/a"}]`, "one is in the place of the other"},
		{`"mounts":[{"type":"bind","source":"` + big + `","destination":"/a"},{"type":"bind","source":"YQ==","destination":"/b"}]`, "together they may have 524288"},
		{`"healthcheck":{"cmd":"true","interval":90000}`, "it may have 1 second to 24h"},
		{`"healthcheck":{"cmd":"true","retries":1001}`, "it may have 0 to 1000"},
	} {
		a := f.do("POST", "/v1/containers", `{"image":"nginx",`+test.field+`}`, latest)
		if p := f.problem(a); a.status != 400 || !strings.Contains(p.Detail, test.detail) {
			t.Errorf("%.100s: %d %.300s", test.field, a.status, p.Detail)
		}
	}
	if list := f.object(f.do("GET", "/v1/containers", "", latest)); len(list["containers"].([]any)) != 0 {
		t.Errorf("containers are left: %v", list)
	}
	id := f.object(f.want(202, f.do("POST", "/v1/containers?run=true", `{"image":"nginx","auto_heal":true,"nets":[{"network":"testnet"}],
		"healthcheck":{"cmd":"true"},"exposed_ports":{"80":{}},"mounts":[{"type":"bind","source":"aGVsbG8K","destination":"/etc/a"}]}`,
		latest)))["uuid"].(string)
	shown := f.until("/v1/containers/"+id, func(a answer) bool { return strings.Contains(a.text, `"Running"`) })
	if strings.Contains(shown.text, "aGVsbG8K") || !strings.Contains(shown.text, `"auto_heal":true`) || !strings.Contains(shown.text, `{"test":"true"}`) {
		t.Errorf("shown is %s", shown.text)
	}
	files, err := db.Files(t.Context(), id)
	if err != nil || len(files) != 1 || files[0].Destination != "/etc/a" || string(files[0].Content) != "hello\n" || !zun.IsUUID(files[0].ID) {
		t.Errorf("recorded are %v, %v", files, err)
	}
	got, err := db.Container(t.Context(), id)
	if err != nil || !slices.Equal(got.ExposedPorts, []zun.ExposedPort{{Port: 80, Protocol: "tcp"}}) {
		t.Errorf("recorded is %+v, %v", got, err)
	}
	// Docker has lost it: it is made again, and that is an action that users can read about.
	err = c.reports.Observed(t.Context(), zun.Observation{ContainerID: id, Status: zun.StatusError, StatusReason: "No such container", Gone: true})
	if err != nil {
		t.Fatal(err)
	}
	actions := f.until("/v1/containers/"+id+"/container_actions", func(a answer) bool { return strings.Contains(a.text, `"heal"`) })
	f.until("/v1/containers/"+id, func(a answer) bool { return strings.Contains(a.text, `"Running"`) })
	if strings.Contains(actions.text, "Error") {
		t.Errorf("actions are %s", actions.text)
	}
}
