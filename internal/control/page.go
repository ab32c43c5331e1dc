package control

import (
	"maps"
	"slices"
	"strings"

	"github.com/gozun/gozun/zun"
)

// comparison compares two things by one field.
type comparison[T any] func(a, b T) int

// pageOf sorts what there are few of and cuts a page out, by the rules of the store's
// lists: by key, else as they come, then after the marker. missing is the error of a
// marker that is not there.
func pageOf[T any](all []T, page zun.Page, keys map[string]comparison[T], id func(T) string, missing *zun.Error) ([]T, error) {
	compare, known := keys[page.SortKey]
	if !known && page.SortKey != "" {
		return nil, zun.Errorf(zun.CodeInvalid, "cannot sort by %q: sort_key is one of %s", page.SortKey, strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
	}
	all = slices.Clone(all)
	if known {
		slices.SortStableFunc(all, compare)
	}
	if page.Desc {
		slices.Reverse(all)
	}
	if page.Marker != "" {
		i := slices.IndexFunc(all, func(one T) bool { return id(one) == page.Marker })
		if i < 0 {
			return nil, missing
		}
		all = all[i+1:]
	}
	if page.Limit > 0 && len(all) > page.Limit {
		all = all[:page.Limit]
	}
	return all, nil
}
