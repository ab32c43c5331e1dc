package control

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/gozun/gozun/zun"
)

// StageBegan records that a stage of an action began. A stage of an action whose
// container is gone is forgotten.
func (s *Service) StageBegan(ctx context.Context, event zun.Event) error {
	if event.StartedAt.IsZero() {
		event.StartedAt = s.now()
	}
	return s.saveEvent(ctx, event)
}

// StageEnded records that a stage of an action ended. Told without its beginning, it
// began when it ended.
func (s *Service) StageEnded(ctx context.Context, event zun.Event) error {
	if event.FinishedAt.IsZero() {
		event.FinishedAt = s.now()
	}
	return s.saveEvent(ctx, event)
}

func (s *Service) saveEvent(ctx context.Context, event zun.Event) error {
	if err := s.Store.SaveEvent(ctx, event); !zun.IsNotFound(err) {
		return err
	}
	return nil
}

// Plugged records an attachment's port, MAC and addresses.
func (s *Service) Plugged(ctx context.Context, attachment zun.Attachment) error {
	err := s.Store.Change(ctx, func(ctx context.Context) error {
		a, err := s.Store.Attachment(ctx, attachment.ID)
		if err != nil {
			return err
		}
		a.PortID, a.MAC, a.Addresses = attachment.PortID, attachment.MAC, attachment.Addresses
		return s.Store.SaveAttachment(ctx, a)
	})
	if zun.IsNotFound(err) {
		// Telling it again would not help; the sweep finds a port without an attachment.
		s.Log.Warn("a port was made for an attachment that is gone", "attachment", attachment.ID, "port", attachment.PortID)
		return nil
	}
	return err
}

// Exposed records the security group of a container's exposed ports, or that it is gone.
func (s *Service) Exposed(ctx context.Context, containerID, groupID string) error {
	err := s.Store.Change(ctx, func(ctx context.Context) error {
		c, err := s.Store.Container(ctx, containerID)
		if err != nil || c.ExposedGroup == groupID {
			return err
		}
		before := c.ExposedGroup
		c.SecurityGroups = slices.DeleteFunc(slices.Clone(c.SecurityGroups), func(id string) bool { return id == before })
		if c.ExposedGroup = groupID; groupID != "" {
			c.SecurityGroups = append(c.SecurityGroups, groupID)
		}
		c.UpdatedAt = s.now()
		return s.Store.SaveContainer(ctx, c)
	})
	if zun.IsNotFound(err) {
		return nil // the delete that removed the record looked for the group, too
	}
	return err
}

// Observed records a change of state that nobody ordered, unless an action on the
// container is owed: its end tells the state then. A container with AutoRemove that has
// ended is ordered to be deleted, and one with AutoHeal that is lost to be made again.
func (s *Service) Observed(ctx context.Context, observation zun.Observation) error {
	c, err := s.Store.Container(ctx, observation.ContainerID)
	if zun.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if after, changed := observed(c, observation); !changed && !ended(after) {
		return nil // the periodic comparison tells what is known already, of every container
	}
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		c, err := s.Store.Container(ctx, observation.ContainerID)
		if err != nil {
			return err
		}
		owed, err := s.Store.OwedActions(ctx, c.ID)
		if err != nil || len(owed) > 0 {
			return err
		}
		if lost(c, observation) {
			return s.heal(ctx, c, alive(c.Status))
		}
		after, changed := observed(c, observation)
		if ended(after) {
			return s.removeByItself(ctx, after)
		}
		if !changed {
			return nil
		}
		after.UpdatedAt = s.now()
		return s.Store.SaveContainer(ctx, after)
	})
	if err == nil && (c.AutoRemove || lost(c, observation)) {
		s.queue.poke(c.ID)
	}
	if zun.IsNotFound(err) {
		return nil
	}
	return err
}

// ended reports whether a container is to be removed by itself.
func ended(c zun.Container) bool {
	return c.AutoRemove && (c.Status == zun.StatusStopped || c.Status == zun.StatusDead || c.Status == zun.StatusDeleted)
}

