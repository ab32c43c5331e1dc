package ovsdb

import (
	"encoding/json"
	"errors"
	"fmt"
)

// UUID is the id of a row.
type UUID string

// MarshalJSON writes what RFC 7047 calls an <uuid>.
func (u UUID) MarshalJSON() ([]byte, error) { return json.Marshal([2]string{"uuid", string(u)}) }

// NamedUUID is the row that an insert of the same transaction gave this name.
type NamedUUID string

// MarshalJSON writes what RFC 7047 calls a <named-uuid>.
func (n NamedUUID) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]string{"named-uuid", string(n)})
}

// Set is a set of atoms: strings, numbers, booleans, UUIDs.
type Set []any

// MarshalJSON writes what RFC 7047 calls a <set>.
func (s Set) MarshalJSON() ([]byte, error) {
	if s == nil {
		s = Set{}
	}
	return json.Marshal([2]any{"set", []any(s)})
}

// Map is a map of strings to strings.
type Map map[string]string

// MarshalJSON writes what RFC 7047 calls a <map>.
func (m Map) MarshalJSON() ([]byte, error) {
	pairs := make([][2]string, 0, len(m))
	for k, v := range m {
		pairs = append(pairs, [2]string{k, v})
	}
	return json.Marshal([2]any{"map", pairs})
}

// Row is a row of an answer, by column.
type Row map[string]Value

// Value is what a column holds: a map, or a set, where one atom is a set of one.
type Value struct {
	atoms []any // string, float64, bool or UUID
	pairs map[string]string
}

// UnmarshalJSON reads an atom, a <set> or a <map>. Of maps only strings to strings are kept
// as such: Open vSwitch's other ones are of no use to us.
func (v *Value) UnmarshalJSON(raw []byte) error {
	var decoded any
	if err := json.Unmarshal(raw, &decoded); err != nil {
		return err
	}
	kind, body, tagged := tag(decoded)
	switch list, isList := body.([]any); {
	case tagged && kind == "set" && isList:
		return v.readSet(list)
	case tagged && kind == "map" && isList:
		return v.readMap(list)
	}
	a, err := atom(decoded)
	v.atoms = []any{a}
	return err
}

// tag splits ["set", …] and its like.
func tag(value any) (kind string, body any, ok bool) {
	pair, ok := value.([]any)
	if !ok || len(pair) != 2 {
		return "", nil, false
	}
	kind, ok = pair[0].(string)
	return kind, pair[1], ok
}

func atom(value any) (any, error) {
	switch value.(type) {
	case string, float64, bool:
		return value, nil
	}
	kind, body, ok := tag(value)
	id, isString := body.(string)
	if !ok || kind != "uuid" || !isString {
		return nil, fmt.Errorf("%v is no value of RFC 7047", value)
	}
	return UUID(id), nil
}

func (v *Value) readSet(list []any) error {
	v.atoms = make([]any, 0, len(list))
	for _, item := range list {
		a, err := atom(item)
		if err != nil {
			return err
		}
		v.atoms = append(v.atoms, a)
	}
	return nil
}

func (v *Value) readMap(list []any) error {
	v.pairs = make(map[string]string, len(list))
	for _, item := range list {
		pair, ok := item.([]any)
		if !ok || len(pair) != 2 {
			return errors.New("a <map> of RFC 7047 has pairs")
		}
		key, keyIs := pair[0].(string)
		value, valueIs := pair[1].(string)
		if keyIs && valueIs {
			v.pairs[key] = value
		}
	}
	return nil
}

func only[T any](v Value) []T {
	var found []T
	for _, a := range v.atoms {
		if t, ok := a.(T); ok {
			found = append(found, t)
		}
	}
	return found
}

// Strings returns the strings of a column.
func (r Row) Strings(column string) []string { return only[string](r[column]) }

// UUIDs returns the ids of a column: the rows it refers to.
func (r Row) UUIDs(column string) []UUID { return only[UUID](r[column]) }

// Map returns the pairs of a column.
func (r Row) Map(column string) map[string]string { return r[column].pairs }

// String returns the string of a column, "" if it is empty.
func (r Row) String(column string) string {
	if all := r.Strings(column); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Int returns the number of a column, and whether there is one.
func (r Row) Int(column string) (int, bool) {
	all := only[float64](r[column])
	if len(all) == 0 {
		return 0, false
	}
	return int(all[0]), true
}

// ID returns the row's own id, if _uuid was asked for.
func (r Row) ID() UUID {
	if all := r.UUIDs("_uuid"); len(all) > 0 {
		return all[0]
	}
	return ""
}
