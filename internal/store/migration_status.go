package store

import (
	"context"

	"github.com/uptrace/bun"
)

// containerStatus finds the containers of a status without reading all: with every heartbeat
// somebody asks for those in Error.
func containerStatus(ctx context.Context, tx bun.Tx) error {
	return table(ctx, tx, (*container1)(nil), nil, plain("container_status", "status"))
}
