package identity

import (
	"net/http"
	"path"
	"strings"

	"github.com/gozun/gozun/zun"
)

// route is one row of the API. rule is Keystone's name for the permission, for the 403.
// A route whose may is nil needs no token.
type route struct {
	pattern string
	rule    string
	may     func(*call) bool
	handle  func(*call) (answer, error)
}

// table returns the whole API; nothing is registered elsewhere.
func (s *Service) table() []route {
	return []route{
		{"GET /{$}", "", nil, s.versions},
		{"GET /v3", "", nil, s.version},

		{"POST /v3/auth/tokens", "", nil, s.issueToken},
		{"GET /v3/auth/tokens", "identity:validate_token", anybody, s.showToken},
		{"DELETE /v3/auth/tokens", "identity:revoke_token", anybody, s.revokeToken},
		{"GET /v3/auth/catalog", "identity:get_auth_catalog", anybody, s.showCatalog},
		{"GET /v3/auth/projects", "identity:get_auth_projects", anybody, s.listOwnProjects},
		{"GET /v3/auth/domains", "identity:get_auth_domains", anybody, s.listOwnDomains},

		{"GET /v3/projects", "identity:list_projects", admin, s.listProjects},
		{"POST /v3/projects", "identity:create_project", admin, s.createProject},
		{"GET /v3/projects/{project}", "identity:get_project", adminOrInProject, s.showProject},
		{"PATCH /v3/projects/{project}", "identity:update_project", admin, s.updateProject},
		{"DELETE /v3/projects/{project}", "identity:delete_project", admin, s.deleteProject},

		{"GET /v3/users", "identity:list_users", admin, s.listUsers},
		{"POST /v3/users", "identity:create_user", admin, s.createUser},
		{"GET /v3/users/{user}", "identity:get_user", adminOrSelf, s.showUser},
		{"PATCH /v3/users/{user}", "identity:update_user", admin, s.updateUser},
		{"DELETE /v3/users/{user}", "identity:delete_user", admin, s.deleteUser},
		{"POST /v3/users/{user}/password", "", nil, s.changePassword},
		{"GET /v3/users/{user}/projects", "identity:list_user_projects", adminOrSelf, s.listUserProjects},
		{"GET /v3/users/{user}/application_credentials", "identity:list_application_credentials", adminOrSelf, s.listCredentials},
		{"POST /v3/users/{user}/application_credentials", "identity:create_application_credential", self, s.createCredential},
		{"GET /v3/users/{user}/application_credentials/{credential}", "identity:get_application_credential", adminOrSelf, s.showCredential},
		{"DELETE /v3/users/{user}/application_credentials/{credential}", "identity:delete_application_credential", adminOrOwner, s.deleteCredential},
		{"GET /v3/users/{user}/groups", "identity:list_groups_for_user", adminOrSelf, s.listNoGroups},
		{"GET /v3/groups", "identity:list_groups", admin, s.listNoGroups},

		{"GET /v3/roles", "identity:list_roles", admin, s.listRoles},
		{"POST /v3/roles", "identity:create_role", admin, s.createRole},
		{"GET /v3/roles/{role}", "identity:get_role", admin, s.showRole},
		{"PATCH /v3/roles/{role}", "identity:update_role", admin, s.updateRole},
		{"DELETE /v3/roles/{role}", "identity:delete_role", admin, s.deleteRole},

		{"GET /v3/role_assignments", "identity:list_role_assignments", admin, s.listAssignments},
		{"GET /v3/projects/{project}/users/{user}/roles", "identity:list_grants", admin, s.listGrants},
		{"GET /v3/projects/{project}/users/{user}/roles/{role}", "identity:check_grant", admin, s.checkGrant},
		{"PUT /v3/projects/{project}/users/{user}/roles/{role}", "identity:create_grant", admin, s.createGrant},
		{"DELETE /v3/projects/{project}/users/{user}/roles/{role}", "identity:revoke_grant", admin, s.revokeGrant},
		{"GET /v3/domains/{domain}/users/{user}/roles", "identity:list_grants", admin, s.listGrants},
		{"GET /v3/domains/{domain}/users/{user}/roles/{role}", "identity:check_grant", admin, s.checkGrant},
		{"PUT /v3/domains/{domain}/users/{user}/roles/{role}", "identity:create_grant", admin, s.createGrant},
		{"DELETE /v3/domains/{domain}/users/{user}/roles/{role}", "identity:revoke_grant", admin, s.revokeGrant},

		{"GET /v3/domains", "identity:list_domains", admin, s.listDomains},
		{"GET /v3/domains/{domain}", "identity:get_domain", anybody, s.showDomain},
		{"POST /v3/domains", "identity:create_domain", admin, s.refuseDomainChange},
		{"PATCH /v3/domains/{domain}", "identity:update_domain", admin, s.refuseDomainChange},
		{"DELETE /v3/domains/{domain}", "identity:delete_domain", admin, s.refuseDomainChange},

		{"GET /v3/regions", "identity:list_regions", anybody, s.listRegions},
		{"GET /v3/regions/{region}", "identity:get_region", anybody, s.showRegion},
		{"GET /v3/services", "identity:list_services", admin, s.listServices},
		{"GET /v3/services/{service}", "identity:get_service", admin, s.showService},
		{"GET /v3/endpoints", "identity:list_endpoints", admin, s.listEndpoints},
		{"GET /v3/endpoints/{endpoint}", "identity:get_endpoint", admin, s.showEndpoint},
	}
}

// The permissions, as Keystone's default policy gives them.
func anybody(*call) bool        { return true }
func admin(c *call) bool        { return c.who.hasRole(roleAdmin) }
func adminOrSelf(c *call) bool  { return admin(c) || c.request.PathValue("user") == c.who.user.ID }
func adminOrOwner(c *call) bool { return admin(c) && c.who.credential.ID == "" || self(c) }
func adminOrInProject(c *call) bool {
	return admin(c) || c.request.PathValue("project") == c.who.token.Scope.ProjectID
}

// routes builds the handler. Each path also gets a row for the methods it does not have,
// so that those are answered in Keystone's form too.
func (s *Service) routes() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, row := range s.table() {
		mux.Handle(row.pattern, s.serve(row))
		method, path, _ := strings.Cut(row.pattern, " ")
		methods[path] = append(methods[path], method)
		if method == http.MethodGet {
			methods[path] = append(methods[path], http.MethodHead)
		}
	}
	for path, known := range methods {
		mux.Handle(path, s.serve(route{handle: methodNotAllowed(known)}))
	}
	mux.Handle("/", s.serve(route{handle: func(c *call) (answer, error) {
		return answer{}, zun.Errorf(zun.CodeNotFound, "there is nothing at %s", c.request.URL.Path)
	}}))
	return cleaned(mux)
}

func methodNotAllowed(known []string) func(*call) (answer, error) {
	allow := strings.Join(known, ", ")
	return func(c *call) (answer, error) {
		text := c.request.Method + " is not possible here, only " + allow
		return answer{
			status: http.StatusMethodNotAllowed, header: map[string]string{"Allow": allow},
			body: errorBody(http.StatusMethodNotAllowed, text),
		}, nil
	}
}

// cleaned takes doubled and trailing slashes out of paths itself: ServeMux would redirect,
// and clients lose the body of a redirected POST.
func cleaned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if clean := path.Clean("/" + r.URL.Path); clean != r.URL.Path {
			copied, url := *r, *r.URL
			url.Path, url.RawPath = clean, ""
			copied.URL = &url
			r = &copied
		}
		next.ServeHTTP(w, r)
	})
}
