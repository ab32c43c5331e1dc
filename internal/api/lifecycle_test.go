package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOrders(t *testing.T) {
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string // what control was asked, or the detail of the error
	}{
		{"POST", "db/start", "", 202, "start db "},
		{"POST", "web/start", "", 409, "Cannot start container " + runningID + " in Running state"},
		{"POST", "db/start", "{bad", 202, "start db "},
		{"POST", "web/stop", "", 202, "stop web default"},
		{"POST", "web/stop?timeout=5", "", 202, "stop web 5"},
		{"POST", "web/stop?timeout=", "", 202, "stop web default"},
		{"POST", "web/stop", `{"timeout":7}`, 202, "stop web 7"},
		{"POST", "web/stop", `{"timeout":"8","unknown":1}`, 202, "stop web 8"},
		{"POST", "web/stop?timeout=None", "", 400, "Invalid input for query parameters 'timeout'. Value: 'None'."},
		{"POST", "web/stop?timeout=-1", "", 400, "0 or more"},
		{"POST", "web/stop?timeout=9999999999", "", 400, "number of seconds"},
		{"POST", "web/stop", `{"timeout":[1]}`, 400, "'timeout'"},
		{"POST", "web/stop?unknown=1", "", 400, "('unknown' was unexpected)"},
		{"POST", "db/stop", "", 409, "Cannot stop container"},
		{"POST", "web/reboot?timeout=0", "", 202, "reboot web 0"},
		{"POST", "nope/reboot", "", 404, "could not be found"},
		{"POST", "web/kill", "", 202, "kill web "},
		{"POST", "web/kill?signal=None", "", 202, "kill web "},
		{"POST", "web/kill?signal=SIGTERM", "", 202, "kill web SIGTERM"},
		{"POST", "web/kill?signal=hup", "", 202, "kill web SIGHUP"},
		{"POST", "web/kill?signal=sigusr1", "", 202, "kill web SIGUSR1"},
		{"POST", "web/kill", `{"signal":9}`, 202, "kill web 9"},
		{"POST", "web/kill?signal=SigTerm", "", 400, "'signal'"},
		{"POST", "web/kill?signal=65", "", 400, "'signal'"},
		{"POST", "web/kill?signal=BANG", "", 400, "'signal'"},
		{"POST", "web/pause", "", 202, "pause web "},
		{"POST", "db/pause", "", 409, "Cannot pause container " + stoppedID + " in Stopped state"},
		{"POST", "web/pause?now=1", "", 400, "('now' was unexpected)"},
		{"POST", "web/unpause", "", 409, "Cannot unpause container " + runningID + " in Running state"},
		{"POST", "web/rebuild", "", 202, "rebuild web  "},
		{"POST", "web/rebuild?image=nginx:2", "", 202, "rebuild web nginx:2 "},
		{"POST", "db/rebuild", `{"image":"nginx","image_driver":"docker","host":"h"}`, 202, "rebuild db nginx docker"},
		{"POST", "db/rebuild?image_driver=None", "", 202, "rebuild db  "},
		{"POST", "db/rebuild?image_driver=glance", "", 501, "Glance"},
		{"POST", "db/rebuild?image_driver=floppy", "", 400, "'image_driver'"},
		{"POST", "db/rebuild?image=x", "", 400, "'image'"},
		{"POST", "db/rebuild?image=::", "", 400, "'image'"},
		{"POST", "db/rebuild?tag=2", "", 400, "('tag' was unexpected)"},
		{"GET", "web/top", "", 200, "top web "},
		{"GET", "web/top?ps_args=None", "", 200, "top web None"},
		{"GET", "web/top?ps_args=-o%20pid", "", 200, "top web -o pid"},
		{"GET", "web/top?pid=1", "", 400, "('pid' was unexpected)"},
		{"GET", "db/top", "", 409, "Cannot top container"},
		{"GET", "web/stats", "", 200, "stats web "},
		{"GET", "web/stats?stream=1", "", 400, "('stream' was unexpected)"},
		{"GET", "db/stats", "", 409, "Cannot stats container"},
		{"GET", "web/get_archive?path=/etc/hosts", "", 200, "get_archive web /etc/hosts"},
		{"GET", "db/get_archive?path=etc/.", "", 200, "get_archive db /etc/."},
		{"GET", "web/get_archive", "", 400, "'path' is a required property"},
		{"GET", "web/get_archive?path=/a&file=b", "", 400, "('file' was unexpected)"},
		{"POST", "web/put_archive?path=/tmp", `{"data":""}`, 200, "put_archive web /tmp 0"},
		{"POST", "web/put_archive", `{"path":"/tmp","data":""}`, 200, "put_archive web /tmp 0"},
		{"POST", "web/put_archive?path=/tmp", `{"data":"` + tarOf("a", "hello") + `"}`, 200, "put_archive web /tmp 2048"},
		{"POST", "web/put_archive?path=/tmp", `{"data":"H4sIAAAA"}`, 200, "put_archive web /tmp 6"},
		{"POST", "web/put_archive", `{"data":""}`, 400, "'path' is a required property"},
		{"POST", "web/put_archive?path=/tmp", "", 400, "'data' is a required property"},
		{"POST", "web/put_archive?path=/tmp", "{bad", 400, "the request body is not a JSON object"},
		{"POST", "web/put_archive?path=/tmp", `{"data":null}`, 400, "'data' is a required property"},
		{"POST", "web/put_archive?path=/tmp", `{"data":"!"}`, 400, "it must be Base64"},
		{"POST", "web/put_archive?path=/tmp", `{"data":"AAA"}`, 400, "it must be Base64"},
		{"POST", "web/put_archive?path=/tmp", `{"data":[65]}`, 400, "it must be a string"},
		{"POST", "web/put_archive?path=/tmp", `{"data":{}}`, 400, "it must be a string"},
		{"POST", "web/put_archive?path=/tmp", `{"data":"aGVsbG8="}`, 400, "no tar archive"},
		{"POST", "web/put_archive?path=/tmp&mode=1", `{"data":""}`, 400, "('mode' was unexpected)"},
		{"POST", "nope/put_archive?path=/tmp", `{"data":""}`, 404, "could not be found"},
		{"POST", "web/commit?repository=r&tag=t", "", 202, "commit web r t"},
		{"POST", "web/commit", `{"repository":"r"}`, 202, "commit web r "},
		{"POST", "web/commit", "", 400, "'repository' is a required property"},
		{"POST", "web/resize_container", `{"cpu":"0.5","memory":"256"}`, 202, "resize_container web cpu=0.5 memory=256"},
		{"POST", "web/resize_container", `{"disk":1}`, 400, "('disk' was unexpected)"},
		{"PATCH", "web", `{"name":"new","cpu":2,"memory":1024,"auto_heal":"False"}`, 200, "update web name=new cpu=2 memory=1024 auto_heal=false"},
		{"PATCH", "web", `{}`, 200, "update web "},
		{"PATCH", "web", "", 200, "update web "},
		{"PATCH", "web", `{"cpu":null,"memory":null,"name":null,"auto_heal":null}`, 200, "update web "},
		{"PATCH", "web", `{"image":"nginx"}`, 400, "Additional properties are not allowed ('image' was unexpected)"},
		{"PATCH", "web", `{"cpu":0.05}`, 400, "'cpu'"},
		{"PATCH", "web", `{"cpu":"many"}`, 400, "'cpu'"},
		{"PATCH", "web", `{"cpu":true}`, 400, "'cpu'"},
		{"PATCH", "web", `{"memory":3}`, 400, "'memory'"},
		{"PATCH", "web", `{"memory":"512m"}`, 400, "'memory'"},
		{"PATCH", "web", `{"memory":8193}`, 400, "'memory'"},
		{"PATCH", "web", `{"name":"-x"}`, 400, "'name'"},
		{"PATCH", "web", `{"auto_heal":"maybe"}`, 400, "'auto_heal'"},
		{"PATCH", "nope", `{}`, 404, "could not be found"},
		{"GET", "web/logs", "", 200, "logs web true true false all 0"},
		{"GET", "web/logs?stdout=0&stderr=No&timestamps=on&tail=10&since=1700000000", "", 200, "logs web false false true 10 1700000000"},
		{"GET", "web/logs?tail=many&since=2026-11-23%2012:00:00,123", "", 200, "logs web true true false all 1795435200"},
		{"GET", "web/logs?since=yesterday", "", 400, "'since'"},
		{"GET", "web/logs?follow=1", "", 400, "('follow' was unexpected)"},
		{"POST", `web/execute?command=%22ls%22%20%22-l%22`, "", 200, "execute web ls|-l"},
		{"POST", "web/execute", `{"command":"cat '/a b'","run":true,"interactive":"False"}`, 200, "execute web cat|/a b"},
		{"POST", "web/execute", "", 400, "'command' is a required property"},
		{"POST", "web/execute", "{bad", 400, "'command' is a required property (the request body is not a JSON object and was ignored)"},
		{"POST", "web/execute?command=%20", "", 400, "at least one word"},
		{"POST", "web/execute?command='", "", 400, "not closed"},
		{"POST", "web/execute?command=sh&interactive=true", "", 200, "execute web sh"},
		{"POST", "db/execute?command=sh", "", 409, "Cannot execute container"},
		{"POST", "web/network_attach?network=n", "", 200, "network_attach web {Network:n Port: IPv4:invalid IP IPv6:invalid IP} true"},
		{"POST", "web/network_attach", `{"port":"p","fixed_ip":"fd00::7"}`, 200, "network_attach web {Network: Port:p IPv4:invalid IP IPv6:fd00::7} true"},
		{"POST", "web/network_attach?fixed_ip=10.0.0.7", "", 200, "network_attach web {Network: Port: IPv4:10.0.0.7 IPv6:invalid IP} true"},
		{"POST", "web/network_attach?network=n&port=p", "", 400, "not both"},
		{"POST", "web/network_attach?network=n&fixed_ip=here", "", 400, "'fixed_ip'"},
		{"POST", "web/network_attach?net=n", "", 400, "('net' was unexpected)"},
		{"POST", "web/network_detach?network=n", "", 202, "network_detach web {Network:n Port: IPv4:invalid IP IPv6:invalid IP} true"},
		{"POST", "web/network_detach?port=p", "", 202, "network_detach web {Network: Port:p IPv4:invalid IP IPv6:invalid IP} true"},
		{"POST", "web/network_detach", "", 400, "either network or port"},
		{"POST", "web/network_detach?network=n&port=p", "", 400, "either network or port"},
	} {
		f := newFixture(t)
		a := f.do(test.method, "/v1/containers/"+test.path, test.body, version("latest"))
		if a.status != test.status {
			t.Errorf("%s %s %s: %d %s", test.method, test.path, test.body, a.status, a.text)
			continue
		}
		if a.status >= 400 {
			if !strings.Contains(f.problem(a).Detail, test.want) {
				t.Errorf("%s: %s", test.path, a.text)
			}
			continue
		}
		if diff := cmp.Diff([]string{test.want}, f.memory.asked); diff != "" {
			t.Errorf("%s: %s", test.path, diff)
		}
		if a.status == 202 && !strings.Contains(test.path, "commit") && !strings.Contains(test.path, "resize_container") && (a.text != "null" || a.header.Get("Content-Type") != "application/json") {
			t.Errorf("%s: %q", test.path, a.text)
		}
	}
}

