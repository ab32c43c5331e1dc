package control

import (
	"context"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// DeleteContainer orders the removal of a container, or, if no host ever had it, removes
// the record at once. CodeInvalidState: its status does not allow it without Force or
// Stop; CodePolicyNotAuthorized: they are not for the caller.
func (s *Service) DeleteContainer(ctx context.Context, g policy.Grant, ref string, options zun.DeleteOptions) error {
	if options.AllProjects {
		if err := s.may(g, "container:delete_all_projects", nil); err != nil {
			return err
		}
	}
	c, err := s.container(ctx, g, ref, options.AllProjects)
	if err != nil {
		return err
	}
	operation, err := s.mayDelete(g, c, options)
	if err != nil {
		return err
	}
	var left []string
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		c, err := s.Store.Container(ctx, c.ID)
		if err != nil {
			return err
		}
		if err := c.CheckState(operation); err != nil {
			return zun.Errorf(zun.CodeInvalidState, "%v%s", err, deleteHint(c, options))
		}
		if c.Host == "" {
			left, err = s.dropContainer(ctx, c.ID)
			return err
		}
		return s.record(ctx, g.Identity(), c, zun.ActionDelete, zun.ActionInput{
			Stop: options.Stop && stoppable(c), Force: options.Force,
		})
	})
	if err == nil {
		s.sweeps.add(left...)
		s.queue.poke(c.ID)
	}
	return err
}

// mayDelete asks the rules that the options need and returns the operation whose states
// count.
func (s *Service) mayDelete(g policy.Grant, c zun.Container, options zun.DeleteOptions) (string, error) {
	switch {
	case options.Stop && stoppable(c):
		return "delete_after_stop", s.may(g, "container:stop", targetOf(c))
	case options.Stop:
		return "delete_after_stop", nil
	case options.Force:
		return "delete_force", s.may(g, "container:delete_force", targetOf(c))
	default:
		return "delete", nil
	}
}

// stoppable reports whether a container has a process to stop, or will have one again.
func stoppable(c zun.Container) bool {
	return c.Status == zun.StatusRunning || c.Status == zun.StatusRestarting
}

func deleteHint(c zun.Container, options zun.DeleteOptions) string {
	switch {
	case c.Status == zun.StatusPaused:
		return "; unpause it first"
	case options.Force && !options.Stop:
		return ""
	case stoppable(c):
		return "; stop it first, or delete it with --stop or --force"
	default:
		return "; wait until it is done, or delete it with --force"
	}
}

// dropContainer removes the records of a container and returns the networks it was on.
func (s *Service) dropContainer(ctx context.Context, id string) ([]string, error) {
	nets, err := s.Store.Attachments(ctx, id)
	if err != nil {
		return nil, err
	}
	var left []string
	for _, net := range nets {
		left = append(left, net.Network.ID)
	}
	return left, s.Store.DeleteContainer(ctx, id)
}
