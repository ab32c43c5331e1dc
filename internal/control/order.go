package control

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// StartContainer orders a start. CodeInvalidState: it cannot start from its status.
func (s *Service) StartContainer(ctx context.Context, g policy.Grant, ref string) error {
	return s.order(ctx, g, ref, zun.ActionStart, zun.ActionInput{})
}

// StopContainer orders a stop with a timeout in seconds; nil is Docker's.
func (s *Service) StopContainer(ctx context.Context, g policy.Grant, ref string, timeout *int) error {
	if err := checkTimeout(timeout); err != nil {
		return err
	}
	return s.order(ctx, g, ref, zun.ActionStop, zun.ActionInput{Timeout: timeout})
}

// RebootContainer orders a stop, with a timeout in seconds, and a start. The status is
// Restarting at once, as in Zun.
func (s *Service) RebootContainer(ctx context.Context, g policy.Grant, ref string, timeout *int) error {
	if err := checkTimeout(timeout); err != nil {
		return err
	}
	return s.order(ctx, g, ref, zun.ActionReboot, zun.ActionInput{Timeout: timeout})
}

// KillContainer orders a signal; "" and "None" are SIGKILL.
func (s *Service) KillContainer(ctx context.Context, g policy.Grant, ref, signal string) error {
	if signal == "None" {
		signal = ""
	}
	for _, r := range signal {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-", r) {
			return zun.Errorf(zun.CodeInvalid, "cannot kill container %s: %q is not a signal; write SIGTERM, TERM or 15", ref, signal)
		}
	}
	return s.order(ctx, g, ref, zun.ActionKill, zun.ActionInput{Signal: signal})
}

// PauseContainer orders that the container's processes stand still.
func (s *Service) PauseContainer(ctx context.Context, g policy.Grant, ref string) error {
	return s.order(ctx, g, ref, zun.ActionPause, zun.ActionInput{})
}

// UnpauseContainer orders that they go on.
func (s *Service) UnpauseContainer(ctx context.Context, g policy.Grant, ref string) error {
	return s.order(ctx, g, ref, zun.ActionUnpause, zun.ActionInput{})
}

func checkTimeout(timeout *int) error {
	if timeout != nil && *timeout < 0 {
		return zun.Errorf(zun.CodeInvalid, "cannot wait %d seconds: the timeout is a number of seconds from 0", *timeout)
	}
	return nil
}

// order finds a container, checks that its state allows the action, and records it.
func (s *Service) order(ctx context.Context, g policy.Grant, ref string, kind zun.ActionKind, input zun.ActionInput) error {
	_, err := s.orderOn(ctx, g, ref, kind, func(_ context.Context, c zun.Container) (zun.Container, zun.ActionInput, error) { return c, input, nil })
	return err
}

// orderOn is order for an action whose input depends on the container, or that changes
// what is recorded at once. It returns the container as it was.
func (s *Service) orderOn(ctx context.Context, g policy.Grant, ref string, kind zun.ActionKind,
	prepare func(context.Context, zun.Container) (zun.Container, zun.ActionInput, error),
) (zun.Container, error) {
	c, err := s.container(ctx, g, ref, false)
	if err != nil {
		return c, err
	}
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		c, err = s.Store.Container(ctx, c.ID)
		if err != nil {
			return err
		}
		if err := c.CheckState(string(kind)); err != nil {
			return err
		}
		if c.Host == "" {
			return neverPlaced(string(kind), c)
		}
		changed, input, err := prepare(ctx, c)
		if err != nil {
			return err
		}
		return s.record(ctx, g.Identity(), changed, kind, input)
	})
	if err == nil {
		s.queue.poke(c.ID)
	}
	return c, err
}

// record writes an owed action and what the container shows meanwhile. It is called
// within a transaction that read the container.
func (s *Service) record(ctx context.Context, who zun.Identity, c zun.Container, kind zun.ActionKind, input zun.ActionInput) error {
	if err := s.addAction(ctx, who, c.ID, kind, input); err != nil {
		return err
	}
	if status, ok := pinned(kind); ok {
		c.Status = status
	}
	if c.TaskState == "" {
		c.TaskState = kind.TaskState()
	}
	c.UpdatedAt = s.now()
	return s.Store.SaveContainer(ctx, c)
}

// pinned returns the status that a container shows from the moment an action is ordered
// until it ends, if the action has one.
func pinned(kind zun.ActionKind) (zun.Status, bool) {
	switch kind {
	case zun.ActionDelete:
		return zun.StatusDeleting, true
	case zun.ActionReboot:
		return zun.StatusRestarting, true
	case zun.ActionHeal, zun.ActionRebuild:
		return zun.StatusRebuilding, true
	default:
		return "", false
	}
}

func (s *Service) addAction(ctx context.Context, who zun.Identity, containerID string, kind zun.ActionKind, input zun.ActionInput) error {
	text, err := json.Marshal(input)
	if err != nil {
		return err
	}
	request := zun.RequestID(ctx)
	if request == "" {
		request = "req-" + s.NewID()
	}
	_, err = s.Store.AddAction(ctx, zun.Action{
		Kind: kind, ContainerID: containerID, RequestID: request,
		UserID: who.UserID, ProjectID: who.ProjectID, Input: text, StartedAt: s.now(),
	})
	return err
}

// now is the time in the precision that is stored.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

// inputOf reads what an action needs beyond its container.
func inputOf(action zun.Action) zun.ActionInput {
	var input zun.ActionInput
	if len(action.Input) > 0 {
		if err := json.Unmarshal(action.Input, &input); err != nil {
			return zun.ActionInput{} // we wrote it ourselves
		}
	}
	return input
}
