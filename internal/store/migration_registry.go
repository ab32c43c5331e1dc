package store

import (
	"context"
	"errors"

	"github.com/uptrace/bun"
)

type registry1 struct {
	bun.BaseModel `bun:"table:registry"`

	ID        int64  `bun:",pk,autoincrement"`
	UUID      string `bun:"uuid,notnull,type:varchar(36)"`
	Name      string `bun:",notnull,type:varchar(255)"`
	ProjectID string `bun:",notnull,type:varchar(255)"`
	UserID    string `bun:",notnull,type:varchar(255)"`
	Domain    string `bun:",notnull,type:varchar(255)"`
	Username  string `bun:",notnull,type:varchar(255)"`
	Password  string `bun:",notnull,type:text"` // sealed
	CreatedAt int64  `bun:",notnull"`
	UpdatedAt int64  `bun:",notnull"`
}

// registryTables adds registries, and to containers the one that their image comes from.
// In Zun registry_id is the registry's row number; here it is its UUID.
func registryTables(ctx context.Context, tx bun.Tx) error {
	return errors.Join(
		table(ctx, tx, (*registry1)(nil), nil,
			unique("registry_uuid", "uuid"), plain("registry_project", "project_id", "name")),
		containerColumn(ctx, tx, "registry_id", `VARCHAR(36) REFERENCES "registry" ("uuid") ON DELETE NO ACTION`),
	)
}
