package node

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gozun/gozun/zun"
)

// portError marks a failure of Neutron's, which is no reason to wait for Docker.
type portError struct{ error }

// Unwrap returns the failure itself.
func (e portError) Unwrap() error { return e.error }

// pullCause leaves out of a pull's failure what the sentence around it says already.
func pullCause(err error, ref string) string {
	return strings.TrimPrefix(err.Error(), "cannot pull image "+ref+": ")
}

func indexes(attachments []zun.Attachment) []int {
	list := make([]int, len(attachments))
	for i := range list {
		list[i] = i
	}
	return list
}

// stagePorts gets the ports of the attachments at these places ready, side by side.
func (t *task) stagePorts(ctx context.Context, places []int) error {
	if len(places) == 0 {
		return nil
	}
	if err := t.stageGroup(ctx); err != nil {
		return err
	}
	return t.stage(ctx, zun.StagePort, func(ctx context.Context) (string, error) {
		var left []zun.Port
		if t.again {
			var err error
			if left, err = t.leftPorts(ctx); err != nil {
				return "", err
			}
		}
		var wg errgroup.Group
		for _, i := range places {
			wg.Go(func() error { return t.ensurePort(ctx, i, left) })
		}
		return "", wg.Wait()
	})
}

// leftPorts finds the ports that carry the container's UUID.
func (t *task) leftPorts(ctx context.Context) (ports []zun.Port, err error) {
	err = t.step(ctx, func(ctx context.Context) error {
		ports, err = t.Neutron.FindPorts(ctx, zun.NeutronQuery{DeviceID: t.order.Container.ID})
		return err
	})
	if err != nil {
		return nil, portError{err}
	}
	return ports, nil
}

// ensurePort gets the port of one attachment ready: the user's, one that an earlier try
// left, or a new one.
func (t *task) ensurePort(ctx context.Context, i int, left []zun.Port) error {
	attachment := t.attachments[i]
	port, known := t.recognise(i, left)
	if !known || t.order.Action.Kind == zun.ActionCreate { // what the container had before a start stays its own
		t.onFailure("port", func(ctx context.Context) error { return t.release(ctx, i) })
	}
	err := t.step(ctx, func(ctx context.Context) (err error) {
		switch {
		case attachment.Preserve():
			port, err = t.take(ctx, attachment.RequestedPort)
		case known:
		default:
			port, err = t.Neutron.CreatePort(ctx, t.portSpec(attachment))
		}
		return err
	})
	if err != nil {
		return portError{err}
	}
	attachment.PortID, attachment.MAC, attachment.Addresses = port.ID, port.MAC, port.FixedIPs
	t.attachments[i] = attachment
	t.told(func(s *story) { s.plugged(attachment) })
	if port.VIFType == "binding_failed" {
		return portError{zun.Errorf(zun.CodePortBindingFailed,
			"cannot bind port %s to host %s: Neutron has no driver or agent for that host; see that binding:host_id is one of Neutron's hosts", port.ID, t.Config.Host)}
	}
	return nil
}

// recognise finds the attachment's port among those that an earlier try left.
func (t *task) recognise(i int, left []zun.Port) (zun.Port, bool) {
	attachment := t.attachments[i]
	mine := attachment.PortID
	if attachment.Preserve() {
		mine = attachment.RequestedPort
	}
	for _, port := range left {
		if port.ID == mine {
			return port, true
		}
	}
	if attachment.Preserve() {
		return zun.Port{}, false
	}
	for _, port := range left {
		if t.mayServe(i, port) && has(port, attachment.RequestedIPv4) && has(port, attachment.RequestedIPv6) {
			return port, true
		}
	}
	return zun.Port{}, false
}

// mayServe reports whether a port may be one that an unfinished try made for an attachment:
// it is ours, in the attachment's subnets, and recorded for no other. The container can be on
// the same Neutron network with other subnets.
func (t *task) mayServe(i int, port zun.Port) bool {
	network := t.order.Networks[t.order.Attachments[i].NetworkID]
	if !t.ours(port) || port.NetworkID != network.NeutronNetID {
		return false
	}
	for j, other := range t.order.Attachments {
		if j != i && other.PortID == port.ID {
			return false
		}
	}
	return len(network.Subnets) == 0 || !slices.ContainsFunc(port.FixedIPs, func(a zun.Address) bool {
		return !slices.ContainsFunc(network.Subnets, func(s zun.Subnet) bool { return s.ID == a.SubnetID })
	})
}

// ours reports whether a port that carries the container's UUID was made by us: it has our
// device owner and is no attachment's requested port.
func (t *task) ours(port zun.Port) bool {
	for _, attachment := range t.order.Attachments {
		if attachment.RequestedPort == port.ID {
			return false
		}
	}
	return port.DeviceID == t.order.Container.ID && port.DeviceOwner == zun.DeviceOwner
}

func has(port zun.Port, ip netip.Addr) bool {
	if !ip.IsValid() {
		return true
	}
	for _, address := range port.FixedIPs {
		if address.IP == ip {
			return true
		}
	}
	return false
}

