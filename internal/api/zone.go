package api

import (
	"context"
	"net/http"
)

// zoneView is the JSON of an availability zone.
type zoneView struct {
	AvailabilityZone string `json:"availability_zone"`
}

// listZones serves GET /v1/availability_zones. As in Zun, parameters that it does not know
// are let pass. Zones have no UUIDs: the marker is a name.
func (s *server) listZones(ctx context.Context, c *call) (reply, error) {
	q := s.listQuery(c)
	q.defaultKey = "availability_zone"
	if q.err != nil {
		return reply{}, q.err
	}
	zones, err := s.Control.ListZones(ctx, c.grant, q.page)
	if err != nil {
		return reply{}, err
	}
	page := struct {
		Zones []zoneView `json:"availability_zones"`
		Next  *string    `json:"next"`
	}{Zones: make([]zoneView, len(zones))}
	for i, zone := range zones {
		page.Zones[i] = zoneView{zone}
	}
	if len(zones) > 0 {
		page.Next = optional(q.next(c, "availability_zones", len(zones), zones[len(zones)-1]))
	}
	return reply{status: http.StatusOK, body: page}, nil
}
