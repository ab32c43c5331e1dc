package libnetwork_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/kuryr/libnetwork"
	"github.com/gozun/gozun/zun"
)

// silent is a driver that does nothing, for tests of the protocol alone.
type silent struct{ libnetwork.Driver }

func (silent) Scope() string     { return "local" }
func (silent) ChoosesMACs() bool { return false }

func (silent) RequestPool(_ ctx, r kuryr.PoolRequest) (kuryr.PoolAnswer, error) {
	return kuryr.PoolAnswer{ID: "p", CIDR: r.CIDR}, nil
}
func (silent) ReleasePool(ctx, string) error { panic("a defect with a secret") }
func (silent) RequestAddress(_ ctx, r kuryr.AddressRequest) (netip.Prefix, error) {
	return netip.PrefixFrom(r.IP, 24), nil
}
func (silent) ReleaseAddress(ctx, string, netip.Addr) error              { return nil }
func (silent) CreateNetwork(ctx, kuryr.NetworkRequest) error             { return nil }
func (silent) DeleteNetwork(c ctx, _ string) error                       { <-c.Done(); return c.Err() }
func (silent) CreateEndpoint(ctx, kuryr.EndpointRequest) (string, error) { return "", nil }
func (silent) DeleteEndpoint(ctx, string, string) error                  { return nil }
func (silent) EndpointInfo(ctx, string) (map[string]string, error)       { return nil, nil }

func (silent) Join(ctx, string, string) (kuryr.Joined, error) { return kuryr.Joined{Link: "t_c"}, nil }
func (silent) Leave(ctx, string, string) error                { return nil }
func (silent) Conceal(ctx, string, string) error              { return nil }
func (silent) Expose(_ ctx, _, _ string, ports []kuryr.Exposed) error {
	if len(ports) > 0 {
		return zun.Errorf(zun.CodePortNotFound, "port is gone")
	}
	return nil
}

func quiet(deadline time.Duration) http.Handler {
	return libnetwork.Handler(silent{}, libnetwork.Options{Log: slog.New(slog.DiscardHandler), Deadline: deadline})
}

