package libnetwork_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	stdnet "net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/kuryr/libnetwork"
	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/zun"
)

// engine is the real Docker Engine with our driver under a name of its own.
type engine struct {
	tb     testing.TB
	driver string
	image  string
}

// docker runs the docker command and returns what it writes.
func (e *engine) docker(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (e *engine) must(args ...string) string {
	e.tb.Helper()
	out, err := e.docker(args...)
	if err != nil {
		e.tb.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// refuses runs a command that is to fail, saying something.
func (e *engine) refuses(says string, args ...string) {
	e.tb.Helper()
	if out, err := e.docker(args...); err == nil || !strings.Contains(out, says) {
		e.tb.Errorf("docker %s: %v, want an error with %q\n%s", strings.Join(args, " "), err, says, out)
	}
}

// mustEngine serves the plugin to the real dockerd, with taps in the host's own namespace.
func mustEngine(tb testing.TB, c *cloud, spare int) *engine {
	tb.Helper()
	if os.Getuid() != 0 {
		tb.Skip("a plugin's socket and links need root")
	}
	if out, err := exec.Command("docker", "version", "--format", "{{.Server.Version}}").CombinedOutput(); err != nil {
		tb.Skipf("no Docker Engine answers: %s", out)
	}
	e := &engine{tb: tb, driver: "kuryrtest" + random(4)}
	e.image = e.driver + ":busybox"
	links := got(link.Open(""))(tb)
	tb.Cleanup(links.Close)
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	d := kuryr.New(kuryr.Config{DB: mustDB(tb, "kuryr.db"), Neutron: c.Service, Binder: binding.New(links, log), Host: host, Log: log, SparePorts: spare})
	socket := filepath.Join("/run/docker/plugins", e.driver+".sock")
	listener := got(libnetwork.Listen(socket))(tb)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() {
		ended <- libnetwork.Serve(ctx, listener, libnetwork.Handler(d, libnetwork.Options{Log: log}))
	}()
	go func() { ended <- d.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, <-ended); err != nil {
			tb.Error(err)
		}
		if _, err := os.Lstat(socket); err == nil {
			tb.Error("the plugin's socket is left")
		}
	})
	e.importImage()
	e.openFirewall()
	return e
}

func (e *engine) importImage() {
	e.tb.Helper()
	raw, err := os.ReadFile("/bin/busybox")
	if err != nil {
		e.tb.Skip("no /bin/busybox to make a test image of")
	}
	var image bytes.Buffer
	w := tar.NewWriter(&image)
	must(e.tb, w.WriteHeader(&tar.Header{Name: "bin/busybox", Mode: 0o755, Size: int64(len(raw))}))
	_, err = w.Write(raw)
	must(e.tb, err)
	must(e.tb, w.Close())
	command := exec.Command("docker", "import", "-", e.image)
	command.Stdin = &image
	if out, err := command.CombinedOutput(); err != nil {
		e.tb.Fatalf("docker import: %v\n%s", err, out)
	}
	e.tb.Cleanup(func() { _, _ = e.docker("rmi", "-f", e.image) })
}

// network makes a Docker network that goes with the test.
func (e *engine) network(name string, args ...string) string {
	e.tb.Helper()
	name = e.driver + "-" + name
	all := append([]string{"network", "create", "-d", e.driver, "--ipam-driver", e.driver}, args...)
	e.must(append(all, name)...)
	e.tb.Cleanup(func() { _, _ = e.docker("network", "rm", name) })
	return name
}

// container makes a container that sleeps and goes with the test.
func (e *engine) container(name string, args ...string) string {
	e.tb.Helper()
	name = e.driver + "-" + name
	all := append([]string{"run", "-d", "--init=false", "--name", name}, args...)
	e.tb.Cleanup(func() { _, _ = e.docker("rm", "-f", name) })
	e.must(append(all, e.image, "/bin/busybox", "sleep", "600")...)
	return name
}

// containerAt is container with addresses. The docker command does not send a MAC to an
// engine before 25, so this speaks to its socket.
func (e *engine) containerAt(name, net, mac, ip, ip6 string) string {
	e.tb.Helper()
	name = e.driver + "-" + name
	body := got(json.Marshal(object{
		"Image": e.image, "Cmd": []string{"/bin/busybox", "sleep", "600"}, "MacAddress": mac,
		"HostConfig":       object{"NetworkMode": net},
		"NetworkingConfig": object{"EndpointsConfig": object{net: object{"IPAMConfig": object{"IPv4Address": ip, "IPv6Address": ip6}}}},
	}))(e.tb)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (stdnet.Conn, error) {
		return new(stdnet.Dialer).DialContext(ctx, "unix", "/var/run/docker.sock")
	}}}
	defer client.CloseIdleConnections()
	e.tb.Cleanup(func() { _, _ = e.docker("rm", "-f", name) })
	response := got(client.Post("http://docker/v1.41/containers/create?name="+name, "application/json", bytes.NewReader(body)))(e.tb)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		e.tb.Fatalf("container create: %s", response.Status)
	}
	e.must("start", name)
	return name
}

