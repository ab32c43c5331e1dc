package cli_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

func (b *backend) PauseContainer(ctx context.Context, _ policy.Grant, ref string) error {
	return b.act(ctx, ref, "pause", zun.ActionPause)
}

func (b *backend) UnpauseContainer(ctx context.Context, _ policy.Grant, ref string) error {
	return b.act(ctx, ref, "unpause", zun.ActionUnpause)
}

func (b *backend) RebuildContainer(ctx context.Context, _ policy.Grant, ref, image, _ string) error {
	if err := b.act(ctx, ref, "rebuild", zun.ActionRebuild); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, _ := b.find(ref); c != nil && image != "" {
		c.Image = image
	}
	return nil
}

func (b *backend) change(ref string, change zun.Change) (zun.ContainerDetail, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.find(ref)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	c.Container = change.Apply(c.Container)
	return *c, nil
}

func (b *backend) UpdateContainer(_ context.Context, _ policy.Grant, ref string, change zun.Change) (zun.ContainerDetail, error) {
	return b.change(ref, change)
}

func (b *backend) ResizeContainer(_ context.Context, _ policy.Grant, ref string, change zun.Change) (zun.ContainerDetail, error) {
	return b.change(ref, change)
}

func (b *backend) RenameContainer(_ context.Context, _ policy.Grant, ref, name string) (zun.ContainerDetail, error) {
	return b.change(ref, zun.Change{Name: &name})
}

func (b *backend) AddSecurityGroup(ctx context.Context, _ policy.Grant, ref, _ string) error {
	return b.act(ctx, ref, "add_security_group", zun.ActionAddGroup)
}

func (b *backend) RemoveSecurityGroup(ctx context.Context, _ policy.Grant, ref, _ string) error {
	return b.act(ctx, ref, "remove_security_group", zun.ActionRemoveGroup)
}

func (b *backend) Top(_ context.Context, _ policy.Grant, ref, args string) (zun.Processes, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := b.find(ref)
	return zun.Processes{Titles: []string{"PID", "CMD"}, Rows: [][]string{{"7", "nginx " + args}, {"8", "\x1b[31mworker"}}}, err
}

func (b *backend) Stats(_ context.Context, _ policy.Grant, ref string) (zun.Container, zun.Usage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.find(ref)
	if err != nil {
		return zun.Container{}, zun.Usage{}, err
	}
	return c.Container, zun.Usage{
		CPUNanoseconds: 1, SystemNanoseconds: 8, MemoryBytes: 3 << 19, MemoryLimit: 3 << 20,
		ReadBytes: 10, WrittenBytes: 20, ReceivedBytes: 30, SentBytes: 40,
	}, nil
}

// ReadArchive returns an archive as it was put: by the directory and what was put there, or,
// of several things, by "directory/.".
func (b *backend) ReadArchive(_ context.Context, _ policy.Grant, ref, path string) (zun.Archive, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.find(ref); err != nil {
		return zun.Archive{}, err
	}
	raw, there := b.files[path]
	if !there {
		return zun.Archive{}, zun.Errorf(zun.CodeInvalid, "cannot copy %s from container %s: Could not find the file %s", path, ref, path)
	}
	name := path[strings.LastIndex(path, "/")+1:]
	return zun.Archive{Stat: zun.FileStat{Name: name, ModifiedAt: noon}, Content: io.NopCloser(bytes.NewReader(raw))}, nil
}

func (b *backend) WriteArchive(_ context.Context, _ policy.Grant, ref, path string, archive io.Reader) error {
	raw, err := io.ReadAll(archive)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.find(ref); err != nil {
		return err
	}
	if b.files == nil {
		b.files = map[string][]byte{}
	}
	tops := map[string]bool{}
	for reader := tar.NewReader(bytes.NewReader(raw)); ; {
		header, err := reader.Next()
		if err != nil {
			break
		}
		top, _, _ := strings.Cut(header.Name, "/")
		tops[top] = true
	}
	name := "."
	if len(tops) == 1 {
		name = slices.Collect(maps.Keys(tops))[0]
	}
	b.files[path+"/"+name] = raw
	return nil
}

func (b *backend) CommitContainer(_ context.Context, _ policy.Grant, ref, _, _ string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.find(ref); err != nil {
		return "", err
	}
	return "", zun.Errorf(zun.CodeNotImplemented, "cannot commit container %s: images are kept in Glance, which this release of gozun does not use", ref)
}
