package api

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

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
	half, memory, ten := 0.5, int64(100), int64(10)
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
				SecurityGroups: []string{"sg"}, OwnNetworks: true, Placement: zun.Placement{AvailabilityZone: "nova"},
				Nets: []zun.NetRequest{
					{Network: "foo", IPv4: netip.MustParseAddr("10.2.0.9"), IPv6: netip.MustParseAddr("fd00::9")}, {Port: "p1"},
				},
			},
		},
		"options": {
			"1.40", "", `{"image":"nginx","disk":"10","auto_heal":"True","auto_remove":true,
			 "healthcheck":{"cmd":"wget -q localhost","interval":"30","timeout":5.0,"retries":null},
			 "exposed_ports":{"443":{},"80/tcp":null,"53/udp":{},"80":{}},
			 "mounts":[{"type":"bind","source":"aGVsbG8K","destination":"/etc/a"},{"type":"bind","source":"","destination":"/etc/b"}]}`,
			zun.ContainerRequest{
				Image: "nginx", ImageDriver: "docker", DiskGiB: &ten, AutoHeal: true, AutoRemove: true,
				Healthcheck: &zun.Healthcheck{Test: "wget -q localhost", Interval: 30 * time.Second, Timeout: 5 * time.Second},
				ExposedPorts: []zun.ExposedPort{
					{Port: 80, Protocol: "tcp"}, {Port: 443, Protocol: "tcp"}, {Port: 53, Protocol: "udp"},
				},
				Files: []zun.File{
					{Destination: "/etc/a", Content: []byte("hello\n")}, {Destination: "/etc/b", Content: []byte{}},
				},
			},
		},
		"a health check as it was shown": {
			"1.22", "", `{"image":"nginx","healthcheck":{"test":"true","interval":1,"retries":3,"timeout":0}}`,
			zun.ContainerRequest{
				Image: "nginx", ImageDriver: "docker", Healthcheck: &zun.Healthcheck{Test: "true", Interval: time.Second, Retries: 3},
			},
		},
		"options that ask for nothing": {
			"1.1", "", `{"image":"nginx","disk":0,"auto_heal":"False","healthcheck":{},"exposed_ports":{},"runtime":""}`,
			zun.ContainerRequest{Image: "nginx", ImageDriver: "docker"},
		},
		"a health check of nothing": {
			"1.22", "", `{"image":"nginx","healthcheck":{"cmd":null,"interval":null}}`,
			zun.ContainerRequest{Image: "nginx", ImageDriver: "docker"},
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
		`{"image":"nginx","runtime":"runc"}`:                                           {"1.4", 400, "Invalid param runtime"},
		`{"image":"nginx","runtime":"runsc"}`:                                          {"1.5", 403, "container:create:runtime"},
		`{"image":"nginx","privileged":true}`:                                          {"1.20", 400, "Invalid param privileged"},
		`{"image":"nginx","privileged":false}`:                                         {"1.21", 403, "container:create:privileged"},
		`{"image":"nginx","healthcheck":{"cmd":"true"}}`:                               {"1.21", 400, "Invalid param healthcheck"},
		`{"image":"nginx","exposed_ports":{"80":{}}}`:                                  {"1.23", 400, "Invalid param exposed_ports"},
		`{"image":"nginx","registry":"reg"}`:                                           {"1.30", 400, "Invalid param registry"},
		`{"image":"nginx","host":"h1"}`:                                                {"1.39", 403, "container:create:requested_destination"},
		`{"image":"nginx","cpu_policy":"dedicated"}`:                                   {"1.20", 501, "cpu_policy dedicated is not in this release; cores are shared"},
		`{"image":"nginx","image_driver":"glance"}`:                                    {"1.20", 501, "image_driver glance is not in this release; images come from Docker registries"},
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
		`{"image":"nginx","privileged":true}`: 202, `{"image":"nginx","privileged":"false"}`: 202, `{"image":"nginx","host":"h1"}`: 202,
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
