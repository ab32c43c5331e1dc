package control

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

// clock is a time that goes on only when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// healWorld has a container that its host has lost, whose heals fail until well is called.
func healWorld(t *testing.T) (w *world, c zun.ContainerDetail, now *clock, well func()) {
	t.Helper()
	now = newClock()
	w = newWorld(t, func(config *Config) {
		config.Now, config.HealRetryMin, config.HealRetryMax = now.Now, 10*time.Second, 25*time.Second
	})
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	c = w.run(zun.ContainerRequest{Run: true, AutoHeal: true})
	w.node.edit(func(n *fakeNode) {
		delete(n.containers, c.ID)
		n.script = func(order zun.Order, o *zun.Outcome) {
			if order.Action.Kind == zun.ActionHeal {
				o.Failed, o.Message, o.Observation = true, "no image", lostOne(order.Container.ID)
			}
		}
	})
	return w, c, now, func() { w.node.edit(func(n *fakeNode) { n.script = nil }) }
}

// heals waits until a container was healed so often, in vain or not, and nothing is owed.
func (w *world) heals(id string, count int) zun.ContainerDetail {
	w.Helper()
	w.eventually(fmt.Sprintf("%s is healed %d times", id, count), func() bool {
		return strings.Count(fmt.Sprint(w.node.kinds(id)), "heal") == count
	})
	return w.settled(id)
}

// A heal that failed is tried again after pauses that double up to a bound, over restarts,
// until it works; the reason says what goes on.
func TestAHealIsTriedAgain(t *testing.T) {
	w, c, now, well := healWorld(t)
	w.must(w.Observed(t.Context(), lostOne(c.ID)))
	for i, pause := range []time.Duration{10 * time.Second, 20 * time.Second, 25 * time.Second, 25 * time.Second} {
		got := w.heals(c.ID, i+1)
		next := now.Now().Add(pause).Format(time.RFC3339)
		if want := fmt.Sprintf("no image; it is tried again at %s (auto_heal, %d failed)", next, i+1); got.Status != zun.StatusError || got.StatusReason != want {
			t.Fatalf("got %s %q, want %q", got.Status, got.StatusReason, want)
		}
		if i == 2 { // the pause goes on over a restart
			w.stop()
			w.start()
		}
		now.pass(pause - time.Second)
		w.must(w.healAgain(t.Context()))
		if owed, err := w.records.OwedActions(t.Context(), c.ID); err != nil || len(owed) > 0 {
			t.Fatalf("before its time: %v, %v", owed, err)
		}
		if i == 3 {
			well()
		}
		now.pass(time.Second)
	}
	if got := w.heals(c.ID, 5); got.Status != zun.StatusRunning || got.StatusReason != "" {
		t.Errorf("in the end it is %s %q", got.Status, got.StatusReason)
	}
	w.must(w.healAgain(t.Context()))
	w.node.edit(func(n *fakeNode) { delete(n.containers, c.ID) })
	w.must(w.Observed(t.Context(), lostOne(c.ID))) // lost again, it begins anew
	if got := w.heals(c.ID, 6); got.Status != zun.StatusRunning {
		t.Errorf("lost again it is %s %q", got.Status, got.StatusReason)
	}
}

// While it is made again the reason says so, and why the last time was in vain.
func TestAHealThatIsTriedAgainIsShown(t *testing.T) {
	w, c, now, _ := healWorld(t)
	w.must(w.Observed(t.Context(), lostOne(c.ID)))
	w.heals(c.ID, 1)
	w.node.edit(func(n *fakeNode) { n.down = zun.Wrap(zun.CodeUnavailable, errors.New("away"), "the host is away") })
	now.pass(10 * time.Second)
	w.must(w.healAgain(t.Context()))
	got, err := w.records.Container(t.Context(), c.ID)
	w.must(err)
	if want := "it is made again (auto_heal, 1 failed): no image"; got.Status != zun.StatusRebuilding || got.TaskState != zun.TaskRebuilding || got.StatusReason != want {
		t.Errorf("got %s %s %q, want %q", got.Status, got.TaskState, got.StatusReason, want)
	}
	w.node.edit(func(n *fakeNode) { n.down = nil })
	w.heals(c.ID, 2)
}

