package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
)

// A second start on the same state finds everything as it was, and between the two the
// containers run on and keep their network.
func TestRestartOfZund(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"CtrlC": syscall.SIGINT, "KillMinusNine": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			c := startCloud(t, "")
			u := c.demo()
			u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
			web := u.runs("web", []string{"--net=foo"}, "httpd", "-f", "-p", "80", "-h", "/www").address(t, 4)
			client := u.runs("client", []string{"--net=foo"})
			before := u.zun("list") + u.zun("network-show", "foo") + u.run(program("neutron"), "port-list")
			c.end(signal)
			if page := u.docker("exec", "zun-"+client.UUID, "fetch", "http://"+web+"/"); !strings.Contains(page, "a page") {
				t.Errorf("without zund client got %q from web", page)
			}
			c.start()
			if after := u.zun("list") + u.zun("network-show", "foo") + u.run(program("neutron"), "port-list"); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
			if page := u.zun("exec", "client", "fetch", "http://"+web+"/"); !strings.Contains(page, "a page") {
				t.Errorf("after the restart client got %q from web", page)
			}
			u.runs("third", []string{"--net=foo"})
			u.remove("web", "client", "third")
			u.zun("network-delete", "foo")
		})
	}
}

// A zund killed while it makes containers finishes the work when it comes back.
func TestKilledInTheMiddle(t *testing.T) {
	c := startCloud(t, "")
	u := c.demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	names := []string{"one", "two", "three", "four"}
	for _, name := range names {
		u.zun("run", "--no-wait", "--net=foo", "--name", name, image)
	}
	c.end(syscall.SIGKILL)
	c.start()
	for _, name := range names {
		until(t, name+" runs", func() bool { return u.show(name).Status == "Running" })
	}
	if ports := strings.Count(u.run(program("neutron"), "port-list", "-f", "value"), "\n"); ports != len(names) {
		t.Errorf("%d containers have %d ports", len(names), ports)
	}
	u.remove(names...)
	u.zun("network-delete", "foo")
}

// dockerd comes back with no container running (there is no live-restore here): those
// whose record says Running are brought back, sandbox first, with their addresses.
func TestRestartOfDockerd(t *testing.T) {
	if os.Getenv("GOZUN_E2E") == "" {
		t.Skip("end-to-end tests run with GOZUN_E2E=1")
	}
	d := startDockerd(t)
	u := startCloud(t, d.host).demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	web := u.runs("web", []string{"--net=foo"}, "httpd", "-f", "-p", "80", "-h", "/www").address(t, 4)
	u.runs("client", []string{"--net=foo"})
	u.runs("stopped", []string{"--net=foo"})
	u.zun("stop", "--wait", "--timeout", "1", "stopped")
	d.end()
	d.start()
	until(t, "client fetches a page from web again", func() bool {
		page, _, _ := u.try(program("zun"), "exec", "client", "fetch", "http://"+web+"/")
		return strings.Contains(page, "a page")
	})
	if got := u.show("web").address(t, 4); got != web {
		t.Errorf("web had %s and has %s", web, got)
	}
	if got := u.show("stopped").Status; got != "Stopped" {
		t.Errorf("the stopped container is %s", got)
	}
	u.zun("start", "--wait", "stopped")
	until(t, "the stopped container runs", func() bool { return u.show("stopped").Status == "Running" })
}

// dockerd is a Docker Engine of the test's own, so that it can be restarted.
type dockerd struct {
	t       *testing.T
	dir     string
	host    string
	flags   []string
	process *exec.Cmd
}

func startDockerd(t *testing.T, flags ...string) *dockerd {
	t.Helper()
	dir, err := os.MkdirTemp("", "gozun-e2e-dockerd-")
	if err != nil {
		t.Fatal(err)
	}
	return startDockerdIn(t, dir, flags...)
}

