package control

import (
	"context"
	"slices"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// ListZones returns a page of the names of the availability zones that hosts are in; the
// marker is a name. CodeInvalid: the sort key is not availability_zone; CodeNotFound: the
// marker is no zone.
func (s *Service) ListZones(ctx context.Context, _ policy.Grant, page zun.Page) ([]string, error) {
	services, err := s.services(ctx)
	if err != nil {
		return nil, err
	}
	zones := make([]string, len(services))
	for i, service := range services {
		zones[i] = service.AvailabilityZone
	}
	slices.Sort(zones)
	self := func(zone string) string { return zone }
	return pageOf(slices.Compact(zones), page, map[string]comparison[string]{"availability_zone": by(self)}, self,
		zun.Errorf(zun.CodeNotFound, "Availability zone %s could not be found.", page.Marker))
}
