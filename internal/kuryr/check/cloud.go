package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gozun/gozun/zun"
)

// wire is how an agent connects ports.
type wire int

const (
	wiresBridge wire = iota // Linux bridges
	wiresOVS                // Open vSwitch, OVN's too
)

// wireOf returns how agents of a kind wire ports; others (DHCP, L3) wire none.
func wireOf(kind string) (wire, bool) {
	switch kind {
	case "Linux bridge agent":
		return wiresBridge, true
	case "Open vSwitch agent", "OVN Controller agent", "OVN Controller Gateway agent":
		return wiresOVS, true
	}
	return 0, false
}

// cloud looks at Keystone and Neutron. What needs an answer that did not come is left out.
func (r *run) cloud(ctx context.Context) {
	if !r.login(ctx) {
		return
	}
	if r.reachable = r.extensions(ctx); !r.reachable {
		return
	}
	agents, err := ask(ctx, r, r.Neutron.FindAgents)
	if err != nil {
		r.report.bad("agent", "cannot list Neutron's agents", err.Error(), "see whether Neutron is well: openstack network agent list")
		return
	}
	r.role(ctx, len(agents) > 0)
	r.agent(agents)
	r.pools(ctx)
}

func (r *run) login(ctx context.Context) bool {
	_, err := ask(ctx, r, r.Keystone.Token)
	if err == nil {
		r.report.ok("keystone", "Keystone takes the credentials")
		return true
	}
	do := "see whether auth_url is right and answers from this host: curl $auth_url"
	if code := zun.CodeOf(err); code == zun.CodeUnauthorized || code == zun.CodeInvalid {
		do = "correct user, password, project and their domains in [neutron] of " + r.Config.Config
	}
	r.report.bad("keystone", "cannot log in", err.Error(), do)
	return false
}

// needed are extensions of Neutron without which the plugin does not work.
func needed() map[string]string {
	return map[string]string{
		"subnet_allocation": "networks get their subnets out of subnetpools",
		"binding":           "ports are bound to this host",
		"standard-attr-tag": "networks and ports are found again by their tags",
	}
}

// extensions looks whether Neutron answers and has what the plugin needs.
func (r *run) extensions(ctx context.Context) bool {
	has, err := ask(ctx, r, r.Neutron.Extensions)
	if err != nil {
		r.report.bad("neutron", "Neutron does not answer", err.Error(), "see whether its endpoint is right and answers from this host: openstack catalog show network")
		return false
	}
	r.report.ok("neutron", "Neutron answers")
	const name = "extensions"
	missing := []string{}
	for alias, why := range needed() {
		if !slices.Contains(has, alias) {
			missing = append(missing, fmt.Sprintf("%s (%s)", alias, why))
		}
	}
	slices.Sort(missing)
	switch {
	case len(missing) > 0:
		r.report.bad(name, "Neutron lacks "+strings.Join(missing, ", "), "the plugin cannot work without", "load them in Neutron (service_plugins, extension_drivers)")
	case r.Exposes && !slices.Contains(has, "security-group"):
		r.report.warn(name, "Neutron has no security groups", "exposed and published ports cannot be opened", "load the extension, or set process_external_connectivity = False in "+r.Config.Config)
	default:
		r.report.ok(name, "Neutron has the extensions that are needed")
	}
	return true
}

// role looks whether the credentials may bind ports.
func (r *run) role(ctx context.Context, seesAgents bool) {
	const name = "role"
	type seen struct{ sees, known bool }
	s, err := ask(ctx, r, func(ctx context.Context) (s seen, err error) {
		s.sees, s.known, err = r.Neutron.SeesBindings(ctx)
		return s, err
	})
	r.shows = s.sees || !s.known && seesAgents
	switch {
	case err != nil:
		r.report.bad(name, "cannot look at ports", err.Error(), "see whether Neutron is well: openstack port list")
	case s.known && !s.sees, !s.known && !seesAgents:
		r.report.bad(name, "the credentials may not see where ports are bound (binding:host_id)",
			"so they may not bind them either: every container would end with an unbound port",
			"give the user the role admin or service in its project: openstack role add --user USER --project PROJECT service")
	case !seesAgents:
		r.report.warn(name, "Neutron shows no agents: it has none, or the credentials may not see them",
			"without an agent on this host no port is bound here; the plugin itself need not see it", "look as an administrator: openstack network agent list")
	default:
		r.report.ok(name, "the credentials may bind ports")
	}
}

