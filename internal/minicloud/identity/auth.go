package identity

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/gozun/gozun/zun"
)

// authRequest is the body of POST /v3/auth/tokens.
type authRequest struct {
	Auth *struct {
		Identity *struct {
			Methods  []string `json:"methods"`
			Password *struct {
				User *authUser `json:"user"`
			} `json:"password"`
			Token *struct {
				ID *string `json:"id"`
			} `json:"token"`
			Credential *authCredential `json:"application_credential"`
		} `json:"identity"`
		Scope json.RawMessage `json:"scope"`
	} `json:"auth"`
}

// ref names something by id, or by name within a domain.
type ref struct {
	ID     *string `json:"id"`
	Name   *string `json:"name"`
	Domain *struct {
		ID   *string `json:"id"`
		Name *string `json:"name"`
	} `json:"domain"`
}

type authUser struct {
	ref
	Password *string `json:"password"`
}

type authScope struct {
	Project *ref             `json:"project"`
	Domain  *ref             `json:"domain"`
	System  json.RawMessage  `json:"system"`
	Trust   json.RawMessage  `json:"OS-TRUST:trust"`
	None    *json.RawMessage `json:"unscoped"`
}

// wanted is a login as understood: what to check, and what the token is to be for.
type wanted struct {
	methods []string
	user    *authUser
	token   string

	credential *authCredential

	scope    *authScope // nil: the user's default project, if any
	unscoped bool
}

// parseAuth reads the body of a login. Every error is CodeInvalid, except that methods we
// do not have, and none at all, are CodeUnauthorized, as at Keystone.
func parseAuth(raw []byte) (wanted, error) {
	var request authRequest
	if err := unmarshal(raw, &request); err != nil {
		return wanted{}, err
	}
	if request.Auth == nil || request.Auth.Identity == nil {
		return wanted{}, zun.Errorf(zun.CodeInvalid, "the body must have auth.identity")
	}
	id := request.Auth.Identity
	if len(id.Methods) == 0 {
		return wanted{}, zun.Errorf(zun.CodeUnauthorized, "auth.identity.methods must name a method: password, token or application_credential")
	}
	w := wanted{methods: id.Methods}
	for _, method := range id.Methods {
		switch method {
		case "password":
			if id.Password == nil || id.Password.User == nil || id.Password.User.Password == nil {
				return wanted{}, zun.Errorf(zun.CodeInvalid, "the method password needs auth.identity.password.user with a password")
			}
			w.user = id.Password.User
			if err := w.user.check("auth.identity.password.user"); err != nil {
				return wanted{}, err
			}
		case "token":
			if id.Token == nil || id.Token.ID == nil || *id.Token.ID == "" {
				return wanted{}, zun.Errorf(zun.CodeInvalid, "the method token needs auth.identity.token.id")
			}
			w.token = *id.Token.ID
		case "application_credential":
			if len(id.Methods) > 1 {
				return wanted{}, zun.Errorf(zun.CodeInvalid, "the method application_credential stands alone")
			}
			return w, w.parseCredential(id.Credential, request.Auth.Scope)
		default:
			return wanted{}, zun.Errorf(zun.CodeUnauthorized, "the method %q is not supported; use password, token or application_credential", method)
		}
	}
	return w, w.parseScope(request.Auth.Scope)
}

