package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// compare says how ours differs from theirs, one line for each point.
func compare(ours, theirs observation) []string {
	var found []string
	if ours.Status != theirs.Status {
		found = append(found, fmt.Sprintf("status: Neutron's %d, ours %d", theirs.Status, ours.Status))
	}
	if ours.Error != theirs.Error {
		found = append(found, fmt.Sprintf("error: Neutron's %q, ours %q", theirs.Error, ours.Error))
	}
	if ours.Status/100 != theirs.Status/100 {
		return found // of an error and a success there is no more to say
	}
	d := differ{loose: theirs.Loose}
	d.values("$", ours.Body, theirs.Body)
	return append(found, d.found...)
}

type differ struct {
	loose bool
	found []string
}

func (d *differ) say(kind, path string, theirs, ours any) {
	d.found = append(d.found, fmt.Sprintf("%s %s: Neutron's %s, ours %s", kind, path, brief(theirs), brief(ours)))
}

func brief(v any) string {
	text := jsonText(v)
	if v == nil {
		text = "null"
	}
	if len(text) > 160 {
		text = text[:160] + "…"
	}
	return text
}

func (d *differ) values(path string, ours, theirs any) {
	if a, b := kindOf(ours), kindOf(theirs); a != b {
		d.say("type", path, theirs, ours)
		return
	}
	switch theirs := theirs.(type) {
	case object:
		d.objects(path, ours.(object), theirs)
	case []any:
		d.lists(path, ours.([]any), theirs)
	default:
		if !d.loose && jsonText(ours) != jsonText(theirs) {
			d.say("value", path, theirs, ours)
		}
	}
}

func (d *differ) objects(path string, ours, theirs object) {
	for _, key := range slices.Sorted(maps.Keys(theirs)) {
		if mine, ok := ours[key]; ok {
			d.values(path+"."+key, mine, theirs[key])
		} else {
			d.found = append(d.found, fmt.Sprintf("missing %s.%s: Neutron's %s", path, key, brief(theirs[key])))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(ours)) {
		if _, ok := theirs[key]; !ok {
			d.found = append(d.found, fmt.Sprintf("extra %s.%s: ours %s", path, key, brief(ours[key])))
		}
	}
}

func (d *differ) lists(path string, ours, theirs []any) {
	if d.loose {
		if len(ours) > 0 && len(theirs) > 0 {
			d.values(path+"[]", ours[0], theirs[0])
		}
		return
	}
	if len(ours) != len(theirs) {
		d.say("length", path, theirs, ours)
		return
	}
	for i := range theirs {
		d.values(path+"[]", ours[i], theirs[i])
	}
}

// plain is an observation as it is after it was written and read: recorded ones were.
func plain(seen []observation) []observation {
	var out []observation
	decoder := json.NewDecoder(strings.NewReader(jsonText(seen)))
	decoder.UseNumber()
	if err := decoder.Decode(&out); err != nil {
		panic(err) // what was just written can be read
	}
	return out
}
