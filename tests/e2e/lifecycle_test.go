package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What is done to a container after it was made, each with the real Docker.
func TestActionsOnAContainer(t *testing.T) {
	u := startCloud(t, "").demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	before := u.runs("one", []string{"--net=foo", "--memory", "128"})
	id := before.UUID
	limits := func() string {
		return u.docker("inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.CpuShares}}", "zun-"+id)
	}
	t.Run("pause", func(t *testing.T) {
		u.zun("pause", "--wait", "one")
		if got := u.show("one"); got.Status != "Paused" || u.docker("inspect", "-f", "{{.State.Status}}", "zun-"+id) != "paused" {
			t.Errorf("paused: %+v", got)
		}
		for command, complaint := range map[string]string{"pause one": "Paused", "exec one true": "Paused", "delete --stop one": "unpause it first", "top one": "Paused"} {
			if out := u.fails(program("zun"), strings.Fields(command)...); !strings.Contains(out, complaint) {
				t.Errorf("%s: %s", command, out)
			}
		}
		u.zun("unpause", "--wait", "one")
		if got := u.show("one"); got.Status != "Running" {
			t.Errorf("unpaused: %+v", got)
		}
	})
	t.Run("update", func(t *testing.T) {
		out := u.zun("update", "one", "--memory", "200", "--cpu", "0.2", "-f", "value", "-c", "memory", "-c", "cpu")
		if out != "200\n0.2\n" || limits() != "209715200 204" {
			t.Errorf("%q %s", out, limits())
		}
		u.compute("POST", "one/resize_container", map[string]any{"memory": 100}, nil)
		until(t, "the resize is done", func() bool {
			return u.zun("show", "one", "-f", "value", "-c", "memory", "-c", "task_state") == "100\n\n"
		})
		if got := limits(); got != "104857600 204" {
			t.Errorf("resized: %s", got)
		}
		u.zun("rename", "one", "uno")
		u.zun("update", "uno", "--name", "one")
	})
	t.Run("top and stats", func(t *testing.T) {
		if out := u.zun("top", "one"); !strings.Contains(out, "sleep 1000000") || !strings.Contains(out, "PID") {
			t.Errorf("top: %s", out)
		}
		if out := u.fails(program("zun"), "top", "one", "--", "--nonsense"); !strings.Contains(out, "--nonsense") || strings.Contains(out, "Correlation") {
			t.Errorf("top: %s", out)
		}
		var stats map[string]any
		if err := json.Unmarshal([]byte(u.zun("stats", "one", "-f", "json")), &stats); err != nil {
			t.Fatal(err)
		}
		if len(stats) != 7 || stats["CONTAINER"] != "one" || stats["MEM LIMIT(MiB)"] != 100.0 {
			t.Errorf("stats: %v", stats)
		}
		received, _, _ := strings.Cut(fmt.Sprint(stats["NET I/O(B)"]), "/")
		if out := u.zun("exec", "one", "ping", "-c", "3", "-W", "5", "10.2.0.1"); !strings.Contains(out, "3 packets received") {
			t.Errorf("ping: %s", out)
		}
		if err := json.Unmarshal([]byte(u.zun("stats", "one", "-f", "json")), &stats); err != nil {
			t.Fatal(err)
		}
		if now, _, _ := strings.Cut(fmt.Sprint(stats["NET I/O(B)"]), "/"); len(now) < len(received) || now == received || now == "0" {
			t.Errorf("received %s, then %s bytes", received, now)
		}
	})
	t.Run("commit", func(t *testing.T) {
		if out := u.fails(program("zun"), "commit", "one", "mine:1"); !strings.Contains(out, "Glance") {
			t.Error(out)
		}
	})
	u.remove("one")
	u.zun("network-delete", "foo")
}

