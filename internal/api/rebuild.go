package api

import (
	"context"
	"strings"

	"github.com/gozun/gozun/zun"
)

// rebuildContainer serves POST /v1/containers/{id}/rebuild.
func (s *server) rebuildContainer(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	image, driver := p.text("image"), p.text("image_driver")
	if n := len(image); image != "" && (n < 2 || n > 255 || !strings.ContainsFunc(image, isLetterOrDigit)) {
		p.fail("image", image, "it must be the name of an image, of 2 to 255 characters")
	}
	if driver == "None" {
		driver = ""
	}
	if driver != "" && driver != "docker" && driver != "glance" {
		p.fail("image_driver", driver, "it must be docker or glance")
	}
	if err := p.done(); err != nil {
		return reply{}, err
	}
	if driver == "glance" {
		return reply{}, zun.Errorf(zun.CodeNotImplemented,
			"cannot rebuild container %s: images of Glance are not in this release of gozun; use the image driver docker", shorten(c.ident()))
	}
	return accepted(), s.Control.RebuildContainer(ctx, c.grant, c.ident(), image, driver)
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
