package api

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gozun/gozun/zun"
)

func TestPathsOfAccessRules(t *testing.T) {
	for _, test := range []struct {
		pattern, path string
		want          bool
	}{
		{"/v1/containers", "/v1/containers", true},
		{"/v1/containers", "/v1/containers/", false},
		{"/v1/containers", "/v1/container", false},
		{"/v1/containers/*", "/v1/containers/web", true},
		{"/v1/containers/*", "/v1/containers/", false},
		{"/v1/containers/*", "/v1/containers/web/stop", false},
		{"/v1/containers/{id}/stop", "/v1/containers/web/stop", true},
		{"/v1/containers/{id}/stop", "/v1/containers/a/b/stop", false},
		{"/v1/**", "/v1/containers/web/stop", true},
		{"/v1/**", "/v1/", true},
		{"/v1/**", "/v2/x", false},
		{"**", "", true},
		{"", "", true},
		{"", "/", false},
		{"/v1/**/stop", "/v1/a/b/c/stop", true},
		{"/*/x", "/ab/x", true},
		{"/a.b", "/aXb", false},
		{"/{id", "/{id", true},
		{strings.Repeat("**a", 80), strings.Repeat("a", 2000) + "b", false},
		{"**", strings.Repeat("a", 5000), false},
	} {
		if got := pathMatches(test.path, test.pattern); got != test.want {
			t.Errorf("%.40q of %.40q: %v", test.path, test.pattern, got)
		}
	}
}

// It is the regular expression that keystonemiddleware makes.
func TestPathsMatchAsInKeystonemiddleware(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`(/|a|b|\*\*|\*|\{i\}){0,8}`).Draw(t, "pattern")
		path := rapid.StringMatching(`[/ab]{0,10}`).Draw(t, "path")
		expression := regexp.MustCompile(`\{[^}]*\}|\*\*|\*`).ReplaceAllStringFunc(pattern, func(word string) string {
			if word == "**" {
				return ".*"
			}
			return "[^/]+"
		})
		if want := regexp.MustCompile("^" + expression + "$").MatchString(path); pathMatches(path, pattern) != want {
			t.Fatalf("want %v", want)
		}
	})
}

func TestRestrictedTokens(t *testing.T) {
	f := newFixture(t)
	restricted := func(rules ...zun.AccessRule) {
		f.tokens["restricted"] = zun.Identity{UserID: "u", ProjectID: "p", Roles: []string{"member"}, Restricted: true, AccessRules: rules}
	}
	list, stop := zun.AccessRule{Service: "container", Method: get, Path: "/v1/containers"}, zun.AccessRule{Service: "container", Method: post, Path: "/v1/containers/*/stop"}
	for _, test := range []struct {
		rules      []zun.AccessRule
		verb, path string
		status     int
	}{
		{[]zun.AccessRule{list, stop}, get, "/v1/containers", 200},
		{[]zun.AccessRule{list, stop}, get, "/v1/containers/web", 401},
		{[]zun.AccessRule{list, stop}, post, "/v1/containers/web/stop", 202},
		{[]zun.AccessRule{list, stop}, post, "/v1/containers/web/kill", 401},
		{[]zun.AccessRule{{Service: "compute", Method: get, Path: "/v1/containers"}}, get, "/v1/containers", 401},
		{[]zun.AccessRule{{Service: "application-container", Method: get, Path: "/**"}}, get, "/v1/containers", 200},
		{nil, get, "/v1/containers", 401},
	} {
		restricted(test.rules...)
		if a := f.do(test.verb, test.path, "", "X-Auth-Token: restricted"); a.status != test.status {
			t.Errorf("%v: %s %s: %d", test.rules, test.verb, test.path, a.status)
		}
	}
}

func TestTokensOfServices(t *testing.T) {
	f := newFixture(t)
	f.tokens["service"] = zun.Identity{UserID: "s", ProjectID: "s", Roles: []string{"service"}}
	for _, test := range []struct {
		token, service string
		status         int
	}{
		{"user", "service", 200},
		{"late-user", "service", 200},
		{"late-user", "", 401},
		{"user", "rubbish", 401},
		{"user", "a b", 401},
		{"", "service", 401},
		{"rubbish", "service", 401},
		{"user", "away", 503},
	} {
		a := f.do("GET", "/v1/containers/web", "", "X-Auth-Token:"+test.token, "X-Service-Token:"+test.service)
		if a.status != test.status {
			t.Errorf("%q with %q: %d %s", test.token, test.service, a.status, a.text)
		}
	}
}
