package client

import (
	"context"
	"net/url"

	"github.com/gozun/gozun/zun"
)

// AttachedNetwork is one network of a container.
type AttachedNetwork struct {
	NetID    string    `json:"net_id"` // Neutron's
	PortID   string    `json:"port_id"`
	FixedIPs []FixedIP `json:"fixed_ips"`
}

// FixedIP is an address of an AttachedNetwork.
type FixedIP struct {
	IPAddress string `json:"ip_address"`
	SubnetID  string `json:"subnet_id"`
	Version   int    `json:"version"`
}

// Attach says what a container is put on, or taken off: a network or a port.
type Attach struct {
	Network string // name or UUID
	Port    string // name or UUID of a Neutron port
	FixedIP string // attach only, with Network
}

// NetworksOf returns the networks of a container.
func (c *Client) NetworksOf(ctx context.Context, ref string) ([]AttachedNetwork, error) {
	if err := c.need(ctx, Version{1, 18}, "list the networks of container "+ref); err != nil {
		return nil, err
	}
	var answer struct {
		Networks []AttachedNetwork `json:"networks"`
	}
	_, err := c.call(ctx, request{method: "GET", path: containerPath(ref, "network_list")}, &answer)
	return answer.Networks, err
}

// AttachNetwork orders the attachment and returns the request id of its action.
func (c *Client) AttachNetwork(ctx context.Context, ref string, what Attach) (string, error) {
	if err := what.check("attach", ref); err != nil {
		return "", err
	}
	query := what.query()
	set(query, "fixed_ip", what.FixedIP)
	return c.order(ctx, ref, "network_attach", query)
}

// DetachNetwork orders the detachment and returns the request id of its action.
func (c *Client) DetachNetwork(ctx context.Context, ref string, what Attach) (string, error) {
	if err := what.check("detach", ref); err != nil {
		return "", err
	}
	return c.order(ctx, ref, "network_detach", what.query())
}

func (a Attach) query() url.Values {
	query := url.Values{}
	set(query, "network", a.Network)
	set(query, "port", a.Port)
	return query
}

func (a Attach) check(verb, ref string) error {
	if (a.Network == "") == (a.Port == "") {
		return zun.Errorf(zun.CodeInvalid, "cannot %s a network: container %s needs either a network or a port, not both and not none", verb, ref)
	}
	return nil
}
