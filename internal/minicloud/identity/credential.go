package identity

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/gozun/gozun/zun"
)

// credential is an application credential as stored: a login of its own for programs, with
// no more than some of its user's roles in one project.
type credential struct {
	ID, UserID, ProjectID, Name, Description string
	SecretHash                               []byte // bcrypt
	Roles                                    []string
	ExpiresAt                                time.Time // zero: never
	Unrestricted                             bool      // may manage credentials
	Rules                                    []accessRule
	Ruled                                    bool // has Rules, if only none
}

// accessRule is one kind of request that a credential is for.
type accessRule struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	Method  string `json:"method"`
	Path    string `json:"path"`
}

// credentialBody is what a request says of a new credential.
type credentialBody struct {
	Name         *string       `json:"name"`
	Description  *string       `json:"description"`
	Secret       *string       `json:"secret"`
	ExpiresAt    *string       `json:"expires_at"`
	Roles        []ref         `json:"roles"`
	Unrestricted bool          `json:"unrestricted"`
	AccessRules  *[]accessRule `json:"access_rules"`
}

// self lets users manage their own credentials, but not with a credential, unless it is
// unrestricted.
func self(c *call) bool {
	restricted := c.who.credential.ID != "" && !c.who.credential.Unrestricted
	return c.request.PathValue("user") == c.who.user.ID && !restricted
}

// credential is the JSON of one, without its secret.
func (s *Service) credential(c *call, row credential) object {
	roles := []object{}
	for _, id := range row.Roles {
		roles = append(roles, object{"id": id, "name": s.state.roles.rows[id].Name, "domain_id": nil})
	}
	o := object{
		"id": row.ID, "name": row.Name, "description": row.Description, "project_id": row.ProjectID, "roles": roles,
		"unrestricted": row.Unrestricted, "expires_at": nil, "links": c.self("users", row.UserID, "application_credentials", row.ID),
	}
	if row.Description == "" {
		o["description"] = nil
	}
	if !row.ExpiresAt.IsZero() {
		o["expires_at"] = stamp(row.ExpiresAt)
	}
	if row.Ruled {
		o["access_rules"] = rulesOf(row)
	}
	return o
}

// rulesOf are the rules of a credential as JSON has them.
func rulesOf(row credential) []accessRule { return append([]accessRule{}, row.Rules...) }

func (s *Service) listCredentials(c *call) (answer, error) {
	list := []object{}
	s.state.read(func() {
		fits := func(row credential) bool {
			return row.UserID == c.request.PathValue("user") && c.filter("name", row.Name)
		}
		for _, row := range sorted(s.state.credentials.rows, fits, func(a, b credential) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) }) {
			list = append(list, s.credential(c, row))
		}
	})
	return c.list("application_credentials", list), nil
}

// ownCredential is the one that a path is about; the caller holds the state still.
func (s *Service) ownCredential(c *call) (credential, error) {
	id := c.request.PathValue("credential")
	row, there := s.state.credentials.rows[id]
	if !there || row.UserID != c.request.PathValue("user") {
		return credential{}, notFound("application credential", id)
	}
	return row, nil
}

func (s *Service) showCredential(c *call) (result answer, err error) {
	s.state.read(func() {
		var row credential
		if row, err = s.ownCredential(c); err == nil {
			result.body = object{"application_credential": s.credential(c, row)}
		}
	})
	return result, err
}

func (s *Service) deleteCredential(c *call) (answer, error) {
	err := s.state.write(func(b *batch) error {
		row, err := s.ownCredential(c)
		if err != nil {
			return err
		}
		s.state.dropCredentials(b, func(other credential) bool { return other.ID == row.ID })
		return nil
	})
	return noContent, err
}

// dropCredentials notes the removal of credentials and of their tokens.
func (st *state) dropCredentials(b *batch, match func(credential) bool) {
	for id, row := range st.credentials.rows {
		if match(row) {
			st.credentials.remove(b, id)
			st.revoke(b, func(t tokenRow) bool { return t.CredentialID == id })
		}
	}
}

