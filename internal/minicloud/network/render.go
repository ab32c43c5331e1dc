package network

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// render appends an object as the caller may see it, with the attributes of only.
func (k *kind[R]) render(b []byte, who caller, r R, only []*attribute[R]) []byte {
	on := scope{}
	b = append(b, '{')
	for _, a := range only {
		if a.see != nil {
			if on.project == "" {
				on = k.scope(r)
			}
			if !a.see(who, on) {
				continue
			}
		}
		b = appendKey(b, a.name)
		b = appendValue(b, a.get(k.service.state, r))
	}
	return append(b, '}')
}

func (k *kind[R]) renderList(b []byte, who caller, rows []R, only []*attribute[R]) []byte {
	b = append(b, '[')
	for i, r := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		if i == 1 {
			b = slices.Grow(b, len(b)*len(rows)) // the rest will be as long
		}
		b = k.render(b, who, r, only)
	}
	return append(b, ']')
}

// fields returns the attributes that a "fields" query asks for: if none, all.
func (k *kind[R]) fields(asked ...string) []*attribute[R] {
	asked = slices.DeleteFunc(slices.Clone(asked), func(name string) bool { return name == "" })
	only := make([]*attribute[R], 0, len(k.attributes))
	for i := range k.attributes {
		a := &k.attributes[i]
		if a.get != nil && (len(asked) == 0 || slices.Contains(asked, a.name)) {
			only = append(only, a)
		}
	}
	return only
}

// appendKey appends a member's name, and before it the comma if it is not the first.
func appendKey(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

// jsonAppender is a value that writes itself.
type jsonAppender interface{ appendJSON([]byte) []byte }

// appendValue is encoding/json for what most attributes are, without its detours: lists
// of a thousand ports are read often.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case []string:
		b = append(b, '[')
		for i, s := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, s)
		}
		return append(b, ']')
	case json.RawMessage:
		return append(b, v...)
	case jsonAppender:
		return v.appendJSON(b)
	default:
		return appendJSON(b, v)
	}
}

func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return appendJSON(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func appendJSON(b []byte, v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		// Only our own types come here; one that cannot be written is a broken invariant.
		panic(err) //nolint:forbidigo // see above
	}
	return append(b, raw...)
}
