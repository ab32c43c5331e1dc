package store

import (
	"context"
	"errors"

	"github.com/uptrace/bun"
)

// The tables and columns are named as Zun names them (zun/db/sqlalchemy/models.py) where
// it has them; container_id of network_attachment is the container's UUID.
type (
	container1 struct {
		bun.BaseModel `bun:"table:container"`

		ID              int64   `bun:",pk,autoincrement"`
		UUID            string  `bun:"uuid,notnull,type:varchar(36)"`
		ProjectID       string  `bun:",notnull,type:varchar(255)"`
		UserID          string  `bun:",notnull,type:varchar(255)"`
		Name            string  `bun:",notnull,type:varchar(255)"`
		Image           string  `bun:",notnull,type:varchar(255)"`
		ImagePullPolicy string  `bun:",notnull,type:varchar(36)"`
		ImageDriver     string  `bun:",notnull,type:varchar(36)"`
		Command         string  `bun:",notnull,type:text"`
		Entrypoint      string  `bun:",notnull,type:text"`
		CPU             float64 `bun:"cpu,notnull"`
		Memory          int64   `bun:",notnull"`
		Disk            int64   `bun:",notnull"`
		Environment     string  `bun:",notnull,type:text"`
		Labels          string  `bun:",notnull,type:text"`
		Workdir         string  `bun:",notnull,type:text"`
		Hostname        string  `bun:",notnull,type:varchar(255)"`
		Interactive     bool    `bun:",notnull"`
		TTY             bool    `bun:"tty,notnull"`
		AutoRemove      bool    `bun:",notnull"`
		RestartPolicy   string  `bun:",notnull,type:text"`
		SecurityGroups  string  `bun:",notnull,type:text"`
		Status          string  `bun:",notnull,type:varchar(20)"`
		StatusReason    string  `bun:",notnull,type:text"`
		StatusDetail    string  `bun:",notnull,type:varchar(255)"`
		TaskState       string  `bun:",notnull,type:varchar(36)"`
		Ports           string  `bun:",notnull,type:text"`
		Host            string  `bun:",notnull,type:varchar(255)"`
		SandboxID       string  `bun:",notnull,type:varchar(255)"`
		ContainerID     string  `bun:",notnull,type:varchar(255)"`
		CreatedAt       int64   `bun:",notnull"`
		UpdatedAt       int64   `bun:",notnull"`
		StartedAt       int64   `bun:",notnull"`
	}
	network1 struct {
		bun.BaseModel `bun:"table:network"`

		ID            int64   `bun:",pk,autoincrement"`
		UUID          string  `bun:"uuid,notnull,type:varchar(36)"`
		Name          string  `bun:",notnull,type:varchar(255)"`
		ProjectID     string  `bun:",notnull,type:varchar(255)"`
		UserID        string  `bun:",notnull,type:varchar(255)"`
		OwnName       *string `bun:",type:varchar(255)"`
		ImplicitNetID *string `bun:",type:varchar(36)"`
		NeutronNetID  string  `bun:",notnull,type:varchar(36)"`
		NeutronPoolID string  `bun:",notnull,type:varchar(36)"`
		Subnets       string  `bun:",notnull,type:text"`
		Shared        bool    `bun:",notnull"`
		MTU           int     `bun:"mtu,notnull"`
		Made          string  `bun:",notnull,type:text"`
		Status        string  `bun:",notnull,type:varchar(20)"`
		StatusReason  string  `bun:",notnull,type:text"`
		CreatedAt     int64   `bun:",notnull"`
		UpdatedAt     int64   `bun:",notnull"`
	}
	attachment1 struct {
		bun.BaseModel `bun:"table:network_attachment"`

		ID            int64   `bun:",pk,autoincrement"`
		UUID          string  `bun:"uuid,notnull,type:varchar(36)"`
		ContainerID   string  `bun:",notnull,type:varchar(36)"`
		NetworkID     string  `bun:",notnull,type:varchar(36)"`
		ProjectID     string  `bun:",notnull,type:varchar(255)"`
		Position      int     `bun:",notnull"`
		RequestedPort *string `bun:",type:varchar(36)"`
		RequestedIPv4 string  `bun:"requested_ipv4,notnull,type:varchar(45)"`
		RequestedIPv6 string  `bun:"requested_ipv6,notnull,type:varchar(45)"`
		PortID        string  `bun:",notnull,type:varchar(36)"`
		MAC           string  `bun:"mac,notnull,type:varchar(17)"`
		Addresses     string  `bun:",notnull,type:text"`
		CreatedAt     int64   `bun:",notnull"`
	}
	action1 struct {
		bun.BaseModel `bun:"table:container_actions"`

		ID            int64  `bun:",pk,autoincrement"`
		Action        string `bun:",notnull,type:varchar(255)"`
		ContainerUUID string `bun:",notnull,type:varchar(36)"`
		RequestID     string `bun:",notnull,type:varchar(255)"`
		UserID        string `bun:",notnull,type:varchar(255)"`
		ProjectID     string `bun:",notnull,type:varchar(255)"`
		Input         string `bun:",notnull,type:text"`
		Attempt       int    `bun:",notnull"`
		StartTime     int64  `bun:",notnull"`
		FinishTime    int64  `bun:",notnull"`
		Message       string `bun:",notnull,type:text"`
	}
	event1 struct {
		bun.BaseModel `bun:"table:container_actions_events"`

		ID         int64  `bun:",pk,autoincrement"`
		ActionID   int64  `bun:",notnull"`
		Event      string `bun:",notnull,type:varchar(64)"`
		StartTime  int64  `bun:",notnull"`
		FinishTime int64  `bun:",notnull"`
		Failed     bool   `bun:",notnull"`
		Details    string `bun:",notnull,type:text"`
	}
	host1 struct {
		bun.BaseModel `bun:"table:zun_service"`

		ID           int64  `bun:",pk,autoincrement"`
		Host         string `bun:",notnull,type:varchar(255)"`
		Binary       string `bun:",notnull,type:varchar(255)"`
		Disabled     bool   `bun:",notnull"`
		LastSeenUp   int64  `bun:",notnull"`
		CPUs         int    `bun:"cpus,notnull"`
		MemTotal     int64  `bun:",notnull"`
		Runtimes     string `bun:",notnull,type:text"`
		Labels       string `bun:",notnull,type:text"`
		Architecture string `bun:",notnull,type:varchar(64)"`
		OS           string `bun:"os,notnull,type:varchar(255)"`
		Kernel       string `bun:"kernel_version,notnull,type:varchar(255)"`
	}
)

