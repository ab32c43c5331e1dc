package identity

import (
	"encoding/json"
	"slices"
	"time"
)

// defaultDomainID is the id of the one domain, as Keystone's own bootstrap has it.
const defaultDomainID = "default"

// domain is a domain of users and projects; there is only Default.
type domain struct {
	ID, Name, Description string
}

// project is a project as stored.
type project struct {
	ID, Name, DomainID, ParentID, Description string
	Enabled                                   bool
	Tags                                      []string
	Extra                                     map[string]json.RawMessage // attributes Keystone does not know but keeps
}

// user is a user as stored.
type user struct {
	ID, Name, DomainID, DefaultProjectID string
	PasswordHash                         []byte // bcrypt; empty: cannot log in
	Enabled                              bool
	Extra                                map[string]json.RawMessage
}

// role is a role as stored.
type role struct {
	ID, Name, Description string
	Implies               []string // ids of roles that come with it
}

// scope is what a token or a grant is for: a project, a domain, or nothing.
type scope struct {
	ProjectID, DomainID string
}

func (s scope) empty() bool { return s == scope{} }

// grant is what roles a user has in one scope; one without roles is not kept.
type grant struct {
	UserID string
	Scope  scope
	Roles  []string // ids, in the order of granting
}

// grantKey is the key of a user's grant in a scope.
func grantKey(userID string, s scope) string {
	if s.DomainID != "" {
		return userID + "/domain/" + s.DomainID
	}
	return userID + "/project/" + s.ProjectID
}

// tokenRow is a token as stored, under the SHA-256 of what the user holds.
type tokenRow struct {
	UserID              string
	Scope               scope
	Methods             []string
	AuditIDs            []string // its own, then that of the first in its chain
	CredentialID        string   // of a login by application credential
	IssuedAt, ExpiresAt time.Time
}

// catalogService is a service of the catalog.
type catalogService struct {
	ID, Type, Name string
}

// endpoint is where a service answers.
type endpoint struct {
	ID, ServiceID, Interface, Region, URL string
}

// region is a region of the catalog.
type region struct{ ID string }

// first says that Bootstrap has run.
type first struct{ At time.Time }

// sorted returns the rows that keep accepts, by key, so that answers are stable.
func sorted[T any](rows map[string]T, keep func(T) bool, less func(a, b T) int) []T {
	list := []T{}
	for _, row := range rows {
		if keep(row) {
			list = append(list, row)
		}
	}
	slices.SortFunc(list, less)
	return list
}
