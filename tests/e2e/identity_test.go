package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the container service makes of Keystone's people and tokens. Its cache is as short
// as can be, and its policy lets readers read only, as an operator's may: Zun's own rules
// ask for no role at all within a project.
func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rules := write("policy.yaml", `{"container:create": "role:member and rule:admin_or_owner", "container:delete": "role:member and rule:admin_or_owner"}`)
	c := anyCloud(t, "--policy-file", rules, "--config-file", write("zun.conf", "[keystone_authtoken]\ntoken_cache_time = 1\n"))
	isAsBefore := c.dockerAsItIs()
	owner := c.newProject("identity")
	owner.makeNetwork("front", map[string]any{"cidr": "10.2.0.0/24"})
	owner.runs("web", nil)
	t.Run("roles", func(t *testing.T) { owner.on(t).roles() })
	t.Run("a role that is taken away", func(t *testing.T) { owner.on(t).roleTaken() })
	t.Run("a token that is revoked", func(t *testing.T) { owner.on(t).tokenRevoked() })
	t.Run("an application credential", func(t *testing.T) { owner.on(t).applicationCredential() })
	t.Run("access rules", func(t *testing.T) { owner.on(t).accessRules() })
	t.Run("access rules of the network service", func(t *testing.T) { owner.on(t).accessRulesOfNetwork() })
	t.Run("a user who is disabled", func(t *testing.T) { owner.on(t).userDisabled() })
	t.Run("a service's token", func(t *testing.T) { owner.on(t).serviceToken() })
	owner.remove("web")
	t.Run("a project that is disabled", func(t *testing.T) {
		c.on(t).projectEnds("PATCH", map[string]any{"project": map[string]any{"enabled": false}})
	})
	t.Run("a project that is deleted", func(t *testing.T) { c.on(t).projectEnds("DELETE", nil) })
	isAsBefore()
}

// colleague is somebody with roles in the user's project.
func (u *user) colleague(roles ...string) *user {
	u.tb.Helper()
	return u.newUser(unique("colleague"), u.project, u.projectName(), roles...)
}

// projectName is what the administrator calls the user's project.
func (u *user) projectName() string {
	u.tb.Helper()
	var got struct{ Project struct{ Name string } }
	u.admin().keystone("GET", "projects/"+u.project, nil, &got)
	return got.Project.Name
}

func (u *user) roles() {
	wish := map[string]any{"image": image, "name": "made"}
	reader := u.colleague("reader")
	reader.ask("1.40", "GET", "/containers/web", nil).is(http.StatusOK)
	reader.ask("1.40", "POST", "/containers", wish).is(http.StatusForbidden)
	reader.ask("1.40", "DELETE", "/containers/web?stop=True", nil).is(http.StatusForbidden)
	reader.zunsOwnRules()
	reader.ask("1.40", "GET", "/hosts/", nil).is(http.StatusForbidden)

	member := u.colleague("member")
	made := member.ask("1.40", "POST", "/containers", wish).is(http.StatusAccepted).record()
	u.becomes("1.40", made.UUID, "Created")
	member.ask("1.40", "DELETE", "/containers/web?force=True", nil).is(http.StatusForbidden)
	member.ask("1.40", "GET", "/containers?all_projects=True", nil).is(http.StatusForbidden)
	u.ask("1.40", "DELETE", "/containers/"+made.UUID, nil).is(http.StatusNoContent)

	admin := u.colleague("admin") // of this project, which in OpenStack is of all
	admin.ask("1.40", "GET", "/hosts/", nil).is(http.StatusOK)
	admin.ask("1.40", "GET", "/containers?all_projects=True", nil).is(http.StatusOK)

	stranger := u.newProject("stranger")
	stranger.ask("1.40", "GET", "/containers/web", nil).is(http.StatusNotFound)
	u.withoutRoles()
}

// zunsOwnRules are asked where the policy file says nothing.
func (u *user) zunsOwnRules() {
	u.tb.Helper()
	var made struct{ Registry struct{ UUID string } }
	u.ask("1.40", "POST", "/registries", map[string]any{"registry": map[string]any{"domain": "registry.example.org"}}).is(http.StatusCreated).into(&made)
	u.ask("1.40", "DELETE", "/registries/"+made.Registry.UUID, nil).is(http.StatusNoContent)
}

