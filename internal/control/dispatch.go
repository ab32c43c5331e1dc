package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gozun/gozun/zun"
)

// acceptTimeout bounds how long a node may take to say whether it takes an action.
const acceptTimeout = 10 * time.Second

// errWait says that an action cannot be given out now.
var errWait = errors.New("the host cannot take work now")

// advance gives the oldest owed action of a container to its node, unless it was given
// already: work on one container is serial, so that every order tells what the one before
// it left. It can be called at any time and any number of times.
func (s *Service) advance(ctx context.Context, containerID string) {
	owed, err := s.Store.OwedActions(ctx, containerID)
	if err == nil && (len(owed) == 0 || s.queue.isGiven(owed[0].ID)) {
		return
	}
	if err == nil {
		err = s.giveOut(ctx, owed[0])
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	if !errors.Is(err, errWait) {
		s.Log.Error("cannot give out an action", "container", containerID, "error", err)
	}
	s.queue.later(containerID, s.RetryMin, s.RetryMax)
}

// giveOut claims an action, places its container if it has no host, and hands the order to
// the node.
func (s *Service) giveOut(ctx context.Context, action zun.Action) error {
	if action.Kind == zun.ActionCreate {
		s.askHosts(ctx, s.fresh())
	}
	order, next, err := s.prepareOrder(ctx, action)
	if err != nil || next == leaveIt {
		return err
	}
	if next == failedIt {
		s.queue.poke(action.ContainerID) // the next action's turn
		return nil
	}
	err = s.hand(ctx, order)
	if err == nil {
		s.queue.accepted(order.Container.ID)
		return nil
	}
	s.queue.done(action.ID)
	return s.notTaken(ctx, order, err)
}

// nextStep says what to do with an action that was prepared.
type nextStep int

const (
	leaveIt  nextStep = iota // it is gone, or another has claimed it
	failedIt                 // it has ended: there is no host for it
	handIt
)

// prepareOrder does in one transaction all that comes before a node is asked.
func (s *Service) prepareOrder(ctx context.Context, action zun.Action) (order zun.Order, next nextStep, err error) {
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		claimed, err := s.Store.ClaimAction(ctx, action.ID, action.Attempt)
		if err != nil || !claimed {
			return err
		}
		action.Attempt++
		c, err := s.Store.Container(ctx, action.ContainerID)
		if err != nil {
			return err
		}
		if c.Host == "" {
			next = failedIt
			if c, err = s.place(ctx, action, c); err != nil || c.Host == "" {
				return err
			}
		}
		next = handIt
		order, err = s.orderFor(ctx, action, c)
		return err
	})
	return order, next, err
}

// place chooses a host for a container and records the choice as the first stage of its
// creation. Without one the action ends and the container is in Error with the reasons.
func (s *Service) place(ctx context.Context, action zun.Action, c zun.Container) (zun.Container, error) {
	began := s.now()
	host, refused := "", error(neverPlaced(string(action.Kind), c))
	if action.Kind == zun.ActionCreate {
		host, refused = s.choose(ctx, c, inputOf(action))
		event := zun.Event{ActionID: action.ID, Stage: zun.StageSchedule, StartedAt: began, FinishedAt: s.now(), Detail: "host " + host}
		if refused != nil {
			if zun.CodeOf(refused) != zun.CodeUnavailable {
				return c, refused
			}
			event.Failed, event.Detail = true, refused.Error()
		}
		if err := s.Store.SaveEvent(ctx, event); err != nil {
			return c, err
		}
	}
	if refused != nil {
		_, err := s.finish(ctx, action, zun.Outcome{Failed: true, Message: refused.Error(), At: s.now()})
		return c, err
	}
	c.Host, c.UpdatedAt = host, s.now()
	c = s.keepDisk(c, inputOf(action))
	return c, s.Store.SaveContainer(ctx, c)
}

// orderFor gathers all that a node needs. Networks that a later action is to attach are
// not part of it.
func (s *Service) orderFor(ctx context.Context, action zun.Action, c zun.Container) (zun.Order, error) {
	nets, err := s.Store.Attachments(ctx, c.ID)
	if err != nil {
		return zun.Order{}, err
	}
	owed, err := s.Store.OwedActions(ctx, c.ID)
	if err != nil {
		return zun.Order{}, err
	}
	var later []string
	for _, other := range owed {
		if other.ID > action.ID && other.Kind == zun.ActionNetworkAttach && action.Kind != zun.ActionDelete {
			later = append(later, inputOf(other).AttachmentIDs...)
		}
	}
	order := zun.Order{Action: action, Input: inputOf(action), Container: c, Networks: map[string]zun.Network{}}
	if order.Files, err = s.Store.Files(ctx, c.ID); err != nil {
		return zun.Order{}, err
	}
	if order.Registry, err = s.access(ctx, c.RegistryID); err != nil {
		return zun.Order{}, err
	}
	for _, net := range nets {
		if slices.Contains(later, net.Attachment.ID) {
			continue
		}
		order.Attachments = append(order.Attachments, net.Attachment)
		order.Networks[net.Network.ID] = net.Network
	}
	return order, nil
}

// hand gives an order to its node. No network of the order is being removed meanwhile, and
// one that is removed later is kept by the attachment.
func (s *Service) hand(ctx context.Context, order zun.Order) error {
	node, ok := s.Nodes.Node(order.Container.Host)
	if !ok {
		return zun.Errorf(zun.CodeUnavailable, "host %s is not connected", order.Container.Host)
	}
	ids := make([]string, 0, len(order.Networks))
	for id := range order.Networks {
		ids = append(ids, id)
	}
	slices.Sort(ids) // in one order everywhere, so that no two wait for each other
	for _, id := range ids {
		unlock, err := s.networkLocks.lock(ctx, id)
		if err != nil {
			return err
		}
		defer unlock()
	}
	bounded, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	s.queue.give(order.Action.ID, order.Container.ID, s.Now())
	return hostSays(order.Container.Host, node.Accept(bounded, order))
}

// notTaken handles a node that did not take an action. A container that no node has ever
// had goes back to be placed anew; else the action waits for its host. An error that
// waiting does not mend ends the action.
func (s *Service) notTaken(ctx context.Context, order zun.Order, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if zun.CodeOf(cause) != zun.CodeUnavailable {
		return s.Finished(ctx, order.Action.ID, zun.Outcome{Failed: true, Message: cause.Error(), At: s.now()})
	}
	if order.Action.Kind == zun.ActionCreate && order.Action.Attempt == 1 {
		if err := s.unplace(ctx, order); err != nil {
			return err
		}
		s.askHosts(ctx, 0)
		s.queue.poke(order.Container.ID)
		return nil
	}
	message := fmt.Sprintf("waiting for host %s: %v", order.Container.Host, cause)
	if order.Action.Message != message {
		if err := s.Store.SayAction(ctx, order.Action.ID, message); err != nil {
			return err
		}
		s.Log.Warn("an action waits for its host", "action", order.Action.ID, "container", order.Container.ID,
			"host", order.Container.Host, "error", cause)
	}
	return errWait
}

// unplace takes a container off the host that did not take it.
func (s *Service) unplace(ctx context.Context, order zun.Order) error {
	return s.Store.Change(ctx, func(ctx context.Context) error {
		c, err := s.Store.Container(ctx, order.Container.ID)
		if err != nil {
			return err
		}
		c.Host = ""
		return s.Store.SaveContainer(ctx, c)
	})
}
