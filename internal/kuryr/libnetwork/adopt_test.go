package libnetwork_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

// forget lets the plugin lose its records before the n-th verb from now on, once.
func (p *plugin) forget(s settings, n int) {
	p.amnesia = func() {
		if n--; n == -1 {
			s.DB = nil
			fresh := mustPlugin(p.tb, s)
			p.Driver, p.handler, p.lost = fresh.Driver, fresh.handler, true
		}
	}
}

// TestStoreLost deletes kuryr.db before each verb of a network's life in turn. Docker may
// see one failure, where a verb was half way; after it nothing may be left, the sweep's part
// included.
func TestStoreLost(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	binder := &ledger{plugged: map[string]bool{}}
	tn := c.tenant(t, "10.2.0.0/24", "fd00:5::/64")
	own := c.userPort(t, tn)
	existing := ask{Subnets: []string{"10.2.0.0/24", "fd00:5::/64"}}
	existing.IPAM, existing.Options = byID(tn)
	lives := map[string]struct {
		ask  ask
		want want
	}{
		"new":                 {ask{Subnets: []string{"10.3.0.0/24"}, Aux: map[string]string{"router": "10.3.0.9"}}, want{}},
		"new dual stack":      {ask{Subnets: []string{"10.3.0.0/24", "fd00:6::/64"}}, want{}},
		"existing":            {existing, want{}},
		"existing, own port":  {existing, want{IPs: map[bool]string{false: own.FixedIPs[0].IP.String(), true: own.FixedIPs[1].IP.String()}, MAC: own.MAC}},
		"existing, exposing":  {existing, want{Expose: []proto{{6, 80}}}},
		"only a subnet by ID": {ask{Subnets: []string{"10.2.0.0/24"}, IPAM: map[string]string{"neutron.subnet.uuid": tn.V4.ID}}, want{}},
	}
	before := c.state(t)
	for name, l := range lives {
		for _, named := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ports named=%t", name, named), func(t *testing.T) {
				worked := 0
				for i := range 40 {
					clock := &clock{}
					s := settings{Neutron: c.Service, Binder: binder, Now: clock.now}
					p := mustPlugin(t, s)
					p.forget(s, i)
					err := p.lifeOf(l.ask, l.want, named)
					if err == nil {
						worked++
					}
					for range 2 { // what is swept may be in the way of what is owed
						clock.pass()
						_ = p.Settle(ctx)
						must(t, p.Sweep(ctx))
					}
					must(t, p.Settle(ctx))
					if diff := cmp.Diff(before, c.state(t)); diff != "" {
						t.Fatalf("lost before verb %d (Docker saw: %v), left:\n%s", i, err, diff)
					}
					if len(binder.plugged) > 0 {
						t.Fatalf("lost before verb %d, left %v", i, binder.plugged)
					}
					if !p.lost {
						if err != nil {
							t.Fatalf("without a loss: %v", err)
						}
						// Of creating a network, only the first and the last verb stand alone.
						if lost := i - worked + 1; named && lost > 6 {
							t.Errorf("%d of %d losses were seen by Docker", lost, i)
						}
						t.Logf("%d verbs; %d losses of the records were not noticed", i, worked-1)
						return
					}
				}
				t.Fatal("the life has no end")
			})
		}
	}
}

// lifeOf is a network's life with one container. named lets the plugin come to naming its
// port, which it does after its answer.
func (p *plugin) lifeOf(a ask, w want, named bool) error {
	n, err := p.createNetwork(a)
	if err != nil {
		return err
	}
	e, err := p.connect(n, w)
	if err == nil {
		if named {
			must(p.tb, p.Settle(context.Background()))
		}
		p.disconnect(n, e)
	}
	if failed := p.removeNetwork(n); err == nil {
		err = failed
	}
	return err
}

// python is what the Python plugin leaves in Neutron, and Docker knows of it.
type python struct {
	net dockerNet
	end dockerEndpoint
}

// halves are the tags of a Docker id, as constants.py and utils.py of kuryr-libnetwork have
// them.
func halves(id string) []string {
	return []string{"kuryr.net.uuid.lh:" + id[:32], "kuryr.net.uuid.uh:" + id[32:]}
}

