package zun

import (
	"context"
	"time"
)

// Node is the agent of one host as the control side sees it.
type Node interface {
	// Accept takes an action on and returns before it is done; what happens is told
	// through Reports. Accepting an action that is under way or done changes nothing.
	// Actions on one container are done one after another, in the order accepted.
	// CodeUnavailable: the host cannot take work now; give it again later.
	Accept(ctx context.Context, order Order) error

	// Logs returns what the container wrote.
	Logs(ctx context.Context, container Container, options LogsOptions) ([]byte, error)

	// Execute runs a command in a running container and waits for its end.
	// CodeConflict: it did not end in time, or the container is not running.
	// CodeInvalid: the command cannot be started.
	Execute(ctx context.Context, container Container, command []string) (ExecResult, error)

	// Observe returns the state of the container as Docker has it now.
	Observe(ctx context.Context, container Container) (Observation, error)

	Gauges
	Archives

	// Update gives the container the resources that it is given with; they are not yet
	// recorded. CodeInvalid: Docker refuses them.
	Update(ctx context.Context, container Container) error

	// EnsureNetwork makes the Docker network of a Network on this host. If it is there
	// already, that is success.
	EnsureNetwork(ctx context.Context, network Network) error

	// RemoveNetwork removes the Docker network of a Network from this host. If it is
	// gone already, that is success.
	RemoveNetwork(ctx context.Context, network Network) error

	// AcceptImage takes an image on that is Pulling or Deleting, and returns before it is
	// done; how it goes is told through Reports. Accepting what is under way changes
	// nothing, and an order to delete ends a pull. CodeUnavailable: the host cannot take
	// work now; give it again later.
	AcceptImage(ctx context.Context, order ImageOrder) error

	// SearchImages searches Docker Hub. CodeUnavailable: it does not answer this host.
	SearchImages(ctx context.Context, term string) ([]FoundImage, error)

	// Host tells what the host is and has.
	Host(ctx context.Context) (Host, error)

	Consoles
}

// Order is an action with all that a node needs to do it.
type Order struct {
	Action      Action
	Input       ActionInput
	Container   Container
	Attachments []Attachment       // by Position; for attach and detach those in Input.AttachmentIDs come too
	Networks    map[string]Network // by Network.ID, every network that an attachment names
	Files       []File             // put into the container when it is made
	Registry    RegistryAccess     // where the image comes from, and as whom
}

// Reports is the control side as a node sees it. Each method may be called again with
// the same facts, and an error means "not recorded: tell me again".
type Reports interface {
	// StageBegan and StageEnded record a stage; event.ActionID and event.Stage identify it.
	StageBegan(ctx context.Context, event Event) error
	StageEnded(ctx context.Context, event Event) error

	// Plugged records an attachment's port, MAC and addresses as soon as the port is
	// there, so that a crash after it loses nothing.
	Plugged(ctx context.Context, attachment Attachment) error

	// Exposed records the security group that the node made for the exposed ports of a
	// container, before anything uses it; "" says that it is gone.
	Exposed(ctx context.Context, containerID, groupID string) error

	// Finished ends an action.
	Finished(ctx context.Context, actionID int64, outcome Outcome) error

	// ImageChanged records what became of an image, or how far it is.
	ImageChanged(ctx context.Context, report ImageReport) error

	// Observed records a change of state that nobody ordered: a process that ended, a
	// container that someone removed, the daemon coming back. It is ignored while an
	// action on the container is owed.
	Observed(ctx context.Context, observation Observation) error

	// Containers returns the containers that are recorded as placed on the host, each as
	// an order without an action, for a node that compares them with Docker's.
	Containers(ctx context.Context, host string) ([]Order, error)
}

// Outcome is how an action ended.
type Outcome struct {
	Observation Observation
	Failed      bool
	Message     string   // for the user, when Failed
	Deleted     bool     // container, sandbox and our ports are gone: the record may go
	Detached    []string // ids of attachments that are undone: their rows may go
	At          time.Time

	Unchanged      bool     // rebuild, when Failed: the container is still the one that it was
	SecurityGroups []string // add_security_group, remove_security_group: those that it has now; nil: not known
}

// Observation is the state of a container on its host. Zero fields are "not known" and
// change nothing in the record.
type Observation struct {
	ContainerID  string
	Status       Status // "" when unknown
	StatusReason string
	StatusDetail string
	Gone         bool // Docker has lost the container, or cannot run it any more
	SandboxID    string
	DockerID     string
	Runtime      string
	Command      []string
	Entrypoint   []string
	Hostname     string
	Ports        []int
	StartedAt    time.Time
	At           time.Time
}

// LogsOptions choose a part of a container's output.
type LogsOptions struct {
	Stdout     bool
	Stderr     bool
	Timestamps bool
	Tail       string    // a number of lines, or "all"
	Since      time.Time // zero: from the start
}

// ExecResult is what a command left: its standard output and error as they came, merged,
// and its exit code.
type ExecResult struct {
	Output   []byte
	ExitCode int
}
