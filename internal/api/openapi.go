package api

import (
	"context"
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// openAPI are the OpenAPI documents by microversion, each made when it is first asked for.
type openAPI struct {
	mu    sync.Mutex
	texts map[int]rawJSON
}

// rawJSON is JSON that is ready.
type rawJSON []byte

// appendJSON copies it.
func (r rawJSON) appendJSON(to []byte) []byte { return append(to, r...) }

// showOpenAPI serves GET /v1/openapi.json: what holds at the microversion of the request.
// It says nothing of anybody's, so it needs no token.
func (s *server) showOpenAPI(_ context.Context, c *call) (reply, error) {
	s.openAPI.mu.Lock()
	defer s.openAPI.mu.Unlock()
	text, made := s.openAPI.texts[c.version]
	if !made {
		var err error
		if text, err = encode(describe(routeTable(), readOperations(), c.version)); err != nil {
			return reply{}, err
		}
		if s.openAPI.texts == nil {
			s.openAPI.texts = map[int]rawJSON{}
		}
		s.openAPI.texts[c.version] = text
	}
	return reply{status: http.StatusOK, body: text}, nil
}

// object is a JSON object in the making.
type object = map[string]any

// describe makes the OpenAPI 3.1 document of the routes that exist at a microversion.
// What answers 501 is left out.
func describe(table []route, all operations, minor int) object {
	d := &describer{minor: minor, components: object{}}
	paths := object{}
	for _, r := range table {
		op := all.at(r, minor)
		if !r.serves(minor) || r.later || op == nil {
			continue
		}
		item, _ := paths[r.path].(object)
		if item == nil {
			item = object{}
			paths[r.path] = item
		}
		item[strings.ToLower(r.verb)] = d.operation(r, op)
	}
	errors := object{"error": d.schema("error"), "unauthorized": d.schema("unauthorized")}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "OpenStack Zun API", "version": versionText(minor), "license": object{"name": "Apache 2.0", "identifier": "Apache-2.0"},
			"description": "Containers on tenants' networks: Zun's API, served by gozun, at microversion " + versionText(minor) +
				". A parameter of a POST may stand in its JSON body as well.",
		},
		"servers":  []object{{"url": "..", "description": "this one, from where this document is"}},
		"security": []object{{"token": []string{}}},
		"paths":    paths,
		"components": object{
			"schemas":         d.components,
			"responses":       failures(errors),
			"parameters":      object{"microversion": microversionParameter(minor)},
			"securitySchemes": object{"token": object{"type": "apiKey", "in": "header", "name": "X-Auth-Token", "description": "Keystone's"}},
		},
	}
}

// microversionParameter describes the header that chooses the microversion.
func microversionParameter(minor int) object {
	return object{
		"name": versionHeader, "in": "header", "required": minor != minMinor,
		"description": "The microversion that this document is of; without the header it is " + minVersion,
		"schema":      object{"const": serviceType + " " + versionText(minor)},
	}
}

// failures are the answers that every route may give.
func failures(schemas object) object {
	response := func(description, schema string) object {
		return object{"description": description, "content": jsonContent(schemas[schema])}
	}
	return object{
		"unauthorized": response("There is no valid token", "unauthorized"),
		"refused":      response("The request cannot be done as it is; the text says why", "error"),
		"failed":       response("The service, or something that it needs, cannot do it now", "error"),
	}
}

// jsonContent is a body of JSON.
func jsonContent(schema any) object {
	return object{"application/json": object{"schema": schema}}
}

// describer makes the operations of one microversion and collects the schemas that they
// refer to.
type describer struct {
	minor      int
	components object
}

// operation describes one route.
func (d *describer) operation(r route, op *operation) object {
	words := segments(r.path)
	described := object{
		"operationId": operationID(r), "summary": op.Summary, "parameters": d.parameters(words, op), "responses": d.responses(r, op),
		"x-openstack": d.openstack(r),
	}
	if op.Description != "" {
		described["description"] = op.Description
	}
	if len(words) > 1 {
		described["tags"] = []string{words[1]}
	}
	if r.public {
		described["security"] = []object{}
	}
	if op.Body != nil {
		content := jsonContent(d.body(op.Body))
		if op.Example.Body != nil {
			content["application/json"].(object)["example"] = op.Example.Body
		}
		described["requestBody"] = object{"required": r.json, "content": content}
	}
	return described
}