// removeByItself orders the deletion of a container that ended and asked for it.
func (s *Service) removeByItself(ctx context.Context, c zun.Container) error {
	owner := zun.Identity{UserID: c.UserID, ProjectID: c.ProjectID}
	ctx = zun.WithRequestID(ctx, "")
	return s.record(ctx, owner, c, zun.ActionDelete, zun.ActionInput{Force: true})
}

// observed returns a container as an observation changes it, and whether it does.
func observed(c zun.Container, o zun.Observation) (zun.Container, bool) {
	before := c
	if !keepsError(c, o) {
		unhealthy := o.Status == zun.StatusRunning && strings.HasPrefix(c.StatusReason, zun.ReasonUnhealthy)
		if o.Status != "" && (o.Status != c.Status || unhealthy) {
			c.Status, c.StatusReason = o.Status, o.StatusReason
		}
		setIf(&c.StatusReason, o.StatusReason)
	}
	setIf(&c.StatusDetail, o.StatusDetail)
	setIf(&c.SandboxID, o.SandboxID)
	setIf(&c.DockerID, o.DockerID)
	setIf(&c.Runtime, o.Runtime)
	setIf(&c.Hostname, o.Hostname)
	if len(o.Command) > 0 {
		c.Command, c.ImageCommand = o.Command, c.ImageCommand || len(c.Command) == 0
	}
	if len(o.Entrypoint) > 0 {
		c.Entrypoint, c.ImageEntrypoint = o.Entrypoint, c.ImageEntrypoint || len(c.Entrypoint) == 0
	}
	if len(o.Ports) > 0 {
		c.Ports = o.Ports
	}
	if !o.StartedAt.IsZero() {
		c.StartedAt = o.StartedAt.UTC().Truncate(1000)
	}
	return c, !reflect.DeepEqual(before, c)
}

// keepsError reports whether a container in Error stays so, with its reason: unless it
// runs after all, what Docker has left of it says less than why.
func keepsError(c zun.Container, o zun.Observation) bool {
	return c.Status == zun.StatusError && o.Status != zun.StatusRunning
}

func setIf[T comparable](field *T, value T) {
	var zero T
	if value != zero {
		*field = value
	}
}

// refresh looks at a container that is on a host and has nothing owed, and records what
// it sees. A host that does not answer in time changes nothing. It reports whether it looked.
func (s *Service) refresh(ctx context.Context, c zun.Container) bool {
	if c.Host == "" || c.TaskState != "" || !s.looked.due(c.ID, s.Now(), s.ObserveEvery) {
		return false
	}
	node, ok := s.Nodes.Node(c.Host)
	if !ok {
		return false
	}
	bounded, cancel := context.WithTimeout(ctx, s.ObserveTimeout)
	defer cancel()
	observation, err := node.Observe(bounded, c)
	if err != nil {
		s.Log.Debug("cannot observe a container", "container", c.ID, "host", c.Host, "error", err)
		return true
	}
	observation.ContainerID = c.ID
	if err := s.Observed(ctx, observation); err != nil {
		s.Log.Error("cannot record an observation", "container", c.ID, "error", err)
	}
	return true
}

// Containers returns the containers that are recorded as placed on a host.
func (s *Service) Containers(ctx context.Context, host string) ([]zun.Order, error) {
	details, err := s.Store.ContainersOn(ctx, host)
	if err != nil {
		return nil, err
	}
	files, err := s.Store.FilesOn(ctx, host)
	if err != nil {
		return nil, err
	}
	orders := make([]zun.Order, len(details))
	for i, detail := range details {
		orders[i] = zun.Order{Container: detail.Container, Networks: map[string]zun.Network{}, Files: files[detail.ID]}
		if orders[i].Registry, err = s.access(ctx, detail.RegistryID); err != nil {
			return nil, err
		}
		for _, net := range detail.Nets {
			orders[i].Attachments = append(orders[i].Attachments, net.Attachment)
			orders[i].Networks[net.Network.ID] = net.Network
		}
	}
	return orders, nil
}
