package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

type containerRow struct {
	bun.BaseModel `bun:"table:container,alias:c"`

	ID              int64 `bun:",pk,autoincrement"`
	UUID            string
	ProjectID       string
	UserID          string
	Name            string
	Image           string
	ImagePullPolicy string
	ImageDriver     string
	RegistryID      *string // null for none: it is a foreign key
	Command         string
	Entrypoint      string
	ImageCommand    bool
	ImageEntrypoint bool
	CPU             float64 `bun:"cpu"`
	Memory          int64
	Disk            int64
	Environment     string
	Labels          string
	Workdir         string
	Hostname        string
	Interactive     bool
	TTY             bool `bun:"tty"`
	AutoRemove      bool
	AutoHeal        bool
	RestartPolicy   string
	Privileged      bool
	Runtime         string
	Healthcheck     string
	ExposedPorts    string
	ExposedGroup    string
	SecurityGroups  string
	Status          string
	StatusReason    string
	StatusDetail    string
	TaskState       string
	Ports           string
	Host            string
	SandboxID       string
	ContainerID     string // Docker's
	CreatedAt       int64
	UpdatedAt       int64
	StartedAt       int64
}

func rowOfContainer(c zun.Container) *containerRow {
	row := &containerRow{
		UUID: c.ID, ProjectID: c.ProjectID, UserID: c.UserID, Name: c.Name,
		Image: c.Image, ImagePullPolicy: c.ImagePullPolicy, ImageDriver: c.ImageDriver, RegistryID: nullable(c.RegistryID),
		Command: toJSON(c.Command), Entrypoint: toJSON(c.Entrypoint),
		ImageCommand: c.ImageCommand, ImageEntrypoint: c.ImageEntrypoint,
		CPU: c.CPU, Memory: c.MemoryMiB, Disk: c.DiskGiB,
		Environment: toJSON(c.Environment), Labels: toJSON(c.Labels), Workdir: c.Workdir, Hostname: c.Hostname,
		Interactive: c.Interactive, TTY: c.TTY, AutoRemove: c.AutoRemove, AutoHeal: c.AutoHeal,
		SecurityGroups: toJSON(c.SecurityGroups), Privileged: c.Privileged, Runtime: c.Runtime,
		Healthcheck: toJSON(c.Healthcheck), ExposedPorts: toJSON(c.ExposedPorts), ExposedGroup: c.ExposedGroup,
		Status: string(c.Status), StatusReason: c.StatusReason, StatusDetail: c.StatusDetail, TaskState: string(c.TaskState),
		Ports: toJSON(c.Ports), Host: c.Host, SandboxID: c.SandboxID, ContainerID: c.DockerID,
		CreatedAt: toMicros(c.CreatedAt), UpdatedAt: toMicros(c.UpdatedAt), StartedAt: toMicros(c.StartedAt),
	}
	if c.RestartPolicy != (zun.RestartPolicy{}) {
		row.RestartPolicy = toJSON(c.RestartPolicy)
	}
	return row
}

func (r *containerRow) container() zun.Container {
	return zun.Container{
		ID: r.UUID, ProjectID: r.ProjectID, UserID: r.UserID, Name: r.Name,
		Image: r.Image, ImagePullPolicy: r.ImagePullPolicy, ImageDriver: r.ImageDriver, RegistryID: textOf(r.RegistryID),
		Command: fromJSON[[]string](r.Command), Entrypoint: fromJSON[[]string](r.Entrypoint),
		ImageCommand: r.ImageCommand, ImageEntrypoint: r.ImageEntrypoint,
		CPU: r.CPU, MemoryMiB: r.Memory, DiskGiB: r.Disk,
		Environment: fromJSON[map[string]string](r.Environment), Labels: fromJSON[map[string]string](r.Labels),
		Workdir: r.Workdir, Hostname: r.Hostname, Interactive: r.Interactive, TTY: r.TTY, AutoRemove: r.AutoRemove, AutoHeal: r.AutoHeal,
		RestartPolicy: fromJSON[zun.RestartPolicy](r.RestartPolicy), SecurityGroups: fromJSON[[]string](r.SecurityGroups),
		Privileged: r.Privileged, Runtime: r.Runtime, Healthcheck: fromJSON[*zun.Healthcheck](r.Healthcheck),
		ExposedPorts: fromJSON[[]zun.ExposedPort](r.ExposedPorts), ExposedGroup: r.ExposedGroup,
		Status: zun.Status(r.Status), StatusReason: r.StatusReason, StatusDetail: r.StatusDetail, TaskState: zun.TaskState(r.TaskState),
		Ports: fromJSON[[]int](r.Ports), Host: r.Host, SandboxID: r.SandboxID, DockerID: r.ContainerID,
		CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt), StartedAt: fromMicros(r.StartedAt),
	}
}

