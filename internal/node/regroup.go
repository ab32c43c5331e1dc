package node

import (
	"context"
	"slices"

	"github.com/gozun/gozun/zun"
)

// regroup puts a security group on all of the container's ports, or takes it off them.
func (t *task) regroup(ctx context.Context) error {
	return t.stage(ctx, zun.StageSecurityGroup, func(ctx context.Context) (string, error) {
		groups := t.order.Container.SecurityGroups
		for _, attachment := range t.attachments {
			if attachment.PortID == "" {
				continue // its port gets the groups that are recorded, when it is made
			}
			before, err := t.regroupPort(ctx, attachment.PortID)
			if err != nil {
				return "", portError{err}
			}
			if len(groups) == 0 && !attachment.Preserve() {
				groups = before // the project's default, which only Neutron knows
			}
		}
		t.groups = t.regrouped(groups)
		return "", nil
	})
}

// regroupPort changes one port, and returns the groups that it had.
func (t *task) regroupPort(ctx context.Context, id string) (before []string, err error) {
	err = t.step(ctx, func(ctx context.Context) error {
		port, err := t.Neutron.Port(ctx, id)
		if err != nil {
			return err
		}
		before = port.SecurityGroups
		after := t.regrouped(before)
		if len(after) == len(before) {
			return nil
		}
		t.onFailure("security groups", func(ctx context.Context) error { return t.setGroups(ctx, id, before) })
		return t.setGroups(ctx, id, after)
	})
	return before, err
}

// regrouped returns groups with the action's, or without it; never nil, which would be no
// change.
func (t *task) regrouped(groups []string) []string {
	mine := t.order.Input.SecurityGroup
	after := slices.DeleteFunc(append([]string{}, groups...), func(id string) bool { return id == mine })
	if t.order.Action.Kind == zun.ActionAddGroup {
		after = append(after, mine)
	}
	return after
}

func (t *task) setGroups(ctx context.Context, port string, groups []string) error {
	_, err := t.Neutron.UpdatePort(ctx, port, zun.PortChange{SecurityGroups: append([]string{}, groups...)})
	return err
}
