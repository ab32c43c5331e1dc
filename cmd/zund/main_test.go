package main

import (
	"context"
	"errors"
	"flag"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args   string
		prints string
		fails  string
		usage  bool
	}{
		{args: "help", prints: "zund solo"},
		{args: "--help", prints: "zund solo"},
		{args: "version", prints: "devel"},
		{args: "--version", prints: "devel"},
		{args: "", fails: "which command", usage: true},
		{args: "nonsense", fails: "nonsense", usage: true},
		{args: "solo --nonsense", fails: "zund solo --help", usage: true},
		{args: "solo argument", fails: "argument", usage: true},
		{args: "solo --log-level loud", fails: "loud", usage: true},
		{args: "solo --log-format xml", fails: "xml", usage: true},
		{args: "solo --quota-cpu many", fails: "quota-cpu", usage: true},
		{args: "policy-sample", prints: "\"container:create\""},
		{args: "solo --config-file /nonexistent/zun.conf", fails: "/nonexistent/zun.conf"},
		{args: "purge", fails: "--yes", usage: true},
		{args: "status --state-dir /nonexistent", fails: "no zund runs"},
		{args: "status --state-dir /nonexistent --wait 1ms", fails: "no zund runs"},
	} {
		t.Run(c.args, func(t *testing.T) {
			var stdout, stderr strings.Builder
			err := run(context.Background(), strings.Fields(c.args), &stdout, &stderr)
			if c.fails == "" {
				if err != nil || !strings.Contains(stdout.String(), c.prints) {
					t.Fatalf("error %v, printed %q", err, stdout.String())
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Fatalf("the complaint does not say %q: %v", c.fails, err)
			}
			var usage *usageError
			if errors.As(err, &usage) != c.usage {
				t.Errorf("exit code 2 expected: %t, error %v", c.usage, err)
			}
		})
	}
}

// Every option of every command has a help text, and --help shows it.
func TestHelpTeaches(t *testing.T) {
	for _, c := range commands() {
		if c.name == "version" {
			continue
		}
		var stdout strings.Builder
		if err := c.run(context.Background(), []string{"--help"}, &stdout, &stdout); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("zund %s --help: %v", c.name, err)
		}
		_, options, found := strings.Cut(stdout.String(), "Options:\n")
		if !found || strings.TrimSpace(options) == "" {
			t.Fatalf("zund %s --help shows no options:\n%s", c.name, stdout.String())
		}
		for line := range strings.Lines(options) {
			if fields := strings.Fields(line); len(fields) < 3 || !strings.HasPrefix(fields[0], "--") {
				t.Errorf("zund %s --help has an option without a help text: %q", c.name, line)
			}
		}
	}
}
