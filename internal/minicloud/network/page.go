package network

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// page is the part of a list that is asked for, in Neutron's terms: limit objects after
// the marker or, in reverse, before it.
type page struct {
	limit   int // 0: all
	marker  string
	reverse bool
}

func pageOf(query url.Values) (page, error) {
	p := page{marker: query.Get("marker"), reverse: strings.EqualFold(query.Get("page_reverse"), "true")}
	if said := query.Get("limit"); said != "" {
		limit, err := strconv.Atoi(said)
		if err != nil || limit < 0 {
			return p, badRequest("BadRequest", "Bad limit request: Limit must be an integer 0 or greater and not '%s'.", shown(said))
		}
		p.limit = limit
	}
	return p, nil
}

func (k *kind[R]) list(req *request) (*reply, error) {
	if k.needs != nil && !req.who.readOnly {
		if err := k.makeFirst(req.who); err != nil {
			return nil, err
		}
	}
	part, err := pageOf(req.query)
	if err != nil {
		return nil, err
	}
	k.service.mu.RLock()
	defer k.service.mu.RUnlock()
	rows, err := k.search(req.who, req.query)
	if err != nil {
		return nil, err
	}
	if part.limit > 0 {
		if rows, err = k.cut(rows, part); err != nil {
			return nil, err
		}
	}
	body := appendKey([]byte{'{'}, k.plural)
	body = k.renderList(body, req.who, rows, k.fields(req.query["fields"]...))
	if links := pageLinks(req, part, ids(rows)); len(links) > 0 {
		body = appendValue(appendKey(body, k.plural+"_links"), links)
	}
	return &reply{http.StatusOK, append(body, '}')}, nil
}

// makeFirst makes what must be there when a list is first asked for.
func (k *kind[R]) makeFirst(who caller) error {
	k.service.mu.RLock()
	needed := k.needs(who)
	k.service.mu.RUnlock()
	if !needed {
		return nil
	}
	return k.service.change(func(w *work) error { return k.before(w, who) })
}

// search returns what the caller may see and the query asks for, in its order.
func (k *kind[R]) search(who caller, query url.Values) ([]R, error) {
	keep, err := k.filter(query)
	if err != nil {
		return nil, err
	}
	order, err := k.sorting(query)
	if err != nil {
		return nil, err
	}
	rows := k.table.byAge(func(r R) bool { return k.visible(who, r) && keep(r) })
	if order != nil {
		slices.SortStableFunc(rows, order)
	}
	return rows, nil
}

func (k *kind[R]) cut(rows []R, part page) ([]R, error) {
	at := -1
	if part.marker != "" {
		at = slices.IndexFunc(rows, func(r R) bool { return r.base().ID == part.marker })
		if at < 0 {
			return nil, k.missing(shown(part.marker))
		}
	}
	if part.reverse {
		if at >= 0 {
			rows = rows[:at]
		}
		return rows[max(0, len(rows)-part.limit):], nil
	}
	rows = rows[at+1:]
	return rows[:min(part.limit, len(rows))], nil
}

func ids[R record](rows []R) []string {
	list := make([]string, len(rows))
	for i, r := range rows {
		list[i] = r.base().ID
	}
	return list
}

type link struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

// pageLinks are the addresses of the neighbouring pages. As in Neutron there is a next
// one as long as pages are full, and a previous one always when going forward.
func pageLinks(req *request, part page, shown []string) []link {
	if part.limit == 0 {
		return nil
	}
	full := len(shown) >= part.limit
	var links []link
	if full || part.reverse {
		links = append(links, link{"next", pageAddress(req, shown, false)})
	}
	if full || !part.reverse {
		links = append(links, link{"previous", pageAddress(req, shown, true)})
	}
	return links
}

func pageAddress(req *request, shown []string, reverse bool) string {
	query := url.Values{}
	for name, wanted := range req.query {
		if name != "marker" && name != "page_reverse" {
			query[name] = wanted
		}
	}
	if len(shown) > 0 && reverse {
		query.Set("marker", shown[0])
	} else if len(shown) > 0 {
		query.Set("marker", shown[len(shown)-1])
	}
	if reverse {
		query.Set("page_reverse", "True")
	}
	return req.base + req.path + "?" + query.Encode()
}
