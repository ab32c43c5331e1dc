package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/zun"
)

// kind is a kind of Neutron resource as the legacy commands show it.
type kind struct {
	plural   string   // in URLs
	singular string   // in messages, as python-neutronclient has it
	command  string   // "net" of net-create
	argument string   // in help texts
	listed   []string // default columns of a list
}

func kindNetwork() kind {
	return kind{"networks", "network", "net", "NETWORK", []string{"id", "name", "tenant_id", "subnets"}}
}

func kindSubnet() kind {
	return kind{"subnets", "subnet", "subnet", "SUBNET", []string{"id", "name", "tenant_id", "cidr", "allocation_pools"}}
}

func kindPool() kind {
	return kind{"subnetpools", "subnetpool", "subnetpool", "SUBNETPOOL", []string{"id", "name", "tenant_id", "prefixes", "default_prefixlen", "address_scope_id", "is_default"}}
}

func kindPort() kind {
	return kind{"ports", "port", "port", "PORT", []string{"id", "name", "tenant_id", "mac_address", "fixed_ips"}}
}

func kindGroup() kind {
	return kind{"security-groups", "security_group", "security-group", "SECURITY_GROUP", []string{"id", "name", "tenant_id", "security_group_rules"}}
}

func kindRule() kind {
	return kind{"security-group-rules", "security_group_rule", "security-group-rule", "RULE", []string{
		"id", "security_group_id", "direction", "ethertype", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id",
	}}
}

// neutronCommand is the part of python-neutronclient that comes before Zun: the network,
// pool, subnet and port that containers use.
func (s *session) neutronCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "neutron",
		Short: "Manage Neutron's networks, subnets and ports, as the neutron command does",
		Long: `Manage Neutron's networks, subnetpools, subnets, ports and security groups with the
commands and options of the neutron command. The program takes these commands at top
level when it is called by the name neutron.`,
		Example: `  neutron net-create testnet
  neutron subnetpool-create --pool-prefix 10.2.0.0/16 testpool
  neutron subnet-create --subnetpool testpool --name testsubnet testnet 10.2.0.0/24`,
		Args: noSubcommand,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(
		s.neutronNetCreate(), s.neutronSubnetPoolCreate(), s.neutronSubnetCreate(), s.neutronPortCreate(),
		s.neutronGroupCreate(), s.neutronRuleCreate(),
	)
	for _, k := range []kind{kindNetwork(), kindSubnet(), kindPool(), kindPort(), kindGroup(), kindRule()} {
		command.AddCommand(s.neutronList(k), s.neutronShow(k), s.neutronDelete(k))
	}
	return command
}

// neutron returns the client of Neutron.
func (s *session) neutron() (*neutron.Client, error) {
	opened, err := s.cloud()
	if err != nil {
		return nil, err
	}
	return neutron.New(opened.session, neutron.Options{}), nil
}

var looksLikeID = regexp.MustCompile(`^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$`)

// resolve finds the one resource of that name or id.
func resolve(ctx context.Context, c *neutron.Client, k kind, ref string) (neutron.Record, error) {
	if ref == "" {
		return nil, usageErrorf("%s is empty", k.argument)
	}
	if looksLikeID.MatchString(ref) {
		found, err := c.FindRecords(ctx, k.plural, url.Values{"id": {ref}})
		if err != nil || len(found) == 1 {
			return one(found), err
		}
	}
	found, err := c.FindRecords(ctx, k.plural, url.Values{"name": {ref}})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, zun.Errorf(k.notFound(), "cannot find %s %s: there is none of that name or id in your sight", k.words(), ref)
	case len(found) > 1:
		ids := make([]string, len(found))
		for i, record := range found {
			ids[i] = fmt.Sprint(record["id"])
		}
		return nil, zun.Errorf(zun.CodeConflict, "cannot tell which %s %s is meant: say which id, %s", k.words(), ref, strings.Join(ids, " or "))
	}
	return found[0], nil
}

func one(records []neutron.Record) neutron.Record {
	if len(records) == 0 {
		return nil
	}
	return records[0]
}

func (k kind) words() string { return strings.ReplaceAll(k.singular, "_", " ") }

func (k kind) notFound() zun.Code {
	switch k.singular {
	case "network":
		return zun.CodeNetworkNotFound
	case "port":
		return zun.CodePortNotFound
	}
	return zun.CodeNotFound
}

// value is a field of a record, shown as python-neutronclient shows it: a list has a
// line for each item.
type value struct{ any }

// MarshalJSON writes the field as Neutron gave it.
func (v value) MarshalJSON() ([]byte, error) { return json.Marshal(v.any) }

// String returns the field for a table.
func (v value) String() string {
	raw, structured := v.any.(json.RawMessage)
	if !structured {
		return cell(v.any)
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return spaced(raw)
	}
	shown := make([]string, len(items))
	for i, item := range items {
		var text string
		if json.Unmarshal(item, &text) == nil {
			shown[i] = text
		} else {
			shown[i] = spaced(item)
		}
	}
	return strings.Join(shown, "\n")
}

