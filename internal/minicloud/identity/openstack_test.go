package identity_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// openstack runs Debian's openstack command as a user and returns what it prints; fails
// says that it must not succeed.
type openstack struct {
	*cloud
	path          string
	user, project string
	version       string // after the URL: "/v3", or "" to discover it
	fails         bool
}

func (o openstack) run(args ...string) string {
	o.Helper()
	command := exec.CommandContext(o.Context(), o.path, args...)
	command.Env = []string{
		"HOME=" + o.TempDir(), "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "OS_IDENTITY_API_VERSION=3",
		"OS_AUTH_URL=" + o.server.URL + o.version, "OS_USERNAME=" + o.user, "OS_PASSWORD=" + o.passwords[o.user],
		"OS_PROJECT_NAME=" + o.project, "OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_DOMAIN_NAME=Default",
	}
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); (err != nil) != o.fails {
		o.Fatalf("openstack %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), problems.String())
	}
	return out.String() + problems.String()
}

// rows runs a command that lists or shows and returns its JSON.
func (o openstack) rows(args ...string) any {
	o.Helper()
	var value any
	if err := json.Unmarshal([]byte(o.run(append(args, "-f", "json")...)), &value); err != nil {
		o.Fatal(err)
	}
	return value
}

// column returns one column of a list.
func column(rows any, name string) string {
	values := []string{}
	list, _ := rows.([]any)
	for _, row := range list {
		m, _ := row.(map[string]any)
		value, _ := m[name].(string)
		values = append(values, value)
	}
	return strings.Join(values, " ")
}

func TestTheOpenstackCommandWorks(t *testing.T) {
	path, err := exec.LookPath("openstack")
	if err != nil {
		t.Skip("no openstack command: apt-get install python3-openstackclient")
	}
	if testing.Short() {
		t.Skip("the openstack command takes a second and a half for each call")
	}
	c := startCloud(t)
	admin := openstack{cloud: c, path: path, user: "admin", project: "admin", version: "/v3"}
	demo := openstack{cloud: c, path: path, user: "demo", project: "demo"}
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}

	token := demo.rows("token", "issue").(map[string]any)
	if _, err := c.service.Validate(t.Context(), token["id"].(string)); err != nil {
		t.Error(err)
	}
	expect("projects", column(admin.rows("project", "list"), "Name"), "admin demo service")
	expect("own projects", column(demo.rows("project", "list"), "Name"), "demo")
	shown := admin.rows("project", "create", "--description", "tests", "--property", "colour=red", "blue").(map[string]any)
	expect("property", shown["colour"].(string), "red")
	expect("description", admin.rows("project", "show", "blue").(map[string]any)["description"].(string), "tests")
	admin.run("project", "set", "--name", "green", "blue")

	admin.run("user", "create", "--project", "green", "--password", "secret", "--email", "eve@example.org", "eve")
	c.passwords["eve"] = "secret"
	eve := openstack{cloud: c, path: path, user: "eve", project: "green", version: "/v3", fails: true}
	if said := eve.run("token", "issue"); !strings.Contains(said, "requires authentication") {
		t.Errorf("without a role: %s", said)
	}
	eve.fails = false
	admin.run("role", "add", "--user", "eve", "--project", "green", "member")
	expect("assignments", column(admin.rows("role", "assignment", "list", "--user", "eve", "--names"), "Role"), "member")
	eve.run("token", "issue")
	expect("users of a project", column(admin.rows("user", "list", "--project", "green"), "Name"), "eve")
	expect("email", admin.rows("user", "show", "eve").(map[string]any)["email"].(string), "eve@example.org")
	eve.run("user", "password", "set", "--original-password", "secret", "--password", "hidden")
	c.passwords["eve"] = "hidden"
	eve.run("token", "issue")
	admin.run("role", "remove", "--user", "eve", "--project", "green", "member")
	expect("assignments", column(admin.rows("role", "assignment", "list", "--user", "eve", "--names"), "Role"), "")
	admin.run("user", "delete", "eve")
	admin.run("project", "delete", "green")
	expect("projects", column(admin.rows("project", "list"), "Name"), "admin demo service")

	expect("catalog", column(admin.rows("catalog", "list"), "Name"), "zun keystone neutron")
	expect("services", column(admin.rows("service", "list"), "Type"), "container identity network")
	expect("endpoints", column(admin.rows("endpoint", "list", "--interface", "public"), "Service Type"), "container identity network")
	expect("roles", column(admin.rows("role", "list"), "Name"), "admin manager member reader service")
	expect("domains", column(admin.rows("domain", "list"), "Name"), "Default")
	expect("regions", column(demo.rows("region", "list"), "Region"), "RegionOne")
	demo.run("token", "revoke", token["id"].(string))
	if _, err := c.service.Validate(t.Context(), token["id"].(string)); err == nil {
		t.Error("the revoked token is still good")
	}
}
