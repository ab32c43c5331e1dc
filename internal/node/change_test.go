package node_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// rebuilding has a container run from one image and be recorded with another.
func rebuilding(w *world) {
	running(w)
	w.memory.images["web2"] = node.Image{Command: []string{"/web2"}}
	w.record(func(c *zun.Container) { c.Image, c.Command, c.Status = "web2", nil, zun.StatusRebuilding })
}

// record changes the container's record, as the control side does when it takes an order.
func (w *world) record(change func(*zun.Container)) {
	w.records.mu.Lock()
	defer w.records.mu.Unlock()
	order := w.records.orders[w.order.Container.ID]
	change(&order.Container)
	w.records.orders[w.order.Container.ID] = order
}

// wantRebuilt checks that the container is the new one, in the old place.
func (w *world) wantRebuilt() {
	w.tb.Helper()
	w.wantRunning()
	app, sandbox := w.memory.all()[0], w.memory.all()[1]
	if app.Role != node.RoleContainer || !slices.Equal(app.Command, []string{"/web2"}) {
		w.tb.Errorf("it runs %+v", app)
	}
	for _, attachment := range w.records.attachments(w.order.Container.ID) {
		network := w.order.Networks[attachment.NetworkID]
		if sandbox.Endpoints[node.NetworkName(network)].PortID != attachment.PortID {
			w.tb.Errorf("the sandbox is on %+v, the record says %+v", sandbox.Endpoints, attachment)
		}
	}
}

func TestKill9WhileAContainerIsChanged(t *testing.T) {
	paused := func(w *world) {
		running(w)
		w.do(zun.ActionPause, zun.ActionInput{})
	}
	phase := func(want node.Phase) func(*world) {
		return func(w *world) {
			if app := w.memory.all()[0]; app.Phase != want {
				w.tb.Errorf("it is %s", app.Phase)
			}
		}
	}
	grouped := func(want ...string) func(*world) {
		return func(w *world) {
			for _, port := range w.neutron.all() {
				if !slices.Equal(port.SecurityGroups, want) {
					w.tb.Errorf("port %s has %v, want %v", port.ID, port.SecurityGroups, want)
				}
			}
		}
	}
	two := 2.0
	for name, c := range map[string]struct {
		kind  zun.ActionKind
		input zun.ActionInput
		ready func(*world)
		check func(*world)
	}{
		"rebuild": {zun.ActionRebuild, zun.ActionInput{Run: true}, rebuilding, (*world).wantRebuilt},
		"rebuild of what is gone": {zun.ActionRebuild, zun.ActionInput{Run: true}, func(w *world) {
			rebuilding(w)
			w.memory.things = map[string]*node.State{}
		}, (*world).wantRebuilt},
		"rebuild of what is stopped": {zun.ActionRebuild, zun.ActionInput{}, func(w *world) {
			rebuilding(w)
			w.do(zun.ActionStop, zun.ActionInput{})
		}, phase(node.PhaseCreated)},
		"pause":   {zun.ActionPause, zun.ActionInput{}, running, phase(node.PhasePaused)},
		"unpause": {zun.ActionUnpause, zun.ActionInput{}, paused, phase(node.PhaseRunning)},
		"resize": {zun.ActionResize, zun.ActionInput{Change: &zun.Change{CPU: &two}}, running, func(w *world) {
			for _, got := range w.memory.resources {
				if got.CPU != 2 {
					w.tb.Errorf("got %+v", got)
				}
			}
		}},
		"add group": {zun.ActionAddGroup, zun.ActionInput{SecurityGroup: "b"}, func(w *world) {
			w.record(func(c *zun.Container) { c.SecurityGroups = []string{"a"} })
			running(w)
			w.neutron.edit(func(p *zun.Port) { p.SecurityGroups = []string{"a"} })
		}, grouped("a", "b")},
		"remove group": {zun.ActionRemoveGroup, zun.ActionInput{SecurityGroup: "a"}, func(w *world) {
			running(w)
			w.neutron.edit(func(p *zun.Port) { p.SecurityGroups = []string{"a"} })
		}, grouped()},
	} {
		killAnywhere(t, name, c.kind, c.input, c.ready, c.check)
	}
}

// edit changes every port.
func (n *neutron) edit(change func(*zun.Port)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, port := range n.ports {
		change(&port)
		n.ports[id] = port
	}
}

// Until the image is here nothing is taken away; later a failure leaves it in Error, with
// its ports, and another rebuild mends that.
func TestARebuildThatFailsAnywhere(t *testing.T) {
	everyCall(t, false, refusal, func(t *testing.T, w *world) {
		at := w.at
		w.arm(-1, false, nil)
		rebuilding(w)
		w.arm(at, false, refusal)
		outcome := w.do(zun.ActionRebuild, zun.ActionInput{Run: true})
		w.mu.Lock()
		verb := w.verb
		w.mu.Unlock()
		switch {
		case !outcome.Failed:
			w.wantRebuilt()
			return
		case outcome.Unchanged:
			if outcome.Observation.Status != zun.StatusRunning && outcome.Observation.Status != zun.StatusStopped || !slices.Equal(w.memory.all()[0].Command, []string{"/web"}) {
				t.Errorf("after %s: got %+v", verb, outcome)
			}
		case outcome.Observation.Status != zun.StatusError:
			t.Errorf("after %s: got %+v", verb, outcome)
		}
		if !strings.Contains(outcome.Message, verb) {
			t.Errorf("after %s: %s", verb, outcome.Message)
		}
		w.record(func(c *zun.Container) { c.Command = nil })
		if got := w.do(zun.ActionRebuild, zun.ActionInput{Run: true}); got.Failed {
			t.Errorf("another rebuild: got %+v", got)
		}
		w.wantRebuilt()
	})
}

