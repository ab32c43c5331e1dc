package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

func (s *session) zoneListCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "availability-zone-list",
		Short:             "List the availability zones that hosts are in",
		Example:           "  zun availability-zone-list\n  zun run --availability-zone nova nginx",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := listFlags(command)
	type z = client.AvailabilityZone
	fields := []column[z]{{name: "availability_zone", get: func(k z) any { return k.Name }}}
	command.RunE = listing(s, out, fields, func(ctx context.Context, c *client.Client, _ []string) ([]z, error) {
		return c.ListAvailabilityZones(ctx)
	})
	return command
}

func (s *session) zoneNames(ctx context.Context) ([]cobra.Completion, error) {
	c, err := s.zun()
	if err != nil {
		return nil, err
	}
	zones, err := c.ListAvailabilityZones(ctx)
	var found []cobra.Completion
	for _, zone := range zones {
		found = append(found, zone.Name)
	}
	return found, err
}
