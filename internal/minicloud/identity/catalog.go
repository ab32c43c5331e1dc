package identity

import (
	"strings"

	"github.com/gozun/gozun/zun"
)

// catalog is the service catalog as tokens carry it; the caller holds the state still.
func (s *Service) catalog() []object {
	list := []object{}
	for _, service := range s.state.sortedServices() {
		endpoints := []object{}
		for _, e := range s.state.sortedEndpoints() {
			if e.ServiceID == service.ID {
				endpoints = append(endpoints, object{
					"id": e.ID, "interface": e.Interface, "region": e.Region, "region_id": e.Region, "url": e.URL,
				})
			}
		}
		list = append(list, object{"id": service.ID, "type": service.Type, "name": service.Name, "endpoints": endpoints})
	}
	return list
}

func (st *state) sortedServices() []catalogService {
	all := func(catalogService) bool { return true }
	return sorted(st.services.rows, all, func(a, b catalogService) int { return strings.Compare(a.Type, b.Type) })
}

func (st *state) sortedEndpoints() []endpoint {
	all := func(endpoint) bool { return true }
	place := func(e endpoint) string {
		return st.services.rows[e.ServiceID].Type + "\x00" + e.Region + "\x00" + e.Interface
	}
	return sorted(st.endpoints.rows, all, func(a, b endpoint) int { return strings.Compare(place(a), place(b)) })
}

func (s *Service) showCatalog(c *call) (answer, error) {
	if c.who.token.Scope.empty() {
		return answer{}, forbidden("identity:get_auth_catalog")
	}
	var body any
	s.state.read(func() { body = object{"catalog": s.catalog(), "links": c.self("auth", "catalog")} })
	return answer{body: body}, nil
}

func (s *Service) listServices(c *call) (answer, error) {
	list := []object{}
	s.state.read(func() {
		for _, service := range s.state.sortedServices() {
			if c.filter("type", service.Type) && c.filter("name", service.Name) {
				list = append(list, c.service(service))
			}
		}
	})
	return c.list("services", list), nil
}

func (c *call) service(service catalogService) object {
	return object{
		"id": service.ID, "type": service.Type, "name": service.Name, "enabled": true,
		"links": c.self("services", service.ID),
	}
}

func (s *Service) showService(c *call) (answer, error) {
	return show(s, c, "service", s.state.services.rows, c.service)
}

func (s *Service) listEndpoints(c *call) (answer, error) {
	list := []object{}
	s.state.read(func() {
		for _, e := range s.state.sortedEndpoints() {
			if c.filter("service_id", e.ServiceID) && c.filter("interface", e.Interface) && c.filter("region_id", e.Region) {
				list = append(list, c.endpoint(e))
			}
		}
	})
	return c.list("endpoints", list), nil
}

func (c *call) endpoint(e endpoint) object {
	return object{
		"id": e.ID, "service_id": e.ServiceID, "interface": e.Interface, "region": e.Region, "region_id": e.Region,
		"url": e.URL, "enabled": true, "links": c.self("endpoints", e.ID),
	}
}

func (s *Service) showEndpoint(c *call) (answer, error) {
	return show(s, c, "endpoint", s.state.endpoints.rows, c.endpoint)
}

func (s *Service) listRegions(c *call) (answer, error) {
	list := []object{}
	s.state.read(func() {
		all := func(region) bool { return true }
		for _, r := range sorted(s.state.regions.rows, all, func(a, b region) int { return strings.Compare(a.ID, b.ID) }) {
			list = append(list, c.region(r))
		}
	})
	return c.list("regions", list), nil
}

func (c *call) region(r region) object {
	return object{"id": r.ID, "description": "", "parent_region_id": nil, "links": c.self("regions", r.ID)}
}

func (s *Service) showRegion(c *call) (answer, error) {
	return show(s, c, "region", s.state.regions.rows, c.region)
}

// show answers with one row, which the path names by the kind.
func show[T any](s *Service, c *call, kind string, rows map[string]T, render func(T) object) (answer, error) {
	id := c.request.PathValue(kind)
	var (
		row   T
		there bool
		body  object
	)
	s.state.read(func() {
		if row, there = rows[id]; there {
			body = render(row)
		}
	})
	if !there {
		return answer{}, notFound(kind, id)
	}
	return answer{body: object{kind: body}}, nil
}

// defaultDomain is the one domain.
var defaultDomain = domain{ID: defaultDomainID, Name: "Default", Description: "The default domain"}

func (d domain) brief() object { return object{"id": d.ID, "name": d.Name} }

func (c *call) domain(d domain) object {
	return object{
		"id": d.ID, "name": d.Name, "description": d.Description, "enabled": true, "tags": []string{},
		"options": object{}, "links": c.self("domains", d.ID),
	}
}

func (s *Service) listDomains(c *call) (answer, error) {
	list := []object{}
	if c.filter("name", defaultDomain.Name) && c.filterBool("enabled", true) {
		list = append(list, c.domain(defaultDomain))
	}
	return c.list("domains", list), nil
}

func (s *Service) showDomain(c *call) (answer, error) {
	return show(s, c, "domain", map[string]domain{defaultDomainID: defaultDomain}, c.domain)
}

func (s *Service) refuseDomainChange(*call) (answer, error) {
	return answer{}, zun.Errorf(zun.CodePolicyNotAuthorized, "this identity service has the domain %s and no others, and it cannot be changed", defaultDomain.Name)
}

// listNoGroups answers for groups, which there are none of: clients ask.
func (s *Service) listNoGroups(c *call) (answer, error) { return c.list("groups", []object{}), nil }
