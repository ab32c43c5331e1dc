package zun

import (
	"strings"
	"time"
)

// Container is what a user runs, as recorded. Its JSON is not the API's; rendering is
// internal/api's work.
type Container struct {
	ID        string // UUID
	Name      string
	ProjectID string
	UserID    string

	Image           string   // as requested, "cirros:latest"
	ImagePullPolicy string   // "", "always", "ifnotpresent" or "never"
	ImageDriver     string   // "docker"
	RegistryID      string   // of the Registry that the image comes from; "" is whichever its name says
	Command         []string // nil until known: the request's, else the image's
	Entrypoint      []string
	ImageCommand    bool    // Command is the image's, and another image's takes its place
	ImageEntrypoint bool    // likewise of Entrypoint
	CPU             float64 // cores
	MemoryMiB       int64
	DiskGiB         int64
	Environment     map[string]string
	Labels          map[string]string
	Workdir         string
	Hostname        string
	Interactive     bool
	TTY             bool
	AutoRemove      bool
	AutoHeal        bool // made again when Docker has lost it
	RestartPolicy   RestartPolicy
	SecurityGroups  []string // UUIDs; ExposedGroup is one of them
	Privileged      bool
	Runtime         string       // "" until known: the request's, else Docker's default
	Healthcheck     *Healthcheck // nil: the image's, if it has one
	ExposedPorts    []ExposedPort
	ExposedGroup    string // UUID of the security group that we made for ExposedPorts, "" while there is none

	Status       Status
	StatusReason string
	StatusDetail string // "Up 5 mins", as Docker's people say it
	TaskState    TaskState
	Ports        []int // exposed by the image or on request

	Host      string // "" until placed
	SandboxID string // Docker id of the sandbox
	DockerID  string // Docker id of the container

	CreatedAt time.Time // UTC, as all times here
	UpdatedAt time.Time
	StartedAt time.Time
}

// RestartPolicy says when Docker restarts the container's process.
type RestartPolicy struct {
	Name              string // "", "no", "always", "on-failure", "unless-stopped"
	MaximumRetryCount int    // only with "on-failure"; 0 is without limit
}

// Status is the state of a container as users see it. Spellings are Zun's.
type Status string

// The statuses.
const (
	StatusCreating   Status = "Creating"
	StatusCreated    Status = "Created"
	StatusRunning    Status = "Running"
	StatusStopped    Status = "Stopped"
	StatusPaused     Status = "Paused"
	StatusRestarting Status = "Restarting"
	StatusRebuilding Status = "Rebuilding"
	StatusDeleting   Status = "Deleting"
	StatusDeleted    Status = "Deleted"
	StatusDead       Status = "Dead"
	StatusUnknown    Status = "Unknown"
	StatusError      Status = "Error"
)

// TaskState says what is being done to a container just now; empty when nothing is.
type TaskState string

// The task states, spelled as Zun does.
const (
	TaskCreating         TaskState = "container_creating"
	TaskStarting         TaskState = "container_starting"
	TaskStopping         TaskState = "container_stopping"
	TaskRebooting        TaskState = "container_rebooting"
	TaskKilling          TaskState = "container_killing"
	TaskPausing          TaskState = "container_pausing"
	TaskUnpausing        TaskState = "container_unpausing"
	TaskRebuilding       TaskState = "container_rebuilding"
	TaskResizing         TaskState = "container_resizing" // ours: Zun shows none
	TaskDeleting         TaskState = "container_deleting"
	TaskNetworkAttaching TaskState = "network_attaching"
	TaskNetworkDetaching TaskState = "network_detaching"
	TaskGroupAdding      TaskState = "sg_adding"
	TaskGroupRemoving    TaskState = "sg_removing"
)

// allowed lists the statuses from which each operation may start (Zun:
// zun/common/utils.py VALID_STATES). An operation that is absent may start from any. Unlike
// in Zun a container in Restarting can be stopped, or its owner could not end a crash loop,
// and its logs be read, which say why it crashes.
var allowed = func() map[string][]Status {
	const created, running, stopped, paused, failed = StatusCreated, StatusRunning, StatusStopped, StatusPaused, StatusError
	table := map[string][]Status{}
	for _, row := range []struct {
		operations string
		from       []Status
	}{
		{"delete", []Status{created, failed, stopped, StatusDeleted, StatusDead}},
		{"delete_force", []Status{
			created, StatusCreating, failed, running, stopped, StatusUnknown, StatusDeleted, StatusDead,
			StatusRestarting, StatusRebuilding, StatusDeleting,
		}},
		{"delete_after_stop", []Status{running, StatusRestarting, created, failed, stopped, StatusDeleted, StatusDead}},
		{"start", []Status{created, stopped, failed}},
		{"stop", []Status{running, StatusRestarting}},
		{"pause kill execute execute_resize attach resize top stats", []Status{running}},
		{"unpause", []Status{paused}},
		{"reboot rebuild", []Status{created, running, stopped, failed}},
		{"update resize_container add_security_group remove_security_group", []Status{created, running, stopped, paused}},
		{"get_archive put_archive", []Status{created, paused, running, stopped}},
		{"logs", []Status{created, failed, paused, running, stopped, StatusUnknown, StatusRestarting}},
		{"commit", []Status{running, stopped, paused}},
	} {
		for operation := range strings.FieldsSeq(row.operations) {
			table[operation] = row.from
		}
	}
	return table
}()

// CheckState returns a CodeInvalidState error if the operation may not start from the
// container's recorded status. Operations are named as in the API, and deletions
// "delete", "delete_force" and "delete_after_stop".
func (c *Container) CheckState(operation string) error {
	from, limited := allowed[operation]
	if !limited {
		return nil
	}
	for _, status := range from {
		if c.Status == status {
			return nil
		}
	}
	return Errorf(CodeInvalidState, "Cannot %s container %s in %s state", operation, c.ID, c.Status)
}
