package node

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/gozun/gozun/zun"
)

// gather is how long changes are collected before they are looked into: the end of a
// sandbox and that of its container come as two.
const gather = 20 * time.Millisecond

// reviveAgain is how soon a container that could not be brought back is tried again.
const reviveAgain = 2 * time.Second

// checks are the comparisons that are due.
type checks struct {
	mu    sync.Mutex
	ids   map[string]time.Time // containers that something happened to, and when it came
	whole bool                 // all of them, and with their times
	kick  chan struct{}
}

func newChecks() *checks { return &checks{ids: map[string]time.Time{}, kick: make(chan struct{}, 1)} }

// want asks for the comparison of one container, or with "" of all.
func (c *checks) want(id string) {
	c.mu.Lock()
	if id == "" {
		c.whole = true
	} else {
		c.ids[id] = time.Now()
	}
	c.mu.Unlock()
	c.wake()
}

func (c *checks) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// drop forgets what happened to a container up to the moment someone looked at it: it has
// been told.
func (c *checks) drop(id string, looked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, due := c.ids[id]; due && !at.After(looked) {
		delete(c.ids, id)
	}
}

// idle has what happened to a container while it was worked on looked into.
func (c *checks) idle(id string) {
	c.mu.Lock()
	_, due := c.ids[id]
	c.mu.Unlock()
	if due {
		c.wake()
	}
}

// take returns what is due now. Containers that are being worked on stay due.
func (c *checks) take(idle func(string) bool) (ids map[string]bool, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids, whole, c.whole = map[string]bool{}, c.whole, false
	for id := range maps.Clone(c.ids) {
		if idle(id) {
			ids[id] = true
			delete(c.ids, id)
		}
	}
	return ids, whole
}

// Run watches Docker and heals until ctx ends; then it waits for the work under way to
// stop where it is, from where the next start takes it up.
func (a *Agent) Run(ctx context.Context) error {
	defer a.lanes.wait()
	defer a.end()
	stop := context.AfterFunc(ctx, a.end)
	defer stop()
	var tasks sync.WaitGroup
	tasks.Go(func() { a.compareLoop(ctx) })
	defer tasks.Wait()
	pause := a.backoff()
	for logged := false; ctx.Err() == nil; {
		err := a.Docker.Watch(ctx, a.Owner, func() {
			pause.Reset()
			logged = false
			a.once.Do(func() { close(a.ready) })
			a.check.want("")
		}, func(change Change) { a.check.want(change.ContainerID) })
		if ctx.Err() == nil && !logged {
			logged = true
			a.Log.WarnContext(ctx, "Docker's events broke off, trying again", "cause", err)
		}
		if wait(ctx, pause.NextBackOff()) != nil {
			return nil
		}
	}
	return nil
}

// compareLoop makes the comparisons that are due, and one of all every CompareEvery.
func (a *Agent) compareLoop(ctx context.Context) {
	ticker := time.NewTicker(a.CompareEvery)
	defer ticker.Stop()
	pause := a.backoff()
	for {
		every := false
		select {
		case <-ctx.Done():
			return
		case <-a.check.kick:
		case <-ticker.C:
			every = true
		}
		if wait(ctx, gather) != nil {
			return
		}
		ids, whole := a.check.take(a.lanes.idle)
		if len(ids) == 0 && !whole && !every {
			continue
		}
		err := a.compare(ctx, ids, whole, whole || every)
		if err == nil {
			pause.Reset()
			continue
		}
		if ctx.Err() != nil {
			return
		}
		a.Log.WarnContext(ctx, "cannot compare the records with Docker, trying again", "cause", err)
		if wait(ctx, pause.NextBackOff()) != nil {
			return
		}
		a.check.want("")
	}
}

// compare looks into the containers named; with all into every one that does not look calm
// in Docker's list, and for orphans; with whole into every one.
func (a *Agent) compare(ctx context.Context, ids map[string]bool, whole, all bool) error {
	since := time.Now()
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	orders, err := a.Reports.Containers(ctx, a.Config.Host)
	if err != nil {
		return err
	}
	states, err := a.Docker.List(ctx, a.Owner)
	if err != nil {
		return err
	}
	found, recorded := byContainer(states), map[string]bool{}
	for _, order := range orders {
		id := order.Container.ID
		recorded[id] = true
		if ids[id] || whole || all && !calm(order.Container, found[id]) {
			a.lanes.addIfIdle(id, since, func() { a.settle(order, since) })
		}
		delete(found, id)
	}
	if all {
		a.sweep(found, since)
		a.sweepFiles(recorded, since)
		a.lanes.forget(since.Add(-time.Hour))
	}
	return nil
}

