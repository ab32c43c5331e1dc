package node

import (
	"context"
	"slices"

	"github.com/gozun/gozun/zun"
)

// groupName is the name of the security group of a container's exposed ports, which is
// Zun's (zun/container/docker/driver.py).
func groupName(containerID string) string { return "zun-" + containerID }

// groupAbout is the description of that group, by which we know our own.
func groupAbout(containerID string) string {
	return "gozun: ports that container " + containerID + " exposes"
}

// stageGroup gets the security group of the exposed ports ready, if the container exposes
// any. It is on record before a port has it.
func (t *task) stageGroup(ctx context.Context) error {
	if len(t.order.Container.ExposedPorts) == 0 {
		return nil
	}
	return t.stage(ctx, zun.StageSecurityGroup, func(ctx context.Context) (string, error) {
		if err := t.step(ctx, t.ensureGroup); err != nil {
			return "", portError{err}
		}
		return "security group " + t.group, nil
	})
}

// ensureGroup completes the group that an earlier try made, or makes one.
func (t *task) ensureGroup(ctx context.Context) error {
	if t.order.Action.Kind == zun.ActionCreate {
		t.onFailure("security group", t.deleteGroup)
	}
	if t.again {
		known, err := t.completeGroup(ctx)
		if known || err != nil {
			return err
		}
	}
	if t.order.Action.Kind != zun.ActionCreate {
		t.onFailure("security group", t.deleteGroup)
	}
	c := t.order.Container
	group, err := t.Neutron.CreateSecurityGroup(ctx, zun.SecurityGroupSpec{
		Name: groupName(c.ID), ProjectID: c.ProjectID, Description: groupAbout(c.ID),
	})
	if err != nil {
		return err
	}
	if err := t.exposed(ctx, group.ID); err != nil {
		return err
	}
	return t.Neutron.AllowIngress(ctx, group.ID, ingress(c.ExposedPorts))
}

// completeGroup looks for a group that an earlier try left, records it, and makes its rules
// if they are not there: they are made all at once or not at all.
func (t *task) completeGroup(ctx context.Context) (known bool, err error) {
	id := t.group
	if id == "" {
		if id, err = t.findGroup(ctx); id == "" || err != nil {
			return false, err
		}
		if err := t.exposed(ctx, id); err != nil {
			return true, err
		}
	}
	err = t.Neutron.AllowIngress(ctx, id, ingress(t.order.Container.ExposedPorts))
	switch {
	case err == nil, zun.CodeOf(err) == zun.CodeConflict:
		return true, nil
	case zun.IsNotFound(err):
		return false, nil // someone has deleted it
	}
	return true, err
}

// findGroup finds a group of the container in Neutron, "" when there is none.
func (t *task) findGroup(ctx context.Context) (string, error) {
	c := t.order.Container
	groups, err := t.Neutron.FindSecurityGroups(ctx, zun.NeutronQuery{Name: groupName(c.ID), ProjectID: c.ProjectID})
	for _, group := range groups {
		if group.Name == groupName(c.ID) && group.ProjectID == c.ProjectID && group.Description == groupAbout(c.ID) {
			return group.ID, err
		}
	}
	return "", err
}

// exposed has the group on record when it returns without an error.
func (t *task) exposed(ctx context.Context, id string) error {
	t.group = id
	t.tell(ctx, func(ctx context.Context) error { return t.Reports.Exposed(ctx, t.order.Container.ID, id) })
	return ctx.Err()
}

// ingress makes rules of ports: consecutive ports of a protocol are one rule, for each IP
// version.
func ingress(ports []zun.ExposedPort) (rules []zun.Ingress) {
	ports = slices.SortedFunc(slices.Values(ports), zun.ExposedPort.Compare)
	for _, v6 := range []bool{false, true} {
		first := len(rules)
		for _, port := range ports {
			last := len(rules) - 1
			if last >= first && rules[last].Protocol == port.Protocol && port.Port-rules[last].To <= 1 {
				rules[last].To = port.Port
				continue
			}
			rules = append(rules, zun.Ingress{V6: v6, Protocol: port.Protocol, From: port.Port, To: port.Port})
		}
	}
	return rules
}

// stageGroupDelete removes the security group of the exposed ports, after the ports that
// had it.
func (t *task) stageGroupDelete(ctx context.Context) error {
	if t.group == "" && len(t.order.Container.ExposedPorts) == 0 {
		return nil
	}
	return t.stage(ctx, zun.StageGroupDelete, func(ctx context.Context) (string, error) {
		err := t.step(ctx, t.deleteGroup)
		if zun.CodeOf(err) == zun.CodeConflict {
			t.log.WarnContext(ctx, "a security group is left to who uses it", "group", t.group, "cause", err)
			return "security group " + t.group + " is left: other ports have it", nil
		}
		return "", err
	})
}

// deleteGroup deletes the group on record, or one whose making was not answered. Gone is
// success.
func (t *task) deleteGroup(ctx context.Context) error {
	id := t.group
	if id == "" {
		var err error
		if id, err = t.findGroup(ctx); err != nil {
			return portError{err}
		}
	}
	if id == "" {
		return nil
	}
	if err := t.Neutron.DeleteSecurityGroup(ctx, id); err != nil && !zun.IsNotFound(err) {
		return portError{err}
	}
	return t.exposed(ctx, "")
}
