// Command zund is the container service. `zund solo` is all of it in one process.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// version is stamped by the build.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	var usage *usageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "zund:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "zund:", err)
		os.Exit(1)
	}
}

// usageError is a command line that cannot be understood: exit code 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// command is one subcommand.
type command struct {
	name, purpose string
	run           func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

func commands() []command {
	return []command{
		{"solo", "serve everything on this machine in one process", runSolo},
		{"status", "say whether a zund runs, and where it listens", runStatus},
		{"purge", "remove everything that zund made on this machine", runPurge},
		{"policy-sample", "print every policy rule with its default, as a policy.yaml", runPolicySample},
		{"version", "print the version", runVersion},
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		usage(stderr)
		return &usageError{"which command?"}
	}
	switch args[0] {
	case "help", "-h", "--help", "-help":
		usage(stdout)
		return nil
	case "--version":
		return runVersion(ctx, nil, stdout, stderr)
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	return &usageError{fmt.Sprintf("there is no command %q. Try: zund help", args[0])}
}

func usage(w io.Writer) {
	fmt.Fprint(w, `zund is the container service of OpenStack (Zun's API), with Kuryr's Docker network plugin.

Usage: zund COMMAND [OPTIONS]

Commands:
`)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-13s %s\n", c.name, c.purpose)
	}
	fmt.Fprint(w, `
On an empty machine with a Docker Engine, as root:

  zund solo                        serve; Ctrl-C stops it, containers keep running
  . /var/lib/gozun/openrc          in another shell: credentials of user demo
  zun network-create foo --subnet 10.2.0.0/24
  zun run --net=foo nginx

zund COMMAND --help tells the options of a command.
`)
}

func runVersion(_ context.Context, _ []string, stdout, _ io.Writer) error {
	fmt.Fprintln(stdout, "zund", version)
	return nil
}

// parse reads the options of a command, which takes no other arguments.
func parse(flags *flag.FlagSet, args []string, stdout io.Writer, synopsis string) error {
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(stdout, "%s\n\nOptions:\n", synopsis)
		printOptions(flags, stdout)
		return err
	}
	if err != nil {
		return &usageError{fmt.Sprintf("%v. Try: zund %s --help", err, flags.Name())}
	}
	if flags.NArg() > 0 {
		return &usageError{fmt.Sprintf("zund %s takes no argument %q. Try: zund %s --help", flags.Name(), flags.Arg(0), flags.Name())}
	}
	return nil
}

func printOptions(flags *flag.FlagSet, w io.Writer) {
	flags.VisitAll(func(f *flag.Flag) {
		name, purpose := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  %-32s %s", "--"+f.Name+" "+name, purpose)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" {
			fmt.Fprintf(w, " (default %s)", f.DefValue)
		}
		fmt.Fprintln(w)
	})
}