// withoutRoles is about people of whom Keystone knows no role: it gives them no token for
// the project, and the one without a project leads nowhere.
func (u *user) withoutRoles() {
	u.tb.Helper()
	var made struct{ User struct{ ID string } }
	admin := u.admin()
	admin.keystone("POST", "users", map[string]any{"user": map[string]any{"name": unique("nobody"), "password": password}}, &made)
	defer admin.keystone("DELETE", "users/"+made.User.ID, nil, nil)
	login := map[string]any{"identity": map[string]any{
		"methods": []string{"password"}, "password": map[string]any{"user": map[string]any{"id": made.User.ID, "password": password}},
	}}
	token, _ := u.authenticates(login)
	if got := u.with(token).taken(); got != http.StatusForbidden {
		u.tb.Errorf("a token without a project: %d", got)
	}
	login["scope"] = map[string]any{"project": map[string]any{"id": u.project}}
	if response, text := u.send("POST", u.keystoneURL("auth/tokens"), "", map[string]any{"auth": login}); response.StatusCode != http.StatusUnauthorized {
		u.tb.Errorf("without a role: %s %s", response.Status, text)
	}
}

func (u *user) roleTaken() {
	one, admin := u.colleague("reader"), u.admin()
	one.ask("1.40", "GET", "/containers/web", nil).is(http.StatusOK)
	admin.keystone("DELETE", admin.roleOf(u.project, one.id, "reader"), nil, nil)
	one.refusedSoon("its owner has no role any more")
}

// tokenRevoked is about one that the service has seen, and one that it has not; the others
// of the same user stay good.
func (u *user) tokenRevoked() {
	seen := u.colleague("member")
	unseen, other := u.again(seen), u.again(seen)
	seen.ask("1.40", "GET", "/containers/web", nil).is(http.StatusOK)
	for _, one := range []*user{unseen, seen} {
		response, text := u.send("DELETE", u.keystoneURL("auth/tokens"), one.token, nil, "X-Subject-Token", one.token)
		if response.StatusCode != http.StatusNoContent {
			u.tb.Errorf("revoking a token: %s %s", response.Status, text)
		}
	}
	unseen.ask("1.40", "GET", "/containers/web", nil).is(http.StatusUnauthorized)
	seen.refusedSoon("it is revoked")
	other.ask("1.40", "GET", "/containers/web", nil).is(http.StatusOK)
}

// again is the same user with one token more.
func (u *user) again(one *user) *user {
	u.tb.Helper()
	token, _ := u.authenticates(map[string]any{
		"identity": map[string]any{"methods": []string{"password"}, "password": map[string]any{"user": map[string]any{"id": one.id, "password": password}}},
		"scope":    map[string]any{"project": map[string]any{"id": u.project}},
	})
	return one.on(u.tb).with(token)
}

func (u *user) userDisabled() {
	one, admin := u.colleague("member"), u.admin()
	one.ask("1.40", "GET", "/containers/web", nil).is(http.StatusOK)
	admin.keystone("PATCH", "users/"+one.id, map[string]any{"user": map[string]any{"enabled": false}}, nil)
	one.refusedSoon("its owner is disabled")
	admin.keystone("PATCH", "users/"+one.id, map[string]any{"user": map[string]any{"enabled": true}}, nil)
	u.again(one).ask("1.40", "GET", "/containers/web", nil).is(http.StatusOK)
}

// projectEnds has a project with a running container disabled or deleted: its people are
// refused, and the administrator still gets rid of the container and its port.
func (c *cloud) projectEnds(method string, body any) {
	owner, admin := c.newProject("ends"), c.admin()
	network, _ := owner.makeNetwork("front", map[string]any{"cidr": "10.2.0.0/24"})
	id := owner.runs("web", nil).UUID
	admin.keystone(method, "projects/"+owner.project, body, nil)
	owner.refusedSoon("there is no such project")
	path := "/containers/" + id + "?all_projects=True"
	if got := admin.ask("1.40", "GET", path, nil).is(http.StatusOK).record(); got.Status != "Running" {
		c.tb.Errorf("the container is %s: %s", got.Status, got.Reason)
	}
	admin.ask("1.40", "DELETE", path+"&stop=True", nil).is(http.StatusNoContent)
	until(c.tb, "the container is gone", func() bool { return admin.ask("1.40", "GET", path, nil).status == http.StatusNotFound })
	var left struct{ Ports []struct{ ID string } }
	admin.neutron("GET", "ports?network_id="+network, nil, &left)
	if len(left.Ports) != 0 {
		c.tb.Errorf("ports are left: %+v", left.Ports)
	}
}

