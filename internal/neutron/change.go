package neutron

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/gozun/gozun/zun"
)

// fields is the body of a request in the making.
type fields map[string]any

// set puts the value under name unless it is its type's zero.
func set[T comparable](f fields, name string, value T) {
	var zero T
	if value != zero {
		f[name] = value
	}
}

// change puts what the pointer points to under name, unless it is nil.
func change[T any](f fields, name string, value *T) {
	if value != nil {
		f[name] = *value
	}
}

// CreateNetwork makes a network.
func (c *Client) CreateNetwork(ctx context.Context, spec zun.NeutronNetworkSpec) (zun.NeutronNetwork, error) {
	body := fields{"admin_state_up": true}
	set(body, "name", spec.Name)
	set(body, "description", spec.Description)
	set(body, "project_id", spec.ProjectID)
	set(body, "shared", spec.Shared)
	return create[network, zun.NeutronNetwork](ctx, c, kindNetworks, "cannot create network "+spec.Name, body, spec.Tags)
}

// CreateSubnet makes a subnet, out of a pool when the spec names one.
func (c *Client) CreateSubnet(ctx context.Context, spec zun.NeutronSubnetSpec) (zun.NeutronSubnet, error) {
	body := fields{"network_id": spec.NetworkID, "ip_version": version(spec), "enable_dhcp": spec.EnableDHCP}
	set(body, "name", spec.Name)
	set(body, "project_id", spec.ProjectID)
	set(body, "subnetpool_id", spec.PoolID)
	if spec.CIDR.IsValid() {
		body["cidr"] = spec.CIDR.String()
	}
	switch {
	case spec.Gateway.IsValid():
		body["gateway_ip"] = spec.Gateway.String()
	case spec.NoGateway:
		body["gateway_ip"] = nil
	}
	doing := "cannot create subnet " + spec.Name + " on network " + spec.NetworkID
	return create[subnet, zun.NeutronSubnet](ctx, c, kindSubnets, doing, body, spec.Tags)
}

// version returns 4 or 6; Neutron wants it even where the CIDR says it.
func version(spec zun.NeutronSubnetSpec) int {
	if spec.CIDR.Addr().Is6() || !spec.CIDR.IsValid() && spec.Gateway.Is6() {
		return 6
	}
	return 4
}

// CreatePool makes a subnetpool.
func (c *Client) CreatePool(ctx context.Context, spec zun.NeutronPoolSpec) (zun.NeutronPool, error) {
	body := fields{"prefixes": prefixes(spec.Prefixes)}
	set(body, "name", spec.Name)
	set(body, "description", spec.Description)
	set(body, "project_id", spec.ProjectID)
	set(body, "default_prefixlen", spec.DefaultPrefixLen)
	set(body, "shared", spec.Shared)
	return create[pool, zun.NeutronPool](ctx, c, kindPools, "cannot create subnetpool "+spec.Name, body, spec.Tags)
}

func prefixes(list []netip.Prefix) []string {
	texts := []string{}
	for _, prefix := range list {
		texts = append(texts, prefix.String())
	}
	return texts
}

// CreatePort makes a port.
func (c *Client) CreatePort(ctx context.Context, spec zun.PortSpec) (zun.Port, error) {
	body := newPort(spec)
	doing := "cannot create port on network " + spec.NetworkID
	if spec.TagsLater {
		made, err := post[port](ctx, c, kindPorts, doing, body, spec.Tags)
		return read[port, zun.Port](doing, made, err)
	}
	return create[port, zun.Port](ctx, c, kindPorts, doing, body, spec.Tags)
}

// CreatePorts makes several ports in one request, all or none, and without tags.
func (c *Client) CreatePorts(ctx context.Context, specs []zun.PortSpec) ([]zun.Port, error) {
	bodies := []fields{}
	for _, spec := range specs {
		bodies = append(bodies, newPort(spec))
	}
	doing := fmt.Sprintf("cannot create %d ports", len(specs))
	made, err := exchangeUnder[[]port](ctx, c, doing, kindPorts, request{method: "POST", path: kindPorts, body: fields{kindPorts: bodies}})
	if err != nil {
		return nil, err
	}
	ports := make([]zun.Port, len(*made))
	for i := range ports {
		if ports[i], err = read[port, zun.Port](doing, &(*made)[i], nil); err != nil {
			return nil, err
		}
	}
	return ports, nil
}

