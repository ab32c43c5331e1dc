package store

import (
	"context"
	"errors"

	"github.com/uptrace/bun"
)

// containerFile1 is a file that is put into a container. Its content is kept apart from the
// container's row, which every list reads.
type containerFile1 struct {
	bun.BaseModel `bun:"table:container_file"`

	ID            int64  `bun:",pk,autoincrement"`
	UUID          string `bun:"uuid,notnull,type:varchar(36)"`
	ContainerUUID string `bun:"container_uuid,notnull,type:varchar(36)"`
	ContainerPath string `bun:",notnull,type:text"`
	Contents      []byte `bun:",notnull"`
}

// containerOptions adds what POST /v1/containers takes beyond the first release.
func containerOptions(ctx context.Context, tx bun.Tx) error {
	var errs []error
	for _, c := range []struct{ name, definition string }{
		{"auto_heal", "BOOLEAN NOT NULL DEFAULT FALSE"},
		{"privileged", "BOOLEAN NOT NULL DEFAULT FALSE"},
		{"runtime", "VARCHAR(32) NOT NULL DEFAULT ''"},
		{"healthcheck", "TEXT NOT NULL DEFAULT ''"},
		{"exposed_ports", "TEXT NOT NULL DEFAULT ''"},
		{"exposed_group", "VARCHAR(36) NOT NULL DEFAULT ''"},
	} {
		errs = append(errs, containerColumn(ctx, tx, c.name, c.definition))
	}
	return errors.Join(append(errs, table(ctx, tx, (*containerFile1)(nil),
		[]string{`("container_uuid") REFERENCES "container" ("uuid") ON DELETE CASCADE`},
		unique("file_uuid", "uuid"), unique("file_once", "container_uuid", "container_path")))...)
}
