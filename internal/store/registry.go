package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

type registryRow struct {
	bun.BaseModel `bun:"table:registry,alias:r"`

	ID        int64 `bun:",pk,autoincrement"`
	UUID      string
	Name      string
	ProjectID string
	UserID    string
	Domain    string
	Username  string
	Password  string // sealed
	CreatedAt int64
	UpdatedAt int64
}

func rowOfRegistry(r zun.Registry) *registryRow {
	return &registryRow{
		UUID: r.ID, Name: r.Name, ProjectID: r.ProjectID, UserID: r.UserID, Domain: r.Domain, Username: r.Username,
		Password: r.SealedPassword, CreatedAt: toMicros(r.CreatedAt), UpdatedAt: toMicros(r.UpdatedAt),
	}
}

func (r *registryRow) registry() zun.Registry {
	return zun.Registry{
		ID: r.UUID, Name: r.Name, ProjectID: r.ProjectID, UserID: r.UserID, Domain: r.Domain, Username: r.Username,
		SealedPassword: r.Password, CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt),
	}
}

func registriesOf(rows []registryRow) []zun.Registry {
	registries := make([]zun.Registry, len(rows))
	for i := range rows {
		registries[i] = rows[i].registry()
	}
	return registries
}

func noRegistry(ref string) *zun.Error {
	return zun.Errorf(zun.CodeRegistryNotFound, "Registry %s could not be found.", ref)
}

// registryKeys are the sort keys of registries.
func registryKeys() map[string]string {
	return map[string]string{
		"id": "id", "uuid": "uuid", "name": "name", "domain": "domain", "username": "username",
		"project_id": "project_id", "user_id": "user_id", "created_at": "created_at", "updated_at": "updated_at",
	}
}

// AddRegistry inserts the row of a registry.
func (s *Store) AddRegistry(ctx context.Context, r zun.Registry) error {
	return s.insert(ctx, rowOfRegistry(r), zun.Errorf(zun.CodeConflict, "A registry with UUID %s already exists.", r.ID))
}

// SaveRegistry writes every field of a registry that is there.
func (s *Store) SaveRegistry(ctx context.Context, r zun.Registry) error {
	ok, err := changedOne(s.writer(ctx).NewUpdate().Model(rowOfRegistry(r)).ExcludeColumn("id", "uuid").Where("uuid = ?", r.ID).Exec(ctx))
	if err == nil && !ok {
		return noRegistry(r.ID)
	}
	return err
}

// DeleteRegistry removes a registry. Gone already is success; CodeConflict: containers
// name it.
func (s *Store) DeleteRegistry(ctx context.Context, id string) error {
	_, err := s.writer(ctx).NewDelete().Model((*registryRow)(nil)).Where("uuid = ?", id).Exec(ctx)
	if err != nil && isReferred(err) {
		return zun.Wrap(zun.CodeConflict, err, "cannot delete registry %s: containers are made from its images; delete them first", id)
	}
	return internal(err, "cannot delete registry %s", id)
}

// Registry returns a registry by UUID, or CodeRegistryNotFound.
func (s *Store) Registry(ctx context.Context, id string) (zun.Registry, error) {
	var row registryRow
	if err := s.reader(ctx).NewSelect().Model(&row).Where("r.uuid = ?", id).Scan(ctx); err != nil {
		return zun.Registry{}, found(err, noRegistry(id))
	}
	return row.registry(), nil
}

// FindRegistries returns the registries whose UUID or name is ref, oldest first, of one
// project or, with an empty projectID, of all.
func (s *Store) FindRegistries(ctx context.Context, projectID, ref string) ([]zun.Registry, error) {
	var rows []registryRow
	query := s.reader(ctx).NewSelect().Model(&rows).OrderExpr("r.id")
	byReference(query, "r", projectID, ref, "name")
	err := query.Scan(ctx)
	return registriesOf(rows), internal(err, "cannot find registry %q", ref)
}

// ListRegistries returns a page of the registries of a project or, with an empty
// projectID, of all. An unknown sort key is CodeInvalid, an unknown marker
// CodeRegistryNotFound.
func (s *Store) ListRegistries(ctx context.Context, projectID string, f zun.RegistryFilter) ([]zun.Registry, error) {
	var rows []registryRow
	db := s.reader(ctx)
	query := db.NewSelect().Model(&rows)
	if projectID != "" {
		query.Where("r.project_id = ?", projectID)
	}
	for column, value := range map[string]string{
		"name": f.Name, "domain": f.Domain, "username": f.Username, "project_id": f.ProjectID, "user_id": f.UserID,
	} {
		if value != "" {
			query.Where("r.? = ?", bun.Ident(column), value)
		}
	}
	if err := pageBy(ctx, db, query, f.Page, "registry", registryKeys(), noRegistry(f.Page.Marker)); err != nil {
		return nil, err
	}
	err := query.Scan(ctx)
	return registriesOf(rows), internal(err, "cannot list registries")
}
