package e2e

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The workflow of the design, word for word, with our own neutron.
func TestWorkflow(t *testing.T) {
	u := startCloud(t, "").demo()
	u.wholeWorkflow(program("neutron"))
}

// wholeWorkflow is the design's, and the way back, with a neutron command.
func (u *user) wholeWorkflow(neutron string) {
	u.tb.Helper()
	u.run(neutron, "net-create", "testnet")
	u.run(neutron, "subnetpool-create", "--pool-prefix", "10.2.0.0/16", "testpool")
	u.run(neutron, "subnet-create", "--subnetpool", "testpool", "--name", "testsubnet", "testnet", "10.2.0.0/24")
	u.workflow()
	u.run(neutron, "subnet-delete", "testsubnet")
	u.run(neutron, "subnetpool-delete", "testpool")
	u.run(neutron, "net-delete", "testnet")
}

// The same lines typed to Debian's neutron, and openstack finding what they made.
func TestWorkflowWithDebiansClients(t *testing.T) {
	for _, name := range []string{"/usr/bin/neutron", "/usr/bin/openstack"} {
		if _, err := os.Stat(name); err != nil {
			t.Skipf("%s is not installed (python3-neutronclient, python3-openstackclient)", name)
		}
	}
	u := startCloud(t, "").demo()
	u.run("/usr/bin/neutron", "net-create", "testnet")
	u.run("/usr/bin/neutron", "subnetpool-create", "--pool-prefix", "10.2.0.0/16", "testpool")
	u.run("/usr/bin/neutron", "subnet-create", "--subnetpool", "testpool", "--name", "testsubnet", "testnet", "10.2.0.0/24")
	u.workflow()
	if got := u.run("/usr/bin/openstack", "network", "list", "-f", "value", "-c", "Name"); strings.TrimSpace(got) != "testnet" {
		t.Errorf("openstack network list: %q", got)
	}
	if got := u.run("/usr/bin/openstack", "port", "list", "-f", "value", "-c", "ID"); strings.TrimSpace(got) != "" {
		t.Errorf("ports are left: %q", got)
	}
}

// workflow is what follows the three neutron lines.
func (u *user) workflow() {
	t := u.tb
	t.Helper()
	u.zun("network-create", "--neutron-net", "testnet", "--neutron-pool", "testpool", "--neutron-subnet", "testsubnet", "foo")
	u.zun("run", "--wait", "--name", "web", "--net=foo", image, "httpd", "-f", "-p", "80", "-h", "/www")
	web := u.show("web")
	address := web.address(t, 4)
	if !netip.MustParsePrefix("10.2.0.0/24").Contains(netip.MustParseAddr(address)) {
		t.Errorf("web has the address %s", address)
	}
	u.runs("client", []string{"--net=foo"})
	if page := u.zun("exec", "client", "fetch", "http://"+address+"/"); !strings.Contains(page, "a page") {
		t.Errorf("client got %q from web", page)
	}
	if u.onMinicloud() { // elsewhere the host is not on tenants' networks
		u.hostFetches(address)
	}
	for command, wanted := range map[string]string{
		"network-list": "foo", "list": "web", "network-show foo": "web", "network-list web": address, "action-list web": "create",
	} {
		if out := u.zun(strings.Fields(command)...); !strings.Contains(out, wanted) {
			t.Errorf("zun %s does not show %q:\n%s", command, wanted, out)
		}
	}
	if complaint := u.fails(program("zun"), "network-delete", "foo"); !strings.Contains(complaint, "web") || !strings.Contains(complaint, "client") {
		t.Errorf("the refusal to delete foo does not name who is on it: %s", complaint)
	}
	u.remove("web")
	u.zun("delete", "--stop", "--wait", "client")
	u.zun("network-delete", "foo")
	if out := u.docker("network", "ls", "--quiet", "--filter", "driver=kuryr"); out != "" {
		t.Errorf("Docker networks are left: %s", out)
	}
	if out := u.docker("ps", "--all", "--quiet", "--filter", "label=org.gozun.container"); out != "" {
		t.Errorf("Docker containers are left: %s", out)
	}
}