func TestARebuildFromAnImageThatIsNotToBeHad(t *testing.T) {
	w := newWorld(t)
	running(w)
	before := w.memory.all()
	w.record(func(c *zun.Container) { c.Image, c.ImagePullPolicy = "typo", "never" })
	outcome := w.do(zun.ActionRebuild, zun.ActionInput{Run: true})
	if !outcome.Failed || !outcome.Unchanged || outcome.Observation.Status != zun.StatusRunning || !strings.Contains(outcome.Message, "image typo is not on host h") {
		t.Errorf("got %+v", outcome)
	}
	if after := w.memory.all(); after[0].ID != before[0].ID || after[1].ID != before[1].ID {
		t.Errorf("before %+v, after %+v", before, after)
	}
	stages := w.records.stages(2)
	if len(stages) != 1 || stages[0].Stage != zun.StageImage || !stages[0].Failed {
		t.Errorf("stages %+v", stages)
	}
}

// The sandbox, and with it the network namespace, is the old one all the time.
func TestARebuildKeepsTheSandbox(t *testing.T) {
	w := newWorld(t)
	rebuilding(w)
	before := w.memory.all()
	calls := len(w.neutron.called())
	if outcome := w.do(zun.ActionRebuild, zun.ActionInput{Run: true}); outcome.Failed || outcome.Observation.Status != zun.StatusRunning {
		t.Fatalf("got %+v", outcome)
	}
	w.wantRebuilt()
	after := w.memory.all()
	if after[1].ID != before[1].ID || after[0].ID == before[0].ID {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if got := w.neutron.called()[calls:]; len(got) != 0 {
		t.Errorf("Neutron was asked %v", got)
	}
	var stages []zun.Stage
	for _, event := range w.records.stages(2) {
		stages = append(stages, event.Stage)
	}
	want := []zun.Stage{zun.StageImage, zun.StageContainerStop, zun.StageContainerDelete, zun.StageContainerCreate, zun.StageContainerStart}
	if !slices.Equal(stages, want) {
		t.Errorf("stages %v, want %v", stages, want)
	}
}

// A container with its project's default group keeps it when it gets another.
func TestGroupsJoinTheDefaultOne(t *testing.T) {
	w := newWorld(t)
	running(w)
	w.record(func(c *zun.Container) { c.SecurityGroups = nil })
	w.neutron.edit(func(p *zun.Port) { p.SecurityGroups = []string{"default"} })
	outcome := w.do(zun.ActionAddGroup, zun.ActionInput{SecurityGroup: "mine"})
	if outcome.Failed || !slices.Equal(outcome.SecurityGroups, []string{"default", "mine"}) {
		t.Errorf("got %+v", outcome)
	}
	w.record(func(c *zun.Container) { c.SecurityGroups = outcome.SecurityGroups })
	outcome = w.do(zun.ActionRemoveGroup, zun.ActionInput{SecurityGroup: "default"})
	if outcome.Failed || !slices.Equal(outcome.SecurityGroups, []string{"mine"}) {
		t.Errorf("got %+v", outcome)
	}
}

// When one port does not take the group the others are as they were.
func TestGroupsAreOnAllPortsOrOnNone(t *testing.T) {
	w := newWorld(t)
	running(w)
	w.neutron.edit(func(p *zun.Port) { p.SecurityGroups = []string{"a"} })
	w.arm(3, false, refusal) // the second port's change, after two reads and a write
	outcome := w.do(zun.ActionAddGroup, zun.ActionInput{SecurityGroup: "b"})
	if !outcome.Failed || !strings.Contains(outcome.Message, "neutron.UpdatePort") || outcome.Observation.Status != zun.StatusRunning {
		t.Fatalf("got %+v", outcome)
	}
	for _, port := range w.neutron.all() {
		if !slices.Equal(port.SecurityGroups, []string{"a"}) {
			t.Errorf("port %+v", port)
		}
	}
}

func TestPauseOfWhatDoesNotRun(t *testing.T) {
	w := newWorld(t)
	stopped(w)
	if outcome := w.do(zun.ActionPause, zun.ActionInput{}); !outcome.Failed || outcome.Observation.Status != zun.StatusStopped {
		t.Errorf("got %+v", outcome)
	}
	w.memory.things = map[string]*node.State{}
	for _, kind := range []zun.ActionKind{zun.ActionPause, zun.ActionUnpause, zun.ActionResize} {
		if outcome := w.do(kind, zun.ActionInput{}); !outcome.Failed || !strings.Contains(outcome.Message, "is not in Docker on host h") {
			t.Errorf("%s: got %+v", kind, outcome)
		}
	}
}
