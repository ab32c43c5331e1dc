package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/gozun/gozun/zun"
)

// Target is what an operation works on, as rules see it: attribute to value, commonly
// "project_id" and "user_id".
type Target map[string]string

// Engine answers by a set of rules, which a File may exchange for another while it is in
// use. It is safe for concurrent use.
type Engine struct {
	rules atomic.Pointer[map[string]check]
}

// Grant is the proof that the policy allowed one rule to one identity. Only Authorize
// makes one; the zero Grant is nobody's.
type Grant struct {
	identity zun.Identity
	rule     string
}

// Identity returns who was granted.
func (g Grant) Identity() zun.Identity { return g.identity }

// Rule returns the name of the rule that was granted.
func (g Grant) Rule() string { return g.rule }

// New returns an engine with the built-in defaults, which are those of Zun's 82 rules and
// gozun's own, with overrides laid over them. A rule that cannot be read, names a rule
// that is not there or goes round in a circle is an error that names rule and position.
func New(overrides map[string]string) (*Engine, error) {
	rules, err := compile(overrides)
	if err != nil {
		return nil, err
	}
	e := &Engine{}
	e.rules.Store(&rules)
	return e, nil
}

// compile reads the defaults with overrides laid over them.
func compile(overrides map[string]string) (map[string]check, error) {
	texts := map[string]string{}
	for _, d := range Defaults() {
		texts[d.Name] = d.Rule
	}
	maps.Copy(texts, overrides)
	rules := make(map[string]check, len(texts))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		parsed, err := parse(texts[name])
		if err != nil {
			return nil, fmt.Errorf("cannot read policy rule %q: %w", name, err)
		}
		rules[name] = parsed
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if err := checkReferences(rules, name, nil); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// checkReferences walks the rules that a rule names and refuses missing ones and circles.
func checkReferences(rules map[string]check, name string, path []string) error {
	if slices.Contains(path, name) {
		circle := strings.Join(append(path, name), " -> ")
		return fmt.Errorf("cannot use policy rule %q: it refers to itself (%s)", path[0], circle)
	}
	for _, ref := range references(rules[name], nil) {
		if _, ok := rules[ref.name]; !ok {
			return fmt.Errorf("cannot read policy rule %q: position %d: there is no rule %q", name, ref.position, ref.name)
		}
		if err := checkReferences(rules, ref.name, append(slices.Clone(path), name)); err != nil {
			return err
		}
	}
	return nil
}

// Has reports whether there is a rule of this name.
func (e *Engine) Has(rule string) bool {
	_, ok := (*e.rules.Load())[rule]
	return ok
}

// Allows reports whether the rule lets the identity act on the target; a nil target is the
// caller's own project and user. A rule that is not there allows nobody.
func (e *Engine) Allows(id zun.Identity, rule string, target Target) bool {
	rules := *e.rules.Load()
	parsed, ok := rules[rule]
	if !ok {
		return false
	}
	if target == nil {
		target = Target{"project_id": id.ProjectID, "user_id": id.UserID}
	}
	return parsed.holds(&question{rules: rules, identity: id, target: target, admin: isAdmin(rules, id)})
}

// IsAdmin reports whether the identity satisfies context_is_admin, which is what the
// check is_admin:True asks.
func (e *Engine) IsAdmin(id zun.Identity) bool { return isAdmin(*e.rules.Load(), id) }

func isAdmin(rules map[string]check, id zun.Identity) bool {
	target := Target{"project_id": id.ProjectID, "user_id": id.UserID}
	return rules[ruleIsAdmin].holds(&question{rules: rules, identity: id, target: target})
}

// Authorize returns the proof that the rule allows the identity to act on the target, or
// a CodePolicyNotAuthorized error. A nil target is the caller's own project and user.
func (e *Engine) Authorize(id zun.Identity, rule string, target Target) (Grant, error) {
	if !e.Allows(id, rule, target) {
		return Grant{}, zun.Errorf(zun.CodePolicyNotAuthorized, "Policy doesn't allow %s to be performed.", rule)
	}
	return Grant{identity: id, rule: rule}, nil
}
