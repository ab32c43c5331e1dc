package node_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/internal/node/docker"
	"github.com/gozun/gozun/zun"
)

// engine returns a client of the local Docker with Docker's own bridge as network driver,
// so that the agent is tried without the plugin.
func engine(tb testing.TB, host string) *docker.Client {
	tb.Helper()
	client, err := docker.New(docker.Config{Host: host, Driver: "bridge", Address: os.Getenv("DOCKER_HOST")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	ctx, cancel := context.WithTimeout(tb.Context(), 5*time.Second)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		tb.Skipf("no Docker Engine here: %v", err)
	}
	return client
}

// cli runs the docker command and returns what it prints.
func cli(tb testing.TB, args ...string) string {
	tb.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		tb.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// anImage imports an image with busybox and the changes, and removes it after the test.
func anImage(tb testing.TB, changes ...string) string {
	tb.Helper()
	return anImageWith(tb, nil, changes...)
}

// anImageWith is anImage with one more file, /extra, unless that is empty.
func anImageWith(tb testing.TB, extra []byte, changes ...string) string {
	tb.Helper()
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		tb.Skipf("no busybox to make an image of: %v", err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	write := func(header *tar.Header, body []byte) {
		header.Size = int64(len(body))
		if err := w.WriteHeader(header); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			tb.Fatal(err)
		}
	}
	write(&tar.Header{Name: "bin/busybox", Mode: 0o755}, program)
	for _, name := range []string{"sh", "sleep", "echo", "cat", "ip", "hostname", "true", "false", "yes", "head", "kill", "printf"} {
		write(&tar.Header{Name: "bin/" + name, Typeflag: tar.TypeSymlink, Linkname: "busybox"}, nil)
	}
	if len(extra) > 0 {
		write(&tar.Header{Name: "extra", Mode: 0o644}, extra)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	ref := "gozun-test/node-" + uuid.NewString()[:8]
	args := []string{"import"}
	for _, change := range changes {
		args = append(args, "--change", change)
	}
	command := exec.Command("docker", append(args, "-", ref)...)
	command.Stdin = &archive
	if out, err := command.CombinedOutput(); err != nil {
		tb.Fatalf("docker import: %v: %s", err, out)
	}
	tb.Cleanup(func() { cli(tb, "rmi", "-f", ref) })
	return ref + ":latest"
}

// free remembers which subnets this run has used; Docker refuses a second bridge on one.
type subnets struct {
	mu   sync.Mutex
	next int
}

// aSubnet returns a range for a bridge that nothing on this machine uses.
func aSubnet(tb testing.TB, used *subnets) string {
	tb.Helper()
	used.mu.Lock()
	defer used.mu.Unlock()
	routes, err := exec.Command("ip", "-o", "route").Output()
	if err != nil {
		tb.Skipf("cannot read routes: %v", err)
	}
	for range 250 {
		used.next++
		cidr := fmt.Sprintf("10.%d.%d.0/24", 213, (os.Getpid()+used.next)%250)
		if !strings.Contains(string(routes), cidr) {
			return cidr
		}
	}
	tb.Fatal("no free subnet")
	return ""
}

// bench is an agent on the real Docker with everything it needs, and the clean-up.
type workbench struct {
	tb      testing.TB
	host    string
	docker  *docker.Client
	neutron *neutron
	records *records
	agent   *node.Agent
	stop    func()
	used    subnets
	files   string
}

func newBench(tb testing.TB) *workbench {
	tb.Helper()
	host := "node-test-" + uuid.NewString()[:8]
	b := &workbench{tb: tb, host: host, docker: engine(tb, host), neutron: newNeutron(), records: newRecords(), files: tb.TempDir()}
	b.begin()
	tb.Cleanup(b.clean)
	return b
}

// begin starts an agent, the first or the next life of it.
func (b *workbench) begin() {
	b.tb.Helper()
	b.agent = node.New(node.Config{Host: b.host, Docker: b.docker, Neutron: b.neutron, Reports: b.records, RetryAfter: 10 * time.Millisecond, Files: b.files})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	agent := b.agent
	go func() { ended <- agent.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.tb.Errorf("the agent ended with %v", err)
		}
	})
	select {
	case <-agent.Ready():
	case <-time.After(30 * time.Second):
		b.tb.Fatal("the agent did not get ready")
	}
}

// clean removes all that carries this bench's label.
func (b *workbench) clean() {
	b.stop()
	label := "label=org.gozun.owner=" + b.host
	for _, kind := range []string{"container", "network"} {
		all := []string{kind, "ls", "-q", "--filter", label}
		if kind == "container" {
			all = append(all, "-a")
		}
		if ids := strings.Fields(cli(b.tb, all...)); len(ids) > 0 {
			args := []string{kind, "rm"}
			if kind == "container" {
				args = append(args, "-f", "-v")
			}
			cli(b.tb, append(args, ids...)...)
		}
	}
}

func (b *workbench) network() zun.Network {
	network := aNetwork(aSubnet(b.tb, &b.used))
	b.neutron.mu.Lock()
	defer b.neutron.mu.Unlock()
	b.neutron.prefix[network.Subnets[0].ID] = network.Subnets[0].CIDR
	return network
}

// do orders an action and waits for its end.
func (b *workbench) do(id string, kind zun.ActionKind, input zun.ActionInput) zun.Outcome {
	b.tb.Helper()
	order := b.records.order(id, kind, input)
	if err := b.agent.Accept(b.tb.Context(), order); err != nil {
		b.tb.Fatal(err)
	}
	return b.records.outcome(b.tb, order.Action.ID)
}

// must is do for an action that has to succeed.
func (b *workbench) must(id string, kind zun.ActionKind, input zun.ActionInput) zun.Outcome {
	b.tb.Helper()
	outcome := b.do(id, kind, input)
	if outcome.Failed {
		b.tb.Fatalf("%s failed: %s", kind, outcome.Message)
	}
	return outcome
}

// run creates and starts a container.
func (b *workbench) run(order zun.Order) zun.Outcome {
	b.tb.Helper()
	b.records.add(order)
	return b.must(order.Container.ID, zun.ActionCreate, zun.ActionInput{Run: true})
}

func (b *workbench) exec(id string, command ...string) string {
	b.tb.Helper()
	result, err := b.agent.Execute(b.tb.Context(), b.records.container(id), command)
	if err != nil {
		b.tb.Fatal(err)
	}
	return string(result.Output)
}

// left returns what Docker has of this bench's containers, sandboxes and networks.
func (b *workbench) left() []string {
	b.tb.Helper()
	label := "label=org.gozun.owner=" + b.host
	return strings.Fields(cli(b.tb, "container", "ls", "-aq", "--filter", label))
}

func TestALifeOnRealDocker(t *testing.T) {
	b := newBench(t)
	image := anImage(t, `ENTRYPOINT ["/bin/sh","-c"]`, `CMD ["echo born; exec sleep 1000"]`, "EXPOSE 80 443/tcp")
	network := b.network()
	order := aContainer(image, nil, network)
	order.Container.Environment = map[string]string{"COLOUR": "blue"}
	order.Container.Labels = map[string]string{"mine": "yes", "org.gozun.role": "sandbox"}
	order.Container.MemoryMiB, order.Container.CPU = 64, 0.5
	id := order.Container.ID

	created := b.run(order)
	if o := created.Observation; o.Status != zun.StatusRunning || !slices.Equal(o.Ports, []int{80, 443}) ||
		!slices.Equal(o.Entrypoint, []string{"/bin/sh", "-c"}) || len(o.Command) != 1 || o.Hostname != "web-1" || o.StartedAt.IsZero() {
		t.Errorf("created: got %+v", o)
	}
	if again, err := b.agent.Observe(t.Context(), order.Container); err != nil || !slices.Equal(again.Ports, []int{80, 443}) {
		t.Errorf("looked at anew, as after a crash: got %+v, %v", again, err)
	}
	var stages []string
	for _, event := range b.records.stages(1) {
		stages = append(stages, string(event.Stage))
		if event.Failed || event.FinishedAt.Before(event.StartedAt) {
			t.Errorf("got event %+v", event)
		}
	}
	slices.Sort(stages)
	if want := []string{"container_create", "container_start", "image", "network", "plug", "port", "sandbox"}; !slices.Equal(stages, want) {
		t.Errorf("got stages %v, want %v", stages, want)
	}
	port := b.neutron.all()[0]
	if port.DeviceID != id || port.DeviceOwner != zun.DeviceOwner || port.Host != b.host || port.Name != "web_1" || port.ProjectID != "p" {
		t.Errorf("got port %+v", port)
	}
	if got := b.neutron.called(); !slices.Equal(got, []string{"CreatePort"}) {
		t.Errorf("a run on a known network called Neutron for %v, want one write", got)
	}
	text := b.exec(id, "ip", "addr", "show", "eth0")
	if !strings.Contains(text, port.FixedIPs[0].IP.String()) || !strings.Contains(text, port.MAC) {
		t.Errorf("the container is not at %s, %s:\n%s", port.FixedIPs[0].IP, port.MAC, text)
	}
	if got := strings.TrimSpace(b.exec(id, "sh", "-c", "echo $(hostname) $COLOUR")); got != "web-1 blue" {
		t.Errorf("got %q, want the host name and the variable", got)
	}
	if role := cli(t, "inspect", "-f", `{{index .Config.Labels "org.gozun.role"}}`, node.ContainerName(id)); role != "container" {
		t.Errorf("a user's label took the place of ours: role is %q", role)
	}
	logs, err := b.agent.Logs(t.Context(), b.records.container(id), zun.LogsOptions{Stdout: true, Stderr: true, Tail: "all"})
	if err != nil || string(logs) != "born\n" {
		t.Errorf("logs: got %q, %v", logs, err)
	}

	if o := b.must(id, zun.ActionStop, zun.ActionInput{Timeout: new(int)}).Observation; o.Status != zun.StatusStopped {
		t.Errorf("stopped: got %+v", o)
	}
	if o := b.must(id, zun.ActionStart, zun.ActionInput{}).Observation; o.Status != zun.StatusRunning {
		t.Errorf("started: got %+v", o)
	}
	if o := b.must(id, zun.ActionReboot, zun.ActionInput{Timeout: new(int)}).Observation; o.Status != zun.StatusRunning || !strings.HasPrefix(o.StatusDetail, "Up ") {
		t.Errorf("rebooted: got %+v", o)
	}
	if o := b.must(id, zun.ActionKill, zun.ActionInput{Signal: "SIGKILL"}).Observation; o.Status != zun.StatusStopped || !strings.HasPrefix(o.StatusDetail, "Exited(137)") {
		t.Errorf("killed: got %+v", o)
	}
	if o := b.do(id, zun.ActionKill, zun.ActionInput{}); !o.Failed || o.Observation.Status != zun.StatusStopped {
		t.Errorf("killed when dead: got %+v", o)
	}
	for range 2 { // a second delivery finds everything gone
		order := b.records.order(id, zun.ActionDelete, zun.ActionInput{})
		order.Container, order.Attachments = aContainer(image, nil, network).Container, nil
		order.Container.ID = id
		if err := b.agent.Accept(t.Context(), order); err != nil {
			t.Fatal(err)
		}
		if outcome := b.records.outcome(t, order.Action.ID); outcome.Failed || !outcome.Deleted {
			t.Fatalf("delete: got %+v", outcome)
		}
		b.neutron.ports = map[string]zun.Port{}
	}
	if left := b.left(); len(left) > 0 {
		t.Errorf("left in Docker: %v", left)
	}
	for range 2 {
		if err := b.agent.RemoveNetwork(t.Context(), network); err != nil {
			t.Error(err)
		}
	}
}

func TestDeleteOnRealDockerLeavesNothing(t *testing.T) {
	b := newBench(t)
	image := anImage(t)
	network, second := b.network(), b.network()
	order := aContainer(image, []string{"sleep", "1000"}, network, second)
	mine := zun.Port{
		ID: uuid.NewString(), Name: "mine", NetworkID: second.NeutronNetID, MAC: "fa:16:3e:aa:bb:cc",
		FixedIPs: []zun.Address{{IP: nth(second.Subnets[0].CIDR.Addr(), 77), SubnetID: second.Subnets[0].ID}},
	}
	b.neutron.ports[mine.ID] = mine
	order.Attachments[1].RequestedPort = mine.ID
	id := order.Container.ID
	b.run(order)
	if text := b.exec(id, "ip", "addr"); !strings.Contains(text, mine.FixedIPs[0].IP.String()) {
		t.Errorf("the container is not at the user's port's address:\n%s", text)
	}
	if err := b.agent.RemoveNetwork(t.Context(), network); zun.CodeOf(err) != zun.CodeNetworkInUse {
		t.Errorf("removing a network in use: got %v", err)
	}
	if outcome := b.must(id, zun.ActionDelete, zun.ActionInput{Stop: true, Timeout: new(int)}); !outcome.Deleted {
		t.Fatalf("got %+v", outcome)
	}
	if left := b.left(); len(left) > 0 {
		t.Errorf("left in Docker: %v", left)
	}
	ports := b.neutron.all()
	if len(ports) != 1 || ports[0].ID != mine.ID || ports[0].DeviceID != "" || ports[0].DeviceOwner != "" || ports[0].Host != "" || ports[0].Name != "mine" {
		t.Errorf("got ports %+v, want the user's as it was", ports)
	}
}

func TestNetworksComeAndGoWhileAContainerRuns(t *testing.T) {
	b := newBench(t)
	first, second := b.network(), b.network()
	order := aContainer(anImage(t), []string{"sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"}, first)
	id := order.Container.ID
	b.run(order)

	attachment := anAttachment(id, second, 1)
	attachment.RequestedIPv4 = nth(second.Subnets[0].CIDR.Addr(), 99)
	b.records.attach(attachment, second)
	b.must(id, zun.ActionNetworkAttach, zun.ActionInput{AttachmentIDs: []string{attachment.ID}})
	if text := b.exec(id, "ip", "addr"); !strings.Contains(text, attachment.RequestedIPv4.String()+"/24") {
		t.Errorf("not attached:\n%s", text)
	}
	if got := b.records.attachments(id)[1]; got.PortID == "" || got.Addresses[0].IP != attachment.RequestedIPv4 {
		t.Errorf("recorded %+v", got)
	}
	for _, at := range b.records.attachments(id) { // down to none, and back
		if outcome := b.must(id, zun.ActionNetworkDetach, zun.ActionInput{AttachmentIDs: []string{at.ID}}); !slices.Equal(outcome.Detached, []string{at.ID}) {
			t.Errorf("detached: got %+v", outcome)
		}
	}
	if text := b.exec(id, "ip", "addr"); strings.Contains(text, "10.") || len(b.neutron.all()) != 0 {
		t.Errorf("still attached, or ports left %v:\n%s", b.neutron.all(), text)
	}
	b.must(id, zun.ActionReboot, zun.ActionInput{Timeout: new(int)})
	cli(t, "kill", node.SandboxName(id))
	b.records.until(t, "the sandbox is back", func(*records) bool {
		return cli(t, "ps", "-q", "--filter", "name="+node.SandboxName(id)) != "" && exec.Command("docker", "exec", node.ContainerName(id), "true").Run() == nil
	})
	if text := b.exec(id, "ip", "addr"); strings.Contains(text, "10.") {
		t.Errorf("Docker put the sandbox back on a network:\n%s", text)
	}
	again := anAttachment(id, first, 0)
	b.records.attach(again, first)
	b.must(id, zun.ActionNetworkAttach, zun.ActionInput{AttachmentIDs: []string{again.ID}})
	if text, want := b.exec(id, "ip", "addr"), b.records.attachments(id)[0].Addresses[0].IP.String(); !strings.Contains(text, want) {
		t.Errorf("not attached again at %s:\n%s", want, text)
	}
}

func TestAnExitIsSeen(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sh", "-c", "sleep 0.3; exit 3"}, b.network())
	b.run(order)
	b.records.status(t, order.Container.ID, zun.StatusStopped)
	if detail := b.records.container(order.Container.ID).StatusDetail; !strings.HasPrefix(detail, "Exited(3)") {
		t.Errorf("got detail %q", detail)
	}
	if got := cli(t, "inspect", "-f", "{{.State.Running}}", node.SandboxName(order.Container.ID)); got != "true" {
		t.Error("the sandbox went down with its container")
	}
}

func TestARemovedContainerIsSeenAndStartedAnew(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sleep", "1000"}, b.network())
	id := order.Container.ID
	b.run(order)
	cli(t, "rm", "-f", node.ContainerName(id))
	b.records.status(t, id, zun.StatusError)
	if reason := b.records.container(id).StatusReason; !strings.HasPrefix(reason, "No such container: ") {
		t.Errorf("got reason %q", reason)
	}
	if o := b.must(id, zun.ActionStart, zun.ActionInput{}).Observation; o.Status != zun.StatusRunning {
		t.Errorf("got %+v", o)
	}
}

func TestAKilledSandboxIsHealedWithTheSameAddress(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"}, b.network())
	id := order.Container.ID
	b.run(order)
	was := b.records.attachments(id)[0]
	for _, hurt := range [][]string{{"kill", node.SandboxName(id)}, {"rm", "-f", node.SandboxName(id)}} {
		started := cli(t, "inspect", "-f", "{{.State.StartedAt}}", node.ContainerName(id))
		cli(t, hurt...)
		b.records.until(t, "the container is started again", func(*records) bool {
			return cli(t, "inspect", "-f", "{{.State.StartedAt}} {{.State.Running}}", node.ContainerName(id)) != started+" true" &&
				exec.Command("docker", "exec", node.ContainerName(id), "ip", "addr", "show", "eth0").Run() == nil
		})
		if text := b.exec(id, "ip", "addr", "show", "eth0"); !strings.Contains(text, was.Addresses[0].IP.String()) || !strings.Contains(text, was.MAC) {
			t.Errorf("after %v it is not at %s, %s:\n%s", hurt, was.Addresses[0].IP, was.MAC, text)
		}
	}
	if ports := b.neutron.all(); len(ports) != 1 || ports[0].ID != was.PortID {
		t.Errorf("got ports %+v", ports)
	}
}

// TestWhatWentDownWhileTheAgentWasAwayIsBroughtBack has sandbox and container end together,
// as a restart of the daemon does, with no agent there to see it.
func TestWhatWentDownWhileTheAgentWasAwayIsBroughtBack(t *testing.T) {
	b := newBench(t)
	image := anImage(t)
	network := b.network()
	up, ended := aContainer(image, []string{"sleep", "1000"}, network), aContainer(image, []string{"sleep", "1000"}, network)
	b.run(up)
	b.run(ended)
	was := b.records.attachments(up.Container.ID)[0]
	b.stop()
	cli(t, "kill", node.ContainerName(up.Container.ID), node.SandboxName(up.Container.ID), node.ContainerName(ended.Container.ID))
	b.begin()
	b.records.status(t, ended.Container.ID, zun.StatusStopped)
	b.records.until(t, "the container runs", func(r *records) bool {
		return slices.ContainsFunc(r.observed, func(o zun.Observation) bool {
			return o.ContainerID == up.Container.ID && o.Status == zun.StatusRunning
		})
	})
	if text := b.exec(up.Container.ID, "ip", "addr", "show", "eth0"); !strings.Contains(text, was.Addresses[0].IP.String()) {
		t.Errorf("it is not at %s:\n%s", was.Addresses[0].IP, text)
	}
}

func TestBadOrdersAreRefusedAndLeaveNothing(t *testing.T) {
	b := newBench(t)
	image := anImage(t)
	network := b.network()
	for name, c := range map[string]struct {
		change func(*zun.Order)
		says   []string
	}{
		"image that is nowhere": {
			func(o *zun.Order) { o.Container.Image = "localhost:1/nowhere/such:1" },
			[]string{"image localhost:1/nowhere/such:1 is not on host " + b.host + " and cannot be pulled: "},
		},
		"image that must be here": {
			func(o *zun.Order) { o.Container.Image, o.Container.ImagePullPolicy = "gozun-test/none", "never" },
			[]string{"image gozun-test/none is not on host " + b.host + ", and its pull policy is never"},
		},
		"image name that is none": {
			func(o *zun.Order) { o.Container.Image = "Not A Name" },
			[]string{"Not A Name"},
		},
		"command that is not in the image": {
			func(o *zun.Order) { o.Container.Command = []string{"frobnicate"} },
			[]string{"cannot start container ", `exec: "frobnicate": executable file not found in $PATH`},
		},
		"no command at all": {
			func(o *zun.Order) { o.Container.Command = nil },
			[]string{"cannot create container ", "No command specified"},
		},
		"address outside the subnet": {
			func(o *zun.Order) { o.Attachments[0].RequestedIPv4 = netip.MustParseAddr("192.0.2.7") },
			[]string{"192.0.2.7"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			order := aContainer(image, []string{"sleep", "1000"}, network)
			c.change(&order)
			b.records.add(order)
			outcome := b.do(order.Container.ID, zun.ActionCreate, zun.ActionInput{Run: true})
			if !outcome.Failed || outcome.Observation.Status != zun.StatusError || outcome.Observation.StatusReason != outcome.Message {
				t.Errorf("got %+v", outcome)
			}
			for _, says := range c.says {
				if !strings.Contains(outcome.Message, says) {
					t.Errorf("message %q does not say %q", outcome.Message, says)
				}
			}
			for _, noise := range []string{"OCI runtime", "Error response", ": unknown", "runc"} {
				if strings.Contains(outcome.Message, noise) {
					t.Errorf("message %q has %q in it", outcome.Message, noise)
				}
			}
			if left, ports := b.left(), b.neutron.all(); len(left) > 0 || len(ports) > 0 {
				t.Errorf("left in Docker: %v; ports: %v", left, ports)
			}
			if at := b.records.attachments(order.Container.ID)[0]; at.PortID != "" {
				t.Errorf("the record still has port %s", at.PortID)
			}
			t.Log(outcome.Message)
		})
	}
}

// An engine before release 28 makes no network without an IPv4 subnet. That is no silence of
// the host: whoever asks for one can be told what is missing.
func TestANetworkThatTheEngineCannotMakeIsTheCallersMistake(t *testing.T) {
	b := newBench(t)
	if version := cli(t, "version", "--format", "{{.Server.APIVersion}}"); len(version) >= 4 && version >= "1.48" {
		t.Skip("this engine takes networks of IPv6 only")
	}
	network := b.network()
	network.Subnets = []zun.Subnet{{ID: uuid.NewString(), CIDR: netip.MustParsePrefix("fd00:213::/64")}}
	err := b.agent.EnsureNetwork(t.Context(), network)
	if zun.CodeOf(err) != zun.CodeInvalid || !strings.Contains(err.Error(), "IPv4 subnet") {
		t.Errorf("got %v (%s)", err, zun.CodeOf(err))
	}
}

func TestAContainerWhoseImageComesLaterCanBeStarted(t *testing.T) {
	b := newBench(t)
	image := anImage(t)
	order := aContainer("gozun-test/later-"+uuid.NewString()[:8], []string{"sleep", "1000"}, b.network())
	order.Container.ImagePullPolicy = "never"
	id := order.Container.ID
	b.records.add(order)
	if outcome := b.do(id, zun.ActionCreate, zun.ActionInput{Run: true}); !outcome.Failed {
		t.Fatalf("got %+v", outcome)
	}
	cli(t, "tag", image, order.Container.Image)
	t.Cleanup(func() { cli(t, "rmi", order.Container.Image) })
	if o := b.must(id, zun.ActionStart, zun.ActionInput{}).Observation; o.Status != zun.StatusRunning {
		t.Errorf("got %+v", o)
	}
	b.must(id, zun.ActionDelete, zun.ActionInput{Force: true})
	if left, ports := b.left(), b.neutron.all(); len(left) > 0 || len(ports) > 0 {
		t.Errorf("left in Docker: %v; ports: %v", left, ports)
	}
}

func TestAnAutoRemoveContainerEndsAsDeleted(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sleep", "0.2"}, b.network())
	order.Container.AutoRemove = true
	b.run(order)
	b.records.status(t, order.Container.ID, zun.StatusDeleted)
}

func TestExecuteAndLogs(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sh", "-c", `printf 'out\n'; sleep 0.1; printf 'err\n' >&2; sleep 0.1; printf '\377\n'; exec sleep 1000`}, b.network())
	id := order.Container.ID
	b.run(order)
	c := b.records.container(id)
	result, err := b.agent.Execute(t.Context(), c, []string{"sh", "-c", "echo one; sleep 0.1; echo two >&2; exit 7"})
	if err != nil || result.ExitCode != 7 || string(result.Output) != "one\ntwo\n" {
		t.Errorf("got %+v, %v", result, err)
	}
	_, err = b.agent.Execute(t.Context(), c, []string{"frobnicate", "-x"})
	if zun.CodeOf(err) != zun.CodeInvalid || !strings.HasSuffix(err.Error(), `exec: "frobnicate": executable file not found in $PATH`) {
		t.Errorf("unknown command: got %v", err)
	}
	result, err = b.agent.Execute(t.Context(), c, []string{"sh", "-c", "yes | head -c 3000000"})
	if err != nil || len(result.Output) > 1<<20+100 || !strings.HasSuffix(string(result.Output), "[output cut: more than 1 MiB]\n") {
		t.Errorf("got %d bytes, %v", len(result.Output), err)
	}
	b.agent.ExecuteTimeout = 200 * time.Millisecond
	_, err = b.agent.Execute(t.Context(), c, []string{"sleep", "3"})
	if zun.CodeOf(err) != zun.CodeConflict || !strings.HasPrefix(err.Error(), "Timeout on executing command: sleep 3 (") {
		t.Errorf("long command: got %v", err)
	}
	for deadline := time.Now().Add(time.Minute); ; { // it writes slowly, so that the order is certain
		text, err := b.agent.Logs(t.Context(), c, zun.LogsOptions{Stdout: true, Stderr: true})
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("got %q, %v", text, err)
		}
		if bytes.Count(text, []byte("\n")) == 3 {
			break
		}
	}
	for name, want := range map[string]struct {
		options zun.LogsOptions
		text    string
	}{
		"all":         {zun.LogsOptions{Stdout: true, Stderr: true, Tail: "all"}, "out\nerr\n\ufffd\n"},
		"errors only": {zun.LogsOptions{Stderr: true}, "err\n"},
		"last line":   {zun.LogsOptions{Stdout: true, Tail: "1"}, "\ufffd\n"},
		"from now":    {zun.LogsOptions{Stdout: true, Since: time.Now().Add(time.Hour)}, ""},
	} {
		if text, err := b.agent.Logs(t.Context(), c, want.options); err != nil || string(text) != want.text {
			t.Errorf("%s: got %q, %v, want %q", name, text, err, want.text)
		}
	}
	b.must(id, zun.ActionStop, zun.ActionInput{Timeout: new(int)})
	if _, err := b.agent.Execute(t.Context(), c, []string{"true"}); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("execute in a stopped container: got %v", err)
	}
	c.ID = uuid.NewString()
	if _, err := b.agent.Logs(t.Context(), c, zun.LogsOptions{Stdout: true}); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("logs of a container that is not there: got %v", err)
	}
}

