package store

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

type networkRow struct {
	bun.BaseModel `bun:"table:network,alias:n"`

	ID            int64 `bun:",pk,autoincrement"`
	UUID          string
	Name          string
	ProjectID     string
	UserID        string
	OwnName       *string // the name again, null for implicit ones: unique in the project
	ImplicitNetID *string // implicitKey, null for all others: unique
	NeutronNetID  string
	NeutronPoolID string
	Subnets       string
	Shared        bool
	MTU           int `bun:"mtu"`
	Made          string
	Status        string
	StatusReason  string
	CreatedAt     int64
	UpdatedAt     int64
}

// networkColumns selects a network beside an attachment, under the prefix n__.
func networkColumns() string {
	columns := strings.Fields(`id uuid name project_id user_id own_name implicit_net_id neutron_net_id neutron_pool_id subnets
		shared mtu made status status_reason created_at updated_at`)
	for i, column := range columns {
		columns[i] = "n." + column + " AS n__" + column
	}
	return strings.Join(columns, ", ")
}

func rowOfNetwork(n zun.Network) *networkRow {
	row := &networkRow{
		UUID: n.ID, Name: n.Name, ProjectID: n.ProjectID, UserID: n.UserID,
		NeutronNetID: n.NeutronNetID, NeutronPoolID: n.NeutronPoolID, Subnets: toJSON(n.Subnets),
		Shared: n.Shared, MTU: n.MTU, Made: toJSON(n.Made), Status: string(n.Status), StatusReason: n.StatusReason,
		CreatedAt: toMicros(n.CreatedAt), UpdatedAt: toMicros(n.UpdatedAt),
	}
	if n.Implicit {
		key := implicitKey(n.NeutronNetID, n.OnlyIPv4)
		row.ImplicitNetID = &key
	} else {
		row.OwnName = nullable(n.Name)
	}
	return row
}

func (r *networkRow) network() zun.Network {
	return zun.Network{
		ID: r.UUID, Name: r.Name, ProjectID: r.ProjectID, UserID: r.UserID, Implicit: r.ImplicitNetID != nil,
		OnlyIPv4:     r.ImplicitNetID != nil && strings.HasSuffix(*r.ImplicitNetID, onlyIPv4),
		NeutronNetID: r.NeutronNetID, NeutronPoolID: r.NeutronPoolID, Subnets: fromJSON[[]zun.Subnet](r.Subnets),
		Shared: r.Shared, MTU: r.MTU, Made: fromJSON[zun.Made](r.Made),
		Status: zun.NetworkStatus(r.Status), StatusReason: r.StatusReason,
		CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt),
	}
}

// onlyIPv4 ends the key of an implicit network that has no IPv6.
const onlyIPv4 = "/4"

// implicitKey is what there is one implicit network of: the Neutron network's UUID, and
// for the one without IPv6 that in 36 characters too.
func implicitKey(neutronNetID string, withoutIPv6 bool) string {
	if !withoutIPv6 {
		return neutronNetID
	}
	return strings.ReplaceAll(neutronNetID, "-", "") + onlyIPv4
}

func networksOf(rows []networkRow) []zun.Network {
	networks := make([]zun.Network, len(rows))
	for i := range rows {
		networks[i] = rows[i].network()
	}
	return networks
}

func noNetwork(ref string) *zun.Error {
	return zun.Errorf(zun.CodeNetworkNotFound, "Network %s could not be found.", ref)
}

// AddNetwork inserts a network. CodeNetworkExists: the project has one of this name, or,
// for an implicit one, the Neutron network has its row already.
func (s *Store) AddNetwork(ctx context.Context, n zun.Network) error {
	taken := zun.Errorf(zun.CodeNetworkExists, "cannot create network %q: the project has a network of this name; "+
		"choose another name, or look at it with network-show and delete it first", n.Name)
	if n.Implicit {
		taken = zun.Errorf(zun.CodeNetworkExists, "Neutron network %s has a handle already", n.NeutronNetID)
	}
	return s.insert(ctx, rowOfNetwork(n), taken)
}

