package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// options is what tests look at of the options of a container.
type options struct {
	container
	Detail   string `json:"status_detail"`
	Ports    []int
	Groups   []string `json:"security_groups"`
	AutoHeal bool     `json:"auto_heal"`
}

func (u *user) options(name string) options {
	u.tb.Helper()
	var o options
	if err := json.Unmarshal([]byte(u.zun("show", name, "-f", "json")), &o); err != nil {
		u.tb.Fatal(err)
	}
	return o
}

// gone waits until there is no container of that name, and returns how many ports are left.
func (u *user) gone(name string) (ports int) {
	u.tb.Helper()
	until(u.tb, name+" is gone", func() bool {
		_, _, err := u.try(program("zun"), "show", name)
		return err != nil
	})
	return len(u.ports())
}

// ports are the addresses of the project's ports, by port.
func (u *user) ports() map[string]string {
	u.tb.Helper()
	var list struct {
		Ports []struct {
			ID       string
			FixedIPs []struct {
				Address string `json:"ip_address"`
			} `json:"fixed_ips"`
		}
	}
	u.neutron("GET", "ports?project_id="+u.project, nil, &list)
	ports := map[string]string{}
	for _, port := range list.Ports {
		ports[port.ID] = port.FixedIPs[0].Address
	}
	return ports
}

// groups are the security groups that were made for containers.
func (u *user) groups() []string {
	u.tb.Helper()
	var list struct {
		Groups []struct{ ID, Name string } `json:"security_groups"`
	}
	u.neutron("GET", "security-groups?project_id="+u.project, nil, &list)
	var ids []string
	for _, group := range list.Groups {
		if strings.HasPrefix(group.Name, "zun-") {
			ids = append(ids, group.ID)
		}
	}
	return ids
}

// Exposed ports are open to everybody and others are not; the group is shown, and gone with
// the container.
func TestExposedPorts(t *testing.T) {
	u := startCloud(t, "").demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	u.runs("web", []string{"--net=foo", "--expose-port", "80", "-p", "5353/udp"}, "sh", "-c", "httpd -p 8080 -h /www; exec httpd -f -p 80 -h /www")
	u.runs("client", []string{"--net=foo"})
	web := u.options("web")
	if !slices.Equal(web.Ports, []int{80, 5353}) || len(web.Groups) != 1 || !slices.Equal(web.Groups, u.groups()) {
		t.Errorf("ports %v, groups %v of %v", web.Ports, web.Groups, u.groups())
	}
	if page := u.zun("exec", "client", "timeout", "5", "fetch", "http://"+web.address(t, 4)+"/"); !strings.Contains(page, "a page") {
		t.Errorf("client got %q", page)
	}
	if page, _, err := u.try(program("zun"), "exec", "client", "timeout", "3", "fetch", "http://"+web.address(t, 4)+":8080/"); err == nil {
		t.Errorf("a port that is not exposed is open: %q", page)
	}
	var rules struct {
		Rules []struct {
			Direction, Ethertype, Protocol string
			From                           int `json:"port_range_min"`
			To                             int `json:"port_range_max"`
		} `json:"security_group_rules"`
	}
	u.neutron("GET", "security-group-rules?direction=ingress&security_group_id="+web.Groups[0], nil, &rules)
	if len(rules.Rules) != 4 {
		t.Errorf("rules are %+v", rules.Rules)
	}
	u.zun("network-create", "bar", "--subnet", "10.3.0.0/24")
	u.zun("network-attach", "--wait", "--network", "bar", "web")
	var ports struct {
		Ports []struct {
			Groups []string `json:"security_groups"`
		}
	}
	u.neutron("GET", "ports?device_id="+web.UUID, nil, &ports)
	if len(ports.Ports) != 2 || !slices.Equal(ports.Ports[0].Groups, web.Groups) || !slices.Equal(ports.Ports[1].Groups, web.Groups) {
		t.Errorf("ports are %+v", ports.Ports)
	}
	u.remove("web")
	if left := u.groups(); len(left) > 0 {
		t.Errorf("security groups are left: %v", left)
	}
	out := u.fails(program("zun"), "run", "--wait", "--net=foo", "--name", "broken", "--expose-port", "80", image, "nosuchcommand")
	if !strings.Contains(out, "nosuchcommand") || len(u.groups()) > 0 {
		t.Errorf("a failed container leaves %v: %s", u.groups(), out)
	}
}

