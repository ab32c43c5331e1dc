package neutron

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"

	"github.com/gozun/gozun/zun"
)

// agent is an agent in Neutron's JSON.
type agent struct {
	common
	Kind         string `json:"agent_type"`
	Binary       string `json:"binary"`
	Host         string `json:"host"`
	Alive        bool   `json:"alive"`
	AdminStateUp bool   `json:"admin_state_up"`
}

func (a *agent) read() (zun.NeutronAgent, error) { //nolint:unparam // a resource
	return zun.NeutronAgent{ID: a.ID, Kind: a.Kind, Binary: a.Binary, Host: a.Host, Alive: a.Alive, AdminStateUp: a.AdminStateUp}, nil
}

// FindAgents returns Neutron's agents, of all hosts. Credentials that may not see them get
// an empty list, not an error: that is Neutron's own way.
func (c *Client) FindAgents(ctx context.Context) ([]zun.NeutronAgent, error) {
	return find[agent, zun.NeutronAgent](ctx, c, "agents", zun.NeutronQuery{})
}

// Extensions returns the aliases of the extensions that Neutron has, sorted, asked for
// anew at each call.
func (c *Client) Extensions(ctx context.Context) ([]string, error) {
	list, err := c.FindRecords(ctx, "extensions", url.Values{"fields": {"alias"}})
	if err != nil {
		return nil, err
	}
	aliases := []string{}
	for _, extension := range list {
		if alias, ok := extension["alias"].(string); ok {
			aliases = append(aliases, alias)
		}
	}
	slices.Sort(aliases)
	return aliases, nil
}

// SeesBindings reports whether the credentials may see binding:host_id of ports, which
// Neutron leaves out for those who may not. known is false when there is no port to look
// at.
func (c *Client) SeesBindings(ctx context.Context) (sees, known bool, err error) {
	var answer struct{ Ports []map[string]json.RawMessage }
	err = c.call(ctx, "cannot list ports", request{method: "GET", path: "ports?limit=1", answer: &answer})
	if err != nil || len(answer.Ports) == 0 {
		return false, false, err
	}
	_, sees = answer.Ports[0]["binding:host_id"]
	return sees, true, nil
}

// PortsOn returns the ports that Neutron binds to a host; whoever may not see bindings
// gets none.
func (c *Client) PortsOn(ctx context.Context, host string) ([]zun.Port, error) {
	ports, err := filtered[port, zun.Port](ctx, c, kindPorts, url.Values{"binding:host_id": {host}})
	// A Neutron that does not let us filter by host shows all ports.
	return slices.DeleteFunc(ports, func(p zun.Port) bool { return p.Host != host }), err
}
