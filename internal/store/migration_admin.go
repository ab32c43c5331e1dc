package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// The tables and columns are named as Zun names them (zun/db/sqlalchemy/models.py). What a
// host is moves from zun_service, which keeps what operators said, to compute_node.
type (
	service2 struct {
		bun.BaseModel `bun:"table:zun_service"`

		ID               int64  `bun:",pk,autoincrement"`
		Host             string `bun:",notnull,type:varchar(255)"`
		Binary           string `bun:",notnull,type:varchar(255)"`
		Disabled         bool   `bun:",notnull"`
		DisabledReason   string `bun:",notnull,type:varchar(255),default:''"`
		LastSeenUp       int64  `bun:",notnull"`
		ForcedDown       bool   `bun:",notnull,default:false"`
		ReportCount      int64  `bun:",notnull,default:0"`
		AvailabilityZone string `bun:",notnull,type:varchar(255),default:''"`
		CreatedAt        int64  `bun:",notnull,default:0"`
		UpdatedAt        int64  `bun:",notnull,default:0"`
	}
	node2 struct {
		bun.BaseModel `bun:"table:compute_node"`

		UUID               string `bun:"uuid,pk,type:varchar(36)"`
		Hostname           string `bun:",notnull,type:varchar(255)"`
		CPUs               int    `bun:"cpus,notnull"`
		MemTotal           int64  `bun:",notnull"`
		DiskTotal          int64  `bun:",notnull"`
		DiskQuotaSupported bool   `bun:",notnull"`
		Runtimes           string `bun:",notnull,type:text"`
		Labels             string `bun:",notnull,type:text"`
		Architecture       string `bun:",notnull,type:varchar(64)"`
		OSType             string `bun:"os_type,notnull,type:varchar(64)"`
		OS                 string `bun:"os,notnull,type:varchar(255)"`
		Kernel             string `bun:"kernel_version,notnull,type:varchar(255)"`
	}
	quota2 struct {
		bun.BaseModel `bun:"table:quotas"`

		ID        int64  `bun:",pk,autoincrement"`
		ProjectID string `bun:",notnull,type:varchar(255)"`
		Resource  string `bun:",notnull,type:varchar(255)"`
		HardLimit int64  `bun:",notnull"`
	}
	quotaClass2 struct {
		bun.BaseModel `bun:"table:quota_classes"`

		ID        int64  `bun:",pk,autoincrement"`
		ClassName string `bun:",notnull,type:varchar(255)"`
		Resource  string `bun:",notnull,type:varchar(255)"`
		HardLimit int64  `bun:",notnull"`
	}
)

// adminTables makes the tables of hosts and quotas, and gives services their own columns.
func adminTables(ctx context.Context, tx bun.Tx) error {
	err := errors.Join(
		table(ctx, tx, (*node2)(nil), nil, unique("compute_node_hostname", "hostname")),
		table(ctx, tx, (*quota2)(nil), nil, unique("quotas_resource", "project_id", "resource")),
		table(ctx, tx, (*quotaClass2)(nil), nil, unique("quota_classes_resource", "class_name", "resource")),
	)
	if err != nil {
		return err
	}
	has, err := columnsOf(ctx, tx, "zun_service")
	if err != nil || !slices.Contains(has, "cpus") {
		return err
	}
	if err := moveHosts(ctx, tx); err != nil {
		return err
	}
	return rebuildServices(ctx, tx)
}

// moveHosts copies what is known of hosts. What the old table had no column for comes with
// the next sign of life.
func moveHosts(ctx context.Context, tx bun.Tx) error {
	var hosts []host1
	if err := tx.NewSelect().Model(&hosts).Scan(ctx); err != nil {
		return fmt.Errorf("cannot read hosts: %w", err)
	}
	for _, h := range hosts {
		node := &node2{
			UUID: uuid.NewString(), Hostname: h.Host, CPUs: h.CPUs, MemTotal: h.MemTotal, Runtimes: h.Runtimes, Labels: h.Labels,
			Architecture: h.Architecture, OS: h.OS, Kernel: h.Kernel,
		}
		if _, err := tx.NewInsert().Model(node).On("CONFLICT (hostname) DO NOTHING").Exec(ctx); err != nil {
			return fmt.Errorf("cannot move host %s: %w", h.Host, err)
		}
	}
	return nil
}

// rebuildServices makes zun_service anew with the rows that it has: not every database can
// drop columns.
func rebuildServices(ctx context.Context, tx bun.Tx) error {
	var old []host1
	if err := tx.NewSelect().Model(&old).OrderExpr("id").Scan(ctx); err != nil {
		return fmt.Errorf("cannot read services: %w", err)
	}
	if _, err := tx.NewDropTable().Model((*host1)(nil)).Exec(ctx); err != nil {
		return fmt.Errorf("cannot drop the old table of services: %w", err)
	}
	if err := table(ctx, tx, (*service2)(nil), nil, unique("service_host", "host", "binary")); err != nil {
		return err
	}
	for _, row := range old {
		service := &service2{
			ID: row.ID, Host: row.Host, Binary: row.Binary, Disabled: row.Disabled, LastSeenUp: row.LastSeenUp,
			CreatedAt: row.LastSeenUp, UpdatedAt: row.LastSeenUp,
		}
		if _, err := tx.NewInsert().Model(service).Exec(ctx); err != nil {
			return fmt.Errorf("cannot keep the service of host %s: %w", row.Host, err)
		}
	}
	return nil
}

// columnsOf returns the names of a table's columns.
func columnsOf(ctx context.Context, tx bun.Tx, table string) ([]string, error) {
	rows, err := tx.NewSelect().Table(table).Where("1 = 0").Rows(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot look at table %s: %w", table, err)
	}
	defer rows.Close() //nolint:errcheck // there are no rows to lose
	names, err := rows.Columns()
	return names, errors.Join(err, rows.Err())
}
