package network_test

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func names(rows []object) []string {
	list := []string{}
	for _, row := range rows {
		list = append(list, row["name"].(string))
	}
	return list
}

func TestProjectsDoNotSeeEachOther(t *testing.T) {
	c := newCloud(t)
	demo, other, admin := c.demo(), c.other(), c.admin()
	net, sub := demo.net("10.0.0.0/24")
	pool := demo.make("subnetpool", object{"name": "p", "prefixes": []string{"10.0.0.0/8"}})
	port := demo.make("port", object{"network_id": id(net)})
	group := demo.make("security_group", object{"name": "g"})
	for path, kind := range map[string]string{
		"/networks/" + id(net): "NetworkNotFound", "/subnets/" + id(sub): "SubnetNotFound", "/subnetpools/" + id(pool): "SubnetPoolNotFound",
		"/ports/" + id(port): "PortNotFound", "/security-groups/" + id(group): "SecurityGroupNotFound",
	} {
		other.refuses("GET", path, nil, 404, kind, "")
		other.refuses("DELETE", path, nil, 404, kind, "")
		other.refuses("PUT", path+"/tags/x", nil, 404, "TagResourceNotFound", "")
		list := path[:strings.LastIndex(path, "/")]
		if rows := other.list(list + "?name=" + url.QueryEscape("g")); list == "/security-groups" && len(rows) != 0 {
			t.Errorf("%s: %v", list, rows)
		}
		if rows := other.list(list); list != "/security-groups" && len(rows) != 0 {
			t.Errorf("%s: %v", list, rows)
		}
		if rows := admin.list(list + "?project_id=demo"); len(rows) == 0 {
			t.Errorf("the administrator sees nothing at %s", list)
		}
	}
	other.refuses("POST", "/ports", object{"port": object{"network_id": id(net)}}, 404, "NetworkNotFound", "")
	other.refuses("POST", "/subnets", object{"subnet": object{"network_id": id(net), "cidr": "10.1.0.0/24"}}, 404, "NetworkNotFound", "")
	mine, _ := other.net("10.0.0.0/24") // the same range, side by side
	other.refuses("POST", "/ports", object{"port": object{"network_id": id(mine), "security_groups": []string{id(group)}}}, 404, "SecurityGroupNotFound", "")
}

func TestSharedNetwork(t *testing.T) {
	c := newCloud(t)
	admin, other := c.admin(), c.other()
	net := admin.make("network", object{"name": "shared", "shared": true, "project_id": "demo"})
	sub := admin.make("subnet", object{"network_id": id(net), "cidr": "10.0.0.0/24", "project_id": "demo"})
	pool := admin.make("subnetpool", object{"name": "shared", "prefixes": []string{"10.8.0.0/16"}, "shared": true, "default_prefixlen": 24})

	port := other.make("port", object{"network_id": id(net), "fixed_ips": []object{{"subnet_id": id(sub)}}})
	if port["project_id"] != "other" {
		t.Errorf("port %v", port)
	}
	other.refuses("POST", "/ports", object{"port": object{"network_id": id(net), "fixed_ips": []object{{"ip_address": "10.0.0.77"}}}}, 403, "PolicyNotAuthorized", "fixed_ips:ip_address")
	other.refuses("POST", "/ports", object{"port": object{"network_id": id(net), "mac_address": "02:00:00:00:00:01"}}, 403, "PolicyNotAuthorized", "mac_address")
	other.refuses("PUT", "/networks/"+id(net), object{"network": object{"name": "mine"}}, 403, "PolicyNotAuthorized", "update_network")
	other.refuses("DELETE", "/networks/"+id(net), nil, 403, "PolicyNotAuthorized", "delete_network")
	other.refuses("PUT", "/networks/"+id(net)+"/tags/x", nil, 403, "PolicyNotAuthorized", "update_network")
	other.refuses("POST", "/subnets", object{"subnet": object{"network_id": id(net), "cidr": "10.1.0.0/24"}}, 403, "PolicyNotAuthorized", "create_subnet")
	other.must("GET", "/subnets/"+id(sub), nil)
	mine := other.make("network", object{"name": "mine"})
	cut := other.make("subnet", object{"network_id": id(mine), "subnetpool_id": id(pool)})
	if cut["cidr"] != "10.8.0.0/24" {
		t.Errorf("cut %v", cut)
	}
	third := user{c, "third:member"}
	if rows := third.list("/ports"); len(rows) != 0 {
		t.Errorf("a third project sees ports on a shared network: %v", rows)
	}
	demo := c.demo()
	if rows := demo.list("/ports?network_id=" + id(net)); len(rows) != 1 {
		t.Errorf("the network's owner sees %v", rows)
	}
	admin.refuses("PUT", "/networks/"+id(net), object{"network": object{"shared": false}}, 409, "InvalidSharedSetting", "")
	demo.must("DELETE", "/ports/"+id(port), nil)
	admin.must("PUT", "/networks/"+id(net), object{"network": object{"shared": false}})
}

