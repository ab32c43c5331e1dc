package identity

import (
	"slices"
	"strings"
)

// target reads what a grant's path is about. The rows must be there; the caller holds
// the state still.
func (s *Service) target(c *call) (userID string, sc scope, err error) {
	userID = c.request.PathValue("user")
	sc = scope{ProjectID: c.request.PathValue("project"), DomainID: c.request.PathValue("domain")}
	if _, there := s.state.users.rows[userID]; !there {
		return "", scope{}, notFound("user", userID)
	}
	if _, there := s.state.projects.rows[sc.ProjectID]; sc.DomainID == "" && !there {
		return "", scope{}, notFound("project", sc.ProjectID)
	}
	if sc.DomainID != "" && sc.DomainID != defaultDomainID {
		return "", scope{}, notFound("domain", sc.DomainID)
	}
	return userID, sc, nil
}

// roleOf is the role that a grant's path ends with.
func (s *Service) roleOf(c *call) (role, error) {
	id := c.request.PathValue("role")
	found, there := s.state.roles.rows[id]
	if !there {
		return role{}, notFound("role", id)
	}
	return found, nil
}

func (s *Service) listGrants(c *call) (result answer, err error) {
	s.state.read(func() {
		userID, sc, failed := s.target(c)
		if err = failed; err != nil {
			return
		}
		list := []object{}
		for _, id := range s.state.grants.rows[grantKey(userID, sc)].Roles {
			list = append(list, c.role(s.state.roles.rows[id]))
		}
		result = c.list("roles", list)
	})
	return result, err
}

func (s *Service) checkGrant(c *call) (_ answer, err error) {
	s.state.read(func() {
		var (
			userID string
			sc     scope
			r      role
		)
		if userID, sc, r, err = s.named(c); err != nil {
			return
		}
		if !slices.Contains(s.state.grants.rows[grantKey(userID, sc)].Roles, r.ID) {
			err = notFound("an assignment of role", r.ID)
		}
	})
	return noContent, err
}

// named returns whom, where and what role an assignment's path is about; the caller holds
// the state still.
func (s *Service) named(c *call) (userID string, sc scope, r role, err error) {
	if userID, sc, err = s.target(c); err != nil {
		return
	}
	r, err = s.roleOf(c)
	return
}

func (s *Service) createGrant(c *call) (answer, error) {
	err := s.state.write(func(b *batch) error {
		userID, sc, r, err := s.named(c)
		if err != nil {
			return err
		}
		key := grantKey(userID, sc)
		row := s.state.grants.rows[key]
		if slices.Contains(row.Roles, r.ID) {
			return nil
		}
		row.UserID, row.Scope, row.Roles = userID, sc, append(slices.Clone(row.Roles), r.ID)
		s.state.grants.put(b, key, row)
		return nil
	})
	return noContent, err
}

func (s *Service) revokeGrant(c *call) (answer, error) {
	err := s.state.write(func(b *batch) error {
		userID, sc, r, err := s.named(c)
		if err != nil {
			return err
		}
		key := grantKey(userID, sc)
		row := s.state.grants.rows[key]
		if !slices.Contains(row.Roles, r.ID) {
			return notFound("an assignment of role", r.ID)
		}
		gone := func(u, p, id string) bool { return u == userID && p == sc.ProjectID && id == r.ID }
		if !s.state.adminRemains(gone) {
			return lastAdmin("this assignment")
		}
		s.takeRole(b, key, row, r.ID)
		return nil
	})
	return noContent, err
}

// listAssignments lists who has which role where, as GET /v3/role_assignments does.
func (s *Service) listAssignments(c *call) (answer, error) {
	list := []object{}
	s.state.read(func() {
		all := func(grant) bool { return true }
		for _, g := range sorted(s.state.grants.rows, all, func(a, b grant) int { return strings.Compare(s.place(a), s.place(b)) }) {
			for _, r := range s.assigned(c, g) {
				if c.chosen(g, r) {
					list = append(list, s.assignment(c, g, r))
				}
			}
		}
	})
	return c.list("role_assignments", list), nil
}

// place sorts assignments by the names of user and scope.
func (s *Service) place(g grant) string {
	return s.state.users.rows[g.UserID].Name + "\x00" + s.state.projects.rows[g.Scope.ProjectID].Name + "\x00" + grantKey(g.UserID, g.Scope)
}

// assigned returns the roles of a grant: as given, or with those implied.
func (s *Service) assigned(c *call, g grant) []role {
	if c.flag("effective") {
		return s.state.rolesOf(g.UserID, g.Scope)
	}
	roles := []role{}
	for _, id := range g.Roles {
		roles = append(roles, s.state.roles.rows[id])
	}
	return roles
}

func (c *call) chosen(g grant, r role) bool {
	return c.filter("user.id", g.UserID) && c.filter("role.id", r.ID) && c.filter("group.id", "") &&
		c.filter("scope.project.id", g.Scope.ProjectID) && c.filter("scope.domain.id", g.Scope.DomainID) &&
		!c.request.URL.Query().Has("scope.system")
}

func (s *Service) assignment(c *call, g grant, r role) object {
	u, p := s.state.users.rows[g.UserID], s.state.projects.rows[g.Scope.ProjectID]
	who, what := object{"id": u.ID}, object{"id": r.ID}
	where, kind := object{"id": p.ID}, "project"
	if g.Scope.DomainID != "" {
		where, kind = object{"id": defaultDomainID}, "domain"
	}
	if c.flag("include_names") {
		who["name"], who["domain"] = u.Name, defaultDomain.brief()
		what["name"] = r.Name
		where["name"] = defaultDomain.Name
		if kind == "project" {
			where["name"], where["domain"] = p.Name, defaultDomain.brief()
		}
	}
	path := []string{kind + "s", p.ID + g.Scope.DomainID, "users", u.ID, "roles", r.ID}
	return object{
		"user": who, "role": what, "scope": object{kind: where},
		"links": object{"assignment": c.self(path...)["self"]},
	}
}
