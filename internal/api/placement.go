package api

import (
	"strings"

	"github.com/gozun/gozun/zun"
)

// labelHint begins the hints that ask for a label of the host.
const labelHint = "label:"

// placementOf takes what is asked of the host. Hints that nobody knows are let pass, as
// Zun does.
func placementOf(_ *call, body map[string]any, r *zun.ContainerRequest) (err error) {
	p := zun.Placement{AvailabilityZone: stringOf(body["availability_zone"]), Host: stringOf(body["host"])}
	hints, _ := body["hints"].(map[string]any)
	for _, key := range sortedKeys(hints) {
		switch label, isLabel := strings.CutPrefix(key, labelHint); {
		case isLabel && hints[key] != nil:
			if p.Labels == nil {
				p.Labels = map[string]string{}
			}
			p.Labels[label] = word(hints[key])
		case key == "same_host":
			p.SameHost, err = hintedContainers(key, hints[key])
		case key == "different_host":
			p.DifferentHost, err = hintedContainers(key, hints[key])
		}
		if err != nil {
			return err
		}
	}
	r.Placement = p
	return nil
}

// hintedContainers reads the containers that a hint names: one, or a list.
func hintedContainers(hint string, value any) ([]string, error) {
	list, isList := value.([]any)
	if !isList && value != nil {
		list = []any{value}
	}
	refs := make([]string, 0, len(list))
	for _, one := range list {
		ref, isText := one.(string)
		if !isText || ref == "" {
			return nil, invalidField(hint, value, "it must be a container's UUID or name, or a list of them")
		}
		refs = append(refs, ref)
	}
	return refs, nil
}
