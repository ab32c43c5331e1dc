package network_test

import (
	"fmt"
	"testing"
)

// wrong is a request that must be refused and change nothing.
type wrong struct {
	method, path string
	body         any
	status       int
	kind, part   string
}

const nowhere = "00000000-0000-4000-8000-000000000000"

func TestRefusals(t *testing.T) {
	c := newCloud(t)
	demo := c.demo()
	net, sub := demo.net("10.0.0.0/24")
	_, far := demo.net("10.9.0.0/24")
	pool := demo.make("subnetpool", object{"name": "pool", "prefixes": []string{"10.8.0.0/16"}})
	port := demo.make("port", object{"network_id": id(net), "mac_address": "02:00:00:00:00:01", "fixed_ips": []object{{"ip_address": "10.0.0.50"}}})
	group := demo.make("security_group", object{"name": "web"})
	rule := demo.make("security_group_rule", object{"security_group_id": id(group), "direction": "ingress", "protocol": "tcp", "port_range_min": 80, "port_range_max": 80})
	newPort := func(attributes object) object {
		attributes["network_id"] = id(net)
		return object{"port": attributes}
	}
	newSubnet := func(attributes object) object {
		if attributes["network_id"] == nil {
			attributes["network_id"] = id(net)
		}
		return object{"subnet": attributes}
	}
	newRule := func(attributes object) object {
		if attributes["security_group_id"] == nil {
			attributes["security_group_id"] = id(group)
		}
		if attributes["direction"] == nil {
			attributes["direction"] = "ingress"
		}
		return object{"security_group_rule": attributes}
	}
	for name, w := range map[string]wrong{
		"unknown network":          {"GET", "/networks/" + nowhere, nil, 404, "NetworkNotFound", nowhere},
		"unknown subnet":           {"GET", "/subnets/x", nil, 404, "SubnetNotFound", "x"},
		"unknown port":             {"DELETE", "/ports/" + nowhere, nil, 404, "PortNotFound", nowhere},
		"unknown pool":             {"PUT", "/subnetpools/" + nowhere, object{"subnetpool": object{}}, 404, "SubnetPoolNotFound", nowhere},
		"unknown group":            {"GET", "/security-groups/" + nowhere, nil, 404, "SecurityGroupNotFound", nowhere},
		"unknown rule":             {"DELETE", "/security-group-rules/" + nowhere, nil, 404, "SecurityGroupRuleNotFound", nowhere},
		"unknown path":             {"GET", "/routers", nil, 404, "HTTPNotFound", ""},
		"unknown method":           {"PATCH", "/networks", nil, 405, "HTTPMethodNotAllowed", "PATCH"},
		"no body":                  {"POST", "/networks", nil, 400, "HTTPBadRequest", "Resource body required"},
		"no JSON":                  {"POST", "/networks", "{", 400, "HTTPBadRequest", "JSON"},
		"two bodies":               {"POST", "/networks", `{"network":{}} {}`, 400, "HTTPBadRequest", "JSON"},
		"another kind":             {"POST", "/networks", object{"port": object{}}, 400, "HTTPBadRequest", "Unable to find 'network'"},
		"no object":                {"POST", "/networks", object{"network": 1}, 400, "HTTPBadRequest", "invalid data"},
		"empty bulk":               {"POST", "/networks", object{"networks": []any{}}, 400, "HTTPBadRequest", "Resources required"},
		"unknown attribute":        {"POST", "/networks", object{"network": object{"colour": 1}}, 400, "HTTPBadRequest", "Unrecognized attribute(s) 'colour'"},
		"name no string":           {"POST", "/networks", object{"network": object{"name": 1}}, 400, "HTTPBadRequest", "Invalid input for name"},
		"name too long":            {"POST", "/networks", object{"network": object{"name": fmt.Sprintf("%0256d", 0)}}, 400, "HTTPBadRequest", "maximum length"},
		"read-only in POST":        {"POST", "/networks", object{"network": object{"status": "DOWN"}}, 400, "HTTPBadRequest", "not allowed in POST"},
		"read-only in PUT":         {"PUT", "/subnets/" + id(sub), object{"subnet": object{"cidr": "10.1.0.0/24"}}, 400, "HTTPBadRequest", "read-only attribute cidr"},
		"no boolean":               {"POST", "/networks", object{"network": object{"admin_state_up": "perhaps"}}, 400, "InvalidInput", "cannot be converted to boolean"},
		"MTU too small":            {"POST", "/networks", object{"network": object{"mtu": 10}}, 400, "HTTPBadRequest", "too small"},
		"shared":                   {"POST", "/networks", object{"network": object{"shared": true}}, 403, "PolicyNotAuthorized", "create_network:shared"},
		"shared later":             {"PUT", "/networks/" + id(net), object{"network": object{"shared": true}}, 403, "PolicyNotAuthorized", "update_network:shared"},
		"external":                 {"POST", "/networks", object{"network": object{"router:external": true}}, 403, "PolicyNotAuthorized", "router:external"},
		"another project":          {"POST", "/networks", object{"network": object{"project_id": "other"}}, 400, "HTTPBadRequest", "requires admin"},
		"project and tenant":       {"POST", "/networks", object{"network": object{"project_id": "demo", "tenant_id": "other"}}, 400, "HTTPBadRequest", "do not match"},
		"limit no number":          {"GET", "/networks?limit=x", nil, 400, "BadRequest", "Limit must be"},
		"unknown filter":           {"GET", "/networks?colour=x", nil, 400, "HTTPBadRequest", "['colour'] is invalid attribute for filtering"},
		"unknown sort key":         {"GET", "/networks?sort_key=x&sort_dir=asc", nil, 400, "HTTPBadRequest", "sort_keys"},
		"unknown sort dir":         {"GET", "/networks?sort_key=name&sort_dir=x", nil, 400, "HTTPBadRequest", "sort_dirs"},
		"unknown marker":           {"GET", "/ports?limit=1&marker=" + nowhere, nil, 404, "PortNotFound", nowhere},
		"filter no boolean":        {"GET", "/networks?shared=x", nil, 400, "InvalidInput", "boolean"},
		"body in DELETE":           {"DELETE", "/networks/" + id(net), object{}, 400, "HTTPBadRequest", "not supported in DELETE"},
		"network in use":           {"DELETE", "/networks/" + id(net), nil, 409, "NetworkInUse", "one or more ports still in use"},
		"subnet in use":            {"DELETE", "/subnets/" + id(sub), nil, 409, "SubnetInUse", "One or more ports"},
		"subnet of no network":     {"POST", "/subnets", newSubnet(object{"network_id": nowhere, "cidr": "10.1.0.0/24"}), 404, "NetworkNotFound", nowhere},
		"subnet without network":   {"POST", "/subnets", object{"subnet": object{"cidr": "10.1.0.0/24"}}, 400, "HTTPBadRequest", "Required attribute 'network_id'"},
		"overlap":                  {"POST", "/subnets", newSubnet(object{"cidr": "10.0.0.128/25"}), 400, "InvalidInput", "overlaps with another subnet"},
		"no CIDR":                  {"POST", "/subnets", newSubnet(object{"cidr": "ten"}), 400, "InvalidInput", "not a valid IP subnet"},
		"neither CIDR nor pool":    {"POST", "/subnets", newSubnet(object{"ip_version": 4}), 400, "BadRequest", "subnetpool must be specified"},
		"no default pool":          {"POST", "/subnets", newSubnet(object{"use_default_subnetpool": true}), 400, "BadRequest", "No default subnetpool"},
		"version mismatch":         {"POST", "/subnets", newSubnet(object{"cidr": "10.1.0.0/24", "ip_version": 6}), 400, "InvalidInput", "does not match the ip_version"},
		"whole internet":           {"POST", "/subnets", newSubnet(object{"cidr": "0.0.0.0/0"}), 400, "InvalidInput", "0 is not allowed"},
		"gateway outside":          {"POST", "/subnets", newSubnet(object{"cidr": "10.1.0.0/24", "gateway_ip": "10.2.0.1"}), 400, "InvalidInput", "Gateway is not valid"},
		"gateway is broadcast":     {"POST", "/subnets", newSubnet(object{"cidr": "10.1.0.0/24", "gateway_ip": "10.1.0.255"}), 400, "InvalidInput", "Gateway is not valid"},
		"gateway in pool":          {"POST", "/subnets", newSubnet(object{"cidr": "10.1.0.0/24", "allocation_pools": []object{{"start": "10.1.0.1", "end": "10.1.0.9"}}}), 409, "GatewayConflictWithAllocationPools", "10.1.0.1"},
		"pool backwards":           {"POST", "/subnets", newSubnet(object{"cidr": "10.1.0.0/24", "allocation_pools": []object{{"start": "10.1.0.9", "end": "10.1.0.3"}}}), 400, "InvalidAllocationPool", "10.1.0.9-10.1.0.3"},
		"pool outside":             {"POST", "/subnets", newSubnet(object{"cidr": "10.1.0.0/24", "allocation_pools": []object{{"start": "10.1.0.9", "end": "10.1.1.3"}}}), 400, "OutOfBoundsAllocationPool", "beyond"},
		"pools overlap":            {"POST", "/subnets", newSubnet(object{"cidr": "10.1.0.0/24", "allocation_pools": []object{{"start": "10.1.0.9", "end": "10.1.0.20"}, {"start": "10.1.0.20", "end": "10.1.0.30"}}}), 409, "OverlappingAllocationPools", "overlapping"},
		"pool malformed":           {"POST", "/subnets", newSubnet(object{"cidr": "10.1.0.0/24", "allocation_pools": []object{{"start": "10.1.0.9"}}}), 400, "HTTPBadRequest", "has no 'end'"},
		"DNS of other version":     {"POST", "/subnets", newSubnet(object{"cidr": "10.1.0.0/24", "dns_nameservers": []string{"::1"}}), 400, "InvalidInput", "dns_nameserver"},
		"slaac on IPv4":            {"POST", "/subnets", newSubnet(object{"cidr": "10.1.0.0/24", "ipv6_ra_mode": "slaac"}), 400, "InvalidInput", "ip_version is 4"},
		"slaac not /64":            {"POST", "/subnets", newSubnet(object{"cidr": "fd00::/80", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}), 400, "InvalidInput", "EUI-64"},
		"modes differ":             {"POST", "/subnets", newSubnet(object{"cidr": "fd00::/64", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "dhcpv6-stateful"}), 400, "InvalidInput", "same value"},
		"pool unknown":             {"POST", "/subnets", newSubnet(object{"subnetpool_id": nowhere}), 404, "SubnetPoolNotFound", nowhere},
		"outside the pool":         {"POST", "/subnets", object{"subnet": object{"network_id": far["network_id"], "cidr": "10.1.0.0/24", "subnetpool_id": id(pool)}}, 409, "SubnetAllocationError", "Cannot allocate"},
		"too small a prefix":       {"POST", "/subnets", newSubnet(object{"prefixlen": 7, "subnetpool_id": id(pool)}), 400, "MinPrefixSubnetAllocationError", "7"},
		"more than the pool":       {"POST", "/subnets", newSubnet(object{"prefixlen": 8, "subnetpool_id": id(pool)}), 409, "SubnetAllocationError", "Insufficient"},
		"CIDR and prefixlen":       {"POST", "/subnets", newSubnet(object{"cidr": "10.8.0.0/24", "prefixlen": 24, "subnetpool_id": id(pool)}), 400, "BadRequest", "prefixlen"},
		"mixed origin":             {"POST", "/subnets", newSubnet(object{"cidr": "10.8.0.0/24", "subnetpool_id": id(pool)}), 400, "NetworkSubnetPoolAffinityError", "same subnet pool"},
		"pool without name":        {"POST", "/subnetpools", object{"subnetpool": object{"prefixes": []string{"10.0.0.0/8"}}}, 400, "HTTPBadRequest", "'name'"},
		"pool without prefix":      {"POST", "/subnetpools", object{"subnetpool": object{"name": "p", "prefixes": []string{}}}, 400, "EmptySubnetPoolPrefixList", ""},
		"pool of both":             {"POST", "/subnetpools", object{"subnetpool": object{"name": "p", "prefixes": []string{"10.0.0.0/8", "fd00::/48"}}}, 400, "PrefixVersionMismatch", ""},
		"pool bounds":              {"POST", "/subnetpools", object{"subnetpool": object{"name": "p", "prefixes": []string{"10.0.0.0/8"}, "min_prefixlen": 24, "default_prefixlen": 20}}, 400, "IllegalSubnetPoolPrefixBounds", "min_prefixlen=24"},
		"pool of 33 bits":          {"POST", "/subnetpools", object{"subnetpool": object{"name": "p", "prefixes": []string{"10.0.0.0/8"}, "max_prefixlen": 33}}, 400, "IllegalSubnetPoolPrefixBounds", "ip_version_max"},
		"pool shrinks":             {"PUT", "/subnetpools/" + id(pool), object{"subnetpool": object{"prefixes": []string{"10.8.0.0/17"}}}, 400, "IllegalSubnetPoolPrefixUpdate", "subset"},
		"port on no network":       {"POST", "/ports", object{"port": object{"network_id": nowhere}}, 404, "NetworkNotFound", nowhere},
		"port on nonsense":         {"POST", "/ports", object{"port": object{"network_id": "x"}}, 400, "HTTPBadRequest", "not a valid UUID"},
		"address outside":          {"POST", "/ports", newPort(object{"fixed_ips": []object{{"ip_address": "10.1.0.5"}}}), 400, "InvalidIpForNetwork", "10.1.0.5"},
		"address not of subnet":    {"POST", "/ports", newPort(object{"fixed_ips": []object{{"ip_address": "10.1.0.5", "subnet_id": id(sub)}}}), 400, "InvalidIpForSubnet", "10.1.0.5"},
		"network address":          {"POST", "/ports", newPort(object{"fixed_ips": []object{{"ip_address": "10.0.0.0"}}}), 400, "InvalidIpForNetwork", "10.0.0.0"},
		"subnet elsewhere":         {"POST", "/ports", newPort(object{"fixed_ips": []object{{"subnet_id": id(far)}}}), 400, "InvalidInput", "invalid subnet"},
		"subnet unknown":           {"POST", "/ports", newPort(object{"fixed_ips": []object{{"subnet_id": nowhere}}}), 404, "SubnetNotFound", nowhere},
		"address taken":            {"POST", "/ports", newPort(object{"fixed_ips": []object{{"ip_address": "10.0.0.50"}}}), 409, "IpAddressAlreadyAllocated", "10.0.0.50"},
		"address of the gateway":   {"POST", "/ports", newPort(object{"fixed_ips": []object{{"ip_address": "10.0.0.1"}}}), 409, "IpAddressInUse", "10.0.0.1"},
		"address twice":            {"POST", "/ports", newPort(object{"fixed_ips": []object{{"ip_address": "10.0.0.5"}, {"ip_address": "10.0.0.5"}}}), 400, "HTTPBadRequest", "Duplicate IP address"},
		"fixed IP of nothing":      {"POST", "/ports", newPort(object{"fixed_ips": []object{{}}}), 400, "InvalidInput", "requires subnet_id or ip_address"},
		"fixed IP malformed":       {"POST", "/ports", newPort(object{"fixed_ips": []object{{"colour": 1}}}), 400, "InvalidInput", "colour"},
		"MAC taken":                {"POST", "/ports", newPort(object{"mac_address": "02:00:00:00:00:01"}), 409, "MacAddressInUse", "02:00:00:00:00:01"},
		"MAC malformed":            {"POST", "/ports", newPort(object{"mac_address": "02:00"}), 400, "HTTPBadRequest", "not a valid MAC address"},
		"MAC of many":              {"POST", "/ports", newPort(object{"mac_address": "01:00:00:00:00:01"}), 400, "HTTPBadRequest", "not a valid MAC address"},
		"MAC later":                {"PUT", "/ports/" + id(port), object{"port": object{"mac_address": "02:00:00:00:00:02"}}, 403, "PolicyNotAuthorized", "update_port:mac_address"},
		"host":                     {"POST", "/ports", newPort(object{"binding:host_id": "h"}), 403, "PolicyNotAuthorized", "(rule:create_port and rule:create_port:binding:host_id) is disallowed by policy"},
		"host later":               {"PUT", "/ports/" + id(port), object{"port": object{"binding:host_id": "h"}}, 403, "PolicyNotAuthorized", "update_port:binding:host_id"},
		"profile":                  {"POST", "/ports", newPort(object{"binding:profile": object{"a": 1}}), 403, "PolicyNotAuthorized", "binding:profile"},
		"group unknown":            {"POST", "/ports", newPort(object{"security_groups": []string{nowhere}}), 404, "SecurityGroupNotFound", nowhere},
		"group twice":              {"POST", "/ports", newPort(object{"security_groups": []string{id(group), id(group)}}), 400, "HTTPBadRequest", "Duplicate"},
		"groups without security":  {"POST", "/ports", newPort(object{"security_groups": []string{id(group)}, "port_security_enabled": false}), 409, "PortSecurityPortHasSecurityGroup", ""},
		"pairs without security":   {"POST", "/ports", newPort(object{"allowed_address_pairs": []object{{"ip_address": "10.0.0.7"}}, "port_security_enabled": false}), 409, "AddressPairAndPortSecurityRequired", ""},
		"pair without address":     {"POST", "/ports", newPort(object{"allowed_address_pairs": []object{{"mac_address": "02:00:00:00:00:09"}}}), 400, "AllowedAddressPairsMissingIP", ""},
		"pair twice":               {"POST", "/ports", newPort(object{"allowed_address_pairs": []object{{"ip_address": "10.0.0.7"}, {"ip_address": "10.0.0.7"}}}), 400, "DuplicateAddressPairInRequest", ""},
		"tags no list":             {"PUT", "/networks/" + id(net) + "/tags", object{"tags": "x"}, 400, "InvalidInput", "not a list"},
		"tags elsewhere":           {"PUT", "/networks/" + id(net) + "/tags", object{"x": 1}, 400, "InvalidInput", "tags body"},
		"tag too long":             {"PUT", "/networks/" + id(net) + "/tags/" + fmt.Sprintf("%0256d", 0), nil, 400, "InvalidInput", "maximum length"},
		"tags of a new network":    {"POST", "/networks", object{"network": object{"tags": []string{"a"}}}, 400, "HTTPBadRequest", "'tags' not allowed in POST"},
		"changed_since":            {"GET", "/ports?changed_since=2026-11-23T00:00:00Z", nil, 400, "HTTPBadRequest", "changed_since"},
		"tag no text":              {"PUT", "/networks/" + id(net) + "/tags/%ff", nil, 400, "InvalidInput", "valid string"},
		"tag unknown":              {"DELETE", "/networks/" + id(net) + "/tags/x", nil, 404, "TagNotFound", "x"},
		"group named default":      {"POST", "/security-groups", object{"security_group": object{"name": "Default"}}, 409, "SecurityGroupDefaultAlreadyExists", ""},
		"rule exists":              {"POST", "/security-group-rules", newRule(object{"protocol": "6", "port_range_min": 80, "port_range_max": 80, "remote_ip_prefix": "0.0.0.0/0"}), 409, "SecurityGroupRuleExists", id(rule)},
		"rule of no group":         {"POST", "/security-group-rules", newRule(object{"security_group_id": nowhere}), 404, "SecurityGroupNotFound", nowhere},
		"rule of unknown remote":   {"POST", "/security-group-rules", newRule(object{"remote_group_id": nowhere}), 404, "SecurityGroupNotFound", nowhere},
		"rule direction":           {"POST", "/security-group-rules", newRule(object{"direction": "up"}), 400, "HTTPBadRequest", "direction"},
		"rule protocol":            {"POST", "/security-group-rules", newRule(object{"protocol": "carrier pigeon"}), 400, "SecurityGroupRuleInvalidProtocol", "carrier pigeon"},
		"rule ethertype":           {"POST", "/security-group-rules", newRule(object{"ethertype": "IPv5"}), 400, "SecurityGroupRuleInvalidEtherType", "IPv5"},
		"rule ports alone":         {"POST", "/security-group-rules", newRule(object{"port_range_min": 1, "port_range_max": 2}), 400, "SecurityGroupProtocolRequiredWithPorts", ""},
		"rule ports backwards":     {"POST", "/security-group-rules", newRule(object{"protocol": "udp", "port_range_min": 3, "port_range_max": 2}), 400, "SecurityGroupInvalidPortRange", ""},
		"rule port too large":      {"POST", "/security-group-rules", newRule(object{"protocol": "udp", "port_range_min": 3, "port_range_max": 65536}), 400, "SecurityGroupInvalidPortValue", "65536"},
		"rule ports of gre":        {"POST", "/security-group-rules", newRule(object{"protocol": "gre", "port_range_min": 3, "port_range_max": 3}), 400, "SecurityGroupInvalidProtocolForPort", "gre"},
		"rule ICMP type":           {"POST", "/security-group-rules", newRule(object{"protocol": "icmp", "port_range_min": 300}), 400, "SecurityGroupInvalidIcmpValue", "300"},
		"rule ICMP code alone":     {"POST", "/security-group-rules", newRule(object{"protocol": "icmp", "port_range_max": 3}), 400, "SecurityGroupMissingIcmpType", "3"},
		"rule prefix malformed":    {"POST", "/security-group-rules", newRule(object{"remote_ip_prefix": "ten"}), 400, "InvalidCIDR", "ten"},
		"rule prefix of other":     {"POST", "/security-group-rules", newRule(object{"remote_ip_prefix": "fd00::/64"}), 400, "SecurityGroupRuleParameterConflict", "fd00::/64"},
		"rule of two remotes":      {"POST", "/security-group-rules", newRule(object{"remote_ip_prefix": "10.0.0.0/8", "remote_group_id": id(group)}), 400, "SecurityGroupMultipleRemoteEntites", ""},
		"quota by ordinary user":   {"PUT", "/quotas/demo", object{"quota": object{"port": 1}}, 403, "PolicyNotAuthorized", "admin"},
		"quota of another project": {"GET", "/quotas/other", nil, 403, "PolicyNotAuthorized", "admin"},
		"extension unknown":        {"GET", "/extensions/magic", nil, 404, "HTTPNotFound", "magic"},
	} {
		t.Run(name, func(t *testing.T) {
			u := demo
			u.cloud = &cloud{tb: t, service: c.service, server: c.server}
			before := everything(u)
			u.refuses(w.method, w.path, w.body, w.status, w.kind, w.part)
			if after := everything(u); after != before {
				t.Errorf("a refused request changed\n%s\nto\n%s", before, after)
			}
		})
	}
}

// everything is all that the administrator sees, as text.
func everything(u user) string {
	admin := user{u.cloud, "demo:admin"}
	var all string
	for _, path := range []string{"networks", "subnets", "subnetpools", "ports", "security-groups", "security-group-rules", "quotas"} {
		all += fmt.Sprint(admin.list("/"+path), "\n")
	}
	return all
}

func TestWithoutToken(t *testing.T) {
	c := newCloud(t)
	status, answer := user{c, ""}.call("GET", "/networks", nil)
	if status != 401 || answer["error"].(object)["code"] != 401.0 {
		t.Errorf("got %d %v", status, answer)
	}
	if status, _ := (user{c, ":"}).call("POST", "/networks", object{"network": object{}}); status != 400 {
		t.Errorf("an unscoped token made a network: %d", status)
	}
	reader := user{c, "demo:reader"}
	reader.refuses("POST", "/networks", object{"network": object{}}, 403, "PolicyNotAuthorized", "create_network")
	if rows := reader.list("/networks"); len(rows) != 0 {
		t.Errorf("networks: %v", rows)
	}
}
