package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

func quotaFields() []column[client.Quota] {
	type q = client.Quota
	return []column[q]{
		{name: "containers", get: func(k q) any { return k.Containers }},
		{name: "memory", get: func(k q) any { return k.Memory }},
		{name: "cpu", get: func(k q) any { return k.CPU }},
		{name: "disk", get: func(k q) any { return k.Disk }},
	}
}

// usedLimit is a line of a quota with what is used.
type usedLimit struct {
	resource string
	client.LimitUsage
}

func usedLimits(u client.QuotaUsage) []usedLimit {
	return []usedLimit{{"containers", u.Containers}, {"memory", u.Memory}, {"cpu", u.CPU}, {"disk", u.Disk}}
}

const quotaUnits = "Memory is in MiB, disk in GiB, cpu in cores; -1 is unlimited."

func (s *session) quotaGetCommand() *cobra.Command {
	var usages bool
	command := &cobra.Command{
		Use:   "quota-get [PROJECT]",
		Short: "Show how much a project may have",
		Long: `Show how much a project may have, and with --usages how much it has. PROJECT is an id; without it
it is your own. Other projects' are for administrators. ` + quotaUnits,
		Example:           "  zun quota-get --usages\n  zun quota-get 6a1f2c3d4e5f60718293a4b5c6d7e8f9",
		Args:              atMostArg("PROJECT"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := outputFlags(command)
	command.Flags().BoolVar(&usages, "usages", false, "also how much of it is used")
	plain := showing(s, out, quotaFields(), func(ctx context.Context, c *client.Client, args []string) (client.Quota, error) {
		project, err := s.projectOf(ctx, args)
		if err != nil {
			return client.Quota{}, err
		}
		return c.GetQuota(ctx, project)
	})
	fields := []column[usedLimit]{
		{name: "resource", get: func(l usedLimit) any { return l.resource }},
		{name: "limit", get: func(l usedLimit) any { return l.Limit }},
		{name: "in_use", get: func(l usedLimit) any { return l.InUse }},
	}
	used := listing(s, out, fields, func(ctx context.Context, c *client.Client, args []string) ([]usedLimit, error) {
		project, err := s.projectOf(ctx, args)
		if err != nil {
			return nil, err
		}
		usage, err := c.GetQuotaUsage(ctx, project)
		return usedLimits(usage), err
	})
	command.RunE = func(command *cobra.Command, args []string) error {
		if usages {
			return used(command, args)
		}
		return plain(command, args)
	}
	return command
}

func (s *session) quotaDefaultsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "quota-defaults [PROJECT]",
		Short:             "Show how much a project may have for which nothing else is said",
		Long:              "Show how much a project may have for which nothing else is said. " + quotaUnits,
		Example:           "  zun quota-defaults",
		Args:              atMostArg("PROJECT"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := outputFlags(command)
	command.RunE = showing(s, out, quotaFields(), func(ctx context.Context, c *client.Client, args []string) (client.Quota, error) {
		project, err := s.projectOf(ctx, args)
		if err != nil {
			return client.Quota{}, err
		}
		return c.GetDefaultQuota(ctx, project)
	})
	return command
}

func (s *session) quotaUpdateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "quota-update PROJECT",
		Short:             "Say how much a project may have (administrators)",
		Long:              "Say how much a project may have; what is not said stays. PROJECT is an id. It is for administrators.\n" + quotaUnits,
		Example:           "  zun quota-update --containers 100 --cpu -1 6a1f2c3d4e5f60718293a4b5c6d7e8f9",
		Args:              exactArgs("PROJECT"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := outputFlags(command)
	update := quotaFlags(command)
	command.RunE = showing(s, out, quotaFields(), func(ctx context.Context, c *client.Client, args []string) (client.Quota, error) {
		return c.UpdateQuota(ctx, args[0], *update)
	})
	return command
}

func (s *session) quotaDeleteCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "quota-delete PROJECT",
		Short:             "Give a project the default quota again (administrators)",
		Example:           "  zun quota-delete 6a1f2c3d4e5f60718293a4b5c6d7e8f9",
		Args:              exactArgs("PROJECT"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	command.RunE = func(command *cobra.Command, args []string) error {
		c, err := s.zun()
		if err != nil {
			return err
		}
		if err := c.DeleteQuota(command.Context(), args[0]); err != nil {
			return err
		}
		s.say("deleted: quota of project %s", args[0])
		return nil
	}
	return command
}

// projectOf is the project that is named, else the caller's own.
func (s *session) projectOf(ctx context.Context, args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	opened, err := s.cloud()
	if err != nil {
		return "", err
	}
	project, err := opened.session.ProjectID(ctx)
	if err == nil && project == "" {
		return "", usageErrorf("the credentials are for no project: say which PROJECT, by its id")
	}
	return project, loginFailed(err)
}

// quotaFlags gives a command the limits to be set, of which it needs one at least.
func quotaFlags(command *cobra.Command) *client.QuotaUpdate {
	var containers, memory, cpu, disk int64
	update := &client.QuotaUpdate{}
	limits := []struct {
		flag, purpose string
		value         *int64
		field         **int64
	}{
		{"containers", "number of containers", &containers, &update.Containers},
		{"memory", "memory, in MiB", &memory, &update.Memory},
		{"cpu", "cores", &cpu, &update.CPU},
		{"disk", "disk, in GiB", &disk, &update.Disk},
	}
	for _, limit := range limits {
		command.Flags().Int64Var(limit.value, limit.flag, 0, limit.purpose)
	}
	command.PreRunE = func(command *cobra.Command, _ []string) error {
		said := false
		for _, limit := range limits {
			if !command.Flags().Changed(limit.flag) {
				continue
			}
			said = true
			*limit.field = limit.value
			if *limit.value < -1 {
				return usageErrorf("--%s %d: it is a number, or -1 for unlimited", limit.flag, *limit.value)
			}
		}
		if !said {
			return usageErrorf("say which limits: --containers, --memory, --cpu or --disk")
		}
		return nil
	}
	return update
}
