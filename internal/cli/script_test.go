package cli_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gozun/gozun/internal/cli"
)

// update writes what the commands print into the scripts and golden files, to be read
// before it is committed.
var update = flag.Bool("update", false, "accept the output as it is now")

func TestMain(m *testing.M) {
	run := func() {
		os.Exit(cli.Run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr, os.Getenv))
	}
	testscript.Main(m, map[string]func(){"zun": run, "neutron": run})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			w := newWorld(env.T().(testing.TB))
			for name, value := range w.environment() {
				env.Setenv(name, value)
			}
			env.Setenv("URL", w.server.URL)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("OS_CLIENT_CONFIG_FILE", filepath.Join(env.WorkDir, "clouds.yaml"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code},
	})
}

// code runs a command in this process, where starting costs nothing and the race
// detector sees it, and compares its exit code: code 3 zun show nope.
func code(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND...")
	}
	got := cli.Run(context.Background(), args[1:], strings.NewReader(""), ts.Stdout(), ts.Stderr(), ts.Getenv)
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s ended with %d, want %s", args[1], got, args[0])
	}
}
