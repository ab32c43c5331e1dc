package api

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/gozun/gozun/zun"
)

// newRunning returns the whole API with one running container called web.
func newRunning(tb testing.TB) (*fixture, *cloud) {
	tb.Helper()
	f, c, _ := newWhole(tb)
	f.want(202, f.do("POST", "/v1/containers?run=true", `{"image":"nginx","name":"web","nets":[{"network":"testnet"}]}`, latest))
	f.reaches("web", "Running")
	return f, c
}

// reaches waits until a container has a status and nothing is being done to it.
func (f *fixture) reaches(name, status string) map[string]any {
	f.Helper()
	return f.object(f.until("/v1/containers/"+name, func(a answer) bool {
		return strings.Contains(a.text, `"status":"`+status+`"`) && strings.Contains(a.text, `"task_state":null`)
	}))
}

// Every action in every status that a container can be brought to, from the API down to
// the database: what the table of states forbids is 409, names both, and changes nothing.
func TestStatesThroughTheWholeService(t *testing.T) {
	archive := `{"data":""}`
	actions := []struct{ method, action, body, in string }{ // in: the statuses in which it is taken
		{"POST", "start", "", "Created Stopped"},
		{"POST", "stop", "", "Running"},
		{"POST", "pause", "", "Running"},
		{"POST", "unpause", "", "Paused"},
		{"POST", "kill", "", "Running"},
		{"POST", "reboot", "", "Created Running Stopped"},
		{"POST", "rebuild", "", "Created Running Stopped"},
		{"POST", "resize_container", `{"cpu":1}`, "Created Running Stopped Paused"},
		{"PATCH", "", `{}`, "Created Running Stopped Paused"},
		{"PATCH", "", `{"memory":64}`, "Created Running Stopped Paused"},
		{"GET", "top", "", "Running"},
		{"GET", "stats", "", "Running"},
		{"GET", "get_archive?path=/etc/hostname", "", "Created Running Stopped Paused"},
		{"POST", "put_archive?path=/tmp", archive, "Created Running Stopped Paused"},
		{"POST", "commit?repository=r", "", "Running Stopped Paused"},
		{"POST", "execute?command=ls", "", "Running"},
		{"GET", "logs", "", "Created Running Stopped Paused"},
		{"DELETE", "", "", "Created Stopped"},
		{"DELETE", "?stop=true", "", "Created Running Stopped"},
	}
	ways := map[string][]string{"Created": nil, "Running": {"start"}, "Stopped": {"start", "stop"}, "Paused": {"start", "pause"}}
	for status, way := range ways {
		f, _, _ := newWhole(t)
		for i, test := range actions {
			name := fmt.Sprintf("c%d", i)
			f.want(202, f.do("POST", "/v1/containers", `{"image":"nginx","name":"`+name+`","nets":[{"network":"testnet"}]}`, latest))
			f.reaches(name, "Created")
			for _, step := range way {
				f.want(202, f.do("POST", "/v1/containers/"+name+"/"+step, "", latest))
				f.reaches(name, map[string]string{"start": "Running", "stop": "Stopped", "pause": "Paused"}[step])
			}
			target := "/v1/containers/" + name
			if test.action != "" && !strings.HasPrefix(test.action, "?") {
				target += "/"
			}
			a := f.do(test.method, target+test.action, test.body, latest)
			allowed := strings.Contains(" "+test.in+" ", " "+status+" ")
			taken := a.status < 300 || a.status == 501 && strings.HasPrefix(test.action, "commit")
			if taken != allowed {
				t.Errorf("%s %s in %s: %d %s", test.method, test.action, status, a.status, a.text)
			}
			if allowed {
				continue
			}
			if p := f.problem(a); a.status != 409 || p.Code != "container.invalid-state-exception" || !strings.Contains(p.Detail, status) {
				t.Errorf("%s %s in %s: %d %s", test.method, test.action, status, a.status, a.text)
			}
			f.reaches(name, status)
		}
	}
}

