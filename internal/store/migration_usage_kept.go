package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// What containers hold together, kept beside their rows. CPU is in millionths of a core, so
// that sums are exact whatever the order in which containers come and go.
type (
	projectUsage1 struct {
		bun.BaseModel `bun:"table:project_usage"`

		ProjectID  string `bun:",pk,type:varchar(255)"`
		Containers int64  `bun:",notnull"`
		CPU        int64  `bun:"cpu,notnull"`
		Memory     int64  `bun:",notnull"`
		Disk       int64  `bun:",notnull"`
	}
	hostUsage1 struct {
		bun.BaseModel `bun:"table:host_usage"`

		Host       string `bun:",pk,type:varchar(255)"`
		Status     string `bun:",pk,type:varchar(20)"`
		Containers int64  `bun:",notnull"`
		CPU        int64  `bun:"cpu,notnull"`
		Memory     int64  `bun:",notnull"`
		Disk       int64  `bun:",notnull"`
	}
)

// usageKept makes the sums of the rows that are there, and has the database keep them with
// every change of a row, whoever makes it: an order and a placement read one row then, however
// many containers there are. Lists of a project come in the order of their index.
func usageKept(ctx context.Context, tx bun.Tx) error {
	err := errors.Join(
		table(ctx, tx, (*projectUsage1)(nil), nil),
		table(ctx, tx, (*hostUsage1)(nil), nil),
	)
	if err != nil {
		return err
	}
	const sums = "COUNT(*), SUM(CAST(ROUND(cpu * 1000000) AS INTEGER)), SUM(memory), SUM(disk) FROM container "
	for _, statement := range []string{
		"DELETE FROM project_usage",
		"DELETE FROM host_usage",
		"INSERT INTO project_usage (project_id, containers, cpu, memory, disk) SELECT project_id, " + sums + "GROUP BY project_id",
		"INSERT INTO host_usage (host, status, containers, cpu, memory, disk) SELECT host, status, " + sums + "WHERE host <> '' GROUP BY host, status",
		"CREATE TRIGGER IF NOT EXISTS container_usage_insert AFTER INSERT ON container BEGIN " + usageOf("NEW", "+") + "END",
		"CREATE TRIGGER IF NOT EXISTS container_usage_delete AFTER DELETE ON container BEGIN " + usageOf("OLD", "-") + noUsage + "END",
		"CREATE TRIGGER IF NOT EXISTS container_usage_update AFTER UPDATE ON container WHEN " +
			"OLD.project_id <> NEW.project_id OR OLD.host <> NEW.host OR OLD.status <> NEW.status OR " +
			"OLD.cpu <> NEW.cpu OR OLD.memory <> NEW.memory OR OLD.disk <> NEW.disk " +
			"BEGIN " + usageOf("OLD", "-") + usageOf("NEW", "+") + noUsage + "END",
		"CREATE INDEX IF NOT EXISTS container_of_project ON container (project_id)",
	} {
		if _, err := tx.NewRaw(statement).Exec(ctx); err != nil {
			return fmt.Errorf("cannot keep the usage of projects and hosts (%s): %w", statement, err)
		}
	}
	return nil
}

// usageOf adds what a row holds to the sums it is in, or takes it away.
func usageOf(row, sign string) string {
	values := fmt.Sprintf("%[2]s1, %[2]sCAST(ROUND(%[1]s.cpu * 1000000) AS INTEGER), %[2]s%[1]s.memory, %[2]s%[1]s.disk", row, sign)
	const add = "DO UPDATE SET containers = containers + excluded.containers, cpu = cpu + excluded.cpu, " +
		"memory = memory + excluded.memory, disk = disk + excluded.disk; "
	return fmt.Sprintf("INSERT INTO project_usage (project_id, containers, cpu, memory, disk) VALUES (%s.project_id, %s) "+
		"ON CONFLICT (project_id) %s", row, values, add) +
		fmt.Sprintf("INSERT INTO host_usage (host, status, containers, cpu, memory, disk) SELECT %[1]s.host, %[1]s.status, %[2]s WHERE %[1]s.host <> '' "+
			"ON CONFLICT (host, status) %[3]s", row, values, add)
}

// noUsage drops sums of nothing, so that there are no more of them than projects and hosts that
// have containers.
const noUsage = "DELETE FROM project_usage WHERE project_id = OLD.project_id AND containers = 0; " +
	"DELETE FROM host_usage WHERE host = OLD.host AND status = OLD.status AND containers = 0; "