// operationID names a route for generated clients, "post_containers_id_start".
func operationID(r route) string {
	words := segments(r.path)
	switch {
	case len(words) == 0:
		words = []string{"root"}
	case len(words) > 1 && words[0] == "v1":
		words = words[1:]
	}
	return strings.NewReplacer("{", "", "}", "", ".", "_").Replace(strings.ToLower(r.verb) + "_" + strings.Join(words, "_"))
}

// openstack tells of a route what OpenAPI has no words for.
func (d *describer) openstack(r route) object {
	about := object{"min-ver": versionText(max(r.min, minMinor))}
	if r.max != 0 {
		about["max-ver"] = versionText(r.max)
	}
	if r.rule != "" {
		about["policy"] = r.rule
	}
	return about
}

// parameters describes the path, the query and the header of the microversion.
func (d *describer) parameters(words []string, op *operation) []object {
	list := []object{}
	for _, word := range words {
		if name, is := strings.CutPrefix(word, "{"); is {
			list = append(list, object{"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": object{"type": "string"}})
		}
	}
	query, _ := op.Query.(object)
	properties, _ := query["properties"].(object)
	required, _ := query["required"].([]any)
	for _, name := range sortedKeys(properties) {
		list = append(list, object{
			"name": name, "in": "query", "required": slices.Contains(required, any(name)), "schema": d.rewritten(properties[name]),
		})
	}
	if len(words) > 0 && words[0] == "v1" {
		list = append(list, object{"$ref": "#/components/parameters/microversion"})
	}
	return list
}

// body describes a body: a schema by its name, or as it stands there.
func (d *describer) body(body any) any {
	if name, named := body.(string); named {
		file := fileAt(schemaFiles, "schema", name, d.minor)
		raw, err := schemaFiles.ReadFile(file)
		must(err)
		return d.component(file, raw)
	}
	return d.rewritten(body)
}

// responses describes the answers, those included that every route gives.
func (d *describer) responses(r route, op *operation) object {
	described := object{
		"4XX": object{"$ref": "#/components/responses/refused"},
		"5XX": object{"$ref": "#/components/responses/failed"},
	}
	if !r.public {
		described["401"] = object{"$ref": "#/components/responses/unauthorized"}
	}
	for status, name := range op.Replies {
		number, err := strconv.Atoi(status)
		must(err)
		response := object{"description": http.StatusText(number)}
		switch {
		case r.text:
			response["content"] = object{"text/plain": object{"schema": d.schema(name)}}
		case name != "":
			response["content"] = jsonContent(d.schema(name))
		}
		described[status] = response
	}
	return described
}

// schema refers to the schema of a reply.
func (d *describer) schema(name string) any {
	file := fileAt(descriptionFiles, "schema/reply", name, d.minor)
	raw, err := descriptionFiles.ReadFile(file)
	must(err)
	return d.component(file, raw)
}

// component refers to a schema file among the components, where it is put if need be.
func (d *describer) component(file string, raw []byte) any {
	name := strings.TrimSuffix(path.Base(file), ".json")
	if _, there := d.components[name]; !there {
		d.components[name] = nil // it may refer to itself
		var schema any
		must(json.Unmarshal(raw, &schema))
		delete(schema.(object), "$schema")
		d.components[name] = d.rewritten(schema)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// rewritten is a schema whose references to files are references to components.
func (d *describer) rewritten(schema any) any {
	switch v := schema.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = d.rewritten(v[i])
		}
		return list
	case object:
		changed := make(object, len(v))
		for key, value := range v {
			changed[key] = d.rewritten(value)
		}
		if ref, refers := v["$ref"].(string); refers {
			changed["$ref"] = d.referred(ref)
		}
		return changed
	}
	return schema
}

// referred puts the file that a schema refers to among the components.
func (d *describer) referred(ref string) string {
	dir := "schema/reply/"
	if strings.HasPrefix(ref, "../query/") {
		dir = "schema/query/"
	}
	raw, err := descriptionFiles.ReadFile(dir + path.Base(ref))
	must(err)
	return d.component(ref, raw).(object)["$ref"].(string)
}
