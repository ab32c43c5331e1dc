package policy

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

func mustNew(tb testing.TB, overrides map[string]string) *Engine {
	tb.Helper()
	e, err := New(overrides)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func member() zun.Identity {
	return zun.Identity{UserID: "u1", ProjectID: "p1", Roles: []string{"member"}}
}

func admin() zun.Identity {
	return zun.Identity{UserID: "u9", ProjectID: "p9", Roles: []string{"Admin"}}
}

func TestDefaultsHoldUpstreamsRulesAndOurs(t *testing.T) {
	if got := len(Defaults()); got != 82+5 {
		t.Errorf("%d default rules, want Zun's 82 and 5 of ours", got)
	}
	e := mustNew(t, nil)
	other := Target{"project_id": "p2", "user_id": "u2"}
	for _, c := range []struct {
		who    zun.Identity
		rule   string
		target Target
		want   bool
	}{
		{member(), "container:create", nil, true},
		{member(), "container:get_one", other, false},
		{admin(), "container:get_one", other, true},
		{member(), "container:delete_force", nil, false},
		{admin(), "container:delete_force", nil, true},
		{admin(), "container:create:privileged", nil, false},
		{member(), "network:create", nil, false},
		{member(), "network:create_own", nil, true},
		{member(), "network:get_all_all_projects", nil, false},
		{admin(), "network:get_all_all_projects", nil, true},
		{member(), "container:action:events", nil, false},
		{admin(), "no:such:rule", nil, false},
		{zun.Identity{}, "container:create", nil, false},
	} {
		if got := e.Allows(c.who, c.rule, c.target); got != c.want {
			t.Errorf("%s for %s on %v: %v, want %v", c.rule, c.who.UserID, c.target, got, c.want)
		}
	}
}

func TestAuthorizeGrantsOrNamesTheRule(t *testing.T) {
	e := mustNew(t, nil)
	grant, err := e.Authorize(member(), "container:create", nil)
	if err != nil || grant.Identity().UserID != "u1" || grant.Rule() != "container:create" {
		t.Fatalf("grant %+v, error %v", grant, err)
	}
	_, err = e.Authorize(member(), "image:pull", nil)
	if zun.CodeOf(err) != zun.CodePolicyNotAuthorized || err.Error() != "Policy doesn't allow image:pull to be performed." {
		t.Fatalf("error %v", err)
	}
}

func TestRules(t *testing.T) {
	target := Target{"project_id": "p1", "user_id": "u2", "shared": "True", "role": "member", "n": "7"}
	for rule, want := range map[string]bool{
		"":                               true,
		"  \t ":                          true,
		"@":                              true,
		"!":                              false,
		"not !":                          true,
		"NOT not @":                      true,
		"role:MEMBER":                    true,
		"role:%(role)s":                  true,
		"role:admin":                     false,
		"rule:admin_or_owner":            true,
		"rule:context_is_admin":          false,
		"is_admin:False":                 true,
		"project_id:%(project_id)s":      true,
		"tenant:%(project_id)s":          true,
		"user_id:%(user_id)s":            false,
		"user_id:u1":                     true,
		"user_id:u%(n)s":                 false,
		"project_id:%(nosuch)s":          false,
		"not project_id:%(nosuch)s":      true,
		"system_scope:all":               false,
		"'True':%(shared)s":              true,
		"True:%(shared)s":                true,
		`"a:b":a:b`:                      true,
		"7:%(n)s":                        true,
		"8:%(n)s":                        false,
		"@ or ! and !":                   true,
		"(@ or !) and !":                 false,
		"not ! and !":                    false,
		"not (! and !)":                  true,
		"((role:member))":                true,
		"(project_id:%(project_id)s)":    true,
		"! or (role:x or (@ and not !))": true,
	} {
		e := mustNew(t, map[string]string{"t": rule})
		if got := e.Allows(member(), "t", target); got != want {
			t.Errorf("%q: %v, want %v", rule, got, want)
		}
	}
}

func TestBadRulesNameRuleAndPosition(t *testing.T) {
	for rule, want := range map[string]string{
		"and":                       `position 1: unexpected "and"`,
		"@ @":                       `position 3: unexpected "@"`,
		"@ or":                      "position 5: the rule ends",
		"not":                       "position 4: the rule ends",
		"(@":                        "position 3: the parenthesis opened at position 1",
		"@)":                        `position 2: unexpected ")"`,
		"()":                        `position 2: unexpected ")"`,
		"role:":                     `position 1: "role:" is not a check`,
		":admin":                    "position 1",
		"@ and admin":               `position 7: "admin" is not a check`,
		"is_admin:maybe":            "True or False",
		"project_id:%(project_id":   "position 12",
		"http://example.org/check":  "not supported",
		"'open:x":                   "is not a check",
		"@ or rule:nosuch":          `position 6: there is no rule "nosuch"`,
		strings.Repeat("not ", 200): "nested deeper",
		strings.Repeat("(", 500):    "nested deeper",
		"rule:t":                    "refers to itself (t -> t)",
		"rule:u":                    "refers to itself",
		"not not rule:u":            "refers to itself",
		"role:a or (role:b and (!)": "is not closed",
		"project_id:%()s":           "write %(name)s",
	} {
		_, err := New(map[string]string{"t": rule, "u": "rule:t"})
		if err == nil {
			t.Errorf("%q was taken", rule)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"t"`) && !strings.Contains(err.Error(), "itself") {
			t.Errorf("%q: error %q does not say %q", rule, err, want)
		}
	}
}

func TestOpen(t *testing.T) {
	for name, c := range map[string]struct{ text, err string }{
		"overrides":     {"# comment\n\"container:create\": \"role:boss\"\n", ""},
		"empty":         {"", ""},
		"not yaml":      {"a: b: c\n", "1:"},
		"bad rule":      {"\"container:create\": \"role:a and\"\n", `rule "container:create": position 11`},
		"null":          {"\"container:create\":\n", "write \"\" to allow everybody"},
		"list":          {"\"container:create\": [a]\n", "is not a string"},
		"twice":         {"x: \"@\"\nx: \"!\"\n", "2:"},
		"not a mapping": {"- a\n", "policy.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "policy.yaml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path, slog.New(slog.DiscardHandler))
			if c.err == "" {
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(name != "overrides", f.Engine().Allows(member(), "container:create", nil)); diff != "" {
					t.Error(diff)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want %q and the path", err, c.err)
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a missing file was taken")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "@", "not (role:a or rule:b) and project_id:%(project_id)s", "'x':%(y)s", "(((", "%(", ":", "''", "\"\":"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parse(text)
		if (c == nil) == (err == nil) {
			t.Fatalf("check %v, error %v", c, err)
		}
		if err == nil && len(references(c, nil)) == 0 {
			c.holds(&question{identity: member(), target: Target{}})
		}
	})
}
