package config

import (
	"fmt"
	"io"
)

// sampleLine is one option of the sample.
type sampleLine struct{ section, key, value, about string }

func kuryrLines() []sampleLine {
	c := DefaultKuryr()
	return []sampleLine{
		{"DEFAULT", "host", "", "Name by which Neutron knows this host: that of its agent or OVN chassis. Empty: the host's name."},
		{"DEFAULT", "state_dir", c.StateDir, "Where the plugin keeps its records (kuryr.db)."},
		{"DEFAULT", "socket", c.Socket, "Unix socket for dockerd; the file's name is the driver's."},
		{"DEFAULT", "debug", "false", "Log every verb's details."},
		{"DEFAULT", "capability_scope", c.Scope, "local, or global for Swarm."},
		{"DEFAULT", "local_default_address_space", c.AddressSpace, "Name of the address space told to Docker."},
		{"DEFAULT", "subnetpool_name_prefix", c.PoolPrefix, "Subnetpools we make are named <this>-<cidr>."},
		{"binding", "veth_dst_prefix", c.LinkPrefix, "Links in containers are named <this>0, <this>1, ..."},
		{"neutron", "enable_dhcp", "True", "Whether subnets we make have DHCP."},
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

// WriteKuryrSample writes a commented kuryr.conf with every option and its default.
func WriteKuryrSample(w io.Writer) error {
	section := ""
	for _, line := range kuryrLines() {
		if line.section != section {
			section = line.section
			if _, err := fmt.Fprintf(w, "[%s]\n", section); err != nil {
				return err
			}
		}
		about := ""
		if line.about != "" {
			about = "\n# " + line.about
		}
		if _, err := fmt.Fprintf(w, "%s\n#%s = %s\n", about, line.key, line.value); err != nil {
			return err
		}
	}
	return nil
}
