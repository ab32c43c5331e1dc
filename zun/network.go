package zun

import (
	"net/netip"
	"time"
)

// Network is a project's named handle on a Neutron network and some of its subnets;
// users say --net=<name>. An implicit one stands for a Neutron network that a container
// named directly: it has no name and is not listed.
type Network struct {
	ID            string // UUID
	Name          string // unique in the project; "" for an implicit one
	ProjectID     string
	UserID        string
	Implicit      bool
	OnlyIPv4      bool // an implicit one without the Neutron network's IPv6 subnets
	NeutronNetID  string
	NeutronPoolID string // subnetpool; "" if none was chosen
	Subnets       []Subnet
	Shared        bool // the Neutron network is shared with other projects
	MTU           int  // of the Neutron network, bytes
	Made          Made
	Status        NetworkStatus
	StatusReason  string
	CreatedAt     time.Time // UTC
	UpdatedAt     time.Time
}

// Subnet is what a Network keeps of a Neutron subnet.
type Subnet struct {
	ID      string       `json:"id"`
	Name    string       `json:"name,omitempty"`
	CIDR    netip.Prefix `json:"cidr"`
	Gateway netip.Addr   `json:"gateway"` // the zero Addr: no gateway
	PoolID  string       `json:"pool_id,omitempty"`
	DNS     []netip.Addr `json:"dns,omitempty"` // dns_nameservers
}

// Made lists what we made in Neutron for a network, and so remove with it. What the user
// made is not in it.
type Made struct {
	NetworkID string   `json:"network_id,omitempty"`
	PoolID    string   `json:"pool_id,omitempty"`
	SubnetIDs []string `json:"subnet_ids,omitempty"`
}

// NetworkStatus is the state of a Network.
type NetworkStatus string

// The states of a network.
const (
	NetworkCreating NetworkStatus = "Creating"
	NetworkActive   NetworkStatus = "Active"
	NetworkDeleting NetworkStatus = "Deleting"
	NetworkError    NetworkStatus = "Error"
)

// Attachment records that a container is, or is to be, on a network. PortID is empty
// until the port is there; Requested* are what the user asked for.
type Attachment struct {
	ID          string // UUID
	ContainerID string
	NetworkID   string
	ProjectID   string
	Position    int // 0 is the primary network of the container

	RequestedPort string // UUID of a port the user made; it is kept when we let go
	RequestedIPv4 netip.Addr
	RequestedIPv6 netip.Addr

	PortID    string
	MAC       string
	Addresses []Address
	CreatedAt time.Time
}

// Preserve reports whether the port is the user's own and outlives the attachment.
func (a Attachment) Preserve() bool { return a.RequestedPort != "" }

// Address is one fixed IP of a port.
type Address struct {
	IP       netip.Addr `json:"ip"`
	SubnetID string     `json:"subnet_id"`
}

// NetRequest is one element of a container's "nets", and what network_attach asks.
type NetRequest struct {
	Network string // name or UUID; of a gozun network first (microversion 1.41), else of a Neutron one
	Port    string // name or UUID of a Neutron port; excludes Network
	IPv4    netip.Addr
	IPv6    netip.Addr
}
