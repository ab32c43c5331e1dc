package keystone

import (
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/gozun/gozun/zun"
)

// maxTokenLength is Keystone's default bound ([token]max_token_size) with room to spare.
const maxTokenLength = 8192

// maxCached bounds the memory of a Validator: some 5 MB.
const maxCached = 10000

// Validator tells whose a token is, with the right of its own session to ask. It is safe
// for concurrent use.
type Validator struct {
	// ServiceRoles are the roles of which a service token must have one, so that a user's
	// token that is over is taken beside it. It may be set before first use; the default is
	// "service".
	ServiceRoles []string
	// RequireServiceRole refuses service tokens without such a role, which by default are
	// taken and mean nothing ([keystone_authtoken]service_token_roles_required).
	RequireServiceRole bool

	session *Session
	ttl     time.Duration
	asked   singleflight.Group

	mu    sync.RWMutex
	known map[[sha256.Size]byte]answer
}

type answer struct {
	identity zun.Identity
	until    time.Time
}

// NewValidator returns a Validator that believes a positive answer of Keystone for ttl,
// and never longer than the token lives. A token that is revoked is thus still taken
// for up to ttl; 0 asks every time.
func NewValidator(s *Session, ttl time.Duration) *Validator {
	return &Validator{ServiceRoles: []string{"service"}, session: s, ttl: ttl, known: map[[sha256.Size]byte]answer{}}
}

// Validate returns whom the token stands for.
//
// CodeUnauthorized: Keystone does not know the token, or it has expired.
// CodeUnavailable: Keystone does not answer, or does not let our own user ask.
func (v *Validator) Validate(ctx context.Context, token string) (zun.Identity, error) {
	return v.validate(ctx, token, false)
}

// ValidateWithService returns whom a user's token stands for that a service sent on, with
// its own beside it. Work of a service may take longer than the user's token lives: if the
// service's has one of ServiceRoles, Keystone is asked to take the user's for some time
// after its end ([token]allow_expired_window there), and the access rules of an application
// credential do not apply: they are about what its owner asks, not about what that leads to.
//
// The codes are those of Validate, about either token.
func (v *Validator) ValidateWithService(ctx context.Context, token, service string) (zun.Identity, error) {
	who, err := v.Validate(ctx, service)
	if err != nil {
		return zun.Identity{}, err
	}
	trusted := slices.ContainsFunc(v.ServiceRoles, who.HasRole)
	if v.RequireServiceRole && !trusted {
		return zun.Identity{}, invalidToken(nil)
	}
	identity, err := v.Validate(ctx, token)
	if trusted && zun.CodeOf(err) == zun.CodeUnauthorized {
		identity, err = v.validate(ctx, token, true)
	}
	if trusted {
		identity.Restricted, identity.AccessRules = false, nil
	}
	return identity, err
}

// validate looks a token up, at Keystone if need be; late takes one that is over. What was
// answered about late tokens is kept apart.
func (v *Validator) validate(ctx context.Context, token string, late bool) (zun.Identity, error) {
	if !plausible(token) {
		return zun.Identity{}, invalidToken(nil)
	}
	key := sha256.Sum256([]byte(token))
	if late {
		key = sha256.Sum256(append([]byte("late "), token...))
	}
	if identity, ok := v.cached(key); ok {
		return identity, nil
	}
	result := v.asked.DoChan(string(key[:]), func() (any, error) {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.session.Timeout)
		defer cancel()
		identity, err := v.ask(bounded, token, late)
		if err == nil {
			v.keep(key, identity, late)
		}
		return identity, err
	})
	select {
	case <-ctx.Done():
		return zun.Identity{}, zun.Wrap(zun.CodeUnavailable, ctx.Err(), "cannot validate the token: no answer from Keystone in time")
	case r := <-result:
		if r.Err != nil {
			return zun.Identity{}, r.Err
		}
		return r.Val.(zun.Identity), nil
	}
}

// plausible keeps from Keystone what cannot be a token, and from the HTTP client what
// cannot be a header.
func plausible(token string) bool {
	return token != "" && len(token) <= maxTokenLength &&
		!strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

func invalidToken(cause error) error {
	return zun.Wrap(zun.CodeUnauthorized, cause, "the token is not valid: log in again")
}

// ask validates at Keystone. A 401 is about our own token, which may have been revoked
// before its time, so we log in again, once; a 404 is about the token asked for.
func (v *Validator) ask(ctx context.Context, token string, late bool) (zun.Identity, error) {
	options := []string{"nocatalog"}
	if late {
		options = append(options, "allow_expired=1")
	}
	for attempt := 1; ; attempt++ {
		own, err := v.session.Token(ctx)
		if err != nil {
			return zun.Identity{}, zun.Wrap(zun.CodeUnavailable, err, "cannot validate the token: our own login to Keystone fails")
		}
		body, err := v.session.show(ctx, own, token, options...)
		switch code := status(err); {
		case err == nil:
			return v.identity(token, body, late)
		case code == http.StatusNotFound:
			return zun.Identity{}, invalidToken(err)
		case code == http.StatusUnauthorized && attempt == 1:
			v.session.Refused(own)
		case code == http.StatusUnauthorized || code == http.StatusForbidden:
			return zun.Identity{}, zun.Wrap(zun.CodeUnavailable, err, "cannot validate the token: our own user may not validate tokens; give it the role admin or service")
		default:
			return zun.Identity{}, v.session.explain(err, "cannot validate the token")
		}
	}
}

func (v *Validator) identity(token string, body tokenBody, late bool) (zun.Identity, error) {
	if !late && !body.ExpiresAt.After(v.session.Now()) {
		return zun.Identity{}, invalidToken(nil)
	}
	identity := zun.Identity{
		Token:  token,
		UserID: body.User.ID, UserName: body.User.Name,
		ProjectID: body.Project.ID, ProjectName: body.Project.Name, DomainID: body.Project.Domain.ID,
		ExpiresAt: body.ExpiresAt,
	}
	for _, role := range body.Roles {
		identity.Roles = append(identity.Roles, role.Name)
	}
	if credential := body.ApplicationCredential; credential != nil && credential.AccessRules != nil {
		identity.Restricted = true
		for _, rule := range *credential.AccessRules {
			identity.AccessRules = append(identity.AccessRules, zun.AccessRule{Service: rule.Service, Method: rule.Method, Path: rule.Path})
		}
	}
	return identity, nil
}

func (v *Validator) cached(key [sha256.Size]byte) (zun.Identity, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	found, ok := v.known[key]
	return found.identity, ok && v.session.Now().Before(found.until)
}

func (v *Validator) keep(key [sha256.Size]byte, identity zun.Identity, late bool) {
	if v.ttl <= 0 {
		return
	}
	now := v.session.Now()
	until := now.Add(v.ttl)
	if !late && identity.ExpiresAt.Before(until) {
		until = identity.ExpiresAt
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.known) >= maxCached {
		v.makeRoom(now)
	}
	v.known[key] = answer{identity, until}
}

// makeRoom forgets what is over, and if that is not enough, a tenth of the rest.
func (v *Validator) makeRoom(now time.Time) {
	for key, known := range v.known {
		if !now.Before(known.until) {
			delete(v.known, key)
		}
	}
	for key := range v.known {
		if len(v.known) <= maxCached*9/10 {
			return
		}
		delete(v.known, key)
	}
}
