package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gozun/gozun/zun"
)

// handler serves one route. Whatever it returns is rendered in one place.
type handler func(s *server, ctx context.Context, c *call) (reply, error)

// route is one line of the table of what the API serves.
type route struct {
	verb, path string
	rule       string // the policy rule that is asked before anything is looked for
	public     bool   // needs no token and has no rule
	min, max   int    // minor microversions between which it exists; 0 is no bound
	ours       bool   // Zun has no such method: outside its range it is 405 and not 406
	json       bool   // the body must be JSON
	text       bool   // the answer is no JSON, so Accept is not looked at
	raw        bool   // the handler reads the body itself, from call.raw
	later      bool   // not in this release: answers 501
	handle     handler
}

// serves reports whether the route exists at a microversion.
func (r route) serves(minor int) bool {
	return (r.min == 0 || minor >= r.min) && (r.max == 0 || minor <= r.max)
}

// routeNode is the place of one path in the tree of routes.
type routeNode struct {
	pattern  string
	literals map[string]*routeNode
	ident    *routeNode
	routes   []route
}

// routeTree finds the place of a path. It exists because net/http's ServeMux answers
// 301 to empty segments and trailing slashes, which clients of Zun send.
type routeTree struct {
	top routeNode // "/", "/healthcheck": without a version
	v1  routeNode
}

// newRouteTree puts the table into a tree.
func newRouteTree(table []route) *routeTree {
	tree := &routeTree{top: routeNode{pattern: "/"}, v1: routeNode{pattern: "/v1"}}
	for _, r := range table {
		node, words := &tree.top, segments(r.path)
		if len(words) > 0 && words[0] == "v1" {
			node, words = &tree.v1, words[1:]
		}
		for _, word := range words {
			node = node.child(word)
		}
		node.routes = append(node.routes, r)
	}
	return tree
}

// child returns the node below for a word of a pattern, making it if needed.
func (n *routeNode) child(word string) *routeNode {
	below := &routeNode{pattern: strings.TrimRight(n.pattern, "/") + "/" + word}
	if strings.HasPrefix(word, "{") {
		if n.ident == nil {
			n.ident = below
		}
		return n.ident
	}
	if n.literals == nil {
		n.literals = map[string]*routeNode{}
	}
	if n.literals[word] == nil {
		n.literals[word] = below
	}
	return n.literals[word]
}

// segments splits a path; empty segments do not count.
func segments(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(word string) bool { return word == "" })
}

// find returns the place of an escaped path, the identifiers in it, and whether it is below
// /v1. A path whose first word is not "v1" and that is no path without version is read as if
// "v1" stood before it. The place is nil when there is none. An escaped slash belongs to an
// identifier: what no thing can be called is not found, and the answer says which thing.
func (t *routeTree) find(escaped string) (node *routeNode, idents []string, v1 bool) {
	words := segments(escaped)
	for i, word := range words {
		plain, err := url.PathUnescape(word)
		if err != nil || !utf8.ValidString(plain) || strings.ContainsRune(plain, 0) {
			return nil, nil, true
		}
		words[i] = plain
	}
	if len(words) > 0 && (words[0] == "v1" || words[0] == "v1.json" && len(words) == 1) {
		node, idents = t.v1.find(words[1:])
		return node, idents, true
	}
	if node, idents = t.top.find(words); node != nil {
		return node, idents, false
	}
	node, idents = t.v1.find(words)
	return node, idents, true
}

// find walks down from a node. The node it returns has at least one route.
func (n *routeNode) find(words []string) (*routeNode, []string) {
	var idents []string
	for i, word := range words {
		if below := n.literal(word, i == len(words)-1); below != nil {
			n = below
			continue
		}
		if n.ident == nil {
			return nil, nil
		}
		if bare, ok := strings.CutSuffix(word, ".json"); ok && i == len(words)-1 && zun.IsUUID(bare) {
			word = bare
		}
		n, idents = n.ident, append(idents, word)
	}
	if len(n.routes) == 0 {
		return nil, nil
	}
	return n, idents
}

// literal returns the node below with just this name; the last word of a path may have
// ".json" after it.
func (n *routeNode) literal(word string, last bool) *routeNode {
	if below := n.literals[word]; below != nil {
		return below
	}
	if bare, ok := strings.CutSuffix(word, ".json"); ok && last {
		return n.literals[bare]
	}
	return nil
}

// public reports whether no token is needed here.
func (n *routeNode) public() bool { return n != nil && n.routes[0].public }

// text reports whether the answers here are no JSON.
func (n *routeNode) text() bool { return n != nil && n.routes[0].text }

// choose returns the route for a verb at a microversion. The error is methodNotAllowedError
// or, where the method exists at another microversion, notAcceptableError.
func (n *routeNode) choose(verb string, minor int) (route, error) {
	if verb == http.MethodHead {
		verb = http.MethodGet
	}
	elsewhere := false
	for _, r := range n.routes {
		if r.verb != verb {
			continue
		}
		if r.serves(minor) {
			return r, nil
		}
		elsewhere = elsewhere || !r.ours
	}
	if elsewhere {
		return route{}, notAcceptableError{"Version " + versionText(minor) +
			" was requested but the requested API is not supported for this version."}
	}
	return route{}, methodNotAllowedError{n.allow(minor)}
}

// allow lists the verbs that are known here at a microversion, those included that exist
// at another one only.
func (n *routeNode) allow(minor int) string {
	var verbs []string
	for _, r := range n.routes {
		if r.serves(minor) || !r.ours {
			verbs = append(verbs, r.verb)
		}
	}
	slices.Sort(verbs)
	return strings.Join(slices.Compact(verbs), ", ")
}

// methodNotAllowedError is the 405 of the router.
type methodNotAllowedError struct{ allow string }

// Error names what is allowed.
func (e methodNotAllowedError) Error() string { return "the methods allowed here are " + e.allow }

// routeNotFoundError is the 404 of the router.
type routeNotFoundError struct{}

// Error says so.
func (routeNotFoundError) Error() string { return "there is no such resource in this API" }
