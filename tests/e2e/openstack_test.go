package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// openstack is a real Keystone and Neutron, as tests/openstack brings them up: what its
// services.env says.
type openstack map[string]string

// mustOpenStack returns the real services that GOZUN_OPENSTACK tells of.
func mustOpenStack(tb testing.TB) openstack {
	tb.Helper()
	path := os.Getenv("GOZUN_OPENSTACK")
	if os.Getenv("GOZUN_E2E") == "" || path == "" {
		tb.Skip("tests on a real OpenStack run by make test-openstack")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	o := openstack{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			o[name] = value
		}
	}
	return o
}

// anyCloud starts a zund on the real services that GOZUN_OPENSTACK tells of, and on its own
// embedded ones where it tells of none: tests that take their cloud from here hold on both.
func anyCloud(tb testing.TB, flags ...string) *cloud {
	tb.Helper()
	if os.Getenv("GOZUN_OPENSTACK") == "" {
		return startCloud(tb, "", flags...)
	}
	return mustOpenStack(tb).startZund(tb, flags...)
}

// startZund starts a zund on the real services, at the address that is in their catalogue.
func (o openstack) startZund(tb testing.TB, flags ...string) *cloud {
	tb.Helper()
	config := filepath.Join(tb.TempDir(), "clouds.yaml")
	text := "clouds: {real: {region_name: " + o["OPENSTACK_REGION"] + ", auth: {auth_url: '" + o["OPENSTACK_AUTH_URL"] +
		"', username: zun, password: " + o["OPENSTACK_SERVICE_PASSWORD"] +
		", project_name: service, user_domain_name: Default, project_domain_name: Default}}}"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	address := strings.TrimSuffix(strings.TrimPrefix(o["OPENSTACK_ZUN_URL"], "http://"), "/v1")
	c := newCloud(tb, "", address, append([]string{"--os-cloud", "real", "--host", o["OPENSTACK_HOST"]}, flags...)...)
	c.real = o
	c.env = append(c.env, o.environment()...)
	c.env = append(c.env, "OS_CLIENT_CONFIG_FILE="+config)
	c.start()
	c.identity, c.network = o["OPENSTACK_AUTH_URL"], o["OPENSTACK_NEUTRON_URL"]
	return c
}

// environment is what those who plug need, such as where Open vSwitch is.
func (o openstack) environment() []string {
	var env []string
	for _, name := range []string{"OVS_RUNDIR", "OVN_RUNDIR"} {
		if o[name] != "" {
			env = append(env, name+"="+o[name])
		}
	}
	return env
}

// as logs in as one of the people whom tests/openstack makes.
func (o openstack) as(c *cloud, name, project string) *user {
	c.tb.Helper()
	return c.as(name, o["OPENSTACK_SERVICE_PASSWORD"], project)
}

// bare is the services alone, without a zund.
func (o openstack) bare(tb testing.TB) *cloud {
	return &cloud{
		tb: tb, env: append(os.Environ(), o.environment()...),
		identity: o["OPENSTACK_AUTH_URL"], network: o["OPENSTACK_NEUTRON_URL"],
	}
}

// onMinicloud reports whether the network is the embedded one.
func (c *cloud) onMinicloud() bool { return c.real == nil }

// sweep removes a project, if it is still there, from services that outlive the test, with
// all that it has of Neutron.
func (c *cloud) sweep(admin *user, project string) {
	c.tb.Helper()
	admin = admin.on(c.tb)
	for _, kind := range []string{"ports", "subnets", "networks", "subnetpools", "security-groups"} {
		var found map[string][]struct{ ID string }
		admin.neutron("GET", kind+"?fields=id&project_id="+project, nil, &found)
		for _, thing := range found[strings.ReplaceAll(kind, "-", "_")] {
			admin.neutron("DELETE", kind+"/"+thing.ID, nil, nil)
		}
	}
	response, text := c.send("DELETE", c.keystoneURL("projects/"+project), admin.token, nil)
	if response.StatusCode != http.StatusNoContent && response.StatusCode != http.StatusNotFound {
		c.tb.Errorf("project %s is left: %s %s", project, response.Status, text)
	}
}

// The workflow of the design, word for word, on a real Keystone and Neutron, typed to our
// own neutron and to Debian's.
func TestOpenStackWorkflow(t *testing.T) {
	o := mustOpenStack(t)
	u := o.as(o.startZund(t), "demo", "demo")
	for _, neutron := range []string{program("neutron"), "/usr/bin/neutron"} {
		u.wholeWorkflow(neutron)
	}
}

// The short form for people who have no network yet.
func TestOpenStackShortForm(t *testing.T) {
	o := mustOpenStack(t)
	o.as(o.startZund(t), "demo", "demo").shortForm()
}

// The plugin alone on a real Neutron.
func TestOpenStackPluginAlone(t *testing.T) {
	o := mustOpenStack(t)
	p := pluginOf(t, o.as(o.bare(t), "kuryr", "service"), nil)
	p.configure("/run/docker/plugins/"+p.name+".sock", "host = "+o["OPENSTACK_HOST"])
	p.start()
	wiring := "mtu"
	if o["OVS_RUNDIR"] != "" {
		wiring = "ovsdb"
	}
	p.liveAlone(wiring)
}
