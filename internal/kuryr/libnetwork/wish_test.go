package libnetwork_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

// wished is a port's part that endpoint options change.
type wished struct {
	Name     string
	Groups   []string
	Pairs    []zun.AddressPair
	Security bool
}

func wishesOf(p zun.Port) wished {
	return wished{p.Name, slices.Sorted(slices.Values(p.SecurityGroups)), p.AddressPairs, !p.NoSecurity} // Neutron has them in any order
}

func TestEndpointOptions(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	tn := c.tenant(t, "10.2.0.0/24", "")
	own := c.userPort(t, tn)
	group := func(name, project string) string {
		return got(c.Service.CreateSecurityGroup(ctx, zun.SecurityGroupSpec{Name: name, ProjectID: project}))(t).ID
	}
	web, db := group("web", tn.Net.ProjectID), group("db", tn.Net.ProjectID)
	both := slices.Sorted(slices.Values([]string{web, db}))
	group("web", "") // another project's of the same name
	all := object{
		"neutron.security_groups": "web; " + db, "neutron.port.name": "front",
		"neutron.allowed_address_pairs": "10.2.0.200; 10.9.0.0/24,02-00-00-00-00-09",
	}
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
	a := ask{Subnets: []string{"10.2.0.0/24"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	before := c.state(t)
	const mac, far = "02:00:00:00:00:07", "02:00:00:00:00:09"
	full := wished{"front", both, []zun.AddressPair{{IP: "10.2.0.200", MAC: mac}, {IP: "10.9.0.0/24", MAC: far}}, true}
	off := wished{Name: "mine"}
	ownIP := map[bool]string{false: own.FixedIPs[0].IP.String()}
	for name, test := range map[string]struct {
		want  want
		calls int // reads of names included
		is    wished
	}{
		"on a port made early":      {want{MAC: mac, Options: all}, 4, full},
		"on a port made late":       {want{MAC: mac, Options: all, IPs: map[bool]string{false: "10.2.0.77"}}, 4, full},
		"on a user's port":          {want{MAC: mac, Options: all, IPs: ownIP}, 4, full},
		"on a port that is handed":  {want{MAC: mac, Options: with(all, "neutron.port.uuid", own.ID), IPs: ownIP}, 4, full},
		"security off":              {want{MAC: own.MAC, Options: object{"neutron.port_security": "False"}, IPs: ownIP}, 2, off},
		"security off, made early":  {want{MAC: mac, Options: object{"neutron.port_security": "off", "neutron.port.name": "mine"}}, 2, off},
		"security off, made late":   {want{MAC: mac, Options: object{"neutron.port_security": "0", "neutron.port.name": "mine"}, IPs: map[bool]string{false: "10.2.0.77"}}, 2, off},
		"with an empty option":      {want{MAC: own.MAC, Options: object{"neutron.security_groups": ""}, IPs: ownIP}, 2, wishesOf(own)},
		"a name and nothing else":   {want{MAC: own.MAC, Options: object{"neutron.port.name": "other"}, IPs: ownIP}, 2, wished{"other", own.SecurityGroups, nil, true}},
		"another's option is noise": {want{MAC: own.MAC, Options: object{"weave.something": "x"}, IPs: ownIP}, 2, wishesOf(own)},
	} {
		t.Run(name, func(t *testing.T) {
			var e dockerEndpoint
			atMost(t, "start", test.calls+c.tagging(), c.counted(func() { e = got(p.connect(n, test.want))(t) }))
			if diff := cmp.Diff(test.is, wishesOf(c.port(t, e.ip(n, false)))); diff != "" {
				t.Error(diff)
			}
			must(t, p.Settle(ctx))
			if now := c.port(t, e.ip(n, false)); now.Name != test.is.Name || now.DeviceID != e.ID {
				t.Errorf("after settling the port is %+v", now)
			}
			p.disconnect(n, e)
			must(t, p.Settle(ctx))
			if diff := cmp.Diff(before, c.state(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func with(o object, key string, value any) object {
	more := object{key: value}
	for k, v := range o {
		more[k] = v
	}
	return more
}

func TestEndpointOptionsThatCannotBe(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	tn := c.tenant(t, "10.2.0.0/24", "")
	own := c.userPort(t, tn)
	for range 2 {
		got(c.Service.CreateSecurityGroup(ctx, zun.SecurityGroupSpec{Name: "twins", ProjectID: tn.Net.ProjectID}))(t)
	}
	got(c.Service.CreateSecurityGroup(ctx, zun.SecurityGroupSpec{Name: "ours alone"}))(t)
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
	a := ask{Subnets: []string{"10.2.0.0/24"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	before := c.state(t)
	const nobody = "11111111-1111-1111-1111-111111111111"
	for name, test := range map[string]struct {
		options object
		says    string
	}{
		"unknown":                  {object{"neutron.sg": "web"}, "neutron.sg is not known"},
		"misspelt":                 {object{"neutron.security_group": "web"}, "neutron.security_groups"},
		"no text":                  {object{"neutron.port.name": 7}, "not a text"},
		"unknown group":            {object{"neutron.security_groups": "nowhere"}, "nowhere does not exist"},
		"unknown group's uuid":     {object{"neutron.security_groups": nobody}, nobody},
		"group named twice":        {object{"neutron.security_groups": "twins"}, "2 of security group"},
		"another project's group":  {object{"neutron.security_groups": "ours alone"}, "does not exist"},
		"QoS where there is none":  {object{"neutron.qos_policy": "gold"}, "extension qos"},
		"pair without an address":  {object{"neutron.allowed_address_pairs": "everything"}, "IP[/LENGTH][,MAC]"},
		"pair with a bad MAC":      {object{"neutron.allowed_address_pairs": "10.0.0.1,x"}, "IP[/LENGTH][,MAC]"},
		"pair twice":               {object{"neutron.allowed_address_pairs": "10.0.0.1,02:00:00:00:00:01;10.0.0.1,02-00-00-00-00-01"}, "duplicate"},
		"neither true nor false":   {object{"neutron.port_security": "maybe"}, "true or false"},
		"no security, but a group": {object{"neutron.port_security": "false", "neutron.security_groups": "default"}, "leave them out"},
	} {
		if realServices() != nil && name == "QoS where there is none" {
			continue // there it is
		}
		for when, ips := range map[string]map[bool]string{
			"early": nil, "late": {false: "10.2.0.77"}, "taken": {false: own.FixedIPs[0].IP.String()},
		} {
			t.Run(name+" "+when, func(t *testing.T) {
				e, err := p.connect(n, want{Options: test.options, IPs: ips})
				if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), ": 500") || strings.Contains(err.Error(), ": 404") {
					t.Errorf("got %v %v, want an error with %q", e, err, test.says)
				}
				must(t, p.Settle(ctx))
				if diff := cmp.Diff(before, c.state(t)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestPortReassignedMeanwhile: what others did with a port before it is given back stays.
// The port was bound and given a device by whoever handed it over, and its MAC replaced by
// Docker's, so that giving back has something to do.
func TestPortReassignedMeanwhile(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	tn := c.tenant(t, "10.2.0.0/24", "")
	text := func(s string) *string { return &s }
	for name, test := range map[string]struct {
		change     zun.PortChange
		host, kept string // afterwards
	}{
		"released":                 {zun.PortChange{Host: text(""), DeviceID: text(""), DeviceOwner: text("")}, "", ""},
		"only unbound":             {zun.PortChange{Host: text("")}, "", "container"},
		"another device's":         {zun.PortChange{DeviceID: text("another")}, host, "another"},
		"another host's":           {zun.PortChange{Host: text("elsewhere")}, "elsewhere", "container"},
		"another device elsewhere": {zun.PortChange{Host: text("elsewhere"), DeviceID: text("another")}, "elsewhere", "another"},
		"as it was":                {zun.PortChange{}, host, "container"},
	} {
		t.Run(name, func(t *testing.T) {
			node := got(c.Service.CreatePort(ctx, zun.PortSpec{
				Name: "zun", NetworkID: tn.Net.ID, ProjectID: tn.Net.ProjectID, DeviceID: "container", DeviceOwner: zun.DeviceOwner, Host: host,
			}))(t)
			p := mustPlugin(t, settings{Neutron: c.Service, Binder: &ledger{plugged: map[string]bool{}}})
			a := ask{Subnets: []string{"10.2.0.0/24"}}
			a.IPAM, a.Options = byID(tn)
			n := got(p.createNetwork(a))(t)
			e := got(p.connect(n, want{IPs: map[bool]string{false: node.FixedIPs[0].IP.String()}, Options: object{"neutron.port.uuid": node.ID}}))(t)
			must(t, p.Settle(ctx))
			got(c.Service.UpdatePort(ctx, node.ID, test.change))(t)
			p.disconnect(n, e)
			must(t, p.Settle(ctx))
			now := c.port(t, node.FixedIPs[0].IP)
			if now.Host != test.host || now.DeviceID != test.kept {
				t.Errorf("port has host %q and device %q, want %q and %q", now.Host, now.DeviceID, test.host, test.kept)
			}
			for _, tag := range now.Tags {
				if strings.HasPrefix(tag, "kuryr.net.uuid") {
					t.Errorf("tags of ours are left: %v", now.Tags)
				}
			}
			must(t, p.removeNetwork(n))
			must(t, c.Service.DeletePort(ctx, node.ID))
		})
	}
}

// The port was made for the endpoint to come, and then the records were lost: the endpoint
// inherits it, and what its user wishes counts, the name too.
func TestWishesOnAnInheritedPort(t *testing.T) {
	c, ctx := mustCloud(t), context.Background()
	tn := c.tenant(t, "10.2.0.0/24", "")
	binder := &ledger{plugged: map[string]bool{}}
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: binder})
	a := ask{Subnets: []string{"10.2.0.0/24"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	const mac = "02:00:00:00:00:07"
	granted := got(p.try("IpamDriver.RequestAddress", object{"PoolID": n.Pools[0].ID, "Options": object{"com.docker.network.endpoint.macaddress": mac}}))(t)["Address"].(string)
	made := c.port(t, netip.MustParsePrefix(granted).Addr())

	p = mustPlugin(t, settings{Neutron: c.Service, Binder: binder})
	e := dockerEndpoint{ID: p.id(), MAC: mac, Addresses: map[string]string{n.Pools[0].ID: granted}, Created: true}
	got(p.try("NetworkDriver.CreateEndpoint", object{
		"NetworkID": n.ID, "EndpointID": e.ID, "Interface": object{"MacAddress": mac, "Address": granted},
		"Options": object{"neutron.port.name": "front", "neutron.security_groups": "default"},
	}))(t)
	must(t, p.Settle(ctx))
	now := got(c.Service.Port(ctx, made.ID))(t)
	if now.Name != "front" || now.DeviceID != e.ID || !slices.Contains(now.Tags, "compute:kuryr") {
		t.Errorf("the port is %+v", now)
	}
	p.disconnect(n, e)
	if _, err := c.Service.Port(ctx, made.ID); !zun.IsNotFound(err) {
		t.Errorf("the port is there still: %v", err)
	}
}
