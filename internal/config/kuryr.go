package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kuryr is the checked configuration of the Docker plugin. A kuryr.conf of the Python
// plugin gives one too.
type Kuryr struct {
	Host         string // binding:host_id of ports; "" is the host's name
	StateDir     string // where kuryr.db is
	Socket       string // unix socket that dockerd finds
	Debug        bool
	Scope        string // "local" or "global"
	AddressSpace string
	PoolPrefix   string // of the names of subnetpools
	LinkPrefix   string // of links in containers
	EnableDHCP   bool   // of subnets that we make
	Login        Login
	Warnings     []string // options that are set and do not do here what they did
}

// Login is how to reach Keystone and Neutron.
type Login struct {
	AuthURL, Username, UserID, Password                        string
	UserDomainName, UserDomainID                               string
	ProjectName, ProjectID, ProjectDomainName, ProjectDomainID string
	ApplicationCredentialID, ApplicationCredentialSecret       string
	Token, Region, Interface, CACert, Endpoint                 string
	Insecure                                                   bool
	Timeout                                                    time.Duration // of one call to Neutron; 0 is the default
}

// DefaultKuryr returns the configuration of a plugin that was told nothing.
func DefaultKuryr() Kuryr {
	return Kuryr{
		StateDir: "/var/lib/kuryr", Socket: "/run/docker/plugins/kuryr.sock",
		Scope: "local", AddressSpace: "no_address_space", PoolPrefix: "kuryrPool", LinkPrefix: "eth",
		EnableDHCP: true, Login: Login{Interface: "public"},
	}
}

// ReadKuryr checks a file. Options that are not ours are left alone: others read the file
// too.
func ReadKuryr(f *File) (Kuryr, error) {
	c := DefaultKuryr()
	r := reader{file: f}
	r.text("DEFAULT", "host", &c.Host)
	r.text("DEFAULT", "state_dir", &c.StateDir)
	r.text("DEFAULT", "socket", &c.Socket)
	r.truth("DEFAULT", "debug", &c.Debug)
	r.choice("DEFAULT", "capability_scope", &c.Scope, "local", "global")
	r.text("DEFAULT", "subnetpool_name_prefix", &c.PoolPrefix)
	r.text("binding", "veth_dst_prefix", &c.LinkPrefix)
	r.truth("neutron", "enable_dhcp", &c.EnableDHCP)
	spaces(&r, &c)
	login(&r, &c.Login)
	c.Warnings = r.superseded()
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

// login reads [neutron], or the section that its auth_section names.
func login(r *reader, l *Login) {
	section := "neutron"
	r.text("neutron", "auth_section", &section)
	kind := ""
	r.choice(section, "auth_type", &kind, "password", "v3password", "token", "v3token", "v3applicationcredential")
	for key, into := range map[string]*string{
		"auth_url": &l.AuthURL, "username": &l.Username, "user_id": &l.UserID, "password": &l.Password,
		"user_domain_name": &l.UserDomainName, "user_domain_id": &l.UserDomainID,
		"project_name": &l.ProjectName, "project_id": &l.ProjectID,
		"project_domain_name": &l.ProjectDomainName, "project_domain_id": &l.ProjectDomainID,
		"application_credential_id": &l.ApplicationCredentialID, "application_credential_secret": &l.ApplicationCredentialSecret,
		"token": &l.Token,
	} {
		r.text(section, key, into)
	}
	// The spellings of older keystoneauth.
	for old, into := range map[string]*string{"user_name": &l.Username, "user-name": &l.Username, "tenant_name": &l.ProjectName, "tenant_id": &l.ProjectID} {
		if *into == "" {
			r.text(section, old, into)
		}
	}
	r.text("neutron", "region_name", &l.Region)
	r.choice("neutron", "endpoint_type", &l.Interface, "public", "internal", "admin")
	r.text("neutron", "endpoint_override", &l.Endpoint)
	r.text("neutron", "cafile", &l.CACert)
	r.truth("neutron", "insecure", &l.Insecure)
	r.seconds("neutron", "timeout", &l.Timeout)
}

// reader takes options out of a file and collects what is wrong with them.
type reader struct {
	file  *File
	wrong []error
}

func (r *reader) get(section, key string) (string, bool) {
	value, ok, err := r.file.Get(section, key)
	if err != nil {
		r.wrong = append(r.wrong, err)
		return "", false
	}
	return value, ok
}

func (r *reader) bad(section, key, why string) {
	r.wrong = append(r.wrong, fmt.Errorf("%s: [%s] %s: %s", r.file.name, section, key, why))
}

func (r *reader) text(section, key string, into *string) {
	if value, ok := r.get(section, key); ok && value != "" {
		*into = value
	}
}

func (r *reader) truth(section, key string, into *bool) {
	value, ok := r.get(section, key)
	if !ok || value == "" {
		return
	}
	switch strings.ToLower(value) {
	case "true", "1", "on", "yes":
		*into = true
	case "false", "0", "off", "no":
		*into = false
	default:
		r.bad(section, key, strconv.Quote(value)+" is neither true nor false")
	}
}

func (r *reader) choice(section, key string, into *string, of ...string) {
	value, ok := r.get(section, key)
	if !ok || value == "" {
		return
	}
	plain := strings.TrimSuffix(value, "URL") // keystoneauth has publicURL too
	if !slices.Contains(of, plain) {
		r.bad(section, key, strconv.Quote(value)+" is none of "+strings.Join(of, ", "))
		return
	}
	*into = plain
}

func (r *reader) seconds(section, key string, into *time.Duration) {
	value, ok := r.get(section, key)
	if !ok || value == "" {
		return
	}
	n, err := strconv.ParseFloat(value, 64)
	const longest = 3600
	if err != nil || n < 0 || n > longest {
		r.bad(section, key, strconv.Quote(value)+" is no number of seconds from 0 to 3600")
		return
	}
	*into = time.Duration(n * float64(time.Second))
}

// superseded lists options of the Python plugin that are set and mean nothing here.
func (r *reader) superseded() []string {
	var told []string
	for _, o := range []struct{ section, key, instead string }{
		{"DEFAULT", "kuryr_uri", "the plugin listens on a unix socket only (socket)"},
		{"DEFAULT", "enable_ssl", "the plugin listens on a unix socket only (socket)"},
		{"DEFAULT", "bindir", "ports are plugged by the plugin itself, no scripts are run"},
		{"binding", "link_iface", "there are no nested port drivers"},
		{"neutron", "vif_plugging_is_fatal", "containers do not wait for their port to be ACTIVE"},
	} {
		if _, ok := r.get(o.section, o.key); ok {
			told = append(told, fmt.Sprintf("[%s] %s: %s", o.section, o.key, o.instead))
		}
	}
	return told
}
