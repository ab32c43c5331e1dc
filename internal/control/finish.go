package control

import (
	"context"
	"slices"

	"github.com/gozun/gozun/zun"
)

// Finished ends an action: it records how the container and its attachments are now, and
// lets the next action of the container go. Told twice, the second time changes nothing.
func (s *Service) Finished(ctx context.Context, actionID int64, outcome zun.Outcome) error {
	var left []string
	var containerID string
	if outcome.At.IsZero() {
		outcome.At = s.now()
	}
	if seen := outcome.Observation; seen.Status != "" { // before readers see the end: they need not look again
		s.looked.took(seen.ContainerID, outcome.At)
	}
	err := s.Store.Change(ctx, func(ctx context.Context) error {
		action, err := s.Store.Action(ctx, actionID)
		if zun.IsNotFound(err) {
			return nil // its container is gone, and its record with it
		}
		if err != nil {
			return err
		}
		containerID = action.ContainerID
		left, err = s.finish(ctx, action, outcome)
		return err
	})
	if err != nil {
		return err
	}
	s.queue.done(actionID)
	if containerID != "" {
		s.queue.accepted(containerID)
		s.queue.poke(containerID)
	}
	s.sweeps.add(left...)
	return nil
}

// finish does the work of Finished within a transaction, and returns the networks that
// lost an attachment.
func (s *Service) finish(ctx context.Context, action zun.Action, outcome zun.Outcome) (left []string, err error) {
	message := ""
	if outcome.Failed {
		message = outcome.Message
		if message == "" {
			message = "failed"
		}
	}
	owed, err := s.Store.FinishAction(ctx, action.ID, message, outcome.At.UTC())
	if err != nil || !owed {
		return nil, err
	}
	c, err := s.Store.Container(ctx, action.ContainerID)
	if err != nil {
		return nil, err
	}
	if outcome.Deleted || action.Kind == zun.ActionDelete && !outcome.Failed {
		return s.dropContainer(ctx, c.ID)
	}
	if left, err = s.detach(ctx, action, outcome); err != nil {
		return nil, err
	}
	more, err := s.Store.OwedActions(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	before := c
	c = after(c, action, outcome)
	if action.Kind == zun.ActionHeal && c.Status == zun.StatusError && c.AutoHeal {
		c.StatusReason = s.healsAgain(action, message, s.nextHeal(action, outcome.At))
	}
	c.TaskState = ""
	for i, next := range more {
		if i == 0 {
			c.TaskState = next.Kind.TaskState()
		}
		if status, ok := pinned(next.Kind); ok {
			c.Status = status
		}
	}
	c.UpdatedAt = s.now()
	switch {
	case len(more) > 0:
	case ended(c) && action.Kind != zun.ActionDelete:
		return left, s.removeByItself(ctx, c)
	case lost(before, outcome.Observation) && !remakes(action.Kind):
		return left, s.heal(ctx, c, runsAfter(action, before.Status))
	}
	return left, s.Store.SaveContainer(ctx, c)
}

// after returns a container as an action left it (Zun: zun/compute/manager.py).
func after(c zun.Container, action zun.Action, outcome zun.Outcome) zun.Container {
	status := outcome.Observation.Status
	c, _ = observed(c, outcome.Observation)
	if !outcome.Failed {
		if status == "" {
			c.Status = resultOf(action, c.Status)
		}
		if outcome.Observation.StatusReason == "" && c.Status != zun.StatusError {
			c.StatusReason = ""
		}
		c = ordered(c, action, outcome)
		if c.Status == zun.StatusRunning && c.StartedAt.IsZero() {
			c.StartedAt = outcome.At.UTC()
		}
		return c
	}
	switch action.Kind {
	case zun.ActionCreate, zun.ActionStart, zun.ActionDelete, zun.ActionHeal:
		c.Status, c.StatusReason = zun.StatusError, outcome.Message
	case zun.ActionReboot:
		if status == "" {
			c.Status, c.StatusReason = zun.StatusUnknown, outcome.Message
		}
	case zun.ActionRebuild:
		c = notRebuilt(c, action, outcome)
	case zun.ActionResize:
		c = notResized(c, action)
	}
	return c
}

// resultOf returns the status that an action leads to when the node did not say.
func resultOf(action zun.Action, current zun.Status) zun.Status {
	switch action.Kind {
	case zun.ActionCreate, zun.ActionHeal, zun.ActionRebuild:
		if inputOf(action).Run {
			return zun.StatusRunning
		}
		return zun.StatusCreated
	case zun.ActionStart, zun.ActionReboot, zun.ActionUnpause:
		return zun.StatusRunning
	case zun.ActionPause:
		return zun.StatusPaused
	case zun.ActionStop, zun.ActionKill:
		return zun.StatusStopped
	default:
		return current
	}
}

// detach removes the attachments that an action undid: those the node names, those of a
// detach that went well, and those of an attach that failed before it had a port.
func (s *Service) detach(ctx context.Context, action zun.Action, outcome zun.Outcome) (left []string, err error) {
	ids := slices.Clone(outcome.Detached)
	for _, id := range inputOf(action).AttachmentIDs {
		a, err := s.Store.Attachment(ctx, id)
		if zun.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		undone := action.Kind == zun.ActionNetworkDetach && !outcome.Failed
		neverDone := action.Kind == zun.ActionNetworkAttach && outcome.Failed && a.PortID == ""
		if (undone || neverDone) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		a, err := s.Store.Attachment(ctx, id)
		if zun.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := s.Store.DeleteAttachment(ctx, id); err != nil {
			return nil, err
		}
		left = append(left, a.NetworkID)
	}
	return left, nil
}
