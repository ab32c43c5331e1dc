package e2e

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
)

// password is that of everybody whom a test makes.
const password = "a password"

// newProject makes a project with a user of the same name, who is a member. The name begins
// as the test wants it: others may have made some like it on services that outlive the test.
func (c *cloud) newProject(name string) *user {
	c.tb.Helper()
	admin, name := c.admin(), name+"-"+strings.ToLower(rand.Text()[:8])
	var made struct {
		Project struct{ ID string }
		User    struct{ ID string }
	}
	admin.keystone("POST", "projects", map[string]any{"project": map[string]any{"name": name}}, &made)
	admin.keystone("POST", "users", map[string]any{"user": map[string]any{"name": name, "password": password}}, &made)
	if c.real != nil {
		c.tb.(*testing.T).Cleanup(func() { c.sweep(admin, made.Project.ID, made.User.ID) })
	}
	admin.grant(made.Project.ID, made.User.ID, "member")
	return c.as(name, password, name)
}

// grant gives a user a role in a project, as the administrator.
func (u *user) grant(project, id, role string) {
	u.tb.Helper()
	var roles struct{ Roles []struct{ ID string } }
	u.keystone("GET", "roles?name="+role, nil, &roles)
	u.keystone("PUT", "projects/"+project+"/users/"+id+"/roles/"+roles.Roles[0].ID, nil, nil)
}

// keystone asks the identity service something as the user.
func (u *user) keystone(method, path string, body, answer any) http.Header {
	u.tb.Helper()
	return u.request(method, strings.TrimSuffix(u.identity, "/v3")+"/v3/"+path, u.token, body, answer)
}
