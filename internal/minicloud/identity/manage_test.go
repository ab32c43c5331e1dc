package identity_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiscovery(t *testing.T) {
	c := startCloud(t)
	r := c.want(300, "GET", "/", "", nil)
	if r.at("versions", "values", 0, "id") != "v3.14" || r.at("versions", "values", 0, "links", 0, "href") != c.server.URL+"/v3/" {
		t.Errorf("versions are %s", r.raw)
	}
	for _, path := range []string{"/v3", "/v3/", "//v3//"} {
		if r := c.want(200, "GET", path, "", nil); r.at("version", "status") != "stable" {
			t.Errorf("%s is %s", path, r.raw)
		}
	}
	if r := c.want(404, "GET", "/v2.0", "", nil); r.at("error", "title") != "Not Found" {
		t.Errorf("unknown path gives %s", r.raw)
	}
	if r := c.want(405, "PUT", "/v3/auth/tokens", "", nil); r.header.Get("Allow") == "" {
		t.Error("405 without Allow")
	}
	if r := c.want(400, "POST", "/v3/auth/tokens", "", "a=b", "Content-Type", "text/plain"); !strings.Contains(r.raw, "application/json") {
		t.Errorf("text gives %s", r.raw)
	}
}

func TestEveryManagementRouteNeedsTheAdmin(t *testing.T) {
	c := startCloud(t)
	demo := c.token("demo", "demo")
	for _, path := range []string{
		"GET /v3/projects", "POST /v3/projects", "GET /v3/projects/x", "PATCH /v3/projects/x", "DELETE /v3/projects/x",
		"GET /v3/users", "POST /v3/users", "GET /v3/users/x", "PATCH /v3/users/x", "DELETE /v3/users/x", "GET /v3/users/x/projects",
		"GET /v3/roles", "POST /v3/roles", "GET /v3/roles/x", "PATCH /v3/roles/x", "DELETE /v3/roles/x",
		"GET /v3/role_assignments", "GET /v3/projects/x/users/x/roles", "PUT /v3/projects/x/users/x/roles/x",
		"HEAD /v3/projects/x/users/x/roles/x", "DELETE /v3/projects/x/users/x/roles/x", "PUT /v3/domains/x/users/x/roles/x",
		"GET /v3/domains", "POST /v3/domains", "DELETE /v3/domains/default",
		"GET /v3/services", "GET /v3/endpoints", "GET /v3/groups",
	} {
		method, path, _ := strings.Cut(path, " ")
		c.want(403, method, path, demo, nil)
		c.want(401, method, path, "", nil)
	}
}

func TestUsersSeeThemselvesAndTheirProjects(t *testing.T) {
	c := startCloud(t)
	demo := c.token("demo", "demo")
	me, project := c.id("users", "demo"), c.id("projects", "demo")
	if r := c.want(200, "GET", "/v3/users/"+me, demo, nil); r.at("user", "name") != "demo" || strings.Contains(r.raw, "assword\"") || strings.Contains(r.raw, "$2a$") {
		t.Errorf("user is %s", r.raw)
	}
	for _, path := range []string{"/v3/auth/projects", "/v3/users/" + me + "/projects"} {
		r := c.want(200, "GET", path, demo, nil)
		if r.at("projects", 0, "id") != project || r.at("projects", 1) != nil {
			t.Errorf("%s gives %s", path, r.raw)
		}
	}
	c.want(200, "GET", "/v3/projects/"+project, demo, nil)
	c.want(403, "GET", "/v3/projects/"+c.id("projects", "admin"), demo, nil)
	c.want(200, "GET", "/v3/domains/default", demo, nil)
	c.want(200, "GET", "/v3/regions", demo, nil)
	if r := c.want(200, "GET", "/v3/auth/catalog", demo, nil); r.at("catalog", 2) == nil {
		t.Errorf("catalog is %s", r.raw)
	}
	if r := c.want(200, "GET", "/v3/auth/domains", demo, nil); r.at("domains", 0) != nil {
		t.Errorf("domains are %s", r.raw)
	}
}

