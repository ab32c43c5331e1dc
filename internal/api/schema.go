package api

import (
	"bytes"
	"embed"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/gozun/gozun/zun"
)

// schemaFiles are the schemas of bodies, "<noun>_<verb>_<first microversion>.json": each
// holds until the next one of its name begins. They must not use propertyNames, of which
// the library (v6.0.3) reports a wrong place.
//
//go:embed schema/*.json
var schemaFiles embed.FS

// schemas are the compiled schemas.
type schemas struct {
	byName  map[string][]versionedSchema // ascending
	printer *message.Printer
}

// versionedSchema is a schema with the minor microversion from which it holds.
type versionedSchema struct {
	since  int
	schema *jsonschema.Schema
}

// compileSchemas compiles every embedded schema. They are part of the program, so one
// that does not compile is a broken invariant.
func compileSchemas() *schemas {
	s := &schemas{byName: map[string][]versionedSchema{}, printer: message.NewPrinter(language.English)}
	files, err := schemaFiles.ReadDir("schema")
	must(err)
	compiler := jsonschema.NewCompiler()
	for _, file := range files {
		raw, err := schemaFiles.ReadFile("schema/" + file.Name())
		must(err)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		must(err)
		must(compiler.AddResource(file.Name(), document))
		name, version, _ := strings.Cut(strings.TrimSuffix(file.Name(), ".json"), "_1.")
		since, err := strconv.Atoi(version)
		must(err)
		s.byName[name] = append(s.byName[name], versionedSchema{since, compiler.MustCompile(file.Name())})
	}
	for _, list := range s.byName {
		slices.SortFunc(list, func(a, b versionedSchema) int { return a.since - b.since })
	}
	return s
}

// must panics when the program itself is broken.
func must(err error) {
	if err != nil {
		panic("api: embedded schema: " + err.Error()) //nolint:forbidigo // the program itself is broken
	}
}

// check validates a body against the schema of that name that holds at a microversion.
// The error is CodeSchemaValidation and names the field and its value.
func (s *schemas) check(name string, minor int, body map[string]any) error {
	var schema *jsonschema.Schema
	for _, candidate := range s.byName[name] {
		if candidate.since <= minor {
			schema = candidate.schema
		}
	}
	err := schema.Validate(body)
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	return s.explain(firstLeaf(invalid), body, strings.HasPrefix(name, "registry_"))
}

// firstLeaf returns the violation nearest to the top, and of several the first by
// place and text, so that the same body always has the same error.
func firstLeaf(err *jsonschema.ValidationError) *jsonschema.ValidationError {
	if len(err.Causes) == 0 {
		return err
	}
	leaves := make([]*jsonschema.ValidationError, len(err.Causes))
	for i, cause := range err.Causes {
		leaves[i] = firstLeaf(cause)
	}
	return slices.MinFunc(leaves, func(a, b *jsonschema.ValidationError) int {
		if n := len(a.InstanceLocation) - len(b.InstanceLocation); n != 0 {
			return n
		}
		if n := slices.Compare(a.InstanceLocation, b.InstanceLocation); n != 0 {
			return n
		}
		return strings.Compare(strings.Join(a.ErrorKind.KeywordPath(), "/"), strings.Join(b.ErrorKind.KeywordPath(), "/"))
	})
}

// explain words a violation the way Zun does: bare at the top of the body, else with the
// field and its value, which is left out where a body holds secrets.
func (s *schemas) explain(err *jsonschema.ValidationError, body map[string]any, secret bool) error {
	text := err.ErrorKind.LocalizedString(s.printer)
	switch k := err.ErrorKind.(type) {
	case *kind.Required:
		text = "'" + k.Missing[0] + "' is a required property"
	case *kind.AdditionalProperties:
		text = additional(k.Properties)
	}
	if len(err.InstanceLocation) == 0 {
		return zun.Errorf(zun.CodeSchemaValidation, "%s", text)
	}
	if err.InstanceLocation[0] == "mounts" {
		return invalidField("mounts", nil, shorten(text)) // its values hold the contents of files
	}
	var value any = body
	leaf := ""
	for _, step := range err.InstanceLocation {
		value = below(value, step)
		if _, err := strconv.Atoi(step); err != nil || leaf == "" {
			leaf = step
		}
	}
	if secret {
		value = "***"
	}
	return invalidField(leaf, value, shorten(text))
}

// below returns what is at a step of an instance location.
func below(value any, step string) any {
	switch v := value.(type) {
	case map[string]any:
		return v[step]
	case []any:
		if i, err := strconv.Atoi(step); err == nil && i < len(v) {
			return v[i]
		}
	}
	return nil
}
