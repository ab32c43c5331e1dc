package identity

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/gozun/gozun/zun"
)

// userBody is what a request may say of a user; nil is nothing said.
type userBody struct {
	Name             *string `json:"name"`
	Password         *string `json:"password"`
	DomainID         *string `json:"domain_id"`
	DefaultProjectID *string `json:"default_project_id"`
	Enabled          *bool   `json:"enabled"`

	hash []byte // of Password
}

// userBody reads the body and hashes its password: before any lock, since that takes long.
func (s *Service) userBody(c *call) (userBody, map[string]json.RawMessage, error) {
	var body userBody
	extra, err := c.wrapped("user", &body, "name", "password", "domain_id", "default_project_id", "enabled",
		"original_password", "password_expires_at", "federated")
	if err == nil && body.Name != nil {
		err = checkName("user", *body.Name, 255)
	}
	if err == nil && body.Password != nil {
		body.hash, err = hashPassword(*body.Password, s.config.BcryptCost)
	}
	return body, extra, err
}

// onto changes a user as the request says, and checks it against the other records.
func (s *Service) onto(u user, body userBody, extra map[string]json.RawMessage) (user, error) {
	change(&u.Name, body.Name)
	change(&u.Enabled, body.Enabled)
	change(&u.DefaultProjectID, body.DefaultProjectID)
	if body.hash != nil {
		u.PasswordHash = body.hash
	}
	u.Extra = merged(u.Extra, extra)
	if body.DefaultProjectID != nil && *body.DefaultProjectID != "" {
		if _, there := s.state.projects.rows[*body.DefaultProjectID]; !there {
			return u, zun.Errorf(zun.CodeInvalid, "cannot find the default project %s", *body.DefaultProjectID)
		}
	}
	if other, taken := s.state.userByName(u.Name); taken && other.ID != u.ID {
		return u, taken409("user", u.Name)
	}
	return u, nil
}

func (c *call) user(u user) object {
	o := object{}
	for name, value := range u.Extra {
		o[name] = value
	}
	maps.Copy(o, object{
		"id": u.ID, "name": u.Name, "domain_id": u.DomainID, "enabled": u.Enabled,
		"password_expires_at": nil, "options": object{}, "links": c.self("users", u.ID),
	})
	if u.DefaultProjectID != "" {
		o["default_project_id"] = u.DefaultProjectID
	}
	return o
}

func (s *Service) listUsers(c *call) (answer, error) {
	list := []object{}
	s.state.read(func() {
		fits := func(u user) bool {
			return c.filter("name", u.Name) && c.filter("domain_id", u.DomainID) && c.filterBool("enabled", u.Enabled)
		}
		for _, u := range sorted(s.state.users.rows, fits, func(a, b user) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) }) {
			list = append(list, c.user(u))
		}
	})
	return c.list("users", list), nil
}

func (s *Service) showUser(c *call) (answer, error) {
	return show(s, c, "user", s.state.users.rows, c.user)
}

func (s *Service) createUser(c *call) (answer, error) {
	body, extra, err := s.userBody(c)
	if err == nil {
		err = checkDomain(body.DomainID)
	}
	if err == nil && body.Name == nil {
		err = zun.Errorf(zun.CodeInvalid, "user.name is missing")
	}
	if err != nil {
		return answer{}, err
	}
	var made user
	err = s.state.write(func(b *batch) (err error) {
		made, err = s.onto(user{ID: s.config.NewID(), DomainID: defaultDomainID, Enabled: true}, body, extra)
		if err != nil {
			return err
		}
		s.state.users.put(b, made.ID, made)
		return nil
	})
	return answer{status: 201, body: object{"user": c.user(made)}}, err
}

func (s *Service) updateUser(c *call) (answer, error) {
	id := c.request.PathValue("user")
	body, extra, err := s.userBody(c)
	if err != nil {
		return answer{}, err
	}
	var changed user
	err = s.state.write(func(b *batch) (err error) {
		old, there := s.state.users.rows[id]
		if !there {
			return notFound("user", id)
		}
		if changed, err = s.onto(old, body, extra); err != nil {
			return err
		}
		if old.Enabled && !changed.Enabled && !s.state.adminRemains(func(userID, _, _ string) bool { return userID == id }) {
			return lastAdmin("the user")
		}
		if !changed.Enabled || body.hash != nil {
			s.state.revokeUser(b, id)
		}
		s.state.users.put(b, id, changed)
		return nil
	})
	return answer{body: object{"user": c.user(changed)}}, err
}

func (s *Service) deleteUser(c *call) (answer, error) {
	id := c.request.PathValue("user")
	err := s.state.write(func(b *batch) error {
		if _, there := s.state.users.rows[id]; !there {
			return notFound("user", id)
		}
		if !s.state.adminRemains(func(userID, _, _ string) bool { return userID == id }) {
			return lastAdmin("the user")
		}
		for key, g := range s.state.grants.rows {
			if g.UserID == id {
				s.state.grants.remove(b, key)
			}
		}
		s.state.revokeUser(b, id)
		s.state.dropCredentials(b, func(row credential) bool { return row.UserID == id })
		s.state.users.remove(b, id)
		return nil
	})
	return noContent, err
}

// changePassword lets users change their own password. As at Keystone it needs no token:
// the old password is the proof.
func (s *Service) changePassword(c *call) (answer, error) {
	id := c.request.PathValue("user")
	var body struct {
		Original *string `json:"original_password"`
		Password *string `json:"password"`
	}
	if _, err := c.wrapped("user", &body); err != nil {
		return answer{}, err
	}
	if body.Original == nil || body.Password == nil {
		return answer{}, zun.Errorf(zun.CodeInvalid, "user.original_password and user.password are needed")
	}
	if err := checkPassword(*body.Password); err != nil {
		return answer{}, err
	}
	var old user
	s.state.read(func() { old = s.state.users.rows[id] })
	right, err := s.matches(c.request.Context(), old, *body.Original)
	if err != nil {
		return answer{}, zun.Wrap(zun.CodeUnavailable, err, "the change was given up")
	}
	if !right || !old.Enabled {
		return answer{}, unauthenticated()
	}
	// Only now: hashing is dear, and anybody may ask.
	hash, err := hashPassword(*body.Password, s.config.BcryptCost)
	if err != nil {
		return answer{}, err
	}
	err = s.state.write(func(b *batch) error {
		u, there := s.state.users.rows[id]
		if !there || string(u.PasswordHash) != string(old.PasswordHash) {
			return unauthenticated() // somebody was faster
		}
		u.PasswordHash = hash
		s.state.revokeUser(b, id)
		s.state.users.put(b, id, u)
		return nil
	})
	return noContent, err
}