func TestNetworkNamesMeanNeutronsUpTo140(t *testing.T) {
	f := newFixture(t)
	f.do("POST", "/v1/containers/web/network_attach?network=n", "", version("1.40"))
	f.do("POST", "/v1/containers/web/network_detach?network=n", "", version("1.40"))
	for _, asked := range f.memory.asked {
		if !strings.HasSuffix(asked, " false") {
			t.Error(asked)
		}
	}
}

func TestActionAnswers(t *testing.T) {
	f := newFixture(t)
	if a := f.do("GET", "/v1/containers/web/logs", ""); a.text != `"hello\n�<b>"` {
		t.Errorf("logs: %s", a.text)
	}
	if a := f.do("POST", "/v1/containers/web/execute?command=ls", ""); a.text != `{"output":"out\n","exit_code":3,"exec_id":null,"proxy_url":null}` {
		t.Errorf("execute: %s", a.text)
	}
	want := `{"networks":[{"net_id":"` + neutronID + `","port_id":"` + portID + `","fixed_ips":[` +
		`{"subnet_id":"` + subnetID + `","version":4,"ip_address":"10.2.0.5"},{"subnet_id":"` + subnetID + `","version":6,"ip_address":"fd00::5"}]}]}`
	if a := f.do("GET", "/v1/containers/web/network_list", "", version("1.18")); a.text != want {
		t.Errorf("network_list: %s", a.text)
	}
	flat := func(version int, ip string) string {
		return fmt.Sprintf(`{"net_id":"%s","subnet_id":"%s","port_id":"%s","version":%d,"ip_address":"%s"}`, neutronID, subnetID, portID, version, ip)
	}
	want = `{"networks":[` + flat(4, "10.2.0.5") + "," + flat(6, "fd00::5") + `]}`
	if a := f.do("GET", "/v1/containers/web/network_list", "", version("1.17")); a.text != want {
		t.Errorf("network_list at 1.17: %s", a.text)
	}
	if a := f.do("GET", "/v1/containers/db/network_list", "", version("1.18")); a.text != `{"networks":[]}` {
		t.Errorf("network_list of none: %s", a.text)
	}
}

