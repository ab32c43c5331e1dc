package node

import (
	"context"

	"github.com/gozun/gozun/zun"
)

// rebuild makes the container anew from its image in the same sandbox, and starts it if it
// ran. The image comes first: until it is here the old container is left alone. Which
// container is the new one its label tells, however often this is tried.
func (t *task) rebuild(ctx context.Context) error {
	var have seen
	if err := t.step(ctx, func(ctx context.Context) (err error) {
		have, err = t.look(ctx, t.order.Container.ID)
		return err
	}); err != nil {
		return err
	}
	if have.app == nil || have.app.Action != t.order.Action.ID {
		if err := t.makeRoom(ctx, have.app); err != nil {
			return err
		}
	}
	t.unchanged = false
	if err := t.ensure(ctx); err != nil {
		return err
	}
	return t.runAgain(ctx)
}

// runAgain starts the new container, once: what an earlier try has started may have ended
// since by itself, unless its sandbox went down under it.
func (t *task) runAgain(ctx context.Context) error {
	app := t.found.app
	switch {
	case !t.order.Input.Run:
		return nil
	case t.stale():
		return t.restart(ctx)
	case app != nil && !app.StartedAt.IsZero() && (app.Running() || !t.plugged):
		return nil
	}
	return t.run(ctx)
}

// makeRoom gets the image here and then takes the old container away. Its process is given
// the time to end well that a stop gives it.
func (t *task) makeRoom(ctx context.Context, old *State) error {
	t.unchanged = old != nil
	if err := t.stage(ctx, zun.StageImage, t.findImage); err != nil {
		return err
	}
	t.imaged = true
	if old == nil {
		return nil
	}
	if old.Running() || old.Phase == PhaseRestarting {
		if err := t.stop(ctx); err != nil {
			return err
		}
	}
	t.unchanged = false
	return t.stage(ctx, zun.StageContainerDelete, func(ctx context.Context) (string, error) {
		return "", t.step(ctx, t.removeContainer)
	})
}
