package network_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/minicloud/identity"
	"github.com/gozun/gozun/internal/minicloud/network"
	"golang.org/x/crypto/bcrypt"
)

// shell runs OpenStack's commands against both halves of the minicloud.
type shell struct {
	t           *testing.T
	environment []string
}

func newShell(t *testing.T, user string) shell {
	t.Helper()
	if testing.Short() {
		t.Skip("the Python commands take half a minute")
	}
	for _, command := range []string{"neutron", "openstack"} {
		if _, err := exec.LookPath(command); err != nil {
			t.Skipf("needs Debian's python3-neutronclient and python3-openstackclient: %v", err)
		}
	}
	db, err := kv.Open(filepath.Join(t.TempDir(), "minicloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	people, err := identity.New(identity.Config{DB: db, Log: slog.New(slog.DiscardHandler), BcryptCost: bcrypt.MinCost})
	if err != nil {
		t.Fatal(err)
	}
	service, err := network.New(network.Config{DB: db, Validate: people.Validate, Host: thisHost})
	if err != nil {
		t.Fatal(err)
	}
	keystone, neutron := httptest.NewServer(people.Handler()), httptest.NewServer(service.Handler())
	t.Cleanup(keystone.Close)
	t.Cleanup(neutron.Close)
	passwords, err := people.Bootstrap(context.Background(), identity.Bootstrap{
		Endpoints: map[string]string{"identity": keystone.URL + "/v3", "network": neutron.URL},
	})
	if err != nil {
		t.Fatal(err)
	}
	return shell{t, append(os.Environ(),
		"OS_AUTH_URL="+keystone.URL+"/v3", "OS_IDENTITY_API_VERSION=3", "OS_REGION_NAME=RegionOne",
		"OS_USERNAME="+user, "OS_PASSWORD="+passwords[user], "OS_PROJECT_NAME="+user,
		"OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_DOMAIN_NAME=Default")}
}

// run runs one command line; it has no quoting, only words.
func (s shell) run(line string) (stdout, stderr string, err error) {
	s.t.Helper()
	words := strings.Fields(line)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = s.environment
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err = cmd.Run()
	return out.String(), problems.String(), err
}

func (s shell) must(line string) string {
	s.t.Helper()
	out, problems, err := s.run(line)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s%s", line, err, out, problems)
	}
	return out
}

func (s shell) json(line string, into any) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.must(line+" -f json")), into); err != nil {
		s.t.Fatalf("%s: %v", line, err)
	}
}

func TestNeutronCommand(t *testing.T) {
	t.Parallel()
	s := newShell(t, "demo")
	// The three lines of the workflow, word for word.
	s.must("neutron net-create testnet")
	s.must("neutron subnetpool-create --pool-prefix 10.2.0.0/16 testpool")
	s.must("neutron subnet-create --subnetpool testpool --name testsubnet testnet 10.2.0.0/24")

	var sub object
	s.json("neutron subnet-show testsubnet", &sub)
	if sub["cidr"] != "10.2.0.0/24" || sub["gateway_ip"] != "10.2.0.1" {
		t.Errorf("subnet-show: %v", sub)
	}
	s.must("neutron port-create --name p1 --fixed-ip ip_address=10.2.0.9 testnet")
	var ports []object
	s.json("neutron port-list --name p1 -c name -c status", &ports)
	if diff := cmp.Diff([]object{{"name": "p1", "status": "DOWN"}}, ports); diff != "" {
		t.Error(diff)
	}
	for _, line := range []string{
		"neutron net-list", "neutron net-show testnet", "neutron subnetpool-list", "neutron security-group-list",
		"neutron security-group-rule-list", "neutron security-group-create web", "neutron quota-show", "neutron ext-list",
		"neutron security-group-rule-create --direction ingress --protocol tcp --port-range-min 80 --port-range-max 80 web",
		"neutron tag-add --resource-type network --resource testnet --tag blue", "neutron net-list --tags blue",
		"neutron net-update testnet --name renamed",
	} {
		s.must(line)
	}
	_, problems, err := s.run("neutron net-delete renamed")
	if err == nil || !strings.Contains(problems, "one or more ports still in use") {
		t.Errorf("net-delete of a network in use said %q", problems)
	}
	for _, line := range []string{"neutron port-delete p1", "neutron subnet-delete testsubnet", "neutron net-delete renamed", "neutron subnetpool-delete testpool"} {
		s.must(line)
	}
}

func TestOpenstackCommand(t *testing.T) {
	t.Parallel()
	s := newShell(t, "demo")
	s.must("openstack network create --tag blue n1")
	s.must("openstack subnet pool create --pool-prefix 10.3.0.0/16 --default-prefix-length 24 p1")
	s.must("openstack subnet create --network n1 --subnet-pool p1 --dns-nameserver 9.9.9.9 s4")
	s.must("openstack subnet create --network n1 --ip-version 6 --subnet-range fd00:3::/64 s6")
	s.must("openstack security group create web")
	s.must("openstack security group rule create --protocol tcp --dst-port 80:90 --remote-ip 10.0.0.0/8 web")
	s.must("openstack port create --network n1 --security-group web --tag t1 --fixed-ip subnet=s4,ip-address=10.3.0.77 port1")
	var p object
	s.json("openstack port show port1 -c fixed_ips -c tags -c status", &p)
	var subnets []object
	s.json("openstack subnet list --network n1", &subnets)
	if len(subnets) != 2 || len(p["fixed_ips"].([]any)) != 1 || p["status"] != "DOWN" {
		t.Errorf("port %v, subnets %v", p, subnets)
	}
	for _, line := range []string{
		"openstack network list --tags blue", "openstack port list --network n1 --long", "openstack port list --fixed-ip subnet=s4",
		"openstack port set --name port2 --description d port1", "openstack network set --description d n1",
		"openstack security group rule list web", "openstack security group show default", "openstack subnet pool show p1",
		"openstack extension list --network", "openstack port unset --tag t1 port2", "openstack port delete port2",
		"openstack network delete n1", "openstack subnet pool delete p1", "openstack security group delete web",
	} {
		s.must(line)
	}
	if _, problems, err := s.run("openstack network create --share n2"); err == nil || !strings.Contains(problems, "disallowed by policy") {
		t.Errorf("sharing as an ordinary user said %q", problems)
	}
}

func TestOpenstackCommandAsAdmin(t *testing.T) {
	t.Parallel()
	s := newShell(t, "admin")
	s.must("openstack network create --share n1")
	s.must("openstack subnet create --network n1 --subnet-range 10.4.0.0/24 s1")
	s.must("openstack port create --network n1 --host " + thisHost + " p1")
	var p object
	s.json("openstack port show p1", &p)
	if p["binding_vif_type"] != "bridge" || p["binding_host_id"] != thisHost {
		t.Errorf("port %v", p)
	}
	var agents []object
	s.json("openstack network agent list", &agents)
	if len(agents) != 1 || agents[0]["Host"] != thisHost {
		t.Errorf("agents %v", agents)
	}
	s.must("neutron quota-update --port 7 --network 8")
	var limits object
	s.json("neutron quota-show", &limits)
	if limits["port"] != 7.0 || limits["subnet"] != 100.0 {
		t.Errorf("quota %v", limits)
	}
}
