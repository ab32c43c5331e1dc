package node_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// world is an agent with an engine, a Neutron and records in memory, in which one call
// goes wrong.
type world struct {
	tb      testing.TB
	memory  *memory
	neutron *neutron
	records *records
	agent   *node.Agent
	stop    func()

	mine  zun.Port // the user's own
	files string   // directory
	order zun.Order

	mu    sync.Mutex
	count int // calls so far, of engine and Neutron
	at    int // the call that goes wrong; -1: none
	after bool
	crash bool
	err   func(verb string) error
	dead  bool
	died  chan struct{}
	verb  string // that went wrong
}

// newWorld returns a world with a container to be made on two networks, on the second with
// the user's port.
func newWorld(tb testing.TB) *world {
	first, second := aNetwork("10.1.0.0/24"), aNetwork("10.2.0.0/24")
	w := &world{
		tb: tb, memory: newMemory(), neutron: newNeutron(first, second), records: newRecords(),
		order: aContainer("web", nil, first, second), at: -1, died: make(chan struct{}),
	}
	w.files = tb.TempDir()
	w.order.Container.ExposedPorts = []zun.ExposedPort{{Port: 80, Protocol: "tcp"}, {Port: 81, Protocol: "tcp"}, {Port: 53, Protocol: "udp"}}
	w.order.Files = []zun.File{{ID: uuid.NewString(), Destination: "/etc/a", Content: []byte("secret")}}
	w.memory.images["web"] = node.Image{Command: []string{"/web"}}
	w.mine = zun.Port{
		ID: uuid.NewString(), Name: "mine", MAC: "fa:16:3e:99:00:01", NetworkID: second.NeutronNetID,
		FixedIPs: []zun.Address{{IP: nth(second.Subnets[0].CIDR.Addr(), 9), SubnetID: second.Subnets[0].ID}},
	}
	w.neutron.ports[w.mine.ID] = w.mine
	w.order.Attachments[1].RequestedPort = w.mine.ID
	w.records.add(w.order)
	hooks := func(room string) (before, after func(string) error) {
		return func(verb string) error { return w.hook(room+"."+verb, false) }, func(verb string) error { return w.hook(room+"."+verb, true) }
	}
	w.memory.before, w.memory.after = hooks("docker")
	w.neutron.before, w.neutron.after = hooks("neutron")
	w.records.fail = func(string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.dead {
			return context.Canceled
		}
		return nil
	}
	w.begin()
	tb.Cleanup(func() { w.stop() })
	return w
}

func (w *world) begin() {
	w.agent = node.New(node.Config{
		Host: "h", Docker: w.memory, Neutron: w.neutron, Reports: w.records, RetryAfter: time.Millisecond, CompareEvery: time.Hour,
		Files: w.files,
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	agent := w.agent
	go func() {
		defer close(ended)
		_ = agent.Run(ctx)
	}()
	w.stop = sync.OnceFunc(func() { cancel(); <-ended })
	<-agent.Ready()
}

// hook makes the call that is due go wrong; only calls of actions count, not the agent's
// own comparisons.
func (w *world) hook(verb string, after bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return context.Canceled
	}
	if verb == "docker.List" {
		return nil
	}
	if !after {
		w.count++
	}
	if w.count-1 != w.at || after != w.after {
		return nil
	}
	w.at, w.verb = -1, verb
	if w.crash {
		w.dead = true
		close(w.died)
		return context.Canceled
	}
	return w.err(verb)
}

// arm has the call number at of those to come go wrong.
func (w *world) arm(at int, after bool, err func(verb string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count, w.at, w.after, w.err, w.crash = 0, at, after, err, err == nil
	w.verb = ""
}

// do orders an action and waits for its end, with a new life of the agent when it dies.
func (w *world) do(kind zun.ActionKind, input zun.ActionInput) zun.Outcome {
	order := w.records.order(w.order.Container.ID, kind, input)
	if err := w.agent.Accept(context.Background(), order); err != nil {
		w.tb.Fatal(err)
	}
	if w.crash {
		w.reborn(order)
	}
	return w.records.outcome(w.tb, order.Action.ID)
}

func (w *world) reborn(order zun.Order) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.records.outcome(w.tb, order.Action.ID)
	}()
	select {
	case <-ended: // there were fewer calls than that
		return
	case <-w.died:
	}
	w.stop()
	w.mu.Lock()
	w.dead, w.crash = false, false
	w.mu.Unlock()
	w.begin()
	w.records.mu.Lock()
	again := w.records.orders[order.Container.ID]
	w.records.mu.Unlock()
	again.Action, again.Input = order.Action, order.Input
	again.Action.Attempt = 2
	if err := w.agent.Accept(context.Background(), again); err != nil {
		w.tb.Fatal(err)
	}
}

