package api

import (
	"io"
	"net/http"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// call is one request as handlers see it: who asks, for what, at which microversion. The
// policy rule of the route was asked already; grant is the proof.
type call struct {
	identity zun.Identity
	grant    policy.Grant
	version  int      // minor microversion
	idents   []string // identifiers in the path, in their order
	query    map[string]any
	body     map[string]any // never nil
	ignored  bool           // there was a body, but no JSON object
	raw      io.Reader      // the body of a route that reads it itself
	base     string         // what links begin with, "http://host:9517"
}

// ident is the first identifier in the path.
func (c *call) ident() string { return c.idents[0] }

// args is the query with the body laid over it: Zun takes every argument from either
// place.
func (c *call) args() map[string]any {
	merged := make(map[string]any, len(c.query)+len(c.body))
	for key, value := range c.query {
		merged[key] = value
	}
	for key, value := range c.body {
		merged[key] = value
	}
	return merged
}

// needBody makes the reason plain when an error comes of a body that was not understood.
func (c *call) needBody(err error) error {
	if err == nil || !c.ignored {
		return err
	}
	return zun.Errorf(zun.CodeOf(err), "%s (the request body is not a JSON object and was ignored)", err.Error())
}

// allows reports whether the caller passes a policy rule.
func (s *server) allows(c *call, rule string) bool {
	return s.Policy.Allows(c.identity, rule, nil)
}

// demand is an error unless the caller passes one more policy rule than the route's.
func (s *server) demand(c *call, rule string) error {
	_, err := s.Policy.Authorize(c.identity, rule, nil)
	return err
}

// baseURL is what links in the answer to a request begin with.
func (s *server) baseURL(r *http.Request) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// link is one element of "links".
type link struct {
	Href string `json:"href"`
	Rel  string `json:"rel"`
}

// links are the two links of an object, as all of Zun's objects have them.
func (c *call) links(resource, id string) []link {
	return []link{
		{Href: c.base + "/v1/" + resource + "/" + id, Rel: "self"},
		{Href: c.base + "/" + resource + "/" + id, Rel: "bookmark"},
	}
}
