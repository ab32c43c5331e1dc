package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/gozun/gozun/zun"
)

// cutID is how much of a UUID is in the names of links.
const cutID = 11

// host looks at what the kernel and the switch of this host must have.
func (r *run) host(ctx context.Context) {
	r.ovsdb(ctx)
	r.filtering()
	r.forwarding()
	r.bridges(ctx)
}

// ovsdb looks for Open vSwitch where its ports are plugged.
func (r *run) ovsdb(ctx context.Context) {
	if !r.wiring[wiresOVS] {
		return
	}
	_, err := ask(ctx, r, func(ctx context.Context) (struct{}, error) { return struct{}{}, r.OVSDB.Ping(ctx) })
	if err != nil {
		r.report.bad("ovsdb", "Open vSwitch's database does not answer", err.Error(),
			"start openvswitch-switch; if its socket is elsewhere: ovsdb_socket in [binding] of "+r.Config.Config)
		return
	}
	r.report.ok("ovsdb", "Open vSwitch's database answers")
}

// filtering looks whether security groups of ports on Linux bridges can work.
func (r *run) filtering() {
	const name = "br_netfilter"
	if !r.wiring[wiresBridge] {
		return
	}
	for _, key := range []string{"net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables"} {
		value, err := r.Kernel.Setting(key)
		what := fmt.Sprintf("%s is %s", strings.ReplaceAll(key, "/", "."), value)
		if errors.Is(err, fs.ErrNotExist) {
			what = "the kernel module br_netfilter is not loaded"
		} else if err != nil {
			what = err.Error()
		}
		if err != nil || value != "1" {
			r.report.warn(name, what, "frames on Linux bridges pass the security groups' rules unseen",
				"modprobe br_netfilter; sysctl -w "+strings.ReplaceAll(key, "/", ".")+"=1 (unless Neutron's firewall driver needs no iptables)")
			return
		}
	}
	r.report.ok(name, "frames on Linux bridges pass netfilter")
}

// forwarding looks whether the host forwards packets.
func (r *run) forwarding() {
	const name = "ip_forward"
	value, err := r.Kernel.Setting("net/ipv4/ip_forward")
	switch {
	case err != nil:
		r.report.warn(name, "cannot read net.ipv4.ip_forward", err.Error(), "run the check as root")
	case value != "1":
		r.report.warn(name, "net.ipv4.ip_forward is "+value,
			"networks of Docker's own, and of an embedded Neutron, do not reach beyond this host; ports that Neutron's agents wire do not need it",
			"sysctl -w net.ipv4.ip_forward=1")
	default:
		r.report.ok(name, "the host forwards IPv4 packets")
	}
}

// bridges compares the Linux bridges of networks, and our links on them, with the networks.
func (r *run) bridges(ctx context.Context) {
	const name = "bridges"
	found, err := r.Kernel.Links("brq")
	if err != nil {
		r.report.warn(name, "cannot list links", err.Error(), "run the check as root")
		return
	}
	down := []string{}
	for _, b := range found {
		if !b.Up {
			down = append(down, b.Name)
		}
	}
	switch {
	case len(down) > 0:
		r.report.bad(name, "bridges are down: "+some(down), "their ports reach nobody", "ip link set "+down[0]+" up")
	case len(found) > 0:
		r.report.ok(name, count(len(found), "bridge")+" of Neutron networks, all up")
	}
	if len(found) > 0 && r.reachable {
		r.mtu(ctx, found)
	}
}

// mtu looks for bridges that are narrower than their network: larger packets vanish there.
func (r *run) mtu(ctx context.Context, bridges []Link) {
	const name = "mtu"
	networks, err := ask(ctx, r, func(ctx context.Context) ([]zun.NeutronNetwork, error) {
		return r.Neutron.FindNetworks(ctx, zun.NeutronQuery{})
	})
	if err != nil {
		r.report.warn(name, "cannot list networks", err.Error(), "openstack network list")
		return
	}
	narrow := []string{}
	for _, b := range bridges {
		for _, n := range networks {
			if strings.HasPrefix(n.ID, strings.TrimPrefix(b.Name, "brq")) && n.MTU > b.MTU {
				narrow = append(narrow, fmt.Sprintf("%s has %d and network %s %d", b.Name, b.MTU, n.ID, n.MTU))
			}
		}
	}
	if len(narrow) > 0 {
		r.report.bad(name, "bridges have a smaller MTU than their network: "+some(narrow), "packets that are larger vanish without a sign",
			"raise the MTU of the bridge's ports (of the uplink, or physical_network_mtus in Neutron), or lower the network's")
		return
	}
	r.report.ok(name, "no bridge is narrower than its network")
}

