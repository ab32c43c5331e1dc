package neutron

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/gozun/gozun/zun"
)

// Record is a resource as Neutron shows it: every field, extensions' included. Values are
// strings, bools, nil, json.Number for numbers, and json.RawMessage for lists and objects,
// which keeps their order. The network commands show these to people; rooms that decide
// by a field use the typed calls.
type Record map[string]any

// FindRecords returns the resources of a kind ("networks", "security-group-rules") that
// the filter chooses, each with the fields that Neutron shows; none is no error.
func (c *Client) FindRecords(ctx context.Context, kind string, filter url.Values) ([]Record, error) {
	doing := "cannot list " + strings.ReplaceAll(kind, "-", " ")
	next := kind
	if query := filter.Encode(); query != "" {
		next += "?" + query
	}
	found := []Record{}
	for next != "" {
		var page map[string]json.RawMessage
		if err := c.call(ctx, doing, request{method: "GET", path: next, answer: &page}); err != nil {
			return nil, err
		}
		items, following, err := decodePage[json.RawMessage](page, strings.ReplaceAll(kind, "-", "_"))
		if err != nil {
			return nil, zun.Wrap(zun.CodeUnavailable, err, "%s: Neutron's answer cannot be read", doing)
		}
		for _, item := range items {
			record, err := decodeRecord(item)
			if err != nil {
				return nil, zun.Wrap(zun.CodeUnavailable, err, "%s: Neutron's answer cannot be read", doing)
			}
			found = append(found, record)
		}
		if following == next {
			break
		}
		next = following
	}
	return found, nil
}

// CreateRecord makes a resource of a kind from the fields given, and returns it whole.
func (c *Client) CreateRecord(ctx context.Context, kind string, body Record) (Record, error) {
	doing := "cannot create " + strings.ReplaceAll(singular(kind), "_", " ")
	if name, _ := body["name"].(string); name != "" {
		doing += " " + name
	}
	wrapped := map[string]json.RawMessage{}
	wrap := map[string]any{singular(kind): body}
	if err := c.call(ctx, doing, request{method: "POST", path: kind, body: wrap, answer: &wrapped}); err != nil {
		return nil, err
	}
	record, err := decodeRecord(wrapped[singular(kind)])
	if err != nil {
		return nil, zun.Wrap(zun.CodeUnavailable, err, "%s: Neutron's answer cannot be read", doing)
	}
	return record, nil
}

// DeleteRecord removes a resource of a kind. One that is gone is an error here, unlike in
// the typed calls: the person who named it should know.
func (c *Client) DeleteRecord(ctx context.Context, kind, id string) error {
	doing := "cannot delete " + strings.ReplaceAll(singular(kind), "_", " ") + " " + id
	if id == "" {
		return zun.Errorf(zun.CodeInvalid, "%s: the id is empty", doing)
	}
	return c.call(ctx, doing, request{method: "DELETE", path: kind + "/" + url.PathEscape(id)})
}

func decodeRecord(raw json.RawMessage) (Record, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	record := Record{}
	for name, field := range fields {
		if field[0] == '{' || field[0] == '[' {
			record[name] = field
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(field))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		record[name] = value
	}
	return record, nil
}
