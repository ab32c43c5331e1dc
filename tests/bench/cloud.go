package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// cloud is a real Keystone and Neutron that run, as tests/openstack brings them up.
type cloud struct {
	state string            // directory with the openrcs
	set   map[string]string // of services.env
}

// errNoCloud says that there is no cloud to measure.
var errNoCloud = errors.New("GOZUN_OPENSTACK does not name the services.env of a running cloud (make openstack-up), so this case is left out")

// findCloud finds the one that GOZUN_OPENSTACK tells of; errNoCloud when that names none.
func findCloud() (*cloud, error) {
	path := os.Getenv("GOZUN_OPENSTACK")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, errNoCloud
	}
	c := &cloud{state: filepath.Dir(path), set: map[string]string{}}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			c.set[name] = value
		}
	}
	return c, nil
}

// openrc is the file with the credentials of one of the people there.
func (c *cloud) openrc(name string) string {
	if name == "admin" {
		return filepath.Join(c.state, "openrc")
	}
	return filepath.Join(c.state, "openrc-"+name)
}

// host is the name under which Neutron knows this machine.
func (c *cloud) host() string { return c.set["OPENSTACK_HOST"] }

// environment is what those who plug need beside their own, such as where Open vSwitch is.
func (c *cloud) environment() []string {
	env := os.Environ()
	if dir := c.set["OVS_RUNDIR"]; dir != "" {
		env = append(env, "OVS_RUNDIR="+dir)
	}
	return env
}

// writeCloudsYAML writes the entry "real" for the service user zun.
func (c *cloud) writeCloudsYAML(path string) error {
	text := fmt.Sprintf(`clouds:
  real:
    region_name: %s
    auth: {auth_url: '%s', username: zun, password: '%s', project_name: service, user_domain_name: Default, project_domain_name: Default}
`, c.set["OPENSTACK_REGION"], c.set["OPENSTACK_AUTH_URL"], c.set["OPENSTACK_SERVICE_PASSWORD"])
	return os.WriteFile(path, []byte(text), 0o600)
}

// portPlace makes and deletes a port, bound to this host, in one request each: what the
// network costs whoever starts a container there.
func (b *bench) portPlace(ctx context.Context) (place, error) {
	c, err := findCloud()
	if err != nil {
		return place{}, err
	}
	z := &zund{identity: strings.TrimSuffix(c.set["OPENSTACK_AUTH_URL"], "/v3"), http: &http.Client{Timeout: longest}}
	if z.token, _, err = z.tokenOf(ctx, c.openrc("kuryr")); err != nil {
		return place{}, err
	}
	subnet, _ := b.subnet(235)
	neutron := c.set["OPENSTACK_NEUTRON_URL"] + "/v2.0/"
	var network struct{ Network struct{ ID string } }
	if _, err := z.ask(ctx, http.MethodPost, neutron+"networks", object{"network": object{"name": "bench-" + b.id}}, &network); err != nil {
		return place{}, err
	}
	id := network.Network.ID
	b.push(func(ctx context.Context) error {
		_, err := z.ask(ctx, http.MethodDelete, neutron+"networks/"+id, nil, nil)
		return err
	})
	_, err = z.ask(ctx, http.MethodPost, neutron+"subnets", object{"subnet": object{"network_id": id, "ip_version": 4, "cidr": subnet.String()}}, nil)
	return place{
		start: func(ctx context.Context) (string, error) {
			var made struct{ Port struct{ ID string } }
			_, err := z.ask(ctx, http.MethodPost, neutron+"ports", object{"port": object{
				"network_id": id, "name": "bench", "device_id": "bench", "device_owner": "compute:kuryr", "binding:host_id": c.host(),
			}}, &made)
			return made.Port.ID, err
		},
		rm: func(ctx context.Context, port string) error {
			_, err := z.ask(ctx, http.MethodDelete, neutron+"ports/"+port, nil, nil)
			return err
		},
	}, err
}

// zunRealPlace is zun run and zun delete of a zund that serves the cloud.
func (b *bench) zunRealPlace(ctx context.Context) (place, error) {
	c, err := findCloud()
	if err != nil {
		return place{}, err
	}
	z, err := newZund(ctx, b.bin, filepath.Join(b.dir, "cloud"), "gozun-cloud-"+b.id)
	if err != nil {
		return place{}, err
	}
	z.cloud = c
	z.identity = strings.TrimSuffix(c.set["OPENSTACK_AUTH_URL"], "/v3")
	z.container = strings.TrimSuffix(c.set["OPENSTACK_ZUN_URL"], "/v1")
	b.push(z.remove)
	if _, err := z.start(ctx); err != nil {
		return place{}, err
	}
	if err := z.login(ctx); err != nil {
		return place{}, err
	}
	return b.zunPlace(ctx, z, "zun-real", 236)
}
