package cli

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

// subnets are a network's, shown in tables as their CIDRs.
type subnets []client.Subnet

// String returns one line per subnet: CIDR, name and gateway.
func (s subnets) String() string {
	lines := make([]string, len(s))
	for i, subnet := range s {
		lines[i] = subnet.CIDR
		if subnet.Name != "" {
			lines[i] += " " + subnet.Name
		}
		if subnet.GatewayIP != "" {
			lines[i] += ", gateway " + subnet.GatewayIP
		}
	}
	return strings.Join(lines, "\n")
}

// cidrs are a network's subnets where a line has to do.
type cidrs []client.Subnet

// String returns the CIDRs.
func (c cidrs) String() string {
	ranges := make([]string, len(c))
	for i, subnet := range c {
		ranges[i] = subnet.CIDR
	}
	return strings.Join(ranges, ", ")
}

// attachments are the containers on a network.
type attachments []client.NetworkAttachment

// String returns one line per container: name, addresses, MAC.
func (a attachments) String() string {
	lines := make([]string, len(a))
	for i, attachment := range a {
		parts := []string{either(attachment.ContainerName, attachment.ContainerUUID)}
		for _, address := range attachment.Addresses {
			parts = append(parts, address.Addr)
		}
		lines[i] = strings.Join(append(parts, attachment.MACAddress), " ")
	}
	return strings.Join(lines, "\n")
}

func networkFields() []column[client.Network] {
	type n = client.Network
	return []column[n]{
		{name: "uuid", get: func(k n) any { return k.UUID }},
		{name: "name", get: func(k n) any { return k.Name }},
		{name: "status", get: func(k n) any { return k.Status }},
		{name: "status_reason", get: func(k n) any { return k.StatusReason }},
		{name: "neutron_net_id", get: func(k n) any { return k.NeutronNetID }},
		{name: "neutron_pool_id", get: func(k n) any { return k.NeutronPoolID }},
		{name: "subnets", get: func(k n) any { return subnets(k.Subnets) }},
		{name: "attachments", get: func(k n) any { return attachments(k.Attachments) }},
		{name: "made", get: func(k n) any { return k.Made }},
		{name: "mtu", get: func(k n) any { return k.MTU }},
		{name: "shared", get: func(k n) any { return k.Shared }},
		{name: "project_id", get: func(k n) any { return k.ProjectID }},
		{name: "user_id", get: func(k n) any { return k.UserID }},
		{name: "created_at", get: func(k n) any { return k.CreatedAt }},
		{name: "updated_at", get: func(k n) any { return k.UpdatedAt }},
	}
}

// listedNetwork shows how many containers are on each network, and of subnets only CIDRs.
func listedNetwork() []column[client.Network] {
	columns := ordered(networkFields(), []string{"uuid", "name", "neutron_net_id", "subnets", "status"})
	columns[3].get = func(k client.Network) any { return cidrs(k.Subnets) }
	containers := column[client.Network]{name: "containers", get: func(k client.Network) any { return len(k.Attachments) }}
	return slices.Insert(columns, 4, containers)
}

