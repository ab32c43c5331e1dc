package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// The exit codes, told to users by the help topic exit-codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUnreachable = 4
	exitNotWell     = 5
	exitInterrupted = 130 // as a shell reports SIGINT
)

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// loginError is a failure to find out who we are or where the services are.
type loginError struct{ error }

func (e loginError) Unwrap() error { return e.error }

// endedError is an action that the service took and that ended badly.
type endedError struct{ error }

func (e endedError) Unwrap() error { return e.error }

// waitedError is a wait that ended before the action did.
type waitedError struct {
	order order
	after time.Duration
}

func (e waitedError) Error() string {
	return fmt.Sprintf("gave up waiting for the %s of %s after %s; it goes on without us", e.order.verb, e.order.name, e.after)
}

// exitCodeError is the whole exit code of a command in a container: it is passed on unsaid.
type exitCodeError int

func (e exitCodeError) Error() string {
	return fmt.Sprintf("the command ended with exit code %d", int(e))
}

// severalError is what was wrong with some of several things; all were tried.
type severalError []error

func (e severalError) Error() string   { return errors.Join(e...).Error() }
func (e severalError) Unwrap() []error { return e }

func severally(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return severalError(errs)
}

// report writes err with a next step, and returns the exit code.
func (s *session) report(command *cobra.Command, err error) int {
	var inner exitCodeError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &inner):
		return int(inner)
	case !s.began:
		err = asUsage(command, err)
	}
	var several severalError
	if !errors.As(err, &several) {
		several = severalError{err}
	}
	for _, one := range several {
		s.tell(command, one)
	}
	return codeOf(several[0])
}

// asUsage makes a usage error of what cobra says, with a suggestion where the command is
// not known.
func asUsage(command *cobra.Command, err error) error {
	var usage usageError
	if errors.As(err, &usage) {
		return err
	}
	var name string
	if n, _ := fmt.Sscanf(err.Error(), "unknown command %q", &name); n == 1 {
		return unknownCommand(command, name)
	}
	return usageError{err}
}

// excludingFlags names the flags that cobra found together and that do not go together.
func excludingFlags(err error) error {
	_, set, _ := strings.Cut(err.Error(), "; [")
	names, _, found := strings.Cut(set, "] were all set")
	if !found {
		return usageError{err}
	}
	return usageErrorf("--%s exclude each other", strings.Join(strings.Fields(names), " and --"))
}

func unknownCommand(command *cobra.Command, name string) error {
	command.SuggestionsMinimumDistance = 2
	if near := command.SuggestionsFor(name); len(near) > 0 {
		return usageErrorf("unknown command %q; did you mean %s?", name, strings.Join(near, " or "))
	}
	return usageErrorf("unknown command %q", name)
}

func (s *session) tell(command *cobra.Command, err error) {
	fmt.Fprintf(s.Stderr, "%s: %s\n", command.CommandPath(), describeError(err))
	if next := s.nextStep(command, err); next != "" {
		fmt.Fprintf(s.Stderr, "Try: %s\n", next)
	}
	if id := client.RequestID(err); id != "" && zun.CodeOf(err).Status() >= 500 {
		fmt.Fprintf(s.Stderr, "Request: %s (the service's log knows it by this id)\n", id)
	}
}

func describeError(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return err.Error()
}

func codeOf(err error) int {
	var usage usageError
	var login loginError
	var unreachable *client.UnreachableError
	var ended endedError
	var waited waitedError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &waited), errors.As(err, &ended):
		return exitNotWell
	case errors.As(err, &login), errors.As(err, &unreachable), zun.CodeOf(err) == zun.CodeUnauthorized:
		return exitUnreachable
	case zun.IsNotFound(err):
		return exitNotFound
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailed
}
