package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// TestAdminCalls: each call asks for the right thing and understands the answer.
func TestAdminCalls(t *testing.T) {
	ctx := t.Context()
	for _, test := range []struct {
		asked, answer string
		call          func(c *client.Client) (any, error)
		want          any
	}{
		{
			"GET /v1/hosts?limit=2&sort_key=cpus ", `{"hosts":[{"uuid":"u1","hostname":"h1","mem_total":8192,"cpu_used":1.5,"labels":{"a":"b"},"runtimes":["runc"]}],"next":null}`,
			func(c *client.Client) (any, error) {
				return c.ListHosts(ctx, client.Page{Limit: 2, SortKey: "cpus"})
			},
			[]client.Host{{UUID: "u1", Hostname: "h1", MemTotal: 8192, CPUUsed: 1.5, Labels: map[string]string{"a": "b"}, Runtimes: []string{"runc"}}},
		},
		{
			"GET /v1/hosts/h%2F1 ", `{"uuid":"u1","disk_total":80}`,
			func(c *client.Client) (any, error) { return c.GetHost(ctx, "h/1") },
			client.Host{UUID: "u1", DiskTotal: 80},
		},
		{
			"GET /v1/services ", `{"services":[{"id":1,"host":"h1","binary":"zun-compute","state":"up","disabled_reason":null,"report_count":3}]}`,
			func(c *client.Client) (any, error) { return c.ListServices(ctx) },
			[]client.Service{{ID: 1, Host: "h1", Binary: "zun-compute", State: "up", ReportCount: 3}},
		},
		{
			"PUT /v1/services/enable?binary=zun-compute&host=h1 ", `{"service":{"host":"h1","binary":"zun-compute","disabled":false,"disabled_reason":null}}`,
			func(c *client.Client) (any, error) { return c.EnableService(ctx, "h1", zun.BinaryCompute) },
			client.Service{Host: "h1", Binary: "zun-compute"},
		},
		{
			"PUT /v1/services/disable?binary=zun-compute&disabled_reason=new+disk&host=h1 ", `{"service":{"host":"h1","binary":"zun-compute","disabled":true,"disabled_reason":"new disk"}}`,
			func(c *client.Client) (any, error) {
				return c.DisableService(ctx, "h1", zun.BinaryCompute, "new disk")
			},
			client.Service{Host: "h1", Binary: "zun-compute", Disabled: true, DisabledReason: "new disk"},
		},
		{
			"PUT /v1/services/disable?binary=zun-compute&host=h1 ", `{"service":{"host":"h1","disabled":true}}`,
			func(c *client.Client) (any, error) { return c.DisableService(ctx, "h1", zun.BinaryCompute, "") },
			client.Service{Host: "h1", Disabled: true},
		},
		{
			"PUT /v1/services/force_down?binary=zun-compute&forced_down=true&host=h1 ", `{"service":{"host":"h1","binary":"zun-compute","forced_down":true}}`,
			func(c *client.Client) (any, error) { return c.ForceDownService(ctx, "h1", zun.BinaryCompute, true) },
			client.Service{Host: "h1", Binary: "zun-compute", ForcedDown: true},
		},
		{
			"DELETE /v1/services?binary=zun-compute&host=h1 ", "null",
			func(c *client.Client) (any, error) { return nil, c.DeleteService(ctx, "h1", zun.BinaryCompute) }, nil,
		},
		{
			"GET /v1/availability_zones ", `{"availability_zones":[{"availability_zone":"nova"}],"next":null}`,
			func(c *client.Client) (any, error) { return c.ListAvailabilityZones(ctx) },
			[]client.AvailabilityZone{{Name: "nova"}},
		},
		{
			"GET /v1/quotas/p ", `{"containers":40,"memory":51200,"disk":100,"cpu":-1}`,
			func(c *client.Client) (any, error) { return c.GetQuota(ctx, "p") },
			client.Quota{Containers: 40, Memory: 51200, Disk: 100, CPU: -1},
		},
		{
			"GET /v1/quotas/p?usages=true ", `{"containers":{"limit":40,"in_use":1},"memory":{"limit":51200,"in_use":512.0},"disk":{"limit":100,"in_use":0.0},"cpu":{"limit":20,"in_use":1.5}}`,
			func(c *client.Client) (any, error) { return c.GetQuotaUsage(ctx, "p") },
			client.QuotaUsage{
				Containers: client.LimitUsage{Limit: 40, InUse: 1}, Memory: client.LimitUsage{Limit: 51200, InUse: 512},
				Disk: client.LimitUsage{Limit: 100}, CPU: client.LimitUsage{Limit: 20, InUse: 1.5},
			},
		},
		{
			"GET /v1/quotas/p/defaults ", `{"containers":1}`,
			func(c *client.Client) (any, error) { return c.GetDefaultQuota(ctx, "p") },
			client.Quota{Containers: 1},
		},
		{
			`PUT /v1/quotas/p {"containers":0,"cpu":-1}`, `{"containers":0,"cpu":-1}`,
			func(c *client.Client) (any, error) {
				return c.UpdateQuota(ctx, "p", client.QuotaUpdate{Containers: new(int64(0)), CPU: new(int64(-1))})
			},
			client.Quota{CPU: -1},
		},
		{
			"DELETE /v1/quotas/p ", "null",
			func(c *client.Client) (any, error) { return nil, c.DeleteQuota(ctx, "p") }, nil,
		},
		{
			"GET /v1/quota_classes/default ", `{"disk":3}`,
			func(c *client.Client) (any, error) { return c.GetQuotaClass(ctx, zun.DefaultQuotaClass) },
			client.Quota{Disk: 3},
		},
		{
			`PUT /v1/quota_classes/default {"memory":5}`, `{"memory":5}`,
			func(c *client.Client) (any, error) {
				return c.UpdateQuotaClass(ctx, "default", client.QuotaUpdate{Memory: new(int64(5))})
			},
			client.Quota{Memory: 5},
		},
		{
			`POST /v1/containers {"image":"nginx","availability_zone":"west","host":"h1","hints":{"different_host":["a","b"],"label:ssd":"1"}}`, `{"uuid":"c"}`,
			func(c *client.Client) (any, error) {
				_, _, err := c.CreateContainer(ctx, client.ContainerCreate{
					Image: "nginx", AvailabilityZone: "west", Host: "h1",
					Hints: map[string]any{"different_host": []string{"a", "b"}, "label:ssd": "1"},
				})
				return nil, err
			}, nil,
		},
	} {
		t.Run(test.asked, func(t *testing.T) {
			c := service(t, "1.41", func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if asked := r.Method + " " + r.URL.RequestURI() + " " + string(body); asked != test.asked {
					t.Errorf("asked %s, want %s", asked, test.asked)
				}
				io.WriteString(w, test.answer)
			})
			got, err := test.call(c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func ExampleClient_ListServices() {
	c, done := exampleClient()
	defer done()

	services, err := c.ListServices(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, service := range services {
		fmt.Println(service.Host, service.Binary, service.State)
	}
	// Output: h1 zun-compute up
}

func ExampleClient_DisableService() {
	c, done := exampleClient()
	defer done()

	service, err := c.DisableService(context.Background(), "h1", zun.BinaryCompute, "new disk")
	fmt.Println(service.Host, service.Disabled, service.DisabledReason, err)
	// Output: h1 true new disk <nil>
}

func ExampleClient_GetHost() {
	c, done := exampleClient()
	defer done()

	host, err := c.GetHost(context.Background(), "h1")
	fmt.Println(host.Hostname, host.MemTotal-host.MemUsed, "MiB free", err)
	// Output: h1 7168 MiB free <nil>
}

func ExampleClient_ListAvailabilityZones() {
	c, done := exampleClient()
	defer done()

	zones, err := c.ListAvailabilityZones(context.Background())
	fmt.Println(zones, err)
	// Output: [{nova}] <nil>
}

func ExampleClient_GetQuotaUsage() {
	c, done := exampleClient()
	defer done()

	usage, err := c.GetQuotaUsage(context.Background(), "a-project")
	fmt.Println(usage.Containers.InUse, "of", usage.Containers.Limit, "containers", err)
	// Output: 1 of 40 containers <nil>
}

func ExampleClient_UpdateQuota() {
	c, done := exampleClient()
	defer done()

	quota, err := c.UpdateQuota(context.Background(), "a-project", client.QuotaUpdate{CPU: new(int64(50))})
	fmt.Println(quota.CPU, "cores", err)
	// Output: 50 cores <nil>
}

func ExampleClient_UpdateQuotaClass() {
	c, done := exampleClient()
	defer done()

	quota, err := c.UpdateQuotaClass(context.Background(), zun.DefaultQuotaClass, client.QuotaUpdate{Containers: new(int64(100))})
	fmt.Println(quota.Containers, "containers for every project", err)
	// Output: 100 containers for every project <nil>
}
