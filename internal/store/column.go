package store

import (
	"encoding/json"
	"net/netip"
	"time"
)

// Times are kept as microseconds since 1970: the same in every database, and sortable.
func toMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// toJSON returns the text of a JSON column; what holds nothing is the empty text.
func toJSON[T any](value T) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) //nolint:forbidigo // only channels and cycles cannot be encoded, and no column has them
	}
	switch s := string(text); s {
	case "null", "[]", "{}":
		return ""
	default:
		return s
	}
}

// fromJSON reads a JSON column. A text that cannot be read is as good as empty: one bad
// row must not make every list fail.
func fromJSON[T any](text string) T {
	var value T
	if text != "" {
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			var zero T
			return zero
		}
	}
	return value
}

func toAddr(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func fromAddr(text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return a
}

// textOf is the text of a column that may be null.
func textOf(column *string) string {
	if column == nil {
		return ""
	}
	return *column
}

// nullable returns nil for the empty text, so that a unique index lets it repeat.
func nullable(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
