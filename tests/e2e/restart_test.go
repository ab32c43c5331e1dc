package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"
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
