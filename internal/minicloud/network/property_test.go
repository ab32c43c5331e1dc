package network_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gozun/gozun/internal/minicloud/network"
	"pgregory.net/rapid"
)

// subnetModel is one small subnet seen through the API: 10.0.0.0/28, gateway .1,
// allocated from .4 to .9.
type subnetModel struct {
	cloud   *cloud
	handler http.Handler
	net     string
	sub     string
	held    map[string]string // address -> port
	ports   map[string]bool
}

const poolFirst, poolLast = 4, 9

func (m *subnetModel) call(t *rapid.T, method, path string, body any) (int, object) {
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if body == nil {
		raw = nil
	}
	got := answer(m.handler, method, "/v2.0"+path, string(raw))
	var o object
	if got.Body.Len() > 0 {
		if err := json.Unmarshal(got.Body.Bytes(), &o); err != nil {
			t.Fatal(err)
		}
	}
	return got.Code, o
}

func (m *subnetModel) add(p object) {
	m.ports[id(p)] = true
	for _, ip := range addressesOf(p) {
		m.held[ip] = id(p)
	}
}

func (m *subnetModel) release(port string) {
	for ip, holder := range m.held {
		if holder == port {
			delete(m.held, ip)
		}
	}
}

func (m *subnetModel) freeInPool() (n int) {
	for i := poolFirst; i <= poolLast; i++ {
		if m.held[fmt.Sprintf("10.0.0.%d", i)] == "" {
			n++
		}
	}
	return n
}

func (m *subnetModel) somePort(t *rapid.T) string {
	var list []string
	for id := range m.ports {
		list = append(list, id)
	}
	if len(list) == 0 {
		t.Skip("no port yet")
	}
	return list[rapid.IntRange(0, len(list)-1).Draw(t, "port")]
}

// create asks for n ports in one request, the last of them impossible if spoil is set.
func (m *subnetModel) create(t *rapid.T) {
	n, spoil := rapid.IntRange(1, 4).Draw(t, "ports"), rapid.Bool().Draw(t, "spoil")
	var want []object
	for range n {
		want = append(want, object{"network_id": m.net})
	}
	if spoil {
		want = append(want, object{"network_id": m.net, "fixed_ips": []object{{"subnet_id": m.sub}, {"ip_address": "10.0.0.1"}}})
	}
	free := m.freeInPool()
	status, answer := m.call(t, "POST", "/ports", object{"ports": want})
	if expected := !spoil && free >= n; (status == 201) != expected {
		t.Fatalf("%d ports with %d free, spoilt %v: %d %v", n, free, spoil, status, answer)
	}
	if status != 201 {
		return
	}
	for _, p := range answer["ports"].([]any) {
		ip := addressesOf(p.(object))[0]
		var last int
		if _, err := fmt.Sscanf(ip, "10.0.0.%d", &last); err != nil || last < poolFirst || last > poolLast || m.held[ip] != "" {
			t.Fatalf("was given %s, held by %q", ip, m.held[ip])
		}
		m.add(p.(object))
	}
}

func (m *subnetModel) createByName(t *rapid.T) {
	ip := fmt.Sprintf("10.0.0.%d", rapid.IntRange(0, 15).Draw(t, "address"))
	status, answer := m.call(t, "POST", "/ports", object{"port": object{"network_id": m.net, "fixed_ips": []object{{"ip_address": ip}}}})
	expected := m.held[ip] == "" && ip != "10.0.0.0" && ip != "10.0.0.1" && ip != "10.0.0.15"
	if (status == 201) != expected {
		t.Fatalf("%s: %d %v", ip, status, answer)
	}
	if status == 201 {
		m.add(answer["port"].(object))
	}
}

func (m *subnetModel) update(t *rapid.T) {
	port := m.somePort(t)
	ip := fmt.Sprintf("10.0.0.%d", rapid.IntRange(2, 14).Draw(t, "address"))
	status, answer := m.call(t, "PUT", "/ports/"+port, object{"port": object{"fixed_ips": []object{{"ip_address": ip}}}})
	if expected := m.held[ip] == "" || m.held[ip] == port; (status == 200) != expected {
		t.Fatalf("%s: %d %v", ip, status, answer)
	}
	if status == 200 {
		m.release(port)
		m.add(answer["port"].(object))
	}
}

func (m *subnetModel) remove(t *rapid.T) {
	port := m.somePort(t)
	if status, answer := m.call(t, "DELETE", "/ports/"+port, nil); status != 204 {
		t.Fatalf("%d %v", status, answer)
	}
	m.release(port)
	delete(m.ports, port)
}

// restart reads everything back from the disk.
func (m *subnetModel) restart(t *rapid.T) {
	service, err := network.New(network.Config{DB: m.cloud.db, Validate: validate, Host: thisHost})
	if err != nil {
		t.Fatal(err)
	}
	m.handler = service.Handler()
}

func (m *subnetModel) check(t *rapid.T) {
	_, answer := m.call(t, "GET", "/ports?network_id="+m.net, nil)
	held := map[string]string{}
	for _, p := range answer["ports"].([]any) {
		for _, ip := range addressesOf(p.(object)) {
			held[ip] = id(p.(object))
		}
	}
	if diff := cmp.Diff(m.held, held); diff != "" {
		t.Fatal(diff)
	}
}

func TestAddressesOfPorts(t *testing.T) {
	c := newCloud(t)
	admin := user{c, "demo:admin"}
	admin.must("PUT", "/quotas/demo", object{"quota": object{"port": -1, "network": -1, "subnet": -1}})
	rapid.Check(t, func(t *rapid.T) {
		net := admin.make("network", object{})
		sub := admin.make("subnet", object{"network_id": id(net), "cidr": "10.0.0.0/28", "allocation_pools": []object{{"start": "10.0.0.4", "end": "10.0.0.6"}, {"start": "10.0.0.7", "end": "10.0.0.9"}}})
		m := &subnetModel{cloud: c, net: id(net), sub: id(sub), held: map[string]string{}, ports: map[string]bool{}}
		// What the wire's service knows is on disk: a new one continues from there.
		m.restart(t)
		t.Repeat(map[string]func(*rapid.T){
			"create": m.create, "create by name": m.createByName, "update": m.update, "remove": m.remove, "restart": m.restart, "": m.check,
		})
	})
}
