package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// neutronPort is what the plugin looks at of a port.
type neutronPort struct {
	ID       string
	Device   string   `json:"device_id"`
	Owner    string   `json:"device_owner"`
	Host     string   `json:"binding:host_id"`
	VIF      string   `json:"binding:vif_type"`
	Groups   []string `json:"security_groups"`
	FixedIPs []struct {
		Subnet  string `json:"subnet_id"`
		Address string `json:"ip_address"`
	} `json:"fixed_ips"`
}

// makeNetwork makes a Neutron network with a subnet, and returns their ids.
func (u *user) makeNetwork(name string, subnet map[string]any) (network, subnetID string) {
	u.tb.Helper()
	network = u.makeBareNetwork(map[string]any{"name": name})
	return network, u.makeSubnet(network, subnet)
}

func (u *user) makeBareNetwork(wish map[string]any) string {
	u.tb.Helper()
	var made struct{ Network struct{ ID string } }
	u.neutron("POST", "networks", map[string]any{"network": wish}, &made)
	return made.Network.ID
}

func (u *user) makeSubnet(network string, more map[string]any) string {
	u.tb.Helper()
	wish := map[string]any{"network_id": network, "ip_version": 4}
	for key, value := range more {
		wish[key] = value
	}
	var made struct{ Subnet struct{ ID string } }
	u.neutron("POST", "subnets", map[string]any{"subnet": wish}, &made)
	return made.Subnet.ID
}

// later does something when the test's containers are gone; the last first.
func (s *tempest) later(do func()) { s.tb.(*testing.T).Cleanup(do) }

func (s *tempest) removeNetwork(owner *user, network string) {
	s.later(func() { owner.neutron("DELETE", "networks/"+network, nil, nil) })
}

func (s *tempest) makePort(network string, more map[string]any) neutronPort {
	s.tb.Helper()
	wish := map[string]any{"network_id": network, "name": "tempest-port"}
	for key, value := range more {
		wish[key] = value
	}
	var made struct{ Port neutronPort }
	s.neutron("POST", "ports", map[string]any{"port": wish}, &made)
	s.later(func() { s.neutron("DELETE", "ports/"+made.Port.ID, nil, nil) })
	return made.Port
}

// port returns a port as administrators see it: with its binding.
func (s *tempest) port(id string) neutronPort {
	s.tb.Helper()
	var got struct{ Port neutronPort }
	s.admin.neutron("GET", "ports/"+id, nil, &got)
	return got.Port
}

// unbound insists that nobody uses a port.
func (s *tempest) unbound(id string) {
	s.tb.Helper()
	if p := s.port(id); p.Owner != "" || p.Device != "" || p.Host != "" || p.VIF != "unbound" {
		s.tb.Errorf("the port is not free: %+v", p)
	}
}

func (s *tempest) runWithPort() {
	port := s.makePort(s.network, nil)
	s.unbound(port.ID)
	made := s.run(map[string]any{"nets": []map[string]any{{"port": port.ID}}})
	s.hasAddresses(made, s.network, port)
	if p := s.port(port.ID); p.Owner == "" || p.Device != made.UUID || p.Host == "" || p.VIF == "unbound" {
		s.tb.Errorf("the port is not the container's: %+v", p)
	}
	s.ask("DELETE", "/containers//"+made.UUID+"?stop=True", nil).is(http.StatusNoContent)
	s.goes(made.UUID)
	s.unbound(port.ID)
}

// hasAddresses insists that a container has the addresses of a port on a network, and no
// others there.
func (s *tempest) hasAddresses(made record, network string, port neutronPort) {
	s.tb.Helper()
	got := made.Addresses[network]
	if len(got) != len(port.FixedIPs) {
		s.tb.Errorf("%d addresses instead of %d: %+v", len(got), len(port.FixedIPs), made.Addresses)
	}
	for _, wanted := range port.FixedIPs {
		version := 4
		if strings.Contains(wanted.Address, ":") {
			version = 6
		}
		found := false
		for _, a := range got {
			found = found || a.Addr == wanted.Address && a.Subnet == wanted.Subnet && a.Port == port.ID && a.Version == version && a.Preserve
		}
		if !found {
			s.tb.Errorf("address %+v of port %s is not in %+v", wanted, port.ID, got)
		}
	}
}