// A zund killed while it makes containers with exposed ports and files leaves no more than
// they need, and nothing once they are gone.
func TestOptionsKilledInTheMiddle(t *testing.T) {
	c := startCloud(t, "")
	u := c.demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	names := []string{"one", "two", "three", "four"}
	for _, name := range names {
		u.zun("run", "--no-wait", "--net=foo", "--name", name, "--expose-port", "80", "--mount", "type=bind,source="+file+",destination=/etc/file", image)
	}
	c.end(syscall.SIGKILL)
	c.start()
	var groups []string
	for _, name := range names {
		until(t, name+" runs", func() bool { return u.show(name).Status == "Running" })
		groups = append(groups, u.options(name).Groups...)
		if got := u.zun("exec", name, "cat", "/etc/file"); got != "hello\n" {
			t.Errorf("the file of %s holds %q", name, got)
		}
	}
	if made := u.groups(); !slices.Equal(slices.Sorted(slices.Values(groups)), slices.Sorted(slices.Values(made))) || len(groups) != len(names) {
		t.Errorf("groups %v, on record %v", made, groups)
	}
	u.remove(names...)
	if left, err := os.ReadDir(filepath.Join(c.state, "files")); err != nil || len(left) > 0 || len(u.groups()) > 0 || len(u.ports()) > 0 {
		t.Errorf("left are files %v (%v), groups %v, ports %v", left, err, u.groups(), u.ports())
	}
}

func TestHealthcheck(t *testing.T) {
	u := startCloud(t, "").demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	u.runs("web", []string{"--net=foo", "--healthcheck", "cmd=echo no well; test -e /well,interval=1s,timeout=10s,retries=1"})
	becomes := func(detail, reason string) {
		t.Helper()
		until(t, "web is "+detail, func() bool {
			o := u.options("web")
			return o.Status == "Running" && strings.HasPrefix(o.Detail, "Up ") && strings.HasSuffix(o.Detail, detail) && o.Reason == reason
		})
	}
	becomes("(unhealthy)", "its health check fails: no well")
	u.zun("exec", "web", "touch", "/well")
	becomes("(healthy)", "")
	if out := u.zun("show", "web", "-f", "json"); !strings.Contains(out, `"test": "echo no well; test -e /well"`) {
		t.Errorf("shown is %s", out)
	}
}

// What a user puts into a container is there, stays over a new dockerd, is nowhere in the
// logs, cannot be read by others on the host, and goes with the container.
func TestFiles(t *testing.T) {
	d := startDockerd(t)
	c := startCloud(t, d.host)
	u := c.demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--net=foo", "--mount", "type=bind,source=" + file + ",destination=/etc/app/key"}
	web := u.runs("web", flags)
	holds := func(want string) {
		t.Helper()
		until(t, "the file in the container holds "+want, func() bool {
			got, _, _ := u.try(program("zun"), "exec", "web", "cat", "/etc/app/key")
			return got == want
		})
	}
	holds("hunter2\n")
	u.zun("exec", "web", "sh", "-c", "echo changed >> /etc/app/key")
	u.zun("restart", "--wait", "--timeout", "0", "web")
	holds("hunter2\nchanged\n")
	d.crash()
	d.start()
	holds("hunter2\nchanged\n")
	directory := filepath.Join(c.state, "files", web.UUID)
	if info, err := os.Stat(directory); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v, %v", info, err)
	}
	if log, err := os.ReadFile(c.log); err != nil || strings.Contains(string(log), "hunter2") || strings.Contains(string(log), "aHVudGVyMgo") {
		t.Errorf("the log has the secret, or cannot be read: %v", err)
	}
	u.remove("web")
	if _, err := os.Stat(directory); !os.IsNotExist(err) {
		t.Errorf("the file is left: %v", err)
	}
	out := u.fails(program("zun"), "run", "--wait", "--net=foo", "--mount", "type=bind,source="+file+",destination=/bin", image)
	if !strings.Contains(out, "there is no place for a file at /bin") || strings.Contains(out, c.state) {
		t.Errorf("a file in the place of a directory: %s", out)
	}
}

