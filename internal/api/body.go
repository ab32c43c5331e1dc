package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gozun/gozun/zun"
)

// The bounds of what is read of a request.
const (
	maxBody  = 1 << 20 // bytes
	maxDepth = 32      // objects and arrays within each other; Zun's deepest body has 4
)

// isJSON reports whether the request says that its body is JSON.
func isJSON(header http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && mediaType == "application/json"
}

// readBody returns the object in a request's body. As in Zun, a body that is no JSON
// object counts as empty; then ignored is true. A body that is not declared as JSON is
// not read, which is how python-zunclient's DELETE comes.
func readBody(w http.ResponseWriter, r *http.Request) (object map[string]any, ignored bool, err error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || !isJSON(r.Header) || r.Body == nil {
		return map[string]any{}, false, nil
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, false, unreadable(err, maxBody)
	}
	return parseBody(raw)
}

// unreadable is the error of a body that could not be read to its end.
func unreadable(err error, limit int) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return zun.Errorf(zun.CodeTooLarge, "cannot read the request body: it is over %d bytes", limit)
	}
	return zun.Wrap(zun.CodeInvalid, err, "cannot read the request body: it ended early")
}

// parseBody reads a JSON object. Its values are strings, bools, nil, int64, float64,
// []any and map[string]any.
func parseBody(raw []byte) (object map[string]any, ignored bool, err error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return map[string]any{}, false, nil
	}
	object, ok := decodeObject(raw)
	if !ok {
		return map[string]any{}, true, nil
	}
	for key, value := range object {
		if strings.ContainsRune(key, 0) {
			return nil, false, invalidField(key, nil, "a name must not contain the character NUL")
		}
		if object[key], err = plain(key, value, 1); err != nil {
			return nil, false, err
		}
	}
	return object, false, nil
}

// decodeObject decodes exactly one JSON object, leaving its numbers as written.
func decodeObject(raw []byte) (object map[string]any, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if !utf8.Valid(raw) || decoder.Decode(&object) != nil || object == nil {
		return nil, false
	}
	_, err := decoder.Token()
	return object, errors.Is(err, io.EOF)
}

// plain turns the numbers in a decoded value into Go's and refuses what no field can
// mean: NUL characters, numbers beyond float64, absurd depth.
func plain(field string, value any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, invalidField(field, nil, "it is nested too deep")
	}
	switch v := value.(type) {
	case string:
		if strings.ContainsRune(v, 0) {
			return nil, invalidField(field, v, "it must not contain the character NUL")
		}
	case json.Number:
		return number(field, v)
	case []any:
		for i := range v {
			item, err := plain(field, v[i], depth+1)
			if err != nil {
				return nil, err
			}
			v[i] = item
		}
	case map[string]any:
		for key := range v {
			if strings.ContainsRune(key, 0) {
				return nil, invalidField(field, nil, "a name must not contain the character NUL")
			}
			item, err := plain(key, v[key], depth+1)
			if err != nil {
				return nil, err
			}
			v[key] = item
		}
	}
	return value, nil
}

// number turns a JSON number into an int64 or a float64.
func number(field string, n json.Number) (any, error) {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i, nil
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, invalidField(field, n.String(), "the number is too large")
	}
	return f, nil
}

// readQuery returns the query's parameters: a string, or, for a parameter that is given
// several times, a []any of strings.
func readQuery(u *url.URL) (map[string]any, error) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, zun.Wrap(zun.CodeInvalid, err, "cannot read the query string: it is not well formed")
	}
	query := make(map[string]any, len(values))
	for key, list := range values {
		all := key + strings.Join(list, "")
		if !utf8.ValidString(all) || strings.ContainsRune(all, 0) {
			return nil, zun.Errorf(zun.CodeInvalid, "cannot read the query string: it is not UTF-8, or contains the character NUL")
		}
		if len(list) == 1 {
			query[key] = list[0]
			continue
		}
		several := make([]any, len(list))
		for i := range list {
			several[i] = list[i]
		}
		query[key] = several
	}
	return query, nil
}
