package link

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// MaxName is the longest name a link may have, in bytes.
const MaxName = unix.IFNAMSIZ - 1

// Info is what the kernel tells of a link.
type Info struct {
	Name  string
	Index int
	Kind  string // "bridge", "veth", …, "device" for hardware
	// Peer is the index of the link's other end or of the device it sits on, in whichever
	// namespace that is; 0 if it has none.
	Peer   int
	Master int // index of the bridge it is a port of; 0 is none
	MTU    int
	MAC    net.HardwareAddr
	Up     bool // as an administrator said, not whether the cable is in
	Alias  string
}

func infoOf(l netlink.Link) Info {
	a := l.Attrs()
	return Info{
		Name: a.Name, Index: a.Index, Kind: l.Type(), Peer: a.ParentIndex, Master: a.MasterIndex,
		MTU: a.MTU, MAC: a.HardwareAddr, Up: a.Flags&net.FlagUp != 0, Alias: a.Alias,
	}
}

// isGone tells that the kernel does not know the link (any more).
func isGone(err error) bool {
	return errors.As(err, new(netlink.LinkNotFoundError)) || errors.Is(err, unix.ENODEV)
}

// Find returns the link of that name, and whether there is one.
func (h *Handle) Find(name string) (Info, bool, error) {
	l, err := h.nl.LinkByName(name)
	if isGone(err) {
		return Info{}, false, nil
	}
	if err != nil {
		return Info{}, false, fmt.Errorf("cannot find link %s: %w", name, err)
	}
	return infoOf(l), true, nil
}

// List returns the links whose name begins with prefix.
func (h *Handle) List(prefix string) ([]Info, error) {
	links, err := dump(h.nl.LinkList)
	if err != nil {
		return nil, fmt.Errorf("cannot list links: %w", err)
	}
	var found []Info
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, prefix) {
			found = append(found, infoOf(l))
		}
	}
	return found, nil
}

// Delete removes the link; one end of a veth takes the other with it. One that does not
// exist is no error.
func (h *Handle) Delete(name string) error {
	err := h.with(name, h.nl.LinkDel)
	if err != nil && !isGone(err) {
		return fmt.Errorf("cannot delete link %s: %w", name, err)
	}
	return nil
}

// SetMaster makes the link a port of the bridge.
func (h *Handle) SetMaster(name, bridge string) error {
	master, err := h.nl.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("cannot enslave %s to %s: %w", name, bridge, err)
	}
	err = h.with(name, func(l netlink.Link) error {
		if l.Attrs().MasterIndex == master.Attrs().Index {
			return nil
		}
		return h.nl.LinkSetMasterByIndex(l, master.Attrs().Index)
	})
	if err != nil {
		return fmt.Errorf("cannot enslave %s to %s: %w", name, bridge, err)
	}
	return nil
}

// ClearMaster takes the link off its bridge. A link that is gone or on none is no error.
func (h *Handle) ClearMaster(name string) error {
	err := h.with(name, h.nl.LinkSetNoMaster)
	if err != nil && !isGone(err) {
		return fmt.Errorf("cannot take %s off its bridge: %w", name, err)
	}
	return nil
}

// SetUp brings the link up.
func (h *Handle) SetUp(name string) error {
	if err := h.with(name, h.nl.LinkSetUp); err != nil {
		return fmt.Errorf("cannot bring %s up: %w", name, err)
	}
	return nil
}

// SetMTU sets the link's MTU in bytes.
func (h *Handle) SetMTU(name string, mtu int) error {
	err := h.with(name, func(l netlink.Link) error {
		if l.Attrs().MTU == mtu {
			return nil
		}
		return h.nl.LinkSetMTU(l, mtu)
	})
	if err != nil {
		return fmt.Errorf("cannot set the MTU of %s to %d: %w", name, mtu, err)
	}
	return nil
}

// SetMAC sets the link's hardware address.
func (h *Handle) SetMAC(name string, mac net.HardwareAddr) error {
	err := h.with(name, func(l netlink.Link) error {
		if l.Attrs().HardwareAddr.String() == mac.String() {
			return nil
		}
		return h.nl.LinkSetHardwareAddr(l, mac)
	})
	if err != nil {
		return fmt.Errorf("cannot set the MAC of %s to %s: %w", name, mac, err)
	}
	return nil
}

// SetAlias sets the free text that `ip link` shows with the link.
func (h *Handle) SetAlias(name, alias string) error {
	err := h.with(name, func(l netlink.Link) error {
		if l.Attrs().Alias == alias {
			return nil
		}
		return h.nl.LinkSetAlias(l, alias)
	})
	if err != nil {
		return fmt.Errorf("cannot set the alias of %s: %w", name, err)
	}
	return nil
}

func (h *Handle) with(name string, do func(netlink.Link) error) error {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return err
	}
	return do(l)
}
