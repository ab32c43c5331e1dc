package api

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/gozun/gozun/internal/policy"
)

// contract is what schema/ says of the API, compiled, to hold requests and replies against.
type contract struct {
	routes     *routeTree
	operations operations
	mu         sync.Mutex // of what is compiled
	compiler   *jsonschema.Compiler
	compiled   map[string]*jsonschema.Schema
	inline     int
}

// theContract is read once per test program, not once per fixture.
var theContract = sync.OnceValue(readContract)

const schemaBase = "https://gozun.example/"

func readContract() *contract {
	c := &contract{
		routes: newRouteTree(routeTable()), operations: readOperations(),
		compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{},
	}
	c.add(schemaFiles, "schema")
	c.add(descriptionFiles, "schema/reply")
	c.add(descriptionFiles, "schema/query")
	return c
}

// add makes the schemas of a directory known to the compiler.
func (c *contract) add(files embed.FS, dir string) {
	entries, err := files.ReadDir(dir)
	must(err)
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		raw, err := files.ReadFile(path.Join(dir, entry.Name()))
		must(err)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		must(err)
		must(c.compiler.AddResource(schemaBase+path.Join(dir, entry.Name()), document))
	}
}

// file returns the compiled schema of a file.
func (c *contract) file(name string) *jsonschema.Schema {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.compiled[name] == nil {
		c.compiled[name] = c.compiler.MustCompile(schemaBase + name)
	}
	return c.compiled[name]
}

