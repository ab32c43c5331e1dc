package api

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func TestEveryRouteIsDescribed(t *testing.T) {
	all, table := readOperations(), routeTable()
	for _, r := range table {
		for minor := max(r.min, minMinor); minor <= maxMinor && r.serves(minor); minor++ {
			op := all.at(r, minor)
			if op == nil {
				t.Errorf("%s %s is not described: %s", r.verb, r.path, undescribed(r))
				break
			}
			if op.Summary == "" || strings.HasSuffix(op.Summary, ".") {
				t.Errorf(`schema/operation/%s: "%s %s" needs a summary, one line without a full stop`, op.file, r.verb, r.path)
			}
			if len(op.Replies) == 0 {
				t.Errorf(`schema/operation/%s: "%s %s" needs the replies of success: {"200": "<name of a schema in reply/>"}`, op.file, r.verb, r.path)
			}
			for status, name := range op.Replies {
				if (name == "") != (status == "204") || name != "" && fileAt(descriptionFiles, "schema/reply", name, minor) == "" {
					t.Errorf(`schema/operation/%s: "%s %s" answers %s with %q: there is no schema/reply/%[5]s_1.N.json`, op.file, r.verb, r.path, status, name)
				}
			}
			if r.json && op.Body == nil {
				t.Errorf(`schema/operation/%s: "%s %s" needs a body: the name of a schema in schema/, or a schema`, op.file, r.verb, r.path)
			}
			if name, named := op.Body.(string); named && fileAt(schemaFiles, "schema", name, minor) == "" {
				t.Errorf(`schema/operation/%s: "%s %s": there is no schema/%s_1.N.json`, op.file, r.verb, r.path, name)
			}
			if r.json && op.Example.Body == nil {
				t.Errorf(`schema/operation/%s: "%s %s" needs an example with a body that is taken`, op.file, r.verb, r.path)
			}
		}
	}
	for key, list := range all {
		for _, op := range list {
			if !slices.ContainsFunc(table, func(r route) bool { return r.verb+" "+r.path == key && r.serves(max(op.since, r.min)) }) {
				t.Errorf("schema/operation/%s describes %s 1.%d, which the table of routes does not have", op.file, key, op.since)
			}
		}
	}
}

// A schema that requests are held against is also the one that is published.
func TestEverySchemaOfABodyIsDescribed(t *testing.T) {
	named := map[string]bool{}
	for _, list := range readOperations() {
		for _, op := range list {
			if name, is := op.Body.(string); is {
				named[name] = true
			}
		}
	}
	for name := range compileSchemas().byName {
		if !named[name] {
			t.Errorf(`schema/%s_1.N.json is the body of no operation: write "body": "%[1]s" into its operation in schema/operation`, name)
		}
	}
}

// Examples fit the schemas next to them.
func TestExamplesFitTheirSchemas(t *testing.T) {
	c := readContract()
	for key, list := range c.operations {
		for _, op := range list {
			if op.Body == nil || op.Example.Body == nil {
				continue
			}
			for _, minor := range []int{op.since, maxMinor} {
				if wrong := fitting(c.schema(key+versionText(op.since), op.Body, minor), op.Example.Body, "schema/operation/"+op.file, nil); c.operations.at(route{verb: strings.Fields(key)[0], path: strings.Fields(key)[1]}, minor).since == op.since && len(wrong) > 0 {
					t.Errorf("the example of %s at 1.%d: %s", key, minor, wrong)
				}
			}
		}
	}
}

