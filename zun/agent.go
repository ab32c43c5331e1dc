package zun

// NeutronAgent is what we read of one of Neutron's agents. With OVN every chassis is
// listed as one ("OVN Controller agent").
type NeutronAgent struct {
	ID           string
	Kind         string // agent_type: "Linux bridge agent", "Open vSwitch agent", …
	Binary       string
	Host         string // what binding:host_id must say for it to serve a port
	Alive        bool   // its heartbeat is recent
	AdminStateUp bool
}
