package cli

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// sift is what a user wants to see of a list, and in which order: of every list alike,
// whatever the service can filter and sort by.
type sift struct {
	by      []string // columns to sort by, the first one first
	falling bool
	where   []string // COLUMN=TEXT, all of which must fit
}

// listFlags gives a command that lists the flags of outputFlags, and those of a sift.
func listFlags(command *cobra.Command) *output {
	o := outputFlags(command)
	flags := command.Flags()
	flags.StringArrayVar(&o.sift.by, "sort-column", nil, "sort what is shown by this column, repeatable")
	flags.BoolVar(&o.sift.falling, "sort-descending", false, "with --sort-column: the greatest first")
	flags.StringArrayVar(&o.sift.where, "where", nil, "show only rows with this COLUMN=TEXT, * is any text, repeatable")
	_ = command.RegisterFlagCompletionFunc("sort-column", cobra.NoFileCompletions) // the flag is there
	_ = command.RegisterFlagCompletionFunc("where", cobra.NoFileCompletions)
	return o
}

// find returns the column of a name, matched without regard to case.
func find[T any](all []column[T], flag, name string) (column[T], error) {
	i := slices.IndexFunc(all, func(c column[T]) bool { return strings.EqualFold(c.name, name) })
	if i < 0 {
		return column[T]{}, usageErrorf("%s %s: no such column; there are %s", flag, name, strings.Join(names(all), ", "))
	}
	return all[i], nil
}

// sifted returns the items to show. It can be called without items, to find what is wrong.
func sifted[T any](s sift, all []column[T], items []T) ([]T, error) {
	for _, condition := range s.where {
		name, text, said := strings.Cut(condition, "=")
		if !said {
			return nil, usageErrorf("--where %s: write COLUMN=TEXT, as in --where %s=web*", condition, all[0].name)
		}
		c, err := find(all, "--where", name)
		if err != nil {
			return nil, err
		}
		items = slices.DeleteFunc(slices.Clone(items), func(item T) bool { return !fits(text, cell(c.get(item))) })
	}
	keys := make([]column[T], len(s.by))
	for i, name := range s.by {
		var err error
		if keys[i], err = find(all, "--sort-column", name); err != nil {
			return nil, err
		}
	}
	if len(keys) == 0 {
		return items, nil
	}
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b T) int {
		for _, key := range keys {
			if order := compare(cell(key.get(a)), cell(key.get(b))); order != 0 {
				return map[bool]int{false: order, true: -order}[s.falling]
			}
		}
		return 0
	})
	return items, nil
}

// compare puts numbers in their order, before words in theirs.
func compare(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	switch {
	case errX == nil && errY == nil:
		return cmp.Compare(x, y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
}

// fits reports whether a text is as a pattern says, without regard to case; * in it is any
// text.
func fits(pattern, text string) bool {
	parts := strings.Split(strings.ToLower(pattern), "*")
	rest, begins := strings.CutPrefix(strings.ToLower(text), parts[0])
	if !begins || len(parts) == 1 {
		return begins && rest == ""
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[last])
}