// schema returns the compiled form of a schema that stands in an operation, as an object
// of its own or by name.
func (c *contract) schema(key string, schema any, minor int) *jsonschema.Schema {
	if name, named := schema.(string); named {
		return c.file(fileAt(schemaFiles, "schema", name, minor))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.compiled[key] == nil {
		c.inline++
		at := fmt.Sprintf("%sschema/operation/inline%d.json", schemaBase, c.inline)
		must(c.compiler.AddResource(at, schema))
		c.compiled[key] = c.compiler.MustCompile(at)
	}
	return c.compiled[key]
}

// said is a request with its answer.
type said struct {
	method   string
	url      *url.URL
	version  string // the request's header, "" for none
	sent     []byte
	declared string // the request's content type
	status   int
	header   http.Header
	body     []byte
	rules    *policy.Engine
}

// check returns what of an exchange does not fit what schema/ says.
func (c *contract) check(x said) (wrong []string) {
	node, _, versioned := c.routes.find(x.url.EscapedPath())
	if x.method == http.MethodOptions || node == nil && x.status < 400 {
		return nil // preflights and /metrics are not of this API
	}
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !requestID.MatchString(x.header.Get("X-Openstack-Request-Id")) {
		complain("there is no request id")
	}
	if x.status >= 400 {
		return append(wrong, c.checkFailure(x)...)
	}
	minor := maxMinor
	if versioned {
		minor = usedMinor(x.header)
		if minor == 0 {
			complain("it does not say which microversion was used")
			return wrong
		}
	}
	r, err := node.choose(x.method, minor)
	if err != nil {
		complain("the table of routes has no such route at 1.%d", minor)
		return wrong
	}
	op := c.operations.at(r, minor)
	if op == nil {
		complain("it is described nowhere: %s", undescribed(r))
		return wrong
	}
	wrong = append(wrong, c.checkReply(x, r, op, minor)...)
	return append(wrong, c.checkTaken(x, r, op, minor)...)
}

// undescribed says what to do about a route of which nothing is said.
func undescribed(r route) string {
	key := r.verb + " " + r.path
	if r.min > minMinor {
		key += " " + versionText(r.min)
	}
	return fmt.Sprintf(`add "%s" with its summary, query, body, replies and an example to internal/api/schema/operation/<noun>.json `+
		`(the schemas of new replies go to internal/api/schema/reply)`, key)
}

// usedMinor is the microversion that an answer says it is of.
func usedMinor(header http.Header) int {
	text, _ := strings.CutPrefix(header.Get(versionHeader), serviceType+" 1.")
	minor, _ := strconv.Atoi(text)
	return minor
}

// checkReply holds an answer of success against its schema.
func (c *contract) checkReply(x said, r route, op *operation, minor int) []string {
	name, declared := op.Replies[strconv.Itoa(x.status)]
	if !declared {
		return []string{fmt.Sprintf(`status %d is not among the "replies" of "%s %s" in schema/operation/%s`, x.status, r.verb, r.path, op.file)}
	}
	if x.status == http.StatusNoContent {
		if len(x.body) > 0 {
			return []string{"a 204 has a body"}
		}
		return nil
	}
	file := fileAt(descriptionFiles, "schema/reply", name, minor)
	if file == "" {
		return []string{fmt.Sprintf(`there is no schema/reply/%s_1.N.json, which schema/operation/%s names for "%s %s"`, name, op.file, r.verb, r.path)}
	}
	var wrong []string
	if x.status == http.StatusCreated && !strings.Contains(x.header.Get("Location"), "://") {
		wrong = append(wrong, "a 201 without Location")
	}
	if r.text {
		return append(wrong, fitting(c.file(file), string(x.body), file, x.rules)...)
	}
	if got := x.header.Get("Content-Type"); got != "application/json" {
		wrong = append(wrong, "the content type is "+got)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(x.body))
	if err != nil {
		return append(wrong, "the body is no JSON: "+err.Error())
	}
	return append(wrong, fitting(c.file(file), value, file, x.rules)...)
}

// fitting returns how a value differs from a schema. A field that a policy rule of its own
// guards may be absent.
func fitting(schema *jsonschema.Schema, value any, file string, rules *policy.Engine) (wrong []string) {
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(value); !errors.As(err, &invalid) {
		return nil
	}
	printer := message.NewPrinter(language.English)
	found := leaves(invalid)
	if slices.ContainsFunc(found, isMissing) { // then what unevaluatedProperties says is noise
		found = slices.DeleteFunc(found, func(leaf *jsonschema.ValidationError) bool { _, is := leaf.ErrorKind.(*kind.FalseSchema); return is })
	}
	for _, leaf := range found {
		missing, is := leaf.ErrorKind.(*kind.Required)
		if is && rules != nil && !slices.ContainsFunc(missing.Missing, func(field string) bool { return !rules.Has("container:get_one:" + field) }) {
			continue
		}
		wrong = append(wrong, fmt.Sprintf("/%s does not fit internal/api/%s: %s",
			strings.Join(leaf.InstanceLocation, "/"), file, leaf.ErrorKind.LocalizedString(printer)))
	}
	return wrong
}

// isMissing reports whether a violation is that something is not there.
func isMissing(leaf *jsonschema.ValidationError) bool {
	_, is := leaf.ErrorKind.(*kind.Required)
	return is
}

// leaves are the single violations in an error.
func leaves(err *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(err.Causes) == 0 {
		return []*jsonschema.ValidationError{err}
	}
	var all []*jsonschema.ValidationError
	for _, cause := range err.Causes {
		all = append(all, leaves(cause)...)
	}
	return all
}

var correlation = regexp.MustCompile(`^Your request could not be handled because of a problem in the server\. Error Correlation id is: [0-9a-f-]{36}$`)

// checkFailure holds an answer of failure against the two shapes that there are.
func (c *contract) checkFailure(x said) []string {
	name := "error"
	if x.status == http.StatusUnauthorized {
		name = "unauthorized"
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(x.body))
	if err != nil {
		return []string{"the body of the error is no JSON: " + err.Error()}
	}
	wrong := fitting(c.file("schema/reply/"+name+"_1.1.json"), value, "schema/reply/"+name+"_1.1.json", nil)
	if got := x.header.Get("Content-Type"); got != "application/json" {
		wrong = append(wrong, "the content type is "+got)
	}
	var told struct{ Errors []errorItem }
	if err := json.Unmarshal(x.body, &told); err != nil || x.status == http.StatusUnauthorized || len(told.Errors) != 1 {
		if x.status == http.StatusUnauthorized && !strings.HasPrefix(x.header.Get("WWW-Authenticate"), "Keystone uri=") {
			wrong = append(wrong, "a 401 does not say where Keystone is")
		}
		return wrong
	}
	e := told.Errors[0]
	switch {
	case e.Status != x.status:
		wrong = append(wrong, fmt.Sprintf("the error says %d, the answer is %d", e.Status, x.status))
	case x.status == http.StatusInternalServerError && !correlation.MatchString(e.Detail):
		wrong = append(wrong, "a 500 says more than its correlation id")
	case x.status == http.StatusMethodNotAllowed && x.header.Get("Allow") == "":
		wrong = append(wrong, "a 405 does not say what is allowed")
	case e.Code != "container." && e.Code != "zun.microversion-unsupported" && e.Title != e.Detail:
		wrong = append(wrong, "title and detail differ")
	}
	return wrong
}

// checkTaken holds a request that was done against the schemas of its query and body: what
// is taken must be described.
func (c *contract) checkTaken(x said, r route, op *operation, minor int) []string {
	values := x.url.Query()
	query := map[string]any{}
	for name := range values {
		if values.Get(name) != "" { // an empty one counts as absent
			query[name] = values.Get(name)
		}
	}
	key := fmt.Sprintf("%s %s 1.%d", r.verb, r.path, op.since)
	where := fmt.Sprintf(`schema/operation/%s: the query of "%s"`, op.file, strings.TrimSuffix(key, " 1.1"))
	var sent map[string]any
	if strings.HasPrefix(x.declared, "application/json") {
		sent, _, _ = parseBody(x.sent)
	}
	described, _ := op.Query.(map[string]any)
	if described == nil {
		described = map[string]any{"additionalProperties": false}
	}
	for name, value := range sent { // a parameter may stand in the body
		if properties, _ := described["properties"].(map[string]any); op.Body == nil && properties[name] != nil {
			delete(query, name)
			if value != nil && value != "" {
				query[name] = word(value)
			}
		}
	}
	wrong := fitting(c.schema("query "+key, described, minor), asNumbers(c.schema("query "+key, described, minor), query), where, nil)
	if op.Body == nil {
		return wrong
	}
	merged := map[string]any{}
	for name, value := range query {
		if properties, _ := described["properties"].(map[string]any); properties[name] == nil {
			merged[name] = value
		}
	}
	for name, value := range sent {
		if properties, _ := described["properties"].(map[string]any); properties[name] == nil {
			merged[name] = value
		}
	}
	return append(wrong, fitting(c.schema("body "+key, op.Body, minor), merged, `the body of "`+key+`"`, nil)...)
}

// asNumbers turns the texts of a query into numbers where the schema wants such.
func asNumbers(schema *jsonschema.Schema, query map[string]any) map[string]any {
	for name, property := range schema.Properties {
		for property.Ref != nil {
			property = property.Ref
		}
		text, given := query[name].(string)
		if given && property.Types != nil && slices.Contains(property.Types.ToStrings(), "integer") {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				query[name] = n
			}
		}
	}
	return query
}
