package api

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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

func TestCreateContainer(t *testing.T) {
	f := newFixture(t)
	a := f.do("POST", "/v1/containers", `{"image":"cirros:latest","name":"c1","command":["sleep",10000],"environment":{"A":"b"}}`, version("1.20"))
	body := f.object(a)
	if a.status != 202 || a.header.Get("Location") != "http://zun:9517/v1/containers/"+body["uuid"].(string) {
		t.Errorf("%d %v", a.status, a.header)
	}
	if body["status"] != "Creating" || body["links"] == nil || body["cpu"] != nil || body["memory"] != nil || body["created_at"] != "2026-11-23 12:00:00" {
		t.Errorf("%v", body)
	}
	if diff := cmp.Diff([]string{"sleep", "10000"}, f.memory.request.Command); diff != "" {
		t.Error(diff)
	}
}

func TestCreateRequestIsUnderstood(t *testing.T) {
	half, memory := 0.5, int64(100)
	for name, test := range map[string]struct {
		version, query, body string
		want                 zun.ContainerRequest
	}{
		"only an image": {"1.1", "", `{"image":"nginx"}`, zun.ContainerRequest{Image: "nginx", ImageDriver: "docker"}},
		"run in query":  {"1.1", "?run=true", `{"image":"nginx"}`, zun.ContainerRequest{Image: "nginx", ImageDriver: "docker", Run: true}},
		"run in body":   {"1.1", "", `{"image":"nginx","run":"Yes"}`, zun.ContainerRequest{Image: "nginx", ImageDriver: "docker", Run: true}},
		"all in query":  {"1.1", "?image=nginx&name=c1&cpu=.5", `{}`, zun.ContainerRequest{Image: "nginx", ImageDriver: "docker", Name: "c1", CPU: &half}},
		"what the command line always sends": {
			"1.1", "", `{"image":"nginx","hints":{},"nets":[],"mounts":[],"labels":{},"environment":{},"command":"","auto_remove":false}`,
			zun.ContainerRequest{Image: "nginx", ImageDriver: "docker"},
		},
		"nulls": {
			"1.41", "", `{"image":"nginx","name":null,"command":null,"entrypoint":null,"cpu":null,"memory":null,"disk":null,"workdir":null,
			 "environment":null,"labels":null,"restart_policy":null,"auto_remove":null,"image_pull_policy":null,"image_driver":null,
			 "security_groups":null,"nets":null,"mounts":null,"exposed_ports":null,"hints":null,"healthcheck":null,"runtime":null,
			 "availability_zone":null}`,
			zun.ContainerRequest{Image: "nginx", ImageDriver: "docker", OwnNetworks: true},
		},
		"everything": {
			"1.41", "", `{"image":"nginx:1","name":"c.1","command":["a","b c"],"entrypoint":["/e"],"cpu":"0.5","memory":"100","workdir":"/w",
			 "hostname":"h-1","environment":{"A":"1"},"labels":{"l":1,"m":true,"n":null},
			 "restart_policy":{"Name":"on-failure","MaximumRetryCount":"2"},
			 "interactive":"True","tty":"False","image_driver":"docker","cpu_policy":"shared","auto_heal":false,"availability_zone":"nova",
			 "security_groups":["sg"],"nets":[{"network":"foo","v4-fixed-ip":"10.2.0.9","v6-fixed-ip":"fd00::9"},{"port":"p1"}]}`,
			zun.ContainerRequest{
				Image: "nginx:1", ImageDriver: "docker", Name: "c.1", Command: []string{"a", "b c"}, Entrypoint: []string{"/e"},
				CPU: &half, MemoryMiB: &memory, Workdir: "/w", Hostname: "h-1", Environment: map[string]string{"A": "1"},
				Labels:        map[string]string{"l": "1", "m": "True", "n": "None"},
				RestartPolicy: zun.RestartPolicy{Name: "on-failure", MaximumRetryCount: 2}, Interactive: true,
				SecurityGroups: []string{"sg"}, OwnNetworks: true,
				Nets: []zun.NetRequest{
					{Network: "foo", IPv4: netip.MustParseAddr("10.2.0.9"), IPv6: netip.MustParseAddr("fd00::9")}, {Port: "p1"},
				},
			},
		},
		"own networks only from 1.41": {
			"1.40", "", `{"image":"nginx","nets":[{"network":"foo"}]}`,
			zun.ContainerRequest{Image: "nginx", ImageDriver: "docker", Nets: []zun.NetRequest{{Network: "foo"}}},
		},
		"command line up to 1.19": {
			"1.19", "", `{"image":"nginx","command":"sh -c \"sleep 100\""}`,
			zun.ContainerRequest{Image: "nginx", ImageDriver: "docker", Command: []string{"sh", "-c", "sleep 100"}},
		},
		"Heat's quoted command is one word": {
			"1.12", "?run=true", `{"image":"nginx","command":"\"sleep 100\"","security_groups":[]}`,
			zun.ContainerRequest{Image: "nginx", ImageDriver: "docker", Command: []string{"sleep 100"}, Run: true},
		},
		"tty follows interactive from 1.20": {
			"1.35", "", `{"image":"nginx","interactive":true,"tty":false}`,
			zun.ContainerRequest{Image: "nginx", ImageDriver: "docker", Interactive: true, TTY: true},
		},
		"tty stands alone from 1.36": {
			"1.36", "", `{"image":"nginx","interactive":true}`,
			zun.ContainerRequest{Image: "nginx", ImageDriver: "docker", Interactive: true},
		},
		"count without use": {
			"1.20", "", `{"image":"nginx","restart_policy":{"Name":"no","MaximumRetryCount":5},"auto_remove":true}`,
			zun.ContainerRequest{Image: "nginx", ImageDriver: "docker", RestartPolicy: zun.RestartPolicy{Name: "no"}, AutoRemove: true},
		},
		"entry without count": {
			"1.20", "", `{"image":"nginx","restart_policy":{"Name":"always","MaximumRetryCount":null}}`,
			zun.ContainerRequest{Image: "nginx", ImageDriver: "docker", RestartPolicy: zun.RestartPolicy{Name: "always"}},
		},
	} {
		f := newFixture(t)
		a := f.do("POST", "/v1/containers"+test.query, test.body, version(test.version))
		if a.status != 202 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
			continue
		}
		if diff := cmp.Diff(test.want, f.memory.request, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestImagePullPolicyIsForAdmins(t *testing.T) {
	f := newFixture(t)
	const body = `{"image":"nginx","image_pull_policy":"IfNotPresent"}`
	if a := f.do("POST", "/v1/containers", body); a.status != 403 {
		t.Errorf("user: %d", a.status)
	}
	if a := f.do("POST", "/v1/containers", body, "X-Auth-Token: admin"); a.status != 202 || f.memory.request.ImagePullPolicy != "ifnotpresent" {
		t.Errorf("admin: %d %q", a.status, f.memory.request.ImagePullPolicy)
	}
}

func TestBadCreateRequests(t *testing.T) {
	f := newFixture(t)
	for body, test := range map[string]struct {
		version string
		status  int
		detail  string
	}{
		`{}`:                                                                           {"1.1", 400, "'image' is a required property"},
		`{"image":"nginx","bogus":1}`:                                                  {"1.1", 400, "Additional properties are not allowed ('bogus' was unexpected)"},
		`{"image":""}`:                                                                 {"1.1", 400, "Invalid input for field 'image'.Value: ''."},
		`{"image":"nginx","name":"-"}`:                                                 {"1.1", 400, "Invalid input for field 'name'.Value: '-'."},
		`{"image":"nginx","name":5}`:                                                   {"1.1", 400, "field 'name'"},
		`{"image":"nginx","name":"x\ny"}`:                                              {"1.1", 400, "field 'name'"},
		`{"image":"nginx","command":["ls"]}`:                                           {"1.19", 400, "field 'command'"},
		`{"image":"nginx","command":"ls"}`:                                             {"1.20", 400, "field 'command'"},
		`{"image":"nginx","command":"ls '"}`:                                           {"1.19", 400, "not closed"},
		`{"image":"nginx","entrypoint":["ls"]}`:                                        {"1.39", 400, "('entrypoint' was unexpected)"},
		`{"image":"nginx","host":"h"}`:                                                 {"1.38", 400, "('host' was unexpected)"},
		`{"image":"nginx","cpu":0.05}`:                                                 {"1.20", 400, "between 0.1 and 16"},
		`{"image":"nginx","cpu":17}`:                                                   {"1.20", 400, "between 0.1 and 16"},
		`{"image":"nginx","cpu":""}`:                                                   {"1.20", 400, "field 'cpu'"},
		`{"image":"nginx","cpu":"1e1"}`:                                                {"1.20", 400, "field 'cpu'"},
		`{"image":"nginx","memory":3}`:                                                 {"1.20", 400, "between 4 and 8192"},
		`{"image":"nginx","memory":"512m"}`:                                            {"1.20", 400, "field 'memory'"},
		`{"image":"nginx","memory":8193}`:                                              {"1.20", 400, "between 4 and 8192"},
		`{"image":"nginx","memory":"99999999999999999999"}`:                            {"1.20", 400, "between 4 and 8192"},
		`{"image":"nginx","hostname":null}`:                                            {"1.20", 400, "field 'hostname'"},
		`{"image":"nginx","hostname":"` + strings.Repeat("h", 64) + `"}`:               {"1.20", 400, "field 'hostname'"},
		`{"image":"nginx","hostname":"a b"}`:                                           {"1.20", 400, "field 'hostname'"},
		`{"image":"nginx","hostname":"h"}`:                                             {"1.8", 400, "Invalid param hostname because current request version is 1.8. hostname is only supported from version 1.9"},
		`{"image":"nginx","auto_remove":true}`:                                         {"1.2", 400, "Invalid param auto_remove"},
		`{"image":"nginx","auto_remove":"true"}`:                                       {"1.20", 400, "field 'auto_remove'"},
		`{"image":"nginx","environment":{"A":1}}`:                                      {"1.20", 400, "field 'A'"},
		`{"image":"nginx","environment":{"A=B":"1"}}`:                                  {"1.20", 400, "environment"},
		`{"image":"nginx","environment":{"":"1"}}`:                                     {"1.20", 400, "environment"},
		`{"image":"nginx","labels":{"org.gozun.container":"x"}}`:                       {"1.20", 400, "org.gozun."},
		`{"image":"nginx","interactive":"yes"}`:                                        {"1.20", 400, "field 'interactive'"},
		`{"image":"nginx","image_pull_policy":"sometimes"}`:                            {"1.20", 400, "field 'image_pull_policy'"},
		`{"image":"nginx","image_driver":"podman"}`:                                    {"1.20", 400, "field 'image_driver'"},
		`{"image":"nginx","restart_policy":{}}`:                                        {"1.20", 400, "'Name' is a required property"},
		`{"image":"nginx","restart_policy":{"Name":"maybe"}}`:                          {"1.20", 400, "field 'Name'"},
		`{"image":"nginx","restart_policy":{"Name":"no","x":1}}`:                       {"1.20", 400, "'x' was unexpected"},
		`{"image":"nginx","restart_policy":{"Name":"always","MaximumRetryCount":1}}`:   {"1.20", 400, "on-failure"},
		`{"image":"nginx","restart_policy":{"Name":"no","MaximumRetryCount":-1}}`:      {"1.20", 400, "field 'MaximumRetryCount'"},
		`{"image":"nginx","restart_policy":{"Name":"no","MaximumRetryCount":1e18}}`:    {"1.20", 400, "field 'MaximumRetryCount'"},
		`{"image":"nginx","restart_policy":{"Name":"always"},"auto_remove":true}`:      {"1.20", 400, "exclude each other"},
		`{"image":"nginx","security_groups":[""]}`:                                     {"1.20", 400, "field 'security_groups'"},
		`{"image":"nginx","security_groups":[],"exposed_ports":{}}`:                    {"1.24", 400, "exclude each other"},
		`{"image":"nginx","nets":[{}]}`:                                                {"1.20", 400, "either network or port"},
		`{"image":"nginx","nets":[{"network":"a","port":"b"}]}`:                        {"1.20", 400, "either network or port"},
		`{"image":"nginx","nets":[{"v4-fixed-ip":"10.0.0.1"}]}`:                        {"1.20", 400, "either network or port"},
		`{"image":"nginx","nets":[{"network":"a","preserve":true}]}`:                   {"1.20", 400, "('preserve' was unexpected)"},
		`{"image":"nginx","nets":[{"network":"a","v4-fixed-ip":"fd00::1"}]}`:           {"1.20", 400, "must be an IPv4 address"},
		`{"image":"nginx","nets":[{"network":"a","v6-fixed-ip":"10.0.0.1"}]}`:          {"1.20", 400, "must be an IPv6 address"},
		`{"image":"nginx","nets":[{"network":"a","v6-fixed-ip":"fe80::1%eth0"}]}`:      {"1.20", 400, "must be an IPv6 address"},
		`{"image":"nginx","nets":["foo"]}`:                                             {"1.20", 400, "field 'nets'"},
		`{"image":"nginx","mounts":[{"size":1,"destination":"/d"}]}`:                   {"1.10", 400, "Invalid param mounts"},
		`{"image":"nginx","mounts":[{"size":2,"destination":"/d"}]}`:                   {"1.11", 501, "mounts"},
		`{"image":"nginx","runtime":"runc"}`:                                           {"1.4", 400, "Invalid param runtime"},
		`{"image":"nginx","runtime":"runsc"}`:                                          {"1.5", 403, "container:create:runtime"},
		`{"image":"nginx","privileged":true}`:                                          {"1.20", 400, "Invalid param privileged"},
		`{"image":"nginx","privileged":false}`:                                         {"1.21", 403, "container:create:privileged"},
		`{"image":"nginx","healthcheck":{"cmd":"true"}}`:                               {"1.21", 400, "Invalid param healthcheck"},
		`{"image":"nginx","healthcheck":{"cmd":"false"}}`:                              {"1.22", 501, "healthcheck"},
		`{"image":"nginx","exposed_ports":{"80":{}}}`:                                  {"1.23", 400, "Invalid param exposed_ports"},
		`{"image":"nginx","exposed_ports":{"81":{}}}`:                                  {"1.24", 501, "exposed_ports"},
		`{"image":"nginx","registry":"reg"}`:                                           {"1.30", 400, "Invalid param registry"},
		`{"image":"nginx","registry":"rag"}`:                                           {"1.31", 501, "registry"},
		`{"image":"nginx","host":"h1"}`:                                                {"1.39", 403, "container:create:requested_destination"},
		`{"image":"nginx","hints":{"a":"b"}}`:                                          {"1.20", 501, "hints"},
		`{"image":"nginx","availability_zone":"az"}`:                                   {"1.20", 501, "availability_zone"},
		`{"image":"nginx","auto_heal":"True"}`:                                         {"1.20", 501, "auto_heal"},
		`{"image":"nginx","cpu_policy":"dedicated"}`:                                   {"1.20", 501, "cpu_policy"},
		`{"image":"nginx","disk":10}`:                                                  {"1.20", 501, "disk"},
		`{"image":"nginx","image_driver":"glance"}`:                                    {"1.20", 501, "image_driver"},
		`{"image":"nginx","run":"perhaps"}`:                                            {"1.20", 400, "'run'"},
		`{"image":"nginx","` + strings.Repeat("k", 5000) + `":1}`:                      {"1.20", 400, "was unexpected"},
		`{"image":"nginx","nets":[{"network":"` + strings.Repeat("n", 100000) + `"}]}`: {"1.20", 400, "field 'network'"},
	} {
		a := f.do("POST", "/v1/containers", body, version(test.version))
		if a.status != test.status {
			t.Errorf("%.200s at %s: %d %.300s", body, test.version, a.status, a.text)
			continue
		}
		if p := f.problem(a); !strings.Contains(p.Detail, test.detail) || len(p.Detail) > 1000 {
			t.Errorf("%.200s: %.500s", body, p.Detail)
		}
	}
	if len(f.memory.asked) != 0 {
		t.Errorf("control was asked %v", f.memory.asked)
	}
}

func TestPrivilegedAndHostAreChecked(t *testing.T) {
	engine, err := policy.New(map[string]string{"container:create:privileged": "role:admin"})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *Config) { c.Policy = engine })
	for body, status := range map[string]int{
		`{"image":"nginx","privileged":true}`: 501, `{"image":"nginx","privileged":"false"}`: 202, `{"image":"nginx","host":"h1"}`: 501,
	} {
		if a := f.do("POST", "/v1/containers", body, version("1.40"), "X-Auth-Token: admin"); a.status != status {
			t.Errorf("%s: %d %s", body, a.status, a.text)
		}
	}
}

func TestSameBodySameError(t *testing.T) {
	f := newFixture(t)
	const body = `{"name":5,"cpu":[],"memory":{},"nets":[1,2],"labels":1,"zz":1,"aa":2}`
	first := f.do("POST", "/v1/containers", body).text
	for range 20 {
		if again := f.do("POST", "/v1/containers", body).text; again != first {
			t.Fatalf("%s then %s", first, again)
		}
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
		{"POST", "web/execute?command=sh&interactive=true&run=false", "", 501, "interactive"},
		{"POST", "web/execute?command=sh&run=false", "", 501, "interactive"},
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
		if a.status == 202 && (a.text != "null" || a.header.Get("Content-Type") != "application/json") {
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
