package client

import (
	"context"
	"net/url"

	"github.com/gozun/gozun/zun"
)

// ImageStates is the API version from which images have a Status: before it nobody is told
// how far a pull is, or that it failed.
var ImageStates = Version{1, 41}

// Image is an image on a host that an administrator had pulled there.
type Image struct {
	UUID         string          `json:"uuid"`
	ImageID      string          `json:"image_id"` // Docker's, once it is there
	ProjectID    string          `json:"project_id"`
	Repo         string          `json:"repo"`
	Tag          string          `json:"tag"`
	Size         string          `json:"size"` // bytes, in digits
	Host         string          `json:"host"`
	Status       zun.ImageStatus `json:"status"`        // "" from services before ImageStates, as what follows
	StatusReason string          `json:"status_reason"` // why the last thing failed, or what it waits for
	StatusDetail string          `json:"status_detail"` // how far a pull is
	RegistryID   string          `json:"registry_id"`
	CreatedAt    Time            `json:"created_at"`
	UpdatedAt    Time            `json:"updated_at"`
}

// ImagePull says which image is pulled onto which host. Both are needed.
type ImagePull struct {
	Repo       string `json:"repo"` // with a tag or a digest, or Tag says it, or it is "latest"
	Tag        string `json:"tag,omitempty"`
	Host       string `json:"host"`
	PullPolicy string `json:"image_pull_policy,omitempty"` // always, ifnotpresent or never
	Registry   string `json:"registry,omitempty"`          // name or UUID of a Registry, from ImageStates on
}

// ImageList chooses and orders images; zero fields do not filter. An upstream service does
// not filter images.
type ImageList struct {
	Repo, Tag, Host, Status string

	AllProjects bool
	Page
}

// FoundImage is a result of a search in Docker Hub.
type FoundImage struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Metadata    struct {
		Official bool `json:"is_official"`
		Stars    int  `json:"star_count"`
	} `json:"metadata"`
}

// PullImage has an image pulled onto a host, for administrators. The service answers
// before it is there; GetImage tells how it goes. CodeImageExists: the host has it, or is
// getting it.
func (c *Client) PullImage(ctx context.Context, pull ImagePull) (Image, error) {
	var made Image
	_, err := c.call(ctx, request{method: "POST", path: "/images", body: pull}, &made)
	return made, err
}

// ListImages returns the images that list chooses, following pages as needed; for
// administrators.
func (c *Client) ListImages(ctx context.Context, list ImageList) ([]Image, error) {
	query := list.query()
	set(query, "repo", list.Repo)
	set(query, "tag", list.Tag)
	set(query, "host", list.Host)
	set(query, "status", list.Status)
	if list.AllProjects {
		query.Set("all_projects", "true")
	}
	return pages(ctx, c, "/images", "images", query, list.Limit, func(i Image) string { return i.UUID })
}

// GetImage returns one image by UUID, for administrators. CodeImageNotFound: there is none.
func (c *Client) GetImage(ctx context.Context, id string) (Image, error) {
	var got Image
	_, err := c.call(ctx, request{method: "GET", path: imagePath(id)}, &got)
	return got, err
}

// DeleteImage has an image deleted from its host, by UUID, for administrators. The service
// answers before it is done; one that a container is made from stays, and says so.
func (c *Client) DeleteImage(ctx context.Context, id string) error {
	_, err := c.call(ctx, request{method: "DELETE", path: imagePath(id)}, nil)
	return err
}

// SearchImages searches Docker Hub by name; with exact only that very name counts.
// CodeUnavailable: the service cannot reach the hub.
func (c *Client) SearchImages(ctx context.Context, name string, exact bool) ([]FoundImage, error) {
	query := url.Values{"image_driver": {"docker"}}
	if exact {
		query.Set("exact_match", "true")
	}
	var found []FoundImage
	_, err := c.call(ctx, request{method: "GET", path: imagePath(name) + "/search", query: query}, &found)
	return found, err
}

func imagePath(ref string) string { return "/images/" + url.PathEscape(ref) }
