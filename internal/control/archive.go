package control

import (
	"context"
	"io"
	"strings"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// ReadArchive returns what is at a path in a container as a tar archive, which the caller
// closes. CodeInvalid: nothing is there; CodeInvalidState; CodeUnavailable: the host does
// not answer.
func (s *Service) ReadArchive(ctx context.Context, g policy.Grant, ref, path string) (zun.Archive, error) {
	c, node, err := s.copying(ctx, g, ref, path, "get_archive")
	if err != nil {
		return zun.Archive{}, err
	}
	archive, err := node.ReadArchive(ctx, c, path)
	return archive, hostSays(c.Host, err)
}

// WriteArchive unpacks a tar archive in a directory of a container. CodeInvalid: there is
// no such directory, or the archive is none; CodeInvalidState; CodeUnavailable: the host
// does not answer.
func (s *Service) WriteArchive(ctx context.Context, g policy.Grant, ref, path string, archive io.Reader) error {
	c, node, err := s.copying(ctx, g, ref, path, "put_archive")
	if err != nil {
		return err
	}
	return hostSays(c.Host, node.WriteArchive(ctx, c, path, archive))
}

func (s *Service) copying(ctx context.Context, g policy.Grant, ref, path, operation string) (zun.Container, zun.Node, error) {
	c, node, err := s.running(ctx, g, ref, operation)
	if err == nil && (path == "" || strings.ContainsRune(path, 0)) {
		err = zun.Errorf(zun.CodeInvalid, "cannot copy from or to container %s: %q is no path", c.ID, path)
	}
	return c, node, err
}

// CommitContainer would make an image of a container. Zun keeps such images in Glance, of
// which this release knows nothing: CodeNotImplemented, unless the state forbids it first.
func (s *Service) CommitContainer(ctx context.Context, g policy.Grant, ref, _, _ string) (imageID string, err error) {
	c, _, err := s.running(ctx, g, ref, "commit")
	if err != nil {
		return "", err
	}
	return "", zun.Errorf(zun.CodeNotImplemented, "cannot commit container %s: images are kept in Glance, "+
		"which this release of gozun does not use; build the image elsewhere and push it to a registry", c.ID)
}
