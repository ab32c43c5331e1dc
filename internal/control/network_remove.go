package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// DeleteNetwork removes a network from every host, and from Neutron what CreateNetwork
// made there. It can be repeated, and goes on by itself after a crash or when an absent
// host returns. CodeNetworkInUse: containers are on it, and are named; CodeUnavailable: a
// host or Neutron is away, and it goes on later; CodeConflict: Neutron keeps something
// because it is used, and the network is in Error until it is deleted again.
func (s *Service) DeleteNetwork(ctx context.Context, g policy.Grant, ref string) error {
	network, err := s.network(ctx, g, ref)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), networkTimeout)
	defer cancel()
	return s.remove(ctx, network.ID, s.Neutron(g.Identity().Token))
}

// remove removes a network, one caller at a time.
func (s *Service) remove(ctx context.Context, id string, neutron Neutron) error {
	unlock, err := s.networkLocks.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	return s.removeLocked(ctx, id, neutron, true)
}

// removeLocked removes a network from the hosts, unless no host was ever asked to make it,
// from Neutron, and from the records. Each step can be repeated.
func (s *Service) removeLocked(ctx context.Context, id string, neutron Neutron, onHosts bool) error {
	network, err := s.beginRemoval(ctx, id)
	if err != nil || network.ID == "" {
		return err
	}
	if onHosts {
		if err := s.removeFromHosts(ctx, network); err != nil {
			return s.removalStopped(ctx, network, err)
		}
	}
	if err := s.unmake(ctx, neutron, &network); err != nil {
		return s.removalStopped(ctx, network, err)
	}
	return s.Store.Change(ctx, func(ctx context.Context) error {
		if kept, err := s.takenBack(ctx, network.ID); err != nil || kept {
			return err
		}
		return s.Store.DeleteNetwork(ctx, network.ID)
	})
}

// beginRemoval marks a network as Deleting, after which no container comes to it, and
// returns it; a network that is gone comes back zero, and so does an implicit one that
// containers use.
func (s *Service) beginRemoval(ctx context.Context, id string) (zun.Network, error) {
	var network zun.Network
	err := s.Store.Change(ctx, func(ctx context.Context) error {
		found, err := s.Store.Network(ctx, id)
		if zun.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		held, err := s.Store.HasHolders(ctx, id)
		if err != nil || held && found.Implicit {
			return err
		}
		if held {
			return s.inUse(ctx, found)
		}
		found.Status, found.StatusReason, found.UpdatedAt = zun.NetworkDeleting, "", s.now()
		network = found
		return s.Store.SaveNetwork(ctx, found)
	})
	return network, err
}

// takenBack reports whether a container came to an implicit network while it was removed.
func (s *Service) takenBack(ctx context.Context, id string) (bool, error) {
	return s.Store.HasHolders(ctx, id)
}

// inUse says which containers keep a network.
func (s *Service) inUse(ctx context.Context, network zun.Network) error {
	holders, err := s.Store.Holders(ctx, network.ID)
	if err != nil {
		return err
	}
	names := make([]string, len(holders))
	for i, holder := range holders {
		names[i] = holder.ContainerName + " (" + holder.Attachment.ContainerID + ")"
	}
	return zun.Errorf(zun.CodeNetworkInUse, "cannot delete network %s: containers are attached: %s; delete or detach them first",
		called(network), strings.Join(names, ", "))
}

// removeFromHosts removes the Docker network everywhere, trying every host.
func (s *Service) removeFromHosts(ctx context.Context, network zun.Network) error {
	var failed error
	for _, host := range s.Nodes.Names() {
		node, ok := s.Nodes.Node(host)
		if !ok {
			failed = errors.Join(failed, zun.Errorf(zun.CodeUnavailable, "host %s is not connected", host))
			continue
		}
		if err := node.RemoveNetwork(ctx, network); err != nil {
			failed = errors.Join(failed, hostSays(host, err))
		}
	}
	return failed
}

// removalStopped records why a removal did not come to its end. What was away comes back,
// and the network stays Deleting; what refused leaves it in Error for the user to see.
func (s *Service) removalStopped(ctx context.Context, network zun.Network, cause error) error {
	network.StatusReason, network.UpdatedAt = "an internal failure, which the service's log has", s.now()
	if told := (*zun.Error)(nil); errors.As(cause, &told) {
		network.StatusReason = cause.Error()
	}
	code := zun.CodeOf(cause)
	later := ""
	if code == zun.CodeUnavailable || code == zun.CodeInternal {
		later = "; it goes on when that is over"
	} else if !network.Implicit {
		network.Status = zun.NetworkError
	}
	err := s.Store.Change(ctx, func(ctx context.Context) error {
		if kept, err := s.takenBack(ctx, network.ID); err != nil || kept {
			return err
		}
		return s.Store.SaveNetwork(ctx, network)
	})
	return errors.Join(zun.Wrap(code, cause, "cannot delete network %s: %v%s", called(network), cause, later), err)
}