func TestServiceBindsPortsOfAnyProject(t *testing.T) {
	c := newCloud(t)
	demo, agent := c.demo(), c.agent()
	net, sub := demo.net("10.0.0.0/24")
	group := demo.make("security_group", object{"name": "g"})
	port := agent.make("port", object{
		"network_id": id(net), "project_id": "demo", "device_owner": "compute:kuryr", "device_id": "d", "security_groups": []string{id(group)},
		"binding:host_id": thisHost, "mac_address": "02:00:00:00:00:07", "fixed_ips": []object{{"subnet_id": id(sub), "ip_address": "10.0.0.7"}},
	})
	details := object{"connectivity": "l2", "port_filter": true}
	if port["binding:vif_type"] != "bridge" || !cmp.Equal(port["binding:vif_details"], details) || port["status"] != "DOWN" {
		t.Errorf("port %v", port)
	}
	if seen := demo.must("GET", "/ports/"+id(port), nil); seen["binding:vif_type"] != nil || seen["binding:vnic_type"] != "normal" {
		t.Errorf("the owner sees %v", seen)
	}
	agent.refuses("PUT", "/ports/"+id(port), object{"port": object{"mac_address": "02:00:00:00:00:08"}}, 409, "PortBound", "bridge")
	away := agent.must("PUT", "/ports/"+id(port), object{"port": object{"binding:host_id": "elsewhere"}})
	if away["binding:vif_type"] != "binding_failed" {
		t.Errorf("port %v", away)
	}
	free := agent.must("PUT", "/ports/"+id(port), object{"port": object{"binding:host_id": "", "mac_address": "02:00:00:00:00:08"}})
	if free["binding:vif_type"] != "unbound" || free["mac_address"] != "02:00:00:00:00:08" {
		t.Errorf("port %v", free)
	}
	agent.must("PUT", "/networks/"+id(net)+"/tags/kuryr", nil)
	agent.must("DELETE", "/ports/"+id(port), nil)
	agent.refuses("DELETE", "/networks/"+id(net), nil, 403, "PolicyNotAuthorized", "delete_network")
	own := agent.make("network", object{"name": "mine"})
	agent.must("DELETE", "/networks/"+id(own), nil)
}

