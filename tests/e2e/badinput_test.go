package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What users get wrong: each is refused with what is wrong, and nothing is left behind.
func TestBadInput(t *testing.T) {
	c := startCloud(t, "")
	u, other := c.demo(), c.newProject("other")
	neutron := program("neutron")
	other.run(neutron, "net-create", "theirs")
	other.run(neutron, "subnet-create", "--name", "theirs", "theirs", "10.8.0.0/24")
	var theirs struct{ Networks []struct{ ID string } }
	other.neutron("GET", "networks?name=theirs", nil, &theirs)
	u.run(neutron, "net-create", "testnet")
	u.run(neutron, "subnetpool-create", "--pool-prefix", "10.2.0.0/16", "testpool")
	u.run(neutron, "subnetpool-create", "--pool-prefix", "10.3.0.0/16", "otherpool")
	u.run(neutron, "subnet-create", "--subnetpool", "testpool", "--name", "testsubnet", "testnet", "10.2.0.0/24")
	u.run(neutron, "net-create", "elsewhere")
	u.run(neutron, "subnet-create", "--name", "elsewhere", "elsewhere", "10.4.0.0/24")
	u.zun("network-create", "--neutron-net", "testnet", "foo")
	u.runs("holder", []string{"--net", "network=foo,v4-fixed-ip=10.2.0.9"})
	before := c.everything(u)
	for _, bad := range []struct{ command, complaint string }{
		{"network-create --neutron-net nosuch bar", "nosuch"},
		{"network-create --neutron-net testnet --neutron-subnet elsewhere bar", "elsewhere"},
		{"network-create --neutron-net testnet --neutron-pool otherpool bar", "otherpool"},
		{"network-create --neutron-net " + theirs.Networks[0].ID + " bar", theirs.Networks[0].ID},
		{"network-create --neutron-net testnet foo", "foo"},
		{"network-create bar --subnet 10.2.0.0/240", "10.2.0.0/240"},
		{"network-create bar --subnet 10.2.0.9/24", "10.2.0."},
		{"network-delete foo", "holder"},
		{"network-delete nosuch", "nosuch"},
		{"network-show nosuch", "nosuch"},
		{"run --net=nosuch " + image, "nosuch"},
		{"run --net=" + theirs.Networks[0].ID + " " + image, theirs.Networks[0].ID},
		{"run --net network=foo,v4-fixed-ip=10.99.0.9 " + image, "10.99.0.9"},
		{"run --net network=foo,v4-fixed-ip=10.2.0.9 " + image, "10.2.0.9"},
		{"run --net port=nosuch " + image, "nosuch"},
		{"run --net=foo --security-group nosuch " + image, "nosuch"},
		{"run --net=foo --cpu 1000 " + image, "cpu"},
		{"run --net=foo --memory nonsense " + image, "memory"},
		{"start nosuch", "nosuch"},
		{"start holder", "Running"},
		{"delete holder", "Running"},
		{"exec holder nosuchcommand", "nosuchcommand"},
		{"kill --signal NOSUCH holder", "NOSUCH"},
		{"network-attach holder --network foo", "foo"},
		{"network-detach holder --network elsewhere", "elsewhere"},
	} {
		out := u.fails(program("zun"), strings.Fields(bad.command)...)
		if !strings.Contains(out, bad.complaint) {
			t.Errorf("zun %s: the complaint does not say %q:\n%s", bad.command, bad.complaint, out)
		}
		if strings.Contains(out, "HTTP 5") || strings.Contains(out, "Correlation") {
			t.Errorf("zun %s: a server error:\n%s", bad.command, out)
		}
		if after := c.everything(u); after != before {
			t.Fatalf("zun %s left something behind:\nbefore:\n%s\nafter:\n%s", bad.command, before, after)
		}
	}
}

// everything lists all that a user has.
func (c *cloud) everything(u *user) string {
	c.tb.Helper()
	all := u.zun("list", "-f", "value", "-c", "uuid") + u.zun("network-list", "-f", "value", "-c", "uuid")
	for _, kind := range []string{"net-list", "subnetpool-list", "subnet-list", "port-list"} {
		all += u.run(program("neutron"), kind, "-f", "value", "-c", "id")
	}
	return all + u.docker("network", "ls", "--quiet", "--filter", "driver=kuryr")
}

