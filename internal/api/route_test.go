package api

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/gozun/gozun/internal/policy"
)

func TestEveryRouteHasARuleAndAHandler(t *testing.T) {
	engine, err := policy.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/api-differences.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range routeTable() {
		name := r.verb + " " + r.path
		if r.handle == nil {
			t.Errorf("%s has no handler", name)
		}
		if r.public == (r.rule != "") {
			t.Errorf("%s must be public or have a rule", name)
		}
		if r.rule != "" && !engine.Has(r.rule) {
			t.Errorf("%s: the policy has no rule %s", name, r.rule)
		}
		if (r.later || r.ours) && !strings.Contains(string(document), "`"+name+"`") {
			t.Errorf("%s is missing from docs/api-differences.md", name)
		}
		for _, minor := range []int{1, 12, 17, 18, 27, 40, 41} {
			if key := name + versionText(minor); r.serves(minor) {
				if seen[key] {
					t.Errorf("%s is served twice", key)
				}
				seen[key] = true
			}
		}
	}
}

func TestFieldsOfLaterReleasesAreDocumented(t *testing.T) {
	document, err := os.ReadFile("../../docs/api-differences.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range createFields() {
		if field.missing && !strings.Contains(string(document), "`"+field.name+"`") {
			t.Errorf("the field %s is missing from docs/api-differences.md", field.name)
		}
	}
}

func TestLaterRoutesAnswer501(t *testing.T) {
	f := newFixture(t)
	for _, r := range laterRoutes() {
		path := strings.NewReplacer("{id}", "web", "{project_id}", "p", "{name}", "n", "{host}", "h", "{binary}", "b").Replace(r.path)
		v := "1.41"
		if r.max != 0 {
			v = versionText(r.max)
		}
		a := f.do(r.verb, path, `{}`, version(v), "X-Auth-Token: admin")
		p := f.problem(a)
		if a.status != http.StatusNotImplemented || p.Code != "container.not-implemented" || !strings.Contains(p.Title, "is not in this release") {
			t.Errorf("%s %s: %d %s", r.verb, path, a.status, a.text)
		}
	}
	if len(f.memory.asked) != 0 {
		t.Errorf("control was asked %v", f.memory.asked)
	}
}

func TestEveryRouteAsksItsRule(t *testing.T) {
	deny := map[string]string{}
	for _, r := range routeTable() {
		if !r.public {
			deny[r.rule] = "!"
		}
	}
	engine, err := policy.New(deny)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *Config) { c.Policy = engine })
	for _, r := range routeTable() {
		if r.public {
			continue
		}
		v := max(r.min, 1)
		a := f.do(r.verb, strings.ReplaceAll(strings.ReplaceAll(r.path, "{", ""), "}", ""), "", version(versionText(v)), "X-Auth-Token: admin")
		want := "Policy doesn't allow " + r.rule + " to be performed."
		if p := f.problem(a); a.status != 403 || p.Detail != want || p.Code != "container.policy-not-authorized" {
			t.Errorf("%s %s: %d %s", r.verb, r.path, a.status, a.text)
		}
	}
	if len(f.memory.asked) != 0 {
		t.Errorf("control was asked %v", f.memory.asked)
	}
}

// No thing is called so, and the answer says which thing was not found.
func TestAnEscapedSlashBelongsToTheName(t *testing.T) {
	f := newFixture(t)
	for path, says := range map[string]string{
		"/v1/containers/a%2Fb": "Container a/b could not be found.", "/v1/containers/..%2Fnetworks": "Container ../networks could not be found.",
		"/v1/containers/a%00b": "Not Found", "/v1/containers/%ff": "Not Found",
	} {
		a := f.do("GET", path, "", version("1.41"))
		if p := f.problem(a); a.status != http.StatusNotFound || p.Title != says {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
}
