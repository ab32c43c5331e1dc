package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

type quotaRow struct {
	bun.BaseModel `bun:"table:quotas,alias:q"`

	ID        int64 `bun:",pk,autoincrement"`
	ProjectID string
	Resource  string
	HardLimit int64
}

type quotaClassRow struct {
	bun.BaseModel `bun:"table:quota_classes,alias:q"`

	ID        int64 `bun:",pk,autoincrement"`
	ClassName string
	Resource  string
	HardLimit int64
}

// byResource names the limits as the column resource does.
func byResource(l *zun.QuotaLimits) map[string]**int64 {
	return map[string]**int64{"containers": &l.Containers, "memory": &l.MemoryMiB, "disk": &l.DiskGiB, "cpu": &l.CPU}
}

// ProjectLimits returns the limits that were set for a project.
func (s *Store) ProjectLimits(ctx context.Context, projectID string) (zun.QuotaLimits, error) {
	return s.limits(ctx, s.reader(ctx).NewSelect().Model((*quotaRow)(nil)).Where("q.project_id = ?", projectID))
}

// ClassLimits returns the limits that were set for a quota class.
func (s *Store) ClassLimits(ctx context.Context, class string) (zun.QuotaLimits, error) {
	return s.limits(ctx, s.reader(ctx).NewSelect().Model((*quotaClassRow)(nil)).Where("q.class_name = ?", class))
}

func (s *Store) limits(ctx context.Context, query *bun.SelectQuery) (zun.QuotaLimits, error) {
	var rows []struct {
		Resource  string
		HardLimit int64
	}
	if err := query.Column("resource", "hard_limit").Scan(ctx, &rows); err != nil {
		return zun.QuotaLimits{}, internal(err, "cannot read quotas")
	}
	var limits zun.QuotaLimits
	fields := byResource(&limits)
	for _, row := range rows {
		if field, known := fields[row.Resource]; known {
			*field = &row.HardLimit
		}
	}
	return limits, nil
}

// SetProjectLimits sets limits of a project; those that are nil stay as they are.
func (s *Store) SetProjectLimits(ctx context.Context, projectID string, limits zun.QuotaLimits) error {
	return s.setLimits(ctx, limits, "(project_id, resource)", func(resource string, limit int64) any {
		return &quotaRow{ProjectID: projectID, Resource: resource, HardLimit: limit}
	})
}

// SetClassLimits sets limits of a quota class; those that are nil stay as they are.
func (s *Store) SetClassLimits(ctx context.Context, class string, limits zun.QuotaLimits) error {
	return s.setLimits(ctx, limits, "(class_name, resource)", func(resource string, limit int64) any {
		return &quotaClassRow{ClassName: class, Resource: resource, HardLimit: limit}
	})
}

func (s *Store) setLimits(ctx context.Context, limits zun.QuotaLimits, key string, row func(string, int64) any) error {
	return s.Change(ctx, func(ctx context.Context) error {
		for resource, limit := range byResource(&limits) {
			if *limit == nil {
				continue
			}
			_, err := s.writer(ctx).NewInsert().Model(row(resource, **limit)).
				On("CONFLICT ? DO UPDATE", bun.Safe(key)).Set("hard_limit = EXCLUDED.hard_limit").Exec(ctx)
			if err != nil {
				return internal(err, "cannot set the quota of %s", resource)
			}
		}
		return nil
	})
}

// DeleteProjectLimits makes a project have the defaults again. None is success.
func (s *Store) DeleteProjectLimits(ctx context.Context, projectID string) error {
	_, err := s.writer(ctx).NewDelete().Model((*quotaRow)(nil)).Where("project_id = ?", projectID).Exec(ctx)
	return internal(err, "cannot delete the quotas of project %s", projectID)
}

// ProjectUsage returns what the containers of a project hold, whatever their status. The database
// keeps the sum itself, in the transaction of every change of a container.
func (s *Store) ProjectUsage(ctx context.Context, projectID string) (zun.QuotaUsage, error) {
	var row struct {
		Containers int64
		CPU        int64 `bun:"cpu"`
		Memory     int64
		Disk       int64
	}
	err := s.reader(ctx).NewSelect().Table("project_usage").Column("containers", "cpu", "memory", "disk").
		Where("project_id = ?", projectID).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return zun.QuotaUsage{}, nil
	}
	usage := zun.QuotaUsage{Containers: row.Containers, MemoryMiB: row.Memory, DiskGiB: row.Disk, CPU: cores(row.CPU)}
	return usage.Plus(zun.QuotaUsage{}), internal(err, "cannot read the usage of project %s", projectID)
}
