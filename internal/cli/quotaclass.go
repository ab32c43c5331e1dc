package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

const classDetails = `The class "default" is for projects that have no quota of their own; no other has an effect.
It is for administrators. ` + quotaUnits

func (s *session) quotaClassGetCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "quota-class-get CLASS",
		Short:             "Show the limits of a class of projects (administrators)",
		Long:              "Show the limits of a class of projects. " + classDetails,
		Example:           "  zun quota-class-get default",
		Args:              exactArgs("CLASS"),
		ValidArgsFunction: completeClass,
	}
	out := outputFlags(command)
	command.RunE = showing(s, out, quotaFields(), func(ctx context.Context, c *client.Client, args []string) (client.Quota, error) {
		return c.GetQuotaClass(ctx, args[0])
	})
	return command
}

func (s *session) quotaClassUpdateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "quota-class-update CLASS",
		Short:             "Set the limits of a class of projects (administrators)",
		Long:              "Set the limits of a class of projects; what is not said stays. " + classDetails,
		Example:           "  zun quota-class-update --containers 100 default",
		Args:              exactArgs("CLASS"),
		ValidArgsFunction: completeClass,
	}
	out := outputFlags(command)
	update := quotaFlags(command)
	command.RunE = showing(s, out, quotaFields(), func(ctx context.Context, c *client.Client, args []string) (client.Quota, error) {
		return c.UpdateQuotaClass(ctx, args[0], *update)
	})
	return command
}

func completeClass(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []cobra.Completion{zun.DefaultQuotaClass}, cobra.ShellCompDirectiveNoFileComp
}