// hostFetches has this host, whatever the security groups say, get web's page.
func (u *user) hostFetches(address string) {
	u.tb.Helper()
	web := http.Client{Timeout: 5 * time.Second}
	response, err := web.Get("http://" + net.JoinHostPort(address, "80") + "/")
	if err != nil {
		u.tb.Errorf("the host cannot reach %s: %v", address, err)
		return
	}
	response.Body.Close()
}

func TestShortForm(t *testing.T) {
	startCloud(t, "").demo().shortForm()
}

func (u *user) shortForm() {
	t := u.tb
	t.Helper()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	u.runs("one", []string{"--net=foo"})
	u.runs("two", []string{"--net", "network=foo,v4-fixed-ip=10.2.0.77"})
	if got := u.show("two").address(t, 4); got != "10.2.0.77" {
		t.Errorf("two has %s", got)
	}
	u.remove("one", "two")
	u.zun("network-delete", "foo")
	var left struct{ Networks, Subnetpools, Subnets []struct{ Name string } }
	u.neutron("GET", "networks?name=foo", nil, &left)
	u.neutron("GET", "subnetpools?name=foo", nil, &left)
	u.neutron("GET", "subnets?name=foo", nil, &left)
	if len(left.Networks)+len(left.Subnetpools)+len(left.Subnets) != 0 {
		t.Errorf("what network-create made is left: %+v", left)
	}
}

func TestDualStack(t *testing.T) {
	u := startCloud(t, "").demo()
	neutron := program("neutron")
	u.run(neutron, "net-create", "dual")
	u.run(neutron, "subnet-create", "--name", "four", "dual", "10.6.0.0/24")
	u.run(neutron, "subnet-create", "--name", "six", "--ip-version", "6", "dual", "fd00:6::/64")
	u.zun("network-create", "--neutron-net", "dual", "foo")
	web := u.runs("web", []string{"--net=foo"}, "httpd", "-f", "-p", "80", "-h", "/www")
	u.runs("client", []string{"--net=foo"})
	for _, version := range []int{4, 6} {
		host := net.JoinHostPort(web.address(t, version), "80")
		if page := u.zun("exec", "client", "fetch", "http://"+host+"/"); !strings.Contains(page, "a page") {
			t.Errorf("over IPv%d client got %q", version, page)
		}
	}
}

func TestLifeOfAContainer(t *testing.T) {
	u := startCloud(t, "").demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	before := u.runs("one", []string{"--net=foo", "-e", "COLOUR=green"}, "sh", "-c", "echo started; exec sleep 1000000").address(t, 4)
	if out := u.zun("logs", "one"); !strings.Contains(out, "started") {
		t.Errorf("logs: %q", out)
	}
	if out := u.zun("exec", "one", "sh", "-c", `echo "$COLOUR and 'quotes'"`); !strings.Contains(out, "green and 'quotes'") {
		t.Errorf("exec: %q", out)
	}
	for _, step := range [][]string{
		{"stop", "Stopped", "--timeout", "1"},
		{"start", "Running"},
		{"restart", "Running", "--timeout", "1"},
		{"kill", "Stopped"},
		{"start", "Running"},
	} {
		u.zun(append([]string{step[0], "--wait", "one"}, step[2:]...)...)
		until(t, step[0]+" leads to "+step[1], func() bool { return u.show("one").Status == step[1] })
		if got := u.show("one").address(t, 4); got != before {
			t.Errorf("after %s the address is %s, before it was %s", step[0], got, before)
		}
	}
	u.zun("network-create", "bar", "--subnet", "10.3.0.0/24")
	u.zun("network-attach", "one", "--network", "bar")
	until(t, "one is on two networks", func() bool { return len(u.show("one").Addresses) == 2 })
	until(t, "one has an interface on bar", func() bool { return strings.Contains(u.zun("exec", "one", "ip", "-o", "addr"), "10.3.0.") })
	u.zun("network-detach", "one", "--network", "bar")
	until(t, "one is on one network", func() bool { return len(u.show("one").Addresses) == 1 })
	u.zun("network-delete", "bar")
}

