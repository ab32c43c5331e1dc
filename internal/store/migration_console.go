package store

import (
	"context"

	"github.com/uptrace/bun"
)

// consoleToken1 keeps what Zun keeps in container.websocket_token and exec_instance, but
// not the tokens themselves.
type consoleToken1 struct {
	bun.BaseModel `bun:"table:console_token"`

	ID          int64  `bun:",pk,autoincrement"`
	Hash        string `bun:",notnull,type:varchar(64)"`
	ContainerID string `bun:",notnull,type:varchar(36)"`
	ExecID      string `bun:",notnull,type:varchar(64)"`
	ExecTTY     bool   `bun:"exec_tty,notnull"`
	Logs        bool   `bun:",notnull"`
	ExpiresAt   int64  `bun:",notnull"`
}

func consoleTokens(ctx context.Context, tx bun.Tx) error {
	return table(ctx, tx, (*consoleToken1)(nil), []string{`("container_id") REFERENCES "container" ("uuid") ON DELETE CASCADE`},
		unique("console_token_hash", "hash"), plain("console_token_container", "container_id"), plain("console_token_expiry", "expires_at"))
}
