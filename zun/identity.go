package zun

import (
	"context"
	"slices"
	"time"
)

// Identity is who asks: what a token stands for. The zero Identity is nobody.
type Identity struct {
	Token       string // for calls made to other services in the user's name
	UserID      string
	UserName    string
	ProjectID   string
	ProjectName string
	DomainID    string // of the project
	Roles       []string
	ExpiresAt   time.Time

	// AccessRules are the only requests that the token may make, if it is of an application
	// credential that has such rules; Restricted says that it has, even if there are none.
	AccessRules []AccessRule
	Restricted  bool
}

// AccessRule is one kind of request that a restricted application credential allows.
type AccessRule struct {
	Service string // type of the service in the catalog
	Method  string
	Path    string // "/v1/containers/{id}": {…} and * stand for one part, ** for any number
}

// HasRole reports whether the token carries the role.
func (i Identity) HasRole(role string) bool { return slices.Contains(i.Roles, role) }

type contextKey int

const requestIDKey contextKey = iota

// WithRequestID returns a context that carries the id of the user's request
// ("req-<uuid>"), under which actions are recorded and log lines are found.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey, id)
}

// RequestID returns the id of the request that ctx serves, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}