func TestProjects(t *testing.T) {
	c := startCloud(t)
	admin := c.token("admin", "admin")
	made := c.want(201, "POST", "/v3/projects", admin, obj{"project": obj{"name": "one", "description": "d", "colour": "red", "domain_id": "default"}})
	id := made.at("project", "id").(string)
	want := obj{
		"id": id, "name": "one", "domain_id": "default", "parent_id": "default", "description": "d", "enabled": true,
		"is_domain": false, "tags": []any{}, "options": obj{}, "colour": "red", "links": obj{"self": c.server.URL + "/v3/projects/" + id},
	}
	if diff := cmp.Diff(any(want), c.want(200, "GET", "/v3/projects/"+id, admin, nil).at("project")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.want(200, "PATCH", "/v3/projects/"+id, admin, obj{"project": obj{"name": "uno", "colour": nil}})
	r := c.want(200, "GET", "/v3/projects?name=uno&enabled=true&domain_id=default", admin, nil)
	if r.at("projects", 0, "id") != id || r.at("projects", 0, "description") != "d" || r.at("projects", 0, "colour") != nil {
		t.Errorf("list is %s", r.raw)
	}
	if r := c.want(200, "GET", "/v3/projects?name=uno&enabled=0", admin, nil); r.at("projects", 0) != nil {
		t.Errorf("list is %s", r.raw)
	}
	child := c.want(201, "POST", "/v3/projects", admin, obj{"project": obj{"name": "child", "parent_id": id}})
	c.want(403, "DELETE", "/v3/projects/"+id, admin, nil)
	c.want(204, "DELETE", "/v3/projects/"+child.at("project", "id").(string), admin, nil)
	c.want(204, "DELETE", "/v3/projects/"+id, admin, nil)
	c.want(404, "DELETE", "/v3/projects/"+id, admin, nil)
	c.want(404, "PATCH", "/v3/projects/"+id, admin, obj{"project": obj{}})
	c.want(404, "GET", "/v3/projects/"+id, admin, nil)
}

func TestBadManagementRequestsChangeNothing(t *testing.T) {
	c := startCloud(t)
	admin := c.token("admin", "admin")
	before := c.want(200, "GET", "/v3/users", admin, nil).raw + c.want(200, "GET", "/v3/projects", admin, nil).raw +
		c.want(200, "GET", "/v3/roles", admin, nil).raw + c.want(200, "GET", "/v3/role_assignments", admin, nil).raw
	demo, member, project := c.id("users", "demo"), c.id("roles", "member"), c.id("projects", "demo")
	me, home, adminRole := c.id("users", "admin"), c.id("projects", "admin"), c.id("roles", "admin")
	for name, test := range map[string]struct {
		request string
		body    any
		status  int
	}{
		"project without a name":        {"POST /v3/projects", obj{"project": obj{}}, 400},
		"project with an empty name":    {"POST /v3/projects", obj{"project": obj{"name": " "}}, 400},
		"project with a long name":      {"POST /v3/projects", obj{"project": obj{"name": strings.Repeat("x", 65)}}, 400},
		"project name is a number":      {"POST /v3/projects", obj{"project": obj{"name": 5}}, 400},
		"project is a list":             {"POST /v3/projects", obj{"project": []string{}}, 400},
		"project is null":               {"POST /v3/projects", `{"project":null}`, 400},
		"project is missing":            {"POST /v3/projects", obj{"user": obj{}}, 400},
		"project in another domain":     {"POST /v3/projects", obj{"project": obj{"name": "x", "domain_id": "y"}}, 400},
		"project below another":         {"POST /v3/projects", obj{"project": obj{"name": "x", "parent_id": "y"}}, 404},
		"project as domain":             {"POST /v3/projects", obj{"project": obj{"name": "x", "is_domain": true}}, 400},
		"project name taken":            {"POST /v3/projects", obj{"project": obj{"name": "demo"}}, 409},
		"project renamed to a taken":    {"PATCH /v3/projects/" + project, obj{"project": obj{"name": "admin"}}, 409},
		"project enabled is a word":     {"PATCH /v3/projects/" + project, obj{"project": obj{"enabled": "yes"}}, 400},
		"user name taken":               {"POST /v3/users", obj{"user": obj{"name": "demo"}}, 409},
		"user without a name":           {"POST /v3/users", obj{"user": obj{"password": "x"}}, 400},
		"user with a long password":     {"POST /v3/users", obj{"user": obj{"name": "x", "password": strings.Repeat("x", 73)}}, 400},
		"user with an empty password":   {"POST /v3/users", obj{"user": obj{"name": "x", "password": ""}}, 400},
		"user with an unknown project":  {"POST /v3/users", obj{"user": obj{"name": "x", "default_project_id": "y"}}, 400},
		"unknown user":                  {"PATCH /v3/users/x", obj{"user": obj{}}, 404},
		"password, wrong original":      {"POST /v3/users/" + demo + "/password", obj{"user": obj{"original_password": "x", "password": "y"}}, 401},
		"password of an unknown user":   {"POST /v3/users/x/password", obj{"user": obj{"original_password": "x", "password": "y"}}, 401},
		"password without the original": {"POST /v3/users/" + demo + "/password", obj{"user": obj{"password": "y"}}, 400},
		"role name taken":               {"POST /v3/roles", obj{"role": obj{"name": "member"}}, 409},
		"role without a name":           {"POST /v3/roles", obj{"role": obj{}}, 400},
		"built-in role renamed":         {"PATCH /v3/roles/" + member, obj{"role": obj{"name": "x"}}, 403},
		"built-in role deleted":         {"DELETE /v3/roles/" + adminRole, nil, 403},
		"grant of an unknown role":      {"PUT /v3/projects/" + project + "/users/" + demo + "/roles/x", nil, 404},
		"grant to an unknown user":      {"PUT /v3/projects/" + project + "/users/x/roles/" + member, nil, 404},
		"grant in an unknown project":   {"PUT /v3/projects/x/users/" + demo + "/roles/" + member, nil, 404},
		"grant in an unknown domain":    {"PUT /v3/domains/x/users/" + demo + "/roles/" + member, nil, 404},
		"role that was not given":       {"DELETE /v3/projects/" + home + "/users/" + demo + "/roles/" + member, nil, 404},
		"domain made":                   {"POST /v3/domains", obj{"domain": obj{"name": "x"}}, 403},
		"domain deleted":                {"DELETE /v3/domains/default", nil, 403},
		"last admin deleted":            {"DELETE /v3/users/" + me, nil, 403},
		"last admin disabled":           {"PATCH /v3/users/" + me, obj{"user": obj{"enabled": false}}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			method, path, _ := strings.Cut(test.request, " ")
			r := c.want(test.status, method, path, admin, test.body)
			if message, _ := r.at("error", "message").(string); message == "" || r.at("error", "title") != http.StatusText(test.status) {
				t.Errorf("error is %s", r.raw)
			}
		})
	}
	after := c.want(200, "GET", "/v3/users", admin, nil).raw + c.want(200, "GET", "/v3/projects", admin, nil).raw +
		c.want(200, "GET", "/v3/roles", admin, nil).raw + c.want(200, "GET", "/v3/role_assignments", admin, nil).raw
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("something changed:\n%s", diff)
	}
}

