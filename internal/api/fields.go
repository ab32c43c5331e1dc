package api

import (
	"bytes"
	"slices"
)

// field is one key of a JSON object with what it holds.
type field struct {
	name  string
	value any
}

// fieldList is a JSON object whose keys keep their order, as those of Zun's answers do.
type fieldList []field

// MarshalJSON writes the object.
func (o fieldList) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(appendString(nil, f.name))
		b.WriteByte(':')
		raw, err := encode(f.value)
		if err != nil {
			return nil, err
		}
		b.Write(raw)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// visible returns the fields of a noun that the caller may see: those without a policy
// rule <noun>:get_one:<field>, and those whose rule he passes.
func (s *server) visible(c *call, noun string, fields fieldList) fieldList {
	return slices.DeleteFunc(fields, func(f field) bool {
		rule := noun + ":get_one:" + f.name
		return s.Policy.Has(rule) && !s.allows(c, rule)
	})
}
