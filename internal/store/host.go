package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

// binary is what Zun calls the service on a host that runs containers.
const binary = "zun-compute"

type hostRow struct {
	bun.BaseModel `bun:"table:zun_service,alias:h"`

	ID           int64 `bun:",pk,autoincrement"`
	Host         string
	Binary       string
	Disabled     bool
	LastSeenUp   int64
	CPUs         int `bun:"cpus"`
	MemTotal     int64
	Runtimes     string
	Labels       string
	Architecture string
	OS           string `bun:"os"`
	Kernel       string `bun:"kernel_version"`
}

// SaveHost records what a host is and when it was seen. Whether it is disabled is the
// operator's word: a host that is there keeps it.
func (s *Store) SaveHost(ctx context.Context, h zun.Host) error {
	row := &hostRow{
		Host: h.Name, Binary: binary, Disabled: h.Disabled, LastSeenUp: toMicros(h.LastSeen), CPUs: h.CPUs, MemTotal: h.MemoryMiB,
		Runtimes: toJSON(h.Runtimes), Labels: toJSON(h.Labels), Architecture: h.Architecture, OS: h.OS, Kernel: h.Kernel,
	}
	return s.Change(ctx, func(ctx context.Context) error {
		db := s.writer(ctx)
		ok, err := changedOne(db.NewUpdate().Model(row).ExcludeColumn("id", "disabled").
			Where("host = ? AND binary = ?", h.Name, binary).Exec(ctx))
		if err != nil || ok {
			return err
		}
		_, err = db.NewInsert().Model(row).Exec(ctx)
		return internal(err, "cannot record host %s", h.Name)
	})
}

// Hosts returns all hosts by name.
func (s *Store) Hosts(ctx context.Context) ([]zun.Host, error) {
	var rows []hostRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Where("h.binary = ?", binary).OrderExpr("h.host").Scan(ctx); err != nil {
		return nil, internal(err, "cannot list hosts")
	}
	hosts := make([]zun.Host, len(rows))
	for i, row := range rows {
		hosts[i] = zun.Host{
			Name: row.Host, CPUs: row.CPUs, MemoryMiB: row.MemTotal, Runtimes: fromJSON[[]string](row.Runtimes),
			Labels: fromJSON[map[string]string](row.Labels), Architecture: row.Architecture, OS: row.OS, Kernel: row.Kernel,
			LastSeen: fromMicros(row.LastSeenUp), Disabled: row.Disabled,
		}
	}
	return hosts, nil
}