func byContainer(states []State) map[string]seen {
	found := map[string]seen{}
	for i := range states {
		s := found[states[i].ContainerID]
		switch states[i].Role {
		case RoleSandbox:
			s.sandbox = &states[i]
		case RoleContainer:
			s.app = &states[i]
		}
		found[states[i].ContainerID] = s
	}
	return found
}

// settle brings record and Docker together, whichever is right. The record was read at
// since; if an action has touched the container after that, it is not worth looking.
func (a *Agent) settle(order zun.Order, since time.Time) {
	c := order.Container
	defer a.panicked(c.ID)
	if a.life.Err() != nil || !a.lanes.untouched(c.ID, since) {
		return
	}
	var s seen
	a.check.drop(c.ID, time.Now())
	err := a.step(a.life, func(ctx context.Context) (err error) {
		s, err = a.look(ctx, c.ID)
		return err
	})
	if err != nil {
		a.Log.WarnContext(a.life, "cannot compare a container with its record", "container", c.ID, "cause", err)
		return
	}
	switch judge(c, s) {
	case verdictReport:
		o := a.observation(c, s)
		a.Log.InfoContext(a.life, "container changed by itself", "container", c.ID, "was", string(c.Status), "is", string(o.Status))
		a.tell(a.life, func(ctx context.Context) error { return a.Reports.Observed(ctx, o) })
	case verdictRevive:
		a.revive(order)
	}
}

// revive brings back a container that daemon, host or hand took down: its sandbox first,
// with the same ports, then itself.
func (a *Agent) revive(order zun.Order) {
	if err := a.Docker.Ping(a.life); err != nil {
		// What a dockerd that is ending were made to start now, it would leave behind.
		time.AfterFunc(reviveAgain, func() { a.check.want(order.Container.ID) })
		return
	}
	t := a.newTask(order)
	t.again = true
	t.log.InfoContext(a.life, "bringing back a container whose sandbox went down")
	err := t.start(a.life)
	if a.life.Err() != nil {
		return
	}
	a.check.drop(order.Container.ID, time.Now())
	o := t.observe(a.life)
	if err != nil {
		t.log.WarnContext(a.life, "cannot bring back a container yet", "cause", err)
		time.AfterFunc(reviveAgain, func() { a.check.want(order.Container.ID) })
		o = zun.Observation{ContainerID: order.Container.ID, Status: zun.StatusRestarting, StatusReason: "trying to bring it back: " + err.Error(), At: t.Now().UTC()}
		if zun.CodeOf(err) == zun.CodeUnavailable && !errors.As(err, new(portError)) {
			return // Docker is away; what it has is not known
		}
	}
	for _, attachment := range t.attachments {
		if a.changed(order, attachment) {
			a.tell(a.life, func(ctx context.Context) error { return a.Reports.Plugged(ctx, attachment) })
		}
	}
	a.tell(a.life, func(ctx context.Context) error { return a.Reports.Observed(ctx, o) })
}

// changed reports whether the attachment got another port or MAC than the order has.
func (a *Agent) changed(order zun.Order, now zun.Attachment) bool {
	for _, was := range order.Attachments {
		if was.ID == now.ID {
			return was.PortID != now.PortID || was.MAC != now.MAC
		}
	}
	return true
}

// sweep removes what carries our label, is older than the grace and is in no record: what
// is left when a delete was recorded and a crash or a refusal kept Docker's part. Ports are
// not looked for: a record is only dropped when its ports are gone.
func (a *Agent) sweep(unknown map[string]seen, since time.Time) {
	for id, s := range unknown {
		if id == "" || !a.old(s.app) || !a.old(s.sandbox) {
			continue
		}
		a.lanes.addIfIdle(id, since, func() { a.removeOrphan(id, s) })
	}
}

func (a *Agent) old(s *State) bool { return s == nil || a.Now().Sub(s.Created) > a.OrphanGrace }

func (a *Agent) removeOrphan(id string, s seen) {
	defer a.panicked(id)
	for _, state := range []*State{s.app, s.sandbox} {
		if state == nil {
			continue
		}
		a.Log.WarnContext(a.life, "removing what no record knows", "container", id, "docker", state.ID, "role", string(state.Role))
		if err := a.step(a.life, func(ctx context.Context) error { return a.Docker.Remove(ctx, state.ID) }); err != nil {
			a.Log.WarnContext(a.life, "cannot remove what no record knows", "container", id, "cause", err)
			return
		}
	}
}
