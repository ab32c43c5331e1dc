package policy

import (
	"strings"

	"github.com/gozun/gozun/zun"
)

// question is one use of the rules: who asks, about what.
type question struct {
	rules    map[string]check
	identity zun.Identity
	target   Target
	admin    bool
}

// check is a node of a parsed rule.
type check interface {
	holds(q *question) bool
}

type (
	always bool    // "@", "!" and ""
	all    []check // and
	either []check // or
	negate struct{ check }
	// reference is "rule:<name>".
	reference struct {
		name     string
		position int
	}
	// hasRole is "role:<name>".
	hasRole struct{ name template }
	// adminIs is "is_admin:True" or "is_admin:False".
	adminIs bool
	// credential compares an attribute of the identity, "project_id:%(project_id)s".
	credential struct {
		attribute string
		match     template
	}
	// literal compares a constant, "'shared':%(visibility)s".
	literal struct {
		value string
		match template
	}
)

func (a always) holds(*question) bool { return bool(a) }

func (a all) holds(q *question) bool {
	for _, c := range a {
		if !c.holds(q) {
			return false
		}
	}
	return true
}

func (a either) holds(q *question) bool {
	for _, c := range a {
		if c.holds(q) {
			return true
		}
	}
	return false
}

func (n negate) holds(q *question) bool { return !n.check.holds(q) }

func (r reference) holds(q *question) bool { return q.rules[r.name].holds(q) }

func (r hasRole) holds(q *question) bool {
	name, ok := r.name.fill(q.target)
	if !ok {
		return false
	}
	for _, role := range q.identity.Roles {
		if strings.EqualFold(role, name) {
			return true
		}
	}
	return false
}

func (a adminIs) holds(q *question) bool { return q.admin == bool(a) }

func (c credential) holds(q *question) bool {
	want, ok := c.match.fill(q.target)
	if !ok {
		return false
	}
	have, ok := attribute(q.identity, c.attribute)
	return ok && have == want
}

func (l literal) holds(q *question) bool {
	want, ok := l.match.fill(q.target)
	return ok && l.value == want
}

// attribute returns a credential by the names that oslo.context gives them. An empty one
// counts as absent, so that nobody never equals nothing.
func attribute(id zun.Identity, name string) (string, bool) {
	var value string
	switch name {
	case "project_id", "tenant_id", "tenant":
		value = id.ProjectID
	case "user_id", "user":
		value = id.UserID
	case "user_name":
		value = id.UserName
	case "project_name":
		value = id.ProjectName
	case "project_domain_id":
		value = id.DomainID
	}
	return value, value != ""
}

// template is the right side of a check: text with %(key)s parts that the target fills.
type template []part

type part struct {
	text string
	key  bool // text names an attribute of the target
}

// fill returns the text, or false when the target lacks an attribute.
func (t template) fill(target Target) (string, bool) {
	var b strings.Builder
	for _, p := range t {
		text := p.text
		if p.key {
			value, ok := target[p.text]
			if !ok {
				return "", false
			}
			text = value
		}
		b.WriteString(text)
	}
	return b.String(), true
}

// references appends every rule that a check names.
func references(c check, found []reference) []reference {
	switch c := c.(type) {
	case reference:
		return append(found, c)
	case negate:
		return references(c.check, found)
	case all:
		for _, inner := range c {
			found = references(inner, found)
		}
	case either:
		for _, inner := range c {
			found = references(inner, found)
		}
	}
	return found
}
