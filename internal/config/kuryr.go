package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Kuryr is the checked configuration of the Docker plugin. A kuryr.conf of the Python
// plugin gives one too.
type Kuryr struct {
	DockerHost    string // where dockerd listens; "" is the usual place
	Host          string // binding:host_id of ports; "" is the host's name
	StateDir      string // where kuryr.db is
	Socket        string // unix socket that dockerd finds
	MetricsListen string // host:port on loopback for Prometheus; "" is none
	OVSDB         string // ovsdb-server's unix socket; "" is the usual one
	Debug         bool
	JSONLogs      bool
	Scope         string // "local" or "global"
	AddressSpace  string
	PoolPrefix    string // of the names of subnetpools
	LinkPrefix    string // of links in containers
	External      bool   // make security group rules for exposed and published ports
	EnableDHCP    bool   // of subnets that we make
	PoolV4        string // name of the subnetpool for networks without --subnet
	PoolV6        string
	// WaitActive lets containers wait until their port is ACTIVE, WaitTimeout long at most;
	// 0 is as long as the driver can.
	WaitActive  bool
	WaitTimeout time.Duration
	// SparePorts is how many ports are kept ready for each Docker network.
	SparePorts int
	// LeftoverAfter is how long what nobody comes for is waited for before it is taken for left
	// behind and removed.
	LeftoverAfter time.Duration
	Login         Login
	Warnings      []string // options that are set and do not do here what they did
}

// Login is how to reach Keystone and Neutron.
type Login struct {
	AuthURL, Username, UserID, Password                        string
	UserDomainName, UserDomainID                               string
	ProjectName, ProjectID, ProjectDomainName, ProjectDomainID string
	ApplicationCredentialID, ApplicationCredentialName         string
	ApplicationCredentialSecret                                string
	Token, Region, Interface, CACert, Endpoint                 string
	Insecure                                                   bool
	Timeout                                                    time.Duration // of one call to Neutron; 0 is the default
}

// DefaultKuryr returns the configuration of a plugin that was told nothing.
func DefaultKuryr() Kuryr {
	return Kuryr{
		StateDir: "/var/lib/kuryr", Socket: "/run/docker/plugins/kuryr.sock",
		Scope: "local", AddressSpace: "no_address_space", PoolPrefix: "kuryrPool", LinkPrefix: "eth",
		External: true, EnableDHCP: true, PoolV4: "kuryr", PoolV6: "kuryr6", LeftoverAfter: 10 * time.Minute, Login: Login{Interface: "public"},
	}
}

// ReadKuryr checks a file. Options of sections that are not the plugin's are left alone:
// others read the file too. The error tells of everything that is wrong, not of the first.
func ReadKuryr(f *File) (Kuryr, error) {
	c := DefaultKuryr()
	r := reader{file: f}
	r.text("DEFAULT", "host", &c.Host)
	r.text("DEFAULT", "state_dir", &c.StateDir)
	r.text("DEFAULT", "socket", &c.Socket)
	r.text("DEFAULT", "docker_host", &c.DockerHost)
	r.loopback("DEFAULT", "metrics_listen", &c.MetricsListen)
	r.truth("DEFAULT", "debug", &c.Debug)
	r.truth("DEFAULT", "use_json", &c.JSONLogs)
	r.choice("DEFAULT", "capability_scope", &c.Scope, "local", "global")
	r.text("DEFAULT", "subnetpool_name_prefix", &c.PoolPrefix)
	r.truth("DEFAULT", "process_external_connectivity", &c.External)
	r.seconds("DEFAULT", "leftover_after", &c.LeftoverAfter)
	r.text("binding", "veth_dst_prefix", &c.LinkPrefix)
	r.text("binding", "ovsdb_socket", &c.OVSDB)
	r.truth("neutron", "enable_dhcp", &c.EnableDHCP)
	r.text("neutron", "default_subnetpool_v4", &c.PoolV4)
	r.text("neutron", "default_subnetpool_v6", &c.PoolV6)
	r.truth("neutron", "vif_plugging_is_fatal", &c.WaitActive)
	r.seconds("neutron", "vif_plugging_timeout", &c.WaitTimeout)
	r.count("neutron", "spare_ports", &c.SparePorts)
	if c.SparePorts > 0 && c.Scope == "global" {
		r.bad("neutron", "spare_ports", "ports cannot be kept ready with capability_scope = global: a Swarm manager asks for the addresses, not the host")
	}
	spaces(&r, &c)
	login(&r, &c.Login)
	r.drivers()
	c.Warnings = r.told()
	return c, errors.Join(r.wrong...)
}

