package identity

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/gozun/gozun/zun"
)

// projectBody is what a request may say of a project; nil is nothing said.
type projectBody struct {
	Name        *string   `json:"name"`
	DomainID    *string   `json:"domain_id"`
	ParentID    *string   `json:"parent_id"`
	Description *string   `json:"description"`
	Enabled     *bool     `json:"enabled"`
	IsDomain    *bool     `json:"is_domain"`
	Tags        *[]string `json:"tags"`
}

func (c *call) projectBody() (projectBody, map[string]json.RawMessage, error) {
	var body projectBody
	extra, err := c.wrapped("project", &body, "name", "domain_id", "parent_id", "description", "enabled", "is_domain", "tags")
	if err == nil && body.IsDomain != nil && *body.IsDomain {
		err = zun.Errorf(zun.CodeInvalid, "a project cannot be a domain here: there is only the domain %s", defaultDomain.Name)
	}
	if err == nil && body.Name != nil {
		err = checkName("project", *body.Name, 64)
	}
	return body, extra, err
}

// onto changes a project as the request says.
func (body projectBody) onto(p project, extra map[string]json.RawMessage) project {
	change(&p.Name, body.Name)
	change(&p.Description, body.Description)
	change(&p.Enabled, body.Enabled)
	change(&p.Tags, body.Tags)
	p.Extra = merged(p.Extra, extra)
	return p
}

func change[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// merged returns the attributes of both maps; those set to null go.
func merged(old, changes map[string]json.RawMessage) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	maps.Copy(all, old)
	for name, value := range changes {
		if string(value) == "null" {
			delete(all, name)
		} else {
			all[name] = value
		}
	}
	return all
}

func (c *call) project(p project) object {
	o := object{}
	for name, value := range p.Extra {
		o[name] = value
	}
	tags := p.Tags
	if tags == nil {
		tags = []string{}
	}
	maps.Copy(o, object{
		"id": p.ID, "name": p.Name, "domain_id": p.DomainID, "parent_id": p.ParentID, "description": p.Description,
		"enabled": p.Enabled, "is_domain": false, "tags": tags, "options": object{}, "links": c.self("projects", p.ID),
	})
	return o
}

// projects renders those that keep accepts and the query's filters too.
func (s *Service) projects(c *call, keep func(project) bool) answer {
	list := []object{}
	s.state.read(func() {
		fits := func(p project) bool {
			return keep(p) && c.filter("name", p.Name) && c.filter("domain_id", p.DomainID) &&
				c.filter("parent_id", p.ParentID) && c.filterBool("enabled", p.Enabled) && c.filterBool("is_domain", false)
		}
		for _, p := range sorted(s.state.projects.rows, fits, func(a, b project) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) }) {
			list = append(list, c.project(p))
		}
	})
	return c.list("projects", list)
}

func (s *Service) listProjects(c *call) (answer, error) {
	return s.projects(c, func(project) bool { return true }), nil
}

// memberOf accepts the projects in which the user has a role.
func (s *Service) memberOf(userID string) func(project) bool {
	return func(p project) bool { return len(s.state.rolesOf(userID, scope{ProjectID: p.ID})) > 0 }
}

func (s *Service) listOwnProjects(c *call) (answer, error) {
	member := s.memberOf(c.who.user.ID)
	return s.projects(c, func(p project) bool { return p.Enabled && member(p) }), nil
}

func (s *Service) listUserProjects(c *call) (answer, error) {
	id := c.request.PathValue("user")
	if !has(s, s.state.users.rows, id) {
		return answer{}, notFound("user", id)
	}
	return s.projects(c, s.memberOf(id)), nil
}

func (s *Service) listOwnDomains(c *call) (answer, error) {
	list := []object{}
	s.state.read(func() {
		if len(s.state.rolesOf(c.who.user.ID, scope{DomainID: defaultDomainID})) > 0 {
			list = append(list, c.domain(defaultDomain))
		}
	})
	return c.list("domains", list), nil
}