func TestTheLastAdminAssignmentStays(t *testing.T) {
	c := startCloud(t)
	me, role := c.id("users", "admin"), c.id("roles", "admin")
	admin := c.token("admin", "admin")
	inDemo := "/v3/projects/" + c.id("projects", "demo") + "/users/" + me + "/roles/" + role
	inAdmin := "/v3/projects/" + c.id("projects", "admin") + "/users/" + me + "/roles/" + role
	c.want(204, "DELETE", inDemo, admin, nil)
	c.want(403, "DELETE", inAdmin, admin, nil)
	c.want(403, "DELETE", "/v3/projects/"+c.id("projects", "admin"), admin, nil)
	c.want(403, "PATCH", "/v3/projects/"+c.id("projects", "admin"), admin, obj{"project": obj{"enabled": false}})
	c.want(204, "PUT", inDemo, admin, nil)
	c.want(204, "DELETE", inAdmin, admin, nil)
}

func TestRoleAssignments(t *testing.T) {
	c := startCloud(t)
	admin := c.token("admin", "admin")
	demo, project, role := c.id("users", "demo"), c.id("projects", "admin"), c.id("roles", "reader")
	path := "/v3/projects/" + project + "/users/" + demo + "/roles/" + role
	c.want(404, "GET", path, admin, nil)
	c.want(204, "PUT", path, admin, nil)
	c.want(204, "PUT", path, admin, nil)
	c.want(204, "GET", path, admin, nil)
	if r := c.want(200, "GET", "/v3/projects/"+project+"/users/"+demo+"/roles", admin, nil); r.at("roles", 0, "name") != "reader" {
		t.Errorf("roles are %s", r.raw)
	}
	query := "/v3/role_assignments?user.id=" + demo + "&scope.project.id=" + project
	r := c.want(200, "GET", query+"&include_names=true", admin, nil)
	want := []any{obj{
		"role":  obj{"id": role, "name": "reader"},
		"user":  obj{"id": demo, "name": "demo", "domain": obj{"id": "default", "name": "Default"}},
		"scope": obj{"project": obj{"id": project, "name": "admin", "domain": obj{"id": "default", "name": "Default"}}},
		"links": obj{"assignment": c.server.URL + path},
	}}
	if diff := cmp.Diff(any(want), r.at("role_assignments")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	count := func(query string) int {
		list, _ := c.want(200, "GET", "/v3/role_assignments"+query, admin, nil).at("role_assignments").([]any)
		return len(list)
	}
	for query, want := range map[string]int{
		"": 9, "?user.id=" + demo: 2, "?user.id=" + demo + "&effective": 3, "?scope.domain.id=default": 1, "?group.id=x": 0, "?scope.system=all": 0,
		"?role.id=" + role: 1,
	} {
		if got := count(query); got != want {
			t.Errorf("%q gives %d assignments, want %d", query, got, want)
		}
	}
	c.want(204, "DELETE", path, admin, nil)
	c.want(404, "DELETE", path, admin, nil)
}

func TestServicesAndEndpointsCanBeRead(t *testing.T) {
	c := startCloud(t)
	admin := c.token("admin", "admin")
	service := c.want(200, "GET", "/v3/services?type=network", admin, nil)
	id := service.at("services", 0, "id").(string)
	if service.at("services", 0, "name") != "neutron" || service.at("services", 1) != nil {
		t.Errorf("services are %s", service.raw)
	}
	endpoints := c.want(200, "GET", "/v3/endpoints?interface=public&service_id="+id, admin, nil)
	if endpoints.at("endpoints", 0, "url") != "http://127.0.0.1:9696" || endpoints.at("endpoints", 1) != nil {
		t.Errorf("endpoints are %s", endpoints.raw)
	}
	c.want(200, "GET", "/v3/services/"+id, admin, nil)
	c.want(200, "GET", "/v3/endpoints/"+endpoints.at("endpoints", 0, "id").(string), admin, nil)
	c.want(200, "GET", "/v3/regions/RegionOne", admin, nil)
	c.want(404, "GET", "/v3/regions/elsewhere", admin, nil)
}

func TestNoPasswordIsKeptAsAnAttribute(t *testing.T) {
	c := startCloud(t)
	admin := c.token("admin", "admin")
	made := c.want(201, "POST", "/v3/users", admin, `{"user":{"name":"odd","PASSWORD":"secretword","Original_Password":"secretword"}}`)
	shown := c.want(200, "GET", "/v3/users/"+made.at("user", "id").(string), admin, nil)
	if strings.Contains(made.raw+shown.raw, "secretword") {
		t.Errorf("the password is shown: %s", shown.raw)
	}
}

func TestNothingMayFollowARightPassword(t *testing.T) {
	c := startCloud(t)
	longest := strings.Repeat("x", 72)
	c.want(201, "POST", "/v3/users", c.token("admin", "admin"), obj{"user": obj{"name": "long", "password": longest}})
	c.want(201, "POST", "/v3/auth/tokens", "", login("long", longest, nil))
	c.want(401, "POST", "/v3/auth/tokens", "", login("long", longest+"y", nil))
}
