package minicloud

import (
	"context"
	"net/netip"
)

// Desired is everything this host's data plane is to realise.
type Desired struct {
	Networks []Network
	Groups   []SecurityGroup // those that some port here uses, and those their rules name
}

// Network is a Neutron network that has at least one subnet with a gateway or one port
// bound to this host.
type Network struct {
	ID      string // Neutron's UUID
	Index   int    // 1..16383, unique on this host and kept over restarts: marks, zones and link addresses come from it
	MTU     int    // bytes
	Subnets []Subnet
	Ports   []Port // bound to this host
}

// Subnet is one subnet of a Network.
type Subnet struct {
	ID      string
	CIDR    netip.Prefix
	Gateway netip.Addr // zero: nobody answers, and there is no way out
}

// Port is a port bound to this host.
type Port struct {
	ID           string
	Index        int // 1..65535, unique on this host and kept over restarts
	MAC          string
	IPs          []netip.Addr
	AllowedPairs []AddressPair
	PortSecurity bool // false: neither groups nor anti-spoofing apply
	AdminUp      bool // false: nothing passes
	Groups       []string
}

// AddressPair is a source a port may use besides its own (allowed_address_pairs).
type AddressPair struct {
	MAC    string // "" is the port's
	Prefix netip.Prefix
}

// SecurityGroup is a set of rules; what no rule allows is dropped.
type SecurityGroup struct {
	ID    string
	Rules []Rule
}

// Rule allows some traffic. Replies to what is allowed pass by themselves.
type Rule struct {
	Ingress      bool
	IPv6         bool
	Protocol     int // IP protocol number; -1 is any
	PortMin      int // TCP, UDP, SCTP ports, or ICMP type; -1 is any
	PortMax      int // or ICMP code; -1 is any
	RemotePrefix netip.Prefix
	RemoteGroup  string // UUID; then RemotePrefix is zero
}

// Source is where the data plane learns what to do; the network service implements it.
type Source interface {
	// Desired returns the whole of what is wanted now.
	Desired(ctx context.Context) (Desired, error)
	// Changed receives a value after any change; values are merged, none is lost.
	Changed() <-chan struct{}
	// PortPlugged tells that a port's tap is on its bridge (the port becomes ACTIVE) or
	// no longer is (DOWN). A port that is gone is no error.
	PortPlugged(ctx context.Context, portID string, plugged bool) error
}
