package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gozun/gozun/internal/neutron"
)

// tidy changes lists for the eye: a network's subnets get their CIDRs beside the ids,
// and a group's rules a line each.
func tidy(ctx context.Context, c *neutron.Client, k kind, records []neutron.Record, out *output) error {
	if out.everything() {
		return nil
	}
	switch k.singular {
	case "network":
		return addCIDRs(ctx, c, records)
	case "security_group":
		for _, record := range records {
			var rules []map[string]any
			if err := unmarshal(record, "security_group_rules", &rules); err != nil {
				return err
			}
			lines := make([]string, len(rules))
			for i, rule := range rules {
				lines[i] = ruleLine(rule)
			}
			record["security_group_rules"] = strings.Join(lines, "\n")
		}
	}
	return nil
}

// unmarshal reads a list of a record.
func unmarshal(record neutron.Record, field string, out any) error {
	raw, _ := record[field].(json.RawMessage)
	if raw == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

func addCIDRs(ctx context.Context, c *neutron.Client, networks []neutron.Record) error {
	subnets, err := c.FindRecords(ctx, "subnets", url.Values{"fields": {"id", "cidr"}})
	if err != nil {
		return err
	}
	ranges := map[string]string{}
	for _, subnet := range subnets {
		ranges[fmt.Sprint(subnet["id"])] = fmt.Sprint(subnet["cidr"])
	}
	for _, network := range networks {
		var ids []string
		if err := unmarshal(network, "subnets", &ids); err != nil {
			return err
		}
		for i, id := range ids {
			ids[i] = strings.TrimSpace(id + " " + ranges[id])
		}
		network["subnets"] = strings.Join(ids, "\n")
	}
	return nil
}

func ruleLine(rule map[string]any) string {
	parts := []string{fmt.Sprint(rule["direction"]), fmt.Sprint(rule["ethertype"])}
	if protocol := rule["protocol"]; protocol != nil {
		parts = append(parts, fmt.Sprint(protocol))
	}
	if low, high := rule["port_range_min"], rule["port_range_max"]; low != nil && high != nil {
		parts = append(parts, fmt.Sprintf("%v-%v", low, high))
	}
	for _, remote := range []string{"remote_ip_prefix", "remote_group_id"} {
		if rule[remote] != nil {
			parts = append(parts, fmt.Sprintf("%s: %v", remote, rule[remote]))
		}
	}
	return strings.Join(parts, ", ")
}

// fields collects what flags say into a request: a flag that was not given leaves no
// trace, so that Neutron's defaults apply.
type fields struct {
	flags *pflag.FlagSet
	set   map[string]func() any // by flag
	names map[string]string     // flag -> field
}

func newFields(command *cobra.Command) *fields {
	return &fields{flags: command.Flags(), set: map[string]func() any{}, names: map[string]string{}}
}

func (f *fields) text(flag, field, purpose string) {
	value := f.flags.String(flag, "", purpose)
	f.set[flag], f.names[flag] = func() any { return *value }, field
}

func (f *fields) number(flag, field, purpose string) {
	value := f.flags.Int(flag, 0, purpose)
	f.set[flag], f.names[flag] = func() any { return *value }, field
}

// yes is a flag without a value that sets a field to what it means.
func (f *fields) yes(flag, field string, meaning bool, purpose string) {
	value := f.flags.Bool(flag, false, purpose)
	f.set[flag], f.names[flag] = func() any { return *value == meaning }, field
}

func (f *fields) texts(flag, field, purpose string) {
	value := f.flags.StringArray(flag, nil, purpose)
	f.set[flag], f.names[flag] = func() any { return *value }, field
}

func (f *fields) common() {
	f.text("description", "description", "what it is for")
	f.text("tenant-id", "tenant_id", "the project to own it (administrators)")
}

func (f *fields) body() neutron.Record {
	body := neutron.Record{}
	for flag, value := range f.set {
		if f.flags.Changed(flag) {
			body[f.names[flag]] = value()
		}
	}
	return body
}

func (s *session) neutronNetCreate() *cobra.Command {
	command := &cobra.Command{
		Use: "net-create NAME", Short: "Make a network", Example: "  neutron net-create testnet",
		Args: exactArgs("NAME"),
	}
	f := newFields(command)
	f.common()
	f.yes("admin-state-down", "admin_state_up", false, "with its administrative state down")
	f.yes("shared", "shared", true, "for every project to use (administrators)")
	f.yes("router:external", "router:external", true, "outside the cloud (administrators)")
	f.text("provider:network_type", "provider:network_type", "flat, vlan, vxlan, … (administrators)")
	f.text("provider:physical_network", "provider:physical_network", "physical network (administrators)")
	f.text("provider:segmentation_id", "provider:segmentation_id", "VLAN or tunnel id (administrators)")
	return s.creating(command, kindNetwork(), func(_ context.Context, _ *neutron.Client, args []string) (neutron.Record, error) {
		body := f.body()
		body["name"] = args[0]
		if _, said := body["admin_state_up"]; !said {
			body["admin_state_up"] = true
		}
		return body, nil
	})
}

func (s *session) neutronSubnetPoolCreate() *cobra.Command {
	command := &cobra.Command{
		Use: "subnetpool-create NAME", Short: "Make a pool of prefixes for subnets",
		Example: "  neutron subnetpool-create --pool-prefix 10.2.0.0/16 testpool",
		Args:    exactArgs("NAME"),
	}
	f := newFields(command)
	f.common()
	f.texts("pool-prefix", "prefixes", "prefix of the pool, 10.2.0.0/16, repeatable")
	f.number("default-prefixlen", "default_prefixlen", "prefix length of a subnet that asks for none")
	f.number("min-prefixlen", "min_prefixlen", "smallest prefix length of a subnet")
	f.number("max-prefixlen", "max_prefixlen", "largest prefix length of a subnet")
	f.number("default-quota", "default_quota", "how much of it each project may use")
	f.yes("shared", "shared", true, "for every project to use (administrators)")
	return s.creating(command, kindPool(), func(_ context.Context, _ *neutron.Client, args []string) (neutron.Record, error) {
		body := f.body()
		body["name"] = args[0]
		prefixes, _ := body["prefixes"].([]string)
		if len(prefixes) == 0 {
			return nil, usageErrorf("subnetpool-create needs --pool-prefix, like 10.2.0.0/16")
		}
		return body, checkPrefixes("--pool-prefix", prefixes...)
	})
}

func checkPrefixes(flag string, texts ...string) error {
	for _, text := range texts {
		if _, err := netip.ParsePrefix(text); err != nil {
			return usageErrorf("%s %s: it is a range like 10.2.0.0/16", flag, text)
		}
	}
	return nil
}
