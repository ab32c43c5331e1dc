package control

import (
	"context"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// UpdateContainer changes a container and returns it as it then is. Its host has made
// the change when this returns. An empty change is none, but the state is checked all the
// same. CodeInvalid: a value is out of bounds; CodeInvalidState; CodeOverQuota: the project
// may not have so much; CodeUnavailable: the host does not answer. Then nothing was changed.
func (s *Service) UpdateContainer(ctx context.Context, g policy.Grant, ref string, change zun.Change) (zun.ContainerDetail, error) {
	if err := checkChange(change); err != nil {
		return zun.ContainerDetail{}, err
	}
	c, err := s.container(ctx, g, ref, false)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	if err := c.CheckState("update"); err != nil {
		return zun.ContainerDetail{}, err
	}
	if !change.Resources() {
		return s.saveChange(ctx, c.ID, change)
	}
	before, err := s.reserve(ctx, c.ID, change)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	if err := s.updateHost(ctx, change.Apply(c)); err != nil {
		s.giveBack(context.WithoutCancel(ctx), before, change)
		return zun.ContainerDetail{}, err
	}
	return s.saveChange(ctx, c.ID, change)
}

// reserve counts the resources of a change for the quota of the project, before the host
// is asked: nobody else can claim them meanwhile. It returns the container as it was.
func (s *Service) reserve(ctx context.Context, id string, change zun.Change) (before zun.Container, err error) {
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		if before, err = s.Store.Container(ctx, id); err != nil {
			return err
		}
		if err := s.claim(ctx, before.ProjectID, growth(before, change)); err != nil {
			return err
		}
		after := before
		after.CPU, after.MemoryMiB = change.Apply(before).CPU, change.Apply(before).MemoryMiB
		return s.Store.SaveContainer(ctx, after)
	})
	return before, err
}

// giveBack undoes reserve when the host did not make the change. What somebody else has
// changed since then is left as it is.
func (s *Service) giveBack(ctx context.Context, before zun.Container, change zun.Change) {
	err := s.Store.Change(ctx, func(ctx context.Context) error {
		c, err := s.Store.Container(ctx, before.ID)
		if err != nil {
			return err
		}
		if reserved := change.Apply(before); c.CPU != reserved.CPU || c.MemoryMiB != reserved.MemoryMiB {
			return nil
		}
		c.CPU, c.MemoryMiB = before.CPU, before.MemoryMiB
		return s.Store.SaveContainer(ctx, c)
	})
	if err != nil && !zun.IsNotFound(err) {
		s.Log.Error("cannot give back what was reserved for a change", "container", before.ID, "error", err)
	}
}

// growth is what a change adds to what a container counts for in the quota of its project.
func growth(c zun.Container, change zun.Change) zun.QuotaUsage {
	after := change.Apply(c)
	return zun.QuotaUsage{MemoryMiB: after.MemoryMiB - c.MemoryMiB, CPU: after.CPU - c.CPU}
}

// updateHost has the host give a container other resources. What the project may have in
// all was asked before.
func (s *Service) updateHost(ctx context.Context, c zun.Container) error {
	if c.Host == "" {
		return neverPlaced("update", c)
	}
	node, ok := s.Nodes.Node(c.Host)
	if !ok {
		return zun.Errorf(zun.CodeUnavailable, "cannot update container %s: its host %s is not connected", c.ID, c.Host)
	}
	return hostSays(c.Host, node.Update(ctx, c))
}

// saveChange records a change, whatever else has changed of the container meanwhile.
func (s *Service) saveChange(ctx context.Context, id string, change zun.Change) (detail zun.ContainerDetail, err error) {
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		c, err := s.Store.Container(ctx, id)
		if err != nil {
			return err
		}
		if change != (zun.Change{}) {
			c = change.Apply(c)
			c.UpdatedAt = s.now()
			if err := s.Store.SaveContainer(ctx, c); err != nil {
				return err
			}
		}
		detail, err = s.Store.ContainerDetail(ctx, id)
		return err
	})
	return detail, err
}

// RenameContainer gives a container another name. CodeConflict: it has that name.
func (s *Service) RenameContainer(ctx context.Context, g policy.Grant, ref, name string) (zun.ContainerDetail, error) {
	change := zun.Change{Name: &name}
	if err := checkChange(change); err != nil {
		return zun.ContainerDetail{}, err
	}
	c, err := s.container(ctx, g, ref, false)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	if c.Name == name {
		return zun.ContainerDetail{}, zun.Errorf(zun.CodeConflict, "cannot rename container %s: it is named %s already", c.ID, name)
	}
	return s.saveChange(ctx, c.ID, change)
}

// ResizeContainer orders a change, and returns the container as it is until that is done.
// Codes are those of UpdateContainer. The quota is asked now; the change counts for it when
// it is done.
func (s *Service) ResizeContainer(ctx context.Context, g policy.Grant, ref string, change zun.Change) (zun.ContainerDetail, error) {
	if err := checkChange(change); err != nil {
		return zun.ContainerDetail{}, err
	}
	var before zun.ContainerDetail
	err := s.Store.Change(ctx, func(ctx context.Context) error { // so that it is not done yet when it is read
		c, err := s.orderOn(ctx, g, ref, zun.ActionResize, func(ctx context.Context, c zun.Container) (zun.Container, zun.ActionInput, error) {
			return c, zun.ActionInput{Change: &change}, s.claim(ctx, c.ProjectID, growth(c, change))
		})
		if err != nil {
			return err
		}
		before, err = s.Store.ContainerDetail(ctx, c.ID)
		return err
	})
	if err == nil {
		s.queue.poke(before.ID)
	}
	return before, err
}

// ordered returns a container with what an action that went well was ordered to change of
// the record.
func ordered(c zun.Container, action zun.Action, outcome zun.Outcome) zun.Container {
	switch action.Kind {
	case zun.ActionResize:
		if change := inputOf(action).Change; change != nil {
			return change.Apply(c)
		}
	case zun.ActionAddGroup, zun.ActionRemoveGroup:
		if outcome.SecurityGroups != nil {
			c.SecurityGroups = outcome.SecurityGroups
		}
	}
	return c
}

// checkChange refuses what no container can be.
func checkChange(change zun.Change) error {
	const doing = "change a container to have"
	if change.Name != nil {
		if err := checkName("container", *change.Name); err != nil {
			return err
		}
	}
	if change.CPU != nil {
		if err := checkCPU(doing, *change.CPU); err != nil {
			return err
		}
	}
	if change.MemoryMiB != nil {
		return checkMemory(doing, *change.MemoryMiB)
	}
	return nil
}
