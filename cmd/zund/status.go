package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gozun/gozun/internal/solo"
)

const statusSynopsis = `Usage: zund status [OPTIONS]

Asks the zund that runs on a state directory whether its services answer, and prints where
they listen. The exit code is 0 if they do.`

func runStatus(ctx context.Context, args []string, stdout, _ io.Writer) error {
	flags := flag.NewFlagSet("status", flag.ContinueOnError)
	stateDir := flags.String("state-dir", solo.DefaultStateDir, "the state directory of the zund in question")
	wait := flags.Duration("wait", 0, "wait this long for it to become ready, for example 30s")
	if err := parse(flags, args, stdout, statusSynopsis); err != nil {
		return err
	}
	ask := solo.Status
	if *wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *wait+time.Millisecond)
		defer cancel()
		ask = solo.AwaitStatus
	}
	endpoints, err := ask(ctx, *stateDir)
	if err != nil {
		return err
	}
	for _, line := range []struct{ name, url string }{
		{"identity", endpoints.Identity}, {"network", endpoints.Network}, {"container", endpoints.Container},
	} {
		if line.url != "" {
			fmt.Fprintf(stdout, "%-9s %s\n", line.name, line.url)
		}
	}
	return nil
}
