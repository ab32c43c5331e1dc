package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/minicloud"
)

// host makes and removes what stands in the host's network namespace, and the routers.
type host struct {
	links  *link.Handle
	prefix string // of router namespaces, and the owner's name in the alias of every link of ours
}

func (h *host) routerName(networkID string) string { return h.prefix + "-" + short(networkID) }

// alias marks a link as ours; the sweep believes nothing else.
func (h *host) alias(networkID string) string { return h.prefix + " network " + networkID }

// ensureNetwork makes what the network needs and adopts what is there already.
func (h *host) ensureNetwork(n minicloud.Network) error {
	if err := h.ensureBridge(n); err != nil {
		return err
	}
	if !routed(n) {
		return h.removeRouter(n.ID)
	}
	return h.ensureRouter(n)
}

func (h *host) ensureBridge(n minicloud.Network) error {
	name := bridgeName(n.ID)
	if _, err := h.links.EnsureBridge(name, n.MTU); err != nil {
		return err
	}
	// The bridge may be the plug's work, which knows nothing of filtering.
	return errors.Join(
		h.links.SetBridgeFiltering(name),
		// The host has no place on the tenant's network and does not answer there.
		h.links.SetSysctl("net/ipv4/conf/"+name+"/arp_ignore", "8"),
		h.links.SetMTU(name, n.MTU),
		h.links.SetAlias(name, h.alias(n.ID)),
	)
}

func (h *host) ensureRouter(n minicloud.Network) error {
	name := h.routerName(n.ID)
	if err := link.EnsureNamespace(name); err != nil {
		return err
	}
	inside, err := link.Open(name)
	if err != nil {
		return err
	}
	defer inside.Close()
	if err := inside.SetSysctl(routerSettings()...); err != nil {
		return err
	}
	if err := h.connectGateway(n, inside); err != nil {
		return err
	}
	if err := h.connectUplink(n, inside); err != nil {
		return err
	}
	return ensureMasquerade(inside.FD(), h.prefix)
}

// routerSettings are set before the router has links: it forwards, answers ARP for an address only where that is, and takes
// nothing that any router advertises.
func routerSettings() []string {
	return []string{
		"net/ipv4/ip_forward", "1",
		"net/ipv4/conf/all/arp_ignore", "1",
		"net/ipv4/conf/all/rp_filter", "1",
		"net/ipv4/conf/all/send_redirects", "0",
		"net/ipv4/conf/default/send_redirects", "0",
		"net/ipv6/conf/all/forwarding", "1",
		"net/ipv6/conf/all/accept_ra", "0",
		"net/ipv6/conf/default/accept_ra", "0",
		// A router asks for neighbours from its link-local address, and could not for the
		// seconds that looking for duplicates of it takes.
		"net/ipv6/conf/default/accept_dad", "0",
	}
}

func (h *host) connectGateway(n minicloud.Network, inside *link.Handle) error {
	name := gatewayName(n.ID)
	err := h.links.EnsureVeth(link.Veth{
		Name: name, Peer: gatewayInside, MTU: n.MTU, PeerMAC: gatewayMAC(n.Index), PeerAt: inside, NoIPv6: true,
	})
	if err != nil {
		return err
	}
	if err := h.links.SetAlias(name, h.alias(n.ID)); err != nil {
		return err
	}
	if err := inside.SetUp(gatewayInside); err != nil {
		return err
	}
	if err := inside.SetAddresses(gatewayInside, gateways(n)); err != nil {
		return err
	}
	return h.links.SetMaster(name, bridgeName(n.ID))
}

func (h *host) connectUplink(n minicloud.Network, inside *link.Handle) error {
	name := uplinkName(n.ID)
	err := h.links.EnsureVeth(link.Veth{Name: name, Peer: uplinkInside, MTU: n.MTU, PeerAt: inside})
	if err != nil {
		return err
	}
	if err := h.links.SetAlias(name, h.alias(n.ID)); err != nil {
		return err
	}
	if err := h.links.SetSysctl("net/ipv4/conf/"+name+"/rp_filter", "1", "net/ipv6/conf/"+name+"/accept_ra", "0"); err != nil {
		return err
	}
	if err := inside.SetUp(uplinkInside); err != nil {
		return err
	}
	ours := []netip.Prefix{single(hostLink4), single(hostLink6)}
	theirs := []netip.Prefix{single(routerLink4(n.Index)), single(routerLink6(n.Index))}
	if err := errors.Join(h.links.SetAddresses(name, ours), inside.SetAddresses(uplinkInside, theirs)); err != nil {
		return err
	}
	return errors.Join(
		h.links.AddRoute(link.Route{To: theirs[0], Link: name}),
		h.links.AddRoute(link.Route{To: theirs[1], Link: name}),
		wayOut(inside, hostLink4, "0.0.0.0/0"),
		wayOut(inside, hostLink6, "::/0"))
}

