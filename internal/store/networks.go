package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

// networkKeys are the sort keys of networks.
func networkKeys() map[string]string {
	return map[string]string{
		"id": "id", "uuid": "uuid", "name": "name", "project_id": "project_id", "user_id": "user_id",
		"neutron_net_id": "neutron_net_id", "neutron_pool_id": "neutron_pool_id", "status": "status",
		"shared": "shared", "mtu": "mtu", "created_at": "created_at", "updated_at": "updated_at",
	}
}

// ListNetworks returns a page of the networks of a project or, with an empty projectID, of
// all, with the containers on them, in two queries. Implicit ones are not listed. An
// unknown sort key is CodeInvalid, an unknown marker CodeNetworkNotFound.
func (s *Store) ListNetworks(ctx context.Context, projectID string, f zun.NetworkFilter) ([]zun.NetworkDetail, error) {
	var rows []networkRow
	db := s.reader(ctx)
	query := db.NewSelect().Model(&rows).Where("n.implicit_net_id IS NULL")
	for column, value := range map[string]string{
		"project_id": projectID, "own_name": f.Name, "neutron_net_id": f.NeutronNetID, "status": string(f.Status),
	} {
		if value != "" {
			query.Where("n.? = ?", bun.Ident(column), value)
		}
	}
	if err := pageBy(ctx, db, query, f.Page, "network", networkKeys(), noNetwork(f.Page.Marker)); err != nil {
		return nil, err
	}
	if err := query.Scan(ctx); err != nil {
		return nil, internal(err, "cannot list networks")
	}
	return s.withHolders(ctx, rows)
}

// withHolders adds the containers on all networks with one query.
func (s *Store) withHolders(ctx context.Context, rows []networkRow) ([]zun.NetworkDetail, error) {
	details := make([]zun.NetworkDetail, len(rows))
	if len(rows) == 0 {
		return details, nil
	}
	ids := make([]string, len(rows))
	index := make(map[string]int, len(rows))
	for i := range rows {
		details[i].Network = rows[i].network()
		ids[i] = rows[i].UUID
		index[rows[i].UUID] = i
	}
	holders, err := s.holders(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("a.network_id IN (?)", bun.List(ids))
	})
	if err != nil {
		return nil, err
	}
	for _, holder := range holders {
		d := &details[index[holder.Attachment.NetworkID]]
		d.Holders = append(d.Holders, holder)
	}
	return details, nil
}

// UnfinishedNetworks returns what a crash may have left half done: networks that are being
// made or deleted, and implicit ones without a name that no container is on.
func (s *Store) UnfinishedNetworks(ctx context.Context) ([]zun.Network, error) {
	var rows []networkRow
	err := s.reader(ctx).NewSelect().Model(&rows).
		Where("n.status IN (?)", bun.List([]zun.NetworkStatus{zun.NetworkCreating, zun.NetworkDeleting})).
		WhereOr("n.implicit_net_id IS NOT NULL AND n.name = '' AND NOT EXISTS (SELECT 1 FROM network_attachment AS a WHERE a.network_id = n.uuid)").
		OrderExpr("n.id").Scan(ctx)
	return networksOf(rows), internal(err, "cannot find unfinished networks")
}
