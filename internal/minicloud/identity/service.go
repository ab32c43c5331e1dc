package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// Config is what a Service needs; zero fields but DB and Log have defaults.
type Config struct {
	DB         *kv.DB
	Log        *slog.Logger
	Now        func() time.Time
	NewID      func() string                              // ids of users, projects and so on: 32 hex digits
	TokenLife  time.Duration                              // 0 is 12 hours
	BcryptCost int                                        // 0 is bcrypt's default
	Wait       func(context.Context, time.Duration) error // holds back the answer to guessed passwords
}

// Service is the identity service. It is safe for concurrent use.
type Service struct {
	config  Config
	state   *state
	guesses *guesses
	nobody  []byte // a hash to compare with where there is no user, so that time does not tell
	swept   time.Time
}

// New loads the service's records from the file. The service is empty, and nobody can
// log in, until Bootstrap has run once.
func New(config Config) (*Service, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.NewID == nil {
		config.NewID = func() string { return strings.ReplaceAll(uuid.NewString(), "-", "") }
	}
	if config.TokenLife <= 0 {
		config.TokenLife = 12 * time.Hour
	}
	if config.BcryptCost == 0 {
		config.BcryptCost = bcrypt.DefaultCost
	}
	if config.Wait == nil {
		config.Wait = wait
	}
	st, err := open(config.DB)
	if err != nil {
		return nil, err
	}
	s := &Service{config: config, state: st, guesses: newGuesses(), nobody: unmatchable(config.BcryptCost)}
	return s, s.state.write(s.sweep)
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Validate returns whom a token stands for, as keystone.Validator does over HTTP, without
// HTTP and without the disk.
//
// CodeUnauthorized: there is no such token, or it is over.
func (s *Service) Validate(_ context.Context, token string) (zun.Identity, error) {
	var (
		who   holder
		valid bool
	)
	s.state.read(func() { who, valid = s.holder(token) })
	if !valid || who.credential.Ruled { // who asks so does not heed rules
		return zun.Identity{}, zun.Errorf(zun.CodeUnauthorized, "the token is not valid: log in again")
	}
	return who.identity(token), nil
}

// Handler returns the HTTP API: discovery at / and the identity API at /v3.
func (s *Service) Handler() http.Handler { return s.routes() }

// holder is a valid token with what it stands for.
type holder struct {
	key     string
	token   tokenRow
	user    user
	project project // zero when the scope is none or a domain
	roles   []role

	credential credential // zero when it is not of one
}

// holder looks a token up; the caller holds the state still.
func (s *Service) holder(token string) (holder, bool) { return s.holderWithin(token, 0) }

// holderWithin looks up a token that is over for less than so long.
func (s *Service) holderWithin(token string, over time.Duration) (holder, bool) {
	key := hashToken(token)
	row, there := s.state.tokens.rows[key]
	if !there || !s.config.Now().Before(row.ExpiresAt.Add(over)) {
		return holder{}, false
	}
	h := holder{
		key: key, token: row, user: s.state.users.rows[row.UserID],
		project: s.state.projects.rows[row.Scope.ProjectID],
		roles:   s.state.rolesOf(row.UserID, row.Scope),
	}
	if row.CredentialID != "" {
		credential, open := s.credentialOpen(row.CredentialID)
		if !open {
			return holder{}, false
		}
		h.credential = credential
		h.roles = slices.DeleteFunc(h.roles, func(r role) bool { return !slices.Contains(h.credential.Roles, r.ID) })
	}
	if !h.user.Enabled || !s.state.scopeOpen(row.Scope) || !row.Scope.empty() && len(h.roles) == 0 {
		return holder{}, false
	}
	return h, true
}

func (h holder) identity(token string) zun.Identity {
	identity := zun.Identity{
		Token: token, UserID: h.user.ID, UserName: h.user.Name,
		ProjectID: h.project.ID, ProjectName: h.project.Name, DomainID: h.project.DomainID,
		ExpiresAt: h.token.ExpiresAt,
	}
	for _, r := range h.roles {
		identity.Roles = append(identity.Roles, r.Name)
	}
	return identity
}

// hasRole reports whether the token carries the role of that name.
func (h holder) hasRole(name string) bool {
	for _, r := range h.roles {
		if r.Name == name {
			return true
		}
	}
	return false
}

// hashToken returns the key under which a token is kept. Tokens have 256 random bits, so
// a plain hash is as good as a slow one.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// secret returns n random bytes as base64url. It never begins with "-": people give tokens and
// passwords to commands ("openstack token revoke TOKEN"), which would take it for an option.
func secret(n int) string {
	raw := make([]byte, n)
	for {
		_, _ = rand.Read(raw) // never fails since Go 1.24
		if text := base64.RawURLEncoding.EncodeToString(raw); text[0] != '-' {
			return text
		}
	}
}

// expiredWindow is for how long services may still ask about a token that is over: Keystone's
// default ([token]allow_expired_window).
const expiredWindow = 48 * time.Hour

// sweepEvery is how often expired tokens are looked for, when tokens are issued.
const sweepEvery = 5 * time.Minute

// sweep notes the removal of the tokens that nobody may ask about any more. It runs inside a change.
func (s *Service) sweep(b *batch) error {
	now := s.config.Now()
	if !s.swept.IsZero() && now.Sub(s.swept) < sweepEvery {
		return nil
	}
	s.swept = now
	s.state.revoke(b, func(t tokenRow) bool { return !now.Before(t.ExpiresAt.Add(expiredWindow)) })
	return nil
}