func TestATTYsLogsAreWhole(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sh", "-c", "echo hello"}, b.network())
	order.Container.TTY, order.Container.Interactive = true, true
	b.run(order)
	b.records.status(t, order.Container.ID, zun.StatusStopped)
	text, err := b.agent.Logs(t.Context(), b.records.container(order.Container.ID), zun.LogsOptions{Stdout: true, Stderr: true})
	if err != nil || string(text) != "hello\r\n" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestDockerAway(t *testing.T) {
	client, err := docker.New(docker.Config{Host: "h1", Address: "unix://" + t.TempDir() + "/docker.sock"})
	if err != nil {
		t.Fatal(err)
	}
	agent := node.New(node.Config{Host: "h1", Docker: client, Neutron: newNeutron(), Reports: newRecords()})
	order := aContainer("x", nil, aNetwork("10.0.0.0/24"))
	_, logs := agent.Logs(t.Context(), order.Container, zun.LogsOptions{Stdout: true})
	_, execute := agent.Execute(t.Context(), order.Container, []string{"true"})
	_, observe := agent.Observe(t.Context(), order.Container)
	_, host := agent.Host(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		select {
		case <-agent.Ready():
			t.Error("the agent was ready without Docker")
		default:
		}
	}()
	for verb, err := range map[string]error{
		"Accept": agent.Accept(t.Context(), order), "Logs": logs, "Execute": execute, "Observe": observe, "Host": host,
		"EnsureNetwork": agent.EnsureNetwork(t.Context(), aNetwork("10.0.0.0/24")),
		"RemoveNetwork": agent.RemoveNetwork(t.Context(), aNetwork("10.0.0.0/24")),
	} {
		if zun.CodeOf(err) != zun.CodeUnavailable || !strings.HasSuffix(err.Error(), "Docker Engine on host h1 does not answer") {
			t.Errorf("%s: got %v", verb, err)
		}
	}
}

func TestAForeignThingOfOurNameIsLeftAlone(t *testing.T) {
	b := newBench(t)
	image := anImage(t)
	network := b.network()
	cli(t, "network", "create", network.ID)
	t.Cleanup(func() { cli(t, "network", "rm", network.ID) })
	if err := b.agent.EnsureNetwork(t.Context(), network); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("network: got %v", err)
	}
	order := aContainer(image, []string{"sleep", "1000"}, b.network())
	name := node.ContainerName(order.Container.ID)
	cli(t, "create", "--name", name, "--network", "none", image, "sleep", "1")
	t.Cleanup(func() { cli(t, "rm", "-f", name) })
	b.records.add(order)
	outcome := b.do(order.Container.ID, zun.ActionCreate, zun.ActionInput{Run: true})
	if !outcome.Failed || !strings.Contains(outcome.Message, "not ours") {
		t.Errorf("container: got %+v", outcome)
	}
	cli(t, "inspect", name) // fails the test if it is gone
}

func TestHostOfRealDocker(t *testing.T) {
	b := newBench(t)
	host, err := b.agent.Host(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if host.Name != b.host || host.CPUs < 1 || host.MemoryMiB < 128 || host.Kernel == "" || !slices.Contains(host.Runtimes, "runc") {
		text, _ := json.Marshal(host)
		t.Errorf("got %s", text)
	}
}
