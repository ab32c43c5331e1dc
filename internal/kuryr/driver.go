package kuryr

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// Neutron is what the plugin asks of Neutron; neutron.Client has it. Deletions of what is
// gone succeed, and so does removing a tag that is not there.
type Neutron interface {
	FindNetworks(ctx context.Context, q zun.NeutronQuery) ([]zun.NeutronNetwork, error)
	FindSubnets(ctx context.Context, q zun.NeutronQuery) ([]zun.NeutronSubnet, error)
	FindPools(ctx context.Context, q zun.NeutronQuery) ([]zun.NeutronPool, error)
	FindPorts(ctx context.Context, q zun.NeutronQuery) ([]zun.Port, error)
	Port(ctx context.Context, id string) (zun.Port, error)
	CreateNetwork(ctx context.Context, spec zun.NeutronNetworkSpec) (zun.NeutronNetwork, error)
	DeleteNetwork(ctx context.Context, id string) error
	CreateSubnet(ctx context.Context, spec zun.NeutronSubnetSpec) (zun.NeutronSubnet, error)
	DeleteSubnet(ctx context.Context, id string) error
	CreatePool(ctx context.Context, spec zun.NeutronPoolSpec) (zun.NeutronPool, error)
	DeletePool(ctx context.Context, id string) error
	CreatePort(ctx context.Context, spec zun.PortSpec) (zun.Port, error)
	CreatePorts(ctx context.Context, specs []zun.PortSpec) ([]zun.Port, error)
	UpdatePort(ctx context.Context, id string, change zun.PortChange) (zun.Port, error)
	DeletePort(ctx context.Context, id string) error
	PortsOn(ctx context.Context, host string) ([]zun.Port, error)
	GroupsDescribed(ctx context.Context, description string) ([]zun.SecurityGroup, error)
	FindSecurityGroups(ctx context.Context, q zun.NeutronQuery) ([]zun.SecurityGroup, error)
	CreateSecurityGroup(ctx context.Context, spec zun.SecurityGroupSpec) (zun.SecurityGroup, error)
	AllowIngress(ctx context.Context, groupID string, rules []zun.Ingress) error
	DeleteSecurityGroup(ctx context.Context, id string) error
	FindQoSPolicies(ctx context.Context, q zun.NeutronQuery) ([]zun.QoSPolicy, error)
	ProjectID(ctx context.Context) (string, error)
	ReplaceTags(ctx context.Context, kind, id string, tags []string) error
	AddTag(ctx context.Context, kind, id, tag string) error
	RemoveTag(ctx context.Context, kind, id, tag string) error
}

// Binder connects ports to this host's switch; binding.Binder is it.
type Binder interface {
	Plug(ctx context.Context, what binding.Binding) error
	Unplug(ctx context.Context, what binding.Binding) error
}

// Config says how a Driver works. DB, Neutron, Binder, Host and Log are needed.
type Config struct {
	DB      *kv.DB
	Neutron Neutron
	Binder  Binder
	Host    string // binding:host_id of our ports: the name of Neutron's agent or chassis here
	Log     *slog.Logger

	// Docker, if it is there, lets sweeps find networks that Docker does not have any more.
	Docker Docker

	PoolPrefix      string // name of subnetpools we make, before "-<cidr>"; "" is kuryrPool
	InterfacePrefix string // of links in containers; "" is eth
	NoDHCP          bool   // subnets that we make have enable_dhcp false
	Global          bool   // report scope global (Swarm) instead of local
	NoExternal      bool   // exposed and published ports open nothing

	// DefaultPools name the subnetpools, by name or uuid, that Docker networks without
	// --subnet get their subnets out of: IPv4's and IPv6's. "" is kuryr and kuryr6.
	DefaultPools [2]string
	// PlugWait is how long a container waits for its port to be ACTIVE; it does not start if
	// the port does not become so. 0 does not wait. It is cut to what leaves time to answer.
	PlugWait time.Duration

	// SparePorts is how many ports are kept ready on this host for each Docker network, made
	// while nobody waits for Neutron, so that a container's start does not wait for one. Spare
	// ports have addresses and count for the project's quota. Not for Global.
	SparePorts int

	// ClaimLife is how long addresses wait for their endpoint, and endpoints for their
	// sandbox, before a sweep takes them for left behind. 0 is ten minutes; dockerd lets
	// seconds pass.
	ClaimLife time.Duration
	// SweepEvery is the time between sweeps. 0 is a minute, or ClaimLife if that is less.
	SweepEvery time.Duration
	// LookEvery is the time between looks for leftovers that no record tells of. 0 is ten
	// minutes, or ClaimLife if that is less.
	LookEvery time.Duration

	Now   func() time.Time // nil is time.Now
	NewID func() string    // nil makes random UUIDs
}