func TestCopy(t *testing.T) {
	u := startCloud(t, "").demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	u.runs("one", []string{"--net=foo"})
	here := t.TempDir()
	file := filepath.Join(here, "file")
	content := strings.Repeat("content \x00\xff", 1<<20) // 10 MiB that are no text
	if err := os.WriteFile(file, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
	same := func(path string) {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
	u.zun("cp", file, "one:/tmp")           // into a directory
	u.zun("cp", file, "one:/tmp/other")     // under another name
	u.zun("cp", "one:/tmp/file", here+"/a") // likewise back
	same(here + "/a")
	if err := os.Mkdir(here+"/d", 0o755); err != nil {
		t.Fatal(err)
	}
	u.zun("cp", "one:/tmp/other", here+"/d")
	same(here + "/d/other")
	u.zun("cp", "one:/tmp", here+"/whole")
	same(here + "/whole/file")
	u.zun("cp", "one:/tmp/.", here+"/d")
	same(here + "/d/file")
	if out := u.zun("exec", "one", "sh", "-c", "ls -l /tmp/file; mkdir /x; ln -s /etc /x/link"); !strings.HasPrefix(out, "-rw-r-----") {
		t.Errorf("in the container: %s", out)
	}
	u.zun("cp", "one:/x", here)
	if target, err := os.Readlink(here + "/x/link"); err != nil || target != "/etc" {
		t.Errorf("the link leads to %s, %v", target, err)
	}
	for command, complaint := range map[string]string{
		"cp one:/nowhere " + here:             "nothing is there",
		"cp " + file + " one:/nowhere/at/all": "nothing is there",
		"cp " + file + " one:/tmp/file/below": "not a directory",
	} {
		if out := u.fails(program("zun"), strings.Fields(command)...); !strings.Contains(out, complaint) || strings.Contains(out, "/var/lib/docker") {
			t.Errorf("%s: %s", command, out)
		}
	}
	u.zun("stop", "--wait", "-t", "0", "one")
	u.zun("cp", "one:/tmp/file", here+"/stopped")
	same(here + "/stopped")
	u.zun("delete", "--wait", "one")
	u.zun("network-delete", "foo")
}

// Same addresses, same files of --mount, another image; and an image that is not there
// costs nothing.
func TestRebuild(t *testing.T) {
	u := startCloud(t, "").demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	other := strings.Replace(image, ":", "-other:", 1)
	made := u.docker("create", image)
	u.docker("commit", "--change", `CMD ["sleep","2000000"]`, made, other)
	u.docker("rm", made)
	t.Cleanup(func() { u.docker("image", "rm", "--force", other) })
	injected := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(injected, []byte("injected"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := u.runs("one", []string{"--net", "network=foo,v4-fixed-ip=10.2.0.77", "--mount", "type=bind,source=" + injected + ",destination=/injected"})
	u.zun("exec", "one", "sh", "-c", "echo x > /left; echo kept > /injected")
	sandbox := u.docker("inspect", "-f", "{{.Id}}", "zun-sandbox-"+before.UUID)
	command := func() string {
		return strings.TrimSpace(u.zun("show", "one", "-f", "value", "-c", "image", "-c", "command"))
	}

	if out := u.fails(program("zun"), "rebuild", "--wait", "one", "--image", "127.0.0.1:1/nosuch:1"); !strings.Contains(out, "nosuch") {
		t.Errorf("the complaint is %s", out)
	}
	if got := u.show("one"); got.Status != "Running" || !strings.Contains(got.Reason, "nosuch") || strings.Contains(command(), "nosuch") {
		t.Errorf("after a rebuild from nothing: %+v %s", got, command())
	}
	header := u.compute("POST", "one/rebuild?image="+other, nil, nil)
	var action struct {
		Action string
		Finish *string `json:"finish_time"`
		Failed *string `json:"message"`
	}
	until(t, "the action by the request's id has ended", func() bool {
		u.compute("GET", "one/container_actions/"+header.Get("X-Openstack-Request-Id"), nil, &action)
		return action.Finish != nil
	})
	after := u.show("one")
	if action.Action != "rebuild" || action.Failed != nil || after.Status != "Running" || after.address(t, 4) != "10.2.0.77" {
		t.Errorf("%+v, %+v", action, after)
	}
	if got := command(); got != "sleep 2000000\n"+other && got != other+"\nsleep 2000000" {
		t.Errorf("it is %s", got)
	}
	if out := u.zun("exec", "one", "sh", "-c", "cat /injected; ls /left || echo gone; ip -o addr"); !strings.Contains(out, "kept") || !strings.Contains(out, "gone") || !strings.Contains(out, "10.2.0.77") {
		t.Errorf("in the new one: %s", out)
	}
	if got := u.docker("inspect", "-f", "{{.Id}}", "zun-sandbox-"+before.UUID); got != sandbox {
		t.Error("the sandbox is another one")
	}
	u.zun("stop", "--wait", "-t", "0", "one")
	u.zun("rebuild", "--wait", "one", "--image", image)
	if got := u.show("one"); got.Status != "Created" && got.Status != "Stopped" || got.address(t, 4) != "10.2.0.77" {
		t.Errorf("of one that is stopped: %+v", got)
	}
	u.zun("delete", "--wait", "one")
	u.zun("network-delete", "foo")
}

// A zund that is killed while containers are rebuilt finishes that when it comes back, once
// each: killed while it waits for an old process to end, and at any later moment.
func TestKilledInTheMiddleOfRebuilds(t *testing.T) {
	c := startCloud(t, "")
	u := c.demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	stubborn := u.runs("stubborn", []string{"--net=foo"}, "sh", "-c", "trap '' TERM; while :; do sleep 1; done") // takes 10 s to stop
	names := []string{"one", "two", "three"}
	before := map[string]container{"stubborn": stubborn}
	for _, name := range names {
		before[name] = u.runs(name, []string{"--net=foo"})
	}
	names = append(names, "stubborn")
	for _, name := range names {
		u.zun("rebuild", "--no-wait", name)
	}
	c.end(syscall.SIGKILL)
	c.start()
	for _, name := range names {
		until(t, name+" is rebuilt", func() bool { return u.show(name).Status == "Running" })
		if was, is := before[name].address(t, 4), u.show(name).address(t, 4); was != is {
			t.Errorf("%s was at %s, and is at %s", name, was, is)
		}
		if out := u.zun("action-list", name, "-f", "value", "-c", "action", "-c", "message"); !strings.HasPrefix(out, "rebuild \n") {
			t.Errorf("%s: %s", name, out)
		}
		if made := u.docker("inspect", "-f", "{{index .Config.Labels \"org.gozun.action\"}}", "zun-"+before[name].UUID); made == "" || made == "1" {
			t.Errorf("%s was made by action %s", name, made)
		}
	}
	if got := strings.Fields(u.docker("ps", "-aq", "--filter", "label=org.gozun.container")); len(got) != 2*len(names) {
		t.Errorf("Docker has %d containers and sandboxes of %d containers", len(got), len(names))
	}
	u.remove(names...)
	u.zun("network-delete", "foo")
}

func TestSecurityGroupsOfARunningContainer(t *testing.T) {
	u := startCloud(t, "").demo()
	neutron := program("neutron")
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	u.zun("network-create", "bar", "--subnet", "10.3.0.0/24")
	u.run(neutron, "security-group-create", "extra")
	u.runs("one", []string{"--net=foo", "--net=bar"})
	groups := func() (all []string) {
		var ports struct {
			Ports []struct {
				Groups []string `json:"security_groups"`
			}
		}
		u.neutron("GET", "ports?device_id="+u.show("one").UUID, nil, &ports)
		for _, port := range ports.Ports {
			all = append(all, fmt.Sprint(len(port.Groups)))
		}
		return all
	}
	u.zun("add-security-group", "--wait", "one", "extra")
	if got := strings.Join(groups(), " "); got != "2 2" {
		t.Errorf("the ports have %s groups", got)
	}
	if out := u.fails(program("zun"), "add-security-group", "one", "extra"); !strings.Contains(out, "has it already") {
		t.Error(out)
	}
	u.zun("remove-security-group", "--wait", "one", "extra")
	if got := strings.Join(groups(), " "); got != "1 1" {
		t.Errorf("the ports have %s groups", got)
	}
	if out := u.fails(program("zun"), "remove-security-group", "one", "extra"); !strings.Contains(out, "does not have it") {
		t.Error(out)
	}
	if out := u.fails(program("zun"), "add-security-group", "one", "nosuch"); !strings.Contains(out, "nosuch") {
		t.Error(out)
	}
	u.remove("one")
	u.run(neutron, "security-group-delete", "extra")
	u.zun("network-delete", "foo", "bar")
}

// compute asks the container service about containers at microversion 1.40, as clients of
// Zun do.
func (u *user) compute(method, path string, body, answer any) http.Header {
	u.tb.Helper()
	var content io.Reader
	if body != nil {
		content = strings.NewReader(mustText(u.tb, body))
	}
	request, err := http.NewRequest(method, strings.TrimSuffix(strings.TrimSuffix(u.container, "/"), "/v1")+"/v1/containers/"+path, content)
	if err != nil {
		u.tb.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Auth-Token", u.token)
	request.Header.Set("OpenStack-API-Version", "container 1.40")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		u.tb.Fatal(err)
	}
	defer response.Body.Close()
	got, _ := io.ReadAll(response.Body)
	if response.StatusCode >= 300 {
		u.tb.Fatalf("%s %s: %s\n%s", method, path, response.Status, got)
	}
	if answer != nil {
		if err := json.Unmarshal(got, answer); err != nil {
			u.tb.Fatalf("%s %s: %v in %s", method, path, err, got)
		}
	}
	return response.Header
}

func mustText(tb testing.TB, v any) string {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}