// What can only fail once the work is under way ends in Error with the reason, holds no
// port, and can be deleted.
func TestFailureUnderWay(t *testing.T) {
	u := startCloud(t, "").demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	for name, bad := range map[string]struct {
		args      []string
		complaint string
	}{
		"noimage":   {[]string{"nosuchimage:1"}, "nosuchimage"},
		"nocommand": {[]string{image, "nosuchcommand"}, "nosuchcommand"},
	} {
		u.zun(append([]string{"run", "--no-wait", "--net=foo", "--name", name}, bad.args...)...)
		until(t, name+" is in Error", func() bool { return u.show(name).Status == "Error" })
		if reason := u.show(name).Reason; !strings.Contains(reason, bad.complaint) {
			t.Errorf("the reason does not say %q: %q", bad.complaint, reason)
		}
		u.zun("delete", "--wait", name)
	}
	if ports := u.run(program("neutron"), "port-list", "-f", "value"); strings.TrimSpace(ports) != "" {
		t.Errorf("ports are left:\n%s", ports)
	}
	u.zun("network-delete", "foo")
}

// A gateway that is not the subnet's is refused by the plugin, to Docker users.
func TestGatewayMismatch(t *testing.T) {
	u := startCloud(t, "").admin()
	u.run(program("neutron"), "net-create", "testnet")
	u.run(program("neutron"), "subnet-create", "--name", "testsubnet", "testnet", "10.2.0.0/24")
	var found struct{ Networks []struct{ ID string } }
	u.neutron("GET", "networks?name=testnet", nil, &found)
	out := u.fails("docker", "network", "create", "-d", "kuryr", "--ipam-driver=kuryr", "--subnet", "10.2.0.0/24", "--gateway", "10.2.0.99",
		"-o", "neutron.net.uuid="+found.Networks[0].ID, "--ipam-opt", "neutron.net.uuid="+found.Networks[0].ID, "e2e-mismatch")
	if !strings.Contains(out, "10.2.0.99") || !strings.Contains(out, "10.2.0.1") {
		t.Errorf("the complaint does not name both gateways: %s", out)
	}
}

// Docker away: a clear answer, nothing left behind, and all is well once it is back.
func TestDockerDown(t *testing.T) {
	if os.Getenv("GOZUN_E2E") == "" {
		t.Skip("end-to-end tests run with GOZUN_E2E=1")
	}
	d := startDockerd(t)
	u := startCloud(t, d.host).demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	d.end()
	before := u.zun("network-list") + u.run(program("neutron"), "net-list")
	if out := u.fails(program("zun"), "network-create", "bar", "--subnet", "10.3.0.0/24"); !strings.Contains(out, "Docker") {
		t.Errorf("network-create without Docker: %s", out)
	}
	if after := u.zun("network-list") + u.run(program("neutron"), "net-list"); after != before {
		t.Errorf("the refused network left something:\n%s\nbefore:\n%s", after, before)
	}
	u.zun("run", "--no-wait", "--net=foo", "--name", "unlucky", image)
	until(t, "the container is in Error", func() bool { return u.show("unlucky").Status == "Error" })
	if reason := u.show("unlucky").Reason; !strings.Contains(reason, "Docker") {
		t.Errorf("the reason does not name Docker: %q", reason)
	}
	u.zun("delete", "--wait", "unlucky")
	d.start()
	until(t, "the host takes containers again", func() bool {
		u.zun("run", "--no-wait", "--net=foo", "--name", "lucky", image)
		until(t, "lucky is settled", func() bool { return u.show("lucky").Status != "Creating" && u.show("lucky").Status != "Created" })
		if u.show("lucky").Status == "Running" {
			return true
		}
		u.zun("delete", "--wait", "lucky")
		return false
	})
}

// zund itself refuses to start where it cannot work, says why, and leaves nothing.
func TestRefusalsToStart(t *testing.T) {
	if os.Getenv("GOZUN_E2E") == "" {
		t.Skip("end-to-end tests run with GOZUN_E2E=1")
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	free := func(flag string) []string { return []string{flag, freeAddress(t)} }
	for name, bad := range map[string]struct {
		args      []string
		complaint string
	}{
		"port taken":     {append(append([]string{"--identity-listen", taken.Addr().String()}, free("--network-listen")...), free("--container-listen")...), "--identity-listen"},
		"not a dir":      {[]string{"--state-dir", filepath.Join(file, "state")}, "--state-dir"},
		"not an address": {[]string{"--container-listen", "nonsense"}, "--container-listen"},
		"unknown flag":   {[]string{"--nonsense"}, "zund solo --help"},
		"unknown cloud":  {[]string{"--os-cloud", "nosuchcloud"}, "clouds.yaml"},
	} {
		state := filepath.Join(t.TempDir(), "state")
		out, err := exec.Command(program("zund"), append([]string{"solo", "--state-dir", state}, bad.args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), bad.complaint) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	nobody := exec.Command("setpriv", "--reuid", "65534", "--clear-groups", program("zund"), "solo", "--state-dir", t.TempDir())
	if out, err := nobody.CombinedOutput(); err == nil || !strings.Contains(string(out), "root") {
		t.Errorf("not root: %v\n%s", err, out)
	}
}
