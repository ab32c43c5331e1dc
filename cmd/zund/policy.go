package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"

	"github.com/gozun/gozun/internal/policy"
)

const policySampleSynopsis = `Usage: zund policy-sample [OPTIONS]

Prints a policy.yaml with every rule there is: its default, what it is for and which
requests ask it, all as comments. Change what you need and give it to
zund solo --policy-file; it is read again whenever it changes.`

func runPolicySample(_ context.Context, args []string, stdout, _ io.Writer) error {
	var output string
	flags := flag.NewFlagSet("policy-sample", flag.ContinueOnError)
	flags.StringVar(&output, "output-file", "", "write it there instead of to standard output")
	if err := parse(flags, args, stdout, policySampleSynopsis); err != nil {
		return err
	}
	if output == "" {
		return policy.WriteSample(stdout)
	}
	var sample bytes.Buffer
	if err := policy.WriteSample(&sample); err != nil {
		return err
	}
	return os.WriteFile(output, sample.Bytes(), 0o644)
}
