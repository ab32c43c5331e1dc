package network_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// answer serves one request without a network, as an administrator: nothing is refused
// for want of rights.
func answer(handler http.Handler, method, path, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, "http://neutron", strings.NewReader(body))
	req.URL = &url.URL{Scheme: "http", Host: "neutron"}
	req.URL.Path, req.URL.RawQuery, _ = strings.Cut(path, "?")
	req.Header.Set("X-Auth-Token", "demo:admin")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, req)
	return recorder
}

func FuzzBody(f *testing.F) {
	c := newCloud(f)
	net, _ := c.demo().net("10.0.0.0/24")
	port := c.demo().make("port", object{"network_id": id(net)})
	targets := []string{
		"POST /networks", "POST /subnets", "POST /subnetpools", "POST /ports", "POST /security-groups", "POST /security-group-rules",
		"PUT /networks/" + id(net), "PUT /ports/" + id(port), "PUT /networks/" + id(net) + "/tags", "PUT /quotas/demo",
	}
	for i, body := range []string{
		`{"network":{"name":"a","mtu":1500,"availability_zone_hints":[]}}`,
		`{"subnet":{"network_id":"` + id(net) + `","cidr":"10.1.0.0/24","allocation_pools":[{"start":"10.1.0.5","end":"10.1.0.9"}],"host_routes":[{"destination":"0.0.0.0/0","nexthop":"10.1.0.1"}]}}`,
		`{"subnetpool":{"name":"p","prefixes":["10.0.0.0/8","fd00::/8"],"default_quota":1}}`,
		`{"ports":[{"network_id":"` + id(net) + `","fixed_ips":[{"ip_address":"10.0.0.9"}],"allowed_address_pairs":[{"ip_address":"10.0.0.0/1"}]}]}`,
		`{"security_group":{"name":""}}`,
		`{"security_group_rule":{"security_group_id":"x","direction":"ingress","protocol":6,"port_range_min":1e9}}`,
		`{"network":{"shared":1}}`,
		`{"port":{"fixed_ips":[{}],"binding:profile":{"a":[1e400]},"mac_address":null}}`,
		`{"tags":["a","a"]}`,
		`{"quota":{"port":-2}}`,
	} {
		f.Add(i, body)
	}
	handler := c.service.Handler()
	f.Fuzz(func(t *testing.T, target int, body string) {
		method, path, _ := strings.Cut(targets[uint(target)%uint(len(targets))], " ")
		if got := answer(handler, method, "/v2.0"+path, body); got.Code >= 500 {
			t.Errorf("%s %s %q: %d %s", method, path, body, got.Code, got.Body)
		}
	})
}

func FuzzQuery(f *testing.F) {
	c := newCloud(f)
	net, _ := c.demo().net("10.0.0.0/24")
	c.demo().make("port", object{"network_id": id(net), "tags": []string{"a"}})
	kinds := []string{"networks", "subnets", "subnetpools", "ports", "security-groups", "security-group-rules", "agents", "quotas/x", "extensions/y"}
	for i, query := range []string{
		"name=a&name=&fields=id", "limit=1&marker=x&page_reverse=true", "sort_key=cidr&sort_dir=desc&ip_version=4", "fixed_ips=ip_address=::1&tags=a,b&not-tags=&mac_address=FA-16-3E-00-00-00",
		"limit=-1", "%zz", "sort_key=fixed_ips&sort_dir=asc", "revision_number=1&shared=1",
	} {
		f.Add(i, query)
	}
	handler := c.service.Handler()
	f.Fuzz(func(t *testing.T, kind int, query string) {
		path := "/v2.0/" + kinds[uint(kind)%uint(len(kinds))] + "?" + query
		if got := answer(handler, "GET", path, ""); got.Code >= 500 {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	})
}
