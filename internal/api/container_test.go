package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

func TestContainerHasZunsKeys(t *testing.T) {
	f := newFixture(t)
	user := f.object(f.do("GET", "/v1/containers/web", ""))
	admin := f.object(f.do("GET", "/v1/containers/web", "", "X-Auth-Token: admin"))
	if len(user) != 33 || len(admin) != 37 {
		t.Errorf("%d keys for a user, %d for an admin; want 33 and 37", len(user), len(admin))
	}
	for _, hidden := range []string{"host", "image_pull_policy", "runtime", "privileged"} {
		if _, shown := user[hidden]; shown {
			t.Errorf("a user sees %s", hidden)
		}
		if _, shown := admin[hidden]; !shown {
			t.Errorf("an admin does not see %s", hidden)
		}
	}
	address := func(addr string, version float64) map[string]any {
		return map[string]any{"addr": addr, "version": version, "port": portID, "subnet_id": subnetID, "preserve_on_delete": false}
	}
	want := map[string]any{
		"uuid": runningID, "name": "web", "project_id": "p", "user_id": "u", "image": "nginx", "status": "Running",
		"links": []any{
			map[string]any{"href": "http://zun:9517/v1/containers/" + runningID, "rel": "self"},
			map[string]any{"href": "http://zun:9517/containers/" + runningID, "rel": "bookmark"},
		},
		"command": []any{"nginx", "-g", "daemon off;"}, "entrypoint": []any{}, "status_reason": nil, "status_detail": "Up 5 mins",
		"task_state": nil, "cpu": 1.0, "cpu_policy": "shared", "memory": "512", "disk": 0.0,
		"environment": map[string]any{"A": "1<&>"}, "labels": map[string]any{}, "workdir": nil, "ports": []any{80.0}, "hostname": nil,
		"addresses":         map[string]any{neutronID: []any{address("10.2.0.5", 4), address("fd00::5", 6)}},
		"image_pull_policy": nil, "host": "h1", "runtime": nil, "privileged": false,
		"restart_policy": map[string]any{"Name": "on-failure", "MaximumRetryCount": "2"},
		"interactive":    false, "tty": false, "auto_remove": false, "auto_heal": false, "image_driver": "docker",
		"security_groups": []any{}, "healthcheck": map[string]any{}, "registry_id": nil,
		"created_at": "2026-11-23 12:00:00.979986", "updated_at": "2026-11-23 12:00:00",
	}
	if diff := cmp.Diff(want, admin); diff != "" {
		t.Error(diff)
	}
}

func TestFieldRulesComeFromPolicy(t *testing.T) {
	engine, err := policy.New(map[string]string{"container:get_one:labels": "role:admin", "container:get_one:host": "@"})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *Config) { c.Policy = engine })
	body := f.object(f.do("GET", "/v1/containers/web", ""))
	if _, shown := body["labels"]; shown || body["host"] != "h1" {
		t.Errorf("%v", body)
	}
}

func TestListContainers(t *testing.T) {
	f := newFixture(t)
	body := f.object(f.do("GET", "/v1/containers", ""))
	list := body["containers"].([]any)
	if len(list) != 2 || body["next"] != nil {
		t.Fatalf("%v", body)
	}
	if one := list[0].(map[string]any); one["links"] != nil || len(one) != 32 {
		t.Errorf("an item has %d keys: %v", len(one), one)
	}
	if next, there := body["next"]; !there || next != nil {
		t.Errorf("next: %v", body)
	}
}

func TestListIsEmptyNotNull(t *testing.T) {
	f := newFixture(t)
	if a := f.do("GET", "/v1/containers?name=none", ""); a.text != `{"containers":[],"next":null}` {
		t.Error(a.text)
	}
}

func TestListPages(t *testing.T) {
	f := newFixture(t)
	body := f.object(f.do("GET", "/v1/containers/?limit=1&sort_key=name&sort_dir=desc&all_projects=True&status=Running", "", "X-Auth-Token: admin"))
	want := "http://zun:9517/v1/containers?sort_key=name&sort_dir=desc&limit=1&marker=" + runningID + "&all_projects=True&status=Running"
	if body["next"] != want {
		t.Errorf("next is %v\nwant    %s", body["next"], want)
	}
	seen := 0
	next := "http://zun:9517/v1/containers?limit=1"
	for next != "" {
		body := f.object(f.do("GET", strings.TrimPrefix(next, "http://zun:9517"), ""))
		seen += len(body["containers"].([]any))
		next, _ = body["next"].(string)
	}
	if seen != 2 {
		t.Errorf("pages had %d containers", seen)
	}
}

