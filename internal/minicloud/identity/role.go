package identity

import (
	"slices"
	"strings"

	"github.com/gozun/gozun/zun"
)

// roleBody is what a request may say of a role; nil is nothing said.
type roleBody struct {
	Name        *string `json:"name"`
	Description *string `json:"description"`
}

func (c *call) roleBody() (roleBody, error) {
	var body roleBody
	_, err := c.wrapped("role", &body)
	if err == nil && body.Name != nil {
		err = checkName("role", *body.Name, 255)
	}
	return body, err
}

func (c *call) role(r role) object {
	return object{
		"id": r.ID, "name": r.Name, "description": orNull(r.Description), "domain_id": nil,
		"options": object{}, "links": c.self("roles", r.ID),
	}
}

// orNull shows a text that was never given as Keystone does.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (s *Service) listRoles(c *call) (answer, error) {
	list := []object{}
	s.state.read(func() {
		fits := func(r role) bool { return c.filter("name", r.Name) && c.filter("domain_id", "") }
		for _, r := range sorted(s.state.roles.rows, fits, func(a, b role) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) }) {
			list = append(list, c.role(r))
		}
	})
	return c.list("roles", list), nil
}

func (s *Service) showRole(c *call) (answer, error) {
	return show(s, c, "role", s.state.roles.rows, c.role)
}

func (s *Service) createRole(c *call) (answer, error) {
	body, err := c.roleBody()
	if err == nil && body.Name == nil {
		err = zun.Errorf(zun.CodeInvalid, "role.name is missing")
	}
	if err != nil {
		return answer{}, err
	}
	made := role{ID: s.config.NewID(), Name: *body.Name}
	change(&made.Description, body.Description)
	err = s.state.write(func(b *batch) error {
		if _, taken := s.state.roleByName(made.Name); taken {
			return taken409("role", made.Name)
		}
		s.state.roles.put(b, made.ID, made)
		return nil
	})
	return answer{status: 201, body: object{"role": c.role(made)}}, err
}

// builtIn are the roles by whose names permissions are given.
var builtIn = []string{roleAdmin, roleManager, roleMember, roleReader, roleService}

func (s *Service) updateRole(c *call) (answer, error) {
	id := c.request.PathValue("role")
	body, err := c.roleBody()
	if err != nil {
		return answer{}, err
	}
	var changed role
	err = s.state.write(func(b *batch) error {
		old, there := s.state.roles.rows[id]
		if !there {
			return notFound("role", id)
		}
		changed = old
		change(&changed.Name, body.Name)
		change(&changed.Description, body.Description)
		if changed.Name != old.Name && slices.Contains(builtIn, old.Name) {
			return zun.Errorf(zun.CodePolicyNotAuthorized, "the role %s cannot be renamed: permissions are given by its name", old.Name)
		}
		if other, taken := s.state.roleByName(changed.Name); taken && other.ID != id {
			return taken409("role", changed.Name)
		}
		s.state.roles.put(b, id, changed)
		return nil
	})
	return answer{body: object{"role": c.role(changed)}}, err
}

func (s *Service) deleteRole(c *call) (answer, error) {
	id := c.request.PathValue("role")
	err := s.state.write(func(b *batch) error {
		gone, there := s.state.roles.rows[id]
		if !there {
			return notFound("role", id)
		}
		if slices.Contains(builtIn, gone.Name) {
			return zun.Errorf(zun.CodePolicyNotAuthorized, "the role %s cannot be deleted: permissions are given by its name", gone.Name)
		}
		for key, g := range s.state.grants.rows {
			if slices.Contains(g.Roles, id) {
				s.takeRole(b, key, g, id)
			}
		}
		s.state.roles.remove(b, id)
		return nil
	})
	return noContent, err
}

// takeRole notes the removal of a role from a grant, and the end of the tokens that had it.
func (s *Service) takeRole(b *batch, key string, g grant, roleID string) {
	g.Roles = without(g.Roles, roleID)
	if len(g.Roles) == 0 {
		s.state.grants.remove(b, key)
	} else {
		s.state.grants.put(b, key, g)
	}
	s.state.revoke(b, func(t tokenRow) bool { return t.UserID == g.UserID && t.Scope == g.Scope })
}
