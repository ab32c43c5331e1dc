package control

import (
	"context"
	"slices"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/internal/scheduler"
	"github.com/gozun/gozun/zun"
)

// UpdateContainer changes a container and returns it as it then is. Its host has made
// the change when this returns. An empty change is none, but the state is checked all the
// same. CodeInvalid: a value is out of bounds; CodeInvalidState; CodeContainerExists: another
// has the name, where names are unique; CodeOverQuota: the project
// may not have so much; CodeConflict: its host has no room for it, or it is being resized;
// CodeUnavailable: the host does not answer. Then nothing was changed.
func (s *Service) UpdateContainer(ctx context.Context, g policy.Grant, ref string, change zun.Change) (zun.ContainerDetail, error) {
	if err := s.checkChange(change); err != nil {
		return zun.ContainerDetail{}, err
	}
	c, err := s.container(ctx, g, ref, false)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	if err := mayUpdate(c, change); err != nil {
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

// mayUpdate refuses a change of a container whose state does not allow it
// (CodeInvalidState). Healing is switched in any state but the last, unlike in Zun: a
// container whose heals fail is in Error or being made again, and nothing else ends them.
func mayUpdate(c zun.Container, change zun.Change) error {
	if change.OnlyHealing() && c.Status != zun.StatusDeleting && c.Status != zun.StatusDeleted {
		return nil
	}
	return c.CheckState("update")
}

// reserve counts the resources of a change for the quota of the project and for the host,
// before the host is asked: nobody else can claim them meanwhile. It returns the container
// as it was.
func (s *Service) reserve(ctx context.Context, id string, change zun.Change) (before zun.Container, err error) {
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		if before, err = s.Store.Container(ctx, id); err != nil {
			return err
		}
		if err := s.mayBe(ctx, before, change); err != nil {
			return err
		}
		return s.Store.SaveContainer(ctx, reserved(before, change))
	})
	return before, err
}

// reserved returns a container with the resources of a change that is yet to be made.
func reserved(c zun.Container, change zun.Change) zun.Container {
	after := change.Apply(c)
	c.CPU, c.MemoryMiB = after.CPU, after.MemoryMiB
	return c
}

// givenBack returns a container without what was reserved for a change that was not made.
// What somebody else has changed since then is left as it is.
func givenBack(c zun.Container, held zun.Held, change zun.Change) zun.Container {
	want := change.Apply(zun.Container{CPU: held.CPU, MemoryMiB: held.MemoryMiB})
	if c.CPU == want.CPU && c.MemoryMiB == want.MemoryMiB {
		c.CPU, c.MemoryMiB = held.CPU, held.MemoryMiB
	}
	return c
}

func heldBy(c zun.Container) zun.Held { return zun.Held{CPU: c.CPU, MemoryMiB: c.MemoryMiB} }

// giveBack undoes reserve when the host did not make the change.
func (s *Service) giveBack(ctx context.Context, before zun.Container, change zun.Change) {
	err := s.Store.Change(ctx, func(ctx context.Context) error {
		c, err := s.Store.Container(ctx, before.ID)
		if err != nil {
			return err
		}
		return s.Store.SaveContainer(ctx, givenBack(c, heldBy(before), change))
	})
	if err != nil && !zun.IsNotFound(err) {
		s.Log.Error("cannot give back what was reserved for a change", "container", before.ID, "error", err)
	}
}

// mayBe refuses a change that brings a container a name that another has
// (CodeContainerExists), or that mayHave refuses.
func (s *Service) mayBe(ctx context.Context, c zun.Container, change zun.Change) error {
	if err := s.mayBeNamed(ctx, c, change); err != nil {
		return err
	}
	return s.mayHave(ctx, c, change)
}

