package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

func (m *memory) CreateRegistry(ctx context.Context, g policy.Grant, r zun.RegistryRequest) (zun.Registry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "registry-create %s %s", r.Domain, r.Password.Reveal()); err != nil {
		return zun.Registry{}, err
	}
	made := zun.Registry{
		ID: fmt.Sprintf("%08d-0000-4000-b000-000000000000", len(m.registries)+1), Name: r.Name, Domain: r.Domain, Username: r.Username,
		ProjectID: g.Identity().ProjectID, UserID: g.Identity().UserID,
	}
	m.registries = append(m.registries, made)
	return made, nil
}

func (m *memory) ListRegistries(ctx context.Context, _ policy.Grant, f zun.RegistryFilter) ([]zun.Registry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.note(ctx, "registry-list %+v", f)
	return m.registries[:min(len(m.registries), f.Page.Limit)], err
}

func (m *memory) GetRegistry(ctx context.Context, g policy.Grant, ref string) (zun.Registry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "registry-get %s", ref); err != nil {
		return zun.Registry{}, err
	}
	for _, r := range m.registries {
		if (r.ID == ref || r.Name == ref) && r.ProjectID == g.Identity().ProjectID {
			return r, nil
		}
	}
	return zun.Registry{}, zun.Errorf(zun.CodeRegistryNotFound, "Registry %s could not be found.", ref)
}

func (m *memory) UpdateRegistry(ctx context.Context, g policy.Grant, ref string, c zun.RegistryChange) (zun.Registry, error) {
	r, err := m.GetRegistry(ctx, g, ref)
	if err == nil && c.Name != nil {
		r.Name = *c.Name
	}
	return r, err
}

func (m *memory) DeleteRegistry(ctx context.Context, g policy.Grant, ref string) error {
	r, err := m.GetRegistry(ctx, g, ref)
	m.registries = slices.DeleteFunc(m.registries, func(other zun.Registry) bool { return other.ID == r.ID })
	return err
}