func (e *engine) exec(name string, args ...string) string {
	e.tb.Helper()
	return e.must(append([]string{"exec", name, "/bin/busybox"}, args...)...)
}

// ping waits until a container reaches an address: other tests may be changing the host's
// firewall just then.
func (e *engine) ping(from, to string) {
	e.tb.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		out, err := e.docker("exec", from, "/bin/busybox", "ping", "-c", "1", "-W", "1", to)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			e.tb.Errorf("%s does not reach %s: %s", from, to, out)
			return
		}
	}
}

// openFirewall lets frames pass between taps while the test runs: Docker's own policy drops
// them, and minicloud's data plane, which sees to that, is not part of this test.
func (e *engine) openFirewall() {
	rule := []string{"DOCKER-USER", "-i", "brq+", "-o", "brq+", "-m", "comment", "--comment", e.driver, "-j", "ACCEPT"}
	if _, err := exec.Command("iptables", append([]string{"-w", "-I"}, rule...)...).CombinedOutput(); err == nil {
		e.tb.Cleanup(func() { _ = exec.Command("iptables", append([]string{"-w", "-D"}, rule...)...).Run() })
	}
}

// address is what Docker says a container has on a network.
func (e *engine) address(container, network, field string) string {
	e.tb.Helper()
	return e.must("inspect", "-f", `{{(index .NetworkSettings.Networks "`+network+`").`+field+`}}`, container)
}

func TestDocker(t *testing.T) { testDocker(t, 0) }

// All of it is so with spare ports too, where Docker does not choose MACs.
func TestDockerWithSparePorts(t *testing.T) { testDocker(t, 3) }

