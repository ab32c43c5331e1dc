package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// listedService are python-zunclient's columns, with its headings, and then the others.
func listedService() []column[client.Service] {
	type k = client.Service
	return []column[k]{
		{name: "Id", get: func(s k) any { return s.ID }},
		{name: "Host", get: func(s k) any { return s.Host }},
		{name: "Binary", get: func(s k) any { return s.Binary }},
		{name: "State", get: func(s k) any { return s.State }},
		{name: "Disabled", get: func(s k) any { return s.Disabled }},
		{name: "Disabled Reason", get: func(s k) any { return s.DisabledReason }},
		{name: "Updated At", get: func(s k) any { return s.UpdatedAt }},
		{name: "Availability Zone", get: func(s k) any { return s.AvailabilityZone }},
		{name: "Forced Down", extra: true, get: func(s k) any { return s.ForcedDown }},
		{name: "Last Seen Up", extra: true, get: func(s k) any { return s.LastSeenUp }},
		{name: "Report Count", extra: true, get: func(s k) any { return s.ReportCount }},
		{name: "Created At", extra: true, get: func(s k) any { return s.CreatedAt }},
	}
}

func (s *session) serviceListCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "service-list",
		Short: "List the agents of hosts, and whether they are up (administrators)",
		Long: `List the agents of hosts. One is up while the service hears of it, unless an operator
said that it is down. It is for administrators.`,
		Example:           "  zun service-list\n  zun service-list -f value -c Host -c State",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := listFlags(command)
	command.RunE = listing(s, out, listedService(), func(ctx context.Context, c *client.Client, _ []string) ([]client.Service, error) {
		return c.ListServices(ctx)
	})
	return command
}

func switchedService() []column[client.Service] {
	type k = client.Service
	return []column[k]{
		{name: "host", get: func(s k) any { return s.Host }},
		{name: "binary", get: func(s k) any { return s.Binary }},
		{name: "disabled", get: func(s k) any { return s.Disabled }},
		{name: "disabled_reason", get: func(s k) any { return s.DisabledReason }},
	}
}

func (s *session) serviceEnableCommand() *cobra.Command {
	command := s.aboutService(&cobra.Command{
		Use:     "service-enable HOST [BINARY]",
		Short:   "Let new containers be placed on a host (administrators)",
		Example: "  zun service-enable compute1 zun-compute",
	})
	out := outputFlags(command)
	command.RunE = showing(s, out, switchedService(), func(ctx context.Context, c *client.Client, args []string) (client.Service, error) {
		return c.EnableService(ctx, args[0], binaryOf(args))
	})
	return command
}

func (s *session) serviceDisableCommand() *cobra.Command {
	var reason string
	command := s.aboutService(&cobra.Command{
		Use:   "service-disable HOST [BINARY]",
		Short: "Keep new containers from a host (administrators)",
		Long: `Keep new containers from a host. What is there goes on, and can be stopped, started and
deleted. It is for administrators.`,
		Example: "  zun service-disable --reason 'new disk' compute1 zun-compute",
	})
	out := outputFlags(command)
	command.Flags().StringVar(&reason, "reason", "", "why, for those who look")
	command.RunE = showing(s, out, switchedService(), func(ctx context.Context, c *client.Client, args []string) (client.Service, error) {
		return c.DisableService(ctx, args[0], binaryOf(args), reason)
	})
	return command
}

func (s *session) serviceForceDownCommand() *cobra.Command {
	var unset bool
	command := s.aboutService(&cobra.Command{
		Use:     "service-force-down HOST [BINARY]",
		Aliases: []string{"service-forcedown"},
		Short:   "Say that a host is down, whatever is heard of it (administrators)",
		Example: "  zun service-force-down compute1 zun-compute\n  zun service-force-down --unset compute1 zun-compute",
	})
	out := outputFlags(command)
	command.Flags().BoolVar(&unset, "unset", false, "go by what is heard of it again")
	type k = client.Service
	fields := []column[k]{
		{name: "host", get: func(s k) any { return s.Host }},
		{name: "binary", get: func(s k) any { return s.Binary }},
		{name: "forced_down", get: func(s k) any { return s.ForcedDown }},
	}
	command.RunE = showing(s, out, fields, func(ctx context.Context, c *client.Client, args []string) (k, error) {
		return c.ForceDownService(ctx, args[0], binaryOf(args), !unset)
	})
	return command
}

func (s *session) serviceDeleteCommand() *cobra.Command {
	command := s.aboutService(&cobra.Command{
		Use:   "service-delete HOST [BINARY]",
		Short: "Forget a host that is away for good (administrators)",
		Long: `Forget a host that is away for good. One that is alive comes back by itself, enabled; one
on which there are containers stays in the list of hosts. It is for administrators.`,
		Example: "  zun service-delete compute1 zun-compute",
	})
	command.RunE = func(command *cobra.Command, args []string) error {
		c, err := s.zun()
		if err != nil {
			return err
		}
		if err := c.DeleteService(command.Context(), args[0], binaryOf(args)); err != nil {
			return err
		}
		s.say("deleted: service %s of host %s", binaryOf(args), args[0])
		return nil
	}
	return command
}

// aboutService makes a command take a host, and the name of its service as python-zunclient
// wants it, of which there is only one.
func (s *session) aboutService(command *cobra.Command) *cobra.Command {
	command.Args = func(command *cobra.Command, args []string) error {
		if len(args) == 2 {
			return exactArgs("HOST", "BINARY")(command, args)
		}
		return exactArgs("HOST")(command, args)
	}
	complete := s.completeHosts()
	command.ValidArgsFunction = func(command *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 1 {
			return []cobra.Completion{zun.BinaryCompute}, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(command, args, typed)
	}
	return command
}

func binaryOf(args []string) string {
	if len(args) == 2 {
		return args[1]
	}
	return zun.BinaryCompute
}
