package store

import (
	"context"
	"net/netip"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

type attachmentRow struct {
	bun.BaseModel `bun:"table:network_attachment,alias:a"`

	ID            int64 `bun:",pk,autoincrement"`
	UUID          string
	ContainerID   string
	NetworkID     string
	ProjectID     string
	Position      int
	RequestedPort *string
	RequestedIPv4 string `bun:"requested_ipv4"`
	RequestedIPv6 string `bun:"requested_ipv6"`
	PortID        string
	MAC           string `bun:"mac"`
	Addresses     string
	CreatedAt     int64
}

func rowOfAttachment(a zun.Attachment) *attachmentRow {
	return &attachmentRow{
		UUID: a.ID, ContainerID: a.ContainerID, NetworkID: a.NetworkID, ProjectID: a.ProjectID, Position: a.Position,
		RequestedPort: nullable(a.RequestedPort), RequestedIPv4: toAddr(a.RequestedIPv4), RequestedIPv6: toAddr(a.RequestedIPv6),
		PortID: a.PortID, MAC: a.MAC, Addresses: toJSON(a.Addresses), CreatedAt: toMicros(a.CreatedAt),
	}
}

func (r *attachmentRow) attachment() zun.Attachment {
	a := zun.Attachment{
		ID: r.UUID, ContainerID: r.ContainerID, NetworkID: r.NetworkID, ProjectID: r.ProjectID, Position: r.Position,
		RequestedIPv4: fromAddr(r.RequestedIPv4), RequestedIPv6: fromAddr(r.RequestedIPv6),
		PortID: r.PortID, MAC: r.MAC, Addresses: fromJSON[[]zun.Address](r.Addresses), CreatedAt: fromMicros(r.CreatedAt),
	}
	if r.RequestedPort != nil {
		a.RequestedPort = *r.RequestedPort
	}
	return a
}

// AddAttachment records that a container is to be on a network. CodePortInUse: another
// attachment has the requested port; CodeInvalid: the container is on the network already.
func (s *Store) AddAttachment(ctx context.Context, a zun.Attachment) error {
	taken := zun.Errorf(zun.CodeInvalid, "cannot attach container %s to network %s: it is attached already", a.ContainerID, a.NetworkID)
	if a.RequestedPort != "" {
		n, err := s.reader(ctx).NewSelect().Model((*attachmentRow)(nil)).Where("a.requested_port = ?", a.RequestedPort).Count(ctx)
		if err != nil {
			return internal(err, "cannot look for port %s", a.RequestedPort)
		}
		if n > 0 {
			return portTaken(a.RequestedPort)
		}
	}
	return s.insert(ctx, rowOfAttachment(a), taken)
}

func portTaken(id string) *zun.Error {
	return zun.Errorf(zun.CodePortInUse, "Port %s is still in use.", id)
}

// SaveAttachment writes every field of an attachment that is there, or is CodeNotFound.
func (s *Store) SaveAttachment(ctx context.Context, a zun.Attachment) error {
	ok, err := changedOne(s.writer(ctx).NewUpdate().Model(rowOfAttachment(a)).ExcludeColumn("id", "uuid").Where("uuid = ?", a.ID).Exec(ctx))
	if err == nil && !ok {
		return noAttachment(a.ID)
	}
	return err
}

func noAttachment(id string) *zun.Error {
	return zun.Errorf(zun.CodeNotFound, "cannot find attachment %s", id)
}

// DeleteAttachment removes an attachment. Gone already is success.
func (s *Store) DeleteAttachment(ctx context.Context, id string) error {
	_, err := s.writer(ctx).NewDelete().Model((*attachmentRow)(nil)).Where("uuid = ?", id).Exec(ctx)
	return internal(err, "cannot delete attachment %s", id)
}

// Attachment returns an attachment, or CodeNotFound.
func (s *Store) Attachment(ctx context.Context, id string) (zun.Attachment, error) {
	var row attachmentRow
	if err := s.reader(ctx).NewSelect().Model(&row).Where("a.uuid = ?", id).Scan(ctx); err != nil {
		return zun.Attachment{}, found(err, noAttachment(id))
	}
	return row.attachment(), nil
}

// Attachments returns the networks of a container by position. The answer may be shared with
// others: it is not to be changed.
func (s *Store) Attachments(ctx context.Context, containerID string) ([]zun.AttachedNetwork, error) {
	return cached(ctx, s, "nets "+containerID, one, func() ([]zun.AttachedNetwork, error) {
		return s.attached(ctx, []string{containerID})
	})
}

// attached returns the attachments of containers with their networks, by position. A
// network that many attachments share is decoded once.
func (s *Store) attached(ctx context.Context, containerIDs []string) ([]zun.AttachedNetwork, error) {
	var rows []struct {
		attachmentRow
		Network networkRow `bun:"embed:n__"`
	}
	query := s.reader(ctx).NewSelect().TableExpr("network_attachment AS a").
		ColumnExpr("a.*").ColumnExpr(networkColumns()).
		Join("JOIN network AS n ON n.uuid = a.network_id").
		OrderExpr("a.position, a.id")
	if len(containerIDs) == 1 {
		query.Where("a.container_id = ?", containerIDs[0])
	} else {
		query.Where("a.container_id IN (?)", bun.List(containerIDs))
	}
	if err := query.Scan(ctx, &rows); err != nil {
		return nil, internal(err, "cannot read attachments")
	}
	networks := map[string]zun.Network{}
	nets := make([]zun.AttachedNetwork, len(rows))
	for i := range rows {
		network, ok := networks[rows[i].NetworkID]
		if !ok {
			network = rows[i].Network.network()
			networks[network.ID] = network
		}
		nets[i] = zun.AttachedNetwork{Attachment: rows[i].attachment(), Network: network}
	}
	return nets, nil
}

// AddressHolders returns the attachments, with their containers' names, that asked for or
// have an address on a Neutron network.
func (s *Store) AddressHolders(ctx context.Context, neutronNetID string, ip netip.Addr) ([]zun.Holder, error) {
	holders, err := s.holders(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Join("JOIN network AS n ON n.uuid = a.network_id").Where("n.neutron_net_id = ?", neutronNetID).
			Where("? IN (a.requested_ipv4, a.requested_ipv6) OR a.addresses LIKE ?", toAddr(ip), "%"+toAddr(ip)+"%") // finds longer ones, too
	})
	if err != nil {
		return nil, err
	}
	var having []zun.Holder
	for _, holder := range holders {
		if hasAddress(holder.Attachment, ip) {
			having = append(having, holder)
		}
	}
	return having, nil
}