func (w *wanted) parseScope(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var word string
	if json.Unmarshal(raw, &word) == nil {
		if word != "unscoped" {
			return zun.Errorf(zun.CodeInvalid, "auth.scope %q is not understood", word)
		}
		w.unscoped = true
		return nil
	}
	w.scope = &authScope{}
	if err := unmarshal(raw, w.scope); err != nil {
		return err
	}
	kinds := 0
	for _, there := range []bool{w.scope.Project != nil, w.scope.Domain != nil, w.scope.System != nil, w.scope.Trust != nil, w.scope.None != nil} {
		if there {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return zun.Errorf(zun.CodeInvalid, "auth.scope must have exactly one of project, domain and unscoped")
	case w.scope.System != nil, w.scope.Trust != nil:
		return zun.Errorf(zun.CodeInvalid, "this identity service has no system scope and no trusts; ask for a project")
	case w.scope.None != nil:
		w.unscoped, w.scope = true, nil
	case w.scope.Project != nil:
		return w.scope.Project.check("auth.scope.project")
	case w.scope.Domain.ID == nil && w.scope.Domain.Name == nil:
		return zun.Errorf(zun.CodeInvalid, "auth.scope.domain needs an id or a name")
	}
	return nil
}

func (r ref) check(where string) error {
	switch {
	case r.ID != nil:
		return nil
	case r.Name == nil:
		return zun.Errorf(zun.CodeInvalid, "%s needs an id, or a name and a domain", where)
	case r.Domain == nil || r.Domain.ID == nil && r.Domain.Name == nil:
		return zun.Errorf(zun.CodeInvalid, "%s has a name and so needs a domain, by id or name", where)
	}
	return nil
}

// is reports whether the ref means the thing of that id and name in the domain Default.
func (r ref) is(id, name string) bool {
	if r.ID != nil {
		return *r.ID == id
	}
	return *r.Name == name && isDefault(r.Domain.ID, r.Domain.Name)
}

func isDefault(id, name *string) bool {
	if id != nil {
		return *id == defaultDomainID
	}
	return name != nil && *name == defaultDomain.Name
}

// issueToken logs somebody in. Whatever does not fit, the user, the password, the
// project, whether they are enabled, is the same 401: it must not tell which it was.
func (s *Service) issueToken(c *call) (answer, error) {
	var raw json.RawMessage
	if err := c.decode(&raw); err != nil {
		return answer{}, err
	}
	w, err := parseAuth(raw)
	if err != nil {
		return answer{}, err
	}
	row, err := s.authenticate(c.request.Context(), w)
	if err != nil {
		return answer{}, err
	}
	var token string
	err = s.state.write(func(b *batch) error {
		token = secret(32)
		var open bool
		if row, open = s.scoped(row, w); !open {
			return unauthenticated()
		}
		s.state.tokens.put(b, hashToken(token), row)
		return s.sweep(b)
	})
	if err != nil {
		return answer{}, err
	}
	var body any
	s.state.read(func() {
		if who, valid := s.holder(token); valid {
			body = s.tokenBody(who, !c.flag("nocatalog"))
		}
	})
	if body == nil { // revoked in this very moment
		return answer{}, unauthenticated()
	}
	return answer{status: 201, header: map[string]string{"X-Subject-Token": token}, body: body}, nil
}

// authenticate checks what the login shows, outside of any lock, and returns a token
// without a scope.
func (s *Service) authenticate(ctx context.Context, w wanted) (tokenRow, error) {
	now := s.config.Now().UTC()
	row := tokenRow{Methods: w.methods, AuditIDs: []string{secret(16)}, IssuedAt: now, ExpiresAt: now.Add(s.config.TokenLife)}
	if w.token != "" {
		var (
			old   holder
			valid bool
		)
		s.state.read(func() { old, valid = s.holder(w.token) })
		if !valid {
			return row, tokenGone()
		}
		// A token made from another lives no longer than that one, and belongs to its chain.
		row.UserID, row.ExpiresAt, row.CredentialID = old.user.ID, old.token.ExpiresAt, old.token.CredentialID
		row.AuditIDs = append(row.AuditIDs, old.token.AuditIDs[len(old.token.AuditIDs)-1])
		row.Methods = union(old.token.Methods, w.methods)
	}
	if w.credential != nil {
		return s.byCredential(ctx, w.credential, row)
	}
	if w.user == nil {
		return row, nil
	}
	var u user
	s.state.read(func() {
		u, _ = oneOf(s.state.users.rows, func(u user) bool { return w.user.is(u.ID, u.Name) })
	})
	right, err := s.matches(ctx, u, *w.user.Password)
	if err != nil {
		return row, zun.Wrap(zun.CodeUnavailable, err, "the login was given up")
	}
	if !right || row.UserID != "" && row.UserID != u.ID {
		return row, unauthenticated()
	}
	row.UserID = u.ID
	return row, nil
}

// byCredential checks the secret of an application credential. A token of one lives no longer
// than it.
func (s *Service) byCredential(ctx context.Context, login *authCredential, row tokenRow) (tokenRow, error) {
	var found credential
	s.state.read(func() {
		found, _ = oneOf(s.state.credentials.rows, func(c credential) bool { return login.means(c, s.state.users.rows[c.UserID]) })
	})
	right, err := s.matches(ctx, user{ID: found.ID, PasswordHash: found.SecretHash}, *login.Secret)
	if err != nil {
		return row, zun.Wrap(zun.CodeUnavailable, err, "the login was given up")
	}
	if !right {
		return row, unauthenticated()
	}
	row.UserID, row.CredentialID = found.UserID, found.ID
	if !found.ExpiresAt.IsZero() && found.ExpiresAt.Before(row.ExpiresAt) {
		row.ExpiresAt = found.ExpiresAt
	}
	return row, nil
}

// scoped gives the token its scope, if the user may have it. It runs inside the change,
// so that a user or project that was just disabled gets no token.
func (s *Service) scoped(row tokenRow, w wanted) (tokenRow, bool) {
	u := s.state.users.rows[row.UserID]
	if !u.Enabled {
		return row, false
	}
	if row.CredentialID != "" {
		return s.scopedTo(row, w)
	}
	switch {
	case w.unscoped:
		return row, true
	case w.scope == nil:
		home := scope{ProjectID: u.DefaultProjectID}
		if s.state.scopeOpen(home) && len(s.state.rolesOf(u.ID, home)) > 0 {
			row.Scope = home
		}
		return row, true
	case w.scope.Domain != nil:
		if isDefault(w.scope.Domain.ID, w.scope.Domain.Name) {
			row.Scope = scope{DomainID: defaultDomainID}
		}
	default:
		found, _ := oneOf(s.state.projects.rows, func(p project) bool { return w.scope.Project.is(p.ID, p.Name) })
		row.Scope = scope{ProjectID: found.ID}
	}
	return row, s.state.scopeOpen(row.Scope) && len(s.state.rolesOf(u.ID, row.Scope)) > 0
}

// scopedTo gives the token of a credential the one scope that it can have.
func (s *Service) scopedTo(row tokenRow, w wanted) (tokenRow, bool) {
	found, open := s.credentialOpen(row.CredentialID)
	row.Scope = scope{ProjectID: found.ProjectID}
	p := s.state.projects.rows[found.ProjectID]
	same := w.scope == nil || w.scope.Project != nil && w.scope.Project.is(p.ID, p.Name)
	return row, open && same && !w.unscoped && s.state.scopeOpen(row.Scope) && len(s.state.rolesOf(row.UserID, row.Scope)) > 0
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, method := range b {
		if !slices.Contains(all, method) {
			all = append(all, method)
		}
	}
	return all
}
