package link

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// EnsureBridge makes the bridge and brings it up: no spanning tree, no forwarding delay,
// no multicast snooping (nobody queries, so it would only lose neighbour discovery), and
// no IPv6 of its own, as the host has no place on it. A bridge that exists and is up is
// somebody's finished work and stays as it is. mtu is in bytes; 0 leaves the kernel's.
func (h *Handle) EnsureBridge(name string, mtu int) (Info, error) {
	found, ok, err := h.Find(name)
	if err != nil {
		return Info{}, err
	}
	if ok && found.Kind != "bridge" {
		return Info{}, fmt.Errorf("cannot make bridge %s: a link of kind %s has that name", name, found.Kind)
	}
	if ok && found.Up {
		return found, nil
	}
	if err := h.makeBridge(name, mtu, ok); err != nil {
		return Info{}, fmt.Errorf("cannot make bridge %s: %w", name, err)
	}
	made, ok, err := h.Find(name)
	if err == nil && !ok {
		err = fmt.Errorf("cannot make bridge %s: it is gone again", name)
	}
	return made, err
}

func (h *Handle) makeBridge(name string, mtu int, exists bool) error {
	if !exists {
		err := h.bridgeRequest(name, mtu, unix.NLM_F_CREATE|unix.NLM_F_EXCL, map[int][]byte{
			nl.IFLA_BR_STP_STATE:      nl.Uint32Attr(0),
			nl.IFLA_BR_FORWARD_DELAY:  nl.Uint32Attr(0),
			nl.IFLA_BR_MCAST_SNOOPING: nl.Uint8Attr(0),
		})
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
	if err := h.DisableIPv6(name); err != nil {
		return err
	}
	return h.SetUp(name)
}

// SetBridgeFiltering makes the frames that cross this one bridge pass the IPv4 and IPv6
// hooks of netfilter (br_netfilter), whatever the host-wide setting is.
func (h *Handle) SetBridgeFiltering(name string) error {
	err := h.bridgeRequest(name, 0, 0, map[int][]byte{
		nl.IFLA_BR_NF_CALL_IPTABLES:  nl.Uint8Attr(1),
		nl.IFLA_BR_NF_CALL_IP6TABLES: nl.Uint8Attr(1),
	})
	if err != nil {
		return fmt.Errorf("cannot make bridge %s pass netfilter: %w", name, err)
	}
	return nil
}

// bridgeRequest speaks netlink itself, as the library does not know these attributes.
func (h *Handle) bridgeRequest(name string, mtu, flags int, options map[int][]byte) error {
	return h.In(func() error {
		req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, flags|unix.NLM_F_ACK)
		req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
		if mtu > 0 {
			req.AddData(nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(mtu))))
		}
		info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
		info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
		data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
		for kind, value := range options {
			data.AddRtAttr(kind, value)
		}
		req.AddData(info)
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		return err
	})
}