func wayOut(inside *link.Handle, via netip.Addr, all string) error {
	return errors.Join(
		inside.AddRoute(link.Route{To: single(via), Link: uplinkInside}),
		inside.AddRoute(link.Route{To: netip.MustParsePrefix(all), Via: via, Link: uplinkInside}))
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// removeRouter removes the network's router. Its host ends go first: the kernel takes its
// time to empty a namespace.
func (h *host) removeRouter(networkID string) error {
	return errors.Join(
		h.links.Delete(uplinkName(networkID)),
		h.links.Delete(gatewayName(networkID)),
		link.DeleteNamespace(h.routerName(networkID)))
}

// removeNetwork removes everything of the network, whoever else is on its bridge.
func (h *host) removeNetwork(networkID string) error {
	return errors.Join(h.removeRouter(networkID), h.links.Delete(bridgeName(networkID)))
}

// sweep removes what carries our alias, and the routers of our name, for which keep does
// not speak: left by a crash or by a network that went while we were not running.
func (h *host) sweep(keep func(networkID string) bool) error {
	found, err := h.links.List("")
	if err != nil {
		return err
	}
	var errs []error
	wanted := map[string]bool{}
	for _, l := range found {
		id, ours := strings.CutPrefix(l.Alias, h.alias(""))
		switch {
		case !ours:
		case keep(id):
			wanted[h.routerName(id)] = true
		default:
			errs = append(errs, h.removeNetwork(id))
		}
	}
	names, err := link.Namespaces(h.prefix + "-")
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, name := range names {
		if !wanted[name] && isShort(strings.TrimPrefix(name, h.prefix+"-")) { // others may begin so too
			errs = append(errs, link.DeleteNamespace(name))
		}
	}
	return errors.Join(errs...)
}

// prepare sets what holds for the host as a whole.
func (h *host) prepare(ctx context.Context) error {
	if err := h.loadBridgeFilter(ctx); err != nil {
		return err
	}
	return h.links.SetSysctl("net/ipv4/ip_forward", "1")
}

// loadBridgeFilter makes sure that br_netfilter is in the kernel. When it is we who load
// it, its host-wide default (filter every bridge) is switched off, so that bridges of
// others behave as before; ours ask for it one by one.
func (h *host) loadBridgeFilter(ctx context.Context) error {
	const iptables, ip6tables = "net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables"
	if _, err := h.links.Sysctl(iptables); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := run(ctx, h.links, "modprobe", "br_netfilter"); err != nil {
		return fmt.Errorf("cannot filter bridged traffic without the kernel module br_netfilter: %w", err)
	}
	return h.links.SetSysctl(iptables, "0", ip6tables, "0")
}

// forwardIPv6 lets the host pass IPv6 on. That alone would make it deaf for the router
// advertisements that its own default route may come from, so links that listen are told to go on.
func (h *host) forwardIPv6() error {
	const forwarding = "net/ipv6/conf/all/forwarding"
	value, err := h.links.Sysctl(forwarding)
	if errors.Is(err, fs.ErrNotExist) || value == "1" {
		return nil
	}
	if err != nil {
		return err
	}
	names, err := h.listening()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := h.links.SetSysctl("net/ipv6/conf/"+name+"/accept_ra", "2"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return h.links.SetSysctl(forwarding, "1")
}

// listening returns the links that take router advertisements as long as the host is no router.
func (h *host) listening() ([]string, error) {
	var names []string
	err := h.links.In(func() error {
		entries, err := os.ReadDir("/proc/sys/net/ipv6/conf")
		for _, e := range entries {
			raw, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + e.Name() + "/accept_ra")
			if err == nil && strings.TrimSpace(string(raw)) == "1" && e.Name() != "all" {
				names = append(names, e.Name())
			}
		}
		return err
	})
	return names, err
}
