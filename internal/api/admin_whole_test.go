package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gozun/gozun/internal/control"
	"github.com/gozun/gozun/zun"
)

// TestAdministratorsDay goes through hosts, services, zones and quotas, from the API down
// to the database.
func TestAdministratorsDay(t *testing.T) {
	f, _, _ := newWhole(t)
	admin := func(method, target, body string) answer {
		t.Helper()
		return f.do(method, target, body, latest, asAdmin)
	}
	host := f.object(f.until("/v1/hosts/h1", func(a answer) bool { return a.status == 200 }, asAdmin)) // it was asked for the first time
	if host["cpus"] != 64.0 || host["total_containers"] != 0.0 || host["mem_used"] != 0.0 {
		t.Errorf("host %v", host)
	}
	if zones := admin("GET", "/v1/availability_zones", ""); zones.text != `{"availability_zones":[{"availability_zone":"nova"}],"next":null}` {
		t.Errorf("zones %s", zones.text)
	}

	f.want(202, f.do("POST", "/v1/containers?run=true", `{"image":"nginx","name":"web","cpu":1.5,"availability_zone":"nova","hints":{"group":"g"}}`, latest))
	f.until("/v1/containers/web", func(a answer) bool { return strings.Contains(a.text, `"Running"`) })
	host = f.object(f.want(200, admin("GET", "/v1/hosts/h1", "")))
	if host["cpu_used"] != 1.5 || host["mem_used"] != 512.0 || host["total_containers"] != 1.0 || host["running_containers"] != 1.0 {
		t.Errorf("host %v", host)
	}
	usage := f.want(200, f.do("GET", "/v1/quotas/p?usages=True", "", latest))
	if usage.text != `{"containers":{"limit":40,"in_use":1},"memory":{"limit":51200,"in_use":512.0},"disk":{"limit":100,"in_use":0.0},"cpu":{"limit":20,"in_use":1.5}}` {
		t.Errorf("usage %s", usage.text)
	}

	if a := f.want(200, admin("PUT", "/v1/quotas/p", `{"cpu":2}`)); a.text != `{"containers":40,"memory":51200,"disk":100,"cpu":2}` {
		t.Errorf("quota %s", a.text)
	}
	over := f.want(403, f.do("POST", "/v1/containers", `{"image":"nginx"}`, latest))
	if p := f.problem(over); p.Code != "container.over-quota" || p.Detail != "Quota exceeded for resources: ['cpu']" || p.Title != p.Detail {
		t.Errorf("over quota: %+v", p)
	}
	f.want(202, f.do("POST", "/v1/containers", `{"image":"nginx","name":"small","cpu":"0.5"}`, latest))
	f.want(200, admin("DELETE", "/v1/quotas/p", ""))
	f.want(200, admin("PUT", "/v1/quota_classes/default", `{"containers":2}`))
	if a := f.do("GET", "/v1/quotas/p/defaults", "", latest); a.text != `{"containers":2,"memory":51200,"disk":100,"cpu":20}` {
		t.Errorf("defaults %s", a.text)
	}
	f.want(403, f.do("POST", "/v1/containers", `{"image":"nginx"}`, latest))
	f.want(200, admin("PUT", "/v1/quotas/p", `{"containers":-1}`))

	f.want(200, admin("PUT", "/v1/services/disable?host=h1&binary=zun-compute&disabled_reason=repair", ""))
	f.want(202, f.do("POST", "/v1/containers", `{"image":"nginx","name":"none"}`, latest))
	failed := f.object(f.until("/v1/containers/none", func(a answer) bool { return strings.Contains(a.text, `"Error"`) }))
	if !strings.Contains(failed["status_reason"].(string), "host h1: disabled by the operator: repair") {
		t.Errorf("%v", failed["status_reason"])
	}
	f.want(200, admin("PUT", "/v1/services/enable?host=h1&binary=zun-compute", ""))
	f.want(200, admin("PUT", "/v1/services/force_down?host=h1&binary=zun-compute&forced_down=true", ""))
	services := f.object(admin("GET", "/v1/services", ""))["services"].([]any)
	if s := services[0].(map[string]any); s["state"] != "down" || s["disabled"] != false || s["forced_down"] != true || s["disabled_reason"] != nil {
		t.Errorf("service %v", s)
	}
	f.want(404, admin("PUT", "/v1/services/enable?host=h2&binary=zun-compute", ""))
	f.want(404, admin("POST", "/v1/containers", `{"image":"nginx","host":"h2"}`))
	if p := f.problem(admin("POST", "/v1/containers", `{"image":"nginx","host":"h2"}`)); p.Code != "container.requested-host-not-found" {
		t.Errorf("%+v", p)
	}
	f.want(400, f.do("POST", "/v1/containers", `{"image":"nginx","hints":{"same_host":"nobody"}}`, latest))
	f.want(200, admin("DELETE", "/v1/services/h1/zun-compute", ""))
}

