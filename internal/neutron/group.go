package neutron

import (
	"context"
	"net/url"

	"github.com/gozun/gozun/zun"
)

// CreateSecurityGroup makes a security group, which lets everything out and nothing in.
func (c *Client) CreateSecurityGroup(ctx context.Context, spec zun.SecurityGroupSpec) (zun.SecurityGroup, error) {
	body := fields{}
	set(body, "name", spec.Name)
	set(body, "project_id", spec.ProjectID)
	set(body, "description", spec.Description)
	return create[group, zun.SecurityGroup](ctx, c, kindGroups, "cannot create security group "+spec.Name, body, nil)
}

// AllowIngress makes rules of a security group, in one request. CodeConflict when one is
// there already; nothing is made then.
func (c *Client) AllowIngress(ctx context.Context, groupID string, rules []zun.Ingress) error {
	if len(rules) == 0 {
		return nil
	}
	list := []fields{}
	for _, rule := range rules {
		body := fields{"security_group_id": groupID, "direction": "ingress", "ethertype": map[bool]string{false: "IPv4", true: "IPv6"}[rule.V6]}
		set(body, "protocol", rule.Protocol)
		set(body, "port_range_min", rule.From)
		set(body, "port_range_max", rule.To)
		list = append(list, body)
	}
	r := request{method: "POST", path: kindRules, body: fields{"security_group_rules": list}, answer: &map[string]any{}}
	return c.call(ctx, "cannot create rules of security group "+groupID, r)
}

// kindRules is the kind of the rules of security groups.
const kindRules = "security-group-rules"

// DeleteSecurityGroup deletes a security group and its rules; that it is gone is success.
// CodeConflict while a port has it.
func (c *Client) DeleteSecurityGroup(ctx context.Context, id string) error {
	return c.remove(ctx, kindGroups, id)
}

// policy is a QoS policy in Neutron's JSON.
type policy struct{ common }

// FindQoSPolicies returns the QoS policies of that id or name; none is no error.
// CodeNotImplemented when Neutron has no QoS.
func (c *Client) FindQoSPolicies(ctx context.Context, q zun.NeutronQuery) ([]zun.QoSPolicy, error) {
	if !c.has(ctx, "qos") {
		return nil, zun.Errorf(zun.CodeNotImplemented, "cannot list QoS policies: this Neutron has none (its extension qos is off)")
	}
	filter := url.Values{}
	for name, value := range map[string]string{"id": q.ID, "name": q.Name, "project_id": q.ProjectID} {
		if value != "" {
			filter.Set(name, value)
		}
	}
	var answer struct{ Policies []policy }
	if err := c.call(ctx, "cannot list QoS policies", request{method: "GET", path: "qos/policies?" + filter.Encode(), answer: &answer}); err != nil {
		return nil, err
	}
	found := []zun.QoSPolicy{}
	for _, p := range answer.Policies {
		found = append(found, zun.QoSPolicy{ID: p.ID, Name: p.Name, ProjectID: p.ProjectID})
	}
	return found, nil
}

// ProjectID returns the project that the session's credentials are for.
func (c *Client) ProjectID(ctx context.Context) (string, error) { return c.session.ProjectID(ctx) }

// GroupsDescribed returns the security groups of all projects that have exactly that
// description; none is no error.
func (c *Client) GroupsDescribed(ctx context.Context, description string) ([]zun.SecurityGroup, error) {
	return filtered[group, zun.SecurityGroup](ctx, c, kindGroups, url.Values{"description": {description}})
}