// A container that is to go with its process goes, with its port, whoever is up then.
func TestAutoRemove(t *testing.T) {
	c := startCloud(t, "")
	u := c.demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	u.zun("run", "--wait", "--net=foo", "--name", "brief", "--auto-remove", image, "true")
	if ports := u.gone("brief"); ports != 0 {
		t.Errorf("%d ports are left", ports)
	}
	u.runs("ends", []string{"--net=foo", "--auto-remove"})
	u.zun("stop", "--timeout", "0", "ends")
	if ports := u.gone("ends"); ports != 0 {
		t.Errorf("%d ports are left", ports)
	}
	one := u.runs("one", []string{"--net=foo", "--auto-remove"})
	u.runs("two", []string{"--net=foo", "--auto-remove"})
	c.end(syscall.SIGKILL)
	u.docker("kill", "zun-"+one.UUID)
	c.start()
	if ports := u.gone("one"); ports != 1 {
		t.Errorf("%d ports are left", ports)
	}
	if got := u.show("two").Status; got != "Running" {
		t.Errorf("two is %s", got)
	}
	u.zun("delete", "--stop", "--wait", "two")
	if left := u.docker("ps", "--all", "--quiet", "--filter", "label=org.gozun.container"); left != "" {
		t.Errorf("Docker has %s", left)
	}
	u.zun("network-delete", "foo")
}

// What someone takes away behind our back is made again, with its port and address, also
// when zund was down; who did not ask for it is told.
func TestAutoHeal(t *testing.T) {
	c := startCloud(t, "")
	u := c.demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	web := u.runs("web", []string{
		"--net=foo", "--auto-heal", "--expose-port", "80", "--mount", "type=bind,source=" + file + ",destination=/etc/file",
	}, "httpd", "-f", "-p", "80", "-h", "/www")
	u.runs("client", []string{"--net=foo"})
	u.zun("create", "--wait", "--net=foo", "--auto-heal", "--name", "idle", image)
	idle := u.show("idle")
	lost := u.runs("lost", []string{"--net=foo"})
	before, groups := u.ports(), u.groups()
	heals := func() {
		t.Helper()
		until(t, "client fetches a page from web again", func() bool {
			page, _, _ := u.try(program("zun"), "exec", "client", "timeout", "2", "fetch", "http://"+web.address(t, 4)+"/")
			return strings.Contains(page, "a page")
		})
		until(t, "web is shown as running", func() bool { return u.show("web").Status == "Running" })
		if got := u.zun("exec", "web", "cat", "/etc/file"); got != "hello\n" {
			t.Errorf("its file holds %q", got)
		}
		after := u.ports()
		for id, address := range before {
			if after[id] != address {
				t.Errorf("port %s had %s and has %q", id, address, after[id])
			}
		}
		if len(after) != len(before) || !slices.Equal(groups, u.groups()) {
			t.Errorf("ports %v and groups %v, before %v and %v", after, u.groups(), before, groups)
		}
	}
	u.docker("rm", "--force", "zun-"+web.UUID)
	heals()
	u.docker("rm", "--force", "zun-"+web.UUID, "zun-sandbox-"+web.UUID)
	heals()
	c.end(syscall.SIGKILL)
	u.docker("rm", "--force", "zun-"+web.UUID, "zun-"+idle.UUID)
	c.start()
	heals()
	until(t, "idle is made again, and not started", func() bool {
		out, _, err := u.try("docker", "inspect", "--format", "{{.State.Status}}", "zun-"+idle.UUID)
		return err == nil && strings.TrimSpace(out) == "created" && u.show("idle").Status == "Created"
	})
	// One that began between the removal of the container and that of its sandbox failed and was tried again.
	if out := u.zun("action-list", "web", "-f", "value", "-c", "action"); strings.Count(out, "heal") < 3 {
		t.Errorf("actions of web:\n%s", out)
	}
	u.docker("rm", "--force", "zun-"+lost.UUID)
	until(t, "the loss of who did not ask is told", func() bool {
		o := u.options("lost")
		return o.Status == "Error" && strings.Contains(o.Reason, "No such container")
	})
	u.zun("start", "--wait", "lost")
	if got := u.show("lost"); got.Status != "Running" || got.address(t, 4) != lost.address(t, 4) {
		t.Errorf("started by hand it is %s at %s, before at %s", got.Status, got.address(t, 4), lost.address(t, 4))
	}
	u.remove("web", "client", "lost")
	u.zun("delete", "--wait", "idle")
	if len(u.groups()) > 0 || len(u.ports()) > 0 {
		t.Errorf("left are groups %v, ports %v", u.groups(), u.ports())
	}
}

