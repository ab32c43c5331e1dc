package identity

import (
	"time"

	"github.com/gozun/gozun/zun"
)

// tokenBody is a token as Keystone shows it; the caller holds the state still.
func (s *Service) tokenBody(h holder, catalog bool) any {
	token := object{
		"methods": h.token.Methods, "audit_ids": h.token.AuditIDs,
		"issued_at": stamp(h.token.IssuedAt), "expires_at": stamp(h.token.ExpiresAt),
		"user": object{
			"id": h.user.ID, "name": h.user.Name, "domain": defaultDomain.brief(), "password_expires_at": nil,
		},
	}
	if !h.token.Scope.empty() {
		roles := []object{}
		for _, r := range h.roles {
			roles = append(roles, object{"id": r.ID, "name": r.Name})
		}
		token["roles"] = roles
		if catalog {
			token["catalog"] = s.catalog()
		}
	}
	switch {
	case h.project.ID != "":
		token["project"] = object{"id": h.project.ID, "name": h.project.Name, "domain": defaultDomain.brief()}
		token["is_domain"] = false
	case h.token.Scope.DomainID != "":
		token["domain"] = defaultDomain.brief()
	}
	if h.credential.ID != "" {
		about := object{"id": h.credential.ID, "name": h.credential.Name, "restricted": !h.credential.Unrestricted}
		if h.credential.Ruled {
			about["access_rules"] = rulesOf(h.credential)
		}
		token["application_credential"] = about
	}
	return object{"token": token}
}

// subject returns the token that a request is about, if the caller may ask about it: the
// admin, a service, or the user whose token it is. As at Keystone, a token that is not there
// is a 404 for everybody.
func (s *Service) subject(c *call, rule string) (holder, string, error) {
	token := c.request.Header.Get("X-Subject-Token")
	if token == "" && !c.who.hasRole(roleAdmin) && !c.who.hasRole(roleService) {
		return holder{}, "", forbidden(rule)
	}
	if token == "" {
		return holder{}, "", zun.Errorf(zun.CodeNotFound, "the header X-Subject-Token is missing")
	}
	var (
		h     holder
		valid bool
	)
	over := time.Duration(0)
	if c.flag("allow_expired") {
		over = expiredWindow
	}
	s.state.read(func() { h, valid = s.holderWithin(token, over) })
	// Keystone does not know a token with rules, to a service that does not heed them.
	if !valid || h.credential.Ruled && c.request.Header.Get("OpenStack-Identity-Access-Rules") == "" {
		return holder{}, "", tokenGone()
	}
	if h.user.ID != c.who.user.ID && !c.who.hasRole(roleAdmin) && !c.who.hasRole(roleService) {
		return holder{}, "", forbidden(rule)
	}
	return h, token, nil
}

func tokenGone() error {
	return zun.Errorf(zun.CodeNotFound, "cannot find the token: it never was, is over or was revoked")
}

func (s *Service) showToken(c *call) (answer, error) {
	h, token, err := s.subject(c, "identity:validate_token")
	if err != nil {
		return answer{}, err
	}
	var body any
	s.state.read(func() { body = s.tokenBody(h, !c.flag("nocatalog")) })
	return answer{header: map[string]string{"X-Subject-Token": token}, body: body}, nil
}

func (s *Service) revokeToken(c *call) (answer, error) {
	h, _, err := s.subject(c, "identity:revoke_token")
	if err != nil {
		return answer{}, err
	}
	err = s.state.write(func(b *batch) error {
		s.state.tokens.remove(b, h.key)
		return nil
	})
	return noContent, err
}
