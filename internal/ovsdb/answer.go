package ovsdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Result is what one operation of a transaction came to.
type Result struct {
	Count int
	UUID  UUID
	Rows  []Row
}

// KindTimedOut is the Kind of a Wait's Error.
const KindTimedOut = "timed out"

// KindConstraint is the Kind of a transaction that broke an index, a reference or a limit.
const KindConstraint = "constraint violation"

// Error is the server's refusal of a transaction, nothing of which happened.
type Error struct {
	Operation int    // its index; as many as there were operations if the whole could not be committed
	Kind      string // RFC 7047's words: "timed out", "constraint violation", …
	Details   string // for people
}

func (e *Error) Error() string {
	text := fmt.Sprintf("operation %d of the OVSDB transaction failed: %s", e.Operation, e.Kind)
	if e.Details != "" {
		text += " (" + e.Details + ")"
	}
	return text
}

// IsKind tells that err is the server's Error of that kind.
func IsKind(err error, kind string) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// message is anything a server sends: an answer, or a question of its own (echo).
type message struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
	ID     json.RawMessage `json:"id"`
}

// decodeAnswer reads the answer to a transaction of that many operations.
func decodeAnswer(m message, operations int) ([]Result, error) {
	if refused := bytes.TrimSpace(m.Error); len(refused) > 0 && !bytes.Equal(refused, []byte("null")) {
		return nil, fmt.Errorf("the OVSDB server refused the request: %s", cut(refused))
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(m.Result, &raw); err != nil {
		return nil, fmt.Errorf("cannot understand the OVSDB server's answer: %w", err)
	}
	results := make([]Result, 0, len(raw))
	for i, one := range raw {
		r, err := decodeResult(one, i)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	if len(results) < operations {
		return nil, fmt.Errorf("cannot understand the OVSDB server's answer: %d results for %d operations", len(results), operations)
	}
	return results[:operations], nil
}

func decodeResult(raw json.RawMessage, index int) (Result, error) {
	var wire struct {
		Error   string          `json:"error"`
		Details string          `json:"details"`
		Count   int             `json:"count"`
		UUID    json.RawMessage `json:"uuid"`
		Rows    []Row           `json:"rows"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return Result{}, fmt.Errorf("cannot understand result %d of the OVSDB server: %w", index, err)
	}
	if wire.Error != "" {
		return Result{}, &Error{Operation: index, Kind: wire.Error, Details: wire.Details}
	}
	r := Result{Count: wire.Count, Rows: wire.Rows}
	if len(wire.UUID) > 0 {
		var id Value
		if err := json.Unmarshal(wire.UUID, &id); err != nil {
			return Result{}, fmt.Errorf("cannot understand result %d of the OVSDB server: %w", index, err)
		}
		r.UUID = Row{"_uuid": id}.ID()
	}
	return r, nil
}

// cut keeps a foreign text fit for an error.
func cut(text []byte) []byte { return text[:min(len(text), 200)] }
