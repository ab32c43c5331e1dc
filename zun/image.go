package zun

import (
	"strings"
	"time"
)

// Image is an image on a host that an administrator had pulled there, as recorded. Images
// that containers brought are not recorded.
type Image struct {
	ID         string // UUID
	ProjectID  string // of who had it pulled
	UserID     string
	Repo       string // without the tag, "registry.example.org/team/app"
	Tag        string // "latest", or a digest, "sha256:…"
	Host       string
	PullPolicy string // "", "always", "ifnotpresent" or "never"
	RegistryID string // of the Registry whose credentials the pull uses; "" for none

	DockerID  string // "sha256:…", once it is there
	SizeBytes int64

	// Status says also what is owed: an image that is Pulling or Deleting is given to its
	// host until that tells the end.
	Status       ImageStatus
	StatusReason string // why the last thing failed, or what it waits for
	StatusDetail string // how far a pull is

	CreatedAt time.Time // UTC
	UpdatedAt time.Time
}

// ImageStatus is the state of an image on its host.
type ImageStatus string

// The states of an image.
const (
	ImagePulling   ImageStatus = "Pulling"
	ImageAvailable ImageStatus = "Available"
	ImageDeleting  ImageStatus = "Deleting"
	ImageError     ImageStatus = "Error" // it could not be pulled
)

// Owed reports whether its host still has to do something.
func (i Image) Owed() bool { return i.Status == ImagePulling || i.Status == ImageDeleting }

// Reference returns the image's name as engines write it.
func (i Image) Reference() string {
	if strings.Contains(i.Tag, ":") {
		return i.Repo + "@" + i.Tag
	}
	return i.Repo + ":" + i.Tag
}

// SplitReference takes the name of an image apart; the tag, or digest, is "" where the name
// has none. A port in the name of a host is no tag.
func SplitReference(name string) (repo, tag string) {
	if repo, digest, found := strings.Cut(name, "@"); found {
		repo, _ = SplitReference(repo) // a digest says more than the tag beside it
		return repo, digest
	}
	colon, slash := strings.LastIndexByte(name, ':'), strings.LastIndexByte(name, '/')
	if colon > slash {
		return name[:colon], name[colon+1:]
	}
	return name, ""
}

// ImageRequest is what an administrator asks for when having an image pulled. A tag in Repo
// wins over Tag; without one it is "latest".
type ImageRequest struct {
	Repo       string
	Tag        string
	Host       string
	PullPolicy string
	Registry   string // name or UUID of a Registry of the project; "" for none
}

// ImageFilter chooses images of a list; zero fields do not filter.
type ImageFilter struct {
	Repo, Tag, Host string
	Status          ImageStatus
	AllProjects     bool
	Page            Page
}

// ImageOrder is an image with all that its host needs to pull or delete it, as its status
// says.
type ImageOrder struct {
	Image    Image
	Registry RegistryAccess
}

// ImageReport is what a host tells of an image.
type ImageReport struct {
	ImageID string

	// Order is the status in which the image was given to the host. A report about what is
	// not owed any more changes no status.
	Order ImageStatus

	// Status is how it ended; "" while it goes on, when only Detail is told.
	Status    ImageStatus
	Deleted   bool   // it is gone: the record may go
	Reason    string // why it failed
	Detail    string // how far it is
	DockerID  string
	SizeBytes int64
}

// FoundImage is a result of a search in Docker Hub.
type FoundImage struct {
	Name        string
	Description string
	Official    bool
	Stars       int
}
