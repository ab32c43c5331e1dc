package network

import "net/http"

// extension is a part of the API that a client may ask for before it uses it.
type extension struct {
	Alias       string   `json:"alias"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Updated     string   `json:"updated"`
	Links       []string `json:"links"`
}

// extensions lists what this Neutron really does.
func extensions() []extension {
	var list []extension
	for _, e := range []struct{ alias, name, does string }{
		{"agent", "Agents", "Lists the one agent of this host"},
		{"allowed-address-pairs", "Allowed address pairs", "Ports may send from further addresses"},
		{"binding", "Port binding", "Ports are bound to hosts, for administrators and services"},
		{"default-subnetpools", "Default subnetpools", "One subnetpool of each IP version may be the default"},
		{"empty-string-filtering", "Empty string filtering", "An empty filter value finds empty attributes"},
		{"external-net", "External networks", "The router:external attribute of networks"},
		{"extra_dhcp_opt", "Extra DHCP options", "Keeps DHCP options of ports"},
		{"filter-validation", "Filter validation", "Unknown filters are refused"},
		{"ip-substring-filtering", "IP address substring filtering", "Finds ports by a part of an address"},
		{"net-mtu", "Network MTU", "Shows the MTU of networks"},
		{"net-mtu-writable", "Writable network MTU", "The MTU of networks may be set"},
		{"pagination", "Pagination", "Lists in pages"},
		{"port-security", "Port security", "Port security may be turned off"},
		{"project-id", "Project id", "Shows tenant_id as project_id too"},
		{"provider", "Provider network", "Shows administrators how networks are realised"},
		{"quota_details", "Quota details", "Shows how much of a quota is used"},
		{"quotas", "Quotas", "Limits of projects, changed by administrators"},
		{"revision-if-match", "If-Match", "Changes may be bound to a revision number"},
		{"security-group", "Security groups", "Groups of rules for the traffic of ports"},
		{"security-groups-normalized-cidr", "Normalized CIDR", "Shows the network of a rule's remote prefix"},
		{"security-groups-remote-address-group", "Remote address group", "The attribute is there and always null"},
		{"sort-key-validation", "Sort key validation", "Unknown sort keys are refused"},
		{"sorting", "Sorting", "Lists in the order asked for"},
		{"standard-attr-description", "Descriptions", "Objects have descriptions"},
		{"standard-attr-revisions", "Revision numbers", "Objects count their changes"},
		{"standard-attr-tag", "Tags", "Objects have tags"},
		{"standard-attr-timestamp", "Timestamps", "Objects show when they were made and changed"},
		{"subnet-service-types", "Subnet service types", "Subnets may be for certain ports only"},
		{"subnet_allocation", "Subnet allocation", "Subnets are cut from subnetpools"},
		{"tag-ports-during-bulk-creation", "Tags of new ports", "New ports may have tags at once"},
	} {
		// The list is as old as this service: no client looks at the date.
		list = append(list, extension{e.alias, e.name, e.does, "2026-11-23T00:00:00-00:00", []string{}})
	}
	return list
}

func listExtensions(*request) (*reply, error) {
	return jsonReply(http.StatusOK, map[string]any{"extensions": extensions()}), nil
}

func showExtension(req *request) (*reply, error) {
	for _, e := range extensions() {
		if e.Alias == req.id {
			return jsonReply(http.StatusOK, map[string]any{"extension": e}), nil
		}
	}
	return nil, notFound("HTTPNotFound", "Extension with alias %s does not exist", shown(req.id))
}
