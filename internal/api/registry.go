package api

import (
	"context"
	"net/http"

	"github.com/gozun/gozun/zun"
)

// registryFields are the JSON of a registry in their order, without links. As in Zun there
// are three stars for the password, whether there is one or not.
func (s *server) registryFields(c *call, r zun.Registry) fieldList {
	fields := fieldList{
		{"uuid", r.ID},
		{"name", optional(r.Name)},
		{"project_id", r.ProjectID},
		{"user_id", r.UserID},
		{"domain", r.Domain},
		{"username", optional(r.Username)},
		{"password", "***"},
	}
	return s.visible(c, "registry", fields)
}

// oneRegistry is the answer that tells of a single registry.
func (s *server) oneRegistry(c *call, r zun.Registry) fieldList {
	fields := s.registryFields(c, r)
	return fieldList{{"registry", append(fields, field{"links", c.links("registries", r.ID)})}}
}

// registryBody checks a body against a schema and returns what it says of the registry.
func (s *server) registryBody(c *call, schema string) (map[string]any, error) {
	body := c.args()
	if err := s.schemas.check(schema, c.version, body); err != nil {
		return nil, c.needBody(err)
	}
	said, _ := body["registry"].(map[string]any)
	return said, nil
}

// createRegistry serves POST /v1/registries.
func (s *server) createRegistry(ctx context.Context, c *call) (reply, error) {
	said, err := s.registryBody(c, "registry_create")
	if err != nil {
		return reply{}, err
	}
	made, err := s.Control.CreateRegistry(ctx, c.grant, zun.RegistryRequest{
		Name: stringOf(said["name"]), Domain: stringOf(said["domain"]), Username: stringOf(said["username"]),
		Password: zun.NewSecret(stringOf(said["password"])),
	})
	if err != nil {
		return reply{}, err
	}
	return reply{
		status: http.StatusCreated, body: s.oneRegistry(c, made),
		header: map[string]string{"Location": c.links("registries", made.ID)[0].Href},
	}, nil
}

// listRegistries serves GET /v1/registries.
func (s *server) listRegistries(ctx context.Context, c *call) (reply, error) {
	q := s.listQuery(c, "name", "domain", "username", "project_id", "user_id")
	if err := q.done(); err != nil {
		return reply{}, err
	}
	if err := s.mayList(c, q, "registry"); err != nil {
		return reply{}, err
	}
	found, err := s.Control.ListRegistries(ctx, c.grant, zun.RegistryFilter{
		Name: q.filters["name"], Domain: q.filters["domain"], Username: q.filters["username"],
		ProjectID: q.filters["project_id"], UserID: q.filters["user_id"], AllProjects: q.allProjects, Page: q.page,
	})
	if err != nil {
		return reply{}, err
	}
	items, next := make([]fieldList, len(found)), ""
	for i, r := range found {
		items[i] = s.registryFields(c, r)
		next = q.next(c, "registries", len(found), r.ID)
	}
	return reply{status: http.StatusOK, body: fieldList{{"registries", items}, {"next", optional(next)}}}, nil
}

// showRegistry serves GET /v1/registries/{id}.
func (s *server) showRegistry(ctx context.Context, c *call) (reply, error) {
	r, err := s.Control.GetRegistry(ctx, c.grant, c.ident())
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: s.oneRegistry(c, r)}, nil
}

// updateRegistry serves PATCH /v1/registries/{id}: what is not said stays, and null takes
// away.
func (s *server) updateRegistry(ctx context.Context, c *call) (reply, error) {
	said, err := s.registryBody(c, "registry_update")
	if err != nil {
		return reply{}, err
	}
	change := zun.RegistryChange{
		Name: saidText(said, "name"), Domain: saidText(said, "domain"), Username: saidText(said, "username"),
	}
	if password := saidText(said, "password"); password != nil {
		secret := zun.NewSecret(*password)
		change.Password = &secret
	}
	r, err := s.Control.UpdateRegistry(ctx, c.grant, c.ident(), change)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: s.oneRegistry(c, r)}, nil
}

// saidText is the text of a field that was said, "" for null, and nil if it was not said.
func saidText(said map[string]any, name string) *string {
	value, given := said[name]
	if !given {
		return nil
	}
	text := stringOf(value)
	return &text
}

// deleteRegistry serves DELETE /v1/registries/{id}.
func (s *server) deleteRegistry(ctx context.Context, c *call) (reply, error) {
	if err := c.params().done(); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, s.Control.DeleteRegistry(ctx, c.grant, c.ident())
}