// Driver is Docker's network and IPAM driver. Every method may be called again with the
// same arguments, by several callers at once, and returns in the time its context leaves.
// Run must be running for what is owed to be done.
type Driver struct {
	Config
	locks   locks
	owed    chan struct{} // has a value when Run should look
	traffic traffic       // of Docker's calls
	ready   chan struct{}
	once    sync.Once
	began   time.Time
	met     atomic.Bool // our Docker is known

	outdated sync.Once // dockerd asked who chooses MACs before that changed

	mu          sync.Mutex
	seen        map[string]time.Time // leftovers, since when
	scarceUntil time.Time            // no spare ports before
}

// New returns a Driver. It asks nothing of Neutron.
func New(c Config) *Driver {
	fallback(&c.PoolPrefix, "kuryrPool")
	fallback(&c.InterfacePrefix, "eth")
	fallback(&c.ClaimLife, 10*time.Minute)
	fallback(&c.DefaultPools[0], "kuryr")
	fallback(&c.DefaultPools[1], "kuryr6")
	fallback(&c.SweepEvery, min(time.Minute, c.ClaimLife))
	fallback(&c.LookEvery, min(10*time.Minute, c.ClaimLife))
	if c.Global {
		c.SparePorts = 0
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	return &Driver{Config: c, owed: make(chan struct{}, 1), ready: make(chan struct{}), began: c.Now().UTC()}
}

func fallback[T comparable](value *T, instead T) {
	var zero T
	if *value == zero {
		*value = instead
	}
}

// Scope is what to report to Docker: "local" or "global".
func (d *Driver) Scope() string {
	if d.Global {
		return "global"
	}
	return "local"
}

// wake makes Run look for owed work.
func (d *Driver) wake() {
	select {
	case d.owed <- struct{}{}:
	default:
	}
}

// update runs a writing transaction.
func (d *Driver) update(change func(*kv.Tx) error) error { return d.DB.Update(change) }

// later runs a writing transaction that a crash may lose, see kv: of facts that Neutron, the
// links on the host, or Docker asking again tell as well.
func (d *Driver) later(change func(*kv.Tx) error) error { return d.DB.Later(change) }

// durably chooses how to write a claim. Nobody asks again for an auxiliary address, and its
// port is on no host on which a sweep would find it.
func (d *Driver) durably(c claim) func(func(*kv.Tx) error) error {
	if c.Reserved {
		return d.update
	}
	return d.later
}

// get reads one record.
func get[T any](d *Driver, bucket kv.Bucket[T], key string) (record T, found bool, err error) {
	err = d.DB.View(func(tx *kv.Tx) error {
		record, found, err = bucket.Get(tx, key)
		return err
	})
	return record, found, err
}

// put writes one record.
func put[T any](d *Driver, bucket kv.Bucket[T], key string, record T) error {
	return d.update(func(tx *kv.Tx) error { return bucket.Put(tx, key, record) })
}

// refused reports whether Neutron said no, so that nothing was done; otherwise it may or
// may not have been.
func refused(err error) bool {
	status := zun.CodeOf(err).Status()
	return status >= 400 && status < 500
}