// sweep finishes what a crash, an absent host or the last container of an implicit network
// left: networks half made or half removed are removed.
func (s *Service) sweep(ctx context.Context, id string) error {
	network, err := s.Store.Network(ctx, id)
	if zun.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	idle := network.Implicit && network.Name == ""
	if network.Status == zun.NetworkActive && !idle || network.Status == zun.NetworkError {
		return nil
	}
	if s.ServiceNeutron == nil && !network.Implicit {
		return nil
	}
	unlock, ok := s.networkLocks.tryLock(ctx, id)
	if !ok {
		return nil // somebody is at it; if he fails the next look finds it
	}
	defer unlock()
	network, err = s.Store.Network(ctx, id) // its making may just have ended well
	if zun.IsNotFound(err) || err == nil && network.Status == zun.NetworkActive && !idle {
		return nil
	}
	if err != nil {
		return err
	}
	return s.removeLocked(ctx, id, s.ServiceNeutron, true)
}

// runSweeps sweeps the networks it is told of, and at intervals all that are unfinished.
func (s *Service) runSweeps(ctx context.Context) error {
	ticker := time.NewTicker(s.HeartbeatEvery)
	defer ticker.Stop()
	for {
		unfinished, err := s.Store.UnfinishedNetworks(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.Error("cannot find unfinished networks", "error", err)
		}
		for _, network := range unfinished {
			s.sweeps.add(network.ID)
		}
		if !s.sweepUntil(ctx, ticker.C) {
			return nil
		}
	}
}

// sweepUntil sweeps until the next tick, and reports false when ctx has ended.
func (s *Service) sweepUntil(ctx context.Context, tick <-chan time.Time) bool {
	for {
		for _, id := range s.sweeps.take() {
			bounded, cancel := context.WithTimeout(ctx, networkTimeout)
			if err := s.sweep(bounded, id); err != nil && ctx.Err() == nil {
				s.Log.Warn("cannot finish removing a network yet", "network", id, "error", err)
			}
			cancel()
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick:
			return true
		case <-s.sweeps.wake:
		}
	}
}

// CreateNeutronHandle makes the Docker network of a Neutron network on one host under the
// Neutron network's UUID, as POST /v1/networks does up to microversion 1.40. It stays
// until DeleteNeutronHandle, containers or not.
func (s *Service) CreateNeutronHandle(ctx context.Context, g policy.Grant, name, neutronNetID string) (zun.NetworkDetail, error) {
	if neutronNetID == "" {
		return zun.NetworkDetail{}, zun.Errorf(zun.CodeInvalid, "cannot create network %q: neutron_net_id is missing", name)
	}
	r := s.resolver(g, false)
	found, err := findByRef(ctx, neutronNetID, r.neutron.FindNetworks)
	if err != nil {
		return zun.NetworkDetail{}, err
	}
	if len(found) != 1 {
		return zun.NetworkDetail{}, noNetwork(neutronNetID)
	}
	wanted, err := r.implicit(ctx, found[0])
	if err != nil {
		return zun.NetworkDetail{}, err
	}
	var network zun.Network
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		if network, err = s.recordedNetwork(ctx, wanted); err != nil {
			return err
		}
		network.Name = name
		return s.Store.SaveNetwork(ctx, network)
	})
	if err != nil {
		return zun.NetworkDetail{}, err
	}
	unlock, err := s.networkLocks.lock(ctx, network.ID)
	if err != nil {
		return zun.NetworkDetail{}, err
	}
	defer unlock()
	host, err := s.hostForNetwork(ctx, network)
	if err == nil {
		_, err = s.ensureOn(ctx, host, network)
	}
	if err != nil {
		network.Name = "" // nobody asked to keep it: the sweep takes it
		return zun.NetworkDetail{}, errors.Join(err, s.Store.SaveNetwork(context.WithoutCancel(ctx), network))
	}
	return s.Store.NetworkDetail(ctx, network.ID)
}

// DeleteNeutronHandle removes the Docker networks of a Neutron network from every host.
// CodeNetworkNotFound: it has none; CodeNetworkInUse: containers are on one.
func (s *Service) DeleteNeutronHandle(ctx context.Context, g policy.Grant, neutronNetID string) error {
	var networks []zun.Network
	for _, withoutIPv6 := range []bool{false, true} {
		network, err := s.Store.ImplicitNetwork(ctx, neutronNetID, withoutIPv6)
		if zun.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		held, err := s.Store.HasHolders(ctx, network.ID)
		if err != nil {
			return err
		}
		if held {
			return s.inUse(ctx, network)
		}
		networks = append(networks, network)
	}
	if len(networks) == 0 {
		return noNetwork(neutronNetID)
	}
	for _, network := range networks {
		if err := s.remove(ctx, network.ID, s.Neutron(g.Identity().Token)); err != nil {
			return fmt.Errorf("cannot remove network of %s: %w", neutronNetID, err)
		}
	}
	return nil
}
