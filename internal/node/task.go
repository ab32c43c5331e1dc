package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/gozun/gozun/zun"
)

// task is one action while it is worked on.
type task struct {
	*Agent
	order zun.Order
	story *story // nil when nobody ordered it
	log   *slog.Logger

	again       bool // an earlier try may have left something: look before making
	attachments []zun.Attachment
	group       string // the security group of the exposed ports
	image       Image
	found       seen          // what was there when the work began
	sandboxed   chan struct{} // closed when the sandbox is made
	plugged     bool          // we started the sandbox
	remade      bool          // we made the container
	imaged      bool          // the image is known to be here
	unchanged   bool          // of a rebuild: the old container is as it was
	groups      []string      // of a change of security groups: those that the container has now
	detached    []string
	deleted     bool

	mu   sync.Mutex // guards undo: branches of an action add to it side by side
	undo []undoStep
}

// undoStep takes back one thing that a failed action has made.
type undoStep struct {
	what string
	run  func(context.Context) error
}

func (a *Agent) newTask(order zun.Order) *task {
	return &task{
		Agent: a, order: order, again: order.Action.Attempt > 1 || order.Action.Kind != zun.ActionCreate,
		attachments: slices.Clone(order.Attachments), group: order.Container.ExposedGroup,
		unchanged: order.Action.Kind == zun.ActionRebuild && order.Action.Attempt == 1,
		log:       a.Log.With("container", order.Container.ID, "action", string(order.Action.Kind), "request", order.Action.RequestID),
	}
}

// work does an action to its end and tells how it went. When the agent is stopping it tells
// nothing: the action stays owed, and the next try finds what this one has made.
func (a *Agent) work(order zun.Order) {
	t := a.newTask(order)
	t.story = a.newStory(order.Action.ID)
	defer t.story.end()
	err := t.guarded(a.life)
	if a.life.Err() != nil {
		return
	}
	if err != nil {
		if t.rollBack(a.life) && order.Action.Kind == zun.ActionNetworkAttach {
			t.detached = order.Input.AttachmentIDs // nothing is left of them; else a detach can still find it
		}
		t.log.WarnContext(a.life, "action failed", "cause", err)
	}
	a.check.drop(order.Container.ID, time.Now())
	outcome := t.outcome(a.life, err)
	if a.life.Err() == nil {
		t.story.finished(outcome)
	}
}

// guarded turns a broken invariant into a failed action: one container must not take the
// host's agent down.
func (t *task) guarded(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			t.log.ErrorContext(ctx, "action panicked", "cause", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = zun.Errorf(zun.CodeInternal, "cannot %s container %s: internal error, see the log of host %s", t.order.Action.Kind, t.order.Container.ID, t.Config.Host)
		}
	}()
	return t.persist(ctx)
}

// persist does the action, and does it again when Docker went away under it and came back
// within Patience. Every step may be repeated, so nothing is undone in between.
func (t *task) persist(ctx context.Context) error {
	pause := t.backoff()
	for deadline := t.Now().Add(t.Patience); ; t.again = true {
		err := t.do(ctx)
		var port portError
		if zun.CodeOf(err) != zun.CodeUnavailable || errors.As(err, &port) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		for t.ping(ctx) != nil {
			if t.Now().After(deadline) || wait(ctx, pause.NextBackOff()) != nil {
				return err
			}
		}
		if t.Now().After(deadline) || wait(ctx, pause.NextBackOff()) != nil {
			return err
		}
	}
}

func (t *task) do(ctx context.Context) error {
	switch t.order.Action.Kind {
	case zun.ActionCreate:
		return t.create(ctx)
	case zun.ActionStart:
		return t.start(ctx)
	case zun.ActionStop:
		return t.stop(ctx)
	case zun.ActionReboot:
		return t.reboot(ctx)
	case zun.ActionKill:
		return t.kill(ctx)
	case zun.ActionPause:
		return t.pause(ctx)
	case zun.ActionUnpause:
		return t.unpause(ctx)
	case zun.ActionRebuild:
		return t.rebuild(ctx)
	case zun.ActionResize:
		return t.resize(ctx)
	case zun.ActionAddGroup, zun.ActionRemoveGroup:
		return t.regroup(ctx)
	case zun.ActionDelete:
		return t.remove(ctx)
	case zun.ActionNetworkAttach:
		return t.attach(ctx)
	case zun.ActionNetworkDetach:
		return t.detach(ctx)
	case zun.ActionHeal:
		return t.heal(ctx)
	}
	return zun.Errorf(zun.CodeNotImplemented, "cannot do action %q: host %s does not know it", t.order.Action.Kind, t.Config.Host)
}

