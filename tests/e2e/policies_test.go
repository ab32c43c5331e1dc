package e2e

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// started tells when Docker started a container last.
func (u *user) started(name string) string {
	u.tb.Helper()
	return u.docker("inspect", "--format", "{{.State.StartedAt}}", "zun-"+u.show(name).UUID)
}

// Restart policies outlive dockerd, however it ends, and the host: sandboxes come first,
// addresses stay, and what was stopped stays so.
func TestRestartPoliciesOverRestarts(t *testing.T) {
	d := startDockerd(t)
	c := startCloud(t, d.host)
	u := c.demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	names := []string{"always", "unless-stopped", "on-failure:5", "no"}
	addresses := map[string]string{}
	for _, policy := range names {
		name := strings.ReplaceAll(policy, ":", "-")
		addresses[name] = u.runs(name, []string{"--net=foo", "--restart", policy}, "httpd", "-f", "-p", "80", "-h", "/www").address(t, 4)
	}
	u.runs("client", []string{"--net=foo", "--restart", "always"})
	u.runs("stopped", []string{"--net=foo", "--restart", "always"})
	u.zun("stop", "--wait", "--timeout", "0", "stopped")
	u.runs("brief", []string{"--net=foo", "--auto-remove"})
	u.zun("run", "--no-wait", "--net=foo", "--name", "crashing", "--restart", "always", image, "sh", "-c", "echo why; sleep 0.2; exit 3")
	until(t, "the crashing one runs and crashes", func() bool { return u.show("crashing").Status == "Restarting" })
	if got := u.zun("logs", "crashing"); !strings.HasPrefix(got, "why\n") {
		t.Errorf("the crashing one has written %q", got)
	}
	ports := u.ports()
	for _, restart := range []struct {
		name string
		do   func()
	}{
		{"dockerd ends", func() { d.end(); d.start() }},
		{"dockerd is killed", func() { d.kill(); d.start() }},
		{"all of it is gone", func() { d.crash(); d.start() }},
		{"the host goes down", func() { c.end(syscall.SIGKILL); d.crash(); d.start(); c.start() }},
	} {
		name := restart.name
		restart.do()
		for at, address := range addresses {
			until(t, name+", and then client fetches a page from "+at, func() bool {
				page, _, _ := u.try(program("zun"), "exec", "client", "timeout", "2", "fetch", "http://"+address+"/")
				return strings.Contains(page, "a page")
			})
			until(t, at+" is shown as running at "+address, func() bool {
				got := u.show(at)
				return got.Status == "Running" && got.address(t, 4) == address
			})
		}
		if got := u.show("stopped").Status; got != "Stopped" {
			t.Errorf("after %s the stopped container is %s", name, got)
		}
		u.gone("brief")
		crashed := u.started("crashing")
		until(t, "Docker restarts the crashing one", func() bool { return u.started("crashing") != crashed })
	}
	for id, address := range u.ports() {
		if ports[id] != address {
			t.Errorf("port %s has %s, and had %q", id, address, ports[id])
		}
	}
	for _, name := range []string{"always", "on-failure-5"} {
		pid, err := strconv.Atoi(u.docker("inspect", "--format", "{{.State.Pid}}", "zun-"+u.show(name).UUID))
		if err != nil {
			t.Fatal(err)
		}
		before := u.started(name)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		until(t, "Docker restarts "+name, func() bool {
			if u.started(name) == before {
				return false
			}
			page, _, _ := u.try(program("zun"), "exec", "client", "timeout", "2", "fetch", "http://"+addresses[name]+"/")
			return strings.Contains(page, "a page") && u.show(name).Status == "Running"
		})
	}
}
