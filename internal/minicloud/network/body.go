package network

import (
	"bytes"
	"encoding/json"
	"io"
)

// maxBulk bounds how many objects one request may make.
const maxBulk = 4096

func decodeBody(raw []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, malformed("Resource body required")
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // an integer stays one, however large
	var body map[string]any
	err := decoder.Decode(&body)
	if err == nil {
		if _, more := decoder.Token(); more != io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil || body == nil {
		return nil, malformed("Malformed request body: the body is not a JSON object.")
	}
	return body, nil
}

// decodeOne reads {"<name>": {…}}.
func decodeOne(raw []byte, name string) (map[string]any, error) {
	body, err := decodeBody(raw)
	if err != nil {
		return nil, err
	}
	value, ok := body[name]
	if !ok || len(body) != 1 {
		return nil, malformed("Unable to find '%s' in request body", name)
	}
	return asObject(value, name)
}

// decodeNew reads {"<name>": {…}} or, in bulk, {"<plural>": [{…}, …]}.
func decodeNew(raw []byte, name, plural string) (objects []map[string]any, bulk bool, err error) {
	body, err := decodeBody(raw)
	if err != nil {
		return nil, false, err
	}
	list, bulk := body[plural]
	if !bulk {
		object, err := decodeOne(raw, name)
		return []map[string]any{object}, false, err
	}
	elements, ok := list.([]any)
	switch {
	case !ok || len(body) != 1:
		return nil, true, malformed("Body contains invalid data")
	case len(elements) == 0:
		return nil, true, malformed("Resources required")
	case len(elements) > maxBulk:
		return nil, true, malformed("at most %d %s can be created in one request", maxBulk, plural)
	}
	for _, element := range elements {
		object, err := asObject(unwrap(element, name), name)
		if err != nil {
			return nil, true, err
		}
		objects = append(objects, object)
	}
	return objects, true, nil
}

// unwrap takes the {"network": {…}} form that Neutron lets the elements of a bulk
// request have.
func unwrap(element any, name string) any {
	if object, ok := element.(map[string]any); ok && len(object) == 1 {
		if inner, ok := object[name].(map[string]any); ok {
			return inner
		}
	}
	return element
}

func asObject(value any, name string) (map[string]any, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return nil, malformed("Object '%s' contains invalid data", name)
	}
	return object, nil
}
