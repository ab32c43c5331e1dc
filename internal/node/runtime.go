package node

import (
	"context"
	"io"
	"net/netip"
	"time"

	"github.com/gozun/gozun/zun"
)

// Runtime is the container engine as the agent uses it; node/docker implements it. Things
// are called by the names that ContainerName, SandboxName and NetworkName give. Errors are
// *zun.Error: CodeUnavailable when the engine does not answer, CodeNotFound when the thing
// is not there, CodeConflict when the name is taken or the state does not allow it,
// CodeInvalid when the engine refuses what was asked. Messages are fit for users.
type Runtime interface {
	Images
	Search
	Networks
	Processes
	Streams
	Gauges
	Archives
	Consoles

	// Ping reports whether the engine answers and takes new work; one that is ending does not.
	Ping(ctx context.Context) error

	// Host tells what the engine knows of the machine. Name is left empty.
	Host(ctx context.Context) (zun.Host, error)

	// Watch sends a Change for each thing that happens to the owner's sandboxes and
	// containers until ctx ends or the stream breaks; it returns why. begun is called once,
	// when nothing that happens from then on is missed.
	Watch(ctx context.Context, owner string, begun func(), changed func(Change)) error
}

// Images are the engine's images.
type Images interface {
	// Image returns what is known of a local image; CodeImageNotFound when it is not here.
	Image(ctx context.Context, ref string) (Image, error)

	// PullImage fetches the image as the user of the registry access, if it has one, calling
	// progress with short sentences meanwhile. CodeUnavailable: the engine does not answer.
	PullImage(ctx context.Context, ref string, access zun.RegistryAccess, progress func(string)) error

	// RemoveImage takes a name off an image, and the image off the host when that was its
	// last; success if it is gone. CodeConflict: a container is made from it.
	RemoveImage(ctx context.Context, ref string) error
}

// Search is the engine's way to Docker Hub.
type Search interface {
	// SearchImages returns what Docker Hub has by that name. CodeUnavailable: the hub, or the
	// engine, does not answer.
	SearchImages(ctx context.Context, term string) ([]zun.FoundImage, error)
}

// Networks are the engine's networks and the endpoints on them.
type Networks interface {
	// EnsureNetwork makes the network; success if it is there already. CodeConflict when
	// something else has its name.
	EnsureNetwork(ctx context.Context, spec NetworkSpec) error

	// RemoveNetwork removes the network; success if it is gone. CodeNetworkInUse when
	// endpoints are on it.
	RemoveNetwork(ctx context.Context, name string) error

	// Connect puts a sandbox on a network; success if it is on it.
	Connect(ctx context.Context, sandbox string, endpoint EndpointSpec) error

	// Disconnect takes a sandbox off a network; success if it, or the network, is gone.
	Disconnect(ctx context.Context, sandbox, network string) error
}

// Processes are sandboxes and containers.
type Processes interface {
	// CreateSandbox makes a sandbox with all its endpoints and does not start it.
	CreateSandbox(ctx context.Context, spec SandboxSpec) (id string, err error)

	// CreateContainer makes a container that will join the sandbox, which need not exist
	// yet, and does not start it. CodeInvalid when the host has not what it asks for.
	CreateContainer(ctx context.Context, spec ContainerSpec) (id string, err error)

	// Start starts a sandbox or container; success if it runs.
	Start(ctx context.Context, name string) error

	// Stop ends it with its stop signal and, after timeout seconds (nil: 10), SIGKILL;
	// success if it does not run.
	Stop(ctx context.Context, name string, timeout *int) error

	// Restart stops it, if it runs, and starts it.
	Restart(ctx context.Context, name string, timeout *int) error

	// Kill sends a signal, "" being SIGKILL, after which it waits for the end.
	Kill(ctx context.Context, name, signal string) error

	// Pause freezes its processes, and Unpause lets them go on; success if they are so
	// already. CodeConflict: it does not run.
	Pause(ctx context.Context, name string) error
	Unpause(ctx context.Context, name string) error

	// Update gives it other resources than it was made with, at once if it runs.
	Update(ctx context.Context, name string, resources Resources) error

	// Remove removes it, running or not, with its anonymous volumes; success if it is gone.
	Remove(ctx context.Context, name string) error

	// Inspect returns the whole state of one sandbox or container.
	Inspect(ctx context.Context, name string) (State, error)

	// List returns the owner's sandboxes and containers. Command, Entrypoint, Error, the
	// times of start and end and the addresses of endpoints may be missing in it.
	List(ctx context.Context, owner string) ([]State, error)
}

// Streams are what a container's processes write.
type Streams interface {
	// Logs returns what the container wrote, at most a few MiB of its end, as valid UTF-8.
	Logs(ctx context.Context, name string, options zun.LogsOptions) ([]byte, error)

	// Execute runs a command in the container until it, or ctx, ends; CodeInvalid when the
	// command cannot be started.
	Execute(ctx context.Context, name string, command []string) (zun.ExecResult, error)
}

// Gauges are what a running container does and uses.
type Gauges interface {
	// Top lists the container's processes as ps shows them; args are more arguments of ps,
	// separated by blanks. CodeInvalid: ps does not take them.
	Top(ctx context.Context, name, args string) (zun.Processes, error)

	// Usage returns what the container has used so far. Its network is the sandbox's.
	Usage(ctx context.Context, name, sandbox string) (zun.Usage, error)
}

// Archives are files in and out of a container, running or not, as tar archives.
type Archives interface {
	// ReadArchive returns what is at a path; the caller closes it. CodeInvalid: there is
	// nothing, or nothing that could be.
	ReadArchive(ctx context.Context, name, path string) (zun.Archive, error)

	// WriteArchive unpacks an archive in a directory of the container. CodeInvalid: there
	// is no such directory, or the archive cannot be unpacked there.
	WriteArchive(ctx context.Context, name, path string, archive io.Reader) error
}