func TestActionsLog(t *testing.T) {
	f := newFixture(t)
	order := f.do("POST", "/v1/containers/web/stop", "")
	id := order.header.Get("X-Openstack-Request-Id")
	list := f.object(f.do("GET", "/v1/containers/web/container_actions/", ""))["containerActions"].([]any)
	want := map[string]any{
		"action": "stop", "container_uuid": runningID, "request_id": id, "user_id": "u", "project_id": "p",
		"start_time": "2026-11-23T12:00:00.000000", "finish_time": "2026-11-23T12:00:01.000000", "message": nil,
	}
	if diff := cmp.Diff(want, list[0]); len(list) != 3 || diff != "" {
		t.Errorf("%d %s", len(list), diff)
	}
	want["events"] = []any{
		map[string]any{
			"event": "image", "start_time": "2026-11-23T12:00:00.000000", "finish_time": "2026-11-23T12:00:00.250000",
			"result": "Success", "traceback": nil, "duration_ms": 250.0, "detail": "found it",
		},
		map[string]any{
			"event": "port", "start_time": "2026-11-23T12:00:00.000000", "finish_time": nil,
			"result": nil, "traceback": nil, "duration_ms": nil, "detail": nil,
		},
	}
	one := f.object(f.do("GET", "/v1/containers/web/container_actions/"+id, "", version("1.41")))
	if diff := cmp.Diff(want, one); diff != "" {
		t.Error(diff)
	}
	a := f.do("GET", "/v1/containers/web/container_actions/req-none", "")
	if p := f.problem(a); a.status != 404 || p.Detail != "The Action resource req-none could not be found." {
		t.Errorf("%d %+v", a.status, p)
	}
}

