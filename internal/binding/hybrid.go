package binding

import "github.com/gozun/gozun/internal/link"

// The names of a hybrid plug's links, as Nova and the Python plugin make them and as
// Neutron's agent expects them.
func (b Binding) hybridBridge() string { return cut("qbr" + b.PortID) }
func (b Binding) hybridInner() string  { return cut("qvb" + b.PortID) } // on the Linux bridge
func (b Binding) hybridOuter() string  { return cut("qvo" + b.PortID) } // on Open vSwitch

func (p *plugging) hybridVeth() link.Veth {
	return link.Veth{Name: p.what.hybridInner(), Peer: p.what.hybridOuter(), MTU: p.what.MTU, NoIPv6: true}
}

// hybridLinks puts a Linux bridge, on which Neutron's agent filters with iptables, and a
// veth pair between the tap and Open vSwitch.
func (p *plugging) hybridLinks() error {
	bridge, pair := p.what.hybridBridge(), p.hybridVeth()
	if err := p.step("hybrid bridge", p.ensureHybridBridge, p.removing(bridge)); err != nil {
		return err
	}
	if err := p.step("hybrid pair", p.ensureHybridPair, p.removing(pair.Name, pair.Peer)); err != nil {
		return err
	}
	return p.step("hybrid enslave", func() error {
		if err := p.links.SetMaster(p.what.HostEnd(), bridge); err != nil {
			return err
		}
		return p.links.SetMaster(pair.Name, bridge)
	}, nil)
}

func (p *plugging) ensureHybridBridge() error {
	bridge := p.what.hybridBridge()
	if _, err := p.links.EnsureBridge(bridge, p.what.MTU); err != nil {
		return err
	}
	if p.what.MTU > 0 {
		return p.links.SetMTU(bridge, p.what.MTU)
	}
	return nil
}

func (p *plugging) ensureHybridPair() error {
	if err := p.links.EnsureVeth(p.hybridVeth()); err != nil {
		return err
	}
	if err := p.links.DisableIPv6(p.what.hybridOuter()); err != nil {
		return err
	}
	return p.links.SetUp(p.what.hybridOuter())
}