// ours returns the ports that are not the user's, and fails if the user's is not as it was.
func (w *world) ours(taken bool) []zun.Port {
	w.tb.Helper()
	ports := w.neutron.all()
	i := slices.IndexFunc(ports, func(p zun.Port) bool { return p.ID == w.mine.ID })
	if i < 0 {
		w.tb.Errorf("the user's port is gone")
		return ports
	}
	if mine := ports[i]; taken != (mine.DeviceID == w.order.Container.ID) || taken != (mine.Host == "h") || taken != (mine.DeviceOwner != "") || mine.Name != "mine" {
		w.tb.Errorf("the user's port is %+v; taken should be %v", mine, taken)
	}
	return slices.Delete(ports, i, i+1)
}

func (w *world) wantNothing() {
	w.tb.Helper()
	if things := w.memory.all(); len(things) > 0 {
		w.tb.Errorf("left in Docker: %+v", things)
	}
	if ports := w.ours(false); len(ports) > 0 {
		w.tb.Errorf("left in Neutron: %+v", ports)
	}
	if c := w.records.container(w.order.Container.ID); len(w.neutron.groups) > 0 || c.ExposedGroup != "" || len(c.SecurityGroups) > 0 {
		w.tb.Errorf("left in Neutron: %+v, recorded %q %v", w.neutron.groups, c.ExposedGroup, c.SecurityGroups)
	}
	if left, err := os.ReadDir(w.files); err != nil || len(left) > 0 {
		w.tb.Errorf("left on disk: %v, %v", left, err)
	}
}

func (w *world) wantRunning() {
	w.tb.Helper()
	things := w.memory.all()
	if len(things) != 2 || !things[0].Running() || !things[1].Running() {
		w.tb.Errorf("in Docker: %+v", things)
	}
	if ports := w.ours(true); len(ports) != 1 {
		w.tb.Errorf("in Neutron: %+v", ports)
	}
	w.wantOptions()
	for _, attachment := range w.records.attachments(w.order.Container.ID) {
		if attachment.PortID == "" || len(attachment.Addresses) == 0 {
			w.tb.Errorf("recorded attachment: %+v", attachment)
		}
	}
}

// wantOptions fails unless the container has its file, and its ports one security group
// with the rules.
func (w *world) wantOptions() {
	w.tb.Helper()
	c := w.records.container(w.order.Container.ID)
	rules := []zun.Ingress{
		{Protocol: "tcp", From: 80, To: 81},
		{Protocol: "udp", From: 53, To: 53},
		{V6: true, Protocol: "tcp", From: 80, To: 81},
		{V6: true, Protocol: "udp", From: 53, To: 53},
	}
	if len(w.neutron.groups) != 1 || !slices.Equal(w.neutron.rules[c.ExposedGroup], rules) || !slices.Equal(c.SecurityGroups, []string{c.ExposedGroup}) {
		w.tb.Errorf("groups %+v with rules %+v, recorded %q of %v", w.neutron.groups, w.neutron.rules, c.ExposedGroup, c.SecurityGroups)
	}
	for _, port := range w.ours(true) {
		if !slices.Equal(port.SecurityGroups, []string{c.ExposedGroup}) {
			w.tb.Errorf("port has groups %v, not %s", port.SecurityGroups, c.ExposedGroup)
		}
	}
	place := filepath.Join(w.files, c.ID, w.order.Files[0].ID)
	if content, err := os.ReadFile(place); err != nil || string(content) != "secret" {
		w.tb.Errorf("the file holds %q, %v", content, err)
	}
	if info, err := os.Stat(filepath.Dir(place)); err != nil || info.Mode().Perm() != 0o700 {
		w.tb.Errorf("the file's directory is %v, %v", info, err)
	}
}

