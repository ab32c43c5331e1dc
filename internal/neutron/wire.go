package neutron

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gozun/gozun/zun"
)

// common is what every resource has.
type common struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	ProjectID string   `json:"project_id"`
	Tags      []string `json:"tags"`
}

func (c *common) about() *common { return c }

// resource is a resource in Neutron's JSON, W, that can be read as zun's T.
type resource[W, T any] interface {
	*W
	about() *common
	read() (T, error)
}

// network is a network in Neutron's JSON.
type network struct {
	common
	Shared    bool     `json:"shared"`
	External  bool     `json:"router:external"`
	MTU       int      `json:"mtu"`
	Subnets   []string `json:"subnets"`
	CreatedAt string   `json:"created_at"`
}

func (n *network) read() (zun.NeutronNetwork, error) { //nolint:unparam // a resource
	return zun.NeutronNetwork{
		ID: n.ID, Name: n.Name, ProjectID: n.ProjectID, Shared: n.Shared, External: n.External,
		MTU: n.MTU, SubnetIDs: n.Subnets, Tags: n.Tags, CreatedAt: n.CreatedAt,
	}, nil
}

// subnet is a subnet in Neutron's JSON.
type subnet struct {
	common
	NetworkID  string   `json:"network_id"`
	CIDR       string   `json:"cidr"`
	Gateway    *string  `json:"gateway_ip"`
	PoolID     *string  `json:"subnetpool_id"`
	EnableDHCP bool     `json:"enable_dhcp"`
	DNS        []string `json:"dns_nameservers"`
	HostRoutes []struct {
		Destination string `json:"destination"`
		NextHop     string `json:"nexthop"`
	} `json:"host_routes"`
}

func (s *subnet) read() (zun.NeutronSubnet, error) {
	read := zun.NeutronSubnet{
		ID: s.ID, Name: s.Name, NetworkID: s.NetworkID, ProjectID: s.ProjectID,
		EnableDHCP: s.EnableDHCP, PoolID: text(s.PoolID), Tags: s.Tags,
	}
	var p parser
	read.CIDR = p.prefix(s.CIDR)
	read.Gateway = p.addr(text(s.Gateway))
	for _, server := range s.DNS {
		read.DNS = append(read.DNS, p.addr(server))
	}
	for _, route := range s.HostRoutes {
		read.HostRoutes = append(read.HostRoutes, zun.HostRoute{Destination: p.prefix(route.Destination), NextHop: p.addr(route.NextHop)})
	}
	return read, p.failed("subnet", s.ID)
}

// pool is a subnetpool in Neutron's JSON.
type pool struct {
	common
	Prefixes         []string  `json:"prefixes"`
	Shared           bool      `json:"shared"`
	DefaultPrefixLen prefixLen `json:"default_prefixlen"`
}

// prefixLen is a number that Neutron's older releases write as text.
type prefixLen int

// UnmarshalJSON reads 24, "24" and null.
func (n *prefixLen) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	value, err := strconv.Atoi(strings.Trim(string(raw), `"`))
	*n = prefixLen(value)
	return err
}

func (w *pool) read() (zun.NeutronPool, error) {
	read := zun.NeutronPool{ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, Shared: w.Shared, Tags: w.Tags, DefaultPrefixLen: int(w.DefaultPrefixLen)}
	var p parser
	for _, prefix := range w.Prefixes {
		read.Prefixes = append(read.Prefixes, p.prefix(prefix))
	}
	return read, p.failed("subnetpool", w.ID)
}

// group is a security group in Neutron's JSON.
type group struct {
	common
	Description string `json:"description"`
}

func (g *group) read() (zun.SecurityGroup, error) { //nolint:unparam // a resource
	return zun.SecurityGroup{ID: g.ID, Name: g.Name, ProjectID: g.ProjectID, Description: g.Description}, nil
}

// port is a port in Neutron's JSON.
type port struct {
	common
	NetworkID      string         `json:"network_id"`
	MAC            string         `json:"mac_address"`
	FixedIPs       []fixedIP      `json:"fixed_ips"`
	SecurityGroups []string       `json:"security_groups"`
	DeviceID       string         `json:"device_id"`
	DeviceOwner    string         `json:"device_owner"`
	Host           string         `json:"binding:host_id"`
	VIFType        string         `json:"binding:vif_type"`
	VIFDetails     map[string]any `json:"binding:vif_details"`
	VNICType       string         `json:"binding:vnic_type"`
	Status         string         `json:"status"`
	AdminStateUp   bool           `json:"admin_state_up"`
	AddressPairs   []addressPair  `json:"allowed_address_pairs"`
	QoSPolicyID    *string        `json:"qos_policy_id"`
	PortSecurity   *bool          `json:"port_security_enabled"`
	Revision       int            `json:"revision_number"`
}

type addressPair struct {
	IP  string `json:"ip_address"`
	MAC string `json:"mac_address,omitempty"`
}

type fixedIP struct {
	SubnetID string `json:"subnet_id,omitempty"`
	IP       string `json:"ip_address,omitempty"`
}

func (w *port) read() (zun.Port, error) {
	read := zun.Port{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, NetworkID: w.NetworkID, MAC: strings.ToLower(w.MAC),
		SecurityGroups: w.SecurityGroups, DeviceID: w.DeviceID, DeviceOwner: w.DeviceOwner,
		Host: w.Host, VIFType: w.VIFType, VIFDetails: w.VIFDetails, VNICType: w.VNICType,
		Status: w.Status, AdminStateUp: w.AdminStateUp, Tags: w.Tags,
		QoSPolicyID: text(w.QoSPolicyID), NoSecurity: w.PortSecurity != nil && !*w.PortSecurity, Revision: w.Revision,
	}
	for _, pair := range w.AddressPairs {
		read.AddressPairs = append(read.AddressPairs, zun.AddressPair(pair))
	}
	var p parser
	for _, fixed := range w.FixedIPs {
		read.FixedIPs = append(read.FixedIPs, zun.Address{IP: p.addr(fixed.IP), SubnetID: fixed.SubnetID})
	}
	return read, p.failed("port", w.ID)
}

// parser reads addresses and remembers the first that is none.
type parser struct{ bad string }

// addr reads an address; none for "".
func (p *parser) addr(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		p.note(s)
	}
	return addr
}

func (p *parser) prefix(s string) netip.Prefix {
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		p.note(s)
	}
	return prefix
}

func (p *parser) note(s string) {
	if p.bad == "" {
		p.bad = fmt.Sprintf("%q", s)
	}
}

func (p *parser) failed(kind, id string) error {
	if p.bad == "" {
		return nil
	}
	return fmt.Errorf("%s %s has %s for an address", kind, id, p.bad)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
