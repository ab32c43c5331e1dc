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
	var usage *usageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "kuryr-libnetwork:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "kuryr-libnetwork:", err)
		os.Exit(1)
	}
}

// usageError is a command line that cannot be understood: exit code 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }
