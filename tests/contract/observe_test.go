package contract

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// observation is what of an answer must be the same in every cloud: what is made up at
// random, or is a matter of where a cloud stands, has been replaced.
type observation struct {
	Step   string `json:"step"`
	Status int    `json:"status"`
	Error  string `json:"error,omitempty"` // NeutronError's type, Keystone's title
	Body   any    `json:"body,omitempty"`
	Loose  bool   `json:"loose,omitempty"`
}

// tell runs a sequence and returns what was seen. What it made is gone afterwards.
func (c *cloud) tell(tb testing.TB, q sequence) []observation {
	tb.Helper()
	values := map[string]string{}
	for name, value := range c.values {
		values[name] = value
	}
	var seen []observation
	var made []string
	said := "" // all requests so far: addresses that were asked for are compared, others not
	defer func() {
		for _, path := range slices.Backward(made) {
			c.send("admin", http.MethodDelete, path, "")
		}
	}()
	for _, s := range q.steps {
		path, body, headers := fillStep(tb, s, values)
		said += path + body
		got := c.send(s.user, s.verb, path, body, headers...)
		if got.status == http.StatusCreated && s.verb == http.MethodPost {
			made = append(made, madePaths(path, got.body)...)
		}
		capture(s, got, values)
		seen = append(seen, c.observe(s, got, values, said))
	}
	return seen
}

func fillStep(tb testing.TB, s step, values map[string]string) (path, body string, headers []string) {
	tb.Helper()
	filled := make([]string, 0, 2+len(s.headers))
	for _, text := range append([]string{s.path, s.body}, s.headers...) {
		out, err := fill(text, values)
		if err != nil {
			tb.Fatalf("%s: %v", s.line, err)
		}
		filled = append(filled, out)
	}
	return filled[0], filled[1], filled[2:]
}

// madePaths are the addresses of what a POST made, for its removal.
func madePaths(path string, body any) []string {
	answer, _ := body.(object)
	var paths []string
	path, _, _ = strings.Cut(path, "?")
	for _, member := range answer {
		list, bulk := member.([]any)
		if !bulk {
			list = []any{member}
		}
		for _, one := range list {
			if o, ok := one.(object); ok {
				if id, ok := o["id"].(string); ok {
					paths = append(paths, strings.TrimSuffix(path, ".json")+"/"+id)
				}
			}
		}
	}
	return paths
}

// capture keeps what a later step needs. What is not there is missed by that step.
func capture(s step, got reply, values map[string]string) {
	for _, wanted := range s.captures {
		name, path, _ := strings.Cut(wanted, ":")
		var value string
		if header, ok := strings.CutPrefix(path, "header."); ok {
			value = got.header.Get(header)
		} else {
			value = at(got.body, path)
		}
		delete(values, name)
		if value != "" {
			values[name] = value
		}
	}
}

// at walks into a body; with no path it is the id of the one object in it.
func at(body any, path string) string {
	if path == "" {
		answer, _ := body.(object)
		for _, member := range answer {
			if o, ok := member.(object); ok && len(answer) == 1 {
				id, _ := o["id"].(string)
				return id
			}
		}
		return ""
	}
	for key := range strings.SplitSeq(path, ".") {
		switch v := body.(type) {
		case object:
			body = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				return ""
			}
			body = v[i]
		}
	}
	switch v := body.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// observe reduces an answer to what is compared.
func (c *cloud) observe(s step, got reply, values map[string]string, said string) observation {
	o := observation{Step: s.line, Status: got.status, Loose: s.loose}
	answer, _ := got.body.(object)
	if neutron, ok := answer["NeutronError"].(object); ok {
		o.Error, _ = neutron["type"].(string)
	} else if neutron, ok := answer["NeutronError"].(string); ok {
		o.Error = "text: " + neutron
	}
	if keystone, ok := answer["error"].(object); ok {
		o.Error, _ = keystone["title"].(string)
	}
	if got.status >= 400 {
		o.Body = keysOf(got.body) // messages are each cloud's own
		return o
	}
	reduce := reducer{names: namesOf(values), said: said, keepOrder: strings.Contains(s.path, "sort_key"), cloud: c}
	o.Body = reduce.value("", got.body, 0)
	return o
}