// outcome says how the action ended and how the container is now.
func (t *task) outcome(ctx context.Context, failure error) zun.Outcome {
	outcome := zun.Outcome{
		Deleted: t.deleted && failure == nil, Detached: t.detached, Unchanged: t.unchanged && failure != nil, SecurityGroups: t.groups,
	}
	if !outcome.Deleted {
		outcome.Observation = t.observe(ctx)
	} else {
		outcome.Observation = zun.Observation{ContainerID: t.order.Container.ID, Status: zun.StatusDeleted, At: t.Now().UTC()}
	}
	if failure != nil {
		outcome.Failed, outcome.Message = true, failure.Error()
		if t.spoils() {
			outcome.Observation.Status, outcome.Observation.StatusReason = zun.StatusError, failure.Error()
			outcome.Observation.StatusDetail = ""
		}
	}
	outcome.At = t.Now().UTC()
	return outcome
}

// spoils reports whether the action, when it fails, leaves the container in Error; the
// others leave it as it is.
func (t *task) spoils() bool {
	switch t.order.Action.Kind {
	case zun.ActionCreate, zun.ActionStart, zun.ActionReboot, zun.ActionDelete, zun.ActionHeal:
		return true
	case zun.ActionRebuild:
		return !t.unchanged
	}
	return false
}

// observe looks at the container at the end of an action. What cannot be seen is not told.
func (t *task) observe(ctx context.Context) zun.Observation {
	now := t.Now().UTC()
	var s seen
	err := t.step(ctx, func(ctx context.Context) (err error) {
		s, err = t.look(ctx, t.order.Container.ID)
		return err
	})
	if err != nil {
		return zun.Observation{ContainerID: t.order.Container.ID, At: now}
	}
	t.checkMACs(ctx, s.sandbox)
	o := t.observation(t.order.Container, s)
	o.At = now
	return o
}

// stage runs a part of the action, telling its begin and its end. f returns a sentence on
// what was done.
func (t *task) stage(ctx context.Context, name zun.Stage, f func(context.Context) (string, error)) error {
	event := zun.Event{ActionID: t.order.Action.ID, Stage: name, StartedAt: t.Now().UTC()}
	t.told(func(s *story) { s.began(event) })
	detail, err := f(ctx)
	event.FinishedAt, event.Detail = t.Now().UTC(), detail
	if err != nil {
		event.Failed, event.Detail = true, err.Error()
	}
	if errors.Is(err, context.Canceled) {
		event.Detail = "given up"
	}
	t.told(func(s *story) { s.ended(event) })
	return err
}

// told tells something, if the work was ordered.
func (t *task) told(tell func(*story)) {
	if t.story != nil {
		tell(t.story)
	}
}

// onFailure notes how to take back what is about to be made; before it is made, because an
// answer may get lost.
func (t *task) onFailure(what string, run func(context.Context) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.undo = append(t.undo, undoStep{what, run})
}

// rollBack takes back what the failed action has made, the last first. What cannot be
// taken back now is found by the action that deletes the container. It reports whether all
// was.
func (t *task) rollBack(ctx context.Context) bool {
	t.mu.Lock()
	steps := slices.Clone(t.undo)
	t.mu.Unlock()
	all := true
	for _, step := range slices.Backward(steps) {
		if err := t.step(ctx, step.run); err != nil {
			all = false
			t.log.WarnContext(ctx, "cannot take back part of a failed action", "what", step.what, "cause", err)
		}
	}
	return all
}

// timeout returns ctx bounded by one step, and by what Docker itself waits beside that.
func (t *task) timeout(ctx context.Context, seconds *int) (context.Context, context.CancelFunc) {
	extra := 10 * time.Second
	if seconds != nil {
		extra = time.Duration(*seconds) * time.Second
	}
	return context.WithTimeout(ctx, t.StepTimeout+extra)
}
