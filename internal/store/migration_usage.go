package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// usageIndices hold all that summing up needs, of a project at every order (its quota) and of
// the hosts at every placement: without them the rows of thousands of containers are read.
func usageIndices(ctx context.Context, tx bun.Tx) error {
	for name, columns := range map[string][]string{
		"container_project_usage": {"project_id", "cpu", "memory", "disk"},
		"container_host_usage":    {"host", "status", "cpu", "memory", "disk"},
	} {
		_, err := tx.NewCreateIndex().Table("container").Index(name).Column(columns...).IfNotExists().Exec(ctx)
		if err != nil {
			return fmt.Errorf("cannot create index %s: %w", name, err)
		}
	}
	return nil
}