// has reports whether there is a row with that id.
func has[T any](s *Service, rows map[string]T, id string) (there bool) {
	s.state.read(func() { _, there = rows[id] })
	return there
}

func (s *Service) showProject(c *call) (answer, error) {
	return show(s, c, "project", s.state.projects.rows, c.project)
}

func (s *Service) createProject(c *call) (answer, error) {
	body, extra, err := c.projectBody()
	if err == nil {
		err = checkDomain(body.DomainID)
	}
	if err == nil && body.Name == nil {
		err = zun.Errorf(zun.CodeInvalid, "project.name is missing")
	}
	if err != nil {
		return answer{}, err
	}
	made := body.onto(project{ID: s.config.NewID(), DomainID: defaultDomainID, ParentID: defaultDomainID, Enabled: true}, extra)
	err = s.state.write(func(b *batch) error {
		if body.ParentID != nil && *body.ParentID != defaultDomainID {
			if _, there := s.state.projects.rows[*body.ParentID]; !there {
				return notFound("parent project", *body.ParentID)
			}
			made.ParentID = *body.ParentID
		}
		if _, taken := s.state.projectByName(made.Name); taken {
			return taken409("project", made.Name)
		}
		s.state.projects.put(b, made.ID, made)
		return nil
	})
	return answer{status: 201, body: object{"project": c.project(made)}}, err
}

func taken409(kind, name string) error {
	return zun.Errorf(zun.CodeConflict, "there is a %s named %q already", kind, name)
}

func (s *Service) updateProject(c *call) (answer, error) {
	id := c.request.PathValue("project")
	body, extra, err := c.projectBody()
	if err != nil {
		return answer{}, err
	}
	var changed project
	err = s.state.write(func(b *batch) error {
		old, there := s.state.projects.rows[id]
		if !there {
			return notFound("project", id)
		}
		changed = body.onto(old, extra)
		if other, taken := s.state.projectByName(changed.Name); taken && other.ID != id {
			return taken409("project", changed.Name)
		}
		if old.Enabled && !changed.Enabled {
			if err := s.leaveProject(b, id); err != nil {
				return err
			}
		}
		s.state.projects.put(b, id, changed)
		return nil
	})
	return answer{body: object{"project": c.project(changed)}}, err
}

// leaveProject notes the end of all tokens for a project that is going away or being
// disabled, and refuses if nobody could administer the cloud after it.
func (s *Service) leaveProject(b *batch, id string) error {
	if !s.state.adminRemains(func(_, projectID, _ string) bool { return projectID == id }) {
		return lastAdmin("the project")
	}
	s.state.revoke(b, func(t tokenRow) bool { return t.Scope.ProjectID == id })
	return nil
}

func lastAdmin(what string) error {
	return zun.Errorf(zun.CodePolicyNotAuthorized, "without %s nobody could administer this cloud; give another enabled user the role admin in an enabled project first", what)
}

func (s *Service) deleteProject(c *call) (answer, error) {
	id := c.request.PathValue("project")
	err := s.state.write(func(b *batch) error {
		if _, there := s.state.projects.rows[id]; !there {
			return notFound("project", id)
		}
		children := func(p project) bool { return p.ParentID == id }
		if child, there := oneOf(s.state.projects.rows, children); there {
			return zun.Errorf(zun.CodePolicyNotAuthorized, "cannot delete project %s: project %s is below it; delete that first", id, child.ID)
		}
		if err := s.leaveProject(b, id); err != nil {
			return err
		}
		for key, g := range s.state.grants.rows {
			if g.Scope.ProjectID == id {
				s.state.grants.remove(b, key)
			}
		}
		for _, u := range s.state.users.rows {
			if u.DefaultProjectID == id {
				u.DefaultProjectID = ""
				s.state.users.put(b, u.ID, u)
			}
		}
		s.state.projects.remove(b, id)
		return nil
	})
	return noContent, err
}

// without returns the list without one element.
func without(list []string, gone string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == gone })
}
