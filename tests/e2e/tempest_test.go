package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// What zun-tempest-plugin's tests ask and assert, request by request: paths with empty
// segments, parameters now in the query and now in the body, an administrator who clears
// up. Each subtest has the name of its test there. Upstream's gate runs them at 1.40; the
// class TestContainerLegacy is the same tests for what speaks 1.1 to 1.19.
func TestTempest(t *testing.T) {
	c := anyCloud(t)
	nginx := c.nginx()
	for _, class := range []struct{ name, version string }{
		{"TestContainer", "1.40"}, {"TestContainerLegacy", "1.19"},
	} {
		t.Run(class.name+" at "+class.version, func(t *testing.T) {
			primary := c.on(t).newProject("tempest-" + class.version)
			s := &tempest{user: primary, admin: c.admin().on(t), version: class.version, nginx: nginx}
			s.network, s.subnet = primary.makeNetwork("tempest", map[string]any{"cidr": "10.99.0.0/24"})
			for _, test := range slices.Concat(tempestTests(), tempestLifecycleTests()) {
				if before(s.version, test.since) || test.until != "" && before(test.until, s.version) {
					continue
				}
				t.Run(test.name, func(t *testing.T) { s.during(t, test.run) })
			}
			s.clearNetwork()
		})
	}
	t.Run("TestService/test_service_list", func(t *testing.T) {
		demo := c.on(t).demo()
		for _, version := range []string{"1.7", "1.40"} {
			demo.ask(version, "GET", "/services/", nil).is(http.StatusForbidden)
		}
	})
}

type tempestTest struct {
	name         string
	since, until string // the microversions it is for; "" for no bound
	run          func(*tempest)
}

// tempestTests are the tests that need only Keystone, Neutron and Docker.
func tempestTests() []tempestTest {
	return []tempestTest{
		{"test_create_container", "", "", func(s *tempest) { s.create() }},
		{"test_list_containers", "", "", (*tempest).listContainers},
		{"test_get_container", "", "", (*tempest).getContainer},
		{"test_delete_container", "", "", (*tempest).deleteContainer},
		{"test_run_container", "", "", (*tempest).runContainer},
		{"test_run_container_with_minimal_params", "", "", (*tempest).runWithMinimalParams},
		{"test_run_container_with_port", "", "", (*tempest).runWithPort},
		{"test_run_container_with_port_in_dual_net", "", "", (*tempest).runWithPortInDualNet},
		{"test_run_container_without_security_groups", "1.20", "", (*tempest).runWithoutSecurityGroups},
		{"test_run_container_with_security_groups", "", "", (*tempest).runWithSecurityGroups},
		{"test_run_container_with_network", "", "", (*tempest).runWithNetwork},
		{"test_run_container_with_shared_network", "", "", (*tempest).runWithSharedNetwork},
		{"test_run_container_with_no_gateway_subnet", "", "", (*tempest).runWithNoGatewaySubnet},
		{"test_run_container_with_requested_host", "1.39", "", (*tempest).runWithRequestedHost},
		{"test_run_container_with_injected_file", "1.25", "", (*tempest).runWithInjectedFile},
		{"test_container_expose_port", "1.24", "", (*tempest).exposePort},
		{"test_start_stop_container", "", "", (*tempest).startStop},
		{"test_kill_container", "", "", (*tempest).kill},
		{"test_exec_container", "", "", (*tempest).exec},
		{"test_logs_container", "", "", (*tempest).logs},
		{"test_detach_and_attach_network_to_container", "1.8", "", (*tempest).detachAndAttachNetwork},
	}
}

// before says whether microversion a is lower than b; "" is lower than any.
func before(a, b string) bool {
	number := func(v string) int {
		n := 0
		for _, digit := range strings.TrimPrefix(v, "1.") {
			n = n*10 + int(digit-'0')
		}
		return n
	}
	return b != "" && (a == "" || number(a) < number(b))
}

// tempest is a run of the plugin: its primary credentials, its administrator, and the
// isolated network that the primary project was given.
type tempest struct {
	*user
	admin   *user
	version string
	nginx   string
	network string
	subnet  string
	made    []string // containers of the test that runs
}

// during runs one test, and then removes what it made as the plugin's tearDown does.
func (s *tempest) during(t *testing.T, run func(*tempest)) {
	one := *s
	one.user, one.admin, one.made = s.user.on(t), s.admin.on(t), nil
	defer one.tearDown() // before t's clean-ups, which remove the networks
	run(&one)
}

