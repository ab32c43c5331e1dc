package libnetwork_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

// userPort makes a port as a user does: with all the tenant's subnets.
func (c *cloud) userPort(tb testing.TB, t tenant) zun.Port {
	tb.Helper()
	spec := zun.PortSpec{Name: "mine", NetworkID: t.Net.ID, FixedIPs: []zun.Address{{SubnetID: t.V4.ID}}, Tags: []string{"keep"}}
	if t.V6.ID != "" {
		spec.FixedIPs = append(spec.FixedIPs, zun.Address{SubnetID: t.V6.ID})
	}
	return got(c.Demo.CreatePort(context.Background(), spec))(tb)
}

func TestUsersPortComesBackAsItWas(t *testing.T) {
	c := mustCloud(t)
	binder, _ := mustBinder(t)
	tn := c.tenant(t, "10.2.0.0/24", "")
	own := c.userPort(t, tn)
	ip := map[bool]string{false: own.FixedIPs[0].IP.String()}
	for name, w := range map[string]want{
		"found by its address":          {IPs: ip, MAC: own.MAC},
		"found, with another MAC":       {IPs: ip},
		"handed over":                   {IPs: ip, MAC: own.MAC, Options: object{"neutron.port.uuid": own.ID}},
		"handed over, with another MAC": {IPs: ip, Options: object{"neutron.port.uuid": strings.ToUpper(own.ID)}},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustPlugin(t, settings{Neutron: c.Service, Binder: binder})
			a := ask{Subnets: []string{"10.2.0.0/24"}}
			a.IPAM, a.Options = byID(tn)
			n := got(p.createNetwork(a))(t)
			before := c.state(t)
			var e dockerEndpoint
			atMost(t, "start", 2, c.counted(func() { e = got(p.connect(n, w))(t) }))
			now := c.port(t, e.ip(n, false))
			if now.ID != own.ID || now.Host != host || now.DeviceOwner != zun.DeviceOwner || now.DeviceID != e.ID || now.MAC != e.MAC || now.Name != "mine" {
				t.Errorf("taken port is %+v", now)
			}
			must(t, p.Settle(context.Background()))
			if diff := cmp.Diff(4, len(c.port(t, e.ip(n, false)).Tags)); diff != "" {
				t.Error(diff)
			}
			limit := 2
			if realServices() != nil {
				limit = 4 // where its own agents may change the port between our look and our change
			}
			atMost(t, "stop", limit, c.counted(func() { p.disconnect(n, e) }))
			must(t, p.Settle(context.Background()))
			if diff := cmp.Diff(before, c.state(t)); diff != "" {
				t.Error(diff)
			}
			must(t, p.removeNetwork(n))
		})
	}
}

