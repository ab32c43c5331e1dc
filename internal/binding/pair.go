package binding

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Pair is what of a port's two ends is on the host.
type Pair struct {
	Port            string // the first eleven characters of its UUID
	Host, Container bool   // the container's end is in the sandbox while the port is used
}

// InSandbox reports whether the container's end is where it belongs, in a sandbox.
func (p Pair) InSandbox() bool { return p.Host && !p.Container }

// Pairs returns the pairs that were made by us or by the Python plugin, going by the names
// of their links. A link of Neutron's own agents may look like a host's end whose container
// has the other one.
func (b *Binder) Pairs(context.Context) ([]Pair, error) {
	known := map[string]*Pair{}
	for prefix, mark := range map[string]func(*Pair){
		"tap": func(p *Pair) { p.Host = true }, "t_c": func(p *Pair) { p.Container = true },
	} {
		links, err := b.links.List(prefix)
		if err != nil {
			return nil, err
		}
		for _, l := range links {
			id := strings.TrimPrefix(l.Name, prefix)
			if known[id] == nil {
				known[id] = &Pair{Port: id}
			}
			mark(known[id])
		}
	}
	pairs := []Pair{}
	for _, p := range known {
		pairs = append(pairs, *p)
	}
	slices.SortFunc(pairs, func(a, b Pair) int { return cmp.Compare(a.Port, b.Port) })
	return pairs, nil
}