func noContainer(id string) *zun.Error {
	return zun.Errorf(zun.CodeContainerNotFound, "Container %s could not be found.", id)
}

// AddContainer inserts the row of a container.
func (s *Store) AddContainer(ctx context.Context, c zun.Container) error {
	return s.insert(ctx, rowOfContainer(c), zun.Errorf(zun.CodeConflict, "A container with UUID %s already exists.", c.ID))
}

// SaveContainer writes every field of a container that is there.
func (s *Store) SaveContainer(ctx context.Context, c zun.Container) error {
	ok, err := changedOne(s.writer(ctx).NewUpdate().Model(rowOfContainer(c)).ExcludeColumn("id", "uuid").Where("uuid = ?", c.ID).Exec(ctx))
	if err == nil && !ok {
		return noContainer(c.ID)
	}
	return err
}

// DeleteContainer removes the container, and by cascade its attachments, actions and
// events. Gone already is success.
func (s *Store) DeleteContainer(ctx context.Context, id string) error {
	_, err := s.writer(ctx).NewDelete().Model((*containerRow)(nil)).Where("uuid = ?", id).Exec(ctx)
	return internal(err, "cannot delete container %s", id)
}

// Container returns a container by UUID, or CodeContainerNotFound.
func (s *Store) Container(ctx context.Context, id string) (zun.Container, error) {
	var row containerRow
	if err := s.reader(ctx).NewSelect().Model(&row).Where("c.uuid = ?", id).Scan(ctx); err != nil {
		return zun.Container{}, found(err, noContainer(id))
	}
	return row.container(), nil
}

// ContainerDetail returns a container with its networks, or CodeContainerNotFound. The
// answer may be shared with others: it is not to be changed.
func (s *Store) ContainerDetail(ctx context.Context, id string) (zun.ContainerDetail, error) {
	return cached(ctx, s, "detail "+id, one, func() (zun.ContainerDetail, error) { return s.containerDetail(ctx, id) })
}

func (s *Store) containerDetail(ctx context.Context, id string) (zun.ContainerDetail, error) {
	container, err := s.Container(ctx, id)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	nets, err := s.Attachments(ctx, id)
	return zun.ContainerDetail{Container: container, Nets: nets}, err
}

// FindContainers returns the containers whose UUID or name is ref, oldest first, of one
// project or, with an empty projectID, of all. The answer may be shared with others: it is
// not to be changed.
func (s *Store) FindContainers(ctx context.Context, projectID, ref string) ([]zun.Container, error) {
	question := fmt.Sprintf("find %q %q", projectID, ref)
	return cached(ctx, s, question, one, func() ([]zun.Container, error) { return s.findContainers(ctx, projectID, ref) })
}

func (s *Store) findContainers(ctx context.Context, projectID, ref string) ([]zun.Container, error) {
	var rows []containerRow
	query := s.reader(ctx).NewSelect().Model(&rows).OrderExpr("c.id")
	byReference(query, "c", projectID, ref, "name")
	if err := query.Scan(ctx); err != nil {
		return nil, internal(err, "cannot find container %q", ref)
	}
	containers := make([]zun.Container, len(rows))
	for i := range rows {
		containers[i] = rows[i].container()
	}
	return containers, nil
}

// Namesakes returns the UUIDs of the containers that have a name, whatever its case, of one
// project or, with an empty projectID, of all. Names are ASCII.
func (s *Store) Namesakes(ctx context.Context, projectID, name string) (ids []string, err error) {
	query := s.reader(ctx).NewSelect().Model((*containerRow)(nil)).Column("uuid").Where("c.name = ? COLLATE NOCASE", name)
	if projectID != "" {
		query = query.Where("c.project_id = ?", projectID)
	}
	return ids, internal(query.Scan(ctx, &ids), "cannot find containers named %q", name)
}

// byReference narrows a query to a UUID or a name. UUIDs win: nobody can hide another's
// object by naming his own so.
func byReference(query *bun.SelectQuery, alias, projectID, ref, nameColumn string) {
	column := nameColumn
	if zun.IsUUID(ref) {
		column, ref = "uuid", strings.ToLower(ref)
	}
	query.Where("?.? = ?", bun.Ident(alias), bun.Ident(column), ref)
	if projectID != "" {
		query.Where("?.project_id = ?", bun.Ident(alias), projectID)
	}
}
