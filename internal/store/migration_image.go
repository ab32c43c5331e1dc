package store

import (
	"context"

	"github.com/uptrace/bun"
)

type image1 struct {
	bun.BaseModel `bun:"table:image"`

	ID           int64  `bun:",pk,autoincrement"`
	UUID         string `bun:"uuid,notnull,type:varchar(36)"`
	ProjectID    string `bun:",notnull,type:varchar(255)"`
	UserID       string `bun:",notnull,type:varchar(255)"`
	ImageID      string `bun:",notnull,type:varchar(255)"`
	Repo         string `bun:",notnull,type:varchar(255)"`
	Tag          string `bun:",notnull,type:varchar(255)"`
	Size         int64  `bun:",notnull"`
	Host         string `bun:",notnull,type:varchar(255)"`
	PullPolicy   string `bun:",notnull,type:varchar(36)"`
	RegistryID   string `bun:",notnull,type:varchar(36)"`
	Status       string `bun:",notnull,type:varchar(20)"`
	StatusReason string `bun:",notnull,type:text"`
	StatusDetail string `bun:",notnull,type:varchar(255)"`
	CreatedAt    int64  `bun:",notnull"`
	UpdatedAt    int64  `bun:",notnull"`
}

// imageTable adds the images on hosts. registry_id is no foreign key: the registry matters
// during the pull only.
func imageTable(ctx context.Context, tx bun.Tx) error {
	return table(ctx, tx, (*image1)(nil), nil,
		unique("image_uuid", "uuid"), unique("image_once", "repo", "tag", "host"), plain("image_status", "status"))
}
