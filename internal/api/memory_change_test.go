package api

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing/iotest"
	"time"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

func (m *memory) PauseContainer(ctx context.Context, g policy.Grant, ref string) error {
	return m.order(ctx, g, ref, "pause", "")
}

func (m *memory) UnpauseContainer(ctx context.Context, g policy.Grant, ref string) error {
	return m.order(ctx, g, ref, "unpause", "")
}

func (m *memory) RebuildContainer(ctx context.Context, g policy.Grant, ref, image, driver string) error {
	return m.order(ctx, g, ref, "rebuild", image+" "+driver)
}

func (m *memory) UpdateContainer(ctx context.Context, g policy.Grant, ref string, change zun.Change) (zun.ContainerDetail, error) {
	if err := m.order(ctx, g, ref, "update", told(change)); err != nil {
		return zun.ContainerDetail{}, err
	}
	c, err := m.find(g, ref, false)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	c.Container = change.Apply(c.Container)
	return *c, nil
}

// told writes a change down.
func told(change zun.Change) string {
	text := ""
	if change.Name != nil {
		text += "name=" + *change.Name
	}
	if change.CPU != nil {
		text += fmt.Sprint(" cpu=", *change.CPU)
	}
	if change.MemoryMiB != nil {
		text += fmt.Sprint(" memory=", *change.MemoryMiB)
	}
	if change.AutoHeal != nil {
		text += fmt.Sprint(" auto_heal=", *change.AutoHeal)
	}
	return strings.TrimSpace(text)
}

func (m *memory) ResizeContainer(ctx context.Context, g policy.Grant, ref string, change zun.Change) (zun.ContainerDetail, error) {
	if err := m.order(ctx, g, ref, "resize_container", told(change)); err != nil {
		return zun.ContainerDetail{}, err
	}
	c, err := m.find(g, ref, false)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	return *c, nil
}

func (m *memory) RenameContainer(ctx context.Context, g policy.Grant, ref, name string) (zun.ContainerDetail, error) {
	if err := m.order(ctx, g, ref, "rename", name); err != nil {
		return zun.ContainerDetail{}, err
	}
	c, err := m.find(g, ref, false)
	if err == nil && c.Name == name {
		return zun.ContainerDetail{}, zun.Errorf(zun.CodeConflict, "it is named %s already", name)
	}
	c.Name = name
	return *c, err
}

func (m *memory) AddSecurityGroup(ctx context.Context, g policy.Grant, ref, group string) error {
	return m.order(ctx, g, ref, "add_security_group", group)
}

func (m *memory) RemoveSecurityGroup(ctx context.Context, g policy.Grant, ref, group string) error {
	return m.order(ctx, g, ref, "remove_security_group", group)
}

func (m *memory) Top(ctx context.Context, g policy.Grant, ref, args string) (zun.Processes, error) {
	return zun.Processes{Titles: []string{"PID", "CMD"}, Rows: [][]string{{"1", "sleep <1>"}}}, m.order(ctx, g, ref, "top", args)
}

func (m *memory) Stats(ctx context.Context, g policy.Grant, ref string) (zun.Container, zun.Usage, error) {
	if err := m.order(ctx, g, ref, "stats", ""); err != nil {
		return zun.Container{}, zun.Usage{}, err
	}
	c, err := m.find(g, ref, false)
	if err != nil {
		return zun.Container{}, zun.Usage{}, err
	}
	return c.Container, zun.Usage{
		CPUNanoseconds: 5, SystemNanoseconds: 40, MemoryBytes: 3 << 19, MemoryLimit: 3 << 20,
		ReadBytes: 1, WrittenBytes: 2, ReceivedBytes: 3, SentBytes: 4,
	}, nil
}

func (m *memory) ReadArchive(ctx context.Context, g policy.Grant, ref, path string) (zun.Archive, error) {
	content := "tar of " + path
	if strings.HasSuffix(path, "binary") {
		content += "\xff"
	}
	reader := io.Reader(strings.NewReader(content))
	if strings.HasSuffix(path, "broken") {
		reader = io.MultiReader(reader, iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	return zun.Archive{
		Stat:    zun.FileStat{Name: "hosts", Size: 7, Mode: 0o644, ModifiedAt: noon.Add(5 * time.Millisecond), LinkTarget: ""},
		Content: io.NopCloser(reader),
	}, m.order(ctx, g, ref, "get_archive", path)
}

func (m *memory) WriteArchive(ctx context.Context, g policy.Grant, ref, path string, archive io.Reader) error {
	raw, err := io.ReadAll(archive)
	if err != nil {
		return err
	}
	return m.order(ctx, g, ref, "put_archive", fmt.Sprintf("%s %d", path, len(raw)))
}

func (m *memory) CommitContainer(ctx context.Context, g policy.Grant, ref, repository, tag string) (string, error) {
	return neutronID, m.order(ctx, g, ref, "commit", repository+" "+tag)
}
