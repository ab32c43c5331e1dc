package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// ordering is a command that orders the same action on several containers.
type ordering struct {
	kind   zun.ActionKind
	past   string // "stopped", for the line that ends it
	next   string // what to do next, with %s for the container
	place  func(ctx context.Context, c *client.Client, ref string) (request string, err error)
	lookup bool // the name will be gone while we wait: find the UUID first
}

// orderAll places every order before it waits for any, so that they run side by side.
// What fails for one container does not keep the others from theirs.
func (s *session) orderAll(command *cobra.Command, refs []string, w *waiting, how ordering) error {
	c, err := s.zun()
	if err != nil {
		return err
	}
	ctx := command.Context()
	var orders []order
	var failures []error
	for _, ref := range refs {
		o := order{kind: how.kind, verb: command.Name(), ref: ref, name: ref}
		if how.lookup && s.waits(w) {
			o.ref, err = s.uuidOf(ctx, c, ref)
		}
		if err == nil {
			o.request, err = how.place(ctx, c, o.ref)
		}
		if err != nil {
			failures = append(failures, err)
			err = nil
			continue
		}
		orders = append(orders, o)
	}
	return severally(append(failures, s.awaitAll(ctx, c, orders, w, how)...))
}

func (s *session) uuidOf(ctx context.Context, c *client.Client, ref string) (string, error) {
	container, err := c.GetContainer(ctx, ref, false)
	return container.UUID, err
}

func (s *session) awaitAll(ctx context.Context, c *client.Client, orders []order, w *waiting, how ordering) []error {
	var failures []error
	for _, o := range orders {
		if !s.waits(w) {
			fmt.Fprintf(s.Stdout, "accepted: %s %s\n", o.verb, o.name)
			continue
		}
		if err := s.await(ctx, c, o, w); err != nil {
			failures = append(failures, err)
			continue
		}
		s.done("%s is %s", o.name, how.past)
		if how.next != "" && len(orders) == 1 {
			s.next(how.next, o.name)
		}
	}
	return failures
}

func (s *session) startCommand() *cobra.Command {
	return s.plainCommand(&cobra.Command{
		Use:     "start CONTAINER...",
		Short:   "Start containers",
		Example: "  zun start web",
	}, ordering{kind: zun.ActionStart, past: "running", next: "zun logs %s"}, (*client.Client).StartContainer)
}

func (s *session) stopCommand() *cobra.Command {
	return s.timedCommand(&cobra.Command{
		Use:     "stop CONTAINER...",
		Short:   "Stop containers",
		Example: "  zun stop web\n  zun stop -t 60 web db",
	}, ordering{kind: zun.ActionStop, past: "stopped", next: "zun start %s"}, (*client.Client).StopContainer)
}

func (s *session) restartCommand() *cobra.Command {
	return s.timedCommand(&cobra.Command{
		Use:     "restart CONTAINER...",
		Aliases: []string{"reboot"},
		Short:   "Stop containers and start them again, with the same addresses",
		Example: "  zun restart web",
	}, ordering{kind: zun.ActionReboot, past: "running again", next: "zun logs %s"}, (*client.Client).RebootContainer)
}

// timedCommand makes a command of an order that takes how long the processes have to end.
func (s *session) timedCommand(command *cobra.Command, how ordering, place func(*client.Client, context.Context, string, *int) (string, error)) *cobra.Command {
	w := s.containersCommand(command)
	timeout := timeoutFlag(command)
	command.RunE = func(command *cobra.Command, args []string) error {
		seconds, err := timeout()
		if err != nil {
			return err
		}
		how.place = func(ctx context.Context, c *client.Client, ref string) (string, error) {
			return place(c, ctx, ref, seconds)
		}
		return s.orderAll(command, args, w, how)
	}
	return command
}

func (s *session) killCommand() *cobra.Command {
	var signal string
	command := &cobra.Command{
		Use:     "kill CONTAINER...",
		Short:   "Send a signal to the processes of containers",
		Example: "  zun kill web\n  zun kill -s HUP web",
	}
	w := s.containersCommand(command)
	command.Flags().StringVarP(&signal, "signal", "s", "", "signal, by name or number (default SIGKILL)")
	_ = command.RegisterFlagCompletionFunc("signal", cobra.FixedCompletions([]string{"SIGHUP", "SIGINT", "SIGKILL", "SIGTERM", "SIGUSR1", "SIGUSR2"}, cobra.ShellCompDirectiveNoFileComp))
	command.RunE = func(command *cobra.Command, args []string) error {
		return s.orderAll(command, args, w, ordering{
			kind: zun.ActionKill, past: "sent the signal", next: "zun show %s",
			place: func(ctx context.Context, c *client.Client, ref string) (string, error) {
				return c.KillContainer(ctx, ref, signal)
			},
		})
	}
	return command
}

func (s *session) deleteCommand() *cobra.Command {
	var options client.ContainerDelete
	command := &cobra.Command{
		Use:     "delete CONTAINER...",
		Aliases: []string{"rm"},
		Short:   "Delete containers, and the ports made for them",
		Long: `Delete containers, and the ports made for them; a port that you made yourself stays.
A container that runs is deleted only with --stop, which lets its process end well, or
with --force, which does not and needs an administrator.`,
		Example: "  zun delete web\n  zun delete --stop web db",
	}
	w := s.containersCommand(command)
	flags := command.Flags()
	flags.BoolVarP(&options.Stop, "stop", "s", false, "stop it first if it runs")
	flags.BoolVarP(&options.Force, "force", "f", false, "whatever its state (administrators)")
	flags.BoolVar(&options.AllProjects, "all-projects", false, "look in every project (administrators)")
	command.RunE = func(command *cobra.Command, args []string) error {
		return s.orderAll(command, args, w, ordering{
			kind: zun.ActionDelete, past: "deleted", lookup: !options.AllProjects,
			place: func(ctx context.Context, c *client.Client, ref string) (string, error) {
				return c.DeleteContainer(ctx, ref, options)
			},
		})
	}
	return command
}

// containersCommand makes a command take one or more containers and the waiting flags.
func (s *session) containersCommand(command *cobra.Command) *waiting {
	command.Args = func(command *cobra.Command, args []string) error {
		if err := leastArgs("CONTAINER")(command, args); err != nil {
			return err
		}
		for _, ref := range args {
			if ref == "" {
				return usageErrorf("a CONTAINER is empty")
			}
		}
		return nil
	}
	command.ValidArgsFunction = s.completeContainers(0)
	return waitFlags(command)
}

// timeoutFlag gives a command -t; the function returns nil when it was not given.
func timeoutFlag(command *cobra.Command) func() (*int, error) {
	var seconds int
	command.Flags().IntVarP(&seconds, "timeout", "t", 10, "seconds between SIGTERM and SIGKILL")
	return func() (*int, error) {
		if seconds < 0 {
			return nil, usageErrorf("--timeout %d: it cannot be negative", seconds)
		}
		if !command.Flags().Changed("timeout") {
			return nil, nil
		}
		return &seconds, nil
	}
}
