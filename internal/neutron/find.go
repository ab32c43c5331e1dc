package neutron

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/gozun/gozun/zun"
)

// The kinds of resource, as they stand in URLs.
const (
	kindNetworks = "networks"
	kindSubnets  = "subnets"
	kindPools    = "subnetpools"
	kindPorts    = "ports"
	kindGroups   = "security-groups"
)

// singular names one resource of a kind, in JSON and, with spaces, in error texts.
func singular(kind string) string {
	return strings.ReplaceAll(strings.TrimSuffix(kind, "s"), "-", "_")
}

// FindNetworks returns the networks that the query chooses, in Neutron's order; none is no
// error.
func (c *Client) FindNetworks(ctx context.Context, q zun.NeutronQuery) ([]zun.NeutronNetwork, error) {
	return find[network, zun.NeutronNetwork](ctx, c, kindNetworks, q)
}

// FindSubnets returns the subnets that the query chooses; none is no error.
func (c *Client) FindSubnets(ctx context.Context, q zun.NeutronQuery) ([]zun.NeutronSubnet, error) {
	return find[subnet, zun.NeutronSubnet](ctx, c, kindSubnets, q)
}

// FindPools returns the subnetpools that the query chooses; none is no error.
func (c *Client) FindPools(ctx context.Context, q zun.NeutronQuery) ([]zun.NeutronPool, error) {
	return find[pool, zun.NeutronPool](ctx, c, kindPools, q)
}

// FindPorts returns the ports that the query chooses; none is no error.
func (c *Client) FindPorts(ctx context.Context, q zun.NeutronQuery) ([]zun.Port, error) {
	return find[port, zun.Port](ctx, c, kindPorts, q)
}

// FindSecurityGroups returns the security groups that the query chooses; none is no error.
func (c *Client) FindSecurityGroups(ctx context.Context, q zun.NeutronQuery) ([]zun.SecurityGroup, error) {
	return find[group, zun.SecurityGroup](ctx, c, kindGroups, q)
}

// Network returns the network of that id. CodeNetworkNotFound.
func (c *Client) Network(ctx context.Context, id string) (zun.NeutronNetwork, error) {
	return show[network, zun.NeutronNetwork](ctx, c, kindNetworks, id)
}

// Port returns the port of that id. CodePortNotFound.
func (c *Client) Port(ctx context.Context, id string) (zun.Port, error) {
	return show[port, zun.Port](ctx, c, kindPorts, id)
}

func find[W, T any, R resource[W, T]](ctx context.Context, c *Client, kind string, q zun.NeutronQuery) ([]T, error) {
	return filtered[W, T, R](ctx, c, kind, values(q))
}

// filtered lists all pages. A failure on a later page fails the whole: half a list would be
// taken for all of it.
func filtered[W, T any, R resource[W, T]](ctx context.Context, c *Client, kind string, filter url.Values) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	doing := "cannot list " + strings.ReplaceAll(kind, "-", " ")
	found := []T{}
	next := kind
	if query := filter.Encode(); query != "" {
		next += "?" + query
	}
	for next != "" {
		var page map[string]json.RawMessage
		if err := c.call(ctx, doing, request{method: "GET", path: next, answer: &page}); err != nil {
			return nil, err
		}
		key := strings.ReplaceAll(kind, "-", "_")
		items, following, err := decodePage[W](page, key)
		if err != nil {
			return nil, zun.Wrap(zun.CodeUnavailable, err, "%s: Neutron's answer cannot be read", doing)
		}
		for i := range items {
			thing, err := R(&items[i]).read()
			if err != nil {
				return nil, zun.Wrap(zun.CodeUnavailable, err, "%s: Neutron's answer cannot be read: %v", doing, err)
			}
			found = append(found, thing)
		}
		if following == next {
			break
		}
		next = following
	}
	return found, nil
}

// decodePage returns the items of a page and the URL of the next one, "" after the last.
func decodePage[W any](page map[string]json.RawMessage, key string) (items []W, next string, err error) {
	raw, there := page[key]
	if !there {
		return nil, "", fmt.Errorf("no %q in the answer", key)
	}
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, "", err
	}
	var links []struct{ Rel, Href string }
	if raw, there := page[key+"_links"]; there {
		if err := json.Unmarshal(raw, &links); err != nil {
			return nil, "", err
		}
	}
	for _, link := range links {
		if link.Rel == "next" {
			return items, link.Href, nil
		}
	}
	return items, "", nil
}

func show[W, T any, R resource[W, T]](ctx context.Context, c *Client, kind, id string) (T, error) {
	doing := "cannot show " + singular(kind) + " " + id
	if id == "" {
		var none T
		return none, zun.Errorf(zun.CodeInvalid, "%s: the id is empty", doing)
	}
	shown, err := exchange[W](ctx, c, doing, request{method: "GET", path: path(kind, id)})
	return read[W, T, R](doing, shown, err)
}

// exchange makes a request whose answer is one resource.
func exchange[W any](ctx context.Context, c *Client, doing string, r request) (*W, error) {
	return exchangeUnder[W](ctx, c, doing, singular(r.kind()), r)
}

// exchangeUnder sends a request and returns what its answer has under key.
func exchangeUnder[W any](ctx context.Context, c *Client, doing, key string, r request) (*W, error) {
	wrapped := map[string]*W{}
	r.answer = &wrapped
	if err := c.call(ctx, doing, r); err != nil {
		return nil, err
	}
	if wrapped[key] == nil {
		return nil, zun.Errorf(zun.CodeUnavailable, "%s: Neutron's answer has no %q", doing, key)
	}
	return wrapped[key], nil
}

// read ends an exchange with zun's word for the resource.
func read[W, T any, R resource[W, T]](doing string, wire *W, err error) (T, error) {
	var none T
	if err != nil {
		return none, err
	}
	thing, err := R(wire).read()
	if err != nil {
		return none, zun.Wrap(zun.CodeUnavailable, err, "%s: Neutron's answer cannot be read: %v", doing, err)
	}
	return thing, nil
}

// path returns kind/part/part with every part escaped.
func path(kind string, parts ...string) string {
	escaped := []string{kind}
	for _, part := range parts {
		escaped = append(escaped, url.PathEscape(part))
	}
	return strings.Join(escaped, "/")
}

// values returns the query string's parameters.
func values(q zun.NeutronQuery) url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"id": q.ID, "name": q.Name, "description": q.Description, "project_id": q.ProjectID, "network_id": q.NetworkID,
		"mac_address": q.MAC, "device_id": q.DeviceID, "subnetpool_id": q.PoolID,
		"tags": strings.Join(q.Tags, ","),
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.SubnetID != "" {
		v.Add("fixed_ips", "subnet_id="+q.SubnetID)
	}
	if q.IP.IsValid() {
		v.Add("fixed_ips", "ip_address="+q.IP.String())
	}
	if q.CIDR.IsValid() {
		v.Set("cidr", q.CIDR.String())
	}
	if q.Shared != nil {
		v.Set("shared", strconv.FormatBool(*q.Shared))
	}
	return v
}
