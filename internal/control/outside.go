package control

import (
	"context"
	"net/netip"
	"time"

	"github.com/gozun/gozun/zun"
)

// Neutron is the part of the networking service that use cases need, seen with one
// token's eyes. Errors carry the codes of internal/neutron; deleting what is gone is
// success.
type Neutron interface {
	FindNetworks(ctx context.Context, query zun.NeutronQuery) ([]zun.NeutronNetwork, error)
	FindSubnets(ctx context.Context, query zun.NeutronQuery) ([]zun.NeutronSubnet, error)
	FindPools(ctx context.Context, query zun.NeutronQuery) ([]zun.NeutronPool, error)
	FindPorts(ctx context.Context, query zun.NeutronQuery) ([]zun.Port, error)
	FindSecurityGroups(ctx context.Context, query zun.NeutronQuery) ([]zun.SecurityGroup, error)

	CreateNetwork(ctx context.Context, spec zun.NeutronNetworkSpec) (zun.NeutronNetwork, error)
	CreateSubnet(ctx context.Context, spec zun.NeutronSubnetSpec) (zun.NeutronSubnet, error)
	CreatePool(ctx context.Context, spec zun.NeutronPoolSpec) (zun.NeutronPool, error)
	DeleteNetwork(ctx context.Context, id string) error
	DeleteSubnet(ctx context.Context, id string) error
	DeletePool(ctx context.Context, id string) error
}

// Nodes knows the agents of the hosts.
type Nodes interface {
	// Names returns the names of the hosts that are known, up or down.
	Names() []string
	// Node returns the agent of a host, or false if there is none of that name.
	Node(host string) (zun.Node, bool)
}

// Local is the Nodes of one machine: a single node in the same process.
type Local struct {
	Name  string // of the host
	Agent zun.Node
}

// Names returns the one name.
func (l Local) Names() []string { return []string{l.Name} }

// Node returns the one node.
func (l Local) Node(host string) (zun.Node, bool) { return l.Agent, host == l.Name }

// Store keeps the records. A method that finds nothing by id answers with the 404 code of
// the kind; every other failure is CodeInternal. All times come back in UTC.
type Store interface {
	// Change runs f in one write transaction: calls with the context that f gets are part
	// of it, and none of them is kept when f fails.
	Change(ctx context.Context, f func(ctx context.Context) error) error

	ContainerStore
	NetworkStore
	RegistryStore
	ImageStore
	ActionStore
	ConsoleStore
	HostStore
	QuotaStore
}

// HostStore is the part of Store about hosts and their services.
type HostStore interface {
	// SaveHost records what a host is and that it was seen. A host that is there keeps its
	// id, and its service, which is made if there is none, what the operator said.
	SaveHost(ctx context.Context, host zun.Host, seen time.Time) error
	// Hosts returns all hosts by name.
	Hosts(ctx context.Context) ([]zun.Host, error)
	DeleteHost(ctx context.Context, name string) error

	// Services returns all services in the order in which they were made.
	Services(ctx context.Context) ([]zun.Service, error)
	Service(ctx context.Context, host, binary string) (zun.Service, error)
	// SaveService records what the operator said, not what was heard of the host.
	SaveService(ctx context.Context, service zun.Service) error
	DeleteService(ctx context.Context, id int64) error
}

// QuotaStore is the part of Store about quotas.
type QuotaStore interface {
	// ProjectLimits and ClassLimits return the limits that were set, none for what is not
	// known; the setters leave those alone that are nil.
	ProjectLimits(ctx context.Context, projectID string) (zun.QuotaLimits, error)
	SetProjectLimits(ctx context.Context, projectID string, limits zun.QuotaLimits) error
	DeleteProjectLimits(ctx context.Context, projectID string) error
	ClassLimits(ctx context.Context, class string) (zun.QuotaLimits, error)
	SetClassLimits(ctx context.Context, class string, limits zun.QuotaLimits) error
	// ProjectUsage returns what a project's containers hold, whatever their status.
	ProjectUsage(ctx context.Context, projectID string) (zun.QuotaUsage, error)
}