// take makes a user's port the container's.
func (t *task) take(ctx context.Context, id string) (zun.Port, error) {
	device, owner, host := t.order.Container.ID, zun.DeviceOwner, t.Config.Host
	return t.Neutron.UpdatePort(ctx, id, zun.PortChange{DeviceID: &device, DeviceOwner: &owner, Host: &host})
}

// portSpec is a new port: complete, so that nothing has to be written to it later.
func (t *task) portSpec(attachment zun.Attachment) zun.PortSpec {
	c := t.order.Container
	name := c.Name
	if name == "" {
		name = ContainerName(c.ID)
	}
	groups := slices.Clone(c.SecurityGroups)
	if t.group != "" && !slices.Contains(groups, t.group) {
		groups = append(groups, t.group)
	}
	if len(groups) == 0 {
		groups = nil // the project's default; an empty list would be none
	}
	network := t.order.Networks[attachment.NetworkID]
	return zun.PortSpec{
		Name: name, ProjectID: c.ProjectID, NetworkID: network.NeutronNetID, SecurityGroups: groups,
		FixedIPs: fixedIPs(attachment, network.Subnets), DeviceID: c.ID, DeviceOwner: zun.DeviceOwner, Host: t.Config.Host,
	}
}

// fixedIPs asks for one address in the first subnet of each family, or for those that the
// user wants: left to itself Neutron could choose another subnet of its network.
func fixedIPs(attachment zun.Attachment, subnets []zun.Subnet) []zun.Address {
	var list []zun.Address
	var have4, have6 bool
	for _, ip := range []netip.Addr{attachment.RequestedIPv4, attachment.RequestedIPv6} {
		if ip.IsValid() {
			list = append(list, zun.Address{IP: ip, SubnetID: subnetOf(ip, subnets)})
			have4, have6 = have4 || ip.Is4(), have6 || ip.Is6()
		}
	}
	for _, subnet := range subnets {
		is4 := subnet.CIDR.Addr().Is4()
		if is4 && !have4 || !is4 && !have6 {
			list = append(list, zun.Address{SubnetID: subnet.ID})
			have4, have6 = have4 || is4, have6 || !is4
		}
	}
	return list
}

func subnetOf(ip netip.Addr, subnets []zun.Subnet) string {
	for _, subnet := range subnets {
		if subnet.CIDR.Contains(ip) {
			return subnet.ID
		}
	}
	return ""
}

// release lets go of an attachment's port: ours is deleted, a user's is given back. Gone is
// success.
func (t *task) release(ctx context.Context, i int) error {
	attachment := t.attachments[i]
	var err error
	switch {
	case attachment.Preserve():
		err = t.giveBack(ctx, attachment.RequestedPort)
	case attachment.PortID != "":
		err = t.deletePort(ctx, attachment.PortID)
	default:
		err = t.deleteLeft(ctx, func(port zun.Port) bool { return t.mayServe(i, port) })
	}
	if err != nil {
		return portError{err}
	}
	if attachment.PortID != "" {
		attachment.PortID, attachment.MAC, attachment.Addresses = "", "", nil
		t.attachments[i] = attachment
		t.told(func(s *story) { s.plugged(attachment) })
	}
	return nil
}

// giveBack takes our marks off a user's port, unless it has become someone else's.
func (t *task) giveBack(ctx context.Context, id string) error {
	port, err := t.Neutron.Port(ctx, id)
	if zun.IsNotFound(err) || err == nil && port.DeviceID != t.order.Container.ID {
		return nil
	}
	if err != nil {
		return err
	}
	none := ""
	_, err = t.Neutron.UpdatePort(ctx, id, zun.PortChange{DeviceID: &none, DeviceOwner: &none, Host: &none})
	if zun.IsNotFound(err) {
		return nil
	}
	return err
}

func (t *task) deletePort(ctx context.Context, id string) error {
	if err := t.Neutron.DeletePort(ctx, id); err != nil && !zun.IsNotFound(err) {
		return err
	}
	return nil
}

// deleteLeft deletes those ports with the container's UUID that are to go: ones whose making
// was not answered.
func (t *task) deleteLeft(ctx context.Context, goes func(zun.Port) bool) error {
	left, err := t.Neutron.FindPorts(ctx, zun.NeutronQuery{DeviceID: t.order.Container.ID})
	if err != nil {
		return err
	}
	for _, port := range left {
		if goes(port) {
			if err := t.deletePort(ctx, port.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkMACs tells of ports whose MAC address became another when they were plugged: engines
// before API 1.44 choose that of every network but the first, and the plugin tells Neutron.
func (t *task) checkMACs(ctx context.Context, sandbox *State) {
	if sandbox == nil || !sandbox.Running() {
		return
	}
	for i, attachment := range t.attachments {
		endpoint := sandbox.Endpoints[NetworkName(t.order.Networks[attachment.NetworkID])]
		if endpoint.MAC == "" || attachment.PortID == "" || strings.EqualFold(endpoint.MAC, attachment.MAC) {
			continue
		}
		port, err := t.Neutron.Port(ctx, attachment.PortID)
		if err != nil || port.MAC == attachment.MAC {
			continue
		}
		t.attachments[i].MAC = port.MAC
		t.told(func(s *story) { s.plugged(t.attachments[i]) })
	}
}
