package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/internal/neutron"
)

func (s *session) neutronPortCreate() *cobra.Command {
	command := &cobra.Command{
		Use: "port-create NETWORK", Short: "Make a port on a network, for a container to use",
		Example: `  neutron port-create --name my-port testnet
  neutron port-create --fixed-ip ip_address=10.2.0.9 --security-group web testnet`,
		Args:              exactArgs("NETWORK"),
		ValidArgsFunction: s.completeRecords(kindNetwork(), 1),
	}
	var addresses, groups []string
	var noGroups bool
	f := newFields(command)
	f.common()
	f.text("name", "name", "its name")
	f.text("mac-address", "mac_address", "its MAC address")
	f.text("device-id", "device_id", "the device that uses it")
	f.text("device-owner", "device_owner", "what kind of device uses it")
	f.yes("admin-state-down", "admin_state_up", false, "with its administrative state down")
	flags := command.Flags()
	flags.StringArrayVar(&addresses, "fixed-ip", nil, "address or subnet, subnet_id=NAME_OR_ID,ip_address=IP, repeatable")
	flags.StringArrayVar(&groups, "security-group", nil, "security group, name or id, repeatable (default: the project's)")
	flags.BoolVar(&noGroups, "no-security-groups", false, "without security groups")
	command.MarkFlagsMutuallyExclusive("security-group", "no-security-groups")
	return s.creating(command, kindPort(), func(ctx context.Context, c *neutron.Client, args []string) (neutron.Record, error) {
		body := f.body()
		if _, said := body["admin_state_up"]; !said {
			body["admin_state_up"] = true
		}
		if err := readFixedIPs(body, addresses); err != nil {
			return nil, err
		}
		var err error
		if body["network_id"], err = requiredID(ctx, c, kindNetwork(), args[0]); err != nil {
			return nil, err
		}
		if err := resolveSubnets(ctx, c, body); err != nil {
			return nil, err
		}
		return body, addGroups(ctx, c, body, groups, noGroups)
	})
}

func readFixedIPs(body neutron.Record, texts []string) error {
	var all []map[string]string
	for _, text := range texts {
		object, err := keyValues("--fixed-ip", text, "subnet_id", "ip_address")
		if err != nil {
			return err
		}
		all = append(all, object)
	}
	if len(all) > 0 {
		body["fixed_ips"] = all
	}
	return nil
}

// resolveSubnets puts ids where the user gave subnets' names.
func resolveSubnets(ctx context.Context, c *neutron.Client, body neutron.Record) error {
	addresses, _ := body["fixed_ips"].([]map[string]string)
	for _, address := range addresses {
		if address["subnet_id"] == "" {
			continue
		}
		id, err := requiredID(ctx, c, kindSubnet(), address["subnet_id"])
		if err != nil {
			return err
		}
		address["subnet_id"] = id
	}
	return nil
}

func addGroups(ctx context.Context, c *neutron.Client, body neutron.Record, refs []string, none bool) error {
	if none {
		body["security_groups"] = []string{}
	}
	var ids []string
	for _, ref := range refs {
		id, err := requiredID(ctx, c, kindGroup(), ref)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if len(ids) > 0 {
		body["security_groups"] = ids
	}
	return nil
}

func (s *session) neutronGroupCreate() *cobra.Command {
	command := &cobra.Command{
		Use: "security-group-create NAME", Short: "Make a security group", Args: exactArgs("NAME"),
	}
	f := newFields(command)
	f.common()
	return s.creating(command, kindGroup(), func(_ context.Context, _ *neutron.Client, args []string) (neutron.Record, error) {
		body := f.body()
		body["name"] = args[0]
		return body, nil
	})
}

func (s *session) neutronRuleCreate() *cobra.Command {
	command := &cobra.Command{
		Use: "security-group-rule-create SECURITY_GROUP", Short: "Let traffic through a security group",
		Example:           "  neutron security-group-rule-create --protocol tcp --port-range-min 80 --port-range-max 80 default",
		Args:              exactArgs("SECURITY_GROUP"),
		ValidArgsFunction: s.completeRecords(kindGroup(), 1),
	}
	var remoteGroup string
	f := newFields(command)
	f.common()
	f.text("direction", "direction", "ingress or egress (default ingress)")
	f.text("ethertype", "ethertype", "IPv4 or IPv6 (default IPv4)")
	f.text("protocol", "protocol", "tcp, udp, icmp, or a number (default: any)")
	f.number("port-range-min", "port_range_min", "first port")
	f.number("port-range-max", "port_range_max", "last port")
	f.text("remote-ip-prefix", "remote_ip_prefix", "only from or to this range")
	command.Flags().StringVar(&remoteGroup, "remote-group-id", "", "only from or to ports of this group, name or id")
	return s.creating(command, kindRule(), func(ctx context.Context, c *neutron.Client, args []string) (neutron.Record, error) {
		body := f.body()
		if body["direction"] == nil {
			body["direction"] = "ingress"
		}
		var err error
		if body["security_group_id"], err = requiredID(ctx, c, kindGroup(), args[0]); err != nil {
			return nil, err
		}
		if remoteGroup != "" {
			body["remote_group_id"], err = requiredID(ctx, c, kindGroup(), remoteGroup)
		}
		return body, err
	})
}
