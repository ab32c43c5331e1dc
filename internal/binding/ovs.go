package binding

import (
	"context"
)

// owner is how the interfaces of Open vSwitch that we and the Python plugin made are told
// from Nova's.
const owner = "kuryr"

// ovsBridge is the bridge of Open vSwitch that the port belongs on.
func (b Binding) ovsBridge() string {
	if name, _ := b.VIFDetails["bridge_name"].(string); name != "" {
		return name
	}
	return "br-int"
}

// hybrid tells that a Linux bridge goes between the port and Open vSwitch, for iptables.
func (b Binding) hybrid() bool {
	wanted, _ := b.VIFDetails["ovs_hybrid_plug"].(bool)
	return wanted
}

// ovsInterface is the name of the link that is on Open vSwitch's bridge.
func (b Binding) ovsInterface() string {
	if b.hybrid() {
		return b.hybridOuter()
	}
	return b.HostEnd()
}

// externalIDs are what Neutron's agent and ovn-controller know the interface by, in the
// words of Nova and of the Python plugin.
func (b Binding) externalIDs() map[string]string {
	ids := map[string]string{"iface-id": b.PortID, "iface-status": "active", "owner": owner}
	if b.MAC != "" {
		ids["attached-mac"] = b.MAC
	}
	if b.DeviceID != "" {
		ids["vm-uuid"] = b.DeviceID
	}
	return ids
}

// plugOVS is for vif_type "ovs", whoever programs the switch: Neutron's agent or OVN. The
// interface's iface-id is what that one starts from, and until then nothing passes.
func plugOVS(p *plugging) error {
	s, err := openSwitch(p.ctx, p.ovsdb)
	if err != nil {
		return err
	}
	defer s.close()
	seen, err := p.inspect(s)
	if err != nil {
		return err
	}
	if err := p.pair(); err != nil {
		return err
	}
	if seen.bareChecksums(p.what) {
		finish := func() error { return p.links.SetTxChecksum(p.what.ContainerEnd(), false) }
		if err := p.step("checksums", finish, nil); err != nil {
			return err
		}
	}
	if p.what.hybrid() {
		if err := p.hybridLinks(); err != nil {
			return err
		}
	}
	name := p.what.ovsInterface()
	add := func() error { return s.put(p.what.ovsBridge(), name, p.what.externalIDs(), seen.keep) }
	if err := p.step("port", add, p.leaving()); err != nil {
		return err
	}
	return p.step("wired", func() error { return s.wired(name) }, nil)
}

// inspect looks at what is on the switch already, refuses what is not ours, and clears
// away what is out of date. That must come before the pair is made: ovs-vswitchd keeps
// holding on to a deleted device whose name comes back while its port stays.
func (p *plugging) inspect(s *vswitch) (view, error) {
	seen, err := s.look(p.what.ovsBridge(), p.what.ovsInterface(), p.what.PortID)
	if err != nil {
		return view{}, err
	}
	whole, err := p.whole()
	if err != nil {
		return view{}, err
	}
	old, err := seen.judge(p.what, whole, p.hasLink)
	if err != nil {
		return view{}, err
	}
	state := seen.root
	if len(old) > 0 {
		if state, err = s.remove(old); err != nil {
			return view{}, err
		}
	}
	return seen, s.ready(state)
}

// whole tells whether the links that a plug of before made are all here. If not they are
// made anew, and are other devices than the switch knows.
func (p *plugging) whole() (bool, error) {
	whole, err := p.links.HasVeth(p.veth())
	if err != nil || !whole || !p.what.hybrid() {
		return whole, err
	}
	return p.links.HasVeth(p.hybridVeth())
}

func (p *plugging) hasLink(name string) (bool, error) {
	_, found, err := p.links.Find(name)
	return found, err
}

// leaving is the undo of being on the switch. The connection of the plug may be what broke.
func (p *plugging) leaving() func(context.Context) error {
	return func(ctx context.Context) error { return leaveSwitch(ctx, p.Binder, p.what) }
}

func leaveSwitch(ctx context.Context, b *Binder, what Binding) error {
	s, err := openSwitch(ctx, b.ovsdb)
	if err != nil {
		return err
	}
	defer s.close()
	ours, err := s.owned(what.PortID)
	if err != nil || len(ours) == 0 {
		return err
	}
	state, err := s.remove(ours)
	if err != nil {
		return err
	}
	_, err = s.settle(state, settledWithin) // if not now, the next plug waits for it
	return err
}

// unplugOVS goes by what the switch's database says is the port's, as the port may have
// been plugged by the Python plugin, or otherwise than its vif_details say today.
func unplugOVS(ctx context.Context, b *Binder, what Binding) error {
	if err := leaveSwitch(ctx, b, what); err != nil {
		return err
	}
	return b.remove(what.hybridOuter(), what.hybridInner(), what.hybridBridge())
}