func TestActionsLogUpTo140(t *testing.T) {
	f := newFixture(t)
	event := func(name string, finish, result, traceback any) []any {
		return []any{map[string]any{
			"event": name, "start_time": "2026-11-23T12:00:00.000000", "finish_time": finish, "result": result, "traceback": traceback,
		}}
	}
	for _, test := range []struct {
		token, request string
		want           []any
		message        any
	}{
		{"user", "req-1", event("compute__do_container_create", "2026-11-23T12:00:01.000000", "Error", nil), "Error"},
		{"admin", "req-1", event("compute__do_container_create", "2026-11-23T12:00:01.000000", "Error", "cannot pull nginx"), "Error"},
		{"user", "req-2", event("compute__do_network_attach", nil, nil, nil), nil},
	} {
		one := f.object(f.do("GET", "/v1/containers/web/container_actions/"+test.request, "", version("1.40"), "X-Auth-Token:"+test.token))
		if diff := cmp.Diff(test.want, one["events"]); diff != "" || one["message"] != test.message {
			t.Errorf("%s %s: %v %s", test.token, test.request, one["message"], diff)
		}
	}
	one := f.object(f.do("GET", "/v1/containers/web/container_actions/req-1", "", version("1.41")))
	if one["message"] != "cannot pull nginx" {
		t.Errorf("at 1.41 the message is %v", one["message"])
	}
}
