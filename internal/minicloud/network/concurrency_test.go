package network_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gozun/gozun/internal/minicloud/network"
)

func TestConcurrentPortsGetTheirOwnAddresses(t *testing.T) {
	demo := newCloud(t).demo()
	net := demo.make("network", object{})
	demo.make("subnet", object{"network_id": id(net), "cidr": "10.0.0.0/26", "allocation_pools": []object{{"start": "10.0.0.10", "end": "10.0.0.29"}}})
	body := fmt.Sprintf(`{"port":{"network_id":%q}}`, id(net))
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for range 8 {
		wg.Go(func() {
			for range 5 {
				status, answer := demo.call("POST", "/ports", body)
				mu.Lock()
				if status == 201 {
					seen[addressesOf(answer["port"].(object))[0]]++
				} else {
					seen[fmt.Sprint(status)]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	want := map[string]int{"409": 20}
	for i := 10; i < 30; i++ {
		want[fmt.Sprintf("10.0.0.%d", i)] = 1
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

// TestDiskFailureChangesNothing closes the file under a running service: writes fail,
// and reads go on from memory as if they had not been asked.
func TestDiskFailureChangesNothing(t *testing.T) {
	c := newCloud(t)
	demo := c.demo()
	net, _ := demo.net("10.0.0.0/24")
	port := demo.make("port", object{"network_id": id(net)})
	before := everything(demo)
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, w := range []wrong{
		{method: "POST", path: "/ports", body: object{"port": object{"network_id": id(net)}}},
		{method: "PUT", path: "/networks/" + id(net), body: object{"network": object{"name": "x"}}},
		{method: "DELETE", path: "/ports/" + id(port)},
		{method: "PUT", path: "/ports/" + id(port) + "/tags/x"},
	} {
		status, answer := demo.call(w.method, w.path, w.body)
		if said := answer["NeutronError"].(object)["message"].(string); status != 500 || strings.Contains(said, "database") {
			t.Errorf("%s %s: got %d %v", w.method, w.path, status, answer)
		}
	}
	if diff := cmp.Diff(before, everything(demo)); diff != "" {
		t.Error(diff)
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := network.New(network.Config{}); err == nil {
		t.Error("a service without anything was made")
	}
}

func TestDiscovery(t *testing.T) {
	c := newCloud(t)
	for path, want := range map[string]string{
		"/": `"v2.0"`, "/v2.0": `"resources"`, "/v2.0/": `"subnetpools"`,
	} {
		answer, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
		if path != "/" { // all but the versions is for people with tokens
			request.Header.Set("X-Auth-Token", c.demo().token)
		}
		c.service.Handler().ServeHTTP(answer, request)
		if answer.Code != 200 || !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
		}
	}
	if status, answer := c.demo().call("GET", "/extensions/subnet_allocation", nil); status != 200 || answer["extension"].(object)["alias"] != "subnet_allocation" {
		t.Errorf("got %d %v", status, answer)
	}
	if len(c.demo().list("/extensions")) < 20 {
		t.Error("extensions are missing")
	}
}
