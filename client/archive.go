package client

import (
	"context"
	"net/url"

	"github.com/gozun/gozun/zun"
)

// FileStat is what is known of a file in a container.
type FileStat struct {
	Name       string `json:"name"`
	Size       int64  `json:"size"`
	Mode       uint32 `json:"mode"` // as Go's fs.FileMode
	ModTime    Time   `json:"mtime"`
	LinkTarget string `json:"linkTarget"` // of a symbolic link
}

// Archive is a file or directory of a container as a tar archive.
type Archive struct {
	Data []byte   `json:"data"`
	Stat FileStat `json:"stat"`
}

// GetArchive copies what is at a path out of a container, running or not. CodeInvalid:
// nothing is there. It needs microversion 1.25: before that only text could be copied.
func (c *Client) GetArchive(ctx context.Context, ref, path string) (Archive, error) {
	if err := c.need(ctx, Version{1, 25}, "copy from container "+ref); err != nil {
		return Archive{}, err
	}
	var archive Archive
	_, err := c.call(ctx, request{
		method: "GET", path: containerPath(ref, "get_archive"), query: url.Values{"path": {path}}, large: true,
	}, &archive)
	return archive, err
}

// MaxPut is how large an archive may be that PutArchive sends, in bytes: what the service
// takes, less Base64's third.
const MaxPut = 47 << 20

// PutArchive unpacks a tar archive in a directory of a container, running or not.
// CodeInvalid: there is no such directory, or data is no archive; CodeTooLarge: it is over
// MaxPut. It needs microversion 1.25.
func (c *Client) PutArchive(ctx context.Context, ref, path string, data []byte) error {
	if len(data) > MaxPut {
		return zun.Errorf(zun.CodeTooLarge, "cannot copy to container %s: the archive has %d MiB, and %d are taken; copy parts of it",
			ref, len(data)>>20, MaxPut>>20)
	}
	if err := c.need(ctx, Version{1, 25}, "copy to container "+ref); err != nil {
		return err
	}
	body := struct {
		Data []byte `json:"data"`
	}{data}
	_, err := c.call(ctx, request{method: "POST", path: containerPath(ref, "put_archive"), query: url.Values{"path": {path}}, body: body}, nil)
	return err
}
