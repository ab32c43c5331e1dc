package main

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// sample is one measured thing.
type sample struct {
	Case   string        `json:"case"`
	Verb   string        `json:"verb"`    // "start", "rm", …
	AtOnce int           `json:"at_once"` // containers
	Round  int           `json:"round"`
	Took   time.Duration `json:"took_ns"`
}

// spread is the shape of many values.
type spread struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf describes values. Percentiles are by nearest rank: a value that was measured,
// and the greatest one where there are too few to say better.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return spread{
		N: len(sorted), Median: median(sorted), P90: rank(sorted, 90), P99: rank(sorted, 99),
		Min: sorted[0], Max: sorted[len(sorted)-1],
	}
}

func rank(sorted []float64, percent float64) float64 {
	n := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return sorted[max(n, 1)-1]
}

// median of values, 0 if there are none. It does not need them in order.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// row is one line of the comparison; times are in milliseconds.
type row struct {
	Case   string `json:"case"`
	Verb   string `json:"verb"`
	AtOnce int    `json:"at_once"`
	spread
	ToFloor      float64 `json:"to_floor,omitempty"`       // 0: not to be said
	ToUserBridge float64 `json:"to_user_bridge,omitempty"` // 0: not to be said
	ToParts      float64 `json:"to_parts,omitempty"`       // 0: not to be said
}

// parts are what a case consists of, as far as that is not ours: its budget is a ratio to
// their sum. A container of Zun's is a pair in Docker, and on a real Neutron a port comes
// before it.
func parts(name string) []string {
	return map[string][]string{
		"kuryr": {"floor"}, "real": {"floor", "port"}, "real-spare": {"floor"}, "zun": {"pair"}, "zun-real": {"pair", "port"},
	}[name]
}

type rowKey struct {
	verb   string
	atOnce int
	name   string
}

// rowsOf sums samples up, a line for each case, verb and number of containers. The order
// is that of the cases, within how many at once, within the verbs.
func rowsOf(samples []sample, verbs []string) []row {
	byKey := map[rowKey]rounds{}
	var keys []rowKey
	for _, s := range samples {
		key := rowKey{s.Verb, s.AtOnce, s.Case}
		if byKey[key] == nil {
			byKey[key] = rounds{}
			keys = append(keys, key)
		}
		byKey[key][s.Round] = append(byKey[key][s.Round], milliseconds(s.Took))
	}
	place := func(name string) int {
		return slices.IndexFunc(caseNames(), func(c struct{ name, purpose string }) bool { return c.name == name })
	}
	slices.SortFunc(keys, func(a, b rowKey) int {
		return cmp.Or(
			cmp.Compare(slices.Index(verbs, a.verb), slices.Index(verbs, b.verb)),
			cmp.Compare(a.atOnce, b.atOnce), cmp.Compare(place(a.name), place(b.name)))
	})
	rows := make([]row, 0, len(keys))
	for _, key := range keys {
		rows = append(rows, row{
			Case: key.name, Verb: key.verb, AtOnce: key.atOnce, spread: spreadOf(byKey[key].all()),
			ToFloor:      byKey[key].toBase(byKey[rowKey{key.verb, key.atOnce, "floor"}]),
			ToUserBridge: byKey[key].toBase(byKey[rowKey{key.verb, key.atOnce, "user-bridge"}]),
			ToParts:      byKey[key].toBase(sumOf(byKey, key)),
		})
	}
	return rows
}

// sumOf adds up the parts of a case, by round; a round that lacks one is left out.
func sumOf(byKey map[rowKey]rounds, key rowKey) rounds {
	sum := rounds{}
	for i, name := range parts(key.name) {
		part := byKey[rowKey{key.verb, key.atOnce, name}]
		for round, values := range part {
			if i == 0 {
				sum[round] = []float64{0}
			}
			if sum[round] != nil {
				sum[round][0] += median(values)
			}
		}
		maps.DeleteFunc(sum, func(round int, _ []float64) bool { return part[round] == nil })
	}
	return sum
}

// rounds are the values of one line by the round that they were measured in.
type rounds map[int][]float64

func (r rounds) all() []float64 { return slices.Concat(slices.Collect(maps.Values(r))...) }

// toBase is the median of the ratios within the rounds that both have, so that a machine
// that is slow for a while is slow for both; 0 if there is none.
func (r rounds) toBase(base rounds) float64 {
	var ratios []float64
	for round, values := range r {
		if of := median(base[round]); of > 0 {
			ratios = append(ratios, median(values)/of)
		}
	}
	return median(ratios)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
