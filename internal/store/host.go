package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

type nodeRow struct {
	bun.BaseModel `bun:"table:compute_node,alias:n"`

	UUID               string `bun:"uuid,pk"`
	Hostname           string
	CPUs               int `bun:"cpus"`
	MemTotal           int64
	DiskTotal          int64
	DiskQuotaSupported bool
	Runtimes           string
	Labels             string
	Architecture       string
	OSType             string `bun:"os_type"`
	OS                 string `bun:"os"`
	Kernel             string `bun:"kernel_version"`
}

// SaveHost records what a host is, and in its service, which is made if there is none,
// when it was seen and in which zone it is. A host that is there keeps its id, and its
// service what the operator said.
func (s *Store) SaveHost(ctx context.Context, h zun.Host, seen time.Time) error {
	row := &nodeRow{
		UUID: h.ID, Hostname: h.Name, CPUs: h.CPUs, MemTotal: h.MemoryMiB, DiskTotal: h.DiskGiB, DiskQuotaSupported: h.DiskQuota,
		Runtimes: toJSON(h.Runtimes), Labels: toJSON(h.Labels), Architecture: h.Architecture, OSType: h.OSType, OS: h.OS, Kernel: h.Kernel,
	}
	return s.Change(ctx, func(ctx context.Context) error {
		db := s.writer(ctx)
		ok, err := changedOne(db.NewUpdate().Model(row).ExcludeColumn("uuid").Where("hostname = ?", h.Name).Exec(ctx))
		if err != nil {
			return err
		}
		if !ok {
			if _, err := db.NewInsert().Model(row).Exec(ctx); err != nil {
				return internal(err, "cannot record host %s", h.Name)
			}
		}
		return s.seeService(ctx, h.Name, h.AvailabilityZone, seen)
	})
}

// Hosts returns all hosts by name.
func (s *Store) Hosts(ctx context.Context) ([]zun.Host, error) {
	var rows []nodeRow
	if err := s.reader(ctx).NewSelect().Model(&rows).OrderExpr("n.hostname").Scan(ctx); err != nil {
		return nil, internal(err, "cannot list hosts")
	}
	hosts := make([]zun.Host, len(rows))
	for i, row := range rows {
		hosts[i] = zun.Host{
			ID: row.UUID, Name: row.Hostname, CPUs: row.CPUs, MemoryMiB: row.MemTotal, DiskGiB: row.DiskTotal,
			DiskQuota: row.DiskQuotaSupported, Runtimes: fromJSON[[]string](row.Runtimes),
			Labels: fromJSON[map[string]string](row.Labels), Architecture: row.Architecture, OSType: row.OSType, OS: row.OS, Kernel: row.Kernel,
		}
	}
	return hosts, nil
}

// DeleteHost removes the record of a host. Gone already is success.
func (s *Store) DeleteHost(ctx context.Context, name string) error {
	_, err := s.writer(ctx).NewDelete().Model((*nodeRow)(nil)).Where("hostname = ?", name).Exec(ctx)
	return internal(err, "cannot delete host %s", name)
}
