package network

import (
	"net/http"
	"slices"
	"strings"
)

const maxTags = 256

// tagList takes a list of unique strings and returns it sorted.
func tagList(v any) (any, error) {
	checked, err := unique[string](listOf[string](maxTags, text(255)))(v)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(slices.Values(checked.([]string))), nil
}

// tagFilter compiles tags (all of them), tags-any, not-tags and not-tags-any; each value
// is a list with commas. It returns nil for other names.
func tagFilter[R record](name string, wanted []string) func(R) bool {
	asked := strings.Split(strings.Join(wanted, ","), ",")
	asked = slices.DeleteFunc(asked, func(tag string) bool { return tag == "" })
	has := func(r R) func(string) bool {
		return func(tag string) bool { return slices.Contains(r.base().Tags, tag) }
	}
	all := func(r R) bool {
		return !slices.ContainsFunc(asked, func(tag string) bool { return !has(r)(tag) })
	}
	some := func(r R) bool { return slices.ContainsFunc(asked, has(r)) }
	if len(asked) == 0 {
		all, some = func(R) bool { return true }, func(R) bool { return true }
	}
	switch name {
	case "tags":
		return all
	case "tags-any":
		return some
	case "not-tags":
		return func(r R) bool { return len(asked) == 0 || !all(r) }
	case "not-tags-any":
		return func(r R) bool { return len(asked) == 0 || !some(r) }
	}
	return nil
}

// findTagged is find with the error of Neutron's tags.
func (k *kind[R]) findTagged(req *request) (R, error) {
	r, err := k.find(req.who, req.id)
	if err != nil {
		err = notFound("TagResourceNotFound", "Resource %s %s could not be found.", k.plural, shown(req.id))
	}
	return r, err
}

func (k *kind[R]) showTags(req *request) (*reply, error) {
	k.service.mu.RLock()
	defer k.service.mu.RUnlock()
	r, err := k.findTagged(req)
	if err != nil {
		return nil, err
	}
	return tagsReply(r.base().Tags), nil
}

func tagsReply(tags []string) *reply {
	return &reply{http.StatusOK, append(appendValue([]byte(`{"tags":`), tags), '}')}
}

func (k *kind[R]) hasTag(req *request) (*reply, error) {
	k.service.mu.RLock()
	defer k.service.mu.RUnlock()
	r, err := k.findTagged(req)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(r.base().Tags, req.tag) {
		return nil, tagNotFound(req.tag)
	}
	return &reply{status: http.StatusNoContent}, nil
}

func tagNotFound(tag string) *fault {
	return notFound("TagNotFound", "Tag %s could not be found.", shown(tag))
}

func (k *kind[R]) replaceTags(req *request) (*reply, error) {
	body, err := decodeBody(req.body)
	if err != nil {
		return nil, err
	}
	raw, ok := body["tags"]
	if !ok || len(body) != 1 {
		return nil, invalidInput("Invalid tags body")
	}
	tags, err := tagList(raw)
	if err != nil {
		return nil, invalidInput("%s", err)
	}
	err = k.changeTags(req, func([]string) ([]string, error) { return tags.([]string), nil })
	return tagsReply(tags.([]string)), err
}

func (k *kind[R]) addTag(req *request) (*reply, error) {
	if _, err := text(255)(req.tag); err != nil {
		return nil, invalidInput("%s", err)
	}
	err := k.changeTags(req, func(tags []string) ([]string, error) {
		at, there := slices.BinarySearch(tags, req.tag)
		switch {
		case there:
			return tags, nil
		case len(tags) >= maxTags:
			return nil, invalidInput("no more than %d tags are taken", maxTags)
		}
		return slices.Insert(slices.Clone(tags), at, req.tag), nil
	})
	return &reply{http.StatusCreated, []byte("null")}, err
}

func (k *kind[R]) removeTag(req *request) (*reply, error) {
	err := k.changeTags(req, func(tags []string) ([]string, error) {
		at, there := slices.BinarySearch(tags, req.tag)
		if !there {
			return nil, tagNotFound(req.tag)
		}
		return slices.Delete(slices.Clone(tags), at, at+1), nil
	})
	return &reply{status: http.StatusNoContent}, err
}

func (k *kind[R]) removeTags(req *request) (*reply, error) {
	err := k.changeTags(req, func([]string) ([]string, error) { return nil, nil })
	return &reply{status: http.StatusNoContent}, err
}

// changeTags lets the object's owner and services do it: the plugin marks users' networks
// with tags of its own.
func (k *kind[R]) changeTags(req *request, change func([]string) ([]string, error)) error {
	return k.service.change(func(w *work) error {
		if _, err := k.findTagged(req); err != nil {
			return err
		}
		before, err := k.editable(req, "update", ownerOrService)
		if err != nil {
			return err
		}
		tags, err := change(before.base().Tags)
		if err != nil || slices.Equal(tags, before.base().Tags) {
			return err
		}
		after := k.clone(before)
		after.base().Tags = tags
		w.touch(after.base())
		put(w, k.table, after)
		w.silent = true
		return nil
	})
}
