package control

import (
	"cmp"
	"context"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/internal/scheduler"
	"github.com/gozun/gozun/zun"
)

// ListServices returns the services of all hosts in the order in which they were first
// seen.
func (s *Service) ListServices(ctx context.Context, _ policy.Grant) ([]zun.ServiceDetail, error) {
	services, err := s.services(ctx)
	if err != nil {
		return nil, err
	}
	wrong, rules := s.wrongs(), s.rules()
	details := make([]zun.ServiceDetail, len(services))
	for i, service := range services {
		details[i] = zun.ServiceDetail{Service: service, Up: scheduler.Down(service, wrong(service.Host), rules) == ""}
	}
	return details, nil
}

// ChangeService records what the operator says about a service and returns it as it is
// then. A service that is enabled has no reason any more for having been disabled.
// CodeServiceNotFound: the host has no such service.
func (s *Service) ChangeService(ctx context.Context, _ policy.Grant, host, binary string, change zun.ServiceChange) (zun.Service, error) {
	var service zun.Service
	err := s.Store.Change(ctx, func(ctx context.Context) (err error) {
		if service, err = s.Store.Service(ctx, host, binary); err != nil {
			return err
		}
		if change.Disabled != nil {
			service.Disabled, service.DisabledReason = *change.Disabled, ""
			if service.Disabled {
				service.DisabledReason = change.DisabledReason
			}
		}
		if change.ForcedDown != nil {
			service.ForcedDown = *change.ForcedDown
		}
		service.UpdatedAt = s.now()
		return s.Store.SaveService(ctx, service)
	})
	return service, err
}

// DeleteService removes the record of a service. One whose host still gives signs of life
// comes back, enabled, with the next of them. A host that is down and has no containers is
// forgotten with its service. CodeServiceNotFound: the host has no such service.
func (s *Service) DeleteService(ctx context.Context, _ policy.Grant, host, binary string) error {
	wrong, rules := s.wrongs(), s.rules()
	return s.Store.Change(ctx, func(ctx context.Context) error {
		service, err := s.Store.Service(ctx, host, binary)
		if err != nil {
			return err
		}
		if err := s.Store.DeleteService(ctx, service.ID); err != nil {
			return err
		}
		usage, err := s.Store.Usage(ctx)
		if err != nil || usage[host].Containers > 0 || scheduler.Down(service, wrong(host), rules) == "" {
			return err
		}
		return s.Store.DeleteHost(ctx, host)
	})
}

// services returns the recorded services, each with the zone that it is in.
func (s *Service) services(ctx context.Context) ([]zun.Service, error) {
	services, err := s.Store.Services(ctx)
	for i := range services {
		services[i].AvailabilityZone = cmp.Or(services[i].AvailabilityZone, s.DefaultZone)
	}
	return services, err
}

// wrongs tells what is wrong with a host, as far as is known without asking it; "" is
// nothing.
func (s *Service) wrongs() func(host string) string {
	_, said := s.hosts.get()
	connected := map[string]bool{}
	for _, name := range s.Nodes.Names() {
		connected[name] = true
	}
	return func(host string) string {
		if !connected[host] {
			return "it is not connected"
		}
		return said[host]
	}
}
