package api

import (
	"context"
	"net/http"

	"github.com/gozun/gozun/zun"
)

// updateContainer serves PATCH /v1/containers/{id}.
func (s *server) updateContainer(ctx context.Context, c *call) (reply, error) {
	change, err := s.changeOf(c)
	if err != nil {
		return reply{}, err
	}
	detail, err := s.Control.UpdateContainer(ctx, c.grant, c.ident(), change)
	return s.changed(c, http.StatusOK, detail, err)
}

// resizeContainer serves POST /v1/containers/{id}/resize_container, which is done later:
// the answer shows the container as it is until then.
func (s *server) resizeContainer(ctx context.Context, c *call) (reply, error) {
	change, err := s.changeOf(c)
	if err != nil {
		return reply{}, err
	}
	detail, err := s.Control.ResizeContainer(ctx, c.grant, c.ident(), change)
	return s.changed(c, http.StatusAccepted, detail, err)
}

// renameContainer serves POST /v1/containers/{id}/rename up to 1.13.
func (s *server) renameContainer(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	name := p.required("name")
	if err := p.done(); err != nil {
		return reply{}, c.needBody(err)
	}
	if err := s.schemas.check("container_update", c.version, map[string]any{"name": name}); err != nil {
		return reply{}, err
	}
	detail, err := s.Control.RenameContainer(ctx, c.grant, c.ident(), name)
	return s.changed(c, http.StatusOK, detail, err)
}

// changed answers with a container after its change.
func (s *server) changed(c *call, status int, detail zun.ContainerDetail, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	return reply{status: status, body: s.containerView(c, detail)}, nil
}

// changeOf takes what is to be changed. null is no change, as clients send it for what they
// were not told.
func (s *server) changeOf(c *call) (zun.Change, error) {
	body := c.args()
	if err := s.schemas.check("container_update", c.version, body); err != nil {
		return zun.Change{}, c.needBody(err)
	}
	var sizes zun.ContainerRequest
	if err := s.sizesOf(c, body, &sizes); err != nil {
		return zun.Change{}, err
	}
	change := zun.Change{CPU: sizes.CPU, MemoryMiB: sizes.MemoryMiB}
	if name, given := body["name"].(string); given {
		change.Name = &name
	}
	if heal, given := boolean(body["auto_heal"]); given {
		change.AutoHeal = &heal
	}
	return change, nil
}
