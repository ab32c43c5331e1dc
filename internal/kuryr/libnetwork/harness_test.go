package libnetwork_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/keystone"
	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/kuryr/libnetwork"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/minicloud/identity"
	"github.com/gozun/gozun/internal/minicloud/network"
	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/zun"
)

// host is this machine's name to Neutron; a real one knows only its agents'.
var host = cmp.Or(realServices()["OPENSTACK_HOST"], "thishost")

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func got[T any](value T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		must(tb, err)
		return value
	}
}

func random(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw)
	return hex.EncodeToString(raw)
}

func mustDB(tb testing.TB, name string) *kv.DB {
	tb.Helper()
	// In memory where there is one: these tests write far more often than they compute.
	dir, err := os.MkdirTemp("/dev/shm", "kuryrtest-")
	if err != nil {
		dir = tb.TempDir()
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	db := got(kv.Open(filepath.Join(dir, name)))(tb)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// cloud is a whole embedded cloud, spoken to over HTTP, or a real one.
type cloud struct {
	Demo    *neutron.Client // the user's
	Service *neutron.Client // the plugin's: admin in project service
	session *keystone.Session
	mu      sync.Mutex
	calls   []string // of Service
}

func mustCloud(tb testing.TB) *cloud {
	tb.Helper()
	if real := realServices(); real != nil {
		return mustRealCloud(tb, real)
	}
	db := mustDB(tb, "minicloud.db")
	ids := got(identity.New(identity.Config{DB: db, Log: slog.New(slog.DiscardHandler), BcryptCost: bcrypt.MinCost}))(tb)
	net := got(network.New(network.Config{DB: db, Validate: ids.Validate, Host: host}))(tb)
	idServer, netServer := httptest.NewServer(ids.Handler()), httptest.NewServer(net.Handler())
	tb.Cleanup(idServer.Close)
	tb.Cleanup(netServer.Close)
	passwords := got(ids.Bootstrap(context.Background(), identity.Bootstrap{
		Endpoints: map[string]string{"identity": idServer.URL + "/v3", "network": netServer.URL},
	}))(tb)
	open := func(user, project string) *keystone.Session {
		return keystone.Open(keystone.Credentials{
			AuthURL: idServer.URL + "/v3", Username: user, Password: passwords[user], ProjectName: project,
			UserDomainName: "Default", ProjectDomainName: "Default",
		}, slog.New(slog.DiscardHandler))
	}
	return newCloud(open("demo", "demo"), open("kuryr", "service"))
}

// newCloud is a cloud as its users see it; what the service asks is counted.
func newCloud(demo, service *keystone.Session) *cloud {
	c := &cloud{session: service, Demo: neutron.New(demo, neutron.Options{})}
	c.Service = neutron.New(c.session, neutron.Options{OnCall: func(verb string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !strings.HasSuffix(verb, " extensions") { // once in a process's life
			c.calls = append(c.calls, verb)
		}
	}})
	return c
}

// counted returns the plugin's calls to Neutron while do runs.
func (c *cloud) counted(do func()) []string {
	c.mu.Lock()
	c.calls = nil
	c.mu.Unlock()
	do()
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// state tells all that is in the cloud, one line each, to compare before and after.
func (c *cloud) state(tb testing.TB) []string {
	tb.Helper()
	ctx := context.Background()
	admin := neutron.New(c.session, neutron.Options{})
	lines := []string{}
	for _, n := range got(admin.FindNetworks(ctx, zun.NeutronQuery{}))(tb) {
		lines = append(lines, fmt.Sprintf("network %s %s %s", n.ID, n.Name, n.Tags))
	}
	for _, s := range got(admin.FindSubnets(ctx, zun.NeutronQuery{}))(tb) {
		lines = append(lines, fmt.Sprintf("subnet %s %s %s %s", s.ID, s.Name, s.CIDR, s.Tags))
	}
	for _, p := range got(admin.FindPools(ctx, zun.NeutronQuery{}))(tb) {
		lines = append(lines, fmt.Sprintf("subnetpool %s %s %s", p.ID, p.Name, p.Tags))
	}
	for _, p := range got(admin.FindPorts(ctx, zun.NeutronQuery{}))(tb) {
		lines = append(lines, fmt.Sprintf("port %s %q %s %v %q %q %q %s", p.ID, p.Name, p.MAC, p.FixedIPs, p.DeviceID, p.DeviceOwner, p.Host, p.Tags))
		groups := slices.Sorted(slices.Values(p.SecurityGroups)) // Neutron has them in any order
		lines = append(lines, fmt.Sprintf("port %s has groups %v, pairs %v, security %t", p.ID, groups, p.AddressPairs, !p.NoSecurity))
	}
	for _, g := range got(admin.FindSecurityGroups(ctx, zun.NeutronQuery{}))(tb) {
		if g.Name != "default" { // every project has one from its first port on
			lines = append(lines, fmt.Sprintf("security group %s %s %s", g.ID, g.Name, g.Description))
		}
	}
	slices.Sort(lines)
	return lines
}

// tenant is a user's network as the workflow makes it.
type tenant struct {
	Net    zun.NeutronNetwork
	Pool   zun.NeutronPool
	V4, V6 zun.NeutronSubnet
}

func (c *cloud) tenant(tb testing.TB, v4, v6 string) tenant {
	tb.Helper()
	ctx := context.Background()
	var t tenant
	t.Net = got(c.Demo.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "testnet"}))(tb)
	t.Pool = got(c.Demo.CreatePool(ctx, zun.NeutronPoolSpec{Name: "testpool", Prefixes: []netip.Prefix{netip.MustParsePrefix(v4)}, DefaultPrefixLen: 24}))(tb)
	t.V4 = got(c.Demo.CreateSubnet(ctx, zun.NeutronSubnetSpec{
		Name: "testsubnet", NetworkID: t.Net.ID, CIDR: netip.MustParsePrefix(v4), PoolID: t.Pool.ID, EnableDHCP: true,
	}))(tb)
	if v6 != "" {
		t.V6 = got(c.Demo.CreateSubnet(ctx, zun.NeutronSubnetSpec{Name: "testsubnet6", NetworkID: t.Net.ID, CIDR: netip.MustParsePrefix(v6)}))(tb)
	}
	return t
}

// free is an address of an IPv4 network's upper part that no port has: Neutron draws by lot what it
// gives whoever asks for none, of IPv6 from the first thousand of a subnet
// (neutron/ipam/drivers/neutrondb_ipam/driver.py, _generate_ips).
func (c *cloud) free(tb testing.TB, netID, cidr string) netip.Addr {
	tb.Helper()
	used := map[netip.Addr]bool{}
	for _, p := range got(c.Service.FindPorts(context.Background(), zun.NeutronQuery{NetworkID: netID}))(tb) {
		for _, fixed := range p.FixedIPs {
			used[fixed.IP] = true
		}
	}
	bytes := netip.MustParsePrefix(cidr).Addr().As4()
	for bytes[3] = 200; used[netip.AddrFrom4(bytes)]; {
		bytes[3]++
	}
	return netip.AddrFrom4(bytes)
}

// plugin is a driver behind its handler. Its parts may be replaced and it be started anew,
// as after a crash.
type plugin struct {
	*kuryr.Driver
	tb      testing.TB
	handler http.Handler
	twice   bool // deliver every verb twice
	rivals  bool // others may come between the two

	swarm   bool   // ids are Swarm's
	amnesia func() // called before each verb
	lost    bool   // the records were lost meanwhile
}

type settings struct {
	DB      *kv.DB
	Neutron kuryr.Neutron
	Binder  kuryr.Binder
	Now     func() time.Time
	Wait    time.Duration
	Docker  kuryr.Docker
	Host    string // "" is host
	Spare   int    // spare ports
}

func mustPlugin(tb testing.TB, s settings) *plugin {
	tb.Helper()
	if s.DB == nil {
		s.DB = mustDB(tb, "kuryr.db")
	}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	d := kuryr.New(kuryr.Config{DB: s.DB, Neutron: s.Neutron, Binder: s.Binder, Host: cmp.Or(s.Host, host), Log: log, Now: s.Now, PlugWait: s.Wait, Docker: s.Docker, SparePorts: s.Spare})
	return &plugin{Driver: d, tb: tb, handler: libnetwork.Handler(d, libnetwork.Options{Log: log})}
}

// mustBinder returns a real binder in a namespace of its own, and the namespace.
func mustBinder(tb testing.TB) (*binding.Binder, *link.Handle) {
	tb.Helper()
	if os.Getuid() != 0 {
		tb.Skip("network namespaces need root")
	}
	if realServices()["OVS_RUNDIR"] != "" { // its switch is in this namespace
		links := got(link.Open(""))(tb)
		tb.Cleanup(links.Close)
		return binding.New(links, slog.New(slog.DiscardHandler)), links
	}
	name := "kuryrtest-" + random(4)
	must(tb, link.EnsureNamespace(name))
	tb.Cleanup(func() { must(tb, link.DeleteNamespace(name)) })
	links := got(link.Open(name))(tb)
	tb.Cleanup(links.Close)
	return binding.New(links, slog.New(slog.DiscardHandler)), links
}

type object = map[string]any

// send sends a verb and returns its status and answer.
func (p *plugin) send(verb string, body any) (int, object) {
	p.tb.Helper()
	raw, err := json.Marshal(body)
	must(p.tb, err)
	if p.amnesia != nil {
		p.amnesia()
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/"+verb, bytes.NewReader(raw)))
	answer := object{}
	read, _ := io.ReadAll(w.Body)
	if err := json.Unmarshal(read, &answer); err != nil {
		p.tb.Fatalf("%s answered %q: %v", verb, read, err)
	}
	return w.Code, answer
}

// try sends a verb as dockerd does and returns what dockerd would take for an error.
func (p *plugin) try(verb string, body any) (object, error) {
	p.tb.Helper()
	status, answer := p.send(verb, body)
	if p.twice {
		// dockerd asks again when the answer got lost, and goes by the last one.
		again, second := p.send(verb, body)
		if status == http.StatusOK && !p.rivals && (again != status || fmt.Sprint(second) != fmt.Sprint(answer)) {
			p.tb.Errorf("%s delivered twice answers %d %v, then %d %v", verb, status, answer, again, second)
		}
		status, answer = again, second
	}
	field := "Err"
	if strings.HasPrefix(verb, "IpamDriver.") && status == http.StatusOK {
		field = "Error"
	}
	if text, _ := answer[field].(string); text != "" || status != http.StatusOK {
		return answer, fmt.Errorf("%s: %d %s", verb, status, text)
	}
	return answer, nil
}

// dockerNet is a Docker network as dockerd keeps it.
type dockerNet struct {
	ID    string
	Pools []dockerPool
}

type dockerPool struct {
	ID, Pool, Gateway string
	V6                bool
}

// ask is what a user says to make a Docker network.
type ask struct {
	Subnets  []string // CIDRs; "" and "v6" are not said
	Gateways []string // beside them; "" is not said
	Range    string
	IPAM     map[string]string
	Options  map[string]string
	Internal bool
	Aux      map[string]string
}

func (p *plugin) id() string {
	if p.swarm {
		return random(13)[:25]
	}
	return random(32)
}

// createNetwork does what dockerd does for docker network create, its clean-up included.
func (p *plugin) createNetwork(a ask) (n dockerNet, err error) {
	p.tb.Helper()
	n.ID = p.id()
	defer func() {
		if err != nil {
			p.releasePools(n)
		}
	}()
	body := object{"NetworkID": n.ID, "Options": object{"com.docker.network.generic": a.Options, "com.docker.network.internal": a.Internal}}
	data := map[bool][]object{}
	for i, cidr := range a.Subnets {
		v6 := strings.Contains(cidr, ":") || cidr == "v6"
		cidr = strings.TrimPrefix(cidr, "v6")
		answer, err := p.try("IpamDriver.RequestPool", object{"AddressSpace": "no_address_space", "Pool": cidr, "SubPool": a.Range, "Options": a.IPAM, "V6": v6})
		if err != nil {
			return n, err
		}
		pool := dockerPool{ID: answer["PoolID"].(string), Pool: answer["Pool"].(string), V6: v6}
		hint, _ := answer["Data"].(object)
		pool.Gateway, _ = hint["com.docker.network.gateway"].(string)
		n.Pools = append(n.Pools, pool)
		wanted := ""
		if i < len(a.Gateways) {
			wanted = a.Gateways[i]
		}
		if wanted != "" || pool.Gateway == "" {
			answer, err = p.try("IpamDriver.RequestAddress", object{"PoolID": pool.ID, "Address": wanted, "Options": object{"RequestAddressType": "com.docker.network.gateway"}})
			if err != nil {
				return n, err
			}
			pool.Gateway = answer["Address"].(string)
			n.Pools[len(n.Pools)-1] = pool
		}
		aux := object{}
		for name, ip := range a.Aux {
			answer, err := p.try("IpamDriver.RequestAddress", object{"PoolID": pool.ID, "Address": ip, "Options": nil})
			if err != nil {
				return n, err
			}
			aux[name] = answer["Address"]
		}
		data[v6] = append(data[v6], object{"AddressSpace": "no_address_space", "Pool": pool.Pool, "Gateway": pool.Gateway, "AuxAddresses": aux})
	}
	body["IPv4Data"], body["IPv6Data"] = data[false], data[true]
	_, err = p.try("NetworkDriver.CreateNetwork", body)
	return n, err
}

func (p *plugin) releasePools(n dockerNet) {
	for _, pool := range n.Pools {
		ip, _, _ := strings.Cut(pool.Gateway, "/")
		_, _ = p.try("IpamDriver.ReleaseAddress", object{"PoolID": pool.ID, "Address": ip})
		_, _ = p.try("IpamDriver.ReleasePool", object{"PoolID": pool.ID})
	}
}

// removeNetwork does what dockerd does for docker network rm.
func (p *plugin) removeNetwork(n dockerNet) error {
	p.tb.Helper()
	p.releasePools(n)
	_, err := p.try("NetworkDriver.DeleteNetwork", object{"NetworkID": n.ID})
	return err
}

// dockerEndpoint is an endpoint as dockerd keeps it.
type dockerEndpoint struct {
	ID, MAC   string
	Addresses map[string]string // pool id to CIDR
	Join      object
	Created   bool
}

// want is what a user says to put a container on a network.
type want struct {
	IPs     map[bool]string // by V6
	MAC     string
	Options object
	Expose  []proto
}

func randomMAC() string {
	digits := random(5)
	return fmt.Sprintf("02:%s:%s:%s:%s:%s", digits[0:2], digits[2:4], digits[4:6], digits[6:8], digits[8:10])
}

// connect does what dockerd does to put a container on a network, its clean-up included.
func (p *plugin) connect(n dockerNet, w want) (e dockerEndpoint, err error) {
	p.tb.Helper()
	e = dockerEndpoint{ID: p.id(), MAC: w.MAC, Addresses: map[string]string{}}
	told := object{}
	if !p.ChoosesMACs() {
		e.MAC = cmp.Or(e.MAC, randomMAC())
		told["com.docker.network.endpoint.macaddress"] = e.MAC
	}
	face := object{"MacAddress": e.MAC}
	for _, pool := range n.Pools {
		answer, err := p.try("IpamDriver.RequestAddress", object{"PoolID": pool.ID, "Address": w.IPs[pool.V6], "Options": told})
		if err != nil {
			return e, err // 20.10 does not release the other version's address here
		}
		e.Addresses[pool.ID] = answer["Address"].(string)
		face[map[bool]string{false: "Address", true: "AddressIPv6"}[pool.V6]] = answer["Address"]
	}
	defer func() {
		if err != nil {
			p.disconnect(n, e)
		}
	}()
	options := object{"com.docker.network.portmap": []any{}}
	for key, value := range w.Options {
		options[key] = value
	}
	made, err := p.try("NetworkDriver.CreateEndpoint", object{"NetworkID": n.ID, "EndpointID": e.ID, "Interface": face, "Options": options})
	if err != nil {
		return e, err
	}
	e.Created = true
	if mac, _ := made["Interface"].(object)["MacAddress"].(string); mac != "" {
		if e.MAC != "" { // dockerd refuses that
			return e, fmt.Errorf("the driver would replace the MAC %s with %s", e.MAC, mac)
		}
		e.MAC = mac
	}
	if e.Join, err = p.try("NetworkDriver.Join", object{"NetworkID": n.ID, "EndpointID": e.ID, "SandboxKey": "/run/docker/netns/" + random(6)}); err != nil {
		return e, err
	}
	if len(w.Expose) > 0 {
		err = p.expose(n, e, w.Expose, nil)
	}
	return e, err
}

// disconnect does what dockerd does to take a container off a network: errors are logged.
func (p *plugin) disconnect(n dockerNet, e dockerEndpoint) {
	p.tb.Helper()
	if e.Created {
		_, _ = p.try("NetworkDriver.Leave", object{"NetworkID": n.ID, "EndpointID": e.ID})
		_, _ = p.try("NetworkDriver.DeleteEndpoint", object{"NetworkID": n.ID, "EndpointID": e.ID})
	}
	for _, pool := range n.Pools {
		if cidr, has := e.Addresses[pool.ID]; has {
			ip, _, _ := strings.Cut(cidr, "/")
			_, _ = p.try("IpamDriver.ReleaseAddress", object{"PoolID": pool.ID, "Address": ip})
		}
	}
}

// ip returns the endpoint's address of a version.
func (e dockerEndpoint) ip(n dockerNet, v6 bool) netip.Addr {
	for _, pool := range n.Pools {
		if pool.V6 == v6 {
			p, _ := netip.ParsePrefix(e.Addresses[pool.ID])
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// port returns the one port with the endpoint's address.
func (c *cloud) port(tb testing.TB, ip netip.Addr) zun.Port {
	tb.Helper()
	found := got(neutron.New(c.session, neutron.Options{}).FindPorts(context.Background(), zun.NeutronQuery{IP: ip}))(tb)
	if len(found) != 1 {
		tb.Fatalf("%d ports with %s: %v", len(found), ip, found)
	}
	return found[0]
}