func TestOpenAPI(t *testing.T) {
	f := newFixture(t)
	for minor := minMinor; minor <= maxMinor; minor++ {
		a := f.want(200, f.do("GET", "/v1/openapi.json", "", "X-Auth-Token:", version(versionText(minor))))
		loader := openapi3.NewLoader()
		document, err := loader.LoadFromData([]byte(a.text))
		if err != nil {
			t.Fatalf("1.%d: %v", minor, err)
		}
		if err := document.Validate(t.Context()); err != nil {
			t.Errorf("1.%d: %v", minor, err)
		}
		if document.Info.Version != versionText(minor) {
			t.Errorf("it is of %s", document.Info.Version)
		}
		served := 0
		for _, r := range routeTable() {
			item := document.Paths.Value(r.path)
			there := item != nil && item.GetOperation(r.verb) != nil
			if want := r.serves(minor) && !r.later; there != want && !servedTwice(r, minor) {
				t.Errorf("1.%d: %s %s is described: %v", minor, r.verb, r.path, there)
			}
			if there {
				served++
			}
		}
		if served < 15 {
			t.Errorf("1.%d: only %d operations", minor, served)
		}
	}
}

// servedTwice reports whether another route of the same verb and path serves a microversion.
func servedTwice(r route, minor int) bool {
	return slices.ContainsFunc(routeTable(), func(other route) bool {
		return other.verb == r.verb && other.path == r.path && other.serves(minor) && !other.later
	})
}

// The document tells what changed between microversions.
func TestOpenAPIIsOfOneMicroversion(t *testing.T) {
	f := newFixture(t)
	read := func(v string) map[string]any {
		var document struct {
			Paths map[string]map[string]struct {
				RequestBody struct {
					Content map[string]struct {
						Schema struct {
							Ref string `json:"$ref"`
						}
					}
				}
			}
			Components struct{ Schemas map[string]any }
		}
		a := f.do("GET", "/v1/openapi.json", "", version(v))
		if err := json.Unmarshal([]byte(a.text), &document); err != nil {
			t.Fatal(err)
		}
		return map[string]any{
			"create":   document.Paths["/v1/containers"]["post"].RequestBody.Content["application/json"].Schema.Ref,
			"networks": len(document.Paths["/v1/networks"]), "list": len(document.Paths["/v1/containers/{id}/network_list"]),
		}
	}
	for v, want := range map[string]map[string]any{
		"1.1":  {"create": "#/components/schemas/container_create_1.1", "networks": 1, "list": 0},
		"1.20": {"create": "#/components/schemas/container_create_1.20", "networks": 1, "list": 1},
		"1.41": {"create": "#/components/schemas/container_create_1.40", "networks": 2, "list": 1},
	} {
		if got := read(v); got["create"] != want["create"] || got["networks"] != want["networks"] || got["list"] != want["list"] {
			t.Errorf("%s: %v, want %v", v, got, want)
		}
	}
}

// The witness can complain.
func TestTheContractCanFail(t *testing.T) {
	f := newFixture(t)
	c := readContract()
	request := func(target, body string) said {
		a := f.do("GET", target, "")
		u := mustURL(target)
		return said{method: "GET", url: u, status: a.status, header: a.header, body: []byte(strings.Replace(a.text, body, `"wrong":`+body, 1))}
	}
	for _, x := range []said{
		request("/v1/containers/web", `"Running"`),
		request("/v1/containers", `"uuid"`),
		request("/v1/containers/nope", `"container.container-not-found"`),
	} {
		if wrong := c.check(x); len(wrong) == 0 {
			t.Errorf("%s: nothing is wrong with %s", x.url, x.body)
		}
	}
	for name, change := range map[string]func(*said){
		"status":       func(x *said) { x.status = 203 },
		"no id":        func(x *said) { x.header.Del("X-Openstack-Request-Id") },
		"no version":   func(x *said) { x.header.Del(versionHeader) },
		"content type": func(x *said) { x.header.Set("Content-Type", "text/html") },
		"parameter":    func(x *said) { x.url = mustURL("/v1/containers?undocumented=1") },
		"key":          func(x *said) { x.body = []byte(`{"containers":[],"next":null,"more":1}`) },
	} {
		x := request("/v1/containers", "nothing")
		if wrong := c.check(x); len(wrong) > 0 {
			t.Fatalf("%v", wrong)
		}
		change(&x)
		if wrong := c.check(x); len(wrong) == 0 {
			t.Errorf("%s: nothing is wrong", name)
		}
	}
}