// A heal that has no image is tried again, with the reason and the time shown, and works as
// soon as the image is there. Its user can have it left alone meanwhile.
func TestAHealIsTriedAgain(t *testing.T) {
	u := startCloud(t, "", "--heal-retry-min", "1s", "--heal-retry-max", "2s").demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	other := strings.Replace(image, ":", "-heal:", 1)
	u.docker("tag", image, other)
	t.Cleanup(func() { u.try("docker", "image", "rm", "--force", other) })
	u.zun("run", "--wait", "--net=foo", "--auto-heal", "--name", "web", other)
	before := u.show("web")
	u.docker("image", "rm", "--force", other)
	u.docker("rm", "--force", "zun-"+before.UUID)
	until(t, "the heal has failed and tells when it is tried again", func() bool {
		got := u.show("web")
		return got.Status == "Error" && strings.Contains(got.Reason, other) && strings.Contains(got.Reason, "it is tried again at ")
	})
	u.zun("update", "web", "--no-auto-heal")
	until(t, "nobody heals it any more", func() bool {
		got := u.show("web")
		return got.Status == "Error" && strings.Contains(got.Reason, other) && !strings.Contains(got.Reason, "again")
	})
	u.zun("update", "web", "--auto-heal")
	u.docker("tag", image, other)
	until(t, "it is healed", func() bool { return u.show("web").Status == "Running" })
	if after := u.show("web"); after.Reason != "" || after.address(t, 4) != before.address(t, 4) {
		t.Errorf("healed it is %+v, before %+v", after, before)
	}
	u.remove("web")
	u.zun("network-delete", "foo")
}

// What the host cannot grant fails with the reason, and what policy forbids is refused.
func TestWhatTheHostCannotGrant(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(`"container:create:privileged": "role:admin"`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCloud(t, "", "--policy-file", policy)
	u, admin := c.demo(), c.admin()
	for _, user := range []*user{u, admin} {
		user.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	}
	for _, flag := range []string{"--privileged", "--runtime=runc"} {
		if out := u.fails(program("zun"), "create", "--net=foo", flag, image); !strings.Contains(out, "Policy doesn't allow") {
			t.Errorf("%s: %s", flag, out)
		}
	}
	out := admin.fails(program("zun"), "create", "--wait", "--net=foo", "--runtime=kata", image)
	if !strings.Contains(out, "without runtime kata") || !strings.Contains(out, "has runc") {
		t.Errorf("an unknown runtime: %s", out)
	}
	admin.zun("create", "--wait", "--net=foo", "--name", "mighty", "--privileged", "--runtime=runc", image)
	mighty := admin.zun("show", "mighty", "-f", "json")
	if !strings.Contains(mighty, `"privileged": true`) || !strings.Contains(mighty, `"runtime": "runc"`) {
		t.Errorf("shown is %s", mighty)
	}
	if got := c.docker("inspect", "--format", "{{.HostConfig.Privileged}}", "zun-"+admin.show("mighty").UUID); got != "true" {
		t.Errorf("Docker was asked for %q", got)
	}
	if stdout, stderr, err := u.try(program("zun"), "create", "--wait", "--net=foo", "--disk", "5", image); err != nil {
		if !strings.Contains(stderr, "without disk quota") || !strings.Contains(stderr, "leave disk out") {
			t.Errorf("a disk: %s%s", stdout, stderr)
		}
	}
	if out := u.fails(program("zun"), "create", "--net=foo", "--mount", "source=vol,destination=/data", image); !strings.Contains(out, "Cinder") {
		t.Errorf("a volume: %s", out)
	}
}

// What the operator has said of names, of commands and of memory holds.
func TestContainersAreAsTheOperatorSays(t *testing.T) {
	u := startCloud(t, "", "--unique-container-name-scope", "project", "--execute-timeout", "1s", "--maximum-memory", "9000").demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	u.runs("web", []string{"--net=foo"})
	u.zun("create", "--wait", "--net=foo", "--name", "db", image)
	for _, typed := range []string{"create --net=foo --name WEB " + image, "update db --name Web", "rename db web"} {
		if out := u.fails(program("zun"), strings.Fields(typed)...); !strings.Contains(out, "already exists") || !strings.Contains(out, "choose another name") {
			t.Errorf("zun %s: %s", typed, out)
		}
	}
	u.zun("update", "db", "--memory", "9000")
	if out := u.fails(program("zun"), "update", "db", "--memory", "9001"); !strings.Contains(out, "between 4 and 9000") {
		t.Errorf("more memory than the operator allows: %s", out)
	}
	if out := u.fails(program("zun"), "exec", "web", "sleep", "100"); !strings.Contains(out, "it may take 1s") {
		t.Errorf("a command that takes longer than it may: %s", out)
	}
	u.remove("web")
	u.zun("delete", "--wait", "db")
}
