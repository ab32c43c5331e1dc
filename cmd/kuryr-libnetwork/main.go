// Command kuryr-libnetwork is Docker's network and IPAM plugin for Neutron on its own,
// without the container service.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
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
	if err != nil && err.Error() != "" && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "kuryr-libnetwork:", err)
	}
	os.Exit(codeOf(err))
}

// exit is an error with an exit code of its own. Without a cause nothing is left to say.
type exit struct {
	code  int
	cause error
}

func (e *exit) Error() string {
	if e.cause == nil {
		return ""
	}
	return e.cause.Error()
}

func (e *exit) Unwrap() error { return e.cause }

// The exit codes besides 0 and those of check.
const (
	exitFailure = 1
	exitUsage   = 2 // the command line is not understood
	exitNoCheck = 3 // the check could not be made
)

func codeOf(err error) int {
	var own *exit
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &own):
		return own.code
	default:
		return exitFailure
	}
}
