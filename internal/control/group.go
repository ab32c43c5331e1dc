package control

import (
	"context"
	"slices"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// AddSecurityGroup orders that all ports of a container get a security group of the
// caller's project, named or by UUID. CodeInvalid: there is no such group, or the container
// has it; CodeConflict: several groups have the name.
func (s *Service) AddSecurityGroup(ctx context.Context, g policy.Grant, ref, group string) error {
	return s.changeGroups(ctx, g, ref, group, zun.ActionAddGroup)
}

// RemoveSecurityGroup orders that they lose one. CodeInvalid: there is no such group, or
// the container has it not.
func (s *Service) RemoveSecurityGroup(ctx context.Context, g policy.Grant, ref, group string) error {
	return s.changeGroups(ctx, g, ref, group, zun.ActionRemoveGroup)
}

func (s *Service) changeGroups(ctx context.Context, g policy.Grant, ref, group string, kind zun.ActionKind) error {
	c, err := s.container(ctx, g, ref, false)
	if err != nil {
		return err
	}
	if err := c.CheckState(string(kind)); err != nil {
		return err
	}
	ids, err := s.resolver(g, false).securityGroups(ctx, []string{group})
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return zun.Errorf(zun.CodeInvalid, "cannot change the security groups of container %s: name one", c.ID)
	}
	_, err = s.orderOn(ctx, g, c.ID, kind, func(_ context.Context, c zun.Container) (zun.Container, zun.ActionInput, error) {
		return c, zun.ActionInput{SecurityGroup: ids[0]}, checkGroup(c, ids[0], kind)
	})
	return err
}

// checkGroup refuses to add what is there and to take away what is not.
func checkGroup(c zun.Container, id string, kind zun.ActionKind) error {
	has := slices.Contains(c.SecurityGroups, id)
	switch {
	case kind == zun.ActionAddGroup && has:
		return zun.Errorf(zun.CodeInvalid, "cannot add security group %s to container %s: it has it already", id, c.ID)
	case kind == zun.ActionRemoveGroup && !has:
		return zun.Errorf(zun.CodeInvalid, "cannot remove security group %s from container %s: it does not have it", id, c.ID)
	}
	return nil
}
