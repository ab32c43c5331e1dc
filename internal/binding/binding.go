package binding

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/ovsdb"
	"github.com/gozun/gozun/zun"
)

// Binding is a port to be connected on this host.
type Binding struct {
	PortID     string // Neutron's UUID
	NetworkID  string // Neutron's UUID
	DeviceID   string // of the endpoint that has the port, for Open vSwitch's vm-uuid; "" is none
	MAC        string // of the container's end; "" leaves the kernel's
	MTU        int    // bytes, of both ends; 0 leaves the kernel's
	Host       string // that Neutron was told, for the texts of errors
	VIFType    string // binding:vif_type
	VIFDetails map[string]any
}

// nameLength is how much of the names of links counts: the kernel takes 15, Neutron's
// agents and Kuryr cut to 14 (neutron_lib LINUX_DEV_LEN).
const nameLength = 14

func cut(name string) string { return name[:min(len(name), nameLength)] }

// HostEnd is the name of the link that stays on the host. Neutron's agents know a port by
// this name.
func (b Binding) HostEnd() string { return cut("tap" + b.PortID) }

// ContainerEnd is the name of the link that Docker moves into the sandbox.
func (b Binding) ContainerEnd() string { return cut("t_c" + b.PortID) }

// Bridge is the name of the Linux bridge of the port's network.
func (b Binding) Bridge() string { return cut("brq" + b.NetworkID) }

// Binder plugs and unplugs in one network namespace. It is safe for concurrent use for
// different ports.
type Binder struct {
	links *link.Handle
	log   *slog.Logger
	ovsdb string // path of Open vSwitch's database socket
	// before, if set, is asked before each step of a plug and may fail in its place. Tests
	// break plugs with it.
	before func(step string) error
}

// Option changes how a Binder works.
type Option func(*Binder)

// WithOVSDB says where Open vSwitch's database listens: a path or "unix:path". "" is the
// default: db.sock in the directory that the environment names by OVS_RUNDIR, else in
// /var/run/openvswitch.
func WithOVSDB(socket string) Option {
	return func(b *Binder) { b.ovsdb = ovsdb.Socket(socket, os.Getenv) }
}

// New returns a Binder that works with the links of a namespace, normally the host's.
func New(links *link.Handle, log *slog.Logger, options ...Option) *Binder {
	b := &Binder{links: links, log: log, ovsdb: ovsdb.Socket("", os.Getenv)}
	for _, o := range options {
		o(b)
	}
	return b
}

// Open returns a Binder that works in the namespace of the calling thread, normally the
// host's. Close it after use.
func Open(log *slog.Logger, options ...Option) (*Binder, error) {
	links, err := link.Open("")
	if err != nil {
		return nil, err
	}
	return New(links, log, options...), nil
}

// Close gives back what Open took. It is for Binders from Open only.
func (b *Binder) Close() { b.links.Close() }

// plugger connects a port, from making the pair on, and disconnects the host end of a pair.
type plugger struct {
	plug   func(*plugging) error
	unplug func(context.Context, *Binder, Binding) error
}

// pluggerOf returns how a vif_type is plugged, nil if we cannot.
func pluggerOf(vifType string) *plugger {
	switch vifType {
	case "bridge":
		return &plugger{plug: plugBridge, unplug: nothing}
	case "ovs":
		return &plugger{plug: plugOVS, unplug: unplugOVS}
	case "tap":
		return &plugger{plug: plugTap, unplug: nothing}
	}
	return nil
}

// nothing is for switches that forget a port with its link.
func nothing(context.Context, *Binder, Binding) error { return nil }

// Usable tells, before anything is made, whether the port can be plugged here. The errors
// are CodePortBindingFailed: Neutron has no way to serve the port on this host, or did not
// tell us how; CodeNotImplemented: it has one that we do not know.
func Usable(b Binding) error {
	switch b.VIFType {
	case "binding_failed":
		return zun.Errorf(zun.CodePortBindingFailed,
			"cannot plug port %s: Neutron cannot bind it to host %q (vif_type binding_failed); does a Neutron agent run on a host of that very name?", b.PortID, b.Host)
	case "", "unbound":
		return zun.Errorf(zun.CodePortBindingFailed,
			"cannot plug port %s: Neutron did not bind it to host %q (vif_type %q); do our credentials have the role admin or service?", b.PortID, b.Host, b.VIFType)
	}
	if pluggerOf(b.VIFType) == nil {
		return zun.Errorf(zun.CodeNotImplemented, "cannot plug port %s: vif_type %q is not supported; bridge, ovs and tap are", b.PortID, b.VIFType)
	}
	return nil
}

// Plug makes the pair and connects its host end; afterwards the container's end is ready
// to be moved into a sandbox. What a failed Plug made is taken back. Plugging again while
// the container's end is still here changes nothing; plugging again after it was moved
// makes a new pair, so callers remember what they plugged.
//
// Beyond Usable's the errors are CodeUnavailable: no time is left, or Open vSwitch does not
// answer; CodePortBindingFailed: the bridge is not there; CodePortInUse: something that is
// not ours has the port's place on the bridge.
func (b *Binder) Plug(ctx context.Context, what Binding) error {
	if err := Usable(what); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return zun.Wrap(zun.CodeUnavailable, err, "cannot plug port %s: no time is left", what.PortID)
	}
	p := &plugging{Binder: b, ctx: ctx, what: what}
	err := pluggerOf(what.VIFType).plug(p)
	if err == nil {
		return nil
	}
	p.takeBack(ctx)
	return zun.Errorf(zun.CodeOf(err), "cannot plug port %s: %w", what.PortID, err)
}

// Unplug disconnects the port and removes the pair, wherever its container's end is. What
// is gone already is no error, and neither is a vif_type that we cannot plug.
func (b *Binder) Unplug(ctx context.Context, what Binding) error {
	if err := ctx.Err(); err != nil {
		return zun.Wrap(zun.CodeUnavailable, err, "cannot unplug port %s: no time is left", what.PortID)
	}
	if p := pluggerOf(what.VIFType); p != nil {
		if err := p.unplug(ctx, b, what); err != nil {
			return zun.Errorf(zun.CodeOf(err), "cannot unplug port %s: %w", what.PortID, err)
		}
	}
	// Docker gives the container's end back to the host before; if it did not, it goes
	// with its peer.
	if err := b.remove(what.HostEnd(), what.ContainerEnd()); err != nil {
		return fmt.Errorf("cannot unplug port %s: %w", what.PortID, err)
	}
	return nil
}

func (b *Binder) remove(links ...string) error {
	var all []error
	for _, name := range links {
		all = append(all, b.links.Delete(name))
	}
	return errors.Join(all...)
}
