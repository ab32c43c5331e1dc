package dataplane

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"

	"github.com/gozun/gozun/internal/minicloud"
)

// Names of what stands on the host. The bridge's and the tap's are Neutron's own linux
// bridge names, which the plugin's plug uses too.
func bridgeName(networkID string) string  { return "brq" + short(networkID) }
func tapName(portID string) string        { return "tap" + short(portID) }
func gatewayName(networkID string) string { return "gzr" + short(networkID) } // router's end on the bridge
func uplinkName(networkID string) string  { return "gzu" + short(networkID) } // host's end of the way out

// Names inside a router's namespace.
const (
	gatewayInside = "gateway"
	uplinkInside  = "uplink"
)

func short(id string) string {
	if len(id) > 11 {
		return id[:11]
	}
	return id
}

// isShort reports whether s is what short makes of a UUID.
func isShort(s string) bool {
	if len(s) != 11 || s[8] != '-' {
		return false
	}
	_, err := hex.DecodeString(s[:8] + s[9:])
	return err == nil
}

// Marks: the index of the port that sent a packet in the high half, of the one that gets
// it in the low half. routerIndex stands for a network's router, 0 for nobody we know.
const (
	routerIndex = 0xffff
	sourceMask  = 0xffff0000
	targetMask  = 0x0000ffff
	routerMark  = routerIndex << 16
)

// The links between routers and the host. The host has one address on all of them, which
// is how a packet of the host's own is told from one that it passes on.
var (
	linkRange4 = netip.MustParsePrefix("169.254.64.0/18")
	linkRange6 = netip.MustParsePrefix("fd67:6f7a:756e::/64")
	hostLink4  = netip.MustParseAddr("169.254.64.0")
	hostLink6  = netip.MustParseAddr("fd67:6f7a:756e::1:0")
)

// routerLink4 and routerLink6 are the router's ends; an index is 1..16383.
func routerLink4(index int) netip.Addr {
	base := linkRange4.Addr().As4()
	n := binary.BigEndian.Uint32(base[:]) + uint32(index)
	binary.BigEndian.PutUint32(base[:], n)
	return netip.AddrFrom4(base)
}

func routerLink6(index int) netip.Addr {
	addr := linkRange6.Addr().As16()
	binary.BigEndian.PutUint16(addr[14:], uint16(index))
	return netip.AddrFrom16(addr)
}

// gatewayMAC stays the same over restarts, so that containers keep their neighbour entries.
func gatewayMAC(index int) net.HardwareAddr {
	return net.HardwareAddr{0x0a, 0x67, 0x7a, 0x00, byte(index >> 8), byte(index)}
}

// linkLocal is the address that the kernel derives from a MAC (RFC 4291, appendix A).
func linkLocal(mac net.HardwareAddr) netip.Addr {
	return netip.AddrFrom16([16]byte{
		0: 0xfe, 1: 0x80,
		8: mac[0] ^ 2, 9: mac[1], 10: mac[2], 11: 0xff, 12: 0xfe, 13: mac[3], 14: mac[4], 15: mac[5],
	})
}

// gateways returns the gateway addresses of the network with their subnets' lengths.
func gateways(n minicloud.Network) []netip.Prefix {
	var found []netip.Prefix
	for _, s := range n.Subnets {
		if s.Gateway.IsValid() {
			found = append(found, netip.PrefixFrom(s.Gateway, s.CIDR.Bits()))
		}
	}
	return found
}

func routed(n minicloud.Network) bool { return len(gateways(n)) > 0 }
