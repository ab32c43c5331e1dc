package network_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWorkflow(t *testing.T) {
	c := newCloud(t)
	demo := c.demo()
	net := demo.make("network", object{"name": "testnet", "admin_state_up": true})
	pool := demo.make("subnetpool", object{"name": "testpool", "prefixes": []string{"10.2.0.0/16"}})
	sub := demo.make("subnet", object{"network_id": id(net), "ip_version": 4, "cidr": "10.2.0.0/24", "subnetpool_id": id(pool), "name": "testsubnet"})
	if sub["gateway_ip"] != "10.2.0.1" || sub["subnetpool_id"] != id(pool) || sub["cidr"] != "10.2.0.0/24" {
		t.Errorf("subnet %v", sub)
	}
	want := []any{object{"start": "10.2.0.2", "end": "10.2.0.254"}}
	if diff := cmp.Diff(want, sub["allocation_pools"]); diff != "" {
		t.Error(diff)
	}
	port := demo.make("port", object{"network_id": id(net), "tags": []string{"b", "a"}})
	if diff := cmp.Diff([]string{"10.2.0.2"}, addressesOf(port)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"a", "b"}, port["tags"]); diff != "" {
		t.Error(diff)
	}
	if _, shown := port["binding:host_id"]; shown {
		t.Error("an ordinary user sees binding:host_id")
	}
	shown := demo.must("GET", "/networks/"+id(net), nil)
	if diff := cmp.Diff([]any{id(sub)}, shown["subnets"]); diff != "" {
		t.Error(diff)
	}
	demo.refuses("DELETE", "/networks/"+id(net), nil, 409, "NetworkInUse", id(port))
	demo.must("DELETE", "/ports/"+id(port), nil)
	demo.refuses("DELETE", "/subnetpools/"+id(pool), nil, 400, "SubnetPoolDeleteError", "existing allocations")
	demo.must("DELETE", "/networks/"+id(net), nil)
	demo.must("DELETE", "/subnetpools/"+id(pool), nil)
	if rows := demo.list("/subnets"); len(rows) != 0 {
		t.Errorf("subnets left: %v", rows)
	}
}
