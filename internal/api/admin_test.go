package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const asAdmin = "X-Auth-Token: admin"

func TestHostsLookAsInZun(t *testing.T) {
	f := newFixture(t)
	const want = `{"uuid":"` + hostID + `","links":[{"href":"http://zun:9517/v1/hosts/` + hostID + `","rel":"self"},` +
		`{"href":"http://zun:9517/hosts/` + hostID + `","rel":"bookmark"}],"hostname":"h1","mem_total":8192,"mem_used":1024,"cpus":4,` +
		`"cpu_used":2.0,"total_containers":4,"architecture":"x86_64","os_type":"linux","os":"Debian GNU/Linux 12 (bookworm)",` +
		`"kernel_version":"6.1","labels":{"ssd":"1"},"disk_total":80,"disk_used":5,"disk_quota_supported":true,` +
		`"runtimes":["runc","runsc"],"enable_cpu_pinning":false`
	for _, target := range []string{"/v1/hosts/h1", "/v1/hosts/" + hostID, "/v1/hosts//h1/", "/hosts/h1"} {
		if a := f.do("GET", target, "", asAdmin, version("1.40")); a.text != want+"}" {
			t.Errorf("%s: %s", target, a.text)
		}
	}
	own := f.do("GET", "/v1/hosts/h1", "", asAdmin, version("1.41"))
	if own.text != want+`,"running_containers":2,"paused_containers":1,"stopped_containers":1}` {
		t.Errorf("at 1.41: %s", own.text)
	}
	if list := f.do("GET", "/v1/hosts/", "", asAdmin, version("1.4")); list.text != `{"hosts":[`+want+`}],"next":null}` {
		t.Errorf("list: %s", list.text)
	}
}

func TestListHostsTakesPages(t *testing.T) {
	f := newFixture(t)
	a := f.do("GET", "/v1/hosts?limit=1&sort_key=cpus&sort_dir=desc&marker=m&bogus=1", "", asAdmin, version("1.40"))
	next := "http://zun:9517/v1/hosts?sort_key=cpus&sort_dir=desc&limit=1&marker=" + hostID
	if got := f.object(a)["next"]; got != next {
		t.Errorf("next %v", got)
	}
	a = f.do("GET", "/v1/hosts?limit=1", "", asAdmin, version("1.40"))
	if got := f.object(a)["next"]; got != "http://zun:9517/v1/hosts?sort_key=hostname&sort_dir=asc&limit=1&marker="+hostID {
		t.Errorf("next %v", got)
	}
	want := []string{
		"host-list {Limit:1 Marker:m SortKey:cpus Desc:true}", "host-list {Limit:1 Marker: SortKey: Desc:false}",
	}
	if diff := cmp.Diff(want, f.memory.asked); diff != "" {
		t.Error(diff)
	}
}

func TestServicesLookAsInZun(t *testing.T) {
	f := newFixture(t)
	const want = `{"services":[{"id":1,"host":"h1","binary":"zun-compute","state":"up","disabled":false,"disabled_reason":null,` +
		`"forced_down":false,"last_seen_up":"2026-11-23T12:00:00.000000","report_count":7,"availability_zone":"nova",` +
		`"created_at":"2026-11-23T12:00:00.000000","updated_at":"2026-11-23T12:00:00.000000"}]}`
	for _, target := range []string{"/v1/services", "/v1/services/", "/v1/services?limit=1&marker=7&x=y"} {
		if a := f.do("GET", target, "", asAdmin, version("1.1")); a.text != want {
			t.Errorf("%s: %s", target, a.text)
		}
	}
}