// startDockerdIn is startDockerd with a directory that goes with it, whatever is mounted on
// its data.
func startDockerdIn(t *testing.T, dir string, flags ...string) *dockerd {
	t.Helper()
	d := &dockerd{t: t, dir: dir, host: "unix://" + filepath.Join(dir, "docker.sock"), flags: append([]string{"--bridge", makeBridge(t)}, flags...)}
	t.Cleanup(func() {
		d.end()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			lines := strings.Split(string(log), "\n")
			t.Logf("the end of dockerd's log:\n%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
		}
		exec.Command("umount", "--recursive", filepath.Join(dir, "data")).Run()
		os.RemoveAll(dir)
	})
	d.start()
	if err := makeImage(d.host); err != nil {
		t.Fatal(err)
	}
	return d
}

// makeBridge makes a bridge for a dockerd of the test's own. Told to do without one
// ("none"), a dockerd deletes docker0, which is the machine's.
func makeBridge(t *testing.T) string {
	t.Helper()
	name := "gze2e" + uuid.NewString()[:6]
	ip := func(args ...string) {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	ip("link", "add", name, "type", "bridge")
	t.Cleanup(func() { exec.Command("ip", "link", "delete", name).Run() })
	ip("address", "add", "192.0.2.1/24", "dev", name)
	return name
}

func (d *dockerd) start() {
	d.t.Helper()
	log, err := os.OpenFile(filepath.Join(d.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer log.Close()
	d.process = exec.Command("dockerd", append([]string{
		"--host", d.host, "--data-root", filepath.Join(d.dir, "data"),
		"--exec-root", filepath.Join(d.dir, "exec"), "--pidfile", filepath.Join(d.dir, "pid"), "--iptables=false",
	}, d.flags...)...)
	d.process.Stdout, d.process.Stderr = log, log
	if err := d.process.Start(); err != nil {
		d.t.Fatal(err)
	}
	until(d.t, "dockerd answers", func() bool {
		return exec.Command("docker", "--host", d.host, "version").Run() == nil
	})
}

func (d *dockerd) end() {
	d.t.Helper()
	if d.process == nil {
		return
	}
	d.process.Process.Signal(syscall.SIGTERM)
	d.process.Wait()
	d.process = nil
}

// crash ends dockerd and all that it started, at once and with nothing tidied up, and takes
// away what does not outlive a reboot: mounts, and the files of /run.
func (d *dockerd) crash() {
	d.t.Helper()
	ids := strings.Fields(d.docker("ps", "--quiet"))
	pids := strings.Fields(d.docker(append([]string{"inspect", "--format", "{{.State.Pid}}"}, ids...)...))
	d.kill()
	processes, err := os.ReadDir("/proc")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, process := range processes {
		command, err := os.ReadFile(filepath.Join("/proc", process.Name(), "cmdline"))
		if err == nil && strings.Contains(string(command), filepath.Join(d.dir, "exec")) {
			pids = append(pids, process.Name())
		}
	}
	for _, text := range pids {
		pid, err := strconv.Atoi(text)
		if err != nil || pid <= 1 {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			d.t.Fatal(err)
		}
		until(d.t, "process "+text+" is gone", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH || zombie(text) })
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if place := strings.Fields(line)[1]; strings.HasPrefix(place, d.dir+"/") && place != filepath.Join(d.dir, "data") {
			syscall.Unmount(place, syscall.MNT_DETACH)
		}
	}
	for _, gone := range []string{"exec", "pid", "docker.sock"} {
		if err := os.RemoveAll(filepath.Join(d.dir, gone)); err != nil {
			d.t.Fatal(err)
		}
	}
}

// zombie reports whether a process is dead and only waits for its parent to notice.
func zombie(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && strings.HasPrefix(state, "Z")
}

func (d *dockerd) docker(args ...string) string {
	d.t.Helper()
	out, err := exec.Command("docker", append([]string{"--host", d.host}, args...)...).Output()
	if err != nil {
		d.t.Fatalf("docker %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
