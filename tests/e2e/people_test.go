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
	admin, name := c.admin(), unique(name)
	var made struct{ Project struct{ ID string } }
	admin.keystone("POST", "projects", map[string]any{"project": map[string]any{"name": name}}, &made)
	if c.real != nil {
		c.tb.(*testing.T).Cleanup(func() { c.sweep(admin, made.Project.ID) })
	}
	return c.newUser(name, made.Project.ID, name, "member")
}

// newUser makes a user who has roles in a project.
func (c *cloud) newUser(name, projectID, project string, roles ...string) *user {
	c.tb.Helper()
	admin := c.admin()
	var made struct{ User struct{ ID string } }
	admin.keystone("POST", "users", map[string]any{"user": map[string]any{"name": name, "password": password}}, &made)
	if c.real != nil {
		c.tb.(*testing.T).Cleanup(func() { admin.on(c.tb).keystone("DELETE", "users/"+made.User.ID, nil, nil) })
	}
	for _, role := range roles {
		admin.keystone("PUT", admin.roleOf(projectID, made.User.ID, role), nil, nil)
	}
	u := c.as(name, password, project)
	u.id = made.User.ID
	return u
}

func unique(name string) string { return name + "-" + strings.ToLower(rand.Text()[:8]) }

// roleOf is the path of a user's role in a project, as the administrator.
func (u *user) roleOf(project, id, role string) string {
	u.tb.Helper()
	var roles struct{ Roles []struct{ ID string } }
	u.keystone("GET", "roles?name="+role, nil, &roles)
	return "projects/" + project + "/users/" + id + "/roles/" + roles.Roles[0].ID
}

// keystone asks the identity service something as the user.
func (u *user) keystone(method, path string, body, answer any) http.Header {
	u.tb.Helper()
	return u.request(method, u.keystoneURL(path), u.token, body, answer)
}

func (c *cloud) keystoneURL(path string) string {
	return strings.TrimSuffix(c.identity, "/v3") + "/v3/" + path
}

// with is the same user with another token.
func (u *user) with(token string) *user {
	whole := *u
	whole.token = token
	return &whole
}

// taken is the status with which the container service meets a token that asks for a list.
func (u *user) taken(headers ...string) int {
	u.tb.Helper()
	response, _ := u.send("GET", strings.TrimSuffix(u.container, "/")+"/containers", u.token, nil, headers...)
	return response.StatusCode
}

// refusedSoon waits until a token is taken no more: for a while it may be known from before.
func (u *user) refusedSoon(why string) {
	u.tb.Helper()
	until(u.tb, "the token is refused: "+why, func() bool { return u.taken() == http.StatusUnauthorized })
}