// groupsOf returns the names of the security groups of a container's ports.
func (s *tempest) groupsOf(made record) []string {
	s.tb.Helper()
	var names []string
	for _, addresses := range made.Addresses {
		for _, a := range addresses {
			for _, id := range s.port(a.Port).Groups {
				var got struct {
					Group struct{ Name string } `json:"security_group"`
				}
				s.neutron("GET", "security-groups/"+id, nil, &got)
				if !slices.Contains(names, got.Group.Name) {
					names = append(names, got.Group.Name)
				}
			}
		}
	}
	return names
}

func (s *tempest) runWithoutSecurityGroups() {
	if got := s.groupsOf(s.run(nil)); !slices.Equal(got, []string{"default"}) {
		s.tb.Errorf("security groups: %q", got)
	}
}

func (s *tempest) runWithSecurityGroups() {
	var group struct {
		Group struct{ ID string } `json:"security_group"`
	}
	s.neutron("POST", "security-groups", map[string]any{"security_group": map[string]any{"name": "tempest-sg"}}, &group)
	s.later(func() { s.neutron("DELETE", "security-groups/"+group.Group.ID, nil, nil) })
	made := s.run(map[string]any{"security_groups": []string{"tempest-sg"}})
	if got := s.groupsOf(made); !slices.Equal(got, []string{"tempest-sg"}) {
		s.tb.Errorf("security groups: %q", got)
	}
	if !slices.Equal(made.SecurityGroups, []string{group.Group.ID}) {
		s.tb.Errorf("the container says %q", made.SecurityGroups)
	}
}

func (s *tempest) runWithNetwork() {
	network, subnet := s.makeNetwork("tempest-net", map[string]any{"name": "tempest-subnet", "cidr": "10.1.0.0/24"})
	s.removeNetwork(s.user, network)
	s.runOn(network, subnet)
}

func (s *tempest) runWithSharedNetwork() {
	network := s.admin.makeBareNetwork(map[string]any{"name": "tempest-shared", "shared": true})
	s.removeNetwork(s.admin, network)
	s.runOn(network, s.admin.makeSubnet(network, map[string]any{"name": "tempest-subnet", "cidr": "10.1.0.0/24"}))
}

func (s *tempest) runWithNoGatewaySubnet() {
	network, subnet := s.makeNetwork("tempest-net", map[string]any{"cidr": "10.1.0.0/24", "gateway_ip": nil})
	s.removeNetwork(s.user, network)
	s.runOn(network, subnet)
}

// runOn runs a container on a network and insists that it has one address there.
func (s *tempest) runOn(network, subnet string) {
	s.tb.Helper()
	made := s.run(map[string]any{"nets": []map[string]any{{"network": network}}})
	on := made.Addresses[network]
	if len(made.Addresses) != 1 || len(on) != 1 || on[0].Subnet != subnet || !strings.HasPrefix(on[0].Addr, "10.1.0.") {
		s.tb.Errorf("addresses: %+v", made.Addresses)
	}
}

func (s *tempest) detachAndAttachNetwork() {
	made := s.run(nil)
	if _, on := made.Addresses[s.network]; !on || len(made.Addresses) != 1 {
		s.tb.Fatalf("it is not only on the project's network: %+v", made.Addresses)
	}
	is := func(attached bool) func() bool {
		return func() bool {
			_, on := s.ask("GET", "/containers//"+made.UUID, nil).is(http.StatusOK).record().Addresses[s.network]
			return on == attached
		}
	}
	s.do(made.UUID, "network_detach"+query("network", s.network)).is(http.StatusAccepted).says("null")
	until(s.tb, "the network is detached", is(false))
	s.do(made.UUID, "network_attach"+query("network", s.network)).is(http.StatusOK).says("null")
	until(s.tb, "the network is attached", is(true))
}

