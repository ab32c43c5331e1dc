package node_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/node/docker"
	"github.com/gozun/gozun/zun"
)

// daemon is a dockerd of the test's own, that may be restarted.
type daemon struct {
	tb      testing.TB
	dir     string
	address string
	bridge  string
	command *exec.Cmd
	log     bytes.Buffer
}

// aDaemon starts a dockerd that shares nothing with the machine's, and makes it the one
// that the test's docker commands talk to.
func aDaemon(t *testing.T) *daemon {
	t.Helper()
	if _, err := exec.LookPath("dockerd"); err != nil || os.Getuid() != 0 {
		t.Skip("needs dockerd and root")
	}
	dir, err := os.MkdirTemp("", "gozun-node-") // a socket's path may not be as long as t.TempDir's
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{tb: t, dir: dir, address: "unix://" + filepath.Join(dir, "docker.sock"), bridge: aBridge(t)}
	t.Setenv("DOCKER_HOST", d.address)
	t.Cleanup(func() {
		d.end(syscall.SIGTERM)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	d.start()
	return d
}

// aBridge makes a bridge for a dockerd of the test's own. Told to do without one ("none"),
// a dockerd deletes docker0, which is the machine's.
func aBridge(t *testing.T) string {
	t.Helper()
	name := "gznode" + uuid.NewString()[:6]
	for _, args := range [][]string{{"link", "add", name, "type", "bridge"}, {"address", "add", "192.0.2.1/24", "dev", name}} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("ip", "link", "delete", name).CombinedOutput(); err != nil {
			t.Errorf("ip link delete %s: %v: %s", name, err, out)
		}
	})
	return name
}

func (d *daemon) start() {
	d.tb.Helper()
	in := func(name string) string { return filepath.Join(d.dir, name) }
	d.command = exec.Command("dockerd", "--host", d.address, "--data-root", in("data"), "--exec-root", in("exec"),
		"--pidfile", in("pid"), "--config-file", in("none.json"), "--bridge", d.bridge, "--iptables=false")
	d.command.Stdout, d.command.Stderr = &d.log, &d.log
	if err := os.WriteFile(in("none.json"), []byte("{}"), 0o600); err != nil {
		d.tb.Fatal(err)
	}
	if err := d.command.Start(); err != nil {
		d.tb.Skipf("cannot start a dockerd: %v", err)
	}
	client, err := docker.New(docker.Config{Address: d.address})
	if err != nil {
		d.tb.Fatal(err)
	}
	defer client.Close()
	for deadline := time.Now().Add(time.Minute); client.Ping(d.tb.Context()) != nil; {
		if time.Now().After(deadline) {
			d.end(syscall.SIGKILL)
			d.tb.Fatalf("dockerd did not get ready:\n%s", d.log.String())
		}
	}
}

func (d *daemon) end(signal syscall.Signal) {
	_ = d.command.Process.Signal(signal)
	_ = d.command.Wait() // it ends by the signal
}

// TestARestartOfDockerdBringsContainersBack restarts a dockerd: what ran runs again at its
// address, what was stopped stays so. (A SIGKILL of dockerd would take the containerd it
// manages with it, which Debian's then fails to restart; hosts run the two apart.)
func TestARestartOfDockerdBringsContainersBack(t *testing.T) {
	d := aDaemon(t)
	b := newBench(t)
	image := anImage(t)
	network := b.network()
	command := []string{"sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"}
	plain, always, stopped := aContainer(image, command, network), aContainer(image, command, network), aContainer(image, command, network)
	always.Container.RestartPolicy.Name = "always"
	for _, order := range []zun.Order{plain, always, stopped} {
		b.run(order)
	}
	b.must(stopped.Container.ID, zun.ActionStop, zun.ActionInput{})
	up := []string{plain.Container.ID, always.Container.ID}
	for range 2 {
		b.records.mu.Lock()
		b.records.observed = nil
		b.records.mu.Unlock()
		began := time.Now()
		d.end(syscall.SIGTERM)
		down := time.Since(began)
		d.start()
		ready := time.Now()
		b.records.until(t, "both containers run", func(r *records) bool {
			return !slices.ContainsFunc(up, func(id string) bool {
				return !slices.ContainsFunc(r.observed, func(o zun.Observation) bool { return o.ContainerID == id && o.Status == zun.StatusRunning })
			})
		})
		t.Logf("dockerd took %v to end; %v after its return all was back", down.Round(time.Millisecond), time.Since(ready).Round(time.Millisecond))
		for _, id := range up {
			at := b.records.attachments(id)[0]
			if text := b.exec(id, "ip", "addr", "show", "eth0"); !strings.Contains(text, at.Addresses[0].IP.String()) || !strings.Contains(text, at.MAC) {
				t.Errorf("a container is not at %s, %s:\n%s", at.Addresses[0].IP, at.MAC, text)
			}
		}
		if status := b.records.container(stopped.Container.ID).Status; status != zun.StatusStopped {
			t.Errorf("the stopped container is %s", status)
		}
	}
	if len(b.neutron.all()) != 3 {
		t.Errorf("got ports %+v", b.neutron.all())
	}
	for _, order := range []zun.Order{plain, always, stopped} {
		b.must(order.Container.ID, zun.ActionDelete, zun.ActionInput{Force: true})
	}
	if left := b.left(); len(left) > 0 || len(b.neutron.all()) > 0 {
		t.Errorf("left in Docker: %v, in Neutron: %v", left, b.neutron.all())
	}
}