// agent looks for an agent of Neutron's that would wire ports of this host.
func (r *run) agent(agents []zun.NeutronAgent) {
	const name = "agent"
	if len(agents) == 0 {
		return // role has said so
	}
	r.wiring = map[wire]bool{}
	var here []zun.NeutronAgent
	hosts := []string{}
	for _, a := range agents {
		w, wires := wireOf(a.Kind)
		if !wires {
			continue
		}
		hosts = append(hosts, a.Host)
		if a.Host == r.Host {
			here = append(here, a)
			r.wiring[w] = true
		}
	}
	slices.Sort(hosts)
	if len(here) == 0 {
		r.stranger(slices.Compact(hosts))
	}
	for _, a := range here {
		switch {
		case !a.Alive:
			r.report.bad(name, fmt.Sprintf("the %s on host %s is not alive", a.Kind, a.Host),
				"Neutron binds no port to a host whose agent does not report", fmt.Sprintf("start %s on this host and look into its log", a.Binary))
		case !a.AdminStateUp:
			r.report.warn(name, fmt.Sprintf("the %s on host %s is switched off", a.Kind, a.Host),
				"an administrator set its admin_state_up to false", "openstack network agent set --enable "+a.ID)
		default:
			r.report.ok(name, fmt.Sprintf("the %s on host %s is alive", a.Kind, a.Host))
		}
	}
}

// stranger reports that Neutron does not know this host, and which it knows.
func (r *run) stranger(hosts []string) {
	const name = "agent"
	what := fmt.Sprintf("Neutron has no agent on host %q that wires ports", r.Host)
	if len(hosts) == 0 {
		r.report.bad(name, what, "it has none on any host", "install Neutron's agent (or OVN's controller) on this host")
		return
	}
	why := "it would bind no port to this host; it knows these: " + some(hosts)
	do := "install Neutron's agent on this host; or, if it is there under another name, say that name with host = NAME in [DEFAULT] of " + r.Config.Config
	short, _, _ := strings.Cut(r.Host, ".")
	for _, known := range hosts {
		if name, _, _ := strings.Cut(known, "."); strings.EqualFold(name, short) {
			do = fmt.Sprintf("it is probably %s: write host = %[1]s in [DEFAULT] of %s", known, r.Config.Config)
		}
	}
	r.report.bad(name, what, why, do)
}

// pools looks for the subnetpools that the configuration names.
func (r *run) pools(ctx context.Context) {
	for _, pool := range r.Pools {
		found, err := ask(ctx, r, func(ctx context.Context) ([]zun.NeutronPool, error) {
			if zun.IsUUID(pool) {
				return r.Neutron.FindPools(ctx, zun.NeutronQuery{ID: pool})
			}
			return r.Neutron.FindPools(ctx, zun.NeutronQuery{Name: pool})
		})
		switch {
		case err != nil:
			r.report.warn("subnetpool", "cannot look for subnetpool "+pool, err.Error(), "openstack subnet pool list")
		case len(found) != 1:
			r.report.warn("subnetpool", fmt.Sprintf("%s with the name or uuid %s", count(len(found), "subnetpool"), pool),
				"docker network create without --subnet takes its addresses from exactly one", "make it so, or name another in default_subnetpool_v4 or _v6")
		default:
			r.report.ok("subnetpool", "subnetpool "+pool+" is there")
		}
	}
}