// spaced is JSON as Python writes it, with blanks after commas and colons.
func spaced(raw json.RawMessage) string {
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return string(raw)
	}
	var b strings.Builder
	quoted, escaped := false, false
	for _, c := range compact.String() {
		b.WriteRune(c)
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ':'):
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func recordColumn(name string) column[neutron.Record] {
	return column[neutron.Record]{name: name, get: func(r neutron.Record) any { return value{r[name]} }}
}

// recordFields are all fields of the records, in the alphabet's order.
func recordFields(records ...neutron.Record) []string {
	var all []string
	for _, record := range records {
		for name := range record {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return all
}

func (s *session) showRecord(out *output, record neutron.Record) error {
	var columns []column[neutron.Record]
	for _, name := range recordFields(record) {
		columns = append(columns, recordColumn(name))
	}
	return writeShow(s.Stdout, out, columns, record)
}

// listRecords leaves the project out where every record is of the caller's.
func (s *session) listRecords(out *output, k kind, records []neutron.Record, project string) error {
	foreign := slices.ContainsFunc(records, func(r neutron.Record) bool { return r["tenant_id"] != project })
	names := slices.DeleteFunc(slices.Clone(k.listed), func(name string) bool { return name == "tenant_id" && !foreign })
	shown := len(names)
	for _, name := range recordFields(records...) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	columns := make([]column[neutron.Record], len(names))
	for i, name := range names {
		columns[i] = recordColumn(name)
		columns[i].extra = i >= shown
	}
	return writeList(s.Stdout, out, columns, records)
}

func (s *session) neutronList(k kind) *cobra.Command {
	command := &cobra.Command{
		Use: k.command + "-list", Short: "List " + strings.ReplaceAll(k.plural, "-", " "),
		Args: noArgs, ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := outputFlags(command)
	name := command.Flags().String("name", "", "only of this name")
	owner := command.Flags().String("tenant-id", "", "only of this project")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		c, err := s.neutron()
		if err != nil {
			return err
		}
		filter := url.Values{}
		for field, wanted := range map[string]string{"name": *name, "tenant_id": *owner} {
			if wanted != "" {
				filter.Set(field, wanted)
			}
		}
		records, err := c.FindRecords(command.Context(), k.plural, filter)
		if err != nil {
			return err
		}
		if err := tidy(command.Context(), c, k, records, out); err != nil {
			return err
		}
		project, err := s.opened.session.ProjectID(command.Context())
		if err != nil {
			return err
		}
		return s.listRecords(out, k, records, project)
	}
	return command
}

func (s *session) neutronShow(k kind) *cobra.Command {
	command := &cobra.Command{
		Use: k.command + "-show " + k.argument, Short: "Show a " + k.words(),
		Args: exactArgs(k.argument), ValidArgsFunction: s.completeRecords(k, 1),
	}
	out := outputFlags(command)
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		c, err := s.neutron()
		if err != nil {
			return err
		}
		record, err := resolve(command.Context(), c, k, args[0])
		if err != nil {
			return err
		}
		return s.showRecord(out, record)
	}
	return command
}

func (s *session) neutronDelete(k kind) *cobra.Command {
	command := &cobra.Command{
		Use: k.command + "-delete " + k.argument + "...", Short: "Delete " + strings.ReplaceAll(k.plural, "-", " "),
		Args: leastArgs(k.argument), ValidArgsFunction: s.completeRecords(k, 0),
	}
	command.RunE = func(command *cobra.Command, args []string) error {
		c, err := s.neutron()
		if err != nil {
			return err
		}
		var deleted []string
		var failures []error
		for _, ref := range args {
			id, err := requiredID(command.Context(), c, k, ref)
			if err == nil {
				err = c.DeleteRecord(command.Context(), k.plural, id)
			}
			if err != nil {
				failures = append(failures, err)
				continue
			}
			deleted = append(deleted, ref)
		}
		if len(deleted) > 0 {
			s.say("Deleted %s(s): %s", k.singular, strings.Join(deleted, ", "))
		}
		return severally(failures)
	}
	return command
}

func requiredID(ctx context.Context, c *neutron.Client, k kind, ref string) (string, error) {
	record, err := resolve(ctx, c, k, ref)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(record["id"]), nil
}

// creating runs a legacy creation: body reads flags and arguments into the request.
func (s *session) creating(command *cobra.Command, k kind, body func(ctx context.Context, c *neutron.Client, args []string) (neutron.Record, error)) *cobra.Command {
	out := outputFlags(command)
	if command.ValidArgsFunction == nil {
		command.ValidArgsFunction = cobra.NoFileCompletions
	}
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		c, err := s.neutron()
		if err != nil {
			return err
		}
		fields, err := body(command.Context(), c, args)
		if err != nil {
			return err
		}
		made, err := c.CreateRecord(command.Context(), k.plural, fields)
		if err != nil {
			return err
		}
		if out.format == "table" {
			s.say("Created a new %s:", k.singular)
		}
		return s.showRecord(out, made)
	}
	return command
}
