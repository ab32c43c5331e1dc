package binding

// plugBridge is for vif_type "bridge": one Linux bridge for each Neutron network. With a
// device_owner of compute:* Neutron's Linux bridge agent leaves making the bridge and
// enslaving the tap to whoever plugs. The bridge is shared and stays.
func plugBridge(p *plugging) error {
	if err := p.pair(); err != nil {
		return err
	}
	bridge := p.what.Bridge()
	ensure := func() error {
		_, err := p.links.EnsureBridge(bridge, p.what.MTU)
		return err
	}
	if err := p.step("bridge", ensure, nil); err != nil {
		return err
	}
	return p.step("enslave", func() error { return p.links.SetMaster(p.what.HostEnd(), bridge) }, nil)
}