// exposePort has a second container get the first one's page, in the log of which it is.
func (s *tempest) exposePort() {
	made := s.post("/containers/?run=True", map[string]any{"image": s.nginx, "exposed_ports": map[string]any{"80/tcp": map[string]any{}}}, "Running")
	if len(made.SecurityGroups) != 1 {
		s.tb.Fatalf("security groups: %q", made.SecurityGroups)
	}
	s.opensPort80(made.SecurityGroups[0])
	client := s.post("/containers/?run=True", s.wish(map[string]any{"command": []string{"fetch", "http://" + s.addressOf(made) + "/"}}), "Stopped")
	until(s.tb, "the client's log is the page", func() bool {
		return strings.Contains(s.ask("GET", "/containers//"+client.UUID+"/logs", nil).is(http.StatusOK).text(), "Hello from ")
	})
	s.ask("DELETE", "/containers//"+made.UUID+"?stop=True", nil).is(http.StatusNoContent)
	s.goes(made.UUID)
	if s.groupThere(made.SecurityGroups[0]) {
		s.tb.Errorf("security group %s is left", made.SecurityGroups[0])
	}
}

func (s *tempest) addressOf(made record) string {
	s.tb.Helper()
	for _, addresses := range made.Addresses {
		return addresses[0].Addr
	}
	s.tb.Fatal("the container has no address")
	return ""
}

func (s *tempest) opensPort80(group string) {
	s.tb.Helper()
	var got struct {
		Group struct {
			Name  string
			Rules []struct {
				Protocol string
				Min      int `json:"port_range_min"`
				Max      int `json:"port_range_max"`
			} `json:"security_group_rules"`
		} `json:"security_group"`
	}
	s.neutron("GET", "security-groups/"+group, nil, &got)
	for _, rule := range got.Group.Rules {
		if rule.Protocol == "tcp" && rule.Min == 80 && rule.Max == 80 && got.Group.Name != "default" {
			return
		}
	}
	s.tb.Errorf("no rule opens port 80: %+v", got)
}

func (s *tempest) groupThere(id string) bool {
	s.tb.Helper()
	var all struct {
		Groups []struct{ ID string } `json:"security_groups"`
	}
	s.neutron("GET", "security-groups?id="+id, nil, &all)
	return len(all.Groups) > 0
}

func (s *tempest) runWithPortInDualNet() {
	network := s.makeBareNetwork(map[string]any{"name": "tempest-dual"})
	four := s.makePool("tempest-four", "10.11.12.0/24", "28")
	six := s.makePool("tempest-six", "2001:db8:3::/48", "64")
	s.removeNetwork(s.user, network)
	subnet4 := s.makeSubnet(network, map[string]any{"subnetpool_id": four})
	s.makeSubnet(network, map[string]any{"subnetpool_id": six, "ip_version": 6})

	both := s.makePort(network, nil)
	if len(both.FixedIPs) != 2 {
		s.tb.Fatalf("a port on the network has %+v", both.FixedIPs)
	}
	s.hasAddresses(s.run(map[string]any{"nets": []map[string]any{{"port": both.ID}}}), network, both)

	only4 := s.makePort(network, map[string]any{"fixed_ips": []map[string]any{{"subnet_id": subnet4}}})
	if len(only4.FixedIPs) != 1 {
		s.tb.Fatalf("a port on one subnet has %+v", only4.FixedIPs)
	}
	s.hasAddresses(s.run(map[string]any{"nets": []map[string]any{{"port": only4.ID}}}), network, only4)
}

// makePool makes a subnetpool that is removed when the test ends.
func (s *tempest) makePool(name, prefix, shortest string) string {
	s.tb.Helper()
	var made struct{ Subnetpool struct{ ID string } }
	wish := map[string]any{"name": name, "prefixes": []string{prefix}, "min_prefixlen": shortest}
	s.neutron("POST", "subnetpools", map[string]any{"subnetpool": wish}, &made)
	s.later(func() { s.neutron("DELETE", "subnetpools/"+made.Subnetpool.ID, nil, nil) })
	return made.Subnetpool.ID
}