// A container that is on its own port gives it back as it was.
func TestUsersOwnPort(t *testing.T) {
	u := startCloud(t, "").demo()
	u.run(program("neutron"), "net-create", "mine")
	u.run(program("neutron"), "subnet-create", "--name", "mine", "mine", "10.7.0.0/24")
	var network struct{ Networks []struct{ ID string } }
	u.neutron("GET", "networks?name=mine", nil, &network)
	type port struct {
		ID     string
		Name   string
		MAC    string `json:"mac_address"`
		Device string `json:"device_id"`
		Owner  string `json:"device_owner"`
		Status string
		Tags   []string
	}
	var made, used, left struct{ Port port }
	u.neutron("POST", "ports", map[string]any{"port": map[string]any{"network_id": network.Networks[0].ID, "name": "precious"}}, &made)
	c := u.runs("one", []string{"--net", "port=precious"})
	u.neutron("GET", "ports/"+made.Port.ID, nil, &used)
	if used.Port.Device != c.UUID || used.Port.Owner != "compute:kuryr" || used.Port.Status != "ACTIVE" {
		t.Errorf("the port in use: %+v", used.Port)
	}
	if out := u.zun("exec", "one", "ip", "-o", "link"); !strings.Contains(out, made.Port.MAC) {
		t.Errorf("the container has not the port's MAC %s: %s", made.Port.MAC, out)
	}
	u.zun("delete", "--stop", "--wait", "one")
	u.neutron("GET", "ports/"+made.Port.ID, nil, &left)
	if before, after := mustJSON(t, made.Port), mustJSON(t, left.Port); before != after {
		t.Errorf("the port came back changed:\n%s\n%s", before, after)
	}
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Docker users have the same without Zun.
func TestDockerAlone(t *testing.T) {
	u := startCloud(t, "").admin()
	neutron := program("neutron")
	kuryr := u.login("openrc-admin")
	kuryr.run(neutron, "net-create", "testnet")
	kuryr.run(neutron, "subnetpool-create", "--pool-prefix", "10.2.0.0/16", "testpool")
	kuryr.run(neutron, "subnet-create", "--subnetpool", "testpool", "--name", "testsubnet", "testnet", "10.2.0.0/24")
	var found struct{ Networks, Subnetpools []struct{ ID string } }
	u.neutron("GET", "networks?name=testnet", nil, &found)
	u.neutron("GET", "subnetpools?name=testpool", nil, &found)
	net, pool := found.Networks[0].ID, found.Subnetpools[0].ID
	name := "e2e-" + filepath.Base(t.TempDir()) + "-foo"
	u.docker("network", "create", "-d", "kuryr", "--ipam-driver=kuryr", "--subnet", "10.2.0.0/24", "--gateway", "10.2.0.1",
		"-o", "neutron.net.uuid="+net, "-o", "neutron.pool.uuid="+pool, "--ipam-opt", "neutron.pool.uuid="+pool, name)
	t.Cleanup(func() { u.try("docker", "network", "rm", name) })
	web := u.docker("run", "-d", "--net="+name, image, "httpd", "-f", "-p", "80", "-h", "/www")
	t.Cleanup(func() { u.try("docker", "rm", "-f", web) })
	address := u.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", web)
	if page := u.docker("run", "--rm", "--net="+name, image, "fetch", "http://"+address+"/"); !strings.Contains(page, "a page") {
		t.Errorf("got %q", page)
	}
	u.docker("restart", "-t", "1", web)
	u.docker("rm", "-f", web)
	u.docker("network", "rm", name)
	var left struct{ Ports []struct{ ID string } }
	u.neutron("GET", "ports?network_id="+net, nil, &left)
	if len(left.Ports) != 0 {
		t.Errorf("ports are left: %+v", left.Ports)
	}
}
