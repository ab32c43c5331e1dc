package control

import (
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/gozun/gozun/zun"
)

// regroup is the groups that a container has after an order.
func (n *fakeNode) regroup(order zun.Order) []string {
	groups := slices.DeleteFunc(append([]string{}, order.Container.SecurityGroups...), func(id string) bool { return id == order.Input.SecurityGroup })
	if order.Action.Kind == zun.ActionAddGroup {
		groups = append(groups, order.Input.SecurityGroup)
	}
	return groups
}

func (n *fakeNode) Top(_ context.Context, _ zun.Container, args string) (zun.Processes, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return zun.Processes{Titles: []string{"CMD"}, Rows: [][]string{{args}}}, n.down
}

func (n *fakeNode) Usage(context.Context, zun.Container) (zun.Usage, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return zun.Usage{MemoryBytes: 1}, n.down
}

func (n *fakeNode) Update(_ context.Context, c zun.Container) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down == nil {
		n.updated = append(n.updated, c)
	}
	return n.down
}

func (n *fakeNode) ReadArchive(_ context.Context, _ zun.Container, path string) (zun.Archive, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return zun.Archive{Content: io.NopCloser(bytes.NewReader([]byte(path)))}, n.down
}

func (n *fakeNode) WriteArchive(_ context.Context, _ zun.Container, path string, archive io.Reader) error {
	raw, err := io.ReadAll(archive)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down != nil {
		return n.down
	}
	n.wrote = append(n.wrote, path+" "+string(raw))
	return err
}
