package config

import (
	"fmt"
	"io"
	"strings"
)

// sampleLine is one option of the sample.
type sampleLine struct{ section, key, value, about string }

func kuryrLines() []sampleLine {
	c := DefaultKuryr()
	return []sampleLine{
		{"DEFAULT", "host", "", "Name by which Neutron knows this host: that of its agent or OVN chassis (openstack network\nagent list), the binding:host_id of our ports. Empty: the host's name."},
		{"DEFAULT", "state_dir", c.StateDir, "Where the plugin keeps its records (kuryr.db)."},
		{"DEFAULT", "socket", c.Socket, "Unix socket for dockerd; the file's name without .sock is the driver's name."},
		{"DEFAULT", "docker_host", "", "Where the Docker Engine listens that this plugin serves, for example unix:///run/docker.sock. It\nis asked now and then which networks it has. Empty: DOCKER_HOST or unix:///var/run/docker.sock."},
		{"DEFAULT", "metrics_listen", "", "Where Prometheus may read metrics (GET /metrics), for example 127.0.0.1:9519. Loopback only:\nnobody is asked for a password. Empty: nowhere."},
		{"DEFAULT", "debug", "false", "Log what debugging needs."},
		{"DEFAULT", "use_json", "false", "Log JSON, one object a line, instead of key=value text."},
		{"DEFAULT", "capability_scope", c.Scope, "local, or global for Swarm."},
		{"DEFAULT", "local_default_address_space", c.AddressSpace, "Name of the address space told to Docker, of which there is one."},
		{"DEFAULT", "global_default_address_space", c.AddressSpace, "The same with capability_scope = global."},
		{"DEFAULT", "subnetpool_name_prefix", c.PoolPrefix, "Subnetpools that we make are named <this>-<cidr>."},
		{"DEFAULT", "process_external_connectivity", "True", "Open exposed and published ports of containers with security group rules."},
		{"DEFAULT", "leftover_after", "600", "Seconds until what nobody comes for (an address whose endpoint is never made, a port or link of\nno container) counts as left behind and is removed. Docker may let 30 pass between its calls."},
		{"binding", "veth_dst_prefix", c.LinkPrefix, "Links in containers are named <this>0, <this>1, ..."},
		{"binding", "ovsdb_socket", "", "ovsdb-server's unix socket, for ports that Open vSwitch or OVN wires. Empty: db.sock in\nOVS_RUNDIR or /var/run/openvswitch."},
		{"neutron", "enable_dhcp", "True", "Whether subnets that we make have DHCP."},
		{"neutron", "default_subnetpool_v4", c.PoolV4, "Subnetpool, by name, for Docker networks without --subnet."},
		{"neutron", "default_subnetpool_v6", c.PoolV6, "The same for IPv6."},
		{"neutron", "vif_plugging_is_fatal", "False", "Let containers wait until Neutron says that their port is ACTIVE, and fail if it does not."},
		{"neutron", "vif_plugging_timeout", "0", "Seconds to wait so; 0 is as long as Docker can be made to wait."},
		{"neutron", "spare_ports", "0", "Ports kept ready on this host for each Docker network, so that containers start without waiting\nfor Neutron to make one; as many as are started at once. They have addresses and count for the\nproject's quota. Containers then have the MACs of their ports. Restart dockerd after a change\nto or from 0."},
		{"neutron", "auth_url", "", "Keystone, http://controller:5000/v3. Without it the OS_* variables are taken."},
		{"neutron", "auth_type", "password", "password, token or v3applicationcredential."},
		{"neutron", "username", "", "User with the role admin or service in the project below."},
		{"neutron", "password", "", ""},
		{"neutron", "user_domain_name", "", ""},
		{"neutron", "project_name", "", "Project that networks made by docker network create belong to."},
		{"neutron", "project_domain_name", "", ""},
		{"neutron", "region_name", "", ""},
		{"neutron", "endpoint_type", c.Login.Interface, "public, internal or admin."},
		{"neutron", "endpoint_override", "", "Neutron's URL instead of the catalog's."},
		{"neutron", "cafile", "", "Certificates to trust."},
		{"neutron", "insecure", "false", "Trust any certificate."},
		{"neutron", "timeout", "", "Seconds that one call to Neutron may take."},
	}
}

const sampleHead = `# kuryr.conf of kuryr-libnetwork, made by: kuryr-libnetwork --print-config
# What is commented out is the default. A kuryr.conf of the Python plugin is read as it is;
# the log tells of each option in it that has no effect here, and why. kuryr-libnetwork(8).

`

// WriteKuryrSample writes a commented kuryr.conf with every option and its default.
func WriteKuryrSample(w io.Writer) error {
	if _, err := io.WriteString(w, sampleHead); err != nil {
		return err
	}
	section := ""
	for _, line := range kuryrLines() {
		if line.section != section {
			if section != "" {
				if _, err := fmt.Fprintln(w); err != nil {
					return err
				}
			}
			section = line.section
			if _, err := fmt.Fprintf(w, "[%s]\n", section); err != nil {
				return err
			}
		}
		about := ""
		if line.about != "" {
			about = "\n# " + strings.ReplaceAll(line.about, "\n", "\n# ")
		}
		if _, err := fmt.Fprintf(w, "%s\n%s\n", about, strings.TrimRight("#"+line.key+" = "+line.value, " ")); err != nil {
			return err
		}
	}
	return nil
}
