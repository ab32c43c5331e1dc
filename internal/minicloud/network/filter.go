package network

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// isListParameter tells the parameters of a list that are not filters.
func isListParameter(name string) bool {
	switch name {
	case "fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse":
		return true
	}
	return false
}

// filter compiles the filters of a query. Values of one filter are alternatives; all
// filters must hold. The state must be locked for reading.
func (k *kind[R]) filter(query url.Values) (func(R) bool, error) {
	var all []func(R) bool
	var unknown []string
	for name, wanted := range query {
		if isListParameter(name) {
			continue
		}
		keep, known, err := k.filterBy(name, wanted)
		if err != nil {
			return nil, err
		}
		if !known {
			unknown = append(unknown, shown(name))
			continue
		}
		all = append(all, keep)
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, malformed("['%s'] is invalid attribute for filtering", strings.Join(unknown, "', '"))
	}
	return func(r R) bool {
		for _, keep := range all {
			if !keep(r) {
				return false
			}
		}
		return true
	}, nil
}

func (k *kind[R]) filterBy(name string, wanted []string) (keep func(R) bool, known bool, err error) {
	if own := k.filters[name]; own != nil {
		keep, err := own(wanted)
		return keep, true, err
	}
	if keep := tagFilter[R](name, wanted); k.tagged && keep != nil {
		return keep, true, nil
	}
	a := k.attribute(name)
	if a == nil || a.get == nil || a.shownOnly {
		return nil, false, nil
	}
	keep, err = attributeFilter(k.service.state, a, k.blank(), wanted)
	return keep, true, err
}

// attributeFilter compares by the type that the attribute has in a blank record.
func attributeFilter[R record](s *state, a *attribute[R], blank R, wanted []string) (func(R) bool, error) {
	switch a.get(s, blank).(type) {
	case bool:
		return boolFilter(s, a, wanted)
	case int:
		return intFilter(s, a, wanted)
	}
	texts := make(map[string]bool, len(wanted))
	for _, text := range wanted {
		texts[text] = true
		texts[canonical(text)] = true
	}
	return func(r R) bool {
		switch v := a.get(s, r).(type) {
		case nil:
			return texts[""]
		case string:
			return texts[v]
		case int:
			return texts[strconv.Itoa(v)]
		case []string:
			return slices.ContainsFunc(v, func(one string) bool { return texts[one] }) || len(v) == 0 && texts[""]
		case interface{ String() string }:
			return texts[v.String()]
		}
		return false
	}, nil
}

func boolFilter[R record](s *state, a *attribute[R], wanted []string) (func(R) bool, error) {
	takes := map[bool]bool{}
	for _, text := range wanted {
		value, err := boolean(text)
		if err != nil {
			return nil, err
		}
		takes[value.(bool)] = true
	}
	return func(r R) bool { v, _ := a.get(s, r).(bool); return takes[v] }, nil
}

func intFilter[R record](s *state, a *attribute[R], wanted []string) (func(R) bool, error) {
	takes := map[int]bool{}
	for _, text := range wanted {
		value, err := toInteger(text)
		if err != nil {
			return nil, err
		}
		takes[value] = true
	}
	return func(r R) bool { v, ok := a.get(s, r).(int); return ok && takes[v] }, nil
}

// canonical is how we write an address, a prefix or a MAC that a filter may write in
// another way.
func canonical(text string) string {
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.String()
	}
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.String()
	}
	if mac, err := macText(text); err == nil {
		return mac.(string)
	}
	return text
}

// sorting makes the order that sort_key and sort_dir ask for; nil is by age.
func (k *kind[R]) sorting(query url.Values) (func(a, b R) int, error) {
	keys, dirs := query["sort_key"], query["sort_dir"]
	if len(keys) == 0 && len(dirs) == 0 {
		return nil, nil
	}
	if len(keys) != len(dirs) {
		return nil, malformed("The number of sort_keys and sort_dirs must be same")
	}
	var orders []func(a, b R) int
	for i, key := range keys {
		a := k.attribute(key)
		if a == nil || a.get == nil || a.shownOnly {
			return nil, malformed("['%s'] is invalid attribute for sort_keys", shown(key))
		}
		if dirs[i] != "asc" && dirs[i] != "desc" {
			return nil, malformed("['%s'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'", shown(dirs[i]))
		}
		orders = append(orders, orderBy(k.service.state, a, dirs[i] == "desc"))
	}
	return func(a, b R) int {
		for _, order := range orders {
			if c := order(a, b); c != 0 {
				return c
			}
		}
		return compareAge(a.base(), b.base())
	}, nil
}

func orderBy[R record](s *state, a *attribute[R], descending bool) func(x, y R) int {
	return func(x, y R) int {
		c := compareValues(a.get(s, x), a.get(s, y))
		if descending {
			return -c
		}
		return c
	}
}

func compareValues(x, y any) int {
	switch x := x.(type) {
	case int:
		if y, ok := y.(int); ok {
			return cmp.Compare(x, y)
		}
	case netip.Addr:
		if y, ok := y.(netip.Addr); ok {
			return x.Compare(y)
		}
	case netip.Prefix:
		if y, ok := y.(netip.Prefix); ok {
			return cmp.Or(x.Addr().Compare(y.Addr()), cmp.Compare(x.Bits(), y.Bits()))
		}
	}
	return strings.Compare(string(appendValue(nil, x)), string(appendValue(nil, y)))
}