func TestProtocol(t *testing.T) {
	h := quiet(50 * time.Millisecond)
	id := strings.Repeat("a", 64)
	for name, test := range map[string]struct {
		method, path, body string
		status             int
		has                string
	}{
		"activation":           {"POST", "/Plugin.Activate", "", 200, `{"Implements":["NetworkDriver","IpamDriver"]}`},
		"network capabilities": {"POST", "/NetworkDriver.GetCapabilities", "", 200, `"Scope":"local"`},
		"IPAM capabilities":    {"POST", "/IpamDriver.GetCapabilities", "null", 200, `{"RequiresMACAddress":true}`},
		"gateway check":        {"POST", "/NetworkDriver.GwAllocCheck", `{"Options":{"com.docker.network.internal":true}}`, 200, `{"SkipIPv4":true,"SkipIPv6":true}`},
		"gateway check, none":  {"POST", "/NetworkDriver.GwAllocCheck", `{"Options":null}`, 200, `{"SkipIPv4":false,"SkipIPv6":false}`},
		"gateways are checked": {"POST", "/NetworkDriver.GetCapabilities", "", 200, `"GwAllocChecker":true`},
		"spaces":               {"POST", "/IpamDriver.GetDefaultAddressSpaces", "", 200, `"LocalDefaultAddressSpace":"no_address_space","GlobalDefaultAddressSpace":"no_address_space"`},
		"wrong method":         {"GET", "/Plugin.Activate", "", 405, `"Err"`},
		"unknown verb":         {"POST", "/NetworkDriver.Fly", "", 404, `"Err"`},
		"no JSON":              {"POST", "/IpamDriver.RequestPool", "{", 400, `"Err"`},
		"empty, as in a retry": {"POST", "/IpamDriver.RequestPool", "", 400, `"Err"`},
		"wrong type":           {"POST", "/IpamDriver.RequestPool", `{"Pool":5}`, 400, `"Err"`},
		"unknown fields":       {"POST", "/IpamDriver.RequestPool", `{"Pool":"10.0.0.0/24","New":[1]}`, 200, `"Pool":"10.0.0.0/24"`},
		"range outside":        {"POST", "/IpamDriver.RequestPool", `{"Pool":"10.0.0.0/24","SubPool":"10.0.1.0/25"}`, 400, "SubPool"},
		"panic":                {"POST", "/IpamDriver.ReleasePool", `{"PoolID":"p"}`, 500, "inside the plugin"},
		"no pool id":           {"POST", "/IpamDriver.ReleasePool", `{}`, 400, "PoolID"},
		"bad address":          {"POST", "/IpamDriver.RequestAddress", `{"PoolID":"p","Address":"here"}`, 400, "here"},
		"address with length":  {"POST", "/IpamDriver.RequestAddress", `{"PoolID":"p","Address":"10.0.0.5/24","Options":null}`, 200, `"Address":"10.0.0.5/24"`},
		"bad MAC":              {"POST", "/IpamDriver.RequestAddress", `{"PoolID":"p","Options":{"com.docker.network.endpoint.macaddress":"x"}}`, 400, "MAC"},
		"bad id":               {"POST", "/NetworkDriver.CreateNetwork", `{"NetworkID":"../x","IPv4Data":null}`, 400, "NetworkID"},
		"null lists":           {"POST", "/NetworkDriver.CreateNetwork", `{"NetworkID":"` + id + `","IPv4Data":null,"IPv6Data":null,"Options":null}`, 200, "{}"},
		"no time left":         {"POST", "/NetworkDriver.DeleteNetwork", `{"NetworkID":"` + id + `"}`, 500, "deadline"},
		"null interface":       {"POST", "/NetworkDriver.CreateEndpoint", `{"NetworkID":"` + id + `","EndpointID":"` + id + `","Interface":null}`, 200, `{"Interface":{}}`},
		"join":                 {"POST", "/NetworkDriver.Join", `{"NetworkID":"` + id + `","EndpointID":"` + id + `","SandboxKey":"/anywhere"}`, 200, `"DisableGatewayService":true`},
		"program":              {"POST", "/NetworkDriver.ProgramExternalConnectivity", `{"NetworkID":"` + id + `","EndpointID":"` + id + `","Options":null}`, 200, "{}"},
		"program, never 404":   {"POST", "/NetworkDriver.ProgramExternalConnectivity", `{"NetworkID":"` + id + `","EndpointID":"` + id + `","Options":{"com.docker.network.portmap":[{"Proto":6,"Port":80,"HostPort":8080}]}}`, 409, "gone"},
		"program, no port":     {"POST", "/NetworkDriver.ProgramExternalConnectivity", `{"NetworkID":"` + id + `","EndpointID":"` + id + `","Options":{"com.docker.network.portmap":[{"Proto":6,"Port":99999}]}}`, 400, `"Err"`},
		"too large":            {"POST", "/IpamDriver.RequestPool", `{"Pool":"` + strings.Repeat("1", 2<<20) + `"}`, 413, `"Err"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(test.method, test.path, strings.NewReader(test.body)))
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.has) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%d %s, want %d with %s", w.Code, w.Body, test.status, test.has)
			}
		})
	}
}

func FuzzVerbs(f *testing.F) {
	h := quiet(time.Second)
	verbs := []string{
		"IpamDriver.RequestPool", "IpamDriver.RequestAddress", "IpamDriver.ReleaseAddress",
		"NetworkDriver.CreateNetwork", "NetworkDriver.CreateEndpoint", "NetworkDriver.Join", "NetworkDriver.AllocateNetwork",
	}
	id := strings.Repeat("b", 25)
	f.Add(0, []byte(`{"Pool":"10.0.0.0/24","SubPool":"10.0.0.0/25","V6":true,"Options":{"a":"b"}}`))
	f.Add(1, []byte(`{"PoolID":"x","Address":"fd00::1","Options":{"RequestAddressType":"com.docker.network.gateway"}}`))
	f.Add(3, []byte(`{"NetworkID":"`+id+`","IPv4Data":[{"Pool":"10.0.0.0/24","Gateway":"10.0.0.1/24","AuxAddresses":{"a":"10.0.0.2/24"}}],"Options":{"com.docker.network.generic":{"x":"y"}}}`))
	f.Add(4, []byte(`{"NetworkID":"`+id+`","EndpointID":"`+id+`","Interface":{"Address":"10.0.0.2/24","MacAddress":"02:00:00:00:00:01"}}`))
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		w := httptest.NewRecorder()
		path := "/" + verbs[uint(which)%uint(len(verbs))]
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body)))
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %q: %d %s", path, body, w.Code, w.Body)
		}
	})
}

func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "k.sock")
	first := got(libnetwork.Listen(path))(t)
	info := got(os.Lstat(path))(t)
	if diff := cmp.Diff(os.ModeSocket|0o600, info.Mode()); diff != "" {
		t.Error(diff)
	}
	if _, err := libnetwork.Listen(path); err == nil || !strings.Contains(err.Error(), "another plugin") {
		t.Errorf("a live socket: %v", err)
	}
	// A process that dies leaves its socket.
	dead := filepath.Join(t.TempDir(), "dead.sock")
	left := got(net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"}))(t)
	left.SetUnlinkOnClose(false)
	must(t, left.Close())
	second := got(libnetwork.Listen(dead))(t)
	must(t, second.Close())
	must(t, os.WriteFile(dead, nil, 0o600))
	if _, err := libnetwork.Listen(dead); err == nil || !strings.Contains(err.Error(), "another kind") {
		t.Errorf("a file: %v", err)
	}
	c, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- libnetwork.Serve(c, first, quiet(time.Second)) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(c context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(c, "unix", path)
	}}}
	answer := got(client.Post("http://plugin/Plugin.Activate", "text/weird", nil))(t)
	_ = answer.Body.Close()
	cancel()
	must(t, <-ended)
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket is left")
	}
}

// BenchmarkCreateEndpointJoin measures the plugin's own time of a container start between
// the address and the sandbox, links and records included: Neutron is not asked in it.
func BenchmarkCreateEndpointJoin(b *testing.B) {
	c := mustCloud(b)
	binder, _ := mustBinder(b)
	tn := c.tenant(b, "10.2.0.0/16", "")
	p := mustPlugin(b, settings{Neutron: c.Service, Binder: binder})
	a := ask{Subnets: []string{"10.2.0.0/16"}}
	a.IPAM, a.Options = byID(tn)
	n := got(p.createNetwork(a))(b)
	var times []time.Duration
	for b.Loop() {
		b.StopTimer()
		e := dockerEndpoint{ID: random(32), MAC: randomMAC(), Addresses: map[string]string{}, Created: true}
		answer := got(p.try("IpamDriver.RequestAddress", object{
			"PoolID": n.Pools[0].ID, "Options": object{"com.docker.network.endpoint.macaddress": e.MAC},
		}))(b)
		e.Addresses[n.Pools[0].ID] = answer["Address"].(string)
		b.StartTimer()
		began := time.Now()
		got(p.try("NetworkDriver.CreateEndpoint", object{
			"NetworkID": n.ID, "EndpointID": e.ID, "Interface": object{"Address": answer["Address"], "MacAddress": e.MAC},
		}))(b)
		got(p.try("NetworkDriver.Join", object{"NetworkID": n.ID, "EndpointID": e.ID}))(b)
		times = append(times, time.Since(began))
		b.StopTimer()
		p.disconnect(n, e)
		b.StartTimer()
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
}