func TestDefaultGroupIsMadeOnFirstUse(t *testing.T) {
	c := newCloud(t)
	demo := c.demo()
	groups := demo.list("/security-groups")
	if diff := cmp.Diff([]string{"default"}, names(groups)); diff != "" {
		t.Fatal(diff)
	}
	var rules []string
	for _, rule := range groups[0]["security_group_rules"].([]any) {
		r := rule.(object)
		remote := "any"
		if r["remote_group_id"] == id(groups[0]) {
			remote = "itself"
		}
		rules = append(rules, r["direction"].(string)+" "+r["ethertype"].(string)+" "+remote)
	}
	slices.Sort(rules)
	if diff := cmp.Diff([]string{"egress IPv4 any", "egress IPv6 any", "ingress IPv4 itself", "ingress IPv6 itself"}, rules); diff != "" {
		t.Error(diff)
	}
	net, _ := demo.net("10.0.0.0/24")
	port := demo.make("port", object{"network_id": id(net)})
	if diff := cmp.Diff([]any{id(groups[0])}, port["security_groups"]); diff != "" {
		t.Error(diff)
	}
	demo.refuses("DELETE", "/security-groups/"+id(groups[0]), nil, 409, "SecurityGroupInUse", id(groups[0]))
	demo.must("PUT", "/ports/"+id(port), object{"port": object{"security_groups": []string{}}})
	demo.refuses("DELETE", "/security-groups/"+id(groups[0]), nil, 409, "SecurityGroupCannotRemoveDefault", "")
	demo.refuses("PUT", "/security-groups/"+id(groups[0]), object{"security_group": object{"name": "x"}}, 409, "SecurityGroupCannotUpdateDefault", "")
}

func TestGroupTakesRulesThatNameItAway(t *testing.T) {
	demo := newCloud(t).demo()
	a, b := demo.make("security_group", object{"name": "a"}), demo.make("security_group", object{"name": "b"})
	demo.make("security_group_rule", object{"security_group_id": id(a), "direction": "ingress", "remote_group_id": id(b)})
	demo.must("DELETE", "/security-groups/"+id(b), nil)
	if rows := demo.list("/security-group-rules?direction=ingress&security_group_id=" + id(a)); len(rows) != 0 {
		t.Errorf("rules left: %v", rows)
	}
}

func TestIPv6(t *testing.T) {
	demo := newCloud(t).demo()
	net, _ := demo.net("10.0.0.0/24")
	plain := demo.make("subnet", object{"network_id": id(net), "cidr": "fd00:1::/64", "ip_version": 6})
	auto := demo.make("subnet", object{"network_id": id(net), "cidr": "fd00:2::/64", "ip_version": 6, "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"})
	port := demo.make("port", object{"network_id": id(net), "mac_address": "fa:16:3e:00:00:01"})
	if diff := cmp.Diff([]string{"10.0.0.2", "fd00:1::2", "fd00:2::f816:3eff:fe00:1"}, addressesOf(port)); diff != "" {
		t.Error(diff)
	}
	if plain["gateway_ip"] != "fd00:1::1" || auto["ipv6_ra_mode"] != "slaac" {
		t.Errorf("subnets %v %v", plain, auto)
	}
	demo.refuses("POST", "/ports", object{"port": object{"network_id": id(net), "fixed_ips": []object{{"ip_address": "fd00:2::9"}}}}, 400, "AllocationOnAutoAddressSubnet", "fd00:2::9")
	if rows := demo.list("/ports?fixed_ips=ip_address%3Dfd00:0001:0::2"); len(rows) != 1 {
		t.Errorf("found %v", rows)
	}
	demo.must("DELETE", "/subnets/"+id(auto), nil)
	if diff := cmp.Diff([]string{"10.0.0.2", "fd00:1::2"}, addressesOf(demo.must("GET", "/ports/"+id(port), nil))); diff != "" {
		t.Error(diff)
	}
}

