package control

import (
	"context"
	"errors"
	"strings"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// ListContainers returns a page of the containers of the caller's project, or of all
// projects if he may. CodeInvalid: bad sort key; CodeContainerNotFound: unknown marker;
// CodePolicyNotAuthorized: all projects, or a filter by host, are not for him.
func (s *Service) ListContainers(ctx context.Context, g policy.Grant, filter zun.ContainerFilter) ([]zun.ContainerDetail, error) {
	if filter.Host != "" {
		if err := s.may(g, "container:get_one:host", nil); err != nil {
			return nil, err
		}
	}
	if filter.AllProjects {
		if err := s.may(g, "container:get_all_all_projects", nil); err != nil {
			return nil, err
		}
		return s.Store.ListContainers(ctx, filter)
	}
	own := g.Identity().ProjectID
	if own == "" || filter.ProjectID != "" && filter.ProjectID != own {
		return nil, nil
	}
	filter.ProjectID = own
	return s.Store.ListContainers(ctx, filter)
}

// GetContainer returns a container with its networks. If it is on a host that answers
// within Config.ObserveTimeout, and nothing is being done to it, the record is brought up
// to date first.
func (s *Service) GetContainer(ctx context.Context, g policy.Grant, ref string, allProjects bool) (zun.ContainerDetail, error) {
	if allProjects {
		if err := s.may(g, "container:get_one_all_projects", nil); err != nil {
			return zun.ContainerDetail{}, err
		}
	}
	c, err := s.container(ctx, g, ref, allProjects)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	if s.refresh(ctx, c) {
		return s.Store.ContainerDetail(ctx, c.ID)
	}
	nets, err := s.Store.Attachments(ctx, c.ID) // what was found is as new as its networks
	return zun.ContainerDetail{Container: c, Nets: nets}, err
}

// NetworksOf returns the networks of a container by position.
func (s *Service) NetworksOf(ctx context.Context, g policy.Grant, ref string) ([]zun.AttachedNetwork, error) {
	c, err := s.container(ctx, g, ref, false)
	if err != nil {
		return nil, err
	}
	return s.Store.Attachments(ctx, c.ID)
}

// Logs returns what a container wrote, as valid UTF-8. CodeInvalidState: it cannot have
// logs; CodeUnavailable: its host does not answer.
func (s *Service) Logs(ctx context.Context, g policy.Grant, ref string, options zun.LogsOptions) (string, error) {
	c, node, err := s.running(ctx, g, ref, "logs")
	if err != nil {
		return "", err
	}
	text, err := node.Logs(ctx, c, options)
	if err != nil {
		return "", hostSays(c.Host, err)
	}
	return strings.ToValidUTF8(string(text), "\ufffd"), nil
}

// Execute runs a command in a running container and waits for its end. CodeInvalid: there
// is no command, or it cannot be started; CodeInvalidState: the container does not run;
// CodeConflict: the command did not end in time; CodeUnavailable: the host does not answer.
func (s *Service) Execute(ctx context.Context, g policy.Grant, ref string, command []string) (zun.ExecResult, error) {
	if len(command) == 0 || command[0] == "" {
		return zun.ExecResult{}, zun.Errorf(zun.CodeInvalid, "cannot execute in container %s: there is no command", ref)
	}
	c, node, err := s.running(ctx, g, ref, "execute")
	if err != nil {
		return zun.ExecResult{}, err
	}
	result, err := node.Execute(ctx, c, command)
	return result, hostSays(c.Host, err)
}

// running finds a container whose state allows the operation, and the node it is on.
func (s *Service) running(ctx context.Context, g policy.Grant, ref, operation string) (zun.Container, zun.Node, error) {
	c, err := s.container(ctx, g, ref, false)
	if err != nil {
		return c, nil, err
	}
	node, err := s.nodeOf(c, operation)
	return c, node, err
}

// nodeOf returns the node of a container whose state allows the operation.
func (s *Service) nodeOf(c zun.Container, operation string) (zun.Node, error) {
	if err := c.CheckState(operation); err != nil {
		return nil, err
	}
	if c.Host == "" {
		return nil, neverPlaced(operation, c)
	}
	node, ok := s.Nodes.Node(c.Host)
	if !ok {
		return nil, zun.Errorf(zun.CodeUnavailable, "cannot %s container %s: its host %s is not connected", operation, c.ID, c.Host)
	}
	return node, nil
}

func neverPlaced(operation string, c zun.Container) *zun.Error {
	return zun.Errorf(zun.CodeInvalidState, "cannot %s container %s: it is on no host; delete it and create it again", operation, c.ID)
}

// hostSays keeps what a host said, and makes errors that nobody said (a broken connection,
// a deadline) say that the host does not answer.
func hostSays(host string, err error) error {
	if err == nil || errors.As(err, new(*zun.Error)) {
		return err
	}
	return zun.Wrap(zun.CodeUnavailable, err, "host %s does not answer; try again later", host)
}

// Actions returns the actions of a container, newest first.
func (s *Service) Actions(ctx context.Context, g policy.Grant, ref string) ([]zun.Action, error) {
	c, err := s.container(ctx, g, ref, false)
	if err != nil {
		return nil, err
	}
	return s.Store.Actions(ctx, c.ID, "")
}

// Action returns the action of a container that a request ordered, with its stages in the
// order they began. CodeResourceNotFound: no action of the container has that request id.
func (s *Service) Action(ctx context.Context, g policy.Grant, ref, requestID string) (zun.Action, []zun.Event, error) {
	c, err := s.container(ctx, g, ref, false)
	if err != nil {
		return zun.Action{}, nil, err
	}
	var actions []zun.Action
	if requestID != "" {
		if actions, err = s.Store.Actions(ctx, c.ID, requestID); err != nil {
			return zun.Action{}, nil, err
		}
	}
	if len(actions) == 0 {
		return zun.Action{}, nil, zun.Errorf(zun.CodeResourceNotFound, "The Action resource %s could not be found.", requestID)
	}
	events, err := s.Store.Events(ctx, actions[0].ID)
	return actions[0], events, err
}