func (s *session) networkCreateCommand() *cobra.Command {
	var create client.NetworkCreate
	command := &cobra.Command{
		Use:   "network-create NAME",
		Short: "Make a network for containers",
		Long: `Make a network for containers: a name of yours for a Neutron network and its subnets.
With --neutron-net the Neutron network is one that is there, yours or shared with you,
and stays when the name is deleted. With --subnet network, pool and subnet are made in
your project, and go with it.`,
		Example: `  zun network-create foo --subnet 10.2.0.0/24
  zun network-create --neutron-net testnet --neutron-pool testpool --neutron-subnet testsubnet foo`,
		Args:              exactArgs("NAME"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := outputFlags(command)
	flags := command.Flags()
	flags.StringVar(&create.NeutronNet, "neutron-net", "", "Neutron network, name or UUID")
	flags.StringVar(&create.NeutronPool, "neutron-pool", "", "Neutron subnetpool, name or UUID")
	flags.StringArrayVar(&create.NeutronSubnets, "neutron-subnet", nil, "Neutron subnet, name or UUID, repeatable (default: all of the network)")
	flags.StringVar(&create.Subnet, "subnet", "", "range of a network to be made, 10.2.0.0/24")
	command.PreRunE = func(*cobra.Command, []string) error { return checkNetworkCreate(create) }
	command.RunE = showing(s, out, networkFields(), func(ctx context.Context, c *client.Client, args []string) (client.Network, error) {
		create.Name = args[0]
		made, err := c.CreateNetwork(ctx, create)
		if err == nil {
			s.done("network %s is ready", made.Name)
			s.next("zun run --net %s IMAGE", made.Name)
		}
		return made, err
	})
	return command
}

func checkNetworkCreate(create client.NetworkCreate) error {
	switch {
	case create.NeutronNet == "" && create.Subnet == "":
		return usageErrorf("say which network: --neutron-net for one that is there, or --subnet 10.2.0.0/24 to make one")
	case create.Subnet != "" && (create.NeutronNet != "" || create.NeutronPool != "" || len(create.NeutronSubnets) > 0):
		return usageErrorf("--subnet makes everything, and does not go with --neutron-net, --neutron-pool and --neutron-subnet")
	case create.Subnet != "":
		prefix, err := netip.ParsePrefix(create.Subnet)
		if err != nil {
			return usageErrorf("--subnet %s: it is a range like 10.2.0.0/24", create.Subnet)
		}
		if prefix != prefix.Masked() {
			return usageErrorf("--subnet %s: the range begins at %s", create.Subnet, prefix.Masked())
		}
	}
	return nil
}

func (s *session) networkListCommand() *cobra.Command {
	var list client.NetworkList
	command := &cobra.Command{
		Use:   "network-list [CONTAINER]",
		Short: "List your networks, or those of a container",
		Example: `  zun network-list
  zun network-list web`,
		Args:              atMostArg("CONTAINER"),
		ValidArgsFunction: s.completeContainers(1),
	}
	out := listFlags(command)
	pageFlags(command, &list.Page)
	flags := command.Flags()
	flags.StringVar(&list.Name, "name", "", "only of this name")
	flags.StringVar(&list.NeutronNetID, "neutron-net-id", "", "only on this Neutron network")
	flags.StringVar(&list.Status, "status", "", "only in this status, Active")
	flags.BoolVar(&list.AllProjects, "all-projects", false, "of every project (administrators)")
	ofProject := listing(s, out, listedNetwork(), func(ctx context.Context, c *client.Client, _ []string) ([]client.Network, error) {
		return c.ListNetworks(ctx, list)
	})
	ofContainer := listing(s, out, attachedNetworkFields(), func(ctx context.Context, c *client.Client, args []string) ([]client.AttachedNetwork, error) {
		return c.NetworksOf(ctx, args[0])
	})
	command.PreRunE = func(*cobra.Command, []string) error { return checkPage(list.Page) }
	command.RunE = func(command *cobra.Command, args []string) error {
		if len(args) == 1 {
			return ofContainer(command, args)
		}
		return ofProject(command, args)
	}
	return command
}

func (s *session) networkShowCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "network-show NETWORK",
		Short:             "Show a network, its subnets and the containers on it",
		Example:           "  zun network-show foo\n  zun network-show foo -f value -c neutron_net_id",
		Args:              exactArgs("NETWORK"),
		ValidArgsFunction: s.completeNetworks(1),
	}
	out := outputFlags(command)
	command.RunE = showing(s, out, networkFields(), func(ctx context.Context, c *client.Client, args []string) (client.Network, error) {
		return c.GetNetwork(ctx, args[0])
	})
	return command
}

func (s *session) networkDeleteCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "network-delete NETWORK...",
		Short: "Delete networks that no container is on",
		Long: `Delete networks that no container is on. What --subnet made in Neutron goes too; what was
there before stays.`,
		Example:           "  zun network-delete foo",
		Args:              leastArgs("NETWORK"),
		ValidArgsFunction: s.completeNetworks(0),
	}
	command.RunE = s.each("NETWORK", "deleted: network %s", func(ctx context.Context, c *client.Client, ref string) error {
		return c.DeleteNetwork(ctx, ref)
	})
	return command
}
