package config

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Every option that the Python plugin registers, or that its libraries do for it, is used,
// has no effect and the log says why, or is refused.
func TestEveryOptionOfThePythonPlugin(t *testing.T) {
	used := func(change func(*Kuryr)) func(*Kuryr) { return change }
	asDefault := used(func(*Kuryr) {})
	for _, test := range []struct {
		option  string // section, key and value
		used    func(*Kuryr)
		told    string // in the warning
		refused string // in the error
	}{
		{option: "DEFAULT pybasedir = /x", told: "Python"},
		{option: "DEFAULT kuryr_uri = http://127.0.0.1:23750", told: "unix socket"},
		{option: "DEFAULT capability_scope = global", used: func(c *Kuryr) { c.Scope = "global" }},
		{option: "DEFAULT capability_scope = wide", refused: "wide"},
		{option: "DEFAULT local_default_address_space = a", used: func(c *Kuryr) { c.AddressSpace = "a" }},
		{option: "DEFAULT global_default_address_space = a", used: asDefault},
		{option: "DEFAULT port_driver = kuryr_libnetwork.port_driver.drivers.veth", told: "port drivers"},
		{option: "DEFAULT default_port_driver = kuryr_libnetwork.port_driver.drivers.veth", told: "port drivers"},
		{option: "DEFAULT enabled_port_drivers = kuryr_libnetwork.port_driver.drivers.veth", told: "port drivers"},
		{option: "DEFAULT process_external_connectivity = False", used: func(c *Kuryr) { c.External = false }},
		{option: "DEFAULT ssl_cert_file = /x", told: "unix socket"},
		{option: "DEFAULT ssl_key_file = /x", told: "unix socket"},
		{option: "DEFAULT enable_ssl = True", told: "unix socket"},
		{option: "DEFAULT debug = True", used: func(c *Kuryr) { c.Debug = true }},
		{option: "DEFAULT debug = perhaps", refused: "perhaps"},
		{option: "DEFAULT use_json = t", used: func(c *Kuryr) { c.JSONLogs = true }},
		{option: "DEFAULT log_file = kuryr.log", told: "standard error"},
		{option: "DEFAULT log_dir = /var/log/kuryr", told: "standard error"},
		{option: "DEFAULT use_syslog = True", told: "standard error"},
		{option: "DEFAULT default_log_levels = amqp=WARN", told: "standard error"},
		{option: "DEFAULT bindir = /usr/libexec/kuryr", told: "no scripts"},
		{option: "DEFAULT subnetpool_name_prefix = p", used: func(c *Kuryr) { c.PoolPrefix = "p" }},
		{option: "DEFAULT deployment_type = baremetal", told: "not needed"},
		{option: "binding veth_dst_prefix = net", used: func(c *Kuryr) { c.LinkPrefix = "net" }},
		{option: "binding default_driver = kuryr.lib.binding.drivers.veth", used: asDefault},
		{option: "binding default_driver = veth", used: asDefault},
		{option: "binding default_driver = kuryr.lib.binding.drivers.macvlan", refused: "veth pairs"},
		{option: "binding driver = kuryr.lib.binding.drivers.vlan", refused: "veth pairs"},
		{option: "binding enabled_drivers = kuryr.lib.binding.drivers.veth, kuryr.lib.binding.drivers.hw_veb", used: asDefault},
		{option: "binding enabled_drivers = kuryr.lib.binding.drivers.ipvlan", refused: "veth pairs"},
		{option: "binding link_iface = eth0", told: "nested"},
		{option: "neutron enable_dhcp = 'False'", used: func(c *Kuryr) { c.EnableDHCP = false }},
		{option: "neutron default_subnetpool_v4 = four", used: func(c *Kuryr) { c.PoolV4 = "four" }},
		{option: "neutron default_subnetpool_v6 = six", used: func(c *Kuryr) { c.PoolV6 = "six" }},
		{option: "neutron vif_plugging_is_fatal = True", used: func(c *Kuryr) { c.WaitActive = true }},
		{option: "neutron vif_plugging_timeout = 30", used: func(c *Kuryr) { c.WaitTimeout = 30 * time.Second }},
		{option: "neutron vif_plugging_timeout = soon", refused: "soon"},
		{option: "neutron spare_ports = 10", used: func(c *Kuryr) { c.SparePorts = 10 }},
		{option: "neutron spare_ports = -1", refused: "-1"},
		{option: "neutron spare_ports = 101", refused: "from 0 to 100"},
		{option: "neutron spare_ports = many", refused: "many"},
		{option: "neutron region_name = R", used: func(c *Kuryr) { c.Login.Region = "R" }},
		{option: "neutron endpoint_type = adminURL", used: func(c *Kuryr) { c.Login.Interface = "admin" }},
		{option: "neutron cafile = /ca", used: func(c *Kuryr) { c.Login.CACert = "/ca" }},
		{option: "neutron certfile = /c", refused: "client certificate"},
		{option: "neutron keyfile = /k", refused: "client certificate"},
		{option: "neutron insecure = True", used: func(c *Kuryr) { c.Login.Insecure = true }},
		{option: "neutron timeout = 5", used: func(c *Kuryr) { c.Login.Timeout = 5 * time.Second }},
		{option: "neutron timeout = nan", refused: "nan"},
		{option: "neutron collect_timing = True", told: "metrics"},
		{option: "neutron split_loggers = True", told: "standard error"},
		{option: "neutron auth_type = v3password", used: asDefault},
		{option: "neutron auth_plugin = password", used: asDefault},
		{option: "neutron auth_type = v2password", refused: "v2password"},
		{option: "neutron auth_type = v2token", refused: "v2token"},
		{option: "neutron auth_url = http://k:5000", used: func(c *Kuryr) { c.Login.AuthURL = "http://k:5000" }},
		{option: "neutron username = u", used: func(c *Kuryr) { c.Login.Username = "u" }},
		{option: "neutron user-name = u", used: func(c *Kuryr) { c.Login.Username = "u" }},
		{option: "neutron user_id = u", used: func(c *Kuryr) { c.Login.UserID = "u" }},
		{option: "neutron password = pa$$$$w", used: func(c *Kuryr) { c.Login.Password = "pa$$w" }},
		{option: "neutron user_domain_id = d", used: func(c *Kuryr) { c.Login.UserDomainID = "d" }},
		{option: "neutron user_domain_name = d", used: func(c *Kuryr) { c.Login.UserDomainName = "d" }},
		{option: "neutron default_domain_name = d", used: func(c *Kuryr) { c.Login.UserDomainName, c.Login.ProjectDomainName = "d", "d" }},
		{option: "neutron default_domain_id = d", used: func(c *Kuryr) { c.Login.UserDomainID, c.Login.ProjectDomainID = "d", "d" }},
		{option: "neutron project_id = p", used: func(c *Kuryr) { c.Login.ProjectID = "p" }},
		{option: "neutron project_name = p", used: func(c *Kuryr) { c.Login.ProjectName = "p" }},
		{option: "neutron tenant_name = p", used: func(c *Kuryr) { c.Login.ProjectName = "p" }},
		{option: "neutron project_domain_id = d", used: func(c *Kuryr) { c.Login.ProjectDomainID = "d" }},
		{option: "neutron project_domain_name = d", used: func(c *Kuryr) { c.Login.ProjectDomainName = "d" }},
		{option: "neutron token = t", used: func(c *Kuryr) { c.Login.Token = "t" }},
		{option: "neutron trust_id = t", refused: "project"},
		{option: "neutron domain_name = d", refused: "project"},
		{option: "neutron system_scope = all", refused: "project"},
		{option: "neutron www_authenticate_uri = http://k:5000", told: "auth_url"},
		{option: "neutron usrname = u", told: "misspelled"},
		{option: "DEFAULT metrics_listen = 127.0.0.1:9519", used: func(c *Kuryr) { c.MetricsListen = "127.0.0.1:9519" }},
		{option: "DEFAULT metrics_listen = [::1]:0", used: func(c *Kuryr) { c.MetricsListen = "[::1]:0" }},
		{option: "DEFAULT metrics_listen = 0.0.0.0:9519", refused: "loopback"},
		{option: "DEFAULT metrics_listen = controller:9519", refused: "loopback"},
		{option: "DEFAULT metrics_listen = 9519", refused: "host:port"},
		{option: "DEFAULT docker_host = unix:///x", used: func(c *Kuryr) { c.DockerHost = "unix:///x" }},
		{option: "DEFAULT leftover_after = 90", used: func(c *Kuryr) { c.LeftoverAfter = 90 * time.Second }},
		{option: "DEFAULT leftover_after = soon", refused: "seconds"},
		{option: "binding ovsdb_socket = /x", used: func(c *Kuryr) { c.OVSDB = "/x" }},
		{option: "keystone_authtoken nonsense = x", used: asDefault},
	} {
		t.Run(test.option, func(t *testing.T) {
			section, line, _ := strings.Cut(test.option, " ")
			c, err := ReadKuryr(mustParse(t, "["+section+"]\n"+line+"\n"))
			if test.refused != "" {
				key, _, _ := strings.Cut(line, " ")
				if err == nil || !strings.Contains(err.Error(), test.refused) || !strings.Contains(err.Error(), "["+section+"] "+key) {
					t.Errorf("refused with %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if told := strings.Join(c.Warnings, "\n"); (test.told == "") != (told == "") || !strings.Contains(told, test.told) || strings.Contains(told, "\n") {
				t.Errorf("told %q", told)
			}
			c.Warnings = nil
			want := DefaultKuryr()
			if test.used != nil {
				test.used(&want)
			}
			if diff := cmp.Diff(want, c); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnEmptyOptionIsNone(t *testing.T) {
	c, err := ReadKuryr(mustParse(t, "[neutron]\ncertfile =\ntrust_id =\nauth_type =\nvif_plugging_timeout =\n[binding]\ndefault_driver =\n"))
	if diff := cmp.Diff(DefaultKuryr(), c); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestAuthSection(t *testing.T) {
	c, err := ReadKuryr(mustParse(t, "[neutron]\nauth_section = login\nregion_name = R\n[login]\nauth_url = http://k\nusername = u\n"))
	if err != nil || c.Login.AuthURL != "http://k" || c.Login.Username != "u" || c.Login.Region != "R" {
		t.Errorf("%+v %v", c.Login, err)
	}
}

// A file made from the sample by filling in every option gives each of them back, so that
// no option in the sample is one that nobody reads.
func TestEveryOptionOfTheSampleIsRead(t *testing.T) {
	values := map[string]string{
		"capability_scope": "global", "metrics_listen": "127.0.0.1:1", "endpoint_type": "internal", "auth_type": "token",
		"vif_plugging_timeout": "7", "spare_ports": "7", "leftover_after": "7", "timeout": "7", "debug": "true", "use_json": "true", "insecure": "true",
		"vif_plugging_is_fatal": "true", "enable_dhcp": "false", "process_external_connectivity": "false",
	}
	for _, line := range kuryrLines() {
		if line.key == "auth_type" { // says nothing that the other options do not
			continue
		}
		value := values[line.key]
		if value == "" {
			value = "x"
		}
		text := "[" + line.section + "]\n" + line.key + " = " + value + "\n"
		if line.key == "global_default_address_space" {
			text += "capability_scope = global\n"
		}
		want := DefaultKuryr()
		if line.key == "global_default_address_space" {
			want.Scope = "global"
		}
		c, err := ReadKuryr(mustParse(t, text))
		if err != nil || cmp.Equal(want, c) {
			t.Errorf("%s changes nothing: %v", text, err)
		}
	}
	var sample bytes.Buffer
	if err := WriteKuryrSample(&sample); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(sample.String()) {
		if len(line) > 101 {
			t.Errorf("a long line: %s", line)
		}
	}
}
