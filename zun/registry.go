package zun

import (
	"strings"
	"time"
)

// Registry is a project's record of an image registry and who to be there: containers
// that name it are made from its images.
type Registry struct {
	ID        string // UUID
	Name      string // "" for none; not unique
	ProjectID string
	UserID    string
	Domain    string // "registry.example.org:5000", and what images there have in common: "…/team"
	Username  string // "": pulls are anonymous

	// SealedPassword is the password as it is stored: internal/vault's text, bound to the
	// ID. It is never shown; "" is no password.
	SealedPassword string

	CreatedAt time.Time // UTC
	UpdatedAt time.Time
}

// RegistryRequest is what a user asks for when recording a registry.
type RegistryRequest struct {
	Name     string
	Domain   string
	Username string
	Password Secret
}

// RegistryChange is a change to a registry; a nil field is left as it is.
type RegistryChange struct {
	Name     *string
	Domain   *string
	Username *string
	Password *Secret
}

// RegistryFilter chooses registries of a list; zero fields do not filter.
type RegistryFilter struct {
	Name, Domain, Username string
	ProjectID, UserID      string
	AllProjects            bool // needs policy
	Page                   Page
}

// RegistryAccess is what a node needs to pull from a registry that its user recorded. The
// zero RegistryAccess is nobody at whatever registry the image's name says.
type RegistryAccess struct {
	Domain   string
	Username string
	Password Secret

	// Problem says why the credentials cannot be had. It is the failure of a pull; work
	// that needs no pull goes on.
	Problem string
}

// ImageReference returns the name under which an engine knows an image: the image's own
// name, with the registry's domain before it unless it is there already.
func (a RegistryAccess) ImageReference(image string) string {
	if a.Domain == "" || strings.HasPrefix(image, a.Domain+"/") {
		return image
	}
	return a.Domain + "/" + image
}
