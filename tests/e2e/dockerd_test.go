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

// dockerd is a Docker Engine of the test's own, so that it can be restarted.
type dockerd struct {
	t       *testing.T
	dir     string
	host    string
	flags   []string
	env     []string // beside the test's own
	process *exec.Cmd
}

// startDockerd starts one with storage of its own, adjusted before, and makes the tests' image in it.
func startDockerd(t *testing.T, adjust ...func(*dockerd)) *dockerd {
	t.Helper()
	dir, err := os.MkdirTemp("", "gozun-e2e-dockerd-")
	if err != nil {
		t.Fatal(err)
	}
	d := &dockerd{t: t, dir: dir, host: "unix://" + filepath.Join(dir, "docker.sock"), flags: []string{"--bridge", makeBridge(t)}}
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
	for _, f := range adjust {
		f(d)
	}
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
	d.process.Env = append(os.Environ(), d.env...)
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