// ContainerStore is the part of Store about containers and their attachments.
type ContainerStore interface {
	AddContainer(ctx context.Context, container zun.Container) error
	SaveContainer(ctx context.Context, container zun.Container) error
	// DeleteContainer removes the container, its attachments, actions and events.
	DeleteContainer(ctx context.Context, id string) error

	Container(ctx context.Context, id string) (zun.Container, error)
	ContainerDetail(ctx context.Context, id string) (zun.ContainerDetail, error)
	// FindContainers returns those whose UUID or name is ref, of one project or, with "",
	// of all, oldest first.
	FindContainers(ctx context.Context, projectID, ref string) ([]zun.Container, error)
	// Namesakes returns the UUIDs of those that have a name, whatever its case, of one project
	// or, with "", of all.
	Namesakes(ctx context.Context, projectID, name string) ([]string, error)
	// ListContainers returns a page. CodeInvalid: the sort key is not one;
	// CodeContainerNotFound: the marker is not there.
	ListContainers(ctx context.Context, filter zun.ContainerFilter) ([]zun.ContainerDetail, error)
	// ContainersOn returns the containers placed on a host.
	ContainersOn(ctx context.Context, host string) ([]zun.ContainerDetail, error)
	// Usage returns per host how many containers are placed there and what they may use.
	Usage(ctx context.Context) (map[string]zun.HostUsage, error)

	// AddFiles records files that are put into a container. CodeInvalid: two have one
	// destination.
	AddFiles(ctx context.Context, containerID string, files []zun.File) error
	Files(ctx context.Context, containerID string) ([]zun.File, error)
	// FilesOn returns the files of the containers placed on a host, by container.
	FilesOn(ctx context.Context, host string) (map[string][]zun.File, error)

	// AddAttachment records that a container is to be on a network. CodePortInUse: another
	// attachment has the requested port; CodeInvalid: the container is on it already.
	AddAttachment(ctx context.Context, attachment zun.Attachment) error
	SaveAttachment(ctx context.Context, attachment zun.Attachment) error
	DeleteAttachment(ctx context.Context, id string) error
	Attachment(ctx context.Context, id string) (zun.Attachment, error)
	Attachments(ctx context.Context, containerID string) ([]zun.AttachedNetwork, error)
	// AddressHolders returns who asked for or has an address on a Neutron network.
	AddressHolders(ctx context.Context, neutronNetID string, ip netip.Addr) ([]zun.Holder, error)
}

// NetworkStore is the part of Store about networks.
type NetworkStore interface {
	// AddNetwork records a network. CodeNetworkExists: the project has one of this name,
	// or, for an implicit one, the Neutron network has its row.
	AddNetwork(ctx context.Context, network zun.Network) error
	SaveNetwork(ctx context.Context, network zun.Network) error
	// DeleteNetwork removes the row. CodeNetworkInUse: attachments are left.
	DeleteNetwork(ctx context.Context, id string) error

	Network(ctx context.Context, id string) (zun.Network, error)
	NetworkDetail(ctx context.Context, id string) (zun.NetworkDetail, error)
	// FindNetworks returns the networks that are not implicit and whose UUID or name is
	// ref, of one project or, with "", of all, oldest first.
	FindNetworks(ctx context.Context, projectID, ref string) ([]zun.Network, error)
	// NetworksOf returns a project's networks on a Neutron network, implicit ones not.
	NetworksOf(ctx context.Context, projectID, neutronNetID string) ([]zun.Network, error)
	// ImplicitNetwork returns the row that stands for a Neutron network, or for its IPv4
	// subnets only.
	ImplicitNetwork(ctx context.Context, neutronNetID string, withoutIPv6 bool) (zun.Network, error)
	// ListNetworks returns a page of a project's networks, implicit ones not. Codes as
	// ListContainers has them.
	ListNetworks(ctx context.Context, projectID string, filter zun.NetworkFilter) ([]zun.NetworkDetail, error)
	// UnfinishedNetworks returns the networks that are being made or deleted, and the
	// implicit ones without a name that no container is on.
	UnfinishedNetworks(ctx context.Context) ([]zun.Network, error)
	// HasHolders reports whether any container is on a network.
	HasHolders(ctx context.Context, networkID string) (bool, error)
	Holders(ctx context.Context, networkID string) ([]zun.Holder, error)
}

