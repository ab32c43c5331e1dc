package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/gozun/gozun/zun"
)

// imageFields are the JSON of an image on a host. What Zun does not have is there from
// 1.41.
func (s *server) imageFields(c *call, i zun.Image) fieldList {
	size := ""
	if i.SizeBytes > 0 {
		size = strconv.FormatInt(i.SizeBytes, 10)
	}
	fields := fieldList{
		{"uuid", i.ID},
		{"links", c.links("images", i.ID)},
		{"image_id", optional(i.DockerID)},
		{"project_id", i.ProjectID},
		{"repo", i.Repo},
		{"tag", i.Tag},
		{"size", optional(size)},
		{"host", i.Host},
	}
	if c.version < ownMinor {
		return fields
	}
	return append(fields, fieldList{
		{"status", i.Status},
		{"status_reason", optional(i.StatusReason)},
		{"status_detail", optional(i.StatusDetail)},
		{"registry_id", optional(i.RegistryID)},
		{"created_at", pythonTimeOrNil(i.CreatedAt)},
		{"updated_at", pythonTimeOrNil(i.UpdatedAt)},
	}...)
}

// pullImage serves POST /v1/images.
func (s *server) pullImage(ctx context.Context, c *call) (reply, error) {
	body := c.args()
	if err := s.schemas.check("image_create", c.version, body); err != nil {
		return reply{}, c.needBody(err)
	}
	i, err := s.Control.PullImage(ctx, c.grant, zun.ImageRequest{
		Repo: stringOf(body["repo"]), Tag: stringOf(body["tag"]), Host: stringOf(body["host"]),
		PullPolicy: strings.ToLower(stringOf(body["image_pull_policy"])), Registry: stringOf(body["registry"]),
	})
	if err != nil {
		return reply{}, err
	}
	return reply{
		status: http.StatusAccepted, body: s.imageFields(c, i),
		header: map[string]string{"Location": c.links("images", i.ID)[0].Href},
	}, nil
}

// listImages serves GET /v1/images. As in Zun unknown parameters are let pass.
func (s *server) listImages(ctx context.Context, c *call) (reply, error) {
	q := s.listQuery(c, "repo", "tag", "host", "status")
	if q.err != nil {
		return reply{}, q.err
	}
	found, err := s.Control.ListImages(ctx, c.grant, zun.ImageFilter{
		Repo: q.filters["repo"], Tag: q.filters["tag"], Host: q.filters["host"], Status: zun.ImageStatus(q.filters["status"]),
		AllProjects: q.allProjects, Page: q.page,
	})
	if err != nil {
		return reply{}, err
	}
	items, next := make([]fieldList, len(found)), ""
	for n, i := range found {
		items[n] = s.imageFields(c, i)
		next = q.next(c, "images", len(found), i.ID)
	}
	return reply{status: http.StatusOK, body: fieldList{{"images", items}, {"next", optional(next)}}}, nil
}

// showImage serves GET /v1/images/{id}.
func (s *server) showImage(ctx context.Context, c *call) (reply, error) {
	i, err := s.Control.GetImage(ctx, c.grant, c.ident())
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: s.imageFields(c, i)}, nil
}

// deleteImage serves DELETE /v1/images/{id}.
func (s *server) deleteImage(ctx context.Context, c *call) (reply, error) {
	if err := c.params().done(); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Control.DeleteImage(ctx, c.grant, c.ident())
}

// searchImages serves GET /v1/images/{name}/search.
func (s *server) searchImages(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	driver, exact := p.text("image_driver"), p.flag("exact_match", false)
	if p.err != nil {
		return reply{}, p.err
	}
	name := strings.Join(c.idents, "/")
	if err := searchableDriver(driver, name); err != nil {
		return reply{}, err
	}
	found, err := s.Control.SearchImages(ctx, c.grant, name, exact)
	if err != nil {
		return reply{}, err
	}
	items := make([]fieldList, len(found))
	for i, f := range found {
		items[i] = fieldList{
			{"name", f.Name},
			{"description", f.Description},
			{"is_automated", false},
			{"metadata", fieldList{{"is_official", f.Official}, {"star_count", f.Stars}}},
		}
	}
	return reply{status: http.StatusOK, body: items}, nil
}

// searchableDriver refuses where images cannot be searched for.
func searchableDriver(driver, name string) error {
	switch driver {
	case "", "None", "docker":
		return nil
	case "glance":
		return zun.Errorf(zun.CodeNotImplemented, "cannot search for image %s: Glance is not in this release of gozun; image_driver docker searches Docker Hub",
			shorten(name))
	}
	return invalidParam("image_driver", driver, "it must be docker or glance")
}
