package check

import (
	"context"
	"io/fs"
	"time"

	"github.com/gozun/gozun/zun"
)

// Config says what to look at.
type Config struct {
	Host   string // binding:host_id of the plugin's ports
	Driver string // the driver's name in Docker
	Socket string // where the plugin listens, for texts
	Config string // the configuration file's name, for texts
	// Unusable is what is wrong with the configuration; then nobody is asked to log in.
	Unusable error
	// Ignored are notes on options that are set and have no effect.
	Ignored []string
	// Exposes is whether exposed ports become security group rules.
	Exposes bool
	// Pools are subnetpools that the configuration names, so that they should be there.
	Pools []string
	// Each bounds one look at something outside. 0 is 10 s.
	Each time.Duration

	Plugin   Plugin
	Files    Files
	Docker   Docker
	Keystone Keystone
	Neutron  Neutron
	Kernel   Kernel
	OVSDB    OVSDB
}

// Plugin is the plugin that should be serving.
type Plugin interface {
	// Activate does Docker's handshake. The error wraps fs.ErrNotExist if there is no socket,
	// and syscall.ECONNREFUSED if nobody serves it.
	Activate(ctx context.Context) (Activation, error)
	// Leftovers asks the plugin what is left behind on this host, by its records. On an error
	// links are compared with ports, which finds less.
	Leftovers(ctx context.Context) ([]Leftover, error)
}

// Leftover is something that belongs to nothing any more.
type Leftover struct {
	Kind   string // port, link, security group, …
	ID     string
	Name   string
	Reason string
	Since  time.Time // when the plugin first saw it so
}

// Activation is what a plugin's socket told.
type Activation struct {
	Implements []string
	Mode       fs.FileMode // of the socket
}

// Files are the sockets and the spec files that tell Docker of plugins.
type Files interface {
	// PluginFiles lists them. What cannot be read has that as its Err.
	PluginFiles(ctx context.Context) ([]PluginFile, error)
}

// PluginFile is a socket, or a file that names an address.
type PluginFile struct {
	Path    string
	Driver  string // the plugin's name, which Docker has from the file's
	Address string // for people: unix:///x.sock, tcp://127.0.0.1:23750
	Err     error  // why nobody answers there; nil: somebody does
}

// Docker is the Docker Engine.
type Docker interface {
	// Engine asks the engine about itself and about networks with the driver.
	Engine(ctx context.Context, driver string) (Engine, error)
}

// Engine is what a Docker Engine told.
type Engine struct {
	Version  string   // 20.10.24
	Networks []string // names of the networks that have the driver
}

// Keystone logs in; keystone.Session does.
type Keystone interface {
	Token(ctx context.Context) (string, error)
}

// Neutron is asked about the host; neutron.Client is it.
type Neutron interface {
	Extensions(ctx context.Context) ([]string, error)
	FindAgents(ctx context.Context) ([]zun.NeutronAgent, error)
	SeesBindings(ctx context.Context) (sees, known bool, err error)
	PortsOn(ctx context.Context, host string) ([]zun.Port, error)
	FindNetworks(ctx context.Context, q zun.NeutronQuery) ([]zun.NeutronNetwork, error)
	FindPools(ctx context.Context, q zun.NeutronQuery) ([]zun.NeutronPool, error)
}

// Kernel is the network of the host.
type Kernel interface {
	// Links returns the links whose name begins with prefix.
	Links(prefix string) ([]Link, error)
	// Setting returns a value below /proc/sys; the error wraps fs.ErrNotExist if the kernel has
	// no such setting.
	Setting(key string) (string, error)
}

// Link is a network link of the host.
type Link struct {
	Name string
	Kind string // "bridge", "veth", …
	MTU  int
	Up   bool
}

// OVSDB is Open vSwitch's database.
type OVSDB interface {
	// Ping asks it anything. The error says where it was looked for.
	Ping(ctx context.Context) error
}

// Run looks at everything, in an order that tells causes before their effects. It takes
// the time that the parts need, each of them bounded, and stops asking when ctx ends.
func Run(ctx context.Context, c Config) Report {
	if c.Each <= 0 {
		c.Each = 10 * time.Second
	}
	r := Report{Host: c.Host, Status: OK, Findings: []Finding{}}
	run := &run{Config: c, report: &r}
	run.configuration()
	run.plugin(ctx)
	run.files(ctx)
	run.docker(ctx)
	if c.Unusable == nil {
		run.cloud(ctx)
	}
	run.host(ctx)
	run.leftovers(ctx)
	return r
}

// run is one run of all checks, with what earlier ones learnt.
type run struct {
	Config
	report *Report

	reachable bool          // Neutron answers
	shows     bool          // Neutron shows us what administrators see
	wiring    map[wire]bool // how agents of this host wire ports; nil: not known
}

// ask bounds one look at something outside.
func ask[T any](ctx context.Context, r *run, look func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Each)
	defer cancel()
	return look(ctx)
}
