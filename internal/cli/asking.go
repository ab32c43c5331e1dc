package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

// runE is the work of a command, in cobra's shape.
type runE = func(*cobra.Command, []string) error

// finder asks the service for what a command shows.
type finder[T any] func(ctx context.Context, c *client.Client, args []string) (T, error)

// showing is the work of a command that shows one thing.
func showing[T any](s *session, out *output, fields []column[T], find finder[T]) runE {
	return asking(s, out, fields, find, writeShow[T])
}

// listing is the work of a command that shows several things.
func listing[T any](s *session, out *output, fields []column[T], find finder[[]T]) runE {
	return asking(s, out, fields, find, writeList[T])
}

// asking finds what is wrong with -f, -c and the like before the service is asked, or told to make
// what is then to be shown.
func asking[T, Found any](s *session, out *output, fields []column[T], find finder[Found], write writer[T, Found]) runE {
	return func(command *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		if _, err := choose(out, fields, true); err != nil {
			return err
		}
		if _, err := sifted(out.sift, fields, nil); err != nil {
			return err
		}
		c, err := s.zun()
		if err != nil {
			return err
		}
		found, err := find(command.Context(), c, args)
		if err != nil {
			return err
		}
		return write(s.Stdout, out, fields, found)
	}
}
