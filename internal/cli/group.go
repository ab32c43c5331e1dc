package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

func (s *session) addSecurityGroupCommand() *cobra.Command {
	return s.groupCommand(&cobra.Command{
		Use:     "add-security-group CONTAINER GROUP",
		Short:   "Put the ports of a container into one more security group",
		Example: "  zun add-security-group web allow-http",
	}, ordering{kind: zun.ActionAddGroup, past: "in the security group"}, (*client.Client).AddSecurityGroup)
}

func (s *session) removeSecurityGroupCommand() *cobra.Command {
	return s.groupCommand(&cobra.Command{
		Use:     "remove-security-group CONTAINER GROUP",
		Short:   "Take the ports of a container out of a security group",
		Example: "  zun remove-security-group web allow-http",
	}, ordering{kind: zun.ActionRemoveGroup, past: "out of the security group"}, (*client.Client).RemoveSecurityGroup)
}

// groupCommand makes a command of an order about a container and a security group, a name
// or a UUID.
func (s *session) groupCommand(command *cobra.Command, how ordering, place func(*client.Client, context.Context, string, string) (string, error)) *cobra.Command {
	command.Long = command.Short + `. GROUP is a name or a UUID;
neutron security-group-list shows them.`
	command.Args = exactArgs("CONTAINER", "GROUP")
	command.ValidArgsFunction = s.completeContainers(1)
	how.next = "zun show %s -c security_groups"
	w := waitFlags(command)
	command.RunE = func(command *cobra.Command, args []string) error {
		how.place = func(ctx context.Context, c *client.Client, ref string) (string, error) {
			return place(c, ctx, ref, args[1])
		}
		return s.orderAll(command, args[:1], w, how)
	}
	return command
}