func TestPortBoundByOthersIsLeftAlone(t *testing.T) {
	c := mustCloud(t)
	binder, _ := mustBinder(t)
	tn := c.tenant(t, "10.2.0.0/24", "")
	node := got(c.Service.CreatePort(context.Background(), zun.PortSpec{
		Name: "zun", NetworkID: tn.Net.ID, ProjectID: tn.Net.ProjectID, DeviceID: "container", DeviceOwner: zun.DeviceOwner, Host: host,
	}))(t)
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: binder})
	a := ask{Subnets: []string{"10.2.0.0/24"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	before := c.state(t)
	w := want{IPs: map[bool]string{false: node.FixedIPs[0].IP.String()}, MAC: node.MAC, Options: object{"neutron.port.uuid": node.ID}}
	for range 2 { // a restarted sandbox asks again
		var e dockerEndpoint
		atMost(t, "start", 1, c.counted(func() { e = got(p.connect(n, w))(t) }))
		must(t, p.Settle(context.Background()))
		if diff := cmp.Diff(before, c.state(t)); diff != "" {
			t.Error(diff)
		}
		atMost(t, "stop", 0, c.counted(func() { p.disconnect(n, e) }))
	}
	t.Run("with a MAC that Docker made up", func(t *testing.T) {
		w.MAC = ""
		e := got(p.connect(n, w))(t)
		if now := c.port(t, e.ip(n, false)); now.MAC != e.MAC || now.Host != host || now.VIFType != node.VIFType {
			t.Errorf("port is %+v", now)
		}
		p.disconnect(n, e)
		again := got(p.connect(n, w))(t) // while giving back is owed
		p.disconnect(n, again)
		must(t, p.Settle(context.Background()))
		if diff := cmp.Diff(before, c.state(t)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPortsThatAreNotFree(t *testing.T) {
	c := mustCloud(t)
	binder, _ := mustBinder(t)
	tn, ctx := c.tenant(t, "10.2.0.0/24", ""), context.Background()
	other := c.tenant(t, "10.9.0.0/24", "")
	make := func(spec zun.PortSpec) zun.Port {
		spec.NetworkID, spec.ProjectID = tn.Net.ID, tn.Net.ProjectID
		return got(c.Service.CreatePort(ctx, spec))(t)
	}
	vm := make(zun.PortSpec{DeviceID: "vm", DeviceOwner: "compute:nova", Host: "elsewhere"})
	elsewhere := make(zun.PortSpec{DeviceID: "c", DeviceOwner: zun.DeviceOwner, Host: "elsewhere"})
	lent := make(zun.PortSpec{DeviceID: "something"})
	free := make(zun.PortSpec{})
	foreign := got(c.Demo.CreatePort(ctx, zun.PortSpec{NetworkID: other.Net.ID}))(t)
	p := mustPlugin(t, settings{Neutron: c.Service, Binder: binder})
	a := ask{Subnets: []string{"10.2.0.0/24"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(t)
	holder := got(p.connect(n, want{}))(t)
	must(t, p.Settle(ctx))
	at := func(port zun.Port) map[bool]string { return map[bool]string{false: port.FixedIPs[0].IP.String()} }
	before := c.state(t)
	for name, test := range map[string]struct {
		want want
		says string
	}{
		"a VM's":              {want{IPs: at(vm)}, "compute:nova"},
		"a VM's, handed over": {want{IPs: at(vm), MAC: vm.MAC, Options: object{"neutron.port.uuid": vm.ID}}, "not free"},
		"bound elsewhere":     {want{IPs: at(elsewhere), MAC: elsewhere.MAC, Options: object{"neutron.port.uuid": elsewhere.ID}}, "elsewhere"},
		"with a device":       {want{IPs: at(lent)}, "something"},
		"another address's":   {want{IPs: map[bool]string{false: "10.2.0.99"}, Options: object{"neutron.port.uuid": free.ID}}, "10.2.0.99"},
		"of another network":  {want{IPs: at(free), Options: object{"neutron.port.uuid": foreign.ID}}, other.Net.ID},
		"unknown":             {want{IPs: at(free), Options: object{"neutron.port.uuid": "11111111-1111-1111-1111-111111111111"}}, "11111111"},
		"no uuid":             {want{IPs: at(free), Options: object{"neutron.port.uuid": "x"}}, "not a uuid"},
		"without its address": {want{Options: object{"neutron.port.uuid": free.ID}}, "--ip"},
		"another container's": {want{IPs: map[bool]string{false: holder.ip(n, false).String()}}, "in use"},
		"the gateway's":       {want{IPs: map[bool]string{false: "10.2.0.1"}}, "gateway"},
		"outside":             {want{IPs: map[bool]string{false: "10.3.0.1"}}, "not in"},
		"MAC in use":          {want{MAC: holder.MAC}, "in use"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := p.connect(n, test.want)
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), ": 5") {
				t.Errorf("got %v %v, want an error with %q", e, err, test.says)
			}
			must(t, p.Settle(context.Background()))
			if diff := cmp.Diff(before, c.state(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if netip.MustParseAddr("10.2.0.1") == holder.ip(n, false) {
		t.Error("the gateway's address was given away")
	}
	p.disconnect(n, holder) // a real switch's namespace does not end with the test
}