// keysOf is the skeleton of an error.
func keysOf(body any) any {
	switch v := body.(type) {
	case object:
		out := object{}
		for key, value := range v {
			out[key] = keysOf(value)
		}
		return out
	case nil:
		return nil
	}
	return "<" + kindOf(body) + ">"
}

// namesOf has the placeholders of values that are nobody's but this run's.
func namesOf(values map[string]string) map[string]string {
	names := map[string]string{}
	for name, value := range values {
		if len(value) >= 32 || name == "host" {
			if old, there := names[value]; !there || name < old {
				names[value] = name
			}
		}
	}
	return names
}

// reducer replaces what differs by chance.
type reducer struct {
	names     map[string]string // value -> placeholder
	said      string
	keepOrder bool
	cloud     *cloud
}

var (
	isID     = regexp.MustCompile(`^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	isTime   = regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?$`)
	isMAC    = regexp.MustCompile(`^fa:16:3e(:[0-9a-f]{2}){3}$`)
	isAudit  = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)
	anyID    = regexp.MustCompile(`[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	anyDigit = regexp.MustCompile(`\d`)
)

func (r reducer) value(key string, v any, depth int) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for k, member := range v {
			out[k] = r.value(k, member, depth+1)
		}
		return out
	case []any:
		return r.list(key, v, depth)
	case string:
		return r.text(key, v)
	case json.Number:
		if key == "standard_attr_id" || key == "provider:segmentation_id" {
			return "<number>"
		}
	}
	return v
}

func (r reducer) list(key string, v []any, depth int) any {
	out := make([]any, 0, len(v))
	for _, element := range v {
		out = append(out, r.value(key, element, depth+1))
	}
	if !r.keepOrder || depth > 1 {
		slices.SortStableFunc(out, func(a, b any) int { return strings.Compare(jsonText(a), jsonText(b)) })
	}
	return out
}

func (r reducer) text(key, v string) any {
	if name, ok := r.names[v]; ok {
		return "<" + name + ">"
	}
	switch {
	case isID.MatchString(v):
		return "<id>"
	case isTime.MatchString(v):
		return "<time " + anyDigit.ReplaceAllString(v, "0") + ">"
	case isMAC.MatchString(v) && !r.saidOf(v):
		return "<mac>"
	case key == "audit_ids" && isAudit.MatchString(v):
		return "<audit>"
	case key == "ip_address" && !r.saidOf(v):
		return "<address>"
	}
	for _, base := range []string{r.cloud.identity, r.cloud.network} {
		if rest, ok := strings.CutPrefix(v, base); ok {
			return r.link(rest)
		}
	}
	if rest, ok := strings.CutPrefix(v, r.cloud.values["container"]); ok { // wherever Zun's service is said to be
		return usualContainer + rest
	}
	return strings.ReplaceAll(v, r.cloud.values["run"], "<run>")
}

// saidOf reports whether a request has named the value: then it is no chance.
func (r reducer) saidOf(v string) bool {
	return strings.Contains(strings.ToLower(r.said), `"`+v+`"`) || strings.Contains(r.said, "%3D"+v)
}

// link is an address on a cloud, without ids.
func (r reducer) link(v string) string {
	for value, name := range r.names {
		v = strings.ReplaceAll(v, value, "<"+name+">")
	}
	v = strings.ReplaceAll(anyID.ReplaceAllString(v, "<id>"), r.cloud.values["run"], "<run>")
	path, query, asks := strings.Cut(v, "?")
	if !asks {
		return "<cloud>" + path
	}
	parts := strings.Split(query, "&")
	slices.Sort(parts)
	return "<cloud>" + path + "?" + strings.Join(parts, "&")
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number, float64:
		return "number"
	case []any:
		return "list"
	}
	return "object"
}
