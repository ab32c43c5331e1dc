package policy

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// followed is a policy file with the log of what follows it.
type followed struct {
	*File
	log *bytes.Buffer
}

func follow(t *testing.T, text string) followed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, text)
	log := &bytes.Buffer{}
	f, err := Open(path, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return followed{f, log}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const bossOnly = "\"container:create\": \"role:boss\"\n"

func TestAChangedFileIsTaken(t *testing.T) {
	f := follow(t, bossOnly)
	may := func() bool { return f.Engine().Allows(member(), "container:create", nil) }
	if may() {
		t.Fatal("the file is not heeded at the start")
	}
	write(t, f.path, "\"container:create\": \"role:member\"\n")
	if f.Look(); !may() {
		t.Error("the changed file is not heeded")
	}
	write(t, f.path, "")
	if f.Look(); !may() {
		t.Error("an empty file does not bring the defaults back")
	}
	if n := strings.Count(f.log.String(), "read again"); n != 2 {
		t.Errorf("the log tells of %d changes: %s", n, f.log)
	}
	f.log.Reset()
	if f.Look(); f.log.Len() > 0 {
		t.Errorf("an unchanged file is told of: %s", f.log)
	}
	// Configuration managers exchange the file itself.
	write(t, f.path+".new", bossOnly)
	if err := os.Rename(f.path+".new", f.path); err != nil {
		t.Fatal(err)
	}
	if f.Look(); may() {
		t.Error("the exchanged file is not heeded")
	}
}

func TestABadFileChangesNothingAndIsToldOnce(t *testing.T) {
	for name, text := range map[string]string{
		"no YAML": "a: b: c", "bad rule": "\"container:create\": \"role:a and\"", "no such rule": "\"container:create\": \"rule:none\"", "gone": "",
	} {
		f := follow(t, bossOnly)
		if write(t, f.path, text); name == "gone" {
			if err := os.Remove(f.path); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			f.Look()
		}
		if f.Engine().Allows(member(), "container:create", nil) {
			t.Errorf("%s: the old rules are not kept", name)
		}
		if lines := strings.Count(f.log.String(), "\n"); lines != 1 || !strings.Contains(f.log.String(), "level=ERROR") || !strings.Contains(f.log.String(), f.path) {
			t.Errorf("%s: the log says %s", name, f.log)
		}
		write(t, f.path, "\"container:create\": \"@\"\n")
		if f.Look(); !f.Engine().Allows(member(), "container:create", nil) {
			t.Errorf("%s: the mended file is not heeded", name)
		}
	}
}

func TestMisspelledRulesAreToldOf(t *testing.T) {
	f := follow(t, "\"container:craete\": \"@\"\n\"container:get_one:labels\": \"rule:bosses\"\nbosses: \"role:boss\"\n")
	if log := f.log.String(); !strings.Contains(log, "rules=container:craete\n") {
		t.Errorf("the log says %s", log)
	}
}

// Run follows the file while others ask, until it is told to stop.
func TestRunFollowsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, bossOnly)
	f, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	write(t, path, "\"container:create\": \"@\"\n")
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !f.Engine().Allows(member(), "container:create", nil) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the change was not seen")
		}
	}
	stop()
	all.Wait()
}

// The sample is complete: without its comment signs it is every default, and the same.
func TestTheSampleIsEveryRule(t *testing.T) {
	var sample bytes.Buffer
	if err := WriteSample(&sample); err != nil {
		t.Fatal(err)
	}
	if rules, err := decode(sample.Bytes()); err != nil || len(rules) != 0 {
		t.Errorf("as it is, it changes %v, %v", rules, err)
	}
	var lines []string
	for line := range strings.Lines(sample.String()) {
		if rule, is := strings.CutPrefix(line, "#\""); is {
			lines = append(lines, "\""+rule)
		}
	}
	var rules map[string]string
	if err := yaml.Unmarshal([]byte(strings.Join(lines, "")), &rules); err != nil {
		t.Fatal(err)
	}
	if len(rules) != len(Defaults()) || len(lines) != len(rules) {
		t.Errorf("%d lines, %d rules, %d defaults", len(lines), len(rules), len(Defaults()))
	}
	for _, d := range Defaults() {
		if rules[d.Name] != d.Rule {
			t.Errorf("%s is %q in the sample, %q by default", d.Name, rules[d.Name], d.Rule)
		}
		if d.About == "" || !strings.Contains(sample.String(), "# "+d.About+".\n") {
			t.Errorf("the sample does not say what %s is for", d.Name)
		}
	}
}
