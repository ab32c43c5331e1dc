package binding

// plugBridge is for vif_type "bridge": one Linux bridge for each Neutron network. With a
// device_owner of compute:* Neutron's Linux bridge agent leaves making the bridge and
// enslaving the tap to whoever plugs.
func (b *Binder) plugBridge(what Binding) error {
	if _, err := b.links.EnsureBridge(what.Bridge(), what.MTU); err != nil {
		return err
	}
	return b.links.SetMaster(what.HostEnd(), what.Bridge())
}

// unplugBridge has nothing to do: the bridge is shared and stays, and a deleted link is on
// no bridge.
func (b *Binder) unplugBridge(Binding) error { return nil }
