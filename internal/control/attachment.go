package control

import (
	"context"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// attach records that a container is to be on a network. It is called within a
// transaction, and looks again at all that may have changed since the words were resolved.
func (s *Service) attach(ctx context.Context, c zun.Container, net wantedNet, position int) (zun.Attachment, error) {
	network, err := s.recordedNetwork(ctx, net.network)
	if err != nil {
		return zun.Attachment{}, err
	}
	for _, ip := range net.fixed() {
		holders, err := s.Store.AddressHolders(ctx, network.NeutronNetID, ip)
		if err != nil {
			return zun.Attachment{}, err
		}
		if len(holders) > 0 {
			return zun.Attachment{}, zun.Errorf(zun.CodeConflict, "cannot use address %s on network %s: %s has it, or asked for it", ip, called(network), holderFor(c, holders[0]))
		}
	}
	a := zun.Attachment{
		ID: s.NewID(), ContainerID: c.ID, NetworkID: network.ID, ProjectID: c.ProjectID, Position: position,
		RequestedPort: net.port, RequestedIPv4: net.request.IPv4, RequestedIPv6: net.request.IPv6, CreatedAt: s.now(),
	}
	return a, s.Store.AddAttachment(ctx, a)
}

// holderFor names a container that is in the way of another: to its own project only.
func holderFor(c zun.Container, holder zun.Holder) string {
	if holder.Attachment.ProjectID != c.ProjectID {
		return "another container"
	}
	return "container " + holder.ContainerName + " (" + holder.Attachment.ContainerID + ")"
}

// recordedNetwork returns the network's row as it is now. An implicit one is made when it
// is missing, and taken back from removal, which looks once more before it ends.
func (s *Service) recordedNetwork(ctx context.Context, wanted zun.Network) (zun.Network, error) {
	if !wanted.Implicit {
		network, err := s.Store.Network(ctx, wanted.ID)
		if err != nil {
			return network, err
		}
		return network, usable(network)
	}
	network, err := s.Store.ImplicitNetwork(ctx, wanted.NeutronNetID, wanted.OnlyIPv4)
	if zun.IsNotFound(err) {
		return wanted, s.Store.AddNetwork(ctx, wanted)
	}
	if err != nil {
		return network, err
	}
	held, err := s.Store.HasHolders(ctx, network.ID)
	if err != nil {
		return network, err
	}
	if !held {
		network.Subnets, network.Shared, network.MTU = wanted.Subnets, wanted.Shared, wanted.MTU
	}
	network.Status, network.StatusReason, network.UpdatedAt = zun.NetworkActive, "", s.now()
	return network, s.Store.SaveNetwork(ctx, network)
}

// AttachNetwork orders that a container be put on one more network; an empty request is
// the default network. CodeInvalid: it is on the network already, or a fixed address does
// not fit; other codes as CreateContainer has them.
func (s *Service) AttachNetwork(ctx context.Context, g policy.Grant, ref string, request zun.NetRequest, ownNetworks bool) error {
	c, err := s.container(ctx, g, ref, false)
	if err != nil {
		return err
	}
	net, err := s.resolver(g, ownNetworks).net(ctx, request)
	if err != nil {
		return err
	}
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		c, err := s.attachable(ctx, c.ID, zun.ActionNetworkAttach)
		if err != nil {
			return err
		}
		nets, err := s.Store.Attachments(ctx, c.ID)
		if err != nil {
			return err
		}
		position := 0
		for _, have := range nets {
			if have.Network.NeutronNetID == net.network.NeutronNetID && (have.Network.ID == net.network.ID || net.network.Implicit || net.port != "") {
				return zun.Errorf(zun.CodeInvalid, "cannot attach container %s to network %s: it is attached already", c.ID, called(net.network))
			}
			if err := apart(have.Network, net.network); err != nil {
				return err
			}
			position = max(position, have.Attachment.Position+1)
		}
		a, err := s.attach(ctx, c, net, position)
		if err != nil {
			return err
		}
		return s.record(ctx, g.Identity(), c, zun.ActionNetworkAttach, zun.ActionInput{AttachmentIDs: []string{a.ID}})
	})
	if err == nil {
		s.queue.poke(c.ID)
	}
	return err
}

