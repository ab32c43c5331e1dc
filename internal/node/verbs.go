package node

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gozun/gozun/zun"
)

// start starts the container, after making again whatever of it is not there.
func (t *task) start(ctx context.Context) error {
	if err := t.ensure(ctx); err != nil {
		return err
	}
	switch {
	case t.stale():
		return t.restart(ctx)
	case t.ran():
		return nil
	}
	return t.run(ctx)
}

// heal makes again what Docker has lost of the container, with the ports it has, and starts
// it if that was asked for. Who took the container away may take its sandbox away too, while
// this is under way; then it begins anew.
func (t *task) heal(ctx context.Context) error {
	const tries = 3
	for try := 1; ; try++ {
		heal := t.ensure
		if t.order.Input.Run {
			heal = t.start
		}
		err := heal(ctx)
		if err == nil || try == tries {
			return err
		}
		sandbox, lookErr := t.inspect(ctx, SandboxName(t.order.Container.ID))
		if lookErr != nil || sandbox != nil && !going(*sandbox) {
			return err
		}
	}
}

// stale reports whether the container runs in a network namespace that its sandbox no
// longer owns: it was started before the sandbox was.
func (t *task) stale() bool {
	app, sandbox := t.found.app, t.found.sandbox
	return app != nil && app.Running() && !t.remade &&
		(t.plugged || sandbox != nil && app.StartedAt.Before(sandbox.StartedAt))
}

// ran reports whether an earlier try of this action started the container: what has ended
// since is not to run again.
func (t *task) ran() bool {
	app := t.found.app
	return t.order.Action.Attempt > 1 && app != nil && !t.remade && app.StartedAt.After(t.order.Action.StartedAt)
}

func (t *task) restart(ctx context.Context) error {
	return t.stage(ctx, zun.StageContainerStart, func(ctx context.Context) (string, error) {
		ctx, cancel := t.timeout(ctx, t.order.Input.Timeout)
		defer cancel()
		return "", t.Docker.Restart(ctx, ContainerName(t.order.Container.ID), t.order.Input.Timeout)
	})
}

func (t *task) reboot(ctx context.Context) error {
	if err := t.ensure(ctx); err != nil {
		return err
	}
	if t.ran() && !t.plugged {
		return nil
	}
	return t.restart(ctx)
}

func (t *task) stop(ctx context.Context) error {
	return t.stage(ctx, zun.StageContainerStop, func(ctx context.Context) (string, error) {
		ctx, cancel := t.timeout(ctx, t.order.Input.Timeout)
		defer cancel()
		return "", t.missing(t.Docker.Stop(ctx, ContainerName(t.order.Container.ID), t.order.Input.Timeout), t.order.Container)
	})
}

func (t *task) kill(ctx context.Context) error {
	return t.stage(ctx, zun.StageContainerKill, func(ctx context.Context) (string, error) {
		return t.order.Input.Signal, t.step(ctx, func(ctx context.Context) error {
			err := t.Docker.Kill(ctx, ContainerName(t.order.Container.ID), t.order.Input.Signal)
			if t.order.Action.Attempt > 1 && zun.CodeOf(err) == zun.CodeConflict {
				return nil // it does not run: an earlier try has done it
			}
			return t.missing(err, t.order.Container)
		})
	})
}

// remove takes away the container, its sandbox and its ports. Forced, it goes on past what
// Docker refuses, which the sweep of orphans takes later; ports must be gone either way,
// since nothing would find them afterwards.
func (t *task) remove(ctx context.Context) error {
	if t.order.Input.Stop {
		if err := t.stop(ctx); err != nil && zun.CodeOf(err) == zun.CodeUnavailable {
			return err
		}
	}
	steps := []struct {
		stage  zun.Stage
		remove func(context.Context) error
	}{{zun.StageContainerDelete, t.removeContainer}, {zun.StageSandboxDelete, t.removeSandbox}}
	for _, s := range steps {
		err := t.stage(ctx, s.stage, func(ctx context.Context) (string, error) { return "", t.step(ctx, s.remove) })
		if err != nil && !t.order.Input.Force {
			return err
		}
		if err != nil {
			t.log.WarnContext(ctx, "forced delete goes on past a failure", "cause", err)
		}
	}
	if err := t.stageReleases(ctx, indexes(t.attachments), true); err != nil {
		return err
	}
	if err := t.stageGroupDelete(ctx); err != nil {
		return err
	}
	if err := t.removeFiles(ctx); err != nil {
		return err
	}
	t.deleted = true
	return nil
}