func TestChangesThroughTheWholeService(t *testing.T) {
	f, c := newRunning(t)
	patched := f.object(f.want(200, f.do("PATCH", "/v1/containers/web", `{"name":"shop","cpu":0.2,"memory":"200","auto_heal":true}`, version("1.40"))))
	if patched["name"] != "shop" || patched["cpu"] != 0.2 || patched["memory"] != "200" || patched["auto_heal"] != true {
		t.Errorf("PATCH: %v", patched)
	}
	resized := f.object(f.want(202, f.do("POST", "/v1/containers/shop/resize_container", `{"memory":300}`, version("1.19"))))
	if resized["memory"] != "200" {
		t.Errorf("resize_container: %v", resized)
	}
	if after := f.reaches("shop", "Running"); after["memory"] != "300" || after["cpu"] != 0.2 {
		t.Errorf("resized: %v", after)
	}
	c.mu.Lock()
	if len(c.updated) != 1 || c.updated[0].MemoryMiB != 200 || c.updated[0].CPU != 0.2 {
		t.Errorf("the host was told %+v", c.updated)
	}
	c.stuck = true
	c.mu.Unlock()
	a := f.do("PATCH", "/v1/containers/shop", `{"name":"other","memory":400}`, version("1.40"))
	if p := f.problem(a); a.status != 503 || !strings.Contains(p.Detail, "host h1") {
		t.Errorf("the host does not answer: %d %s", a.status, a.text)
	}
	if after := f.reaches("shop", "Running"); after["memory"] != "300" {
		t.Errorf("and yet it changed: %v", after)
	}
	f.want(409, f.do("POST", "/v1/containers/shop/rename?name=shop", "", version("1.13")))
	f.want(200, f.do("POST", "/v1/containers/shop/rename?name=web", "", version("1.13")))
	f.want(404, f.do("PATCH", "/v1/containers/shop", `{}`, latest))
}

func TestRebuildThroughTheWholeService(t *testing.T) {
	f, _ := newRunning(t)
	before := f.object(f.do("GET", "/v1/containers/web", "", latest))["addresses"]
	ordered := f.want(202, f.do("POST", "/v1/containers/web/rebuild?image=nginx:2&image_driver=docker", "", version("1.40")))
	if ordered.text != "null" {
		t.Errorf("the answer is %s", ordered.text)
	}
	if after := f.reaches("web", "Running"); after["image"] != "nginx:2" || fmt.Sprint(after["addresses"]) != fmt.Sprint(before) {
		t.Errorf("rebuilt: %v", after)
	}
	action := f.object(f.do("GET", "/v1/containers/web/container_actions/"+ordered.header.Get("X-Openstack-Request-Id"), "", version("1.40")))
	event := action["events"].([]any)[0].(map[string]any)
	if action["action"] != "rebuild" || action["finish_time"] == nil || action["message"] != nil || event["event"] != "compute__do_container_rebuild" || event["result"] != "Success" {
		t.Errorf("action %v", action)
	}
}

func TestSecurityGroupsThroughTheWholeService(t *testing.T) {
	f, c := newRunning(t)
	c.mu.Lock()
	c.groups = []zun.SecurityGroup{{ID: portID, Name: "g", ProjectID: "p"}, {ID: subnetID, Name: "theirs", ProjectID: "q"}}
	c.mu.Unlock()
	f.want(202, f.do("POST", "/v1/containers/web/add_security_group?name=g", "", version("1.14")))
	if after := f.reaches("web", "Running"); fmt.Sprint(after["security_groups"]) != "["+portID+"]" {
		t.Errorf("added: %v", after["security_groups"])
	}
	for target, says := range map[string]string{
		"add_security_group?name=g": "has it already", "add_security_group?name=" + portID: "has it already",
		"add_security_group?name=theirs": "not found", "remove_security_group?name=nope": "not found",
	} {
		a := f.do("POST", "/v1/containers/web/"+target, "", version("1.14"))
		if a.status != 400 || !strings.Contains(f.problem(a).Detail, says) {
			t.Errorf("%s: %d %s", target, a.status, a.text)
		}
	}
	f.want(202, f.do("POST", "/v1/containers/web/remove_security_group", `{"name":"`+portID+`"}`, version("1.14")))
	if after := f.reaches("web", "Running"); fmt.Sprint(after["security_groups"]) != "[]" {
		t.Errorf("removed: %v", after["security_groups"])
	}
	f.want(400, f.do("POST", "/v1/containers/web/remove_security_group?name=g", "", version("1.14")))
}

// What was put comes back the same, in both ways of writing it.
func TestArchivesThroughTheWholeService(t *testing.T) {
	f, _ := newRunning(t)
	data := tarOf("a", "hello")
	if a := f.want(200, f.do("POST", "/v1/containers/web/put_archive?path=/tmp", `{"data":"`+data+`"}`, version("1.40"))); a.text != "null" {
		t.Errorf("put: %s", a.text)
	}
	if got := f.object(f.want(200, f.do("GET", "/v1/containers/web/get_archive?path=/tmp", "", version("1.40")))); got["data"] != data {
		t.Errorf("got %v", got)
	}
	text := f.object(f.want(200, f.do("GET", "/v1/containers/web/get_archive?path=/tmp", "", version("1.24"))))["data"].(string)
	if base64.StdEncoding.EncodeToString([]byte(text)) != data {
		t.Errorf("as text: %q", text)
	}
	f.want(400, f.do("GET", "/v1/containers/web/get_archive?path=/nowhere", "", version("1.40")))
	f.want(404, f.do("GET", "/v1/containers/"+foreignID+"/get_archive?path=/etc", "", version("1.40")))
}
