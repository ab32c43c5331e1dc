package api

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gozun/gozun/zun"
)

func TestCreateNetwork(t *testing.T) {
	for body, want := range map[string]zun.NetworkRequest{
		`{"name":"n1","neutron_net":"testnet"}`: {Name: "n1", NeutronNet: "testnet"},
		`{"name":"n1","neutron_net":"testnet","neutron_pool":"testpool","neutron_subnet":"testsubnet"}`: {
			Name: "n1", NeutronNet: "testnet", NeutronPool: "testpool", NeutronSubnets: []string{"testsubnet"},
		},
		`{"name":"n1","neutron_net":"testnet","neutron_subnet":["a","b"],"subnet":null}`: {
			Name: "n1", NeutronNet: "testnet", NeutronSubnets: []string{"a", "b"},
		},
		`{"name":"n1","subnet":"10.2.0.0/24"}`: {Name: "n1", CIDR: netip.MustParsePrefix("10.2.0.0/24")},
		`{"name":"n1","subnet":"fd00::/64","neutron_net":null,"neutron_subnet":[]}`: {
			Name: "n1", CIDR: netip.MustParsePrefix("fd00::/64"),
		},
	} {
		f := newFixture(t)
		a := f.do("POST", "/v1/networks", body, version("1.41"))
		if a.status != 201 {
			t.Errorf("%s: %d %s", body, a.status, a.text)
			continue
		}
		if diff := cmp.Diff(want, f.memory.network, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
		object := f.object(a)
		if got := "http://zun:9517/v1/networks/" + object["uuid"].(string); got != a.header.Get("Location") || object["links"] == nil {
			t.Errorf("%s: Location %s, %v", body, a.header.Get("Location"), object)
		}
	}
}

func TestBadCreateNetwork(t *testing.T) {
	f := newFixture(t)
	for body, test := range map[string]struct {
		status int
		detail string
	}{
		`{}`:                                     {400, "'name' is a required property"},
		`{bad`:                                   {400, "'name' is a required property (the request body is not a JSON object and was ignored)"},
		`{"name":"n"}`:                           {400, "field 'name'"},
		`{"name":"n1"}`:                          {400, "give neutron_net, or subnet"},
		`{"name":"` + netID + `"}`:               {400, "must not look like a UUID"},
		`{"name":"a b","neutron_net":"n"}`:       {400, "field 'name'"},
		`{"name":"n1","neutron_net":""}`:         {400, "field 'neutron_net'"},
		`{"name":"n1","neutron_net":["n"]}`:      {400, "field 'neutron_net'"},
		`{"name":"n1","neutron_net_id":"n"}`:     {400, "('neutron_net_id' was unexpected)"},
		`{"name":"n1","subnet":"10.2.0.0"}`:      {400, "must be a CIDR"},
		`{"name":"n1","subnet":"10.2.0.1/24"}`:   {400, "did you mean 10.2.0.0/24?"},
		`{"name":"n1","subnet":"300.2.0.0/24"}`:  {400, "must be a CIDR"},
		`{"name":"n1","neutron_subnet":[5]}`:     {400, "field 'neutron_subnet'"},
		`{"name":"foo","neutron_net":"testnet"}`: {409, "the name is taken"},
		`{"name":"n1","subnet":"10.2.0.0/24","neutron_net":"testnet"}`:   {400, "cannot be given with it"},
		`{"name":"n1","subnet":"10.2.0.0/24","neutron_pool":"testpool"}`: {400, "cannot be given with it"},
		`{"name":"n1","neutron_net":"n","made":["network"]}`:             {400, "was unexpected"},
	} {
		a := f.do("POST", "/v1/networks", body, version("1.41"))
		if a.status != test.status || !strings.Contains(f.problem(a).Detail, test.detail) {
			t.Errorf("%s: %d %s", body, a.status, a.text)
		}
	}
	if a := f.do("POST", "/v1/networks", `{"name":"n1"}`, version("1.41"), "Content-Type: text/plain"); a.status != 415 {
		t.Errorf("text/plain: %d", a.status)
	}
}

func TestShowNetwork(t *testing.T) {
	f := newFixture(t)
	f.memory.networks[0].Network = zun.Network{
		ID: netID, Name: "foo", ProjectID: "p", UserID: "u", NeutronNetID: neutronID, NeutronPoolID: "pool", MTU: 1450,
		Subnets: []zun.Subnet{
			{ID: subnetID, Name: "s4", CIDR: netip.MustParsePrefix("10.2.0.0/24"), Gateway: netip.MustParseAddr("10.2.0.1"), PoolID: "pool"},
			{ID: "s6", CIDR: netip.MustParsePrefix("fd00::/64")},
		},
		Made:   zun.Made{NetworkID: neutronID, PoolID: "pool", SubnetIDs: []string{subnetID}},
		Status: zun.NetworkError, StatusReason: "because", CreatedAt: noon,
	}
	want := map[string]any{
		"uuid": netID, "name": "foo", "project_id": "p", "user_id": "u", "neutron_net_id": neutronID, "neutron_pool_id": "pool",
		"links": []any{
			map[string]any{"href": "http://zun:9517/v1/networks/" + netID, "rel": "self"},
			map[string]any{"href": "http://zun:9517/networks/" + netID, "rel": "bookmark"},
		},
		"subnets": []any{
			map[string]any{"id": subnetID, "name": "s4", "cidr": "10.2.0.0/24", "gateway_ip": "10.2.0.1", "ip_version": 4.0, "subnetpool_id": "pool"},
			map[string]any{"id": "s6", "name": "", "cidr": "fd00::/64", "gateway_ip": nil, "ip_version": 6.0, "subnetpool_id": nil},
		},
		"shared": false, "mtu": 1450.0, "made": []any{"network", "subnetpool", "subnet"}, "status": "Error", "status_reason": "because",
		"attachments": []any{map[string]any{
			"container_uuid": runningID, "container_name": "web", "port_id": portID, "mac_address": "fa:16:3e:00:00:01",
			"addresses": []any{
				map[string]any{"addr": "10.2.0.5", "version": 4.0, "subnet_id": subnetID},
				map[string]any{"addr": "fd00::5", "version": 6.0, "subnet_id": subnetID},
			},
		}},
		"created_at": "2026-11-23 12:00:00", "updated_at": nil,
	}
	for _, ref := range []string{"foo", netID, "/foo/"} {
		if diff := cmp.Diff(want, f.object(f.do("GET", "/v1/networks/"+ref, "", version("1.41")))); diff != "" {
			t.Errorf("%s: %s", ref, diff)
		}
	}
	delete(want, "links")
	list := f.object(f.do("GET", "/v1/networks", "", version("1.41")))
	if diff := cmp.Diff(map[string]any{"networks": []any{want}, "next": nil}, list); diff != "" {
		t.Error(diff)
	}
	if a := f.do("GET", "/v1/networks/bar", "", version("1.41")); a.status != 404 {
		t.Errorf("unknown: %d", a.status)
	}
}

func TestListNetworksTakesFilters(t *testing.T) {
	f := newFixture(t)
	a := f.do("GET", "/v1/networks?name=n&neutron_net_id=x&status=Active&limit=1&sort_key=name&sort_dir=desc&all_projects=1", "",
		version("1.41"), "X-Auth-Token: admin")
	want := "network-list {Name:n NeutronNetID:x Status:Active AllProjects:true Page:{Limit:1 Marker: SortKey:name Desc:true}}"
	if diff := cmp.Diff([]string{want}, f.memory.asked); a.status != 200 || diff != "" {
		t.Errorf("%d %s", a.status, diff)
	}
	next := "http://zun:9517/v1/networks?sort_key=name&sort_dir=desc&limit=1&marker=" + netID + "&all_projects=True&name=n&neutron_net_id=x&status=Active"
	if got := f.object(a)["next"]; got != next {
		t.Errorf("next %v", got)
	}
	for query, status := range map[string]int{"all_projects=1": 403, "bogus=1": 400, "limit=0": 400} {
		if a := f.do("GET", "/v1/networks?"+query, "", version("1.41")); a.status != status {
			t.Errorf("%s: %d", query, a.status)
		}
	}
}

func TestDeleteNetwork(t *testing.T) {
	f := newFixture(t)
	a := f.do("DELETE", "/v1/networks/foo", "", version("1.41"))
	if p := f.problem(a); a.status != 409 || p.Code != "container.network-in-use" || !strings.Contains(p.Detail, "web is on it") {
		t.Errorf("%d %+v", a.status, p)
	}
	f.memory.networks[0].Holders = nil
	if a := f.do("DELETE", "/v1/networks/foo", "", version("1.41")); a.status != 204 || a.text != "" {
		t.Errorf("%d %s", a.status, a.text)
	}
	if a := f.do("DELETE", "/v1/networks/foo?force=1", "", version("1.41")); a.status != 400 {
		t.Errorf("unknown parameter: %d", a.status)
	}
}

func TestNetworksUpTo140AreZuns(t *testing.T) {
	f := newFixture(t)
	const body = `{"name":"n1","neutron_net_id":"` + neutronID + `"}`
	if a := f.do("POST", "/v1/networks", body, version("1.40")); a.status != 403 {
		t.Errorf("user: %d", a.status)
	}
	a := f.do("POST", "/v1/networks", body, version("1.40"), "X-Auth-Token: admin")
	want := map[string]any{
		"uuid": "00000001-0000-4000-a000-000000000000", "name": "n1", "project_id": "p", "user_id": "u",
		"network_id": neutronID, "neutron_net_id": neutronID,
	}
	if diff := cmp.Diff(want, f.object(a)); a.status != 200 || diff != "" {
		t.Errorf("%d %s", a.status, diff)
	}
	for target, status := range map[string]int{
		"/v1/networks/" + neutronID: 204, "/v1/networks//" + neutronID: 204, "/v1/networks?neutron_net_id=" + neutronID: 204, "/v1/networks": 400,
	} {
		if a := f.do("DELETE", target, "", version("1.27"), "X-Auth-Token: admin"); a.status != status {
			t.Errorf("%s: %d %s", target, a.status, a.text)
		}
	}
	if a := f.do("POST", "/v1/networks", `{"name":"n1"}`, version("1.1"), "X-Auth-Token: admin"); a.status != 400 {
		t.Errorf("without neutron_net_id: %d", a.status)
	}
}
