package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gozun/gozun/zun"
)

// params reads the arguments of a request that has a schema for its query: each from the
// body, else the query. The first failure is kept and told by done, which also refuses
// parameters of the query that nobody asked for; in the body they pass, as in Zun.
type params struct {
	query, body map[string]any
	known       []string
	err         error
}

// params begins reading.
func (c *call) params() *params { return &params{query: c.query, body: c.body} }

// raw returns an argument, nil if it is absent.
func (p *params) raw(name string) (value any, given bool) {
	p.known = append(p.known, name)
	if value, given = p.body[name]; given {
		return value, true
	}
	value, given = p.query[name]
	return value, given
}

// fail keeps the first failure.
func (p *params) fail(name string, value any, text string) {
	if p.err == nil {
		p.err = invalidParam(name, value, text)
	}
}

// done returns what was wrong, if anything.
func (p *params) done() error {
	if p.err != nil {
		return p.err
	}
	return unexpected(p.query, p.known)
}

// text returns a string, "" if it is absent. Numbers, which a body may have, are taken as
// written.
func (p *params) text(name string) string {
	value, given := p.raw(name)
	if !given || value == nil {
		return ""
	}
	switch v := value.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	}
	p.fail(name, value, "it must be a string")
	return ""
}

// required returns a string that must not be empty.
func (p *params) required(name string) string {
	text := p.text(name)
	if text == "" && p.err == nil {
		p.err = zun.Errorf(zun.CodeSchemaValidation, "'%s' is a required property", name)
	}
	return text
}

// flag returns a boolean in one of the spellings that Zun knows.
func (p *params) flag(name string, absent bool) bool {
	value, given := p.raw(name)
	if !given || value == nil {
		return absent
	}
	flag, ok := boolean(value)
	if !ok {
		p.fail(name, value, "it must be true or false")
	}
	return flag
}

// seconds returns a number of seconds, nil if it is absent or empty.
func (p *params) seconds(name string) *int {
	text := p.text(name)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		p.fail(name, text, "it must be a number of seconds, 0 or more")
	}
	seconds := int(n)
	return &seconds
}

// boolean reads a boolean in any spelling of oslo.utils, in any case.
func boolean(value any) (flag, ok bool) {
	switch v := value.(type) {
	case bool:
		return v, true
	case int64:
		return v == 1, v == 0 || v == 1
	case string:
		switch strings.ToLower(v) {
		case "true", "1", "t", "on", "yes", "y":
			return true, true
		case "false", "0", "f", "off", "no", "n":
			return false, true
		}
	}
	return false, false
}

// unexpected is an error naming the parameters that are not known.
func unexpected(given map[string]any, known []string) error {
	var names []string
	for name := range given {
		if !slices.Contains(known, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return zun.Errorf(zun.CodeSchemaValidation, "%s", additional(names))
}

// additional is how JSON Schema validators of Python tell of unknown names.
func additional(names []string) string {
	slices.Sort(names)
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = "'" + shorten(name) + "'"
	}
	verb := "was"
	if len(names) > 1 {
		verb = "were"
	}
	return "Additional properties are not allowed (" + strings.Join(quoted, ", ") + " " + verb + " unexpected)"
}

// invalidParam is the error of one parameter of a query.
func invalidParam(name string, value any, text string) error {
	value = masked(name, value)
	return zun.Errorf(zun.CodeSchemaValidation, "Invalid input for query parameters '%s'. Value: '%s'. %s",
		shorten(name), show(value), text)
}

// invalidField is the error of one field of a body.
func invalidField(name string, value any, text string) error {
	value = masked(name, value)
	return zun.Errorf(zun.CodeSchemaValidation, "Invalid input for field '%s'.Value: '%s'. %s",
		shorten(name), show(value), text)
}

// masked keeps a password out of an error.
func masked(name string, value any) any {
	if name == "password" {
		return "***"
	}
	return value
}

// show writes a value into an error, cut where it gets long.
func show(value any) string {
	if value == nil {
		return "None"
	}
	if text, ok := value.(string); ok {
		return shorten(text)
	}
	raw, err := encode(value)
	if err != nil {
		return shorten(fmt.Sprint(value))
	}
	return shorten(string(raw))
}

// shorten keeps what a user sent from filling the error.
func shorten(text string) string {
	const limit = 120
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