func (s *tempest) ask(method, path string, body any) answer {
	s.tb.Helper()
	return s.user.ask(s.version, method, path, body)
}

func (s *tempest) tearDown() {
	var all struct{ Containers []record }
	s.admin.ask(s.version, "GET", "/containers/?all_projects=True", nil).is(http.StatusOK).into(&all)
	for _, c := range all.Containers {
		if slices.Contains(s.made, c.UUID) {
			s.admin.ask(s.version, "DELETE", "/containers//"+c.UUID+"?stop=True&all_projects=True", nil).is(http.StatusNoContent)
			s.goes(c.UUID)
		}
	}
}

// clearNetwork is how the plugin gives an isolated network back: the Docker network first,
// which is 404 if there was none, and then Neutron's.
func (s *tempest) clearNetwork() {
	if !before(s.version, "1.27") {
		// One that stood only for what a container asked for goes with its last container.
		if a := s.admin.ask(s.version, "DELETE", "/networks//"+s.network, nil); a.status != http.StatusNotFound {
			a.is(http.StatusNoContent)
		}
		s.admin.ask(s.version, "DELETE", "/networks//"+s.network, nil).is(http.StatusNotFound)
	}
	s.neutron("DELETE", "subnets/"+s.subnet, nil, nil)
	s.neutron("DELETE", "networks/"+s.network, nil, nil)
}

// goes waits until a container is no longer listed: in the project, as the plugin does,
// and then anywhere, since the administrator makes one too.
func (s *tempest) goes(id string) {
	s.tb.Helper()
	until(s.tb, "container "+id+" is gone", func() bool {
		return !slices.Contains(s.listed(), id) && s.admin.ask(s.version, "GET", "/containers//"+id+"?all_projects=True", nil).status == http.StatusNotFound
	})
}

func (s *tempest) listed() []string {
	s.tb.Helper()
	var all struct{ Containers []record }
	s.ask("GET", "/containers/", nil).is(http.StatusOK).into(&all)
	ids := make([]string, len(all.Containers))
	for i, c := range all.Containers {
		ids[i] = c.UUID
	}
	return ids
}

// wish is the container that the plugin asks for where a test says no more: with the
// command as text and a security group in the legacy class.
func (s *tempest) wish(more map[string]any) map[string]any {
	wish := map[string]any{
		"name": "tempest-container-" + s.version, "image": image, "command": []string{"sleep", "10000"},
		"cpu": 0.1, "memory": "100", "environment": map[string]any{}, "labels": map[string]any{},
		"image_driver": "docker", "restart_policy": map[string]any{"Name": "no"}, "workdir": "/", "interactive": false,
	}
	if before(s.version, "1.20") {
		wish["command"], wish["security_groups"] = "sleep 10000", []string{"default"}
	}
	for key, value := range more {
		if words, ok := value.([]string); ok && key == "command" && before(s.version, "1.20") {
			value = "'" + strings.Join(words, "' '") + "'"
		}
		wish[key] = value
	}
	return wish
}

func (s *tempest) create() record {
	s.tb.Helper()
	return s.post("/containers/", s.wish(nil), "Created")
}

func (s *tempest) run(more map[string]any) record {
	s.tb.Helper()
	return s.post("/containers/?run=True", s.wish(more), "Running")
}

// post makes a container and waits for its state.
func (s *tempest) post(path string, wish map[string]any, status string) record {
	s.tb.Helper()
	id := s.ask("POST", path, wish).is(http.StatusAccepted).record().UUID
	s.made = append(s.made, id)
	return s.becomes(s.version, id, status)
}

// do asks for an action as the plugin does: a POST without a body.
func (s *tempest) do(id, action string) answer {
	s.tb.Helper()
	return s.ask("POST", "/containers//"+id+"/"+action, nil)
}

// execute runs a command and returns its output.
func (s *tempest) execute(id, command string) string {
	s.tb.Helper()
	var result struct {
		Output string
		Exit   *int `json:"exit_code"`
	}
	s.ask("POST", "/containers//"+id+"/execute", `{"command": "`+command+`"}`).is(http.StatusOK).into(&result)
	if result.Exit == nil {
		s.tb.Errorf("%s: no exit code", command)
	}
	return result.Output
}

// contains asserts that a text has all of the parts.
func contains(tb testing.TB, what, text string, parts ...string) {
	tb.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			tb.Errorf("%s: no %q in\n%s", what, part, text)
		}
	}
}

func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return "?" + values.Encode()
}
