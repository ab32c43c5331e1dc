package client

import (
	"context"
	"net/url"
)

// AvailabilityZone is a set of hosts under one name.
type AvailabilityZone struct {
	Name string `json:"availability_zone"`
}

// ListAvailabilityZones returns the zones that hosts are in.
func (c *Client) ListAvailabilityZones(ctx context.Context) ([]AvailabilityZone, error) {
	return pages(ctx, c, "/availability_zones", "availability_zones", url.Values{}, 0, func(z AvailabilityZone) string { return z.Name })
}
