package binding

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/zun"
)

// Binding is a port to be connected on this host.
type Binding struct {
	PortID     string // Neutron's UUID
	NetworkID  string // Neutron's UUID
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
}

// New returns a Binder that works with the links of a namespace, normally the host's.
func New(links *link.Handle, log *slog.Logger) *Binder { return &Binder{links, log} }

// Open returns a Binder that works in the namespace of the calling thread, normally the
// host's. Close it after use.
func Open(log *slog.Logger) (*Binder, error) {
	links, err := link.Open("")
	if err != nil {
		return nil, err
	}
	return New(links, log), nil
}

// Close gives back what Open took. It is for Binders from Open only.
func (b *Binder) Close() { b.links.Close() }

// plugger connects and disconnects the host end of a pair that exists.
type plugger struct {
	plug   func(*Binder, Binding) error
	unplug func(*Binder, Binding) error
}

// pluggerOf returns how a vif_type is plugged, nil if we cannot.
func pluggerOf(vifType string) *plugger {
	if vifType == "bridge" {
		return &plugger{plug: (*Binder).plugBridge, unplug: (*Binder).unplugBridge}
	}
	return nil
}

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
		return zun.Errorf(zun.CodeNotImplemented, "cannot plug port %s: vif_type %q is not supported yet", b.PortID, b.VIFType)
	}
	return nil
}

// Plug makes the pair and connects its host end; afterwards the container's end is ready
// to be moved into a sandbox. On failure nothing of the pair is left. Plugging again while
// the container's end is still here changes nothing; plugging again after it was moved
// makes a new pair, so callers remember what they plugged.
func (b *Binder) Plug(ctx context.Context, what Binding) error {
	if err := Usable(what); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return zun.Wrap(zun.CodeUnavailable, err, "cannot plug port %s: no time is left", what.PortID)
	}
	err := b.plug(what)
	if err == nil {
		return nil
	}
	if undo := b.links.Delete(what.HostEnd()); undo != nil {
		b.log.Warn("cannot undo a failed plug", "port", what.PortID, "link", what.HostEnd(), "error", undo)
	}
	return fmt.Errorf("cannot plug port %s: %w", what.PortID, err)
}

func (b *Binder) plug(what Binding) error {
	pair := link.Veth{Name: what.HostEnd(), Peer: what.ContainerEnd(), MTU: what.MTU, NoIPv6: true}
	if what.MAC != "" {
		mac, err := net.ParseMAC(what.MAC)
		if err != nil {
			return fmt.Errorf("bad MAC: %w", err)
		}
		pair.PeerMAC = mac
	}
	if err := b.links.EnsureVeth(pair); err != nil {
		return err
	}
	return pluggerOf(what.VIFType).plug(b, what)
}

// Unplug disconnects the port and removes the pair, wherever its container's end is. What
// is gone already is no error, and neither is a vif_type that we cannot plug.
func (b *Binder) Unplug(ctx context.Context, what Binding) error {
	if err := ctx.Err(); err != nil {
		return zun.Wrap(zun.CodeUnavailable, err, "cannot unplug port %s: no time is left", what.PortID)
	}
	if p := pluggerOf(what.VIFType); p != nil {
		if err := p.unplug(b, what); err != nil {
			return fmt.Errorf("cannot unplug port %s: %w", what.PortID, err)
		}
	}
	// Docker gives the container's end back to the host before; if it did not, it goes
	// with its peer.
	for _, name := range []string{what.HostEnd(), what.ContainerEnd()} {
		if err := b.links.Delete(name); err != nil {
			return fmt.Errorf("cannot unplug port %s: %w", what.PortID, err)
		}
	}
	return nil
}
