package api

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/gozun/gozun/zun"
)

// createNetwork serves POST /v1/networks from 1.41.
func (s *server) createNetwork(ctx context.Context, c *call) (reply, error) {
	body := c.args()
	if err := s.schemas.check("network_create", c.version, body); err != nil {
		return reply{}, c.needBody(err)
	}
	request, err := networkRequest(body)
	if err != nil {
		return reply{}, c.needBody(err)
	}
	detail, err := s.Control.CreateNetwork(ctx, c.grant, request)
	if err != nil {
		return reply{}, err
	}
	view := viewNetwork(detail)
	view.Links = c.links("networks", detail.ID)
	return reply{
		status: http.StatusCreated, body: view,
		header: map[string]string{"Location": view.Links[0].Href},
	}, nil
}

// networkRequest turns a body that fits the schema into what control takes.
func networkRequest(body map[string]any) (zun.NetworkRequest, error) {
	r := zun.NetworkRequest{
		Name: stringOf(body["name"]), NeutronNet: stringOf(body["neutron_net"]),
		NeutronPool: stringOf(body["neutron_pool"]), NeutronSubnets: wordList(body["neutron_subnet"]),
	}
	if zun.IsUUID(r.Name) {
		return r, invalidField("name", r.Name, "a name must not look like a UUID")
	}
	if one := stringOf(body["neutron_subnet"]); one != "" {
		r.NeutronSubnets = []string{one}
	}
	cidr := stringOf(body["subnet"])
	if cidr == "" {
		if r.NeutronNet == "" {
			return r, zun.Errorf(zun.CodeInvalid,
				"cannot create network %s: give neutron_net, or subnet (a CIDR) to have a new Neutron network made", r.Name)
		}
		return r, nil
	}
	if r.NeutronNet != "" || r.NeutronPool != "" || len(r.NeutronSubnets) > 0 {
		return r, zun.Errorf(zun.CodeInvalid,
			"cannot create network %s: subnet makes a new Neutron network, so neutron_net, neutron_pool and neutron_subnet cannot be given with it",
			r.Name)
	}
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return r, invalidField("subnet", cidr, "it must be a CIDR such as 10.2.0.0/24")
	}
	if prefix != prefix.Masked() {
		return r, invalidField("subnet", cidr, fmt.Sprintf("it has bits set after its prefix; did you mean %s?", prefix.Masked()))
	}
	r.CIDR = prefix
	return r, nil
}

// listNetworks serves GET /v1/networks from 1.41.
func (s *server) listNetworks(ctx context.Context, c *call) (reply, error) {
	q := s.listQuery(c, "name", "neutron_net_id", "status")
	if err := q.done(); err != nil {
		return reply{}, err
	}
	if err := s.mayList(c, q, "network"); err != nil {
		return reply{}, err
	}
	details, err := s.Control.ListNetworks(ctx, c.grant, zun.NetworkFilter{
		Name: q.filters["name"], NeutronNetID: q.filters["neutron_net_id"],
		Status: zun.NetworkStatus(q.filters["status"]), AllProjects: q.allProjects, Page: q.page,
	})
	if err != nil {
		return reply{}, err
	}
	page := struct {
		Networks []networkView `json:"networks"`
		Next     *string       `json:"next"`
	}{Networks: make([]networkView, len(details))}
	for i, detail := range details {
		page.Networks[i] = viewNetwork(detail)
	}
	if len(details) > 0 {
		page.Next = optional(q.next(c, "networks", len(details), details[len(details)-1].ID))
	}
	return reply{status: http.StatusOK, body: page}, nil
}

// showNetwork serves GET /v1/networks/{id} from 1.41.
func (s *server) showNetwork(ctx context.Context, c *call) (reply, error) {
	detail, err := s.Control.GetNetwork(ctx, c.grant, c.ident())
	if err != nil {
		return reply{}, err
	}
	view := viewNetwork(detail)
	view.Links = c.links("networks", detail.ID)
	return reply{status: http.StatusOK, body: view}, nil
}

// deleteNetwork serves DELETE /v1/networks/{id} from 1.41.
func (s *server) deleteNetwork(ctx context.Context, c *call) (reply, error) {
	if err := c.params().done(); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, s.Control.DeleteNetwork(ctx, c.grant, c.ident())
}

// handleView is the JSON of a network up to 1.40.
type handleView struct {
	UUID         string `json:"uuid"`
	Name         string `json:"name"`
	ProjectID    string `json:"project_id"`
	UserID       string `json:"user_id"`
	NetworkID    string `json:"network_id"` // Zun: Docker's id; ours: Docker's name of the network
	NeutronNetID string `json:"neutron_net_id"`
}

// createHandle serves POST /v1/networks up to 1.40.
func (s *server) createHandle(ctx context.Context, c *call) (reply, error) {
	body := c.args()
	if err := s.schemas.check("network_create", c.version, body); err != nil {
		return reply{}, c.needBody(err)
	}
	name, neutronNet := stringOf(body["name"]), stringOf(body["neutron_net_id"])
	detail, err := s.Control.CreateNeutronHandle(ctx, c.grant, name, neutronNet)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: handleView{
		UUID: detail.ID, Name: name, ProjectID: detail.ProjectID, UserID: detail.UserID,
		NetworkID: detail.NeutronNetID, NeutronNetID: detail.NeutronNetID,
	}}, nil
}

// deleteHandle serves DELETE /v1/networks/{neutron_net_id} from 1.27 to 1.40; the id may
// be a parameter, too.
func (s *server) deleteHandle(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	var id string
	if len(c.idents) > 0 {
		id = c.ident()
	} else {
		id = p.required("neutron_net_id")
	}
	if err := p.done(); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, s.Control.DeleteNeutronHandle(ctx, c.grant, id)
}
