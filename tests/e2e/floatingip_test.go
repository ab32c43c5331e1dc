package e2e

import "testing"

// The stock commands that give a container a floating IP ask Neutron only, which a container's
// port must let find it. The embedded Neutron has no routers.
func TestStockFloatingIP(t *testing.T) {
	c := mustOpenStack(t).startZund(t)
	u := c.demo()
	_, subnet := u.makeNetwork("front", map[string]any{"cidr": "10.2.0.0/24"})
	external := c.publicNetwork(t)
	u.behindRouter(t, subnet, external)
	u.runs("web", []string{"--net", "network=front,v4-fixed-ip=10.2.0.200"})
	port := u.show("web").port(t)

	y := u.typist()
	y.words["IP"], y.words["PORT"] = u.floatingIP(t, external), port
	y.story([]line{
		{typed: "openstack appcontainer add floating ip web $IP"},
		{typed: "openstack floating ip show -f json $IP", shows: []string{`"port_id": "$PORT"`, `"fixed_ip_address": "10.2.0.200"`}},
		{typed: "openstack appcontainer remove floating ip $IP"},
		{typed: "openstack floating ip show -f json $IP", shows: []string{`"port_id": null`, "-$PORT"}},
		{typed: "openstack appcontainer add floating ip --fixed-ip-address 10.2.0.200 web $IP"},
		{typed: "openstack floating ip show -f json $IP", shows: []string{`"port_id": "$PORT"`}},
		{typed: "openstack appcontainer add floating ip --fixed-ip-address 10.2.0.99 web $IP", shows: []string{"No port found for fixed IP address 10.2.0.99"}},
		{typed: "openstack appcontainer add floating ip none $IP", exit: 1, shows: []string{"Container none could not be found"}},
	})
	u.remove("web") // an address that is in use is no reason to stay
	y.story([]line{{typed: "openstack floating ip show -f json $IP", shows: []string{`"port_id": null`}}})
}

// publicNetwork makes an external network, and removes it when the test ends.
func (c *cloud) publicNetwork(t *testing.T) string {
	t.Helper()
	admin := c.admin()
	network := admin.makeBareNetwork(map[string]any{"name": unique("public"), "router:external": true})
	t.Cleanup(func() { admin.neutron("DELETE", "networks/"+network, nil, nil) })
	admin.makeSubnet(network, map[string]any{"cidr": "203.0.113.0/24", "enable_dhcp": false})
	return network
}

// behindRouter makes a router between a subnet and an external network, and removes it with
// the project's floating IPs when the test ends.
func (u *user) behindRouter(t *testing.T, subnet, external string) {
	t.Helper()
	var made struct{ Router struct{ ID string } }
	u.neutron("POST", "routers", map[string]any{"router": map[string]any{
		"name": "edge", "external_gateway_info": map[string]any{"network_id": external},
	}}, &made)
	router, inside := "routers/"+made.Router.ID, map[string]any{"subnet_id": subnet}
	t.Cleanup(func() {
		var left struct{ FloatingIPs []struct{ ID string } }
		u.neutron("GET", "floatingips?project_id="+u.project, nil, &left)
		for _, ip := range left.FloatingIPs {
			u.neutron("DELETE", "floatingips/"+ip.ID, nil, nil)
		}
		u.neutron("PUT", router+"/remove_router_interface", inside, nil)
		u.neutron("DELETE", router, nil, nil)
	})
	u.neutron("PUT", router+"/add_router_interface", inside, nil)
}

// floatingIP takes an address of an external network for the project.
func (u *user) floatingIP(t *testing.T, external string) string {
	t.Helper()
	var made struct {
		FloatingIP struct {
			Address string `json:"floating_ip_address"`
		}
	}
	u.neutron("POST", "floatingips", map[string]any{"floatingip": map[string]any{"floating_network_id": external}}, &made)
	return made.FloatingIP.Address
}

// port returns the container's only port.
func (c container) port(t *testing.T) string {
	t.Helper()
	for _, addresses := range c.Addresses {
		for _, a := range addresses {
			return a.Port
		}
	}
	t.Fatalf("container %s has no port: %+v", c.UUID, c.Addresses)
	return ""
}
