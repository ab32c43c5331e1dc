package node

import (
	"context"

	"github.com/gozun/gozun/zun"
)

// pause freezes the container's processes; its sandbox has none that matter.
func (t *task) pause(ctx context.Context) error {
	return t.onContainer(ctx, zun.StageContainerPause, t.Docker.Pause)
}

// unpause lets them go on.
func (t *task) unpause(ctx context.Context) error {
	return t.onContainer(ctx, zun.StageContainerResume, t.Docker.Unpause)
}

// resize gives the container the resources that were ordered. What is not ordered stays as
// recorded.
func (t *task) resize(ctx context.Context) error {
	c := t.order.Container
	if t.order.Input.Change != nil {
		c = t.order.Input.Change.Apply(c)
	}
	return t.onContainer(ctx, zun.StageContainerUpdate, func(ctx context.Context, name string) error {
		return t.Docker.Update(ctx, name, Resources{CPU: c.CPU, MemoryMiB: c.MemoryMiB})
	})
}

// onContainer does the one step of an action that needs nothing but the container.
func (t *task) onContainer(ctx context.Context, stage zun.Stage, do func(ctx context.Context, name string) error) error {
	return t.stage(ctx, stage, func(ctx context.Context) (string, error) {
		return "", t.step(ctx, func(ctx context.Context) error {
			return t.missing(do(ctx, ContainerName(t.order.Container.ID)), t.order.Container)
		})
	})
}
