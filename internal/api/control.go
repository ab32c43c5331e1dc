package api

import (
	"context"
	"io"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// Control is what the API asks of the service. Every grant was made by the policy rule
// of the request's route. A ref is a UUID or a name; what the caller may not see is a 404
// error, and a name that several objects bear is CodeConflict.
type Control interface {
	Containers
	Lifecycle
	Changes
	Insights
	Consoles
	Attachments
	Networks
	NeutronHandles
	Hosts
	Services
	Quotas
	Registries
	Images
}

// Containers makes, finds and removes containers.
type Containers interface {
	CreateContainer(ctx context.Context, g policy.Grant, request zun.ContainerRequest) (zun.ContainerDetail, error)
	ListContainers(ctx context.Context, g policy.Grant, filter zun.ContainerFilter) ([]zun.ContainerDetail, error)
	GetContainer(ctx context.Context, g policy.Grant, ref string, allProjects bool) (zun.ContainerDetail, error)
	DeleteContainer(ctx context.Context, g policy.Grant, ref string, options zun.DeleteOptions) error
	Actions(ctx context.Context, g policy.Grant, ref string) ([]zun.Action, error)
	Action(ctx context.Context, g policy.Grant, ref, requestID string) (zun.Action, []zun.Event, error)
}

// Lifecycle works on a container's process. A nil timeout is Docker's default; an empty
// signal is SIGKILL.
type Lifecycle interface {
	StartContainer(ctx context.Context, g policy.Grant, ref string) error
	StopContainer(ctx context.Context, g policy.Grant, ref string, timeout *int) error
	RebootContainer(ctx context.Context, g policy.Grant, ref string, timeout *int) error
	KillContainer(ctx context.Context, g policy.Grant, ref, signal string) error
	PauseContainer(ctx context.Context, g policy.Grant, ref string) error
	UnpauseContainer(ctx context.Context, g policy.Grant, ref string) error
	Logs(ctx context.Context, g policy.Grant, ref string, options zun.LogsOptions) (string, error)
	Execute(ctx context.Context, g policy.Grant, ref string, command []string) (zun.ExecResult, error)
}

// Changes makes a container another one than it was created as. An empty image or driver
// given to RebuildContainer stays.
type Changes interface {
	UpdateContainer(ctx context.Context, g policy.Grant, ref string, change zun.Change) (zun.ContainerDetail, error)
	ResizeContainer(ctx context.Context, g policy.Grant, ref string, change zun.Change) (zun.ContainerDetail, error)
	RenameContainer(ctx context.Context, g policy.Grant, ref, name string) (zun.ContainerDetail, error)
	RebuildContainer(ctx context.Context, g policy.Grant, ref, image, imageDriver string) error
	AddSecurityGroup(ctx context.Context, g policy.Grant, ref, group string) error
	RemoveSecurityGroup(ctx context.Context, g policy.Grant, ref, group string) error
}

// Insights looks into a container and copies files out and in. The caller closes an
// archive's Content.
type Insights interface {
	Top(ctx context.Context, g policy.Grant, ref, psArgs string) (zun.Processes, error)
	Stats(ctx context.Context, g policy.Grant, ref string) (zun.Container, zun.Usage, error)
	ReadArchive(ctx context.Context, g policy.Grant, ref, path string) (zun.Archive, error)
	WriteArchive(ctx context.Context, g policy.Grant, ref, path string, archive io.Reader) error
	CommitContainer(ctx context.Context, g policy.Grant, ref, repository, tag string) (imageID string, err error)
}

// Consoles gives out tickets for the streams of containers and of commands in them, and
// sizes the terminals there.
type Consoles interface {
	AttachContainer(ctx context.Context, g policy.Grant, ref string, options zun.AttachOptions) (zun.ConsoleTicket, error)
	PrepareExec(ctx context.Context, g policy.Grant, ref string, spec zun.ExecSpec) (zun.ConsoleTicket, error)
	ResizeTerminal(ctx context.Context, g policy.Grant, ref string, size zun.Size) error
	ResizeExec(ctx context.Context, g policy.Grant, ref, execID string, size zun.Size) error
}

// Attachments puts containers on networks and takes them off. With ownNetworks a name
// means a network of ours first, else a Neutron network only. An empty NetRequest given
// to AttachNetwork is the default network.
type Attachments interface {
	NetworksOf(ctx context.Context, g policy.Grant, ref string) ([]zun.AttachedNetwork, error)
	AttachNetwork(ctx context.Context, g policy.Grant, ref string, request zun.NetRequest, ownNetworks bool) error
	DetachNetwork(ctx context.Context, g policy.Grant, ref string, request zun.NetRequest, ownNetworks bool) error
}

// Networks makes, finds and removes networks of ours.
type Networks interface {
	CreateNetwork(ctx context.Context, g policy.Grant, request zun.NetworkRequest) (zun.NetworkDetail, error)
	ListNetworks(ctx context.Context, g policy.Grant, filter zun.NetworkFilter) ([]zun.NetworkDetail, error)
	GetNetwork(ctx context.Context, g policy.Grant, ref string) (zun.NetworkDetail, error)
	DeleteNetwork(ctx context.Context, g policy.Grant, ref string) error
}

// NeutronHandles is what POST and DELETE of /v1/networks mean up to microversion 1.40:
// an administrator has a Neutron network's Docker network made or removed.
type NeutronHandles interface {
	CreateNeutronHandle(ctx context.Context, g policy.Grant, name, neutronNetID string) (zun.NetworkDetail, error)
	DeleteNeutronHandle(ctx context.Context, g policy.Grant, neutronNetID string) error
}

// Hosts tells which machines run containers, and in which availability zones they are. The
// marker of a page of hosts is a UUID, of zones a name.
type Hosts interface {
	ListHosts(ctx context.Context, g policy.Grant, page zun.Page) ([]zun.HostDetail, error)
	GetHost(ctx context.Context, g policy.Grant, ref string) (zun.HostDetail, error)
	ListZones(ctx context.Context, g policy.Grant, page zun.Page) ([]string, error)
}

// Services are the hosts' agents as operators see them.
type Services interface {
	ListServices(ctx context.Context, g policy.Grant) ([]zun.ServiceDetail, error)
	ChangeService(ctx context.Context, g policy.Grant, host, binary string, change zun.ServiceChange) (zun.Service, error)
	DeleteService(ctx context.Context, g policy.Grant, host, binary string) error
}

// Quotas say how much projects may have. The grants were made for the project in question.
type Quotas interface {
	Quota(ctx context.Context, g policy.Grant, projectID string) (zun.QuotaDetail, error)
	DefaultQuota(ctx context.Context, g policy.Grant) (zun.Quota, error)
	SetQuota(ctx context.Context, g policy.Grant, projectID string, limits zun.QuotaLimits) (zun.Quota, error)
	DeleteQuota(ctx context.Context, g policy.Grant, projectID string) error
	QuotaClass(ctx context.Context, g policy.Grant, class string) (zun.Quota, error)
	SetQuotaClass(ctx context.Context, g policy.Grant, class string, limits zun.QuotaLimits) (zun.Quota, error)
}

// Registries records image registries. Passwords go in, and do not come out.
type Registries interface {
	CreateRegistry(ctx context.Context, g policy.Grant, request zun.RegistryRequest) (zun.Registry, error)
	ListRegistries(ctx context.Context, g policy.Grant, filter zun.RegistryFilter) ([]zun.Registry, error)
	GetRegistry(ctx context.Context, g policy.Grant, ref string) (zun.Registry, error)
	UpdateRegistry(ctx context.Context, g policy.Grant, ref string, change zun.RegistryChange) (zun.Registry, error)
	DeleteRegistry(ctx context.Context, g policy.Grant, ref string) error
}

// Images has images pulled onto hosts and deleted there, and searches Docker Hub.
type Images interface {
	PullImage(ctx context.Context, g policy.Grant, request zun.ImageRequest) (zun.Image, error)
	ListImages(ctx context.Context, g policy.Grant, filter zun.ImageFilter) ([]zun.Image, error)
	GetImage(ctx context.Context, g policy.Grant, id string) (zun.Image, error)
	DeleteImage(ctx context.Context, g policy.Grant, id string) error
	SearchImages(ctx context.Context, g policy.Grant, name string, exact bool) ([]zun.FoundImage, error)
}

// Identities tells who a token stands for. CodeUnauthorized: nobody, any more.
// CodeUnavailable: it cannot be told now.
type Identities interface {
	Validate(ctx context.Context, token string) (zun.Identity, error)
	// ValidateWithService is for a request that a service sent on, with its own token: then
	// the user's may be over.
	ValidateWithService(ctx context.Context, token, service string) (zun.Identity, error)
}
