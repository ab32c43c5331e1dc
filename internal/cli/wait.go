package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// waiting is what was said about waiting for an order to be carried out.
type waiting struct {
	wait, noWait bool
	timeout      time.Duration
}

func waitFlags(command *cobra.Command) *waiting {
	w := &waiting{}
	flags := command.Flags()
	flags.BoolVar(&w.wait, "wait", false, "wait until it is done (default on a terminal)")
	flags.BoolVar(&w.noWait, "no-wait", false, "return as soon as it is accepted (default in scripts)")
	flags.DurationVar(&w.timeout, "wait-timeout", 10*time.Minute, "give up waiting after this long")
	command.MarkFlagsMutuallyExclusive("wait", "no-wait")
	return w
}

func (s *session) waits(w *waiting) bool {
	return w.wait || !w.noWait && s.onTerminal(s.Stdout)
}

// order is an action that the service accepted.
type order struct {
	kind    zun.ActionKind
	verb    string // the command's word for it
	ref     string // container, by UUID where known
	brief   bool   // of a create: the container is removed when it ends
	name    string // for messages
	request string // "" when the service gave none: then the newest action is it
}

// The wait between two looks begins short, because most stages are, and grows.
const (
	firstLook   = 40 * time.Millisecond
	slowestLook = time.Second
	redrawEvery = 100 * time.Millisecond
	// badLooks in a row end the wait; a service that restarts is given that long.
	badLooks = 6
)

// await shows the order's stages until it is done. The error is endedError when it
// ended badly, and waitedError when the time was up.
func (s *session) await(ctx context.Context, c *client.Client, o order, w *waiting) error {
	bounded, stop := context.WithTimeout(ctx, w.timeout)
	defer stop()
	view := s.newView(o.verb + " " + o.name)
	err := s.watch(bounded, c, &o, view)
	view.finish(err == nil)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		s.note("no longer waiting; the %s of %s goes on: zun action-show %s %s", o.verb, o.name, o.ref, o.request)
		return ctx.Err()
	case bounded.Err() != nil:
		return waitedError{o, w.timeout}
	}
	return err
}

func (s *session) watch(ctx context.Context, c *client.Client, o *order, view *view) error {
	redraw := time.NewTicker(redrawEvery)
	defer redraw.Stop()
	interval, bad := firstLook, 0
	for {
		done, err := look(ctx, c, o, view)
		switch {
		case done:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			bad = 0
		case !passing(err):
			return err
		default:
			if bad++; bad == badLooks {
				return err
			}
		}
		next := time.NewTimer(interval)
		if !hold(ctx, next, redraw, view) {
			return ctx.Err()
		}
		interval = min(interval*5/4, slowestLook)
	}
}

// hold waits for the next look, redrawing meanwhile; false when the context ended.
func hold(ctx context.Context, next *time.Timer, redraw *time.Ticker, view *view) bool {
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-redraw.C:
			view.draw()
		case <-next.C:
			return true
		}
	}
}

// passing reports whether an error may be gone at the next look.
func passing(err error) bool {
	var unreachable *client.UnreachableError
	return errors.As(err, &unreachable) || zun.CodeOf(err) == zun.CodeUnavailable
}

// look asks once how far the order is.
func look(ctx context.Context, c *client.Client, o *order, view *view) (bool, error) {
	action, err := findAction(ctx, c, o)
	switch {
	case zun.IsNotFound(err) && o.mayTakeAway():
		return gone(ctx, c, *o)
	case err != nil:
		return false, err
	}
	view.show(action.Events)
	if action.Failed() {
		return true, failed(ctx, c, *o, action)
	}
	if action.Done() {
		return true, nil
	}
	version, err := c.Version(ctx)
	if err != nil || version.AtLeast(client.OwnNetworks) {
		return false, err
	}
	return lookAtContainer(ctx, c, *o)
}

func findAction(ctx context.Context, c *client.Client, o *order) (client.Action, error) {
	if o.request == "" {
		actions, err := c.ListActions(ctx, o.ref)
		if err != nil || len(actions) == 0 {
			return client.Action{}, err
		}
		o.request = actions[0].RequestID
	}
	return c.GetAction(ctx, o.ref, o.request)
}

// mayTakeAway reports whether the container may be gone when the order is done: it is
// deleted, or removed because its process ended.
func (o order) mayTakeAway() bool {
	switch o.kind {
	case zun.ActionDelete, zun.ActionStop, zun.ActionKill, zun.ActionStart, zun.ActionReboot, zun.ActionRebuild, zun.ActionUnpause:
		return true
	case zun.ActionCreate:
		return o.brief
	}
	return false
}

// gone reports whether a container is; with it go its actions.
func gone(ctx context.Context, c *client.Client, o order) (bool, error) {
	_, err := c.GetContainer(ctx, o.ref, false)
	if zun.IsNotFound(err) {
		return true, nil
	}
	return false, err
}

// lookAtContainer serves older services, whose actions do not always end: a deletion
// never does, and neither does what failed before it reached a host.
func lookAtContainer(ctx context.Context, c *client.Client, o order) (bool, error) {
	container, err := c.GetContainer(ctx, o.ref, false)
	switch {
	case zun.IsNotFound(err) && o.kind == zun.ActionDelete:
		return true, nil
	case err != nil:
		return zun.IsNotFound(err), err
	case container.Status == zun.StatusError && container.TaskState == "" && o.kind != zun.ActionDelete:
		return true, endedError{fmt.Errorf("the %s of %s failed: %s", o.verb, o.name, either(container.StatusReason, "no reason was given"))}
	}
	return false, nil
}

// failed makes the error of an action that ended badly. An upstream service says only
// "Error" there, and the reason on the container.
func failed(ctx context.Context, c *client.Client, o order, action client.Action) error {
	why := action.Message
	if why == "Error" {
		if container, err := c.GetContainer(ctx, o.ref, false); err == nil && container.StatusReason != "" {
			why = container.StatusReason
		}
	}
	return endedError{fmt.Errorf("the %s of %s failed: %s", o.verb, o.name, why)}
}
