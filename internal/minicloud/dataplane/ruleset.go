package dataplane

import (
	"fmt"

	"github.com/google/nftables"
)

// table tells which of our two tables something is in.
type table int

const (
	bridgeTable table = iota // sees every frame: who may send, and who gets it
	inetTable                // sees IP only, with connections: what may pass
)

// set is a named set or map of a table. Its elements may change one by one.
type set struct {
	table    table
	name     string
	key      nftables.SetDatatype
	data     nftables.SetDatatype // of maps
	isMap    bool
	concat   bool
	interval bool
}

// chain is never changed once made: a chain that would be different has another name.
type chain struct {
	table table
	name  string
	base  *hook // nil: others jump to it
	rules []rule
}

type hook struct {
	kind     nftables.ChainType
	at       *nftables.ChainHook
	priority int
}

// element is one of a set's. No two fragments hold the same key of the same set.
type element struct {
	set string
	nftables.SetElement
}

// fragment is the part of a ruleset that stands for one thing: a port, a network, a group, a profile.
type fragment struct {
	// signature is equal for equal fragments, so that most need no comparing.
	signature string
	sets      []set
	chains    []chain
	elements  []element
}

// ruleset is everything in our tables beyond the fixed frame, by what it stands for.
type ruleset map[string]fragment

// change is what leads from one ruleset to another; it is carried out in this order.
type change struct {
	addSets        []set
	addChains      []chain
	removeElements []element
	addElements    []element
	removeChains   []chain
	removeSets     []set
}

func (c change) empty() bool {
	return len(c.addSets)+len(c.addChains)+len(c.removeElements)+len(c.addElements)+len(c.removeChains)+len(c.removeSets) == 0
}

// difference tells how to get from have to want. Its size is that of what changed.
func difference(have, want ruleset) change {
	var c change
	for name, old := range have {
		now, kept := want[name]
		if kept && now.signature == old.signature {
			continue
		}
		c.removeElements = append(c.removeElements, missing(old.elements, now.elements, element.identity)...)
		c.removeChains = append(c.removeChains, missing(old.chains, now.chains, chainName)...)
		c.removeSets = append(c.removeSets, missing(old.sets, now.sets, setName)...)
	}
	for name, now := range want {
		old, had := have[name]
		if had && now.signature == old.signature {
			continue
		}
		c.addElements = append(c.addElements, missing(now.elements, old.elements, element.identity)...)
		c.addChains = append(c.addChains, missing(now.chains, old.chains, chainName)...)
		c.addSets = append(c.addSets, missing(now.sets, old.sets, setName)...)
	}
	return c
}

func chainName(c chain) string { return c.name }
func setName(s set) string     { return s.name }

// identity is equal for elements that the kernel would not tell apart.
func (e element) identity() string {
	id := e.set + "\x00" + string(e.Key) + "\x00" + string(e.KeyEnd) + "\x00" + string(e.Val)
	if e.VerdictData != nil {
		id += fmt.Sprint(e.VerdictData.Kind, e.VerdictData.Chain)
	}
	return id
}

// missing returns those of a whose name none of b has.
func missing[T any](a, b []T, name func(T) string) []T {
	names := make(map[string]bool, len(b))
	for _, x := range b {
		names[name(x)] = true
	}
	var out []T
	for _, x := range a {
		if !names[name(x)] {
			out = append(out, x)
		}
	}
	return out
}
