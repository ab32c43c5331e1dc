package api

import (
	"net/netip"
	"time"

	"github.com/gozun/gozun/zun"
)

// networkView is the JSON of a network from microversion 1.41.
type networkView struct {
	UUID          string           `json:"uuid"`
	Links         []link           `json:"links,omitempty"` // of a single network only
	Name          string           `json:"name"`
	ProjectID     string           `json:"project_id"`
	UserID        string           `json:"user_id"`
	NeutronNetID  string           `json:"neutron_net_id"`
	NeutronPoolID *string          `json:"neutron_pool_id"`
	Subnets       []subnetView     `json:"subnets"`
	Shared        bool             `json:"shared"`
	MTU           int              `json:"mtu"`
	Made          []string         `json:"made"`
	Status        string           `json:"status"`
	StatusReason  *string          `json:"status_reason"`
	Attachments   []attachmentView `json:"attachments"`
	CreatedAt     *string          `json:"created_at"`
	UpdatedAt     *string          `json:"updated_at"`
}

// subnetView is one subnet of a network.
type subnetView struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	CIDR      string  `json:"cidr"`
	GatewayIP *string `json:"gateway_ip"`
	IPVersion int     `json:"ip_version"`
	PoolID    *string `json:"subnetpool_id"`
}

// attachmentView is one container on a network.
type attachmentView struct {
	ContainerID   string        `json:"container_uuid"`
	ContainerName string        `json:"container_name"`
	PortID        *string       `json:"port_id"`
	MAC           *string       `json:"mac_address"`
	Addresses     []addressView `json:"addresses"`
}

// addressView is one address of a container on a network.
type addressView struct {
	Addr     string `json:"addr"`
	Version  int    `json:"version"`
	SubnetID string `json:"subnet_id"`
}

// viewNetwork makes the JSON of a network, without links.
func viewNetwork(n zun.NetworkDetail) networkView {
	view := networkView{
		UUID: n.ID, Name: n.Name, ProjectID: n.ProjectID, UserID: n.UserID,
		NeutronNetID: n.NeutronNetID, NeutronPoolID: optional(n.NeutronPoolID),
		Subnets: make([]subnetView, len(n.Subnets)), Shared: n.Shared, MTU: n.MTU, Made: madeKinds(n.Made),
		Status: string(n.Status), StatusReason: optional(n.StatusReason),
		Attachments: make([]attachmentView, len(n.Holders)),
		CreatedAt:   pythonTimeOrNil(n.CreatedAt), UpdatedAt: pythonTimeOrNil(n.UpdatedAt),
	}
	for i, subnet := range n.Subnets {
		view.Subnets[i] = subnetView{
			subnet.ID, subnet.Name, subnet.CIDR.String(), addressOrNil(subnet.Gateway),
			ipVersion(subnet.CIDR.Addr()), optional(subnet.PoolID),
		}
	}
	for i, holder := range n.Holders {
		view.Attachments[i] = viewHolder(holder)
	}
	return view
}

// viewHolder makes the JSON of a container on a network.
func viewHolder(h zun.Holder) attachmentView {
	view := attachmentView{
		ContainerID: h.Attachment.ContainerID, ContainerName: h.ContainerName,
		PortID: optional(h.Attachment.PortID), MAC: optional(h.Attachment.MAC),
		Addresses: make([]addressView, len(h.Attachment.Addresses)),
	}
	for i, a := range h.Attachment.Addresses {
		view.Addresses[i] = addressView{a.IP.String(), ipVersion(a.IP), a.SubnetID}
	}
	return view
}

// madeKinds names the kinds of Neutron resources that we made for a network.
func madeKinds(made zun.Made) []string {
	kinds := []string{}
	if made.NetworkID != "" {
		kinds = append(kinds, "network")
	}
	if made.PoolID != "" {
		kinds = append(kinds, "subnetpool")
	}
	if len(made.SubnetIDs) > 0 {
		kinds = append(kinds, "subnet")
	}
	return kinds
}

// addressOrNil is the text of an address, nil for none.
func addressOrNil(a netip.Addr) *string {
	if !a.IsValid() {
		return nil
	}
	return optional(a.String())
}

// pythonTimeOrNil is a time as containers have it, nil for no time.
func pythonTimeOrNil(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return optional(pythonTime(t))
}
