package network

import "net/http"

// version is an entry of OpenStack's version discovery.
type version struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Links  []link `json:"links"`
}

func listVersions(w http.ResponseWriter, req *http.Request) {
	send(w, jsonReply(http.StatusOK, map[string]any{
		"versions": []version{{ID: "v2.0", Status: "CURRENT", Links: []link{{"self", baseURL(req) + "/v2.0/"}}}},
	}))
}

// showVersion answers /v2.0 with the collections there are.
func showVersion(req *request) (*reply, error) {
	type collection struct {
		Name       string `json:"name"`
		Collection string `json:"collection"`
		Links      []link `json:"links"`
	}
	var list []collection
	for _, c := range []struct{ name, plural string }{
		{"network", "networks"},
		{"subnet", "subnets"},
		{"subnetpool", "subnetpools"},
		{"port", "ports"},
		{"security-group", "security-groups"},
		{"security-group-rule", "security-group-rules"},
		{"quota", "quotas"},
		{"extension", "extensions"},
		{"agent", "agents"},
	} {
		list = append(list, collection{c.name, c.plural, []link{{"self", req.base + "/v2.0/" + c.plural}}})
	}
	return jsonReply(http.StatusOK, map[string]any{"resources": list}), nil
}
