package node_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

func TestPrivilegedAndRuntimeOnRealDocker(t *testing.T) {
	b := newBench(t)
	image := anImage(t)
	order := aContainer(image, []string{"sleep", "1000"}, b.network())
	order.Container.Privileged, order.Container.Runtime = true, "runc"
	id := order.Container.ID
	b.records.add(order)
	if o := b.must(id, zun.ActionCreate, zun.ActionInput{}).Observation; o.Runtime != "runc" {
		t.Errorf("got runtime %q", o.Runtime)
	}
	if got := cli(t, "inspect", "-f", "{{.HostConfig.Privileged}} {{.HostConfig.Runtime}}", node.ContainerName(id)); got != "true runc" {
		t.Errorf("Docker was asked for %q", got)
	}
	if everything := capabilities(t, "/proc/self/status", "CapBnd"); everything == capabilities(t, "/proc/1/status", "CapBnd") && len(strings.Trim(everything, "0f1")) == 0 {
		b.must(id, zun.ActionStart, zun.ActionInput{}) // this machine has all to give
		if text := b.exec(id, "cat", "/proc/1/status"); !strings.Contains(text, "CapEff:\t"+everything) {
			t.Errorf("privileged has not %s:\n%s", everything, text)
		}
	}
	b.must(id, zun.ActionDelete, zun.ActionInput{Force: true})

	plain := aContainer(image, []string{"sleep", "1000"}, b.network())
	if o := b.run(plain).Observation; o.Runtime != "runc" {
		t.Errorf("without a request the runtime is %q, not Docker's default", o.Runtime)
	}

	odd := aContainer(image, nil, b.network())
	odd.Container.Runtime = "kata"
	b.records.add(odd)
	outcome := b.do(odd.Container.ID, zun.ActionCreate, zun.ActionInput{})
	if !outcome.Failed || !strings.Contains(outcome.Message, `has no runtime "kata"; it has `) || !strings.Contains(outcome.Message, "runc") {
		t.Errorf("an unknown runtime: got %+v", outcome)
	}
	if len(b.neutron.all()) != 1 { // of the plain one
		t.Errorf("ports are left: %+v", b.neutron.all())
	}
}

// capabilities reads a set of capabilities of a process, in hexadecimal.
func capabilities(t *testing.T, path, name string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("%s has no %s", path, name)
	return ""
}

// A disk has its limit where Docker can give it; elsewhere the reason is told.
func TestDiskOnRealDocker(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sleep", "1000"}, b.network())
	order.Container.DiskGiB = 1
	b.records.add(order)
	outcome := b.do(order.Container.ID, zun.ActionCreate, zun.ActionInput{Run: true})
	if !outcome.Failed {
		if size := cli(t, "inspect", "-f", "{{.HostConfig.StorageOpt.size}}", node.ContainerName(order.Container.ID)); size != "1G" {
			t.Errorf("the limit is %q", size)
		}
		return
	}
	if !strings.Contains(outcome.Message, "does not support disk quota") && !strings.Contains(outcome.Message, "pquota") {
		t.Errorf("got %+v", outcome)
	}
}

func TestHealthOnRealDocker(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sleep", "1000"}, b.network())
	order.Container.Healthcheck = &zun.Healthcheck{Test: "cat /well 2>/dev/null || { echo no file; exit 1; }", Interval: 200 * time.Millisecond, Timeout: 30 * time.Second, Retries: 1}
	id := order.Container.ID
	b.run(order)
	shows := func(detail, reason string) {
		t.Helper()
		b.records.until(t, "it is "+detail, func(r *records) bool {
			c := r.orders[id].Container
			return strings.HasSuffix(c.StatusDetail, detail) && strings.HasPrefix(c.StatusReason, reason) && (reason != "") == (c.StatusReason != "")
		})
	}
	shows("(unhealthy)", "its health check fails: no file")
	b.exec(id, "sh", "-c", "echo 1 > /well")
	shows("(healthy)", "")
	if c := b.records.container(id); c.Status != zun.StatusRunning || !strings.HasPrefix(c.StatusDetail, "Up ") {
		t.Errorf("got %+v", c)
	}
}

