package api

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"

	"github.com/gozun/gozun/zun"
)

// listQuery is the query of a collection: filters, and which page.
type listQuery struct {
	*params
	filters     map[string]string // those given, by name
	allProjects bool
	page        zun.Page
	defaultKey  string // what is sorted by when the query does not say; "" is "id"
}

// listQuery reads the query of a collection that can be filtered by these names.
func (s *server) listQuery(c *call, names ...string) *listQuery {
	q := &listQuery{params: c.params(), filters: map[string]string{}}
	for _, name := range names {
		if text := q.text(name); text != "" {
			q.filters[name] = text
		}
	}
	q.allProjects = q.flag("all_projects", false)
	q.page = zun.Page{Limit: s.limit(q.params), Marker: q.text("marker"), SortKey: q.text("sort_key")}
	switch direction := q.text("sort_dir"); direction {
	case "", "asc":
	case "desc":
		q.page.Desc = true
	default:
		q.fail("sort_dir", direction, "it must be asc or desc")
	}
	// Zun takes these two; it needs them for its own links.
	q.text("expand")
	q.text("resource_url")
	return q
}

// limit reads how long the page is to be.
func (s *server) limit(p *params) int {
	text := p.text("limit")
	if text == "" {
		return s.MaxLimit
	}
	limit, err := strconv.ParseUint(text, 10, 63)
	if (err != nil || limit == 0) && p.err == nil {
		p.err = zun.Errorf(zun.CodeInvalid, "Limit must be positive integer")
	}
	return int(min(limit, uint64(s.MaxLimit)))
}

// done returns what was wrong with the query. Unknown parameters have Zun's words for
// collections.
func (q *listQuery) done() error {
	if q.err != nil {
		return q.err
	}
	for _, name := range sortedKeys(q.query) {
		if !slices.Contains(q.known, name) {
			return zun.Errorf(zun.CodeInvalid, "Unknown parameters: %s", shorten(name))
		}
	}
	return nil
}

// mayList asks the policy for what a list's query wants beyond the list itself: every
// project's objects, and filters by fields that the caller may not see.
func (s *server) mayList(c *call, q *listQuery, noun string) error {
	if q.allProjects {
		if err := s.demand(c, noun+":get_all_all_projects"); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(q.filters) {
		if rule := noun + ":get_one:" + name; s.Policy.Has(rule) {
			if err := s.demand(c, rule); err != nil {
				return err
			}
		}
	}
	return nil
}

// next is the address of the page after this one: there is one, as far as is known,
// whenever this one is full. Unlike Zun's it keeps the filters.
func (q *listQuery) next(c *call, collection string, length int, last string) string {
	if length < q.page.Limit {
		return ""
	}
	values := url.Values{}
	for name, value := range q.filters {
		values.Set(name, value)
	}
	if q.allProjects {
		values.Set("all_projects", "True")
	}
	key, direction := cmp.Or(q.page.SortKey, q.defaultKey, "id"), "asc"
	if q.page.Desc {
		direction = "desc"
	}
	address := c.base + "/v1/" + collection + "?sort_key=" + url.QueryEscape(key) + "&sort_dir=" + direction +
		"&limit=" + strconv.Itoa(q.page.Limit) + "&marker=" + url.QueryEscape(last)
	if more := values.Encode(); more != "" {
		address += "&" + more
	}
	return address
}

// sortedKeys returns the keys of a map in order, so that answers do not depend on chance.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
