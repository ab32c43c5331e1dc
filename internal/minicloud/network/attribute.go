package network

import (
	"slices"
	"strings"
)

// attribute is all that is known of one attribute of a kind: how it is read and written,
// by whom, and what may be in it. Every verb goes by it.
type attribute[R record] struct {
	name string
	// get reads it for answers, filters and sorting; nil: it is only written.
	get func(*state, R) any
	// check makes a request's JSON value into the Go value that set takes; nil: read-only.
	check check
	// set writes it into a record; nil: the kind's own create and update see to it.
	set func(R, any)
	// create and update say who may write it; nil is nobody.
	create, update rule
	// harmless is the value that anyone may write, because it is what they get anyway.
	harmless any
	// see says who may read it; nil is everybody who may read the object.
	see rule
	// required: a new object cannot be without it.
	required bool
	// shownOnly: lists cannot be asked or ordered by it.
	shownOnly bool
}

// values are a request's attributes after their checks.
type values map[string]any

// given returns an attribute that the request holds; false if it is absent or null.
func given[T any](v values, name string) (T, bool) {
	value, ok := v[name].(T)
	return value, ok
}

func (v values) has(name string) bool {
	_, ok := v[name]
	return ok
}

// standardAttributes are those of every kind. Neutron shows a project under two names.
func standardAttributes[R record]() []attribute[R] {
	return []attribute[R]{
		{name: "id", get: func(_ *state, r R) any { return r.base().ID }},
		{
			name: "name", check: text(255), create: anyone, update: anyone,
			get: func(_ *state, r R) any { return r.base().Name },
			set: func(r R, v any) { r.base().Name = v.(string) },
		},
		{
			name: "description", check: text(255), create: anyone, update: anyone,
			get: func(_ *state, r R) any { return r.base().Description },
			set: func(r R, v any) { r.base().Description = v.(string) },
		},
		{name: "tenant_id", check: text(255), create: anyone, get: func(_ *state, r R) any { return r.base().ProjectID }},
		{name: "project_id", check: text(255), create: anyone, get: func(_ *state, r R) any { return r.base().ProjectID }},
		{name: "created_at", get: func(_ *state, r R) any { return timestamp(r.base().Created) }},
		{name: "updated_at", get: func(_ *state, r R) any { return timestamp(r.base().Updated) }},
		{name: "revision_number", get: func(_ *state, r R) any { return r.base().Revision }},
	}
}

// tagsAttribute is "tags". Neutron takes it in the body of a new port only; all other
// tagging goes through the paths of its own.
func tagsAttribute[R record](create rule) attribute[R] {
	return attribute[R]{
		name: "tags", check: tagList, create: create,
		get: func(_ *state, r R) any { return r.base().Tags },
		set: func(r R, v any) { r.base().Tags = v.([]string) },
	}
}

// accept checks what a request says against the kind's attributes: known, allowed in
// this verb, well-formed.
func (k *kind[R]) accept(body map[string]any, creating bool) (values, error) {
	if err := k.checkNames(body); err != nil {
		return nil, err
	}
	accepted := values{}
	for _, a := range k.attributes {
		raw, ok := body[a.name]
		if !ok {
			if creating && a.required {
				return nil, malformed("Failed to parse request. Required attribute '%s' not specified", a.name)
			}
			continue
		}
		if err := a.mayBeWritten(creating); err != nil {
			return nil, err
		}
		value, err := a.check(raw)
		if err != nil {
			return nil, asFault(a.name, err)
		}
		accepted[a.name] = value
	}
	return accepted, nil
}

func (k *kind[R]) checkNames(body map[string]any) error {
	var unknown []string
	for name := range body {
		if k.attribute(name) == nil {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return malformed("Unrecognized attribute(s) '%s'", strings.Join(unknown, ", "))
	}
	return nil
}

func (a *attribute[R]) mayBeWritten(creating bool) error {
	switch {
	case creating && (a.check == nil || a.create == nil):
		return malformed("Attribute '%s' not allowed in POST", a.name)
	case !creating && (a.check == nil || a.update == nil):
		return malformed("Cannot update read-only attribute %s", a.name)
	}
	return nil
}

// authorize asks, for every attribute of a request, whether the caller may write it.
func (k *kind[R]) authorize(who caller, on scope, in values, creating bool) error {
	for _, a := range k.attributes {
		value, ok := in[a.name]
		if !ok || a.harmless != nil && value == a.harmless {
			continue
		}
		may, verb := a.update, "update"
		if creating {
			may, verb = a.create, "create"
		}
		if !may(who, on) {
			return denied(verb, k.name, a.name)
		}
	}
	return nil
}

// apply writes into a record what has no rules beyond its own.
func (k *kind[R]) apply(r R, in values) {
	for _, a := range k.attributes {
		if value, ok := in[a.name]; ok && a.set != nil {
			a.set(r, value)
		}
	}
}

func (k *kind[R]) attribute(name string) *attribute[R] { return k.byName[name] }