// RegistryStore is the part of Store about image registries.
type RegistryStore interface {
	AddRegistry(ctx context.Context, registry zun.Registry) error
	SaveRegistry(ctx context.Context, registry zun.Registry) error
	// DeleteRegistry removes the row. CodeConflict: containers name it.
	DeleteRegistry(ctx context.Context, id string) error

	Registry(ctx context.Context, id string) (zun.Registry, error)
	// FindRegistries returns those whose UUID or name is ref, of one project or, with "",
	// of all, oldest first.
	FindRegistries(ctx context.Context, projectID, ref string) ([]zun.Registry, error)
	// ListRegistries returns a page of a project's or, with "", of all. Codes as
	// ListContainers has them.
	ListRegistries(ctx context.Context, projectID string, filter zun.RegistryFilter) ([]zun.Registry, error)
}

// ImageStore is the part of Store about images on hosts.
type ImageStore interface {
	// AddImage records an image. CodeImageExists: the host has one of this name.
	AddImage(ctx context.Context, image zun.Image) error
	SaveImage(ctx context.Context, image zun.Image) error
	DeleteImage(ctx context.Context, id string) error

	Image(ctx context.Context, id string) (zun.Image, error)
	// ListImages returns a page of a project's or, with "", of all. Codes as
	// ListContainers has them, with CodeImageNotFound for an unknown marker.
	ListImages(ctx context.Context, projectID string, filter zun.ImageFilter) ([]zun.Image, error)
	// OwedImages returns those that their hosts still have to pull or delete.
	OwedImages(ctx context.Context) ([]zun.Image, error)
}

// Vault seals passwords for the store; about is the UUID of what one belongs to.
type Vault interface {
	Seal(text, about string) (string, error)
	// Open fails when the key is lost or the sealed text was tampered with; the error says
	// which.
	Open(sealed, about string) (string, error)
	// Current reports whether a text is sealed with the key that seals now.
	Current(sealed string) bool
}

// ActionStore is the part of Store about actions.
type ActionStore interface {
	// AddAction records an owed action and returns it with its id.
	AddAction(ctx context.Context, action zun.Action) (zun.Action, error)
	// ClaimAction counts one more attempt if the action is owed and has still had only
	// `attempt` of them, and reports whether it did.
	ClaimAction(ctx context.Context, id int64, attempt int) (bool, error)
	// SayAction sets the message of an owed action.
	SayAction(ctx context.Context, id int64, message string) error
	// FinishAction ends an owed action and its open events, and reports whether it was owed.
	FinishAction(ctx context.Context, id int64, message string, at time.Time) (bool, error)

	Action(ctx context.Context, id int64) (zun.Action, error)
	// Actions returns the actions of a container, newest first; with a request id only its.
	Actions(ctx context.Context, containerID, requestID string) ([]zun.Action, error)
	// OwedActions returns the owed actions of a container or, with "", of all, oldest first.
	OwedActions(ctx context.Context, containerID string) ([]zun.Action, error)

	// FailedHeals returns the last action of each container that asks to be healed and is in
	// Error because that action, a heal, has failed.
	FailedHeals(ctx context.Context) ([]zun.Action, error)

	// SaveEvent records a stage; ActionID and Stage identify it, and a zero FinishedAt
	// opens it anew.
	SaveEvent(ctx context.Context, event zun.Event) error
	Events(ctx context.Context, actionID int64) ([]zun.Event, error)
}