// stageReleases lets go of the ports of the attachments at these places. With all, what an
// unfinished try may have left beside them is looked for too.
func (t *task) stageReleases(ctx context.Context, places []int, all bool) error {
	unsure := all && (t.order.Action.Attempt > 1 || t.order.Input.Force || slices.ContainsFunc(t.attachments,
		func(a zun.Attachment) bool { return a.PortID == "" && !a.Preserve() }))
	if len(places) == 0 && !unsure {
		return nil
	}
	return t.stage(ctx, zun.StagePortDelete, func(ctx context.Context) (string, error) {
		var wg errgroup.Group
		for _, i := range places {
			if unsure && t.attachments[i].PortID == "" && !t.attachments[i].Preserve() {
				continue // deleteLeft finds it
			}
			wg.Go(func() error { return t.step(ctx, func(ctx context.Context) error { return t.release(ctx, i) }) })
		}
		err := wg.Wait()
		if err == nil && unsure {
			if err = t.step(ctx, func(ctx context.Context) error { return t.deleteLeft(ctx, t.ours) }); err != nil {
				err = portError{err}
			}
		}
		return "", err
	})
}

// chosen returns the places of the attachments that the action is about.
func (t *task) chosen() []int {
	var places []int
	for i, attachment := range t.attachments {
		if slices.Contains(t.order.Input.AttachmentIDs, attachment.ID) {
			places = append(places, i)
		}
	}
	return places
}

// attach puts the container on more networks. Without a sandbox only the ports are made
// ready: the start that makes the sandbox plugs them.
func (t *task) attach(ctx context.Context) error {
	places := t.chosen()
	var more []zun.Attachment
	for _, i := range places {
		more = append(more, t.attachments[i])
	}
	var wg errgroup.Group
	wg.Go(func() error { return t.stagePorts(ctx, places) })
	wg.Go(func() error { return t.stageNetworks(ctx, more) })
	err := wg.Wait()
	if err == nil {
		err = t.plug(ctx, places)
	}
	return err
}

func (t *task) plug(ctx context.Context, places []int) error {
	sandbox := SandboxName(t.order.Container.ID)
	return t.stage(ctx, zun.StagePlug, func(ctx context.Context) (string, error) {
		for _, i := range places {
			endpoint := t.endpoint(t.attachments[i])
			t.onFailure("endpoint", func(ctx context.Context) error { return t.Docker.Disconnect(ctx, sandbox, endpoint.Network) })
			err := t.step(ctx, func(ctx context.Context) error { return t.Docker.Connect(ctx, sandbox, endpoint) })
			if err != nil && zun.CodeOf(err) != zun.CodeNotFound {
				return "", err
			}
		}
		return "", nil
	})
}

// detach takes the container off networks.
func (t *task) detach(ctx context.Context) error {
	places := t.chosen()
	err := t.stage(ctx, zun.StageUnplug, func(ctx context.Context) (string, error) {
		for _, i := range places {
			network := NetworkName(t.order.Networks[t.attachments[i].NetworkID])
			if err := t.step(ctx, func(ctx context.Context) error {
				return t.Docker.Disconnect(ctx, SandboxName(t.order.Container.ID), network)
			}); err != nil {
				return "", err
			}
		}
		return "", nil
	})
	if err != nil {
		return err
	}
	if err := t.stageReleases(ctx, places, false); err != nil {
		return err
	}
	t.detached = t.order.Input.AttachmentIDs
	return nil
}
