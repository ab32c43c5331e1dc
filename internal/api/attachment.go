package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/gozun/gozun/zun"
)

// portView is one network of a container from microversion 1.18.
type portView struct {
	NetID    string        `json:"net_id"`
	PortID   *string       `json:"port_id"`
	FixedIPs []fixedIPView `json:"fixed_ips"`
}

// fixedIPView is one address of a portView.
type fixedIPView struct {
	SubnetID  string `json:"subnet_id"`
	Version   int    `json:"version"`
	IPAddress string `json:"ip_address"`
}

// flatView is one address of a container up to microversion 1.17.
type flatView struct {
	NetID     string  `json:"net_id"`
	SubnetID  string  `json:"subnet_id"`
	PortID    *string `json:"port_id"`
	Version   int     `json:"version"`
	IPAddress string  `json:"ip_address"`
}

// listAttachments serves GET /v1/containers/{id}/network_list from 1.18.
func (s *server) listAttachments(ctx context.Context, c *call) (reply, error) {
	nets, err := s.Control.NetworksOf(ctx, c.grant, c.ident())
	if err != nil {
		return reply{}, err
	}
	views := make([]portView, 0, len(nets))
	for _, net := range nets {
		view := portView{NetID: net.Network.NeutronNetID, PortID: optional(net.Attachment.PortID), FixedIPs: []fixedIPView{}}
		for _, a := range net.Attachment.Addresses {
			view.FixedIPs = append(view.FixedIPs, fixedIPView{a.SubnetID, ipVersion(a.IP), a.IP.String()})
		}
		views = append(views, view)
	}
	return reply{status: http.StatusOK, body: map[string][]portView{"networks": views}}, nil
}

// listAddresses serves GET /v1/containers/{id}/network_list from 1.13 to 1.17.
func (s *server) listAddresses(ctx context.Context, c *call) (reply, error) {
	nets, err := s.Control.NetworksOf(ctx, c.grant, c.ident())
	if err != nil {
		return reply{}, err
	}
	views := []flatView{}
	for _, net := range nets {
		for _, a := range net.Attachment.Addresses {
			views = append(views, flatView{
				net.Network.NeutronNetID, a.SubnetID, optional(net.Attachment.PortID), ipVersion(a.IP), a.IP.String(),
			})
		}
	}
	return reply{status: http.StatusOK, body: map[string][]flatView{"networks": views}}, nil
}

// attachNetwork serves POST /v1/containers/{id}/network_attach: of a network, of a port,
// or, without either, of the default network.
func (s *server) attachNetwork(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	request, fixed := zun.NetRequest{Network: p.text("network"), Port: p.text("port")}, p.text("fixed_ip")
	if err := p.done(); err != nil {
		return reply{}, err
	}
	if request.Network != "" && request.Port != "" {
		return reply{}, zun.Errorf(zun.CodeInvalid,
			"cannot attach container %s: give either network or port, not both", shorten(c.ident()))
	}
	v4, v6 := fixed, ""
	if strings.Contains(fixed, ":") {
		v4, v6 = "", fixed
	}
	if fixedIPs(&request, v4, v6) != nil {
		return reply{}, invalidParam("fixed_ip", fixed, "it must be an IPv4 or IPv6 address")
	}
	err := s.Control.AttachNetwork(ctx, c.grant, c.ident(), request, c.version >= ownMinor)
	return reply{status: http.StatusOK}, err
}

// detachNetwork serves POST /v1/containers/{id}/network_detach.
func (s *server) detachNetwork(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	request := zun.NetRequest{Network: p.text("network"), Port: p.text("port")}
	if err := p.done(); err != nil {
		return reply{}, err
	}
	if (request.Network == "") == (request.Port == "") {
		return reply{}, zun.Errorf(zun.CodeInvalid,
			"cannot detach container %s: give either network or port", shorten(c.ident()))
	}
	return accepted(), s.Control.DetachNetwork(ctx, c.grant, c.ident(), request, c.version >= ownMinor)
}
