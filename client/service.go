package client

import (
	"context"
	"net/url"
	"strconv"
)

// Service is the agent of a host as operators see it. All calls about services are for
// administrators. Binary is "zun-compute" (zun.BinaryCompute).
type Service struct {
	ID               int64  `json:"id"`
	Host             string `json:"host"`
	Binary           string `json:"binary"`
	State            string `json:"state"` // up or down
	Disabled         bool   `json:"disabled"`
	DisabledReason   string `json:"disabled_reason"`
	ForcedDown       bool   `json:"forced_down"`
	AvailabilityZone string `json:"availability_zone"`
	ReportCount      int64  `json:"report_count"`
	LastSeenUp       Time   `json:"last_seen_up"`
	CreatedAt        Time   `json:"created_at"`
	UpdatedAt        Time   `json:"updated_at"`
}

// ListServices returns the services of all hosts.
func (c *Client) ListServices(ctx context.Context) ([]Service, error) {
	var answer struct {
		Services []Service `json:"services"`
	}
	_, err := c.call(ctx, request{method: "GET", path: "/services"}, &answer)
	return answer.Services, err
}

// EnableService lets new containers be placed on a host. The answer has what the call
// changes and nothing else; CodeServiceNotFound when the host has no such service.
func (c *Client) EnableService(ctx context.Context, host, binary string) (Service, error) {
	return c.changeService(ctx, "enable", host, binary, nil)
}

// DisableService keeps new containers from a host; reason, if any, is shown to who looks.
func (c *Client) DisableService(ctx context.Context, host, binary, reason string) (Service, error) {
	query := url.Values{}
	set(query, "disabled_reason", reason)
	return c.changeService(ctx, "disable", host, binary, query)
}

// ForceDownService makes a host count as down, or, without down, as what is heard of it.
func (c *Client) ForceDownService(ctx context.Context, host, binary string, down bool) (Service, error) {
	return c.changeService(ctx, "force_down", host, binary, url.Values{"forced_down": {strconv.FormatBool(down)}})
}

func (c *Client) changeService(ctx context.Context, change, host, binary string, query url.Values) (Service, error) {
	var answer struct {
		Service Service `json:"service"`
	}
	_, err := c.call(ctx, request{method: "PUT", path: "/services/" + change, query: serviceQuery(host, binary, query)}, &answer)
	return answer.Service, err
}

// DeleteService forgets a service. One whose host is alive comes back by itself.
func (c *Client) DeleteService(ctx context.Context, host, binary string) error {
	_, err := c.call(ctx, request{method: "DELETE", path: "/services", query: serviceQuery(host, binary, nil)}, nil)
	return err
}

func serviceQuery(host, binary string, query url.Values) url.Values {
	if query == nil {
		query = url.Values{}
	}
	query.Set("host", host)
	query.Set("binary", binary)
	return query
}