// leftovers looks for what belongs to nothing any more.
func (r *run) leftovers(ctx context.Context) {
	if !r.reachable || !r.shows {
		return
	}
	if found, err := ask(ctx, r, r.Plugin.Leftovers); err == nil {
		r.told(found)
		return
	}
	r.compare(ctx)
}

// told reports what the plugin knows to be left behind.
func (r *run) told(found []Leftover) {
	const name = "leftovers"
	if len(found) == 0 {
		r.report.ok(name, "nothing is left behind, by the plugin's records")
		return
	}
	list := []string{}
	for _, l := range found {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s", l.Kind, l.ID, l.Name))+" ("+l.Reason+")")
	}
	r.report.warn(name, "something is left behind: "+some(list),
		"something was killed in the middle, or deleted behind the plugin's back", "wait: the plugin removes it once it has been so for some minutes, and its log tells of it")
}

// compare looks for links without ports and ports without links.
func (r *run) compare(ctx context.Context) {
	ports, err := ask(ctx, r, func(ctx context.Context) ([]zun.Port, error) { return r.Neutron.PortsOn(ctx, r.Host) })
	if err != nil {
		r.report.warn("leftover-links", "cannot list the ports of this host", err.Error(), "openstack port list --host "+r.Host)
		return
	}
	known := map[string]bool{}
	for _, p := range ports {
		known[p.ID[:min(cutID, len(p.ID))]] = true
	}
	linked, orphans, err := r.portLinks(known)
	if err != nil {
		r.report.warn("leftover-links", "cannot list links", err.Error(), "run the check as root")
		return
	}
	if len(orphans) > 0 {
		r.report.warn("leftover-links", "links whose port Neutron does not have on this host: "+some(orphans),
			"something was killed while it unplugged, or ports were deleted behind its back", "stop what uses them, or: ip link delete "+orphans[0])
	} else {
		r.report.ok("leftover-links", "every link of a port has its port")
	}
	idle := []string{}
	for _, p := range ports {
		if p.DeviceOwner == zun.DeviceOwner && p.Status != "ACTIVE" && !linked[p.ID[:min(cutID, len(p.ID))]] {
			idle = append(idle, p.ID)
		}
	}
	if len(idle) > 0 {
		r.report.warn("leftover-ports", "ports of containers on this host that have no link: "+some(idle),
			"they are of containers that just start, or of ones that are gone", "look again in a minute; then openstack port delete "+idle[0])
		return
	}
	r.report.ok("leftover-ports", "every port of a container has its link")
}

// portLinks returns the beginnings of port ids that have links, and the names of links
// that no known port has.
func (r *run) portLinks(known map[string]bool) (linked map[string]bool, orphans []string, err error) {
	linked = map[string]bool{}
	for _, prefix := range []string{"tap", "t_c"} {
		links, err := r.Kernel.Links(prefix)
		if err != nil {
			return nil, nil, err
		}
		for _, l := range links {
			id := strings.TrimPrefix(l.Name, prefix)
			if !isPortID(id) {
				continue
			}
			linked[id] = true
			if !known[id] {
				orphans = append(orphans, l.Name)
			}
		}
	}
	slices.Sort(orphans)
	return linked, orphans, nil
}

// isPortID reports whether text is the beginning of a UUID as link names have it: there
// are other links that begin with tap.
func isPortID(text string) bool {
	if len(text) != cutID || text[8] != '-' {
		return false
	}
	return !strings.ContainsFunc(text[:8]+text[9:], func(c rune) bool { return !strings.ContainsRune("0123456789abcdef", c) })
}
