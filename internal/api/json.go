package api

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"time"
)

// appendString writes a JSON string. Nearly all are plain, and those are copied.
func appendString(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendEscaped(b, text)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

// appendEscaped writes a JSON string that is not plain; bytes that are no UTF-8 become
// the replacement character.
func appendEscaped(b []byte, text string) []byte {
	raw, err := json.Marshal(text)
	if err != nil {
		return append(b, `""`...) // cannot be: a string always has a JSON form
	}
	return append(b, raw...)
}

// appendOptional writes a string, and null for the empty one.
func appendOptional(b []byte, text string) []byte {
	if text == "" {
		return append(b, "null"...)
	}
	return appendString(b, text)
}

// appendStrings writes a list of strings.
func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, text := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, text)
	}
	return append(b, ']')
}

// appendInts writes a list of numbers.
func appendInts(b []byte, list []int) []byte {
	b = append(b, '[')
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, ']')
}

// appendStringMap writes an object of strings, its keys in order.
func appendStringMap(b []byte, m map[string]string) []byte {
	b = append(b, '{')
	for i, key := range sortedKeys(m) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, key)
		b = append(b, ':')
		b = appendString(b, m[key])
	}
	return append(b, '}')
}

// appendLinks writes the links of an object.
func appendLinks(b []byte, links []link) []byte {
	b = append(b, '[')
	for i, l := range links {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"href":`...)
		b = appendString(b, l.Href)
		b = append(b, `,"rel":`...)
		b = appendString(b, l.Rel)
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendTime writes a time as Python's str() of a datetime does, and null for no time.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = append(b, pythonTime(t)...)
	return append(b, '"')
}

// pythonTime is str(datetime) in UTC: without "T" and zone, and without a fraction when
// that is zero.
func pythonTime(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("2006-01-02 15:04:05.000000")
}

// isoTime is how Zun writes the times of actions and events, nil for no time.
func isoTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format("2006-01-02T15:04:05.000000")
	return &text
}

// optional is nil for the empty string, which JSON shows as null.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// ipVersion is 4 or 6.
func ipVersion(ip netip.Addr) int {
	if ip.Is4() {
		return 4
	}
	return 6
}
