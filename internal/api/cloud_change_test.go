package api

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/gozun/gozun/zun"
)

func (c *cloud) Top(_ context.Context, container zun.Container, args string) (zun.Processes, error) {
	return zun.Processes{Titles: []string{"CMD"}, Rows: [][]string{{container.Image + " " + args}}}, nil
}

func (c *cloud) Usage(context.Context, zun.Container) (zun.Usage, error) {
	return zun.Usage{CPUNanoseconds: 1, SystemNanoseconds: 2, MemoryBytes: 1 << 20, MemoryLimit: 4 << 20}, nil
}

// ReadArchive returns what was written to the same path; there is an /etc/hostname, too.
func (c *cloud) ReadArchive(_ context.Context, container zun.Container, path string) (zun.Archive, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	raw, there := c.files[container.ID+path]
	if path == "/etc/hostname" {
		raw, there = rawTar("hostname", container.Name), true
	}
	if !there {
		return zun.Archive{}, zun.Errorf(zun.CodeInvalid, "cannot copy %s: nothing is there", path)
	}
	return zun.Archive{Stat: zun.FileStat{Name: strings.Trim(path, "/"), Size: int64(len(raw))}, Content: io.NopCloser(bytes.NewReader(raw))}, nil
}

func (c *cloud) WriteArchive(_ context.Context, container zun.Container, path string, archive io.Reader) error {
	raw, err := io.ReadAll(archive)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil {
		c.files = map[string][]byte{}
	}
	c.files[container.ID+path] = raw
	return err
}

// Update remembers what the container was given.
func (c *cloud) Update(_ context.Context, container zun.Container) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stuck {
		return context.DeadlineExceeded
	}
	c.updated = append(c.updated, container)
	return nil
}