// mayHave refuses a change of a container's resources that its project may not have
// (CodeOverQuota), for which its host has no room, or that would meet a resize that is not
// done yet (CodeConflict). It must be called in the transaction that then records the
// change: whoever comes next finds it counted.
func (s *Service) mayHave(ctx context.Context, c zun.Container, change zun.Change) error {
	if !change.Resources() {
		return nil
	}
	owed, err := s.Store.OwedActions(ctx, c.ID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(owed, func(a zun.Action) bool { return a.Kind == zun.ActionResize }) {
		return zun.Errorf(zun.CodeConflict, "cannot change the resources of container %s: it is being resized; try again when that is done", c.ID)
	}
	if err := s.claim(ctx, c.ProjectID, growth(c, change)); err != nil {
		return err
	}
	return s.fits(ctx, c, change)
}

// fits refuses a change for which the host of a container has no room, by the rules by which
// hosts are chosen. A host that has not told of itself refuses nothing.
func (s *Service) fits(ctx context.Context, c zun.Container, change zun.Change) error {
	after := change.Apply(c)
	if after.CPU <= c.CPU && after.MemoryMiB <= c.MemoryMiB {
		return nil
	}
	hosts, err := s.hostDetails(ctx)
	i := slices.IndexFunc(hosts, func(h zun.HostDetail) bool { return h.Name == c.Host })
	if err != nil || i < 0 {
		return err
	}
	on := scheduler.Candidate{Host: hosts[i].Host, Usage: hosts[i].Usage}
	has := scheduler.Request{CPU: c.CPU, MemoryMiB: c.MemoryMiB}
	return scheduler.Grow(has, scheduler.Request{What: "container " + c.ID, CPU: after.CPU, MemoryMiB: after.MemoryMiB}, on, s.rules())
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
			if err := s.mayBeNamed(ctx, c, change); err != nil {
				return err
			}
			if c, err = s.toldOfHeals(ctx, change.Apply(c)); err != nil {
				return err
			}
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

// RenameContainer gives a container another name. CodeConflict: it has that name;
// CodeContainerExists: another has it.
func (s *Service) RenameContainer(ctx context.Context, g policy.Grant, ref, name string) (zun.ContainerDetail, error) {
	change := zun.Change{Name: &name}
	if err := s.checkChange(change); err != nil {
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
// Codes are those of UpdateContainer. The resources count for the quota and for the host from
// now on; they are given back if the host does not make the change.
func (s *Service) ResizeContainer(ctx context.Context, g policy.Grant, ref string, change zun.Change) (zun.ContainerDetail, error) {
	if err := s.checkChange(change); err != nil {
		return zun.ContainerDetail{}, err
	}
	var before zun.ContainerDetail
	err := s.Store.Change(ctx, func(ctx context.Context) error { // so that it is not done yet when it is read
		c, err := s.orderOn(ctx, g, ref, zun.ActionResize, func(ctx context.Context, c zun.Container) (zun.Container, zun.ActionInput, error) {
			held := heldBy(c)
			return reserved(c, change), zun.ActionInput{Change: &change, Held: &held}, s.mayBe(ctx, c, change)
		})
		if err != nil {
			return err
		}
		before, err = s.Store.ContainerDetail(ctx, c.ID)
		before.CPU, before.MemoryMiB = c.CPU, c.MemoryMiB
		return err
	})
	if err == nil {
		s.queue.poke(before.ID)
	}
	return before, err
}

// notResized returns a container whose resize failed.
func notResized(c zun.Container, action zun.Action) zun.Container {
	if input := inputOf(action); input.Held != nil && input.Change != nil {
		return givenBack(c, *input.Held, *input.Change)
	}
	return c
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
func (s *Service) checkChange(change zun.Change) error {
	const doing = "change a container to have"
	if change.Name != nil {
		if err := checkName("container", *change.Name); err != nil {
			return err
		}
	}
	if change.CPU != nil {
		if err := s.checkCPU(doing, *change.CPU); err != nil {
			return err
		}
	}
	if change.MemoryMiB != nil {
		return s.checkMemory(doing, *change.MemoryMiB)
	}
	return nil
}