func TestExhaustion(t *testing.T) {
	demo := newCloud(t).demo()
	net := demo.make("network", object{})
	demo.make("subnet", object{"network_id": id(net), "cidr": "10.0.0.0/29", "gateway_ip": nil, "allocation_pools": []object{{"start": "10.0.0.3", "end": "10.0.0.4"}}})
	a := demo.make("port", object{"network_id": id(net)})
	demo.make("port", object{"network_id": id(net)})
	demo.refuses("POST", "/ports", object{"port": object{"network_id": id(net)}}, 409, "IpAddressGenerationFailure", id(net))
	demo.must("DELETE", "/ports/"+id(a), nil)
	again := demo.make("port", object{"network_id": id(net)})
	if diff := cmp.Diff(addressesOf(a), addressesOf(again)); diff != "" {
		t.Error(diff)
	}
	// Outside the pools, but on the subnet: only by name.
	if p := demo.make("port", object{"network_id": id(net), "fixed_ips": []object{{"ip_address": "10.0.0.6"}}}); addressesOf(p)[0] != "10.0.0.6" {
		t.Errorf("port %v", p)
	}
}

func TestUpdateOfFixedIPs(t *testing.T) {
	demo := newCloud(t).demo()
	net, sub := demo.net("10.0.0.0/24")
	port := demo.make("port", object{"network_id": id(net), "fixed_ips": []object{{"ip_address": "10.0.0.5"}, {"ip_address": "10.0.0.6"}}})
	change := func(fixed ...object) []string {
		fixed = append([]object{}, fixed...) // none is a list too
		return addressesOf(demo.must("PUT", "/ports/"+id(port), object{"port": object{"fixed_ips": fixed}}))
	}
	if diff := cmp.Diff([]string{"10.0.0.6"}, change(object{"ip_address": "10.0.0.6"})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"10.0.0.6"}, change(object{"subnet_id": id(sub)})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"10.0.0.9"}, change(object{"subnet_id": id(sub), "ip_address": "10.0.0.9"})); diff != "" {
		t.Error(diff)
	}
	if got := change(); len(got) != 0 {
		t.Errorf("addresses %v", got)
	}
	demo.make("port", object{"network_id": id(net), "fixed_ips": []object{{"ip_address": "10.0.0.9"}}})
}

func TestBulkIsAllOrNothing(t *testing.T) {
	demo := newCloud(t).demo()
	status, answer := demo.call("POST", "/networks", object{"networks": []object{{"name": "a"}, {"name": "b"}}})
	if status != 201 || len(answer["networks"].([]any)) != 2 {
		t.Fatalf("got %d %v", status, answer)
	}
	net, _ := demo.net("10.0.0.0/29")
	one := object{"network_id": id(net)}
	demo.refuses("POST", "/ports", object{"ports": []object{one, one, one, one, one, one}}, 409, "IpAddressGenerationFailure", "")
	if rows := demo.list("/ports"); len(rows) != 0 {
		t.Errorf("ports left: %v", rows)
	}
	status, answer = demo.call("POST", "/ports", object{"ports": []object{one, one, one, one, one}})
	if status != 201 {
		t.Fatalf("the addresses of the refused request did not come back: %d %v", status, answer)
	}
}

