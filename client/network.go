package client

import (
	"context"
	"net/url"

	"github.com/gozun/gozun/zun"
)

// Network is a project's named handle on a Neutron network, as the API shows it from
// microversion 1.41.
type Network struct {
	UUID          string              `json:"uuid"`
	Name          string              `json:"name"`
	ProjectID     string              `json:"project_id"`
	UserID        string              `json:"user_id"`
	NeutronNetID  string              `json:"neutron_net_id"`
	NeutronPoolID string              `json:"neutron_pool_id"`
	Subnets       []Subnet            `json:"subnets"`
	Shared        bool                `json:"shared"`
	MTU           int                 `json:"mtu"`
	Made          []string            `json:"made"` // kinds the service made and removes with it: network, subnetpool, subnet
	Status        zun.NetworkStatus   `json:"status"`
	StatusReason  string              `json:"status_reason"`
	Attachments   []NetworkAttachment `json:"attachments"`
	CreatedAt     Time                `json:"created_at"`
	UpdatedAt     Time                `json:"updated_at"`
}

// Subnet is a subnet of a Network.
type Subnet struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	CIDR         string `json:"cidr"`
	GatewayIP    string `json:"gateway_ip"`
	IPVersion    int    `json:"ip_version"`
	SubnetPoolID string `json:"subnetpool_id"`
}

// NetworkAttachment is a container on a Network.
type NetworkAttachment struct {
	ContainerUUID string           `json:"container_uuid"`
	ContainerName string           `json:"container_name"`
	PortID        string           `json:"port_id"`
	MACAddress    string           `json:"mac_address"`
	Addresses     []NetworkAddress `json:"addresses"`
}

// NetworkAddress is a fixed IP of an attachment.
type NetworkAddress struct {
	Addr     string `json:"addr"`
	Version  int    `json:"version"`
	SubnetID string `json:"subnet_id"`
}

// NetworkCreate is what a network is made from: a Neutron network that is there, or
// Subnet, for which the service makes network, pool and subnet in the user's project.
type NetworkCreate struct {
	Name           string   `json:"name"`
	NeutronNet     string   `json:"neutron_net,omitempty"`    // name or UUID
	NeutronPool    string   `json:"neutron_pool,omitempty"`   // name or UUID
	NeutronSubnets []string `json:"neutron_subnet,omitempty"` // names or UUIDs; none: all of the network
	Subnet         string   `json:"subnet,omitempty"`         // CIDR
}

// NetworkList chooses and orders networks; zero fields do not filter.
type NetworkList struct {
	Name, NeutronNetID, Status string

	AllProjects bool
	Page
}

// CreateNetwork makes a network; it is ready when the call returns.
func (c *Client) CreateNetwork(ctx context.Context, create NetworkCreate) (Network, error) {
	if err := c.need(ctx, OwnNetworks, "create network "+create.Name); err != nil {
		return Network{}, err
	}
	var made Network
	_, err := c.call(ctx, request{method: "POST", path: "/networks", body: create}, &made)
	return made, err
}

// ListNetworks returns the networks that list chooses, following pages as needed.
func (c *Client) ListNetworks(ctx context.Context, list NetworkList) ([]Network, error) {
	if err := c.need(ctx, OwnNetworks, "list networks"); err != nil {
		return nil, err
	}
	query := list.query()
	set(query, "name", list.Name)
	set(query, "neutron_net_id", list.NeutronNetID)
	set(query, "status", list.Status)
	if list.AllProjects {
		query.Set("all_projects", "true")
	}
	return pages(ctx, c, "/networks", "networks", query, list.Limit, func(n Network) string { return n.UUID })
}

// GetNetwork returns one network by name or UUID.
func (c *Client) GetNetwork(ctx context.Context, ref string) (Network, error) {
	if err := c.need(ctx, OwnNetworks, "show network "+ref); err != nil {
		return Network{}, err
	}
	var got Network
	_, err := c.call(ctx, request{method: "GET", path: networkPath(ref)}, &got)
	return got, err
}

// DeleteNetwork deletes a network by name or UUID. CodeNetworkInUse while containers
// are on it; the message names them.
func (c *Client) DeleteNetwork(ctx context.Context, ref string) error {
	if err := c.need(ctx, OwnNetworks, "delete network "+ref); err != nil {
		return err
	}
	_, err := c.call(ctx, request{method: "DELETE", path: networkPath(ref)}, nil)
	return err
}

func networkPath(ref string) string { return "/networks/" + url.PathEscape(ref) }
