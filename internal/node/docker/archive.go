package docker

import (
	"context"
	"io"
	"strings"

	"github.com/moby/moby/client"

	"github.com/gozun/gozun/zun"
)

// ReadArchive implements node.Archives.
func (c *Client) ReadArchive(ctx context.Context, name, path string) (zun.Archive, error) {
	result, err := c.engine.CopyFromContainer(ctx, name, client.CopyFromContainerOptions{SourcePath: path})
	if err != nil {
		return zun.Archive{}, c.copyFailure(ctx, err, name, "copy "+path+" from "+thing(name))
	}
	stat := result.Stat
	return zun.Archive{
		Stat: zun.FileStat{
			Name: stat.Name, Size: stat.Size, Mode: uint32(stat.Mode), ModifiedAt: stat.Mtime, LinkTarget: stat.LinkTarget,
		},
		Content: result.Content,
	}, nil
}

// WriteArchive implements node.Archives.
func (c *Client) WriteArchive(ctx context.Context, name, path string, archive io.Reader) error {
	_, err := c.engine.CopyToContainer(ctx, name, client.CopyToContainerOptions{
		DestinationPath: path, Content: archive, AllowOverwriteDirWithFile: true,
	})
	return c.copyFailure(ctx, err, name, "copy to "+path+" in "+thing(name))
}

// copyFailure tells a path that is not there, for which Docker has the same code, from a
// container that is not there. Older engines call a path that leads nowhere, and an archive
// that cannot be unpacked, their own failure, and tell of paths on the host.
func (c *Client) copyFailure(ctx context.Context, err error, name, doing string) error {
	if err == nil {
		return nil
	}
	switch codeOf(err) {
	case zun.CodeNotFound:
		if _, lookErr := c.Inspect(ctx, name); lookErr != nil {
			return lookErr
		}
		return zun.Wrap(zun.CodeInvalid, err, "cannot %s: nothing is there", doing)
	case zun.CodeConflict, zun.CodeInvalid:
		return zun.Wrap(zun.CodeInvalid, err, "cannot %s: %s", doing, readable(err.Error()))
	case zun.CodeInternal:
		for _, sign := range []string{"lstat ", "Error processing tar file", "is not a directory"} {
			if text := readable(err.Error()); strings.Contains(text, sign) {
				return zun.Wrap(zun.CodeInvalid, err, "cannot %s: %s", doing, strings.TrimSpace(text[strings.LastIndex(text, ": ")+1:]))
			}
		}
	}
	return c.failure(err, doing)
}
