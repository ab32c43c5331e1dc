package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

type serviceRow struct {
	bun.BaseModel `bun:"table:zun_service,alias:s"`

	ID               int64 `bun:",pk,autoincrement"`
	Host             string
	Binary           string
	Disabled         bool
	DisabledReason   string
	LastSeenUp       int64
	ForcedDown       bool
	ReportCount      int64
	AvailabilityZone string
	CreatedAt        int64
	UpdatedAt        int64
}

func (r *serviceRow) service() zun.Service {
	return zun.Service{
		ID: r.ID, Host: r.Host, Binary: r.Binary, AvailabilityZone: r.AvailabilityZone, Disabled: r.Disabled,
		DisabledReason: r.DisabledReason, ForcedDown: r.ForcedDown, LastSeen: fromMicros(r.LastSeenUp), ReportCount: r.ReportCount,
		CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt),
	}
}

// seeService records a sign of life of a host.
func (s *Store) seeService(ctx context.Context, host, zone string, seen time.Time) error {
	db, at := s.writer(ctx), toMicros(seen)
	ok, err := changedOne(db.NewUpdate().Model((*serviceRow)(nil)).
		Set("last_seen_up = ?, updated_at = ?, report_count = report_count + 1, availability_zone = ?", at, at, zone).
		Where("host = ? AND binary = ?", host, zun.BinaryCompute).Exec(ctx))
	if err != nil || ok {
		return err
	}
	row := &serviceRow{
		Host: host, Binary: zun.BinaryCompute, AvailabilityZone: zone, LastSeenUp: at, ReportCount: 1, CreatedAt: at, UpdatedAt: at,
	}
	_, err = db.NewInsert().Model(row).Exec(ctx)
	return internal(err, "cannot record the service of host %s", host)
}

// Services returns all services in the order in which they were first seen.
func (s *Store) Services(ctx context.Context) ([]zun.Service, error) {
	var rows []serviceRow
	if err := s.reader(ctx).NewSelect().Model(&rows).OrderExpr("s.id").Scan(ctx); err != nil {
		return nil, internal(err, "cannot list services")
	}
	services := make([]zun.Service, len(rows))
	for i := range rows {
		services[i] = rows[i].service()
	}
	return services, nil
}

// Service returns the service of a host, or CodeServiceNotFound.
func (s *Store) Service(ctx context.Context, host, binary string) (zun.Service, error) {
	var row serviceRow
	err := s.reader(ctx).NewSelect().Model(&row).Where("s.host = ? AND s.binary = ?", host, binary).Scan(ctx)
	if err != nil {
		return zun.Service{}, found(err, noService(host, binary))
	}
	return row.service(), nil
}

// SaveService records what the operator said about a service, and when. What is heard of
// its host meanwhile is left as it is.
func (s *Store) SaveService(ctx context.Context, service zun.Service) error {
	ok, err := changedOne(s.writer(ctx).NewUpdate().Model((*serviceRow)(nil)).
		Set("disabled = ?, disabled_reason = ?, forced_down = ?, updated_at = ?",
			service.Disabled, service.DisabledReason, service.ForcedDown, toMicros(service.UpdatedAt)).
		Where("id = ?", service.ID).Exec(ctx))
	if err == nil && !ok {
		return noService(service.Host, service.Binary)
	}
	return err
}

// DeleteService removes the record of a service. Gone already is success.
func (s *Store) DeleteService(ctx context.Context, id int64) error {
	_, err := s.writer(ctx).NewDelete().Model((*serviceRow)(nil)).Where("id = ?", id).Exec(ctx)
	return internal(err, "cannot delete service %d", id)
}

func noService(host, binary string) *zun.Error {
	return zun.Errorf(zun.CodeServiceNotFound, "Zun service %s on host %s could not be found.", binary, host)
}