// Resources are what a container may use.
type Resources struct {
	CPU       float64 // cores
	MemoryMiB int64
}

// Image is what we read of an image.
type Image struct {
	ID         string
	Size       int64 // bytes
	Entrypoint []string
	Command    []string
}

// NetworkSpec is a Docker network to be made.
type NetworkSpec struct {
	Name      string
	Owner     string
	NetworkID string // zun.Network.ID, for a label
	ProjectID string // for a label
	Network   zun.Network
}

// EndpointSpec is a sandbox's place on a network.
type EndpointSpec struct {
	Network  string // name of the Docker network
	PortID   string
	MAC      string     // the engine may be unable to give it; see State.Endpoints for what it gave
	IPv4     netip.Addr // zero: none
	IPv6     netip.Addr
	Priority int // the endpoint with the highest gives the default route, where the engine lets one choose
}

// SandboxSpec is a sandbox to be made.
type SandboxSpec struct {
	Name        string
	Owner       string
	ContainerID string
	ProjectID   string
	Hostname    string
	DNS         []netip.Addr
	Endpoints   []EndpointSpec // the first is the primary one; none: no network
}

// ContainerSpec is a container to be made in a sandbox. Command and Entrypoint of the
// container are complete: the image's are already in them.
type ContainerSpec struct {
	Name      string
	Sandbox   string
	Owner     string
	Action    int64 // that makes it, for a label; 0: nobody ordered it
	Container zun.Container
	Files     []FileSpec
}

// FileSpec is a file of the host that a container has at a place of its own.
type FileSpec struct {
	Source      string // on the host
	Destination string // in the container
}

// Role tells the two kinds of a container's processes apart.
type Role string

// The roles.
const (
	RoleSandbox   Role = "sandbox"
	RoleContainer Role = "container"
)

// State is a sandbox or container as the engine has it.
type State struct {
	ID          string
	Name        string
	ContainerID string // zun.Container.ID, from its label
	Role        Role
	Action      int64 // container: the action that made it
	Phase       Phase
	ExitCode    int
	OOMKilled   bool
	Error       string // why it could not be started
	Health      Health
	HealthSays  string // what the last check wrote; in no list
	Runtime     string // in no list
	Sandbox     string // container: name or id of the sandbox it joins
	Alone       bool   // sandbox: made without a network, so that a start gives it none
	Hostname    string
	Command     []string
	Entrypoint  []string
	Ports       []int // that the image, or the container, says it listens on; ascending
	Created     time.Time
	StartedAt   time.Time // zero: never
	FinishedAt  time.Time // of its last run; zero: never
	Endpoints   map[string]Endpoint
}

// Running reports whether its process is there, paused or not.
func (s State) Running() bool { return s.Phase == PhaseRunning || s.Phase == PhasePaused }

// Endpoint is a sandbox's place on a network as the engine has it; addresses are the ones
// that were asked for.
type Endpoint struct {
	PortID string
	MAC    string // as it is; "" while the sandbox does not run
	IPv4   netip.Addr
	IPv6   netip.Addr
}

// Phase is Docker's word for a container's state.
type Phase string

// The phases.
const (
	PhaseCreated    Phase = "created"
	PhaseRunning    Phase = "running"
	PhasePaused     Phase = "paused"
	PhaseRestarting Phase = "restarting"
	PhaseRemoving   Phase = "removing"
	PhaseExited     Phase = "exited"
	PhaseDead       Phase = "dead"
)

// Health is what the container's health check says; "" when there is none or it does not run.
type Health string

// The healths.
const (
	HealthStarting  Health = "starting"
	HealthHealthy   Health = "healthy"
	HealthUnhealthy Health = "unhealthy"
)

// Change says that something happened to a container or its sandbox.
type Change struct {
	ContainerID string
	Role        Role
	Kind        string // Docker's word: "die", "start", "destroy", "oom", "pause", …
}

// Ports are Neutron ports and their security groups, under the service's credentials.
type Ports interface {
	FindPorts(ctx context.Context, query zun.NeutronQuery) ([]zun.Port, error)
	Port(ctx context.Context, id string) (zun.Port, error)
	CreatePort(ctx context.Context, spec zun.PortSpec) (zun.Port, error)
	UpdatePort(ctx context.Context, id string, change zun.PortChange) (zun.Port, error)
	DeletePort(ctx context.Context, id string) error

	FindSecurityGroups(ctx context.Context, query zun.NeutronQuery) ([]zun.SecurityGroup, error)
	CreateSecurityGroup(ctx context.Context, spec zun.SecurityGroupSpec) (zun.SecurityGroup, error)
	// AllowIngress makes all of the rules or none; CodeConflict when one is there already.
	AllowIngress(ctx context.Context, groupID string, rules []zun.Ingress) error
	// DeleteSecurityGroup takes a group that is gone for deleted; CodeConflict while a port
	// has it.
	DeleteSecurityGroup(ctx context.Context, id string) error
}

// ContainerName returns the Docker name of a container, which is Zun's.
func ContainerName(containerID string) string { return "zun-" + containerID }

// SandboxName returns the Docker name of a container's sandbox.
func SandboxName(containerID string) string { return "zun-sandbox-" + containerID }

// NetworkName returns the Docker name of a network: its UUID, and for an implicit one that
// of the Neutron network, as upstream Zun has it.
func NetworkName(n zun.Network) string {
	if n.Implicit && !n.OnlyIPv4 {
		return n.NeutronNetID
	}
	return n.ID
}