func hasAddress(a zun.Attachment, ip netip.Addr) bool {
	if a.RequestedIPv4 == ip || a.RequestedIPv6 == ip {
		return true
	}
	for _, address := range a.Addresses {
		if address.IP == ip {
			return true
		}
	}
	return false
}

// HasHolders reports whether any container is on a network. However many there are, it reads one.
func (s *Store) HasHolders(ctx context.Context, networkID string) (bool, error) {
	has, err := s.reader(ctx).NewSelect().Model((*attachmentRow)(nil)).Where("a.network_id = ?", networkID).Exists(ctx)
	return has, internal(err, "cannot look for holders of network %s", networkID)
}

// Holders returns the containers on a network, in the order they came.
func (s *Store) Holders(ctx context.Context, networkID string) ([]zun.Holder, error) {
	return s.holders(ctx, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("a.network_id = ?", networkID) })
}

func (s *Store) holders(ctx context.Context, narrow func(*bun.SelectQuery) *bun.SelectQuery) ([]zun.Holder, error) {
	var rows []struct {
		attachmentRow
		ContainerName string
	}
	err := s.reader(ctx).NewSelect().TableExpr("network_attachment AS a").
		ColumnExpr("a.*, c.name AS container_name").
		Join("JOIN container AS c ON c.uuid = a.container_id").
		Apply(narrow).OrderExpr("a.id").Scan(ctx, &rows)
	if err != nil {
		return nil, internal(err, "cannot read holders")
	}
	holders := make([]zun.Holder, len(rows))
	for i := range rows {
		holders[i] = zun.Holder{Attachment: rows[i].attachment(), ContainerName: rows[i].ContainerName}
	}
	return holders, nil
}
