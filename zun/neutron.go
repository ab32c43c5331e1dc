package zun

import "net/netip"

// NeutronNetwork is what we read of a Neutron network (networking API v2.0).
type NeutronNetwork struct {
	ID        string
	Name      string
	ProjectID string
	Shared    bool
	External  bool // router:external
	MTU       int
	SubnetIDs []string
	Tags      []string
	CreatedAt string // RFC 3339, sorts by age
}

// NeutronSubnet is what we read of a Neutron subnet.
type NeutronSubnet struct {
	ID         string
	Name       string
	NetworkID  string
	ProjectID  string
	CIDR       netip.Prefix
	Gateway    netip.Addr // zero: none
	PoolID     string     // subnetpool_id
	EnableDHCP bool
	DNS        []netip.Addr
	HostRoutes []HostRoute
	Tags       []string
}

// HostRoute is a route that Neutron wants in the guests of a subnet.
type HostRoute struct {
	Destination netip.Prefix
	NextHop     netip.Addr
}

// NeutronPool is what we read of a Neutron subnetpool.
type NeutronPool struct {
	ID        string
	Name      string
	ProjectID string
	Prefixes  []netip.Prefix
	Shared    bool
	Tags      []string

	DefaultPrefixLen int // of subnets that are given no size
}

// SecurityGroup is what we read of a Neutron security group.
type SecurityGroup struct {
	ID          string
	Name        string
	ProjectID   string
	Description string
}

// SecurityGroupSpec is a Neutron security group to be made. ProjectID is empty for the
// caller's.
type SecurityGroupSpec struct {
	Name        string
	ProjectID   string
	Description string
}

// Ingress is traffic from anywhere that a security group is to let in.
type Ingress struct {
	V6       bool
	Protocol string // as Neutron spells it: tcp, udp, sctp, icmp, ipv6-icmp
	From, To uint16 // ports; both zero: all
}

// QoSPolicy is what we read of a Neutron QoS policy.
type QoSPolicy struct {
	ID        string
	Name      string
	ProjectID string
}

// AddressPair is a further address that a port may send from.
type AddressPair struct {
	IP  string // an address or a prefix
	MAC string // "" is the port's own
}

// Port is what we read of a Neutron port. The Binding and Host fields are empty for
// credentials that may not see them.
type Port struct {
	ID             string
	Name           string
	ProjectID      string
	NetworkID      string
	MAC            string // lower case, colons
	FixedIPs       []Address
	SecurityGroups []string
	DeviceID       string
	DeviceOwner    string
	Host           string // binding:host_id
	VIFType        string // binding:vif_type
	VIFDetails     map[string]any
	VNICType       string
	Status         string // ACTIVE, DOWN, BUILD, ERROR
	AdminStateUp   bool
	Tags           []string
	AddressPairs   []AddressPair
	QoSPolicyID    string // "": none
	NoSecurity     bool   // port_security_enabled is false
	Revision       int    // grows with every change
}

// PortSpec is a port to be made. Empty fields are left to Neutron.
type PortSpec struct {
	Name           string
	ProjectID      string // owner; needs admin when it is not the caller's
	NetworkID      string
	FixedIPs       []Address // an Address may have an IP, a subnet, or both
	MAC            string
	SecurityGroups []string // nil: the project's default group
	DeviceID       string
	DeviceOwner    string
	Host           string
	Tags           []string // in the request where Neutron takes them there, else right after
	TagsLater      bool     // else not at all: the port's own tell, and the rest is the caller's
	AddressPairs   []AddressPair
	QoSPolicyID    string
	PortSecurity   *bool // nil: as the network has it
}

// PortChange is a change to a port; a nil field is left as it is.
type PortChange struct {
	Name        *string
	MAC         *string
	DeviceID    *string
	DeviceOwner *string
	Host        *string   // binding:host_id
	FixedIPs    []Address // the whole list; nil leaves it

	SecurityGroups []string      // the whole list; nil leaves it
	AddressPairs   []AddressPair // the whole list; nil leaves it
	QoSPolicyID    *string       // "" is none
	PortSecurity   *bool
	IfRevision     *int // refuse the change with CodeConflict when the port has another Revision
}

// DeviceOwner is the device_owner of every port that a container uses (Kuryr:
// kuryr/lib/constants.py DEVICE_OWNER).
const DeviceOwner = "compute:kuryr"

// NeutronQuery chooses Neutron resources of any kind; zero fields do not filter, and a
// field that a kind does not have is ignored by callers' good sense, not by the adapter.
type NeutronQuery struct {
	ID          string
	Name        string
	Description string
	ProjectID   string
	NetworkID   string
	SubnetID    string     // ports: with a fixed IP in it
	IP          netip.Addr // ports: with this fixed IP
	MAC         string
	DeviceID    string
	PoolID      string // subnets: subnetpool_id
	CIDR        netip.Prefix
	Tags        []string // all of them
	Shared      *bool
}

// NeutronNetworkSpec is a Neutron network to be made. ProjectID is empty for the caller's.
type NeutronNetworkSpec struct {
	Name        string
	Description string // there from the first moment, as tags are not with every Neutron
	ProjectID   string
	Shared      bool
	Tags        []string
}

// NeutronSubnetSpec is a Neutron subnet to be made. With a zero Gateway and NoGateway
// false, Neutron chooses the first address.
type NeutronSubnetSpec struct {
	Name       string
	ProjectID  string
	NetworkID  string
	CIDR       netip.Prefix
	PoolID     string
	Gateway    netip.Addr
	NoGateway  bool
	EnableDHCP bool
	Tags       []string
}

// NeutronPoolSpec is a Neutron subnetpool to be made.
type NeutronPoolSpec struct {
	Name             string
	Description      string // there from the first moment, as tags are not with every Neutron
	ProjectID        string
	Prefixes         []netip.Prefix
	DefaultPrefixLen int
	Shared           bool
	Tags             []string
}
