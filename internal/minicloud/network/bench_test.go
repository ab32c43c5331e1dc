package network_test

import (
	"fmt"
	"testing"
)

func benchCloud(b *testing.B, ports int) (*cloud, string) {
	b.Helper()
	c := newCloud(b)
	admin := user{c, "demo:admin"}
	admin.must("PUT", "/quotas/demo", object{"quota": object{"port": -1}})
	net, _ := admin.net("10.0.0.0/8")
	one := make([]object, ports)
	for i := range one {
		one[i] = object{"network_id": id(net), "name": fmt.Sprintf("port-%d", i)}
	}
	if ports > 0 {
		if status, answer := admin.call("POST", "/ports", object{"ports": one}); status != 201 {
			b.Fatal(answer)
		}
	}
	return c, id(net)
}

func BenchmarkPostPort(b *testing.B) {
	c, net := benchCloud(b, 0)
	handler := c.service.Handler()
	body := fmt.Sprintf(`{"port":{"network_id":%q,"device_owner":"compute:kuryr","binding:host_id":%q}}`, net, "elsewhere")
	b.ReportAllocs()
	for b.Loop() {
		if got := answer(handler, "POST", "/v2.0/ports", body); got.Code != 201 {
			b.Fatal(got.Body)
		}
	}
}

func BenchmarkListThousandPorts(b *testing.B) {
	c, _ := benchCloud(b, 1000)
	handler := c.service.Handler()
	for name, path := range map[string]string{
		"all": "/v2.0/ports", "one by address": "/v2.0/ports?fixed_ips=ip_address=10.0.3.1", "ids": "/v2.0/ports?fields=id",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := answer(handler, "GET", path, ""); got.Code != 200 {
					b.Fatal(got.Body)
				}
			}
		})
	}
}