// robot makes an application credential, with access rules if there are any, and returns
// its id and a user with a token got with it.
func (u *user) robot(rules ...map[string]any) (id string, robot *user) {
	u.tb.Helper()
	wish := map[string]any{"name": unique("robot"), "secret": password}
	if rules != nil {
		wish["access_rules"] = rules
	}
	var made struct {
		Credential struct{ ID string } `json:"application_credential"`
	}
	u.keystone("POST", "users/"+u.id+"/application_credentials", map[string]any{"application_credential": wish}, &made)
	token, _ := u.authenticates(map[string]any{"identity": map[string]any{
		"methods": []string{"application_credential"}, "application_credential": map[string]any{"id": made.Credential.ID, "secret": password},
	}})
	return made.Credential.ID, u.with(token)
}

// applicationCredential is the life of one: it makes a container, and our own and the stock
// command line take it; when it is gone, so are its tokens.
func (u *user) applicationCredential() {
	id, robot := u.robot()
	made := robot.ask("1.40", "POST", "/containers?run=true", map[string]any{"image": image, "name": "by-robot"}).is(http.StatusAccepted).record()
	robot.becomes("1.40", made.UUID, "Running")
	robot.env = append(u.withoutLogin(), "OS_AUTH_TYPE=v3applicationcredential", "OS_AUTH_URL="+u.keystoneURL(""), "OS_IDENTITY_API_VERSION=3",
		"OS_APPLICATION_CREDENTIAL_ID="+id, "OS_APPLICATION_CREDENTIAL_SECRET="+password, "OS_REGION_NAME=RegionOne")
	contains(u.tb, "zun list", robot.zun("list"), "by-robot")
	if _, err := os.Stat("/usr/bin/openstack"); err == nil {
		contains(u.tb, "openstack appcontainer list", robot.run("/usr/bin/openstack", "appcontainer", "list"), "by-robot")
	}
	robot.remove("by-robot")
	u.keystone("DELETE", "users/"+u.id+"/application_credentials/"+id, nil, nil)
	robot.refusedSoon("the application credential is gone")
}

// withoutLogin is the environment without what logs in.
func (u *user) withoutLogin() []string {
	var env []string
	for _, variable := range u.env {
		if !strings.HasPrefix(variable, "OS_") {
			env = append(env, variable)
		}
	}
	return env
}

func (u *user) accessRules() {
	rule := func(service, method, path string) map[string]any {
		return map[string]any{"service": service, "method": method, "path": path}
	}
	_, lists := u.robot(rule("container", "GET", "/v1/containers"))
	lists.ask("1.40", "GET", "/containers", nil).is(http.StatusOK)
	lists.ask("1.40", "GET", "/containers/web", nil).is(http.StatusUnauthorized)
	lists.ask("1.40", "POST", "/containers", map[string]any{"image": image}).is(http.StatusUnauthorized)
	_, reads := u.robot(rule("container", "GET", "/v1/**"), rule("container", "POST", "/v1/containers/{id}/execute"))
	reads.ask("1.40", "GET", "/containers/web", nil).is(http.StatusOK)
	reads.ask("1.40", "POST", "/containers/web/execute?command=true", nil).is(http.StatusOK)
	reads.ask("1.40", "POST", "/containers/web/stop", nil).is(http.StatusUnauthorized)
	_, elsewhere := u.robot(rule("network", "GET", "/v1/containers"))
	elsewhere.ask("1.40", "GET", "/containers", nil).is(http.StatusUnauthorized)
	if service := u.serviceUser(); lists.taken("X-Service-Token", service.token) != http.StatusOK ||
		elsewhere.taken("X-Service-Token", service.token) != http.StatusOK {
		u.tb.Error("what a service sends on is not what access rules are about, but is refused")
	}
	if elsewhere.taken("X-Service-Token", u.token) != http.StatusUnauthorized {
		u.tb.Error("anybody's token beside it lifts the access rules")
	}
}

