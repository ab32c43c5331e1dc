package api

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gozun/gozun/internal/policy"
)

// What the sample policy.yaml says of a rule is what the table of routes does.
func TestPolicyKnowsTheRoutes(t *testing.T) {
	operations := map[string][]string{}
	for _, d := range policy.Defaults() {
		operations[d.Name] = d.Operations
	}
	table := routeTable()
	for _, r := range table {
		if name := r.verb + " " + r.path; !r.public && !slices.Contains(operations[r.rule], name) {
			t.Errorf("%s asks the rule %s: add it to the operations of that rule in internal/policy/defaults.go", name, r.rule)
		}
	}
	for name, list := range operations {
		for _, operation := range list {
			if !slices.ContainsFunc(table, func(r route) bool { return r.verb+" "+r.path == operation }) {
				t.Errorf("internal/policy/defaults.go: the rule %s is said to be of %s, which the table of routes does not have", name, operation)
			}
		}
	}
}

// A changed policy.yaml holds from the next request on: for routes, for what handlers ask
// beside them, and for fields.
func TestAChangedPolicyHoldsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	file, err := policy.Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *Config) { c.Policy = file.Engine() })
	show := func() map[string]any { return f.object(f.want(200, f.do("GET", "/v1/containers/web", ""))) }
	f.want(202, f.do("POST", "/v1/containers/web/stop", ""))
	f.want(403, f.do("DELETE", "/v1/containers/web?force=1", "", latest))
	if _, shown := show()["labels"]; !shown {
		t.Error("labels are hidden")
	}
	write("\"container:stop\": \"role:boss\"\n\"container:delete_force\": \"@\"\n\"container:get_one:labels\": \"!\"\n\"container:get_one:host\": \"@\"\n")
	file.Look()
	f.want(403, f.do("POST", "/v1/containers/web/stop", ""))
	f.want(204, f.do("DELETE", "/v1/containers/web?force=1", "", latest))
	one := show()
	if _, shown := one["labels"]; shown || one["host"] != "h1" {
		t.Errorf("after the change: %v", one)
	}
	write("rubbish: [")
	file.Look()
	f.want(403, f.do("POST", "/v1/containers/web/stop", ""))
	write("")
	file.Look()
	f.want(202, f.do("POST", "/v1/containers/web/stop", ""))
}