// SaveNetwork writes every field of a network that is there.
func (s *Store) SaveNetwork(ctx context.Context, n zun.Network) error {
	// A uuid among the columns, though it stays, would have SQLite look at all rows that refer to it.
	ok, err := changedOne(s.writer(ctx).NewUpdate().Model(rowOfNetwork(n)).ExcludeColumn("id", "uuid").Where("uuid = ?", n.ID).Exec(ctx))
	if err == nil && !ok {
		return noNetwork(n.ID)
	}
	return err
}

// DeleteNetwork removes a network. Gone already is success; CodeNetworkInUse:
// attachments are left.
func (s *Store) DeleteNetwork(ctx context.Context, id string) error {
	_, err := s.writer(ctx).NewDelete().Model((*networkRow)(nil)).Where("uuid = ?", id).Exec(ctx)
	if err != nil && isReferred(err) {
		return zun.Wrap(zun.CodeNetworkInUse, err, "cannot delete network %s: containers are attached to it", id)
	}
	return internal(err, "cannot delete network %s", id)
}

// Network returns a network by UUID, or CodeNetworkNotFound.
func (s *Store) Network(ctx context.Context, id string) (zun.Network, error) {
	return s.oneNetwork(ctx, id, "n.uuid = ?", id)
}

// ImplicitNetwork returns the row that stands for a Neutron network, with all of its
// subnets or without those of IPv6, or CodeNetworkNotFound.
func (s *Store) ImplicitNetwork(ctx context.Context, neutronNetID string, withoutIPv6 bool) (zun.Network, error) {
	return s.oneNetwork(ctx, neutronNetID, "n.implicit_net_id = ?", implicitKey(neutronNetID, withoutIPv6))
}

func (s *Store) oneNetwork(ctx context.Context, ref, where string, args ...any) (zun.Network, error) {
	var row networkRow
	if err := s.reader(ctx).NewSelect().Model(&row).Where(where, args...).Scan(ctx); err != nil {
		return zun.Network{}, found(err, noNetwork(ref))
	}
	return row.network(), nil
}

// NetworkDetail returns a network with the containers on it, or CodeNetworkNotFound.
func (s *Store) NetworkDetail(ctx context.Context, id string) (zun.NetworkDetail, error) {
	network, err := s.Network(ctx, id)
	if err != nil {
		return zun.NetworkDetail{}, err
	}
	holders, err := s.Holders(ctx, id)
	return zun.NetworkDetail{Network: network, Holders: holders}, err
}

// FindNetworks returns the networks that are not implicit and whose UUID or name is ref,
// oldest first, of one project or, with an empty projectID, of all.
func (s *Store) FindNetworks(ctx context.Context, projectID, ref string) ([]zun.Network, error) {
	var rows []networkRow
	query := s.reader(ctx).NewSelect().Model(&rows).Where("n.implicit_net_id IS NULL").OrderExpr("n.id")
	byReference(query, "n", projectID, ref, "own_name")
	if err := query.Scan(ctx); err != nil {
		return nil, internal(err, "cannot find network %q", ref)
	}
	return networksOf(rows), nil
}

// NetworksOf returns a project's networks on a Neutron network, oldest first; implicit
// ones are not among them.
func (s *Store) NetworksOf(ctx context.Context, projectID, neutronNetID string) ([]zun.Network, error) {
	var rows []networkRow
	err := s.reader(ctx).NewSelect().Model(&rows).Where("n.implicit_net_id IS NULL").
		Where("n.project_id = ? AND n.neutron_net_id = ?", projectID, neutronNetID).OrderExpr("n.id").Scan(ctx)
	return networksOf(rows), internal(err, "cannot find networks on %s", neutronNetID)
}
