package store

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

// containerKeys are the sort keys of containers: Zun takes any column; these are the ones
// that the API shows.
func containerKeys() map[string]string {
	return map[string]string{
		"id": "id", "uuid": "uuid", "name": "name", "image": "image", "status": "status", "task_state": "task_state",
		"project_id": "project_id", "user_id": "user_id", "memory": "memory", "cpu": "cpu", "disk": "disk", "host": "host",
		"hostname": "hostname", "workdir": "workdir", "image_driver": "image_driver", "auto_remove": "auto_remove",
		"interactive": "interactive", "tty": "tty", "status_reason": "status_reason", "status_detail": "status_detail",
		"auto_heal": "auto_heal", "privileged": "privileged", "runtime": "runtime", "created_at": "created_at", "updated_at": "updated_at", "started_at": "started_at",
	}
}

// ListContainers returns a page of containers with their networks, in two queries
// whatever the page's size. An unknown sort key is CodeInvalid, an unknown marker
// CodeContainerNotFound.
//
// The answer may be shared with others: it is not to be changed.
func (s *Store) ListContainers(ctx context.Context, f zun.ContainerFilter) ([]zun.ContainerDetail, error) {
	return cached(ctx, s, "list "+toJSON(f), details, func() ([]zun.ContainerDetail, error) { return s.listContainers(ctx, f) })
}

func (s *Store) listContainers(ctx context.Context, f zun.ContainerFilter) ([]zun.ContainerDetail, error) {
	var rows []containerRow
	db := s.reader(ctx)
	query := db.NewSelect().Model(&rows)
	filterContainers(query, f)
	if err := pageBy(ctx, db, query, f.Page, "container", containerKeys(), noContainer(f.Page.Marker)); err != nil {
		return nil, err
	}
	if err := query.Scan(ctx); err != nil {
		return nil, internal(err, "cannot list containers")
	}
	return s.withNets(ctx, rows)
}

func filterContainers(query *bun.SelectQuery, f zun.ContainerFilter) {
	for column, value := range map[string]string{
		"name": f.Name, "image": f.Image, "project_id": f.ProjectID, "user_id": f.UserID, "host": f.Host,
		"status": string(f.Status), "task_state": string(f.TaskState),
	} {
		if value != "" {
			query.Where("c.? = ?", bun.Ident(column), value)
		}
	}
	if f.MemoryMiB != 0 {
		query.Where("c.memory = ?", f.MemoryMiB)
	}
	if f.AutoRemove != nil {
		query.Where("c.auto_remove = ?", *f.AutoRemove)
	}
}

// ContainersOn returns the containers that are placed on a host, with their networks.
func (s *Store) ContainersOn(ctx context.Context, host string) ([]zun.ContainerDetail, error) {
	var rows []containerRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Where("c.host = ?", host).OrderExpr("c.id").Scan(ctx); err != nil {
		return nil, internal(err, "cannot list containers on %s", host)
	}
	return s.withNets(ctx, rows)
}

// withNets adds the networks of all containers with one query.
func (s *Store) withNets(ctx context.Context, rows []containerRow) ([]zun.ContainerDetail, error) {
	details := make([]zun.ContainerDetail, len(rows))
	if len(rows) == 0 {
		return details, nil
	}
	ids := make([]string, len(rows))
	index := make(map[string]int, len(rows))
	for i := range rows {
		details[i].Container = rows[i].container()
		ids[i] = rows[i].UUID
		index[rows[i].UUID] = i
	}
	nets, err := s.attached(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, net := range nets {
		d := &details[index[net.Attachment.ContainerID]]
		d.Nets = append(d.Nets, net)
	}
	return details, nil
}

// cores reads millionths of a core, in which sums are kept.
func cores(millionths int64) float64 { return float64(millionths) / 1e6 }

// Usage returns, per host, how many containers are placed there and what they may use.
// Those that failed or are dead use nothing. The database keeps the sums itself.
func (s *Store) Usage(ctx context.Context) (map[string]zun.HostUsage, error) {
	var rows []struct {
		Host   string
		Status zun.Status
		N      int   `bun:"containers"`
		CPU    int64 `bun:"cpu"`
		Memory int64
		Disk   int64
	}
	err := s.reader(ctx).NewSelect().Table("host_usage").Column("host", "status", "containers", "cpu", "memory", "disk").Scan(ctx, &rows)
	if err != nil {
		return nil, internal(err, "cannot read the usage of hosts")
	}
	usage := map[string]zun.HostUsage{}
	for _, row := range rows {
		u := usage[row.Host]
		u.Containers += row.N
		switch row.Status {
		case zun.StatusRunning, zun.StatusRestarting:
			u.Running += row.N
		case zun.StatusPaused:
			u.Paused += row.N
		case zun.StatusStopped:
			u.Stopped += row.N
		}
		if !slices.Contains([]zun.Status{zun.StatusError, zun.StatusDead, zun.StatusDeleted}, row.Status) {
			u.CPU, u.MemoryMiB, u.DiskGiB = u.CPU+cores(row.CPU), u.MemoryMiB+row.Memory, u.DiskGiB+row.Disk
		}
		usage[row.Host] = u
	}
	return usage, nil
}
