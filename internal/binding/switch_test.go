package binding

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gozun/gozun/internal/link"
)

// realSwitch is a real Open vSwitch on its userspace datapath, in a namespace of its own.
type realSwitch struct {
	tb     testing.TB
	dir    string
	links  *link.Handle
	binder *Binder
	daemon *exec.Cmd
}

func random() string {
	raw := make([]byte, 4)
	_, _ = rand.Read(raw)
	return hex.EncodeToString(raw)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func mustSwitch(tb testing.TB) *realSwitch {
	tb.Helper()
	const schema = "/usr/share/openvswitch/vswitch.ovsschema"
	for _, program := range []string{"ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl"} {
		if _, err := exec.LookPath(program); err != nil {
			tb.Skipf("needs %s of Debian's openvswitch-switch", program)
		}
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		tb.Skip("Open vSwitch's userspace datapath needs /dev/net/tun")
	}
	_, links := mustBinder(tb)
	dir, err := os.MkdirTemp("", "ovstest") // the paths of sockets must be short
	must(tb, err)
	tb.Cleanup(func() { os.RemoveAll(dir) })
	s := &realSwitch{tb: tb, dir: dir, links: links}
	s.binder = New(links, slog.New(slog.DiscardHandler), WithOVSDB(s.path("db.sock")))
	must(tb, exec.Command("ovsdb-tool", "create", s.path("conf.db"), schema).Run())
	s.start("ovsdb-server", "--remote=punix:"+s.path("db.sock"), "--unixctl="+s.path("db.ctl"), s.path("conf.db"))
	s.eventually(func() bool { _, err := os.Stat(s.path("db.sock")); return err == nil })
	s.ctl("--no-wait", "init")
	s.startDaemon()
	s.ctl("add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=netdev")
	return s
}

func (s *realSwitch) path(name string) string { return filepath.Join(s.dir, name) }

// start starts a daemon of Open vSwitch in the switch's namespace.
func (s *realSwitch) start(name string, args ...string) *exec.Cmd {
	s.tb.Helper()
	child := exec.Command(name, append(args, "--no-chdir", "-vconsole:off", "--log-file="+s.path(name+".log"))...)
	child.Env = append(os.Environ(), "OVS_RUNDIR="+s.dir)
	must(s.tb, s.links.In(child.Start))
	s.tb.Cleanup(func() { child.Process.Kill(); child.Wait() })
	return child
}

func (s *realSwitch) startDaemon() {
	s.daemon = s.start("ovs-vswitchd", "--disable-system", "--unixctl="+s.path("vs.ctl"), "unix:"+s.path("db.sock"))
}

// stopDaemon kills ovs-vswitchd; the database stays.
func (s *realSwitch) stopDaemon() {
	s.daemon.Process.Kill()
	s.daemon.Wait()
}

// ctl runs ovs-vsctl, which waits until ovs-vswitchd has done it.
func (s *realSwitch) ctl(args ...string) string {
	s.tb.Helper()
	command := exec.Command("ovs-vsctl", append([]string{"--timeout=10"}, args...)...)
	command.Env = append(os.Environ(), "OVS_RUNDIR="+s.dir)
	out, err := command.CombinedOutput()
	if err != nil {
		s.tb.Fatalf("ovs-vsctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *realSwitch) eventually(done func() bool) {
	s.tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			s.tb.Fatal("it did not happen within 10 s")
		}
	}
}

// ports returns the names of the ports of a bridge.
func (s *realSwitch) ports(bridge string) []string {
	return strings.Fields(s.ctl("list-ports", bridge))
}

// ids returns what ovs-vsctl shows as external_ids of an interface.
func (s *realSwitch) ids(name string) string { return s.ctl("get", "Interface", name, "external_ids") }

// state is what a test compares: links and ports, and all rows of the database that a plug touches.
func (s *realSwitch) state() []string {
	s.tb.Helper()
	found, err := s.links.List("")
	must(s.tb, err)
	names := make(map[string]bool)
	for _, l := range found {
		names["link "+l.Name] = true
	}
	for _, table := range []string{"Port", "Interface"} {
		for _, name := range strings.Fields(s.ctl("--data=bare", "--no-headings", "--columns=name", "list", table)) {
			names[table+" "+name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func ovsPort() Binding {
	id := random() + "-60b1-4d8f-9d2f-1b6b7b2c9b11"
	return Binding{
		PortID: id, NetworkID: "a2b1c0d9-60b1-4d8f-9d2f-1b6b7b2c9b11", DeviceID: strings.Repeat(random(), 8),
		MAC: "02:00:" + id[0:2] + ":" + id[2:4] + ":" + id[4:6] + ":" + id[6:8], MTU: 1442, Host: "h", VIFType: "ovs",
		VIFDetails: map[string]any{"port_filter": true, "connectivity": "l2"},
	}
}

func (b Binding) with(key string, value any) Binding {
	b.VIFDetails = maps.Clone(b.VIFDetails)
	b.VIFDetails[key] = value
	return b
}

// container is a namespace that has a port's inner end.
type container struct {
	tb    testing.TB
	links *link.Handle
}

// mustContainer moves the container's end as Docker does, and gives it an address.
func (s *realSwitch) mustContainer(p Binding, address string) container {
	s.tb.Helper()
	_, inside := mustBinder(s.tb)
	s.ip("link", "set", p.ContainerEnd(), "netns", inside.Namespace())
	c := container{s.tb, inside}
	c.run("ip", "link", "set", p.ContainerEnd(), "name", "eth0")
	c.run("ip", "address", "add", address, "dev", "eth0")
	c.run("ip", "link", "set", "eth0", "up")
	return c
}

func (s *realSwitch) ip(args ...string) { container{s.tb, s.links}.run("ip", args...) }

func (c container) run(name string, args ...string) {
	c.tb.Helper()
	command := exec.Command(name, args...)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	must(c.tb, c.links.In(command.Start))
	if err := command.Wait(); err != nil {
		c.tb.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out.String())
	}
}

func (c container) ping(address string) {
	c.tb.Helper()
	c.run("busybox", "ping", "-c", "1", "-W", "3", address)
}

// tcp sends some text through a connection from c to other. The sockets stay in the
// namespaces that they are made in.
func (c container) tcp(other container, address string) {
	c.tb.Helper()
	text := strings.Repeat("gozun ", 4000)
	var server net.Listener
	must(c.tb, other.links.In(func() (err error) {
		server, err = net.Listen("tcp", net.JoinHostPort(address, "7777"))
		return err
	}))
	defer server.Close()
	received := make(chan string, 1)
	go func() {
		var got []byte
		if conn, err := server.Accept(); err == nil {
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			got, _ = io.ReadAll(conn)
			conn.Close()
		}
		received <- string(got)
	}()
	err := c.links.In(func() error {
		conn, err := net.DialTimeout("tcp", server.Addr().String(), 5*time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = io.WriteString(conn, text)
		return err
	})
	if err != nil {
		server.Close()
	}
	if got := <-received; err != nil || got != text {
		c.tb.Errorf("TCP to %s brought %d of %d bytes, %v", address, len(got), len(text), err)
	}
}