// createCredential makes a credential for the project of the caller's token. Its secret is
// told this once.
func (s *Service) createCredential(c *call) (answer, error) {
	var body credentialBody
	if _, err := c.wrapped("application_credential", &body); err != nil {
		return answer{}, err
	}
	row, err := s.newCredential(c, body)
	if err != nil {
		return answer{}, err
	}
	secretText := secret(48)
	change(&secretText, body.Secret)
	if row.SecretHash, err = hashPassword(secretText, s.config.BcryptCost); err != nil {
		return answer{}, err
	}
	var made object
	err = s.state.write(func(b *batch) error {
		for _, other := range s.state.credentials.rows {
			if other.UserID == row.UserID && other.Name == row.Name {
				return zun.Errorf(zun.CodeConflict, "the user has an application credential named %q already", row.Name)
			}
		}
		s.state.credentials.put(b, row.ID, row)
		made = s.credential(c, row)
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	made["secret"] = secretText
	return answer{status: 201, body: object{"application_credential": made}}, nil
}

// newCredential checks what a request says of a credential, but for its secret.
func (s *Service) newCredential(c *call, body credentialBody) (credential, error) {
	if body.Name == nil {
		return credential{}, zun.Errorf(zun.CodeInvalid, "application_credential.name is missing")
	}
	if err := checkName("application credential", *body.Name, 255); err != nil {
		return credential{}, err
	}
	if c.who.project.ID == "" {
		return credential{}, zun.Errorf(zun.CodeInvalid, "an application credential is for a project; log in to one")
	}
	row := credential{
		ID: s.config.NewID(), UserID: c.who.user.ID, ProjectID: c.who.project.ID, Name: *body.Name, Unrestricted: body.Unrestricted,
	}
	change(&row.Description, body.Description)
	if err := s.limit(&row, body); err != nil {
		return row, err
	}
	for _, r := range c.who.roles {
		if len(body.Roles) == 0 || slices.ContainsFunc(body.Roles, func(wanted ref) bool { return isRole(wanted, r) }) {
			row.Roles = append(row.Roles, r.ID)
		}
	}
	for _, wanted := range body.Roles {
		if !slices.ContainsFunc(c.who.roles, func(r role) bool { return isRole(wanted, r) }) {
			return row, zun.Errorf(zun.CodeInvalid, "the roles of an application credential must be among those of the token that it is made with")
		}
	}
	return row, nil
}

// isRole reports whether a reference means a role.
func isRole(wanted ref, r role) bool {
	return wanted.ID != nil && *wanted.ID == r.ID || wanted.ID == nil && wanted.Name != nil && *wanted.Name == r.Name
}

// limit gives a credential its end and its rules.
func (s *Service) limit(row *credential, body credentialBody) error {
	if body.ExpiresAt != nil {
		at, err := readTime(*body.ExpiresAt)
		if err != nil || !at.After(s.config.Now()) {
			return zun.Errorf(zun.CodeInvalid, "application_credential.expires_at %q is not a time to come, such as 2030-01-02T15:04:05.000000Z", *body.ExpiresAt)
		}
		row.ExpiresAt = at
	}
	if body.AccessRules == nil {
		return nil
	}
	row.Ruled = true
	for _, rule := range *body.AccessRules {
		if rule.Service == "" || rule.Method == "" || !strings.HasPrefix(rule.Path, "/") || len(rule.Path) > 255 {
			return zun.Errorf(zun.CodeInvalid, "an access rule needs a service, a method and a path from the root of at most 255 characters")
		}
		rule.ID = s.config.NewID()
		row.Rules = append(row.Rules, rule)
	}
	return nil
}

// readTime reads a time in the forms that Keystone takes.
func readTime(text string) (at time.Time, err error) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999", "2006-01-02T15:04:05"} {
		if at, err = time.Parse(form, text); err == nil {
			return at.UTC(), nil
		}
	}
	return at, err
}

// authCredential is a login by application credential.
type authCredential struct {
	ID     *string   `json:"id"`
	Name   *string   `json:"name"`
	User   *authUser `json:"user"`
	Secret *string   `json:"secret"`
}

// parseCredential takes a login by application credential, which may not ask for a scope:
// it has one.
func (w *wanted) parseCredential(a *authCredential, scope json.RawMessage) error {
	if a == nil || a.Secret == nil || a.ID == nil && (a.Name == nil || a.User == nil) {
		return zun.Errorf(zun.CodeInvalid, "the method application_credential needs its id, or its name and a user, and the secret")
	}
	if len(scope) > 0 && string(scope) != "null" {
		return zun.Errorf(zun.CodeUnauthorized, "an application credential has its project; leave auth.scope out")
	}
	if a.ID == nil {
		if err := a.User.check("auth.identity.application_credential.user"); err != nil {
			return err
		}
	}
	w.credential = a
	return nil
}

// means reports whether a login is by this credential of this user.
func (a *authCredential) means(row credential, owner user) bool {
	if a.ID != nil {
		return *a.ID == row.ID
	}
	return *a.Name == row.Name && a.User.is(owner.ID, owner.Name)
}

// credentialOpen reports whether a credential still counts; the caller holds the state still.
func (s *Service) credentialOpen(id string) (credential, bool) {
	row, there := s.state.credentials.rows[id]
	return row, there && (row.ExpiresAt.IsZero() || s.config.Now().Before(row.ExpiresAt))
}