// What its user orders takes the place of the next heal: nothing is done behind it.
func TestAnOrderEndsTheHeals(t *testing.T) {
	w, c, now, _ := healWorld(t)
	w.must(w.Observed(t.Context(), lostOne(c.ID)))
	w.heals(c.ID, 1)
	w.must(w.StartContainer(t.Context(), w.grant(project, "container:start"), c.ID))
	if got := w.settled(c.ID); got.Status != zun.StatusRunning || got.StatusReason != "" {
		t.Fatalf("started by hand it is %s %q", got.Status, got.StatusReason)
	}
	now.pass(time.Hour)
	w.must(w.healAgain(t.Context()))
	w.settled(c.ID)
	if diff := cmp.Diff([]zun.ActionKind{"create", "heal", "start"}, w.node.kinds(c.ID)); diff != "" {
		t.Error(diff)
	}
}

// Whose heals fail can be told to leave it, and is then; whoever mends the cause turns healing
// on again, and it is healed. The reason says which of the two holds.
func TestHealingCanBeSwitchedInError(t *testing.T) {
	w, c, now, well := healWorld(t)
	g := w.grant(project, "container:update")
	w.must(w.Observed(t.Context(), lostOne(c.ID)))
	w.heals(c.ID, 1)
	got, err := w.UpdateContainer(t.Context(), g, c.ID, zun.Change{AutoHeal: ptr(false)})
	w.must(err)
	if got.Status != zun.StatusError || got.AutoHeal || got.StatusReason != "no image" {
		t.Errorf("switched off: %s, auto_heal %t, %q", got.Status, got.AutoHeal, got.StatusReason)
	}
	now.pass(time.Hour)
	w.must(w.healAgain(t.Context()))
	w.heals(c.ID, 1)
	got, err = w.UpdateContainer(t.Context(), g, c.ID, zun.Change{AutoHeal: ptr(true)})
	w.must(err)
	if want := "no image; it is tried again at " + now.Now().Format(time.RFC3339) + " (auto_heal, 1 failed)"; got.StatusReason != want {
		t.Errorf("switched on: %q, want %q", got.StatusReason, want)
	}
	well()
	w.must(w.healAgain(t.Context()))
	if got := w.heals(c.ID, 2); got.Status != zun.StatusRunning || got.StatusReason != "" {
		t.Errorf("in the end it is %s %q", got.Status, got.StatusReason)
	}
	for _, change := range []zun.Change{{Name: ptr("new")}, {AutoHeal: ptr(false), Name: ptr("new")}, {}} { // of others the state decides, as in Zun
		w.node.edit(func(n *fakeNode) { n.containers[c.ID] = zun.StatusDead })
		w.must(w.Observed(t.Context(), zun.Observation{ContainerID: c.ID, Status: zun.StatusDead}))
		_, err = w.UpdateContainer(t.Context(), g, c.ID, change)
		w.wantCode(err, zun.CodeInvalidState)
	}
}

// A heal that is under way ends as it ends; no other follows it.
func TestHealingCanBeSwitchedOffDuringAHeal(t *testing.T) {
	w, c, now, _ := healWorld(t)
	w.must(w.Observed(t.Context(), lostOne(c.ID)))
	w.heals(c.ID, 1)
	hold := make(chan struct{})
	w.node.edit(func(n *fakeNode) { n.hold = hold })
	now.pass(10 * time.Second)
	w.must(w.healAgain(t.Context()))
	got, err := w.UpdateContainer(t.Context(), w.grant(project, "container:update"), c.ID, zun.Change{AutoHeal: ptr(false)})
	w.must(err)
	if want := "it is made again (auto_heal, 1 failed): no image"; got.Status != zun.StatusRebuilding || got.StatusReason != want {
		t.Errorf("meanwhile: %s %q, want %q", got.Status, got.StatusReason, want)
	}
	close(hold)
	if got := w.heals(c.ID, 2); got.Status != zun.StatusError || got.StatusReason != "no image" {
		t.Errorf("in the end: %s %q", got.Status, got.StatusReason)
	}
	now.pass(time.Hour)
	w.must(w.healAgain(t.Context()))
	w.heals(c.ID, 2)
}
