package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// plainScalar matches strings that YAML reads back as the same string without quotes.
// Everything else is written as a JSON string, which is YAML too.
var plainScalar = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./@+-]*( [A-Za-z0-9_./@+(),-]+)*$`)

// notStrings are the words that some YAML reader takes for something else.
var notStrings = []string{"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"}

// writeYAML writes a value that JSON can hold. The emitter is ours because what we write
// is a small part of YAML, and a library would be a second one for it in this program.
func writeYAML(w io.Writer, value any) error {
	var b strings.Builder
	if err := appendYAML(&b, value, 0); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func appendYAML(b *strings.Builder, value any, depth int) error {
	switch v := value.(type) {
	case object:
		return appendMapping(b, v, depth)
	case []any:
		return appendSequence(b, v, depth)
	}
	plain, err := plainValue(value)
	if err != nil {
		return err
	}
	switch v := plain.(type) {
	case map[string]any:
		o := object{keys: slices.Sorted(maps.Keys(v))}
		for _, key := range o.keys {
			o.values = append(o.values, v[key])
		}
		return appendMapping(b, o, depth)
	case []any:
		return appendSequence(b, v, depth)
	}
	b.WriteString(scalar(plain) + "\n")
	return nil
}

func appendMapping(b *strings.Builder, o object, depth int) error {
	if len(o.keys) == 0 {
		b.WriteString("{}\n")
		return nil
	}
	for i, key := range o.keys {
		if i > 0 || !strings.HasSuffix(b.String(), "- ") { // else it stands beside its list's dash
			b.WriteString(strings.Repeat("  ", depth))
		}
		b.WriteString(scalar(key) + ":")
		if err := appendNested(b, o.values[i], depth+1); err != nil {
			return err
		}
	}
	return nil
}

func appendSequence(b *strings.Builder, items []any, depth int) error {
	if len(items) == 0 {
		b.WriteString("[]\n")
		return nil
	}
	for _, item := range items {
		plain, err := plainValue(item)
		if err != nil {
			return err
		}
		b.WriteString(strings.Repeat("  ", depth) + "-")
		if inner, ok := plain.([]any); ok && len(inner) > 0 {
			b.WriteString("\n")
		} else {
			b.WriteString(" ")
		}
		if err := appendYAML(b, item, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// appendNested puts a scalar or an empty collection on the key's line, and others below.
func appendNested(b *strings.Builder, value any, depth int) error {
	plain, err := plainValue(value)
	if err != nil {
		return err
	}
	switch v := plain.(type) {
	case map[string]any:
		if len(v) > 0 {
			b.WriteString("\n")
			return appendYAML(b, plain, depth)
		}
	case []any:
		if len(v) > 0 {
			b.WriteString("\n")
			return appendYAML(b, plain, depth)
		}
	}
	b.WriteString(" ")
	return appendYAML(b, plain, depth)
}

// plainValue returns what value is as JSON: maps, slices, strings, numbers, bools, nil.
func plainValue(value any) (any, error) {
	var b bytes.Buffer
	if err := appendJSON(&b, value); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(&b)
	decoder.UseNumber()
	var plain any
	err := decoder.Decode(&plain)
	return plain, err
}

func scalar(value any) string {
	text, ok := value.(string)
	if !ok {
		if value == nil {
			return "null"
		}
		return fmt.Sprint(value)
	}
	if plainScalar.MatchString(text) && !slices.Contains(notStrings, strings.ToLower(text)) {
		return text
	}
	var b bytes.Buffer
	_ = appendJSON(&b, text) // a string always encodes
	return strings.TrimSpace(b.String())
}