func TestListFilters(t *testing.T) {
	f := newFixture(t)
	yes := true
	a := f.do("GET", "/v1/containers?name=n&image=i&project_id=p&user_id=u&memory=512&host=h&task_state=t&status=s&auto_remove=1"+
		"&limit=5000&marker="+runningID+"&sort_key=uuid&sort_dir=asc&expand=x&resource_url=y&all_projects=no", "", "X-Auth-Token: admin")
	want := zun.ContainerFilter{
		Name: "n", Image: "i", ProjectID: "p", UserID: "u", MemoryMiB: 512, Host: "h", TaskState: "t", Status: "s", AutoRemove: &yes,
		Page: zun.Page{Limit: 1000, Marker: runningID, SortKey: "uuid"},
	}
	if diff := cmp.Diff(want, f.memory.filter); a.status != 200 || diff != "" {
		t.Errorf("%d %s", a.status, diff)
	}
}

func TestBadListQueries(t *testing.T) {
	f := newFixture(t)
	for query, test := range map[string]struct {
		status int
		detail string
	}{
		"limit=0":           {400, "Limit must be positive integer"},
		"limit=-1":          {400, "Limit must be positive integer"},
		"limit=x":           {400, "Limit must be positive integer"},
		"limit=1e3":         {400, "Limit must be positive integer"},
		"sort_dir=up":       {400, "asc or desc"},
		"bogus=1":           {400, "Unknown parameters: bogus"},
		"all_projects=many": {400, "all_projects"},
		"all_projects=1":    {403, "container:get_all_all_projects"},
		"host=h1":           {403, "container:get_one:host"},
		"memory=lots":       {400, "MiB"},
		"auto_remove=x":     {400, "true or false"},
		"marker=nope":       {404, "could not be found"},
	} {
		a := f.do("GET", "/v1/containers?"+query, "")
		if a.status != test.status || !strings.Contains(f.problem(a).Detail, test.detail) {
			t.Errorf("%s: %d %s", query, a.status, a.text)
		}
	}
}

func TestShowContainer(t *testing.T) {
	f := newFixture(t)
	for path, status := range map[string]int{
		"web": 200, runningID: 200, "theirs": 404, foreignID: 404, "web?whatever=1": 200,
		"web?all_projects=true": 403, "web?all_projects=many": 400,
	} {
		if a := f.do("GET", "/v1/containers/"+path, ""); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	if a := f.do("GET", "/v1/containers/theirs?all_projects=true", "", "X-Auth-Token: admin"); a.status != 200 {
		t.Errorf("admin: %d", a.status)
	}
}

func TestDeleteContainer(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		token, version, path string
		status               int
		detail               string
	}{
		{"user", "1.40", "db", 204, ""},
		{"user", "1.40", "db?force=False&stop=False&all_projects=False", 204, ""},
		{"user", "1.40", "web", 409, "Cannot delete container " + runningID + " in Running state"},
		{"user", "1.40", "web?stop=True", 204, ""},
		{"user", "1.11", "web?stop=True", 400, "Invalid param stop because current request version is 1.11. stop is only supported from version 1.12"},
		{"user", "1.6", "web?force=1", 400, "Invalid param force"},
		{"user", "1.7", "web?force=1", 403, "container:delete_force"},
		{"user", "1.12", "web?force=1&stop=1", 204, ""},
		{"admin", "1.7", "web?force=1", 204, ""},
		{"user", "1.12", "theirs", 404, "could not be found"},
		{"user", "1.12", "theirs?all_projects=on", 403, "container:delete_all_projects"},
		{"admin", "1.12", "theirs?all_projects=on&stop=YES", 204, ""},
		{"user", "1.12", "web?force=perhaps", 400, "'force'"},
		{"user", "1.12", "web?bogus=1", 400, "('bogus' was unexpected)"},
	} {
		a := f.do("DELETE", "/v1/containers/"+test.path, "", version(test.version), "X-Auth-Token:"+test.token)
		if a.status != test.status {
			t.Errorf("%s as %s at %s: %d %s", test.path, test.token, test.version, a.status, a.text)
			continue
		}
		if test.detail == "" && a.text != "" || test.detail != "" && !strings.Contains(f.problem(a).Detail, test.detail) {
			t.Errorf("%s: %s", test.path, a.text)
		}
	}
}