// refusal is an answer that says no; outage is none.
func refusal(verb string) error {
	return zun.Errorf(zun.CodeInternal, "cannot %s: it broke", verb)
}

func outage(verb string) error {
	return zun.Errorf(zun.CodeUnavailable, "cannot %s: no answer", verb)
}

// everyCall runs try with each call of an action going wrong, one after another, until an
// action has fewer calls than that.
func everyCall(t *testing.T, after bool, err func(string) error, try func(*testing.T, *world)) {
	t.Helper()
	for at := range 200 {
		more := false
		t.Run(fmt.Sprintf("call_%d", at), func(t *testing.T) {
			w := newWorld(t)
			w.arm(at, after, err)
			try(t, w)
			w.mu.Lock()
			defer w.mu.Unlock()
			more = w.count > at
			if t.Failed() {
				t.Logf("it was %s", w.verb)
			}
		})
		if !more {
			if at < 5 {
				t.Errorf("only %d calls were seen", at)
			}
			return
		}
	}
}

func TestACreateThatFailsAnywhereLeavesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		after bool
		err   func(string) error
	}{
		"refused":                     {false, refusal},
		"refused though it was done":  {true, refusal},
		"no answer":                   {false, outage},
		"no answer though it is done": {true, outage},
	} {
		t.Run(name, func(t *testing.T) {
			everyCall(t, c.after, c.err, func(t *testing.T, w *world) {
				outcome := w.do(zun.ActionCreate, zun.ActionInput{Run: true})
				w.mu.Lock()
				verb := w.verb
				w.mu.Unlock()
				if !outcome.Failed {
					w.wantRunning()
					return
				}
				if strings.HasPrefix(verb, "docker.") && strings.Contains(outcome.Message, "no answer") {
					t.Errorf("it did not wait for Docker: %s", outcome.Message)
				}
				if outcome.Observation.Status != zun.StatusError || !strings.Contains(outcome.Message, verb) {
					t.Errorf("after %s: got %+v", verb, outcome)
				}
				w.wantNothing()
				if got := w.do(zun.ActionStart, zun.ActionInput{}); got.Failed || got.Observation.Status != zun.StatusRunning {
					t.Errorf("a later start: got %+v", got)
				}
				w.wantRunning()
				if got := w.do(zun.ActionDelete, zun.ActionInput{}); got.Failed || !got.Deleted {
					t.Errorf("a later delete: got %+v", got)
				}
				w.wantNothing()
			})
		})
	}
}

// TestKill9AnywhereIsSafe has the agent die at each call, before and after its work, in
// each kind of action; its next life must end with what the action is for.
func TestKill9AnywhereIsSafe(t *testing.T) {
	third := aNetwork("10.3.0.0/24")
	for name, c := range map[string]struct {
		kind  zun.ActionKind
		input zun.ActionInput
		ready func(*world) // brings the container to where the action begins
		check func(*world)
	}{
		"create": {zun.ActionCreate, zun.ActionInput{Run: true}, nil, (*world).wantRunning},
		"start":  {zun.ActionStart, zun.ActionInput{}, stopped, (*world).wantRunning},
		"start anew": {zun.ActionStart, zun.ActionInput{}, func(w *world) {
			stopped(w)
			w.memory.things = map[string]*node.State{}
		}, (*world).wantRunning},
		"heal": {zun.ActionHeal, zun.ActionInput{Run: true}, lost, (*world).wantRunning},
		"heal the rest": {zun.ActionHeal, zun.ActionInput{}, lost, func(w *world) {
			if app := w.memory.all()[0]; app.Phase != node.PhaseCreated {
				w.tb.Errorf("got %+v", app)
			}
			w.wantOptions()
		}},
		"reboot": {zun.ActionReboot, zun.ActionInput{}, running, (*world).wantRunning},
		"kill": {zun.ActionKill, zun.ActionInput{}, running, func(w *world) {
			if app := w.memory.all()[0]; app.Running() {
				w.tb.Errorf("got %+v", app)
			}
		}},
		"delete":       {zun.ActionDelete, zun.ActionInput{Stop: true}, running, (*world).wantNothing},
		"force delete": {zun.ActionDelete, zun.ActionInput{Force: true}, running, (*world).wantNothing},
		"attach": {zun.ActionNetworkAttach, zun.ActionInput{AttachmentIDs: []string{"third"}}, func(w *world) {
			running(w)
			w.neutron.prefix[third.Subnets[0].ID] = third.Subnets[0].CIDR
			attachment := anAttachment(w.order.Container.ID, third, 2)
			attachment.ID = "third"
			w.records.attach(attachment, third)
		}, func(w *world) {
			if _, on := w.memory.all()[1].Endpoints[third.ID]; !on || len(w.ours(true)) != 2 {
				w.tb.Errorf("got %+v and ports %+v", w.memory.all(), w.ours(true))
			}
		}},
		"detach": {zun.ActionNetworkDetach, zun.ActionInput{AttachmentIDs: []string{"second"}}, func(w *world) {
			running(w)
			w.records.mu.Lock()
			defer w.records.mu.Unlock()
			w.records.orders[w.order.Container.ID].Attachments[1].ID = "second"
		}, func(w *world) {
			if len(w.memory.all()[1].Endpoints) != 1 || len(w.ours(false)) != 1 {
				w.tb.Errorf("got %+v", w.memory.all())
			}
		}},
	} {
		killAnywhere(t, name, c.kind, c.input, c.ready, c.check)
	}
}