// attachable reads a container whose networks may be changed.
func (s *Service) attachable(ctx context.Context, id string, kind zun.ActionKind) (zun.Container, error) {
	c, err := s.Store.Container(ctx, id)
	if err != nil {
		return c, err
	}
	if c.Status == zun.StatusDeleting {
		return c, zun.Errorf(zun.CodeInvalidState, "Cannot %s container %s in %s state", kind, c.ID, c.Status)
	}
	if c.Host == "" && c.Status != zun.StatusCreating {
		return c, neverPlaced(string(kind), c)
	}
	return c, nil
}

// DetachNetwork orders that a container leave the network that the request names, by the
// network or by a port on it. CodeInvalid: it is not on it; CodeNetworkNotFound,
// CodePortNotFound: there is no such thing.
func (s *Service) DetachNetwork(ctx context.Context, g policy.Grant, ref string, request zun.NetRequest, ownNetworks bool) error {
	if (request.Network == "") == (request.Port == "") {
		return zun.Errorf(zun.CodeInvalid, "cannot detach container %s: name a network or a port, and not both", ref)
	}
	c, err := s.container(ctx, g, ref, false)
	if err != nil {
		return err
	}
	a, err := s.resolver(g, ownNetworks).attached(ctx, c, request)
	if err != nil {
		return err
	}
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		c, err := s.attachable(ctx, c.ID, zun.ActionNetworkDetach)
		if err != nil {
			return err
		}
		if _, err := s.Store.Attachment(ctx, a.ID); err != nil {
			return err
		}
		return s.record(ctx, g.Identity(), c, zun.ActionNetworkDetach, zun.ActionInput{AttachmentIDs: []string{a.ID}})
	})
	if err == nil {
		s.queue.poke(c.ID)
	}
	return err
}

// attached finds which of a container's attachments a request means: first among what is
// recorded, then by asking Neutron what a name stands for.
func (r *resolver) attached(ctx context.Context, c zun.Container, request zun.NetRequest) (zun.Attachment, error) {
	nets, err := r.s.Store.Attachments(ctx, c.ID)
	if err != nil {
		return zun.Attachment{}, err
	}
	for _, net := range nets {
		if r.means(request, net) {
			return net.Attachment, nil
		}
	}
	var neutronNetID string
	if request.Port != "" {
		ports, err := findByRef(ctx, request.Port, r.neutron.FindPorts)
		if err != nil {
			return zun.Attachment{}, err
		}
		if len(ports) == 0 {
			return zun.Attachment{}, zun.Errorf(zun.CodePortNotFound, "Port %s could not be found.", request.Port)
		}
		neutronNetID = ports[0].NetworkID
	} else {
		network, err := r.named(ctx, request.Network, r.own)
		if err != nil {
			return zun.Attachment{}, err
		}
		neutronNetID = network.NeutronNetID
	}
	for _, net := range nets {
		if net.Network.NeutronNetID == neutronNetID {
			return net.Attachment, nil
		}
	}
	return zun.Attachment{}, zun.Errorf(zun.CodeInvalid, "cannot detach container %s: it is not attached to %s", c.ID, request.Network+request.Port)
}

func (r *resolver) means(request zun.NetRequest, net zun.AttachedNetwork) bool {
	if request.Port != "" {
		return request.Port == net.Attachment.PortID || request.Port == net.Attachment.RequestedPort
	}
	if r.own && !net.Network.Implicit && (request.Network == net.Network.ID || request.Network == net.Network.Name) {
		return true
	}
	return request.Network == net.Network.NeutronNetID
}