func firstTables(ctx context.Context, tx bun.Tx) error {
	ofContainer := `("container_id") REFERENCES "container" ("uuid") ON DELETE CASCADE`
	ofNetwork := `("network_id") REFERENCES "network" ("uuid") ON DELETE NO ACTION`
	return errors.Join(
		table(ctx, tx, (*container1)(nil), nil,
			unique("container_uuid", "uuid"), plain("container_project", "project_id", "name"), plain("container_host", "host")),
		table(ctx, tx, (*network1)(nil), nil,
			unique("network_uuid", "uuid"), unique("network_own_name", "project_id", "own_name"),
			unique("network_implicit", "implicit_net_id"), plain("network_neutron", "neutron_net_id")),
		table(ctx, tx, (*attachment1)(nil), []string{ofContainer, ofNetwork},
			unique("attachment_uuid", "uuid"), unique("attachment_once", "container_id", "network_id"),
			unique("attachment_port", "requested_port"), plain("attachment_network", "network_id")),
		table(ctx, tx, (*action1)(nil), []string{`("container_uuid") REFERENCES "container" ("uuid") ON DELETE CASCADE`},
			plain("action_container", "container_uuid", "finish_time"), plain("action_request", "request_id"),
			plain("action_owed", "finish_time")),
		table(ctx, tx, (*event1)(nil), []string{`("action_id") REFERENCES "container_actions" ("id") ON DELETE CASCADE`},
			unique("event_once", "action_id", "event")),
		table(ctx, tx, (*host1)(nil), nil, unique("service_host", "host", "binary")),
	)
}
