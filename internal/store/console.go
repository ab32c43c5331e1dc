package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

type consoleTokenRow struct {
	bun.BaseModel `bun:"table:console_token,alias:t"`

	ID          int64 `bun:",pk,autoincrement"`
	Hash        string
	ContainerID string
	ExecID      string
	ExecTTY     bool `bun:"exec_tty"`
	Logs        bool
	ExpiresAt   int64
}

// AddConsoleToken records a token, and forgets the ones that have expired at now. One for a
// container's main process takes the place of any before it.
func (s *Store) AddConsoleToken(ctx context.Context, token zun.ConsoleToken, now time.Time) error {
	row := &consoleTokenRow{
		Hash: token.Hash, ContainerID: token.ContainerID, ExecID: token.Exec.ID, ExecTTY: token.Exec.TTY,
		Logs: token.Options.Logs, ExpiresAt: toMicros(token.ExpiresAt),
	}
	return s.Change(ctx, func(ctx context.Context) error {
		stale := s.writer(ctx).NewDelete().Model((*consoleTokenRow)(nil)).Where("expires_at <= ?", toMicros(now))
		if token.Exec.ID == "" {
			stale.WhereOr("container_id = ? AND exec_id = ''", token.ContainerID)
		}
		if _, err := stale.Exec(ctx); err != nil {
			return internal(err, "cannot forget old console tokens")
		}
		_, err := s.writer(ctx).NewInsert().Model(row).Exec(ctx)
		return internal(err, "cannot record a console token")
	})
}

// TakeConsoleToken removes the token with this hash that was given out for the container
// and command and has not expired at now, and returns it; of two callers one gets it. The
// other, and whoever asks for what is not there, gets CodeNotFound.
func (s *Store) TakeConsoleToken(ctx context.Context, hash, containerID, execID string, now time.Time) (zun.ConsoleToken, error) {
	var row consoleTokenRow
	err := s.Change(ctx, func(ctx context.Context) error {
		err := s.writer(ctx).NewSelect().Model(&row).
			Where("t.hash = ? AND t.container_id = ? AND t.exec_id = ? AND t.expires_at > ?", hash, containerID, execID, toMicros(now)).Scan(ctx)
		if err != nil {
			return found(err, zun.Errorf(zun.CodeNotFound, "there is no such console token"))
		}
		_, err = s.writer(ctx).NewDelete().Model((*consoleTokenRow)(nil)).Where("id = ?", row.ID).Exec(ctx)
		return internal(err, "cannot take a console token")
	})
	if err != nil {
		return zun.ConsoleToken{}, err
	}
	return zun.ConsoleToken{
		Hash: row.Hash, ContainerID: row.ContainerID, Exec: zun.Exec{ID: row.ExecID, TTY: row.ExecTTY},
		Options: zun.AttachOptions{Logs: row.Logs}, ExpiresAt: fromMicros(row.ExpiresAt),
	}, nil
}