func TestListsInParts(t *testing.T) {
	demo := newCloud(t).demo()
	for _, name := range []string{"d", "b", "a", "c", "e"} {
		demo.make("network", object{"name": name, "description": "x" + name, "admin_state_up": name != "e"})
	}
	for path, want := range map[string][]string{
		"/networks":                             {"d", "b", "a", "c", "e"},
		"/networks?sort_key=name&sort_dir=asc":  {"a", "b", "c", "d", "e"},
		"/networks?sort_key=name&sort_dir=desc": {"e", "d", "c", "b", "a"},
		"/networks?sort_key=admin_state_up&sort_key=name&sort_dir=asc&sort_dir=desc": {"e", "d", "c", "b", "a"},
		"/networks?name=a&name=e":         {"a", "e"},
		"/networks?name=a&description=xb": {},
		"/networks?admin_state_up=False":  {"e"},
		"/networks?name=":                 {},
		"/networks?mtu=1500&name=c":       {"c"},
		"/networks.json?name=c":           {"c"},
		"/networks/?name=c":               {"c"},
	} {
		if diff := cmp.Diff(want, names(demo.list(path))); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	if diff := cmp.Diff([]object{{"name": "c"}}, demo.list("/networks?name=c&fields=name&fields=nonsense")); diff != "" {
		t.Error(diff)
	}
	var forward []string
	next := "/networks?limit=2&sort_key=name&sort_dir=asc"
	for range 5 {
		if next == "" {
			break
		}
		_, answer := demo.call("GET", next, nil)
		next = ""
		for _, row := range answer["networks"].([]any) {
			forward = append(forward, row.(object)["name"].(string))
		}
		for _, l := range answer["networks_links"].([]any) {
			if l.(object)["rel"] == "next" {
				_, next, _ = strings.Cut(l.(object)["href"].(string), "/v2.0")
			}
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, forward); diff != "" {
		t.Error(diff)
	}
	last := id(demo.list("/networks?name=e")[0])
	back := demo.list("/networks?limit=2&sort_key=name&sort_dir=asc&page_reverse=True&marker=" + last)
	if diff := cmp.Diff([]string{"c", "d"}, names(back)); diff != "" {
		t.Error(diff)
	}
}

func TestFixedIPFilter(t *testing.T) {
	demo := newCloud(t).demo()
	net, a := demo.net("10.0.0.0/24")
	b := demo.make("subnet", object{"network_id": id(net), "cidr": "10.0.1.0/24"})
	demo.make("port", object{"name": "a", "network_id": id(net), "fixed_ips": []object{{"ip_address": "10.0.0.5"}}})
	demo.make("port", object{"name": "b", "network_id": id(net), "fixed_ips": []object{{"ip_address": "10.0.1.5"}}})
	demo.make("port", object{"name": "both", "network_id": id(net), "fixed_ips": []object{{"ip_address": "10.0.0.6"}, {"ip_address": "10.0.1.6"}}})
	for query, want := range map[string][]string{
		"fixed_ips=subnet_id%3D" + id(a):                                                                    {"a", "both"},
		"fixed_ips=ip_address%3D10.0.0.5&fixed_ips=ip_address%3D10.0.1.5":                                   {"a", "b"},
		"fixed_ips=ip_address=10.0.0.6&fixed_ips=subnet_id=" + id(b):                                        {"both"},
		"fixed_ips=ip_address=10.0.0.5&fixed_ips=subnet_id=" + id(b):                                        {},
		"fixed_ips=subnet_id=" + id(a) + "&fixed_ips=subnet_id=" + id(b) + "&fixed_ips=ip_address=10.0.1.5": {"b"},
		"fixed_ips=ip_address_substr%3D.0.6":                                                                {"both"},
	} {
		if diff := cmp.Diff(want, names(demo.list("/ports?"+query))); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}

func TestTags(t *testing.T) {
	demo := newCloud(t).demo()
	a, b := demo.make("network", object{"name": "a"}), demo.make("network", object{"name": "b"})
	demo.make("network", object{"name": "none"})
	if status, answer := demo.call("PUT", "/networks/"+id(a)+"/tags", object{"tags": []string{"red", "blue"}}); status != 200 || !cmp.Equal(answer["tags"], []any{"blue", "red"}) {
		t.Errorf("got %d %v", status, answer)
	}
	for range 2 {
		if status, _ := demo.call("PUT", "/networks/"+id(b)+"/tags/red%2Fish", nil); status != 201 {
			t.Errorf("got %d", status)
		}
	}
	demo.must("PUT", "/networks/"+id(b)+"/tags/red", nil)
	if status, _ := demo.call("GET", "/networks/"+id(b)+"/tags/red%2Fish", nil); status != 204 {
		t.Errorf("got %d", status)
	}
	for query, want := range map[string][]string{
		"tags=red": {"a", "b"}, "tags=red,blue": {"a"}, "tags-any=blue,red%2Fish": {"a", "b"},
		"not-tags=red,blue": {"b", "none"}, "not-tags-any=red": {"none"},
	} {
		if diff := cmp.Diff(want, names(demo.list("/networks?"+query))); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	demo.must("DELETE", "/networks/"+id(b)+"/tags/red", nil)
	demo.must("DELETE", "/networks/"+id(a)+"/tags", nil)
	if rows := demo.list("/networks?tags=red"); len(rows) != 0 {
		t.Errorf("still tagged: %v", rows)
	}
}

func TestQuotas(t *testing.T) {
	c := newCloud(t)
	demo, admin := c.demo(), c.admin()
	want := object{"network": 100.0, "subnet": 100.0, "subnetpool": -1.0, "port": 500.0, "security_group": 10.0, "security_group_rule": 100.0}
	if diff := cmp.Diff(want, demo.must("GET", "/quotas/demo", nil)); diff != "" {
		t.Error(diff)
	}
	admin.must("PUT", "/quotas/demo", object{"quota": object{"network": 2}})
	demo.refuses("POST", "/networks", object{"networks": []object{{}, {}, {}}}, 409, "OverQuota", "Quota exceeded for resources: ['network'].")
	demo.make("network", object{})
	demo.make("network", object{})
	demo.refuses("POST", "/networks", object{"network": object{}}, 409, "OverQuota", "network")
	if d := demo.must("GET", "/quotas/demo/details.json", nil)["network"]; !cmp.Equal(d, any(object{"limit": 2.0, "used": 2.0, "reserved": 0.0})) {
		t.Errorf("details %v", d)
	}
	if rows := admin.list("/quotas"); len(rows) != 1 || rows[0]["project_id"] != "demo" {
		t.Errorf("quotas %v", rows)
	}
	admin.must("DELETE", "/quotas/demo", nil)
	demo.make("network", object{})
}

func TestIfMatch(t *testing.T) {
	demo := newCloud(t).demo()
	net := demo.make("network", object{})
	path, body := "/networks/"+id(net), object{"network": object{"name": "x"}}
	revision := "revision_number=" + strconv.Itoa(int(net["revision_number"].(float64)))
	if status, answer := demo.call("PUT", path, body, "If-Match", revision); status != 200 {
		t.Errorf("got %d %v", status, answer)
	}
	if status, answer := demo.call("PUT", path, body, "If-Match", revision); status != 412 {
		t.Errorf("got %d %v", status, answer)
	}
	if status, answer := demo.call("PUT", path, body, "If-Match", "x"); status != 400 {
		t.Errorf("got %d %v", status, answer)
	}
}

func TestSubnetPools(t *testing.T) {
	c := newCloud(t)
	demo := c.demo()
	pool := demo.make("subnetpool", object{"name": "p", "prefixes": []string{"10.0.0.0/23", "10.0.2.0/24"}, "default_prefixlen": 24, "default_quota": 1024})
	if !cmp.Equal(pool["prefixes"], any([]any{"10.0.0.0/23", "10.0.2.0/24"})) || pool["ip_version"] != 4.0 || pool["min_prefixlen"] != "8" {
		t.Errorf("pool %v", pool)
	}
	seen := map[any]bool{}
	for range 3 {
		net := demo.make("network", object{})
		sub := demo.make("subnet", object{"network_id": id(net), "subnetpool_id": id(pool)})
		if seen[sub["cidr"]] {
			t.Errorf("%v twice", sub["cidr"])
		}
		seen[sub["cidr"]] = true
	}
	net := demo.make("network", object{})
	full := object{"subnet": object{"network_id": id(net), "subnetpool_id": id(pool)}}
	demo.refuses("POST", "/subnets", full, 409, "SubnetAllocationError", "Insufficient prefix space to allocate subnet size /24")
	grown := demo.must("PUT", "/subnetpools/"+id(pool), object{"subnetpool": object{"prefixes": []string{"10.0.0.0/22", "10.0.8.0/24"}}})
	if !cmp.Equal(grown["prefixes"], any([]any{"10.0.0.0/22", "10.0.8.0/24"})) {
		t.Errorf("pool %v", grown)
	}
	demo.must("POST", "/subnets", full)
	net = demo.make("network", object{})
	demo.refuses("POST", "/subnets", object{"subnet": object{"network_id": id(net), "subnetpool_id": id(pool)}}, 409, "SubnetPoolQuotaExceeded", "quota")
	six := c.admin().make("subnetpool", object{"name": "6", "prefixes": []string{"fd00::/48"}, "is_default": true, "shared": true})
	sub := demo.make("subnet", object{"network_id": id(net), "ip_version": 6, "use_default_subnetpool": true})
	if sub["subnetpool_id"] != id(six) || sub["cidr"] != "fd00::/64" {
		t.Errorf("subnet %v", sub)
	}
}

func TestRestartFindsEverything(t *testing.T) {
	c := newCloud(t)
	demo, agent := c.demo(), c.agent()
	net, _ := demo.net("10.0.0.0/24")
	demo.make("subnet", object{"network_id": id(net), "cidr": "fd00::/64", "ip_version": 6, "ipv6_address_mode": "slaac", "host_routes": []object{{"destination": "fd01::/64", "nexthop": "fd00::9"}}})
	demo.make("subnetpool", object{"name": "p", "prefixes": []string{"10.8.0.0/16"}})
	demo.make("port", object{"network_id": id(net), "allowed_address_pairs": []object{{"ip_address": "10.7.0.0/16"}}, "extra_dhcp_opts": []object{{"opt_name": "mtu", "opt_value": "1400"}}})
	demo.make("port", object{"network_id": id(net), "tags": []string{"t"}})
	bound := agent.make("port", object{"network_id": id(net), "project_id": "demo", "binding:host_id": thisHost, "binding:profile": object{"a": []int{1}}})
	if err := c.service.PortPlugged(context.Background(), id(bound), true); err != nil {
		t.Fatal(err)
	}
	group := demo.make("security_group", object{"name": "g"})
	demo.make("security_group_rule", object{"security_group_id": id(group), "direction": "ingress", "protocol": "icmp", "port_range_min": 8, "port_range_max": 0})
	before := everything(demo)
	wanted, err := c.service.Desired(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c.close()
	c.open()
	if diff := cmp.Diff(before, everything(demo)); diff != "" {
		t.Error(diff)
	}
	again, err := c.service.Desired(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, again, cmp.Comparer(func(a, b interface{ String() string }) bool { return a.String() == b.String() })); diff != "" {
		t.Error(diff)
	}
	if p := demo.make("port", object{"network_id": id(net)}); addressesOf(p)[0] != "10.0.0.5" {
		t.Errorf("the port after the restart has %v", addressesOf(p))
	}
}

// The plugin makes a group for every container that exposes something, in the project of
// the services: what is plenty for a tenant would end Docker's users at the tenth.
func TestServicesHaveNoLimitUntilOneIsSet(t *testing.T) {
	c := newCloud(t)
	services, demo, admin := c.agent(), c.demo(), c.admin()
	group := object{"security_group": object{"name": "exposed"}}
	for range 15 {
		services.must("POST", "/security-groups", group)
	}
	refused := func(u user) bool {
		for range 15 {
			if status, answer := u.call("POST", "/security-groups", group); status != 201 {
				if fault, _ := answer["NeutronError"].(object); status != 409 || fault["type"] != "OverQuota" {
					t.Errorf("%d %v", status, answer)
				}
				return true
			}
		}
		return false
	}
	if !refused(demo) {
		t.Error("a tenant has no limit")
	}
	admin.must("PUT", "/quotas/service", object{"quota": object{"security_group": 20}})
	if !refused(services) {
		t.Error("the limit that an administrator set does not hold")
	}
}
