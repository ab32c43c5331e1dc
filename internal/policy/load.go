package policy

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// lookEvery is how often a policy file is looked at.
const lookEvery = time.Second

// File is a policy.yaml whose rules an Engine follows: a mapping of rule names to rules,
// laid over the defaults. Run reads it again whenever it changes.
type File struct {
	path   string
	log    *slog.Logger
	engine *Engine
	text   []byte // as last read
	told   string // the complaint that was last logged
}

// Open reads a policy file. Errors name the file, and the rule and the position in it, or
// the line if it is not YAML.
func Open(path string, log *slog.Logger) (*File, error) {
	f := &File{path: path, log: log, engine: &Engine{}}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read policy file: %w", err)
	}
	return f, f.take(text)
}

// Engine returns the engine that follows the file.
func (f *File) Engine() *Engine { return f.engine }

// String names the task.
func (f *File) String() string { return "policy file " + f.path }

// Run looks at the file every second until ctx ends. It reads it instead of asking the
// kernel to tell of changes, because editors and configuration managers exchange files and
// links in ways that such news are not about.
func (f *File) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.Look()
		}
	}
}

// Look takes the file's rules if it has changed. Rules that cannot be used, and a file that
// is gone, change nothing: the rules that were are kept, and the log says why, once.
func (f *File) Look() {
	text, err := os.ReadFile(f.path)
	if err == nil && bytes.Equal(text, f.text) {
		return
	}
	if err == nil {
		err = f.take(text)
	}
	if err == nil {
		f.told = ""
		f.log.Info("the policy file was read again", "file", f.path)
		return
	}
	if complaint := err.Error(); complaint != f.told {
		f.told = complaint
		f.log.Error("the policy file has changed and cannot be used; the rules stay as they were", "file", f.path, "error", err)
	}
}

// take makes the rules of a text those of the engine.
func (f *File) take(text []byte) error {
	f.text = text
	overrides, err := decode(text)
	if err != nil {
		return fmt.Errorf("cannot read policy file %s: %w", f.path, err)
	}
	rules, err := compile(overrides)
	if err != nil {
		return fmt.Errorf("cannot use policy file %s: %w", f.path, err)
	}
	f.engine.rules.Store(&rules)
	if idle := unasked(overrides, rules); len(idle) > 0 {
		f.log.Warn("the policy file has rules that nothing asks; are their names misspelled?", "file", f.path, "rules", strings.Join(idle, " "))
	}
	return nil
}

// unasked returns the overrides that are neither defaults, nor rules of fields, nor named
// by another rule.
func unasked(overrides map[string]string, rules map[string]check) (names []string) {
	asked := map[string]bool{}
	for _, d := range Defaults() {
		asked[d.Name] = true
	}
	for _, parsed := range rules {
		for _, ref := range references(parsed, nil) {
			asked[ref.name] = true
		}
	}
	for name := range overrides {
		ofField := strings.HasPrefix(name, "container:get_one:") || strings.HasPrefix(name, "capsule:get:") || strings.HasPrefix(name, "registry:get_one:")
		if !asked[name] && !ofField {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
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