// The arguments of a change are taken from the query and from the body.
func TestServicesAreChanged(t *testing.T) {
	const here = "host=h1&binary=zun-compute"
	for _, test := range []struct{ method, target, body, asked, answer string }{
		{"PUT", "enable?" + here, "", `service-change h1 zun-compute false "" false`, `{"service":{"host":"h1","binary":"zun-compute","disabled":false,"disabled_reason":null}}`},
		{"PUT", "enable", `{"host":"h1","binary":"zun-compute"}`, `service-change h1 zun-compute false "" false`, ""},
		{"PUT", "disable?" + here, "", `service-change h1 zun-compute true "" false`, `{"service":{"host":"h1","binary":"zun-compute","disabled":true,"disabled_reason":null}}`},
		{"PUT", "disable?" + here + "&disabled_reason=new+disk", "", `service-change h1 zun-compute true "new disk" false`, `{"service":{"host":"h1","binary":"zun-compute","disabled":true,"disabled_reason":"new disk"}}`},
		{"PUT", "force_down?" + here + "&forced_down=True", "", `service-change h1 zun-compute false "" true`, `{"service":{"host":"h1","binary":"zun-compute","forced_down":true}}`},
		{"PUT", "force_down?" + here + "&forced_down=false", "", `service-change h1 zun-compute false "" false`, `{"service":{"host":"h1","binary":"zun-compute","forced_down":false}}`},
		{"PUT", "force_down", `{"host":"h1","binary":"zun-compute","forced_down":false}`, `service-change h1 zun-compute false "" false`, ""},
		{"DELETE", "?" + here, "", "service-delete h1 zun-compute", "null"},
		{"DELETE", "h1/zun-compute", "", "service-delete h1 zun-compute", "null"},
	} {
		f := newFixture(t)
		a := f.do(test.method, "/v1/services/"+test.target, test.body, asAdmin)
		if a.status != 200 || test.answer != "" && a.text != test.answer {
			t.Errorf("%s %s: %d %s", test.method, test.target, a.status, a.text)
		}
		if diff := cmp.Diff([]string{test.asked}, f.memory.asked); diff != "" {
			t.Errorf("%s %s: %s", test.method, test.target, diff)
		}
	}
}

func TestQuotasLookAsInZun(t *testing.T) {
	const plain = `{"containers":40,"memory":51200,"disk":100,"cpu":20}`
	for _, test := range []struct{ method, target, body, asked, answer string }{
		{"GET", "quotas/p", "", "quota-get p", plain},
		{"GET", "quotas/p?usages=", "", "quota-get p", plain},
		{"GET", "quotas/p?usages=True", "", "quota-get p", `{"containers":{"limit":40,"in_use":1},"memory":{"limit":51200,"in_use":512.0},"disk":{"limit":100,"in_use":0.0},"cpu":{"limit":20,"in_use":1.5}}`},
		{"GET", "quotas/p/defaults", "", "quota-defaults", plain},
		{"GET", "quotas/other", "", "quota-get other", plain},
		{"PUT", "quotas/p", `{"containers":-1,"cpu":"7"}`, "quota-set p", `{"containers":-1,"memory":51200,"disk":100,"cpu":7}`},
		{"PUT", "quotas/p?disk=5", "", "quota-set p", `{"containers":40,"memory":51200,"disk":5,"cpu":20}`},
		{"PUT", "quotas/p", `{}`, "quota-set p", plain},
		{"DELETE", "quotas/p", "", "quota-delete p", "null"},
		{"GET", "quota_classes/default", "", "class-get default", plain},
		{"PUT", "quota_classes/gold", `{"memory":1}`, "class-set gold", `{"containers":40,"memory":1,"disk":100,"cpu":20}`},
	} {
		f := newFixture(t)
		a := f.do(test.method, "/v1/"+test.target, test.body, asAdmin)
		if a.status != 200 || a.text != test.answer {
			t.Errorf("%s %s: %d %s", test.method, test.target, a.status, a.text)
		}
		if diff := cmp.Diff([]string{test.asked}, f.memory.asked); diff != "" {
			t.Errorf("%s %s: %s", test.method, test.target, diff)
		}
	}
}

