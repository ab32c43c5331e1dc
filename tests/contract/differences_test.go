package contract

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// difference is one that is wanted. Where it matches a step's line and the line that
// compare says, nothing is wrong.
type difference struct {
	subject  string // for people, as are the next three
	theirs   string // what Keystone or Neutron does
	ours     string
	why      string
	step     string // regexp; "" is any
	line     string // regexp
	optional bool   // real clouds differ in it: it need not be met
}

func differences() []difference {
	return append(networkDifferences(), identityDifferences()...)
}

func networkDifferences() []difference {
	return []difference{
		{
			subject: "MTU, type and segment of a network", theirs: "1450, `vxlan` (or what the operator chose), a number",
			ours: "1500, `local`, null", why: "one host needs no tunnels",
			line: `^(value|type) .*\.(mtu|provider:network_type|provider:segmentation_id): `,
		},
		{
			subject: "`is_default` in the answer to a new network", theirs: "there, and nowhere else", ours: "absent",
			why: "it belongs to auto-allocated topologies, which are not here", line: `^missing .*\.is_default: `,
		},
		{
			subject: "revision numbers", theirs: "begin with 0 or 1 and may rise by more than one", ours: "begin with 1 and count changes",
			why: "clients may only compare them for equality", line: `^value .*\.revision_number: `,
		},
		{
			subject: "default gateway of an IPv6 subnet", theirs: "the network address itself, `fd00::`", ours: "the first address, `fd00::1`",
			why:  "the data plane's router answers there, and Linux keeps `::` for anycast",
			line: `^value .*\.(gateway_ip|allocation_pools\[\]\.start): Neutron's "fd00:.*::1?", ours "fd00:.*::[12]"$`,
		},
		{
			subject: "a port with the gateway's address, a gateway with a port's address", theirs: "allowed", ours: "409",
			why:  "there the router is a port like others; here the subnet's gateway always answers",
			step: `"ip_address":"10\.1\.0\.1"|"gateway_ip":"10\.1\.0\.77"`, line: `^(status|error): .*`,
		},
		{
			subject: "a gateway outside of its subnet", theirs: "allowed", ours: "400 InvalidInput",
			why: "the data plane's router answers on the subnet", step: `"gateway_ip":"10\.4\.0\.1"`, line: `^(status|error): `,
		},
		{
			subject: "an IPv4 /31 without DHCP", theirs: "409 IpamValueInvalid", ours: "a subnet, the gateway of which is the second address",
			why: "nothing speaks against it", step: `10\.1\.1\.0/31`, line: `^(status|error): `,
		},
		{
			subject: "an MTU below 68, a multicast MAC address", theirs: "taken", ours: "400",
			why: "the kernel refuses them when the port is plugged", step: `"mtu":60|01:00:5e`, line: `^(status|error): `,
		},
		{
			subject: "how a MAC address is written", theirs: "as in the request", ours: "with colons",
			why: "two ways to write one address must not be two addresses", step: `fa-16-3e`, line: `^value .*\.mac_address: `,
		},
		{
			subject: "subnets and tags on somebody else's shared network", theirs: "allowed", ours: "403",
			why:  "seeing a network should not allow to change it (Neutron has mended the tags since)",
			step: `^demo (POST /v2\.0/subnets .*10\.2\.0\.0/24|PUT /v2\.0/networks/<c>/tags)`, line: `^(status|error): .*PolicyNotAuthorized|^status: Neutron's 201, ours 403`,
		},
		{
			subject: "a pool that cannot give the subnet asked for", theirs: "**500** with SubnetAllocationError", ours: "409 with the same type",
			why: "it is the user's doing, not a failure", line: `^status: Neutron's 500, ours 409$`,
		},
		{
			subject: "the answer to a changed subnetpool", theirs: "prefix lengths as numbers (elsewhere as text), null attributes left out", ours: "as everywhere else",
			why: "an accident of Neutron", step: `^demo PUT /v2\.0/subnetpools`, line: `^(type .*_prefixlen|extra .*\.(address_scope_id|default_quota)): `,
		},
		{
			subject: "rules in the answer to a security group", theirs: "also `tags` (always empty) and `standard_attr_id` (a database key)", ours: "as rules look elsewhere",
			why: "an accident of Neutron", line: `^missing .*\.security_group_rules\[\]\.(tags|standard_attr_id): `,
		},
		{
			subject: "`tags` in the body of a new port", theirs: "heeded where ML2's extension driver tag_ports_during_bulk_creation is on, else ignored", ours: "heeded",
			why: "the extension is listed, which tells clients", step: `"tags":\[|^demo GET /v2\.0/ports`, line: `^length .*\.?tags: `, optional: true,
		},
		{
			subject: "`bound_drivers` in `binding:vif_details`", theirs: "the mechanism driver's name", ours: "absent",
			why: "there are no mechanism drivers", line: `^missing .*bound_drivers: `,
		},
		{
			subject: "an `If-Match` that cannot be read, a filter `fixed_ips=color=…`", theirs: "ignored", ours: "400",
			why: "a condition that is not understood must not be taken for true", step: `If-Match:rubbish|fixed_ips=color`, line: `^(status|error): `,
		},
		{
			subject: "an empty `fields=`", theirs: "objects without attributes", ours: "all attributes", why: "old clients send it so",
			step: `&fields=$`, line: `^extra `,
		},
		{
			subject: "quotas", theirs: "also routers, floating IPs, trunks, RBAC policies", ours: "only of what there is",
			why: "the others are not here", line: `^missing \$\.quota\.(trunk|router|rbac_policy|floatingip): `,
		},
		{
			subject: "what an agent says of itself", theirs: "its configuration", ours: "nothing", why: "there is nothing to configure",
			line: `^missing .*\.agents\[\]\.(configurations\.|resources_synced)`,
		},
		{
			subject: "PUT and DELETE of a whole collection, PUT of a security group rule", theirs: "404 or 400", ours: "405 with `Allow`",
			why: "it says more", step: `^demo (PUT|DELETE) /v2\.0/(networks( |$)|security-group-rules)`, line: `^(status|error): `,
		},
		{
			subject: "the body of a 404 for a path or an extension that is not there", theirs: "forms of its own", ours: "NeutronError, as everywhere",
			why: "clients read one form", step: `/extensions/no-such|net:/v1`, line: `^(error|missing|extra)`,
		},
	}
}