func testDocker(t *testing.T, spare int) {
	c := mustCloud(t)
	tn := c.tenant(t, "10.241.0.0/24", "fd00:241::/64")
	own := c.userPort(t, tn)
	e := mustEngine(t, c, spare)
	links := got(link.Open(""))(t)
	defer links.Close()
	t.Cleanup(func() { must(t, links.Delete("brq"+tn.Net.ID[:11])) })
	before := c.state(t)
	t.Run("dual stack on a tenant's network", func(t *testing.T) {
		e.tb = t
		net := e.network(
			"tenant", "--ipv6", "--subnet", "10.241.0.0/24", "--gateway", "10.241.0.1", "--subnet", "fd00:241::/64",
			"-o", "neutron.net.uuid="+tn.Net.ID, "-o", "neutron.pool.uuid="+tn.Pool.ID, "--ipam-opt", "neutron.pool.uuid="+tn.Pool.ID,
			"-o", "neutron.subnet.v6.name=testsubnet6", "--ipam-opt", "neutron.subnet.v6.name=testsubnet6")
		a := e.container("a", "--net", net)
		at := c.free(t, tn.Net.ID, "10.241.0.0/24").String()
		b := e.containerAt("b", net, "02:11:22:33:44:55", at, "fd00:241::f:50")
		user := e.containerAt("user", net, own.MAC, own.FixedIPs[0].IP.String(), own.FixedIPs[1].IP.String())
		port := c.port(t, netip.MustParseAddr(at))
		if port.MAC != "02:11:22:33:44:55" || e.address(b, net, "MacAddress") != port.MAC || len(port.FixedIPs) != 2 {
			t.Errorf("port %+v", port)
		}
		if now := c.port(t, own.FixedIPs[0].IP); now.ID != own.ID || now.Host != host {
			t.Errorf("user's port %+v", now)
		}
		e.ping(a, at)
		e.ping(a, "fd00:241::f:50")
		e.ping(b, own.FixedIPs[0].IP.String())
		if mtu := e.exec(a, "cat", "/sys/class/net/eth0/mtu"); mtu != strconv.Itoa(tn.Net.MTU) {
			t.Errorf("MTU %s", mtu)
		}
		if routes := e.exec(a, "ip", "route"); !strings.Contains(routes, "default via 10.241.0.1") {
			t.Errorf("routes %s", routes)
		}
		e.must("restart", "-t", "0", b)
		if ip := e.address(b, net, "IPAddress"); ip != at {
			t.Errorf("after a restart %s", ip)
		}
		e.ping(a, at)
		e.must("stop", "-t", "0", a)
		e.must("start", a)
		e.ping(a, at)
		e.must("kill", a)
		e.must("start", a)
		e.ping(b, e.address(a, net, "IPAddress"))
		e.refuses("in use", "run", "--rm", "--net", net, "--ip", at, e.image, "/bin/busybox", "true")
		e.must("rm", "-f", a, b, user)
		e.must("network", "rm", net)
	})
	t.Run("two networks, one new and one without a gateway", func(t *testing.T) {
		e.tb = t
		lone := c.lone(t)
		first := e.network("new", "--subnet", "10.242.0.0/24", "--gateway", "10.242.0.1")
		made := got(c.Service.FindNetworks(context.Background(), zun.NeutronQuery{Name: "kuryr-net-" + e.must("network", "inspect", "-f", "{{.Id}}", first)[:8]}))(t)[0]
		t.Cleanup(func() { must(t, links.Delete("brq"+made.ID[:11])) })
		second := e.network("lone", "--subnet", "10.243.0.0/24", "-o", "neutron.net.name=lone",
			"-o", "neutron.subnet.uuid="+lone.SubnetIDs[0], "--ipam-opt", "neutron.subnet.uuid="+lone.SubnetIDs[0])
		a, b := e.container("a", "--net", first), e.container("b", "--net", second)
		at := c.free(t, lone.ID, "10.243.0.0/24").String()
		e.must("network", "connect", "--ip", at, second, a)
		e.ping(b, at)
		if routes := e.exec(b, "ip", "route"); strings.Contains(routes, "default") {
			t.Errorf("routes %s", routes)
		}
		if routes := e.exec(a, "ip", "route"); !strings.Contains(routes, "default via 10.242.0.1") {
			t.Errorf("routes %s", routes)
		}
		e.must("network", "disconnect", second, a)
		e.must("network", "connect", second, a)
		e.ping(b, e.address(a, second, "IPAddress"))
		handed := got(c.Service.CreatePort(context.Background(), zun.PortSpec{
			NetworkID: lone.ID, ProjectID: lone.ProjectID, DeviceID: "node", DeviceOwner: zun.DeviceOwner, Host: host,
		}))(t)
		e.must("network", "disconnect", second, a)
		e.must("network", "connect", "--ip", handed.FixedIPs[0].IP.String(), "--driver-opt", "neutron.port.uuid="+handed.ID, second, a)
		e.ping(b, handed.FixedIPs[0].IP.String())
		e.must("rm", "-f", a, b)
		must(t, c.Service.DeletePort(context.Background(), handed.ID))
		e.must("network", "rm", first, second)
		must(t, c.Demo.DeleteNetwork(context.Background(), lone.ID))
		must(t, links.Delete("brq"+lone.ID[:11]))
	})
	t.Run("what Docker's user does wrong", func(t *testing.T) {
		e.tb = t
		create := func(args ...string) []string {
			all := append([]string{"network", "create", "-d", e.driver, "--ipam-driver", e.driver}, args...)
			return append(all, e.driver+"-wrong")
		}
		e.refuses("10.241.0.1", create("--subnet", "10.241.0.0/24", "--gateway", "10.241.0.9", "--ipam-opt", "neutron.subnet.uuid="+tn.V4.ID)...)
		e.refuses("has the CIDR", create("--subnet", "10.99.0.0/24", "--ipam-opt", "neutron.subnet.uuid="+tn.V4.ID)...)
		e.refuses("does not exist", create("--subnet", "10.99.0.0/24", "-o", "neutron.net.name=nowhere")...)
		e.refuses("not known", create("--subnet", "10.99.0.0/24", "-o", "neutron.net.uid=x")...)
	})
	// What is owed is done in the background.
	deadline := time.Now().Add(20 * time.Second)
	for cmp.Diff(before, c.state(t)) != "" && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if diff := cmp.Diff(before, c.state(t)); diff != "" {
		t.Error(diff)
	}
	for _, port := range got(links.List("tap"))(t) {
		for _, line := range before {
			if strings.Contains(line, port.Name[3:]) {
				t.Errorf("%s is left", port.Name)
			}
		}
	}
}

// lone is a tenant's network with a subnet that has no gateway.
func (c *cloud) lone(tb testing.TB) zun.NeutronNetwork {
	tb.Helper()
	ctx := context.Background()
	n := got(c.Demo.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "lone"}))(tb)
	s := got(c.Demo.CreateSubnet(ctx, zun.NeutronSubnetSpec{Name: "lone", NetworkID: n.ID, CIDR: netip.MustParsePrefix("10.243.0.0/24"), NoGateway: true}))(tb)
	n.SubnetIDs = []string{s.ID}
	return n
}
