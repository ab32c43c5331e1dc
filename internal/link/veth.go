package link

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// Veth is a pair of links: what goes in at one end comes out at the other.
type Veth struct {
	Name    string
	Peer    string
	MTU     int              // bytes, of both ends; 0 leaves the kernel's
	PeerMAC net.HardwareAddr // nil: the kernel picks one
	PeerAt  *Handle          // the peer's namespace; nil is the same
	// NoIPv6 keeps the kernel from giving the near end (not the peer) IPv6 addresses.
	NoIPv6 bool
}

// EnsureVeth makes the pair and brings the near end up, the peer not. A pair of just these
// two ends is taken over and given the wanted MTU and MAC; anything else that has one of
// the two names is deleted first, so names must be the caller's own.
func (h *Handle) EnsureVeth(v Veth) error {
	whole, err := h.isPair(v)
	if err != nil {
		return err
	}
	if !whole {
		if err := h.makeVeth(v); err != nil {
			return err
		}
	}
	if err := h.fitVeth(v); err != nil {
		return err
	}
	if v.NoIPv6 {
		if err := h.DisableIPv6(v.Name); err != nil {
			return err
		}
	}
	return h.SetUp(v.Name)
}

// HasVeth tells whether the pair of just these two ends is there, whatever else of it is
// not as wanted.
func (h *Handle) HasVeth(v Veth) (bool, error) { return h.isPair(v) }

func (h *Handle) peerHandle(v Veth) *Handle {
	if v.PeerAt != nil {
		return v.PeerAt
	}
	return h
}

func (h *Handle) isPair(v Veth) (bool, error) {
	near, ok, err := h.Find(v.Name)
	if err != nil || !ok {
		return false, err
	}
	far, ok, err := h.peerHandle(v).Find(v.Peer)
	if err != nil || !ok {
		return false, err
	}
	return near.Kind == "veth" && far.Kind == "veth" && near.Peer == far.Index && far.Peer == near.Index, nil
}

func (h *Handle) makeVeth(v Veth) error {
	if err := h.Delete(v.Name); err != nil {
		return err
	}
	if err := h.peerHandle(v).Delete(v.Peer); err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = v.Name, v.MTU
	pair := netlink.NewVeth(attrs)
	pair.PeerName, pair.PeerHardwareAddr, pair.PeerMTU = v.Peer, v.PeerMAC, uint32(v.MTU)
	if v.PeerAt != nil {
		pair.PeerNamespace = netlink.NsFd(v.PeerAt.FD())
	}
	if err := h.nl.LinkAdd(pair); err != nil {
		return fmt.Errorf("cannot make veth %s with peer %s: %w", v.Name, v.Peer, err)
	}
	return nil
}

func (h *Handle) fitVeth(v Veth) error {
	if v.MTU > 0 {
		if err := h.SetMTU(v.Name, v.MTU); err != nil {
			return err
		}
		if err := h.peerHandle(v).SetMTU(v.Peer, v.MTU); err != nil {
			return err
		}
	}
	if v.PeerMAC == nil {
		return nil
	}
	return h.peerHandle(v).SetMAC(v.Peer, v.PeerMAC)
}
