package network_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gozun/gozun/internal/minicloud"
)

func (c *cloud) desired() minicloud.Desired {
	c.tb.Helper()
	wanted, err := c.service.Desired(context.Background())
	if err != nil {
		c.tb.Fatal(err)
	}
	return wanted
}

func (c *cloud) changed() bool {
	select {
	case <-c.service.Changed():
		return true
	default:
		return false
	}
}

// byString compares the netip types, whose fields are hidden.
func byString() cmp.Option {
	type stringer interface{ String() string }
	return cmp.FilterValues(func(a, b any) bool {
		_, ok := a.(stringer)
		_, ok2 := b.(stringer)
		return ok && ok2
	}, cmp.Comparer(func(a, b any) bool { return a.(stringer).String() == b.(stringer).String() }))
}

func TestDesired(t *testing.T) {
	c := newCloud(t)
	demo, agent := c.demo(), c.agent()
	demo.make("network", object{"name": "empty"})
	lone := demo.make("network", object{"name": "no gateway", "mtu": 1400})
	loneSub := demo.make("subnet", object{"network_id": id(lone), "cidr": "10.1.0.0/24", "gateway_ip": nil})
	if wanted := c.desired(); len(wanted.Networks) != 0 {
		t.Errorf("wanted before any use: %v", wanted)
	}
	routed, routedSub := demo.net("10.0.0.0/24")
	remote := demo.make("security_group", object{"name": "remote"})
	group := demo.make("security_group", object{"name": "web"})
	for _, rule := range demo.list("/security-group-rules?security_group_id=" + id(group)) {
		demo.must("DELETE", "/security-group-rules/"+id(rule), nil)
	}
	demo.make("security_group_rule", object{"security_group_id": id(group), "direction": "ingress", "protocol": "tcp", "port_range_min": 80, "port_range_max": 81, "remote_group_id": id(remote)})
	demo.make("security_group_rule", object{"security_group_id": id(group), "direction": "egress", "protocol": "icmp", "ethertype": "IPv6", "remote_ip_prefix": "fd00::/64"})
	port := agent.make("port", object{
		"network_id": id(lone), "project_id": "demo", "binding:host_id": thisHost, "mac_address": "02:00:00:00:00:01",
		"security_groups": []string{id(group)},
	})
	agent.must("PUT", "/networks/"+id(lone)+"/tags/x", nil)
	demo.make("port", object{"network_id": id(routed)}) // not bound: not wanted
	if !c.changed() || c.changed() {
		t.Error("changes must be told, merged")
	}
	// The unbound port's owner may not set allowed pairs as a service; the owner may.
	demo.must("PUT", "/ports/"+id(port), object{"port": object{"allowed_address_pairs": []object{{"ip_address": "10.5.0.0/16"}, {"ip_address": "10.6.0.1", "mac_address": "02:00:00:00:00:02"}}}})

	want := []minicloud.Network{
		{
			ID: id(routed), Index: 1, MTU: 1500,
			Subnets: []minicloud.Subnet{{ID: id(routedSub), CIDR: netip.MustParsePrefix("10.0.0.0/24"), Gateway: netip.MustParseAddr("10.0.0.1")}},
		},
		{
			ID: id(lone), Index: 2, MTU: 1400,
			Subnets: []minicloud.Subnet{{ID: id(loneSub), CIDR: netip.MustParsePrefix("10.1.0.0/24")}},
			Ports: []minicloud.Port{{
				ID: id(port), Index: 1, MAC: "02:00:00:00:00:01", IPs: []netip.Addr{netip.MustParseAddr("10.1.0.1")},
				AllowedPairs: []minicloud.AddressPair{
					{Prefix: netip.MustParsePrefix("10.5.0.0/16")},
					{MAC: "02:00:00:00:00:02", Prefix: netip.MustParsePrefix("10.6.0.1/32")},
				},
				PortSecurity: true, AdminUp: true, Groups: []string{id(group)},
			}},
		},
	}
	got := c.desired()
	if diff := cmp.Diff(want, got.Networks, byString()); diff != "" {
		t.Error(diff)
	}
	wantRules := []minicloud.Rule{
		{Ingress: true, Protocol: 6, PortMin: 80, PortMax: 81, RemoteGroup: id(remote)},
		{IPv6: true, Protocol: 58, PortMin: -1, PortMax: -1, RemotePrefix: netip.MustParsePrefix("fd00::/64")},
	}
	if len(got.Groups) != 2 {
		t.Fatalf("groups %v", got.Groups)
	}
	for _, g := range got.Groups {
		if g.ID == id(group) {
			if diff := cmp.Diff(wantRules, g.Rules, byString()); diff != "" {
				t.Error(diff)
			}
		}
	}
	demo.must("DELETE", "/ports/"+id(port), nil)
	if got := c.desired(); len(got.Networks) != 1 || len(got.Groups) != 0 {
		t.Errorf("after the port is gone: %v", got)
	}
}

func TestPortStatusFollowsThePlug(t *testing.T) {
	c := newCloud(t)
	admin := c.admin()
	net, _ := admin.net("10.0.0.0/24")
	port := admin.make("port", object{"network_id": id(net), "binding:host_id": thisHost})
	status := func() any { return admin.must("GET", "/ports/"+id(port), nil)["status"] }
	plug := func(id string, plugged bool) {
		t.Helper()
		if err := c.service.PortPlugged(context.Background(), id, plugged); err != nil {
			t.Fatal(err)
		}
	}
	plug("gone", true)
	c.changed()
	plug(id(port), true)
	plug(id(port), true)
	if status() != "ACTIVE" || c.changed() {
		t.Errorf("status %v after plugging", status())
	}
	admin.must("PUT", "/ports/"+id(port), object{"port": object{"admin_state_up": false}})
	if status() != "DOWN" {
		t.Errorf("status %v while administratively down", status())
	}
	admin.must("PUT", "/ports/"+id(port), object{"port": object{"admin_state_up": true}})
	if status() != "ACTIVE" {
		t.Errorf("status %v when up again", status())
	}
	admin.must("PUT", "/ports/"+id(port), object{"port": object{"binding:host_id": ""}})
	if status() != "DOWN" {
		t.Errorf("status %v when unbound", status())
	}
	plug(id(port), false)
}
