package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

// pageLimit is how many rows a list has at most (Zun: [api]max_limit).
const pageLimit int64 = 1000

// pageBy narrows a query to a page: by key column and then by id, after the marker.
// keys maps what users may sort by to columns; missing is the error for an unknown marker.
func pageBy(ctx context.Context, db bun.IDB, query *bun.SelectQuery, page zun.Page, table string, keys map[string]string, missing *zun.Error) error {
	column, err := sortColumn(page.SortKey, keys)
	if err != nil {
		return err
	}
	direction, after := bun.Safe("ASC"), bun.Safe(">")
	if page.Desc {
		direction, after = bun.Safe("DESC"), bun.Safe("<")
	}
	if page.Marker != "" {
		if err := afterMarker(ctx, db, query, page.Marker, table, column, after, missing); err != nil {
			return err
		}
	}
	limit := pageLimit
	if page.Limit > 0 && int64(page.Limit) < limit {
		limit = int64(page.Limit)
	}
	if column != "id" {
		query.OrderExpr("?TableAlias.? ?", bun.Ident(column), direction)
	}
	query.OrderExpr("?TableAlias.? ?", bun.Ident("id"), direction).Limit(limit)
	return nil
}

func sortColumn(key string, keys map[string]string) (string, error) {
	if key == "" {
		return "id", nil
	}
	column, ok := keys[key]
	if !ok {
		return "", zun.Errorf(zun.CodeInvalid, "cannot sort by %q: sort_key is one of %s", key, strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
	}
	return column, nil
}

func afterMarker(ctx context.Context, db bun.IDB, query *bun.SelectQuery, marker, table, column string, after bun.Safe, missing *zun.Error) error {
	var id int64
	var value any
	err := db.NewSelect().Table(table).ColumnExpr("id, ?", bun.Ident(column)).Where("uuid = ?", marker).Scan(ctx, &id, &value)
	if errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	if err != nil {
		return internal(err, "cannot find marker %s", marker)
	}
	if column == "id" {
		query.Where("?TableAlias.? ? ?", bun.Ident("id"), after, id)
		return nil
	}
	query.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.? ? ?", bun.Ident(column), after, value).
			WhereOr("?TableAlias.? = ? AND ?TableAlias.? ? ?", bun.Ident(column), value, bun.Ident("id"), after, id)
	})
	return nil
}