// killAnywhere has the agent die at each call of an action, before the call's work and
// after it. ready brings the container to where the action begins, and check sees that the
// next life ended with what the action is for.
func killAnywhere(t *testing.T, name string, kind zun.ActionKind, input zun.ActionInput, ready, check func(*world)) {
	t.Helper()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("%s after %v", name, after), func(t *testing.T) {
			for at := 0; ; at++ {
				w := newWorld(t)
				if ready != nil {
					ready(w)
				}
				w.arm(at, after, nil)
				if outcome := w.do(kind, input); outcome.Failed {
					t.Errorf("call %d, %s: got %+v", at, w.verb, outcome)
				}
				check(w)
				w.stop()
				if t.Failed() {
					t.Fatalf("it was call %d, %s", at, w.verb)
				}
				if w.count <= at {
					if at < 2 {
						t.Errorf("only %d calls were seen", at)
					}
					t.Logf("died at each of %d calls", at)
					break
				}
			}
		})
	}
}

func running(w *world) {
	w.tb.Helper()
	if outcome := w.do(zun.ActionCreate, zun.ActionInput{Run: true}); outcome.Failed {
		w.tb.Fatalf("got %+v", outcome)
	}
}

// lost takes away what Docker has of a running container, behind the agent's back.
func lost(w *world) {
	running(w)
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	w.memory.things = map[string]*node.State{}
}

func stopped(w *world) {
	w.tb.Helper()
	running(w)
	if outcome := w.do(zun.ActionStop, zun.ActionInput{}); outcome.Failed {
		w.tb.Fatalf("got %+v", outcome)
	}
}

func TestReportsAreToldUntilRecorded(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	refused := map[string]int{}
	w.records.fail = func(what string) error {
		mu.Lock()
		defer mu.Unlock()
		if refused[what]++; refused[what] <= 3 {
			return zun.Errorf(zun.CodeUnavailable, "the database is away")
		}
		return nil
	}
	running(w)
	for _, event := range w.records.stages(1) {
		if event.FinishedAt.IsZero() {
			t.Errorf("the end of %s was not recorded", event.Stage)
		}
	}
	w.wantRunning()
}

