package store

import (
	"context"
	"errors"

	"github.com/uptrace/bun"
)

// imageCommand adds whether a container's command and entrypoint are its image's, which a
// rebuild from another image must know. Containers from before keep theirs.
func imageCommand(ctx context.Context, tx bun.Tx) error {
	const no = "BOOLEAN NOT NULL DEFAULT FALSE"
	return errors.Join(containerColumn(ctx, tx, "image_command", no), containerColumn(ctx, tx, "image_entrypoint", no))
}
