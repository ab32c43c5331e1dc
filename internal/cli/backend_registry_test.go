package cli_test

import (
	"context"
	"slices"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

func (b *backend) findRegistry(ref string) (*zun.Registry, error) {
	for _, r := range b.registries {
		if r.ID == ref || r.Name == ref {
			return r, nil
		}
	}
	return nil, zun.Errorf(zun.CodeRegistryNotFound, "Registry %s could not be found.", ref)
}

func (b *backend) CreateRegistry(_ context.Context, g policy.Grant, r zun.RegistryRequest) (zun.Registry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	made := &zun.Registry{
		ID: id("e0000", len(b.registries)+1), Name: r.Name, Domain: r.Domain, Username: r.Username,
		ProjectID: g.Identity().ProjectID, UserID: g.Identity().UserID,
	}
	b.registries = append(b.registries, made)
	b.passwords[made.ID] = r.Password.Reveal()
	return *made, nil
}

func (b *backend) ListRegistries(_ context.Context, _ policy.Grant, f zun.RegistryFilter) ([]zun.Registry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []zun.Registry
	for _, r := range b.registries {
		if f.Domain == "" || f.Domain == r.Domain {
			found = append(found, *r)
		}
	}
	return found, nil
}

func (b *backend) GetRegistry(_ context.Context, _ policy.Grant, ref string) (zun.Registry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.findRegistry(ref)
	if err != nil {
		return zun.Registry{}, err
	}
	return *r, nil
}

func (b *backend) UpdateRegistry(_ context.Context, _ policy.Grant, ref string, c zun.RegistryChange) (zun.Registry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.findRegistry(ref)
	if err != nil {
		return zun.Registry{}, err
	}
	for field, value := range map[*string]*string{&r.Name: c.Name, &r.Domain: c.Domain, &r.Username: c.Username} {
		if value != nil {
			*field = *value
		}
	}
	if c.Password != nil {
		b.passwords[r.ID] = c.Password.Reveal()
	}
	return *r, nil
}

func (b *backend) DeleteRegistry(_ context.Context, _ policy.Grant, ref string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.findRegistry(ref)
	if err != nil {
		return err
	}
	for _, c := range b.containers {
		if c.RegistryID == r.ID || c.RegistryID == r.Name {
			return zun.Errorf(zun.CodeConflict, "cannot delete registry %s: containers are made from its images; delete them first", r.ID)
		}
	}
	b.registries = slices.DeleteFunc(b.registries, func(other *zun.Registry) bool { return other == r })
	return nil
}

// password is the one that a registry was last given.
func (b *backend) password(name string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.findRegistry(name)
	if err != nil {
		return "no registry"
	}
	return b.passwords[r.ID]
}