func TestASecondDeliveryIsJoined(t *testing.T) {
	w := newWorld(t)
	gate := make(chan struct{})
	var once sync.Once
	began := make(chan struct{})
	w.records.fail = func(what string) error {
		if what == "Finished" {
			once.Do(func() { close(began) })
			<-gate
		}
		return nil
	}
	order := w.records.order(w.order.Container.ID, zun.ActionCreate, zun.ActionInput{Run: true})
	for range 3 {
		if err := w.agent.Accept(t.Context(), order); err != nil {
			t.Fatal(err)
		}
	}
	<-began
	if err := w.agent.Accept(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	close(gate)
	w.records.outcome(t, order.Action.ID)
	w.do(zun.ActionStop, zun.ActionInput{}) // comes behind whatever else was taken
	made := 0
	for _, verb := range w.neutron.called() {
		if verb == "CreatePort" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d ports were made for one order", made)
	}
}

// TestADeleteFindsWhatAnOutageLeft has Neutron go away for good at each of its calls, the
// work of that call done, so that nothing can be taken back.
// A dockerd that was cut off while it started a sandbox refuses ever after to start it:
// its container runtime holds a task of that id.
func TestASandboxThatIsStuckIsReplaced(t *testing.T) {
	w := newWorld(t)
	if outcome := w.do(zun.ActionCreate, zun.ActionInput{Run: true}); outcome.Failed {
		t.Fatal(outcome.Message)
	}
	w.do(zun.ActionStop, zun.ActionInput{})
	name, ports := node.SandboxName(w.order.Container.ID), w.ours(true)
	w.memory.mu.Lock()
	sandbox := w.memory.things[name]
	w.memory.halt(sandbox)
	w.memory.stuck = sandbox.ID
	w.memory.mu.Unlock()
	if outcome := w.do(zun.ActionStart, zun.ActionInput{}); outcome.Failed {
		t.Fatal(outcome.Message)
	}
	w.memory.mu.Lock()
	replaced := *w.memory.things[name]
	w.memory.mu.Unlock()
	if replaced.ID == sandbox.ID || !replaced.Running() {
		t.Errorf("the sandbox is %+v", replaced)
	}
	ids := func(ports []zun.Port) (ids []string) {
		for _, port := range ports {
			ids = append(ids, fmt.Sprint(port.ID, port.FixedIPs))
		}
		return ids
	}
	if before, after := ids(ports), ids(w.ours(true)); !slices.Equal(before, after) {
		t.Errorf("the ports were %s and are %s", before, after)
	}
}

func TestADeleteFindsWhatAnOutageLeft(t *testing.T) {
	for at := range 2 {
		w := newWorld(t)
		var mu sync.Mutex
		count, away := 0, true
		answer := func(done int) func(string) error {
			return func(string) error {
				mu.Lock()
				defer mu.Unlock()
				if count += done; away && count > at {
					return outage("call Neutron")
				}
				return nil
			}
		}
		w.neutron.before, w.neutron.after = answer(0), answer(1)
		outcome := w.do(zun.ActionCreate, zun.ActionInput{Run: true})
		if !outcome.Failed || !strings.Contains(outcome.Message, "cannot call Neutron: no answer") || outcome.Observation.Status != zun.StatusError {
			t.Errorf("create: got %+v", outcome)
		}
		if outcome := w.do(zun.ActionDelete, zun.ActionInput{Force: true}); !outcome.Failed || outcome.Deleted {
			t.Errorf("delete while ports cannot be deleted: got %+v", outcome)
		}
		mu.Lock()
		away = false
		mu.Unlock()
		if outcome := w.do(zun.ActionDelete, zun.ActionInput{}); outcome.Failed || !outcome.Deleted {
			t.Errorf("delete: got %+v", outcome)
		}
		w.wantNothing()
	}
}

func TestAStoppedAgentTakesNoWork(t *testing.T) {
	w := newWorld(t)
	w.stop()
	if err := w.agent.Accept(t.Context(), w.order); zun.CodeOf(err) != zun.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}

func TestOrphansAreRemovedAfterTheGrace(t *testing.T) {
	w := newWorld(t)
	running(w)
	w.stop()
	w.records.mu.Lock()
	delete(w.records.orders, w.order.Container.ID)
	w.records.mu.Unlock()
	sweep := func(grace time.Duration) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		agent := node.New(node.Config{Host: "h", Docker: w.memory, Neutron: w.neutron, Reports: w.records, CompareEvery: 10 * time.Millisecond, OrphanGrace: grace})
		listed := make(chan struct{}, 100)
		w.memory.mu.Lock()
		w.memory.after = func(verb string) error {
			if verb == "List" {
				listed <- struct{}{}
			}
			return nil
		}
		w.memory.mu.Unlock()
		ended := make(chan error, 1)
		go func() { ended <- agent.Run(ctx) }()
		for range 3 {
			<-listed
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	sweep(time.Hour)
	if things := w.memory.all(); len(things) != 2 {
		t.Errorf("removed before the grace was over: %+v", things)
	}
	sweep(time.Nanosecond)
	if things := w.memory.all(); len(things) != 0 {
		t.Errorf("left: %+v", things)
	}
}