// newPort is the body of a request for a port, without its tags.
func newPort(spec zun.PortSpec) fields {
	body := fields{"network_id": spec.NetworkID, "admin_state_up": true}
	set(body, "name", spec.Name)
	set(body, "project_id", spec.ProjectID)
	set(body, "mac_address", spec.MAC)
	set(body, "device_id", spec.DeviceID)
	set(body, "device_owner", spec.DeviceOwner)
	set(body, "binding:host_id", spec.Host)
	if spec.SecurityGroups != nil {
		body["security_groups"] = spec.SecurityGroups
	}
	if spec.AddressPairs != nil {
		body["allowed_address_pairs"] = addressPairs(spec.AddressPairs)
	}
	set(body, "qos_policy_id", spec.QoSPolicyID)
	change(body, "port_security_enabled", spec.PortSecurity)
	if len(spec.FixedIPs) > 0 {
		body["fixed_ips"] = fixedIPs(spec.FixedIPs)
	}
	return body
}

func fixedIPs(addresses []zun.Address) []fixedIP {
	fixed := []fixedIP{}
	for _, address := range addresses {
		f := fixedIP{SubnetID: address.SubnetID}
		if address.IP.IsValid() {
			f.IP = address.IP.String()
		}
		fixed = append(fixed, f)
	}
	return fixed
}

// addressPairs spells allowed address pairs as Neutron does.
func addressPairs(pairs []zun.AddressPair) []addressPair {
	spelled := []addressPair{}
	for _, pair := range pairs {
		spelled = append(spelled, addressPair(pair))
	}
	return spelled
}

// orNull is nil for "".
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// UpdatePort changes a port; a change of nothing only shows it. CodePortNotFound;
// CodeConflict too when the port has another revision than the change insists on.
func (c *Client) UpdatePort(ctx context.Context, id string, wanted zun.PortChange) (zun.Port, error) {
	body := fields{}
	change(body, "name", wanted.Name)
	change(body, "mac_address", wanted.MAC)
	change(body, "device_id", wanted.DeviceID)
	change(body, "device_owner", wanted.DeviceOwner)
	change(body, "binding:host_id", wanted.Host)
	if wanted.FixedIPs != nil {
		body["fixed_ips"] = fixedIPs(wanted.FixedIPs)
	}
	if wanted.SecurityGroups != nil {
		body["security_groups"] = wanted.SecurityGroups
	}
	if wanted.AddressPairs != nil {
		body["allowed_address_pairs"] = addressPairs(wanted.AddressPairs)
	}
	if wanted.QoSPolicyID != nil {
		body["qos_policy_id"] = orNull(*wanted.QoSPolicyID)
	}
	change(body, "port_security_enabled", wanted.PortSecurity)
	if len(body) == 0 || id == "" {
		return c.Port(ctx, id)
	}
	r := request{method: "PUT", path: path(kindPorts, id), body: fields{singular(kindPorts): body}}
	if wanted.IfRevision != nil {
		r.header = map[string]string{"If-Match": fmt.Sprintf("revision_number=%d", *wanted.IfRevision)}
	}
	doing := "cannot update port " + id
	changed, err := exchange[port](ctx, c, doing, r)
	return read[port, zun.Port](doing, changed, err)
}

// DeleteNetwork deletes a network; that it is gone is success.
func (c *Client) DeleteNetwork(ctx context.Context, id string) error {
	return c.remove(ctx, kindNetworks, id)
}

// DeleteSubnet deletes a subnet; that it is gone is success.
func (c *Client) DeleteSubnet(ctx context.Context, id string) error {
	return c.remove(ctx, kindSubnets, id)
}

// DeletePool deletes a subnetpool; that it is gone is success.
func (c *Client) DeletePool(ctx context.Context, id string) error {
	return c.remove(ctx, kindPools, id)
}

// DeletePort deletes a port; that it is gone is success.
func (c *Client) DeletePort(ctx context.Context, id string) error {
	return c.remove(ctx, kindPorts, id)
}

func (c *Client) remove(ctx context.Context, kind, id string) error {
	doing := "cannot delete " + singular(kind) + " " + id
	if id == "" {
		return zun.Errorf(zun.CodeInvalid, "%s: the id is empty", doing)
	}
	return goneIsFine(c.call(ctx, doing, request{method: "DELETE", path: path(kind, id)}))
}
