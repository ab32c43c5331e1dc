package client

import (
	"context"
	"net/url"
)

// Registry is a project's record of an image registry, as the API shows it. The password
// is never shown.
type Registry struct {
	UUID      string `json:"uuid"`
	Name      string `json:"name"` // "" for none; not unique
	ProjectID string `json:"project_id"`
	UserID    string `json:"user_id"`
	Domain    string `json:"domain"`
	Username  string `json:"username"`
}

// RegistryCreate is what a registry is recorded with. Domain is needed: a host, with a
// port and a path if need be ("registry.example.org:5000").
type RegistryCreate struct {
	Name     string `json:"name,omitempty"`
	Domain   string `json:"domain"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// RegistryUpdate is a change to a registry. A nil field stays as it is; an empty Name,
// Username or Password is taken away.
type RegistryUpdate struct {
	Name, Domain, Username, Password *string
}

// body is the change as the service reads it, where null takes away.
func (u RegistryUpdate) body() map[string]any {
	fields := map[string]any{}
	for name, value := range map[string]*string{"name": u.Name, "domain": u.Domain, "username": u.Username, "password": u.Password} {
		switch {
		case value == nil:
		case *value == "":
			fields[name] = nil
		default:
			fields[name] = *value
		}
	}
	return map[string]any{"registry": fields}
}

// RegistryList chooses and orders registries; zero fields do not filter.
type RegistryList struct {
	Name, Domain, Username, ProjectID, UserID string

	AllProjects bool // administrators
	Page
}

// registryAnswer is how the service wraps a single registry.
type registryAnswer struct {
	Registry Registry `json:"registry"`
}

// CreateRegistry records a registry. Whether the credentials are good is found out by the
// first pull.
func (c *Client) CreateRegistry(ctx context.Context, create RegistryCreate) (Registry, error) {
	var made registryAnswer
	body := map[string]RegistryCreate{"registry": create}
	_, err := c.call(ctx, request{method: "POST", path: "/registries", body: body}, &made)
	return made.Registry, err
}

// ListRegistries returns the registries that list chooses, following pages as needed.
func (c *Client) ListRegistries(ctx context.Context, list RegistryList) ([]Registry, error) {
	query := list.query()
	set(query, "name", list.Name)
	set(query, "domain", list.Domain)
	set(query, "username", list.Username)
	set(query, "project_id", list.ProjectID)
	set(query, "user_id", list.UserID)
	if list.AllProjects {
		query.Set("all_projects", "true")
	}
	return pages(ctx, c, "/registries", "registries", query, list.Limit, func(r Registry) string { return r.UUID })
}

// GetRegistry returns one registry by name or UUID. CodeRegistryNotFound: there is none;
// CodeConflict: several have the name.
func (c *Client) GetRegistry(ctx context.Context, ref string) (Registry, error) {
	var got registryAnswer
	_, err := c.call(ctx, request{method: "GET", path: registryPath(ref)}, &got)
	return got.Registry, err
}

// UpdateRegistry changes a registry and returns it as it is then.
func (c *Client) UpdateRegistry(ctx context.Context, ref string, update RegistryUpdate) (Registry, error) {
	var got registryAnswer
	_, err := c.call(ctx, request{method: "PATCH", path: registryPath(ref), body: update.body()}, &got)
	return got.Registry, err
}

// DeleteRegistry deletes a registry by name or UUID. CodeConflict: containers are made
// from its images.
func (c *Client) DeleteRegistry(ctx context.Context, ref string) error {
	_, err := c.call(ctx, request{method: "DELETE", path: registryPath(ref)}, nil)
	return err
}

func registryPath(ref string) string { return "/registries/" + url.PathEscape(ref) }
