package api

import (
	"bytes"
	"embed"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
)

// descriptionFiles describe the API: operation/<noun>.json what each route takes and
// answers, reply/ and query/ the schemas that this is put together from. The bodies that
// requests are held against are in schemaFiles.
//
//go:embed schema/operation/*.json schema/reply/*.json schema/query/*.json
var descriptionFiles embed.FS

// operation is what is said of a route beside the table of routes, from a microversion on
// until the next one of the same verb and path. Its key in the file is "POST /v1/networks",
// or, from a later microversion on, "POST /v1/networks 1.41".
type operation struct {
	Summary     string            `json:"summary"`
	Description string            `json:"description"`
	Query       any               `json:"query"`   // schema of an object; nil takes no parameters
	Body        any               `json:"body"`    // name of a schema of bodies, or a schema
	Replies     map[string]string `json:"replies"` // success status to name of a schema, "" at 204
	Example     example           `json:"example"`

	since int
	file  string // where it is said
}

// example is a request that is taken.
type example struct {
	Query string `json:"query"`
	Body  any    `json:"body"`
}

// operations are all operations by verb and path, ascending by microversion.
type operations map[string][]operation

// readOperations reads the embedded descriptions.
func readOperations() operations {
	all := operations{}
	files, err := descriptionFiles.ReadDir("schema/operation")
	must(err)
	for _, file := range files {
		raw, err := descriptionFiles.ReadFile("schema/operation/" + file.Name())
		must(err)
		var read map[string]operation
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		decoder.UseNumber()
		must(decoder.Decode(&read))
		for key, op := range read {
			verb, rest, _ := strings.Cut(key, " ")
			pattern, version, later := strings.Cut(rest, " ")
			op.since, op.file = minMinor, file.Name()
			if later {
				op.since, err = strconv.Atoi(strings.TrimPrefix(version, "1."))
				must(err)
			}
			all[verb+" "+pattern] = append(all[verb+" "+pattern], op)
		}
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b operation) int { return a.since - b.since })
	}
	return all
}

// at returns what is said of a route at a microversion, nil if that is nothing.
func (o operations) at(r route, minor int) *operation {
	list := o[r.verb+" "+r.path]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].since <= minor {
			return &list[i]
		}
	}
	return nil
}

// fileAt returns which of the files "<name>_1.<minor>.json" in a directory holds at a
// microversion, "" for none.
func fileAt(files embed.FS, dir, name string, minor int) string {
	entries, err := files.ReadDir(dir)
	must(err)
	found, best := "", 0
	for _, entry := range entries {
		base, version, _ := strings.Cut(strings.TrimSuffix(entry.Name(), ".json"), "_1.")
		since, err := strconv.Atoi(version)
		must(err)
		if base == name && since <= minor && since > best {
			found, best = path.Join(dir, entry.Name()), since
		}
	}
	return found
}