func identityDifferences() []difference {
	return []difference{
		{
			subject: "Keystone's 404 and 405 outside of its API", theirs: "HTML, or without `error`", ours: "`error`, as everywhere",
			why: "clients read one form", step: `id:/|/no/such|PUT /v3/projects$`, line: `^(error|type|missing|extra)`,
		},
		{
			subject: "a login with an unknown method", theirs: "also lists the methods there are", ours: "names them in the message",
			why: "no client reads the list", step: `magic`, line: `^missing \$\.error\.identity`,
		},
		{
			subject: "`extra` in the answer to a changed user or project", theirs: "an empty object", ours: "absent",
			why: "an accident of Keystone", step: `^admin PATCH`, line: `^missing .*\.extra: `,
		},
		{
			subject: "`options.immutable` of the roles that are there from the start", theirs: "true", ours: "absent, though they are",
			why: "no client reads it", line: `^missing .*\.options\.immutable: `,
		},
		{
			subject: "`default_project_id` of the first users", theirs: "absent", ours: "their project", why: "their tokens then need no scope",
			step: `^admin GET~ /v3/users`, line: `^extra .*\.default_project_id: `,
		},
	}
}

// deliberate returns the index of the difference that explains a line, or -1.
func deliberate(step, line string) int {
	for i, d := range differences() {
		if regexp.MustCompile(d.step).MatchString(step) && regexp.MustCompile(d.line).MatchString(line) {
			return i
		}
	}
	return -1
}

const differencesDoc = "../../docs/minicloud-differences.md"

// TestDifferencesAreDocumented keeps the page for people equal to the table.
func TestDifferencesAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Where minicloud differs

The embedded Keystone and Neutron answer as Keystone 22 and Neutron 21 (ML2 with the Linux bridge agent) do: same status, same
error type, same attributes with the same values. ` + "`tests/contract`" + ` sends both the same requests and compares. What follows is
all that differs on purpose; ` + "`go test ./tests/contract -update`" + ` writes this page from the suite's table.

| what | Keystone, Neutron | minicloud | why |
|---|---|---|---|
`)
	for _, d := range differences() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.subject, d.theirs, d.ours, d.why)
	}
	if *update {
		if err := os.WriteFile(differencesDoc, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(differencesDoc)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != b.String() {
		t.Error("docs/minicloud-differences.md is not what the table says: go test ./tests/contract -update")
	}
}