// accessRulesOfNetwork is about a credential that makes containers: their networks are
// looked up with its token, so it needs rules for that, too.
func (u *user) accessRulesOfNetwork() {
	rule := func(service, method, path string) map[string]any {
		return map[string]any{"service": service, "method": method, "path": path}
	}
	wish := map[string]any{"image": image, "name": "ruled", "nets": []any{map[string]any{"network": "front"}}}
	_, makes := u.robot(rule("container", "POST", "/v1/containers"))
	contains(u.tb, "why not", string(makes.ask("1.40", "POST", "/containers", wish).is(http.StatusUnauthorized).body), "access rules", "network")
	if u.onMinicloud() {
		u.tb.Skip("minicloud's network service takes no credentials with access rules")
	}
	_, makes = u.robot(rule("container", "POST", "/v1/containers"), rule("network", "GET", "/v2.0/**"))
	id := makes.ask("1.40", "POST", "/containers", wish).is(http.StatusAccepted).record().UUID
	u.becomes("1.40", id, "Created")
	u.ask("1.40", "DELETE", "/containers/"+id, nil).is(http.StatusNoContent)
}

// serviceUser is somebody with the role that makes a token a service's.
func (u *user) serviceUser() *user {
	u.tb.Helper()
	return u.colleague("service")
}

// serviceToken has a service send on a user's token that is over, and others.
func (u *user) serviceToken() {
	service := u.serviceUser()
	for _, test := range []struct {
		user, service string
		status        int
	}{
		{u.token, service.token, http.StatusOK},
		{u.token, "rubbish", http.StatusUnauthorized},
		{"rubbish", service.token, http.StatusUnauthorized},
	} {
		if got := u.with(test.user).taken("X-Service-Token", test.service); got != test.status {
			u.tb.Errorf("%.20s with %.20s: %d", test.user, test.service, got)
		}
	}
	late := u.with(u.overSince(time.Hour))
	for beside, status := range map[string]int{service.token: http.StatusOK, u.token: http.StatusUnauthorized} {
		if got := late.taken("X-Service-Token", beside); got != status {
			u.tb.Errorf("a token that is over: %d instead of %d", got, status)
		}
	}
	if got := late.taken(); got != http.StatusUnauthorized {
		u.tb.Errorf("a token that is over, alone: %d", got)
	}
	if got := u.with(u.overSince(49*time.Hour)).taken("X-Service-Token", service.token); got != http.StatusUnauthorized {
		u.tb.Errorf("a token that was over before [token]allow_expired_window: %d", got)
	}
}

// overSince makes a token of the user's that ended some time ago, with the keys of the real
// Keystone, which takes it for one of its own. minicloud's have no such keys, and its clock
// is in the tests of internal/keystone.
func (u *user) overSince(ago time.Duration) string {
	u.tb.Helper()
	if u.onMinicloud() {
		u.tb.Skip("on a real Keystone only: no token of minicloud's is over so soon")
	}
	const script = `
import sys
from keystone.conf import CONF, configure
from keystone.token import token_formatters
configure()
CONF(['--config-file', sys.argv[1]], project='keystone')
print(token_formatters.TokenFormatter().create_token(
    sys.argv[2], sys.argv[4], ['AAAAAAAAAAAAAAAAAAAAAA'], token_formatters.ProjectScopedPayload,
    methods=['password'], project_id=sys.argv[3]))`
	over := time.Now().Add(-ago).UTC().Format("2006-01-02T15:04:05.000000Z")
	python := exec.Command("/usr/bin/python3", "-c", script, filepath.Join(u.real["OPENSTACK_STATE"], "etc/keystone.conf"), u.id, u.project, over)
	python.Stderr = os.Stderr
	token, err := python.Output()
	if err != nil {
		u.tb.Fatal(fmt.Errorf("cannot make a token that is over: %w", err))
	}
	return strings.TrimSpace(string(token))
}