// TestQuotaThroughTheAPIAtOnce: of many requests at once just as many pass as fit.
func TestQuotaThroughTheAPIAtOnce(t *testing.T) {
	f, _, _ := newWholeOf(t, func(c *control.Config) {
		c.DefaultLimits = &zun.Quota{Containers: 5, MemoryMiB: -1, DiskGiB: -1, CPU: -1}
	})
	statuses := map[int]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 25 {
		wg.Go(func() {
			a := f.do("POST", "/v1/containers", fmt.Sprintf(`{"image":"nginx","name":"c%d"}`, i), latest)
			mu.Lock()
			defer mu.Unlock()
			statuses[a.status]++
		})
	}
	wg.Wait()
	if statuses[202] != 5 || statuses[403] != 20 {
		t.Errorf("answers %v", statuses)
	}
}

// TestPagesOfHosts: following next shows each host and zone once, in either direction.
func TestPagesOfHosts(t *testing.T) {
	f, _, db := newWhole(t)
	for i := range 7 {
		host := zun.Host{ID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), Name: fmt.Sprintf("x%d", i), CPUs: i % 3, AvailabilityZone: fmt.Sprintf("z%d", i)}
		if err := db.SaveHost(t.Context(), host, noon); err != nil {
			t.Fatal(err)
		}
	}
	for _, list := range []struct{ path, collection, field, prefix string }{
		{"/v1/hosts?limit=3", "hosts", "hostname", "x"},
		{"/v1/hosts?limit=2&sort_dir=desc", "hosts", "hostname", "x"},
		{"/v1/hosts?limit=3&sort_key=cpus", "hosts", "hostname", "x"},
		{"/v1/hosts?limit=1&sort_key=cpus&sort_dir=desc", "hosts", "hostname", "x"},
		{"/v1/availability_zones?limit=2", "availability_zones", "availability_zone", "z"},
		{"/v1/availability_zones?limit=3&sort_dir=desc", "availability_zones", "availability_zone", "z"},
	} {
		seen := map[string]int{}
		for next := list.path; next != ""; {
			page := f.object(f.want(200, f.do("GET", next, "", latest, asAdmin)))
			for _, one := range page[list.collection].([]any) {
				if name := one.(map[string]any)[list.field].(string); strings.HasPrefix(name, list.prefix) {
					seen[name]++
				}
			}
			next, _ = page["next"].(string)
			next = strings.TrimPrefix(next, "http://zun:9517")
		}
		for name, times := range seen {
			if times != 1 {
				t.Errorf("%s: saw %s %d times", list.path, name, times)
			}
		}
		if len(seen) != 7 {
			t.Errorf("%s: saw %v", list.path, seen)
		}
	}
	for target, status := range map[string]int{"hosts?marker=x": 404, "hosts?sort_key=labels": 400, "availability_zones?marker=x": 404, "availability_zones?sort_key=host": 400} {
		if a := f.do("GET", "/v1/"+target, "", latest, asAdmin); a.status != status {
			t.Errorf("%s: %d %s", target, a.status, a.text)
		}
	}
}
