package api

import (
	"slices"
	"strings"

	"github.com/gozun/gozun/zun"
)

// granted reports whether the access rules of an application credential let a request
// pass. Paths match as in keystonemiddleware (auth_token/__init__.py, _path_matches).
func granted(rules []zun.AccessRule, method, path string) bool {
	return slices.ContainsFunc(rules, func(rule zun.AccessRule) bool {
		ours := rule.Service == serviceType || rule.Service == "application-container"
		return ours && rule.Method == method && pathMatches(path, rule.Path)
	})
}

// longestPath bounds what is matched; no route is as long.
const longestPath = 2048

// pathMatches reports whether a path is of a pattern: * and {name} stand for one or more
// characters other than a slash, ** for any characters. Users write the patterns, so they
// are followed in all ways at once, in time that only grows with both lengths.
func pathMatches(path, pattern string) bool {
	if len(path) > longestPath {
		return false
	}
	at := make([]bool, len(path)+1) // after how much of the path the pattern may be where it is
	at[0] = true
	for pattern != "" {
		var kind string
		kind, pattern = nextPart(pattern)
		next := make([]bool, len(path)+1)
		for i := range at {
			switch {
			case kind == "**":
				next[i] = at[i] || i > 0 && next[i-1]
			case i == 0:
			case kind == "*":
				next[i] = path[i-1] != '/' && (at[i-1] || next[i-1])
			default:
				next[i] = at[i-1] && path[i-1] == kind[0]
			}
		}
		at = next
	}
	return at[len(path)]
}

// nextPart takes the first part off a pattern: "**", "*" (for {name}, too) or one byte.
func nextPart(pattern string) (kind, rest string) {
	if rest, is := strings.CutPrefix(pattern, "**"); is {
		return "**", rest
	}
	if pattern[0] == '*' {
		return "*", pattern[1:]
	}
	if name, rest, closed := strings.Cut(pattern, "}"); closed && name[0] == '{' {
		return "*", rest
	}
	return pattern[:1], pattern[1:]
}