// A file is in the container with what it holds, for whoever the container runs as, and
// what the container writes to it stays over restarts, and over being made again.
func TestFilesOnRealDocker(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t, "USER 1000:1000"), []string{"sleep", "1000"}, b.network())
	order.Files = []zun.File{
		{ID: uuid.NewString(), Destination: "/etc/app/a conf", Content: []byte("hello\n\tü")},
		{ID: uuid.NewString(), Destination: "/empty", Content: nil},
	}
	id := order.Container.ID
	b.run(order)
	holds := func(want string) {
		t.Helper()
		if got := b.exec(id, "cat", "/etc/app/a conf"); got != want {
			t.Errorf("the file holds %q, want %q", got, want)
		}
	}
	holds("hello\n\tü")
	if got := b.exec(id, "cat", "/empty"); got != "" {
		t.Errorf("the empty file holds %q", got)
	}
	cli(t, "exec", "-u", "0", node.ContainerName(id), "sh", "-c", "echo changed > '/etc/app/a conf'")
	b.must(id, zun.ActionReboot, zun.ActionInput{Timeout: new(int)})
	holds("changed\n")
	b.stop()
	cli(t, "rm", "-f", node.ContainerName(id), node.SandboxName(id))
	b.begin()
	b.must(id, zun.ActionStart, zun.ActionInput{})
	holds("changed\n")
	cli(t, "rm", "-f", node.ContainerName(id))
	if err := os.RemoveAll(filepath.Join(b.files, id)); err != nil { // a host that was set up anew
		t.Fatal(err)
	}
	b.must(id, zun.ActionStart, zun.ActionInput{})
	holds("hello\n\tü")
	b.must(id, zun.ActionDelete, zun.ActionInput{Stop: true, Timeout: new(int)})
	if left, err := os.ReadDir(b.files); err != nil || len(left) > 0 {
		t.Errorf("left on the host: %v, %v", left, err)
	}
}

// A file where the image has a directory is a clear failure that leaves nothing.
func TestAFileInThePlaceOfADirectory(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sleep", "1000"}, b.network())
	order.Files = []zun.File{{ID: uuid.NewString(), Destination: "/bin", Content: []byte("x")}}
	b.records.add(order)
	outcome := b.do(order.Container.ID, zun.ActionCreate, zun.ActionInput{Run: true})
	if !outcome.Failed || !strings.Contains(outcome.Message, "there is no place for a file at /bin: the image has a directory there") || strings.Contains(outcome.Message, b.files) {
		t.Errorf("got %+v", outcome)
	}
	if left, err := os.ReadDir(b.files); err != nil || len(left) > 0 || len(b.left()) > 0 || len(b.neutron.all()) > 0 {
		t.Errorf("left: %v, %v, %v, %v", left, err, b.left(), b.neutron.all())
	}
}

func TestExposedPortsAreShownOnRealDocker(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t, "EXPOSE 443"), []string{"sleep", "1000"}, b.network())
	order.Container.ExposedPorts = []zun.ExposedPort{{Port: 80, Protocol: "tcp"}, {Port: 443, Protocol: "udp"}}
	if o := b.run(order).Observation; !slices.Equal(o.Ports, []int{80, 443}) {
		t.Errorf("got ports %v", o.Ports)
	}
	group := b.records.container(order.Container.ID).ExposedGroup
	if port := b.neutron.all()[0]; group == "" || !slices.Equal(port.SecurityGroups, []string{group}) {
		t.Errorf("group %q, port %+v", group, port)
	}
	b.must(order.Container.ID, zun.ActionDelete, zun.ActionInput{Stop: true, Timeout: new(int)})
	if len(b.neutron.groups) > 0 {
		t.Errorf("left: %v", b.neutron.groups)
	}
}

// The loss of a container, and of its sandbox too, is told as such; heal brings it back
// where it was.
func TestHealOnRealDocker(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sleep", "1000"}, b.network())
	order.Container.AutoHeal = true
	id := order.Container.ID
	b.run(order)
	port := b.neutron.all()[0]
	for _, what := range [][]string{{node.ContainerName(id)}, {node.ContainerName(id), node.SandboxName(id)}} {
		cli(t, append([]string{"rm", "-f"}, what...)...)
		b.records.until(t, "its loss is told", func(r *records) bool {
			n := len(r.observed)
			return n > 0 && r.observed[n-1].Gone && r.observed[n-1].Status == zun.StatusError
		})
		if o := b.must(id, zun.ActionHeal, zun.ActionInput{Run: true}).Observation; o.Status != zun.StatusRunning || o.Gone {
			t.Errorf("healed: got %+v", o)
		}
		if text := b.exec(id, "ip", "addr", "show", "eth0"); !strings.Contains(text, port.FixedIPs[0].IP.String()) {
			t.Errorf("it is not at %s:\n%s", port.FixedIPs[0].IP, text)
		}
		if ports := b.neutron.all(); len(ports) != 1 || ports[0].ID != port.ID {
			t.Errorf("its ports are %+v", ports)
		}
	}
}
