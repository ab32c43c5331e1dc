package neutron

import (
	"context"
	"slices"
	"time"

	"github.com/gozun/gozun/zun"
)

// AddTag puts one tag on a resource; kind is "networks", "subnets", "subnetpools" or
// "ports". That it is there already is success; that the resource is not is a 404.
func (c *Client) AddTag(ctx context.Context, kind, id, tag string) error {
	return c.tag(ctx, "PUT", kind, id, tag, "cannot tag")
}

// RemoveTag takes one tag off a resource; that tag or resource is gone is success.
func (c *Client) RemoveTag(ctx context.Context, kind, id, tag string) error {
	return goneIsFine(c.tag(ctx, "DELETE", kind, id, tag, "cannot untag"))
}

func (c *Client) tag(ctx context.Context, method, kind, id, tag, verb string) error {
	doing := verb + " " + singular(kind) + " " + id
	if id == "" || tag == "" {
		return zun.Errorf(zun.CodeInvalid, "%s: the id or the tag is empty", doing)
	}
	return c.call(ctx, doing, request{method: method, path: path(kind, id, "tags", tag)})
}

// ReplaceTags makes the given tags the only ones of a resource.
func (c *Client) ReplaceTags(ctx context.Context, kind, id string, tags []string) error {
	doing := "cannot tag " + singular(kind) + " " + id
	if id == "" {
		return zun.Errorf(zun.CodeInvalid, "%s: the id is empty", doing)
	}
	body := fields{"tags": append([]string{}, tags...)}
	return c.call(ctx, doing, request{method: "PUT", path: path(kind, id, "tags"), body: body})
}

// undoTimeout bounds the removal of what was made in vain.
const undoTimeout = 10 * time.Second

// create makes a resource with its tags: in the same request where Neutron says that it
// takes them there, else in a second one. If that fails, the resource is removed again.
func create[W, T any, R resource[W, T]](ctx context.Context, c *Client, kind, doing string, body fields, tags []string) (T, error) {
	var none T
	wire, err := post[W](ctx, c, kind, doing, body, tags)
	if err != nil {
		return none, err
	}
	about := R(wire).about()
	if !sameTags(about.Tags, tags) {
		if err := c.ReplaceTags(ctx, kind, about.ID, tags); err != nil {
			c.undo(ctx, kind, about.ID)
			return none, refused(doing, err)
		}
		about.Tags = tags
	}
	return read[W, T, R](doing, wire, nil)
}

// post makes a resource, with its tags if Neutron says that it takes them there. Not every
// Neutron that says so does it: the answer tells.
func post[W any](ctx context.Context, c *Client, kind, doing string, body fields, tags []string) (*W, error) {
	if len(tags) > 0 && c.tagsAtCreation(ctx, kind) {
		body["tags"] = tags
	}
	return exchange[W](ctx, c, doing, request{method: "POST", path: kind, body: fields{singular(kind): body}})
}

// undo removes what was just made. That it fails too changes nothing for the caller,
// whose error is about what came before.
func (c *Client) undo(ctx context.Context, kind, id string) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	_ = c.remove(bounded, kind, id)
}

// tagsAtCreation reports whether a POST of the kind may carry tags: for ports since
// Neutron 15 (its extension says "bulk" and means single ones too), for all kinds in
// recent releases.
func (c *Client) tagsAtCreation(ctx context.Context, kind string) bool {
	return c.has(ctx, "tag-creation") || kind == kindPorts && c.has(ctx, "tag-ports-during-bulk-creation")
}

// sameTags compares two sets of tags.
func sameTags(a, b []string) bool {
	sort := func(tags []string) []string { return slices.Compact(slices.Sorted(slices.Values(tags))) }
	return slices.Equal(sort(a), sort(b))
}