func TestPythonsNetworks(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	tn := c.tenant(t, "10.2.0.0/24", "")
	lone := c.lone(t)
	own := c.userPort(t, tn)
	cidr := netip.MustParsePrefix("10.2.0.0/24")
	gateway := "10.2.0.1/24"
	tag := func(kind, id string, tags ...string) {
		for _, tag := range tags {
			must(t, c.Service.AddTag(ctx, kind, id, tag))
		}
	}
	kuryrPool := func(name string) zun.NeutronPool {
		return got(c.Service.CreatePool(ctx, zun.NeutronPoolSpec{Name: "kuryrPool-" + name, Prefixes: []netip.Prefix{netip.MustParsePrefix(name)}, DefaultPrefixLen: 24}))(t)
	}
	// endpoint is RequestAddress (placeholder) and CreateEndpoint (bound, tagged).
	endpoint := func(netID, project string, subnet zun.NeutronSubnet, poolID string, id string) dockerEndpoint {
		port := got(c.Service.CreatePort(ctx, zun.PortSpec{
			Name: "kuryr-unbound-port", NetworkID: netID, ProjectID: project, FixedIPs: []zun.Address{{SubnetID: subnet.ID}},
			DeviceOwner: "compute:kuryr", DeviceID: id, Host: host, Tags: append(halves(id), "compute:kuryr"),
		}))(t)
		address := netip.PrefixFrom(port.FixedIPs[0].IP, subnet.CIDR.Bits()).String()
		return dockerEndpoint{ID: id, MAC: port.MAC, Addresses: map[string]string{poolID: address}, Created: true}
	}
	for name, prepare := range map[string]func(netID, endID string) python{
		"of its own": func(netID, endID string) python {
			net := got(c.Service.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "kuryr-net-" + netID[:8], Tags: halves(netID)}))(t)
			pool := kuryrPool("10.2.0.0/24")
			subnet := got(c.Service.CreateSubnet(ctx, zun.NeutronSubnetSpec{
				Name: "kuryr-subnet-10.2.0.0/24", NetworkID: net.ID, CIDR: cidr, PoolID: pool.ID, EnableDHCP: true,
				Gateway: netip.MustParseAddr("10.2.0.1"), Tags: []string{pool.ID},
			}))(t)
			return python{dockerNet{ID: netID, Pools: []dockerPool{{ID: pool.ID, Pool: "10.2.0.0/24", Gateway: gateway}}}, endpoint(net.ID, "", subnet, pool.ID, endID)}
		},
		"on a user's network and pool": func(netID, endID string) python {
			tag("networks", tn.Net.ID, append(halves(netID), "kuryr.net.existing:"+netID[:12])...)
			tag("subnetpools", tn.Pool.ID, "kuryr.subnetpool.existing")
			tag("subnets", tn.V4.ID, tn.Pool.ID)
			return python{dockerNet{ID: netID, Pools: []dockerPool{{ID: tn.Pool.ID, Pool: "10.2.0.0/24", Gateway: gateway}}}, endpoint(tn.Net.ID, tn.Net.ProjectID, tn.V4, tn.Pool.ID, endID)}
		},
		"on a user's network, with a pool of its own": func(netID, endID string) python {
			pool := kuryrPool("10.243.0.0/24")
			tag("networks", lone.ID, append(halves(netID), "kuryr.net.existing:"+netID[:12])...)
			tag("subnets", lone.SubnetIDs[0], pool.ID)
			subnet := got(c.Service.FindSubnets(ctx, zun.NeutronQuery{ID: lone.SubnetIDs[0]}))(t)[0]
			return python{dockerNet{ID: netID, Pools: []dockerPool{{ID: pool.ID, Pool: "10.243.0.0/24", Gateway: "0.0.0.0/0"}}}, endpoint(lone.ID, lone.ProjectID, subnet, pool.ID, endID)}
		},
		"with a user's port": func(netID, endID string) python {
			tag("networks", tn.Net.ID, append(halves(netID), "kuryr.net.existing:"+netID[:12])...)
			tag("subnetpools", tn.Pool.ID, "kuryr.subnetpool.existing")
			tag("subnets", tn.V4.ID, tn.Pool.ID)
			owner, here := "compute:kuryr", host
			got(c.Service.UpdatePort(ctx, own.ID, zun.PortChange{Host: &here, DeviceOwner: &owner, DeviceID: &endID}))(t)
			tag("ports", own.ID, append(halves(endID), "kuryr.port.existing")...)
			return python{
				dockerNet{ID: netID, Pools: []dockerPool{{ID: tn.Pool.ID, Pool: "10.2.0.0/24", Gateway: gateway}}},
				dockerEndpoint{ID: endID, MAC: own.MAC, Addresses: map[string]string{tn.Pool.ID: own.FixedIPs[0].IP.String() + "/24"}, Created: true},
			}
		},
		"with a port that has no tags": func(netID, endID string) python {
			tag("networks", tn.Net.ID, append(halves(netID), "kuryr.net.existing:"+netID[:12])...)
			tag("subnets", tn.V4.ID, tn.Pool.ID)
			tag("subnetpools", tn.Pool.ID, "kuryr.subnetpool.existing")
			port := got(c.Service.CreatePort(ctx, zun.PortSpec{
				Name: endID + "-port", NetworkID: tn.Net.ID, DeviceOwner: "compute:kuryr", DeviceID: endID, Host: host,
			}))(t)
			return python{
				dockerNet{ID: netID, Pools: []dockerPool{{ID: tn.Pool.ID, Pool: "10.2.0.0/24", Gateway: gateway}}},
				dockerEndpoint{ID: endID, MAC: port.MAC, Addresses: map[string]string{tn.Pool.ID: port.FixedIPs[0].IP.String() + "/24"}, Created: true},
			}
		},
	} {
		for _, what := range []string{"used and ended", "ended", "joined", "a container restarted", "only addresses"} {
			t.Run(name+", "+what, func(t *testing.T) {
				before := c.state(t)
				was := prepare(random(32), random(32))
				binder := &ledger{plugged: map[string]bool{}}
				clock := &clock{}
				p := mustPlugin(t, settings{Neutron: c.Service, Binder: binder, Now: clock.now})
				switch what {
				case "used and ended", "a container restarted":
					if what == "a container restarted" {
						p.disconnect(was.net, was.end)
					}
					e := got(p.connect(was.net, want{}))(t)
					must(t, p.Settle(ctx))
					if port := c.port(t, e.ip(was.net, false)); port.DeviceID != e.ID || !slices.Contains(port.Tags, "compute:kuryr") {
						t.Errorf("port is %+v", port)
					}
					p.disconnect(was.net, e)
				case "joined":
					// dockerd asked Python for CreateEndpoint and us for the rest.
					answer := got(p.try("NetworkDriver.Join", object{"NetworkID": was.net.ID, "EndpointID": was.end.ID, "SandboxKey": "/x"}))(t)
					if !strings.HasPrefix(fmt.Sprint(answer["InterfaceName"]), "map[DstPrefix:eth SrcName:t_c") {
						t.Errorf("joined with %v", answer)
					}
				case "only addresses":
					was.end.Created = false
				}
				if what != "a container restarted" {
					p.disconnect(was.net, was.end)
				}
				must(t, p.removeNetwork(was.net))
				clock.pass()
				must(t, p.Settle(ctx))
				if diff := cmp.Diff(before, c.state(t)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestAdoptionTakesNothingOfOthers: an adopted network's end leaves what another Docker
// network or another host has on the same Neutron network, which is W2 and W5 of the Python
// plugin.
func TestAdoptionTakesNothingOfOthers(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	tn := c.tenant(t, "10.2.0.0/24", "")
	mine, theirs := random(32), random(32)
	for _, id := range []string{mine, theirs} {
		for _, tag := range append(halves(id), "kuryr.net.existing:"+id[:12]) {
			must(t, c.Service.AddTag(ctx, "networks", tn.Net.ID, tag))
		}
	}
	pool := got(c.Service.CreatePool(ctx, zun.NeutronPoolSpec{Name: "kuryrPool-10.2.0.0/24", Prefixes: []netip.Prefix{tn.V4.CIDR}, DefaultPrefixLen: 24}))(t)
	must(t, c.Service.AddTag(ctx, "subnets", tn.V4.ID, pool.ID))
	must(t, c.Service.AddTag(ctx, "subnets", tn.V4.ID, tn.Pool.ID))
	got(c.Service.CreateSubnet(ctx, zun.NeutronSubnetSpec{Name: "kuryr-subnet-fd00:7::/64", NetworkID: tn.Net.ID, CIDR: netip.MustParsePrefix("fd00:7::/64")}))(t)
	elsewhere := got(c.Service.CreatePort(ctx, zun.PortSpec{
		Name: "kuryr-unbound-port", NetworkID: tn.Net.ID, DeviceOwner: "compute:kuryr", Host: "elsewhere", Tags: []string{"compute:kuryr"}, FixedIPs: []zun.Address{{SubnetID: tn.V4.ID}},
	}))(t)
	before := c.state(t)
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
	n := dockerNet{ID: mine, Pools: []dockerPool{{ID: pool.ID, Pool: "10.2.0.0/24", Gateway: "10.2.0.1/24"}}}
	if _, err := p.try("IpamDriver.ReleaseAddress", object{"PoolID": pool.ID, "Address": elsewhere.FixedIPs[0].IP.String()}); err != nil {
		t.Error(err)
	}
	if e, err := p.connect(n, want{IPs: map[bool]string{false: elsewhere.FixedIPs[0].IP.String()}}); err == nil || !strings.Contains(err.Error(), "another endpoint") {
		t.Errorf("took another host's port: %v %v", e, err)
	}
	must(t, p.removeNetwork(n))
	must(t, p.Settle(ctx))
	after := c.state(t)
	want := slices.Clone(before)
	for i, line := range want {
		for _, tag := range append(halves(mine), "kuryr.net.existing:"+mine[:12]) {
			line = strings.Replace(strings.Replace(line, " "+tag, "", 1), tag+" ", "", 1)
		}
		want[i] = line
	}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
}