// Refused requests reach nobody.
func TestBadAdminRequests(t *testing.T) {
	f := newFixture(t)
	const here = "host=h1&binary=zun-compute"
	for _, test := range []struct {
		method, target, body string
		status               int
		detail               string
	}{
		{"PUT", "services/enable", "", 400, "'host' is a required property"},
		{"PUT", "services/enable?host=h1", "", 400, "'binary' is a required property"},
		{"PUT", "services/enable?" + here + "&disabled_reason=x", "", 400, "('disabled_reason' was unexpected)"},
		{"PUT", "services/enable?host=a+b&binary=zun-compute", "", 400, "'host'"},
		{"PUT", "services/enable?host=h1&binary=" + strings.Repeat("b", 256), "", 400, "'binary'"},
		{"PUT", "services/disable?" + here + "&disabled_reason=", "", 400, "it must have 1 to 255 characters"},
		{"PUT", "services/disable?" + here + "&disabled_reason=" + strings.Repeat("r", 256), "", 400, "'disabled_reason'"},
		{"PUT", "services/force_down?" + here, "", 400, "'forced_down'"},
		{"PUT", "services/force_down?" + here + "&forced_down=perhaps", "", 400, "it must be true or false"},
		{"PUT", "services/force_down?" + here + "&forced_down=1&forced_down=0", "", 400, "'forced_down'"},
		{"DELETE", "services", "", 400, "'host' is a required property"},
		{"DELETE", "services?" + here + "&force=1", "", 400, "('force' was unexpected)"},
		{"PUT", "quotas/p", `{"cpu":-2}`, 400, "from -1, which is unlimited"},
		{"PUT", "quotas/p", `{"cpu":"-2"}`, 400, "'cpu'"},
		{"PUT", "quotas/p", `{"cpu":1.5}`, 400, "'cpu'"},
		{"PUT", "quotas/p", `{"cpu":"many"}`, 400, "'cpu'"},
		{"PUT", "quotas/p", `{"cpu":null}`, 400, "'cpu'"},
		{"PUT", "quotas/p", `{"cpu":true}`, 400, "'cpu'"},
		{"PUT", "quotas/p", `{"cpu":[1]}`, 400, "'cpu'"},
		{"PUT", "quotas/p", `{"cpu":99999999999}`, 400, "'cpu'"},
		{"PUT", "quotas/p", `{"gpu":1}`, 400, "('gpu' was unexpected)"},
		{"PUT", "quotas/p?gpu=1", "", 400, "('gpu' was unexpected)"},
		{"PUT", "quotas/" + strings.Repeat("p", 256), `{"cpu":1}`, 400, "longer than 255"},
		{"PUT", "quota_classes/default", `{"containers":"-7"}`, 400, "'containers'"},
		{"PUT", "quota_classes/" + strings.Repeat("c", 256), `{}`, 400, "longer than 255"},
		{"GET", "hosts?limit=0", "", 400, "Limit must be positive integer"},
		{"GET", "hosts?sort_dir=up", "", 400, "asc or desc"},
		{"GET", "availability_zones?limit=x", "", 400, "Limit must be positive integer"},
		{"GET", "quotas", "", 404, "no such resource"},
		{"GET", "quota_classes", "", 404, "no such resource"},
		{"PUT", "services/reboot?" + here, "", 404, ""},
		{"POST", "services", "{}", 405, "DELETE, GET"},
		{"POST", "hosts", "{}", 405, "GET"},
	} {
		a := f.do(test.method, "/v1/"+test.target, test.body, asAdmin, latest)
		if a.status != test.status || !strings.Contains(f.problem(a).Detail, test.detail) {
			t.Errorf("%s %s %s: %d %s", test.method, test.target, test.body, a.status, a.text)
		}
	}
	if len(f.memory.asked) != 0 {
		t.Errorf("the service was asked %v", f.memory.asked)
	}
	for target, code := range map[string]string{"GET hosts/h2": "compute-node-not-found", "PUT services/enable?host=h2&binary=zun-compute": "zun-service-not-found", "DELETE services/h1/zun-api": "zun-service-not-found"} {
		method, path, _ := strings.Cut(target, " ")
		if a := f.do(method, "/v1/"+path, "", asAdmin, latest); a.status != 404 || f.problem(a).Code != "container."+code {
			t.Errorf("%s: %d %s", target, a.status, a.text)
		}
	}
}

