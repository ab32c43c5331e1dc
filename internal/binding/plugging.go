package binding

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/gozun/gozun/internal/link"
)

// plugging is one Plug on its way: what it does, and how that is taken back.
type plugging struct {
	*Binder
	ctx  context.Context
	what Binding
	undo []func(context.Context) error
}

// step does one thing, after noting how it is taken back: what failed may be half done.
func (p *plugging) step(name string, do func() error, undo func(context.Context) error) error {
	if err := p.ctx.Err(); err != nil {
		return fmt.Errorf("no time is left for %s: %w", name, err)
	}
	if undo != nil {
		p.undo = append(p.undo, undo)
	}
	if p.before != nil {
		if err := p.before(name); err != nil {
			return err
		}
	}
	return do()
}

// takeBack undoes the steps, the last first, even if the time of the plug is over.
func (p *plugging) takeBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, undo := range slices.Backward(p.undo) {
		if err := undo(ctx); err != nil {
			p.log.Warn("cannot undo a failed plug", "port", p.what.PortID, "error", err)
		}
	}
}

// removing is the undo of making links.
func (p *plugging) removing(links ...string) func(context.Context) error {
	return func(context.Context) error { return p.remove(links...) }
}

// veth is the pair of an endpoint.
func (p *plugging) veth() link.Veth {
	return link.Veth{Name: p.what.HostEnd(), Peer: p.what.ContainerEnd(), MTU: p.what.MTU, NoIPv6: true}
}

// pair makes the endpoint's pair. Its host end is up and has nothing of the port's on it.
func (p *plugging) pair() error {
	pair := p.veth()
	if p.what.MAC != "" {
		mac, err := net.ParseMAC(p.what.MAC)
		if err != nil {
			return fmt.Errorf("bad MAC: %w", err)
		}
		pair.PeerMAC = mac
	}
	return p.step("pair", func() error { return p.links.EnsureVeth(pair) }, p.removing(pair.Name, pair.Peer))
}
