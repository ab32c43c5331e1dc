package api

import (
	"context"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

func (m *memory) PullImage(ctx context.Context, g policy.Grant, r zun.ImageRequest) (zun.Image, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.note(ctx, "image-pull %+v", r)
	return zun.Image{ID: "00000001-0000-4000-c000-000000000000", ProjectID: g.Identity().ProjectID, Repo: r.Repo, Tag: r.Tag, Host: r.Host, Status: zun.ImagePulling}, err
}

func (m *memory) ListImages(ctx context.Context, _ policy.Grant, f zun.ImageFilter) ([]zun.Image, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return nil, m.note(ctx, "image-list %+v", f)
}

func (m *memory) GetImage(ctx context.Context, _ policy.Grant, id string) (zun.Image, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "image-get %s", id); err != nil {
		return zun.Image{}, err
	}
	return zun.Image{}, zun.Errorf(zun.CodeImageNotFound, "Image %s could not be found.", id)
}

func (m *memory) DeleteImage(ctx context.Context, g policy.Grant, id string) error {
	_, err := m.GetImage(ctx, g, id)
	return err
}

func (m *memory) SearchImages(ctx context.Context, _ policy.Grant, name string, exact bool) ([]zun.FoundImage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []zun.FoundImage{{Name: name, Description: "<it>", Official: true, Stars: 7}}, m.note(ctx, "image-search %s %t", name, exact)
}