// What a member of a project may: see zones, and the quota of the own project.
func TestAdminNounsAreNotForEverybody(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		target string
		rule   string
	}{
		{"GET hosts", "host:get_all"},
		{"GET hosts/h1", "host:get"},
		{"GET services", "zun-service:get_all"},
		{"PUT services/enable", "zun-service:enable"},
		{"PUT services/disable", "zun-service:disable"},
		{"PUT services/force_down", "zun-service:force_down"},
		{"DELETE services", "zun-service:delete"},
		{"DELETE services/h1/zun-compute", "zun-service:delete"},
		{"PUT quotas/p", "quota:update"},
		{"DELETE quotas/p", "quota:delete"},
		{"GET quotas/q", "quota:get"},
		{"GET quotas/q/defaults", "quota:get_default"},
		{"GET quota_classes/default", "quota_class:get"},
		{"PUT quota_classes/default", "quota_class:update"},
	} {
		method, path, _ := strings.Cut(test.target, " ")
		a := f.do(method, "/v1/"+path, "", latest)
		if p := f.problem(a); a.status != 403 || p.Detail != "Policy doesn't allow "+test.rule+" to be performed." {
			t.Errorf("%s: %d %s", test.target, a.status, a.text)
		}
	}
	if len(f.memory.asked) != 0 {
		t.Errorf("the service was asked %v", f.memory.asked)
	}
	for _, path := range []string{"availability_zones", "quotas/p", "quotas/p?usages=1", "quotas/p/defaults"} {
		if a := f.do("GET", "/v1/"+path, "", version("1.1")); a.status != 200 {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	if a := f.do("GET", "/v1/availability_zones", ""); a.text != `{"availability_zones":[{"availability_zone":"nova"}],"next":null}` {
		t.Errorf("zones: %s", a.text)
	}
	if a := f.do("GET", "/v1/availability_zones?limit=1", ""); !strings.Contains(a.text, "/v1/availability_zones?sort_key=availability_zone&sort_dir=asc&limit=1&marker=nova") {
		t.Errorf("a page of zones: %s", a.text)
	}
}

func TestHostsBeginAt14(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v1/hosts", "/v1/hosts/h1"} {
		if a := f.do("GET", path, "", asAdmin, version("1.3")); a.status != 406 {
			t.Errorf("%s at 1.3: %d", path, a.status)
		}
		if a := f.do("GET", path, "", asAdmin, version("1.4")); a.status != 200 || a.header.Get(versionHeader) != "container 1.4" {
			t.Errorf("%s at 1.4: %d", path, a.status)
		}
	}
}

func TestPlacementOfContainers(t *testing.T) {
	for body, want := range map[string]string{
		`{"image":"nginx"}`: "{}",
		`{"image":"nginx","hints":{},"availability_zone":null}`:                           "{}",
		`{"image":"nginx","hints":null}`:                                                  "{}",
		`{"image":"nginx","availability_zone":"west"}`:                                    `{"availability_zone":"west"}`,
		`{"image":"nginx","host":"h1"}`:                                                   `{"host":"h1"}`,
		`{"image":"nginx","hints":{"same_host":"a","different_host":["b","c"]}}`:          `{"same_host":["a"],"different_host":["b","c"]}`,
		`{"image":"nginx","hints":{"label:ssd":true,"label:n":1,"group":"g","label:":5}}`: `{"labels":{"":"5","n":"1","ssd":"True"}}`,
		`{"image":"nginx","hints":{"label:x":null,"same_host":null}}`:                     "{}",
		`{"image":"nginx","hints":{"query":[">=","$free_ram_mb",1024]}}`:                  "{}",
	} {
		f := newFixture(t)
		a := f.do("POST", "/v1/containers", body, asAdmin, version("1.40"))
		if a.status != 202 {
			t.Errorf("%s: %d %s", body, a.status, a.text)
			continue
		}
		raw, err := encode(f.memory.request.Placement)
		if err != nil || string(raw) != want {
			t.Errorf("%s: placement %s, %v", body, raw, err)
		}
	}
}

func TestBadPlacementOfContainers(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		body    string
		headers []string
		status  int
	}{
		{`{"image":"nginx","hints":{"same_host":5}}`, nil, 400},
		{`{"image":"nginx","hints":{"different_host":["a",""]}}`, nil, 400},
		{`{"image":"nginx","hints":["a"]}`, nil, 400},
		{`{"image":"nginx","availability_zone":""}`, nil, 400},
		{`{"image":"nginx","availability_zone":5}`, nil, 400},
		{`{"image":"nginx","host":"a b"}`, []string{asAdmin}, 400},
		{`{"image":"nginx","host":"h1"}`, nil, 403},
		{`{"image":"nginx","host":"h1"}`, []string{asAdmin, version("1.38")}, 400},
	} {
		if a := f.do("POST", "/v1/containers", test.body, append([]string{version("1.40")}, test.headers...)...); a.status != test.status {
			t.Errorf("%s %v: %d %s", test.body, test.headers, a.status, a.text)
		}
	}
	if slices.ContainsFunc(f.memory.asked, func(asked string) bool { return strings.HasPrefix(asked, "create") }) {
		t.Errorf("the service was asked %v", f.memory.asked)
	}
}
