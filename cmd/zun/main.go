// Command zun runs containers on the tenant networks of an OpenStack cloud. Called by the
// name neutron it manages those networks.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/gozun/gozun/internal/cli"
)

// version is stamped by the build.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	code := cli.Program{
		Version: version, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
	}.Run(ctx, os.Args)
	stop()
	os.Exit(code)
}
