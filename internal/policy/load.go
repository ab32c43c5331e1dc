package policy

import (
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
)

// Load returns an engine with the defaults and, over them, the rules of a policy.yaml: a
// mapping of rule names to rules. Errors name the file, and the rule and the position in
// it, or the line if it is not YAML.
func Load(path string) (*Engine, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read policy file: %w", err)
	}
	rules, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read policy file %s: %w", path, err)
	}
	engine, err := New(rules)
	if err != nil {
		return nil, fmt.Errorf("cannot use policy file %s: %w", path, err)
	}
	return engine, nil
}

func decode(text []byte) (map[string]string, error) {
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
		return nil, fmt.Errorf("%s", yaml.FormatError(err, false, true))
	}
	rules := make(map[string]string, len(values))
	for name, value := range values {
		rule, ok := value.(string)
		if !ok {
			// oslo.policy takes an empty value for "everybody may"; that is too easy to write by mistake.
			return nil, fmt.Errorf("rule %q is not a string; write \"\" to allow everybody, \"!\" to allow nobody", name)
		}
		rules[name] = rule
	}
	return rules, nil
}
