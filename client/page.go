package client

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/gozun/gozun/zun"
)

// Page is the part of a list that is asked for.
type Page struct {
	Limit   int    // at most this many; 0 is all
	Marker  string // UUID of the last one of the page before
	SortKey string
	SortDir string // asc or desc
}

func (p Page) query() url.Values {
	query := url.Values{}
	if p.Limit > 0 {
		query.Set("limit", strconv.Itoa(p.Limit))
	}
	set(query, "marker", p.Marker)
	set(query, "sort_key", p.SortKey)
	set(query, "sort_dir", p.SortDir)
	return query
}

// pages collects a list page by page. It builds the next page's query itself, because
// the link that an upstream Zun gives loses the filters.
func pages[T any](ctx context.Context, c *Client, path, field string, query url.Values, limit int, id func(T) string) ([]T, error) {
	var all []T
	for {
		items, more, err := onePage[T](ctx, c, path, field, query)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if limit > 0 && len(all) >= limit {
			return all[:limit], nil
		}
		if !more || len(items) == 0 {
			return all, nil
		}
		last := id(items[len(items)-1])
		if last == query.Get("marker") {
			return nil, zun.Errorf(zun.CodeUnavailable, "cannot list %s: the service gives the same page again and again", field)
		}
		query.Set("marker", last)
	}
}

func onePage[T any](ctx context.Context, c *Client, path, field string, query url.Values) ([]T, bool, error) {
	var answer map[string]json.RawMessage
	if _, err := c.call(ctx, request{method: "GET", path: path, query: query}, &answer); err != nil {
		return nil, false, err
	}
	var items []T
	if raw := answer[field]; raw != nil {
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, false, zun.Wrap(zun.CodeUnavailable, err, "cannot read the list of %s: it is not the JSON expected", field)
		}
	}
	next := string(answer["next"])
	return items, next != "" && next != "null", nil
}
