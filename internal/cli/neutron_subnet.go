package cli

import (
	"context"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/internal/neutron"
)

// subnetFlags are the parts of subnet-create that are more than a field each.
type subnetFlags struct {
	pool            string
	noGateway       bool
	allocation      []string
	routes          []string
	ipVersion       int
	dhcpOn, dhcpOff bool
}

func (s *session) neutronSubnetCreate() *cobra.Command {
	command := &cobra.Command{
		Use: "subnet-create NETWORK [CIDR]", Short: "Make a subnet of a network",
		Example: `  neutron subnet-create --name testsubnet testnet 10.2.0.0/24
  neutron subnet-create --subnetpool testpool --name testsubnet testnet 10.2.0.0/24
  neutron subnet-create --subnetpool testpool --prefixlen 26 testnet`,
		Args:              subnetArgs,
		ValidArgsFunction: s.completeRecords(kindNetwork(), 1),
	}
	var more subnetFlags
	f := newFields(command)
	f.common()
	f.text("name", "name", "its name")
	f.text("gateway", "gateway_ip", "the gateway's address (default: the first)")
	f.number("prefixlen", "prefixlen", "prefix length, out of a subnetpool")
	f.texts("dns-nameserver", "dns_nameservers", "name server for its guests, repeatable")
	flags := command.Flags()
	flags.StringVar(&more.pool, "subnetpool", "", "subnetpool to take it from, name or id")
	flags.BoolVar(&more.noGateway, "no-gateway", false, "without a gateway")
	flags.StringArrayVar(&more.allocation, "allocation-pool", nil, "addresses to give out, start=IP,end=IP, repeatable")
	flags.StringArrayVar(&more.routes, "host-route", nil, "route for its guests, destination=CIDR,nexthop=IP, repeatable")
	flags.IntVar(&more.ipVersion, "ip-version", 0, "4 or 6 (default: the CIDR's, else 4)")
	flags.BoolVar(&more.dhcpOn, "enable-dhcp", false, "with DHCP (default)")
	flags.BoolVar(&more.dhcpOff, "disable-dhcp", false, "without DHCP")
	command.MarkFlagsMutuallyExclusive("gateway", "no-gateway")
	command.MarkFlagsMutuallyExclusive("enable-dhcp", "disable-dhcp")
	return s.creating(command, kindSubnet(), func(ctx context.Context, c *neutron.Client, args []string) (neutron.Record, error) {
		body := f.body()
		if err := more.read(body, args[1:]); err != nil {
			return nil, err
		}
		var err error
		if body["network_id"], err = requiredID(ctx, c, kindNetwork(), args[0]); err != nil {
			return nil, err
		}
		if more.pool != "" {
			if body["subnetpool_id"], err = requiredID(ctx, c, kindPool(), more.pool); err != nil {
				return nil, err
			}
		}
		return body, nil
	})
}

func subnetArgs(command *cobra.Command, args []string) error {
	if len(args) > 2 {
		return usageErrorf("%s: %q is one argument too many", command.Name(), args[2])
	}
	return leastArgs("NETWORK")(command, args)
}

// read adds to the body what needs no request.
func (f *subnetFlags) read(body neutron.Record, cidr []string) error {
	if len(cidr) == 0 && f.pool == "" {
		return usageErrorf("subnet-create needs a CIDR, like 10.2.0.0/24, or --subnetpool")
	}
	body["ip_version"] = 4
	if len(cidr) == 1 {
		prefix, err := netip.ParsePrefix(cidr[0])
		if err != nil {
			return usageErrorf("%q is no CIDR, which looks like 10.2.0.0/24", cidr[0])
		}
		body["cidr"] = cidr[0]
		if prefix.Addr().Is6() {
			body["ip_version"] = 6
		}
	}
	if f.ipVersion != 0 {
		if f.ipVersion != 4 && f.ipVersion != 6 || len(cidr) == 1 && body["ip_version"] != f.ipVersion {
			return usageErrorf("--ip-version %d does not fit", f.ipVersion)
		}
		body["ip_version"] = f.ipVersion
	}
	if f.noGateway {
		body["gateway_ip"] = nil
	}
	if f.dhcpOn || f.dhcpOff {
		body["enable_dhcp"] = f.dhcpOn
	}
	if err := readPairs(body, "allocation_pools", "--allocation-pool", f.allocation, "start", "end"); err != nil {
		return err
	}
	return readPairs(body, "host_routes", "--host-route", f.routes, "destination", "nexthop")
}

// readPairs reads "start=IP,end=IP" into an object each, with all keys given.
func readPairs(body neutron.Record, field, flag string, texts []string, keys ...string) error {
	var all []map[string]string
	for _, text := range texts {
		object, err := keyValues(flag, text, keys...)
		if err != nil {
			return err
		}
		if len(object) != len(keys) {
			return usageErrorf("%s %s: it looks like %s=…,%s=…", flag, text, keys[0], keys[1])
		}
		all = append(all, object)
	}
	if len(all) > 0 {
		body[field] = all
	}
	return nil
}

// keyValues reads "key=value" pairs between commas.
func keyValues(flag, text string, keys ...string) (map[string]string, error) {
	object := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		key, value, found := strings.Cut(part, "=")
		known := false
		for _, k := range keys {
			known = known || k == key
		}
		if !found || !known || value == "" {
			return nil, usageErrorf("%s %s: %q is none of %s=…", flag, text, part, strings.Join(keys, "=…, "))
		}
		object[key] = value
	}
	return object, nil
}
