package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

func (s *session) logsCommand() *cobra.Command {
	var options client.LogsOptions
	var since string
	command := &cobra.Command{
		Use:   "logs CONTAINER",
		Short: "Show what a container wrote",
		Example: `  zun logs web
  zun logs --tail 20 --since 10m -t web`,
		Args:              exactArgs("CONTAINER"),
		ValidArgsFunction: s.completeContainers(1),
	}
	flags := command.Flags()
	flags.BoolVar(&options.Stdout, "stdout", false, "only standard output")
	flags.BoolVar(&options.Stderr, "stderr", false, "only standard error")
	flags.BoolVarP(&options.Timestamps, "timestamps", "t", false, "with the time of each line")
	flags.StringVar(&options.Tail, "tail", "", "only the last lines, a number (default: all)")
	flags.StringVar(&since, "since", "", "only from then on: 10m, seconds since 1970, or 2026-11-23T15:04:05Z")
	command.RunE = func(command *cobra.Command, args []string) error {
		if options.Tail != "" && options.Tail != "all" {
			if n, err := strconv.Atoi(options.Tail); err != nil || n < 0 {
				return usageErrorf("--tail %s: it is a number of lines, or all", options.Tail)
			}
		}
		var err error
		if options.Since, err = parseSince(since, s.Now()); err != nil {
			return err
		}
		c, err := s.zun()
		if err != nil {
			return err
		}
		text, err := c.Logs(command.Context(), args[0], options)
		if err != nil {
			return err
		}
		_, err = io.WriteString(s.Stdout, text)
		return err
	}
	return command
}

// parseSince reads a duration before now, seconds since 1970, or a date with a time,
// which is UTC where it does not say.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds >= 0 {
		return time.Unix(seconds, 0).UTC(), nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if at, err := time.Parse(layout, strings.ReplaceAll(text, ",", ".")); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, usageErrorf("--since %s: it is a time ago (10m), seconds since 1970, or a date like 2026-11-23T15:04:05Z", text)
}

func (s *session) execCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "exec [flags] CONTAINER COMMAND...",
		Short: "Run a command in a running container",
		Long: `Run a command in a running container and show what it wrote. The words reach it as you
give them, with no shell between. The exit code is the command's own.

With -i its input and output are yours for as long as it runs: at a terminal it has one
too, and in a pipe the bytes pass unchanged. ` + detachHelp,
		Example: `  zun exec web ip address
  zun exec -i web sh
  zun exec -i web sh -c 'cat > /tmp/page' < page
  zun exec web sh -c 'echo $HOSTNAME > /tmp/x && cat /tmp/x'`,
		Args:              leastArgs("CONTAINER", "COMMAND"),
		ValidArgsFunction: s.completeContainers(1),
	}
	f := &execFlags{keys: detachFlag(command)}
	command.Flags().BoolVarP(&f.interactive, "interactive", "i", false, "connect its input and output with yours")
	command.Flags().BoolVarP(&f.tty, "tty", "t", false, "give it a terminal (default with -i at a terminal; --tty=false: none)")
	command.Flags().SetInterspersed(false)
	command.RunE = func(command *cobra.Command, args []string) error {
		words := args[1:]
		if len(words) > 0 && words[0] == "--" {
			words = words[1:]
		}
		if len(words) == 0 {
			return usageErrorf("exec needs COMMAND")
		}
		if f.interactive || f.tty {
			return s.execInteractively(command, args[0], words, f)
		}
		c, err := s.zun()
		if err != nil {
			return err
		}
		result, err := c.Execute(command.Context(), args[0], words)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(s.Stdout, result.Output); err != nil {
			return err
		}
		if result.ExitCode != 0 {
			return exitCodeError(result.ExitCode)
		}
		return nil
	}
	return command
}