// spaces reads the names of the address spaces, of which there is one: Docker loops for
// ever when they differ and a route of the host overlaps.
func spaces(r *reader, c *Kuryr) {
	local, global := c.AddressSpace, c.AddressSpace
	r.text("DEFAULT", "local_default_address_space", &local)
	r.text("DEFAULT", "global_default_address_space", &global)
	c.AddressSpace = local
	if c.Scope == "global" {
		c.AddressSpace = global
	}
}

// login reads [neutron], and how to log in from the section that its auth_section names.
func login(r *reader, l *Login) {
	section := "neutron"
	r.text("neutron", "auth_section", &section)
	kind := ""
	types := []string{"password", "v3password", "token", "v3token", "v3applicationcredential"}
	r.choice(section, "auth_plugin", &kind, types...)
	r.choice(section, "auth_type", &kind, types...)
	for key, into := range map[string]*string{
		"auth_url": &l.AuthURL, "username": &l.Username, "user_id": &l.UserID, "password": &l.Password,
		"user_domain_name": &l.UserDomainName, "user_domain_id": &l.UserDomainID,
		"project_name": &l.ProjectName, "project_id": &l.ProjectID,
		"project_domain_name": &l.ProjectDomainName, "project_domain_id": &l.ProjectDomainID,
		"application_credential_id": &l.ApplicationCredentialID, "application_credential_name": &l.ApplicationCredentialName,
		"application_credential_secret": &l.ApplicationCredentialSecret,
		"token":                         &l.Token,
	} {
		r.text(section, key, into)
	}
	// The spellings of older keystoneauth.
	for old, into := range map[string]*string{
		"user_name": &l.Username, "user-name": &l.Username,
		"tenant_name": &l.ProjectName, "tenant-name": &l.ProjectName, "tenant_id": &l.ProjectID, "tenant-id": &l.ProjectID,
	} {
		if *into == "" {
			r.text(section, old, into)
		}
	}
	defaultDomains(r, section, l)
	for _, key := range []string{"trust_id", "domain_id", "domain_name", "system_scope"} {
		r.refuse(section, key, "the plugin logs in to a project; use project_name or project_id")
	}
	r.text("neutron", "region_name", &l.Region)
	r.choice("neutron", "endpoint_type", &l.Interface, "public", "internal", "admin")
	r.text("neutron", "endpoint_override", &l.Endpoint)
	r.text("neutron", "cafile", &l.CACert)
	for _, key := range []string{"certfile", "keyfile"} {
		r.refuse("neutron", key, "the plugin does not log in with a client certificate")
	}
	r.truth("neutron", "insecure", &l.Insecure)
	r.seconds("neutron", "timeout", &l.Timeout)
}

// defaultDomains fills in the domains of user and project that are not named.
func defaultDomains(r *reader, section string, l *Login) {
	var id, name string
	r.text(section, "default_domain_id", &id)
	r.text(section, "default_domain_name", &name)
	if l.UserDomainID == "" && l.UserDomainName == "" {
		l.UserDomainID, l.UserDomainName = id, name
	}
	if l.ProjectDomainID == "" && l.ProjectDomainName == "" {
		l.ProjectDomainID, l.ProjectDomainName = id, name
	}
}

// drivers refuses the nested binding drivers: they would plug ports into another place
// than the one that we know.
func (r *reader) drivers() {
	const why = "ports are plugged with veth pairs; the drivers for nested containers (macvlan, ipvlan, vlan) are not there"
	for _, key := range []string{"default_driver", "driver"} {
		if value, ok := r.get("binding", key); ok && value != "" && !isVeth(value) {
			r.bad("binding", key, why)
		}
	}
	if value, ok := r.get("binding", "enabled_drivers"); ok && value != "" && !slices.ContainsFunc(strings.Split(value, ","), isVeth) {
		r.bad("binding", "enabled_drivers", why)
	}
}

// isVeth reports whether a driver, named with or without its Python package, is veth.
func isVeth(driver string) bool {
	driver = strings.TrimSpace(driver)
	return driver[strings.LastIndexByte(driver, '.')+1:] == "veth"
}

// loopback reads a host:port that only this machine can reach.
func (r *reader) loopback(section, key string, into *string) {
	value, ok := r.get(section, key)
	if !ok || value == "" {
		return
	}
	if err := Loopback(value); err != nil {
		r.bad(section, key, err.Error())
		return
	}
	*into = value
}

// Loopback tells what is wrong with a host:port that is to be on loopback, as what listens
// there asks nobody for a password.
func Loopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not host:port, for example 127.0.0.1:9519", address)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("%q is not on loopback; take 127.0.0.1, [::1] or localhost", address)
	}
	return nil
}
