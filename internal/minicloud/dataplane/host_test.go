package dataplane

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/minicloud"
)

const (
	patience = 10 * time.Second       // for what must happen
	doubt    = 300 * time.Millisecond // for what must not: a packet takes less than one
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func randomHex(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw)
	return hex.EncodeToString(raw)
}

// newID returns something that is as random as a UUID where it counts: in front.
func newID() string { return randomHex(4) + "-" + randomHex(2) + "-4000-8000-000000000000" }

// source is a Source whose wishes a test sets.
type source struct {
	mu      sync.Mutex
	desired minicloud.Desired
	plugged map[string]bool
	history map[string][]bool // what was told of each port, in order
	changed chan struct{}
	told    chan struct{}
}

func newSource() *source {
	return &source{
		plugged: map[string]bool{}, history: map[string][]bool{},
		changed: make(chan struct{}, 1), told: make(chan struct{}, 1),
	}
}

func (s *source) Desired(context.Context) (minicloud.Desired, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.desired, nil
}

func (s *source) Changed() <-chan struct{} { return s.changed }

func (s *source) PortPlugged(_ context.Context, id string, plugged bool) error {
	s.mu.Lock()
	s.plugged[id] = plugged
	s.history[id] = append(s.history[id], plugged)
	s.mu.Unlock()
	select {
	case s.told <- struct{}{}:
	default:
	}
	return nil
}

func (s *source) want(d minicloud.Desired) {
	s.mu.Lock()
	s.desired = d
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// awaitPlugged waits until the port was told to be plugged or not.
func (s *source) awaitPlugged(tb testing.TB, id string, want bool) {
	tb.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		got, known := s.plugged[id]
		s.mu.Unlock()
		if known && got == want {
			return
		}
		select {
		case <-s.told:
		case <-deadline:
			tb.Fatalf("port %s: told %v (known %v), want %v", id, got, known, want)
		}
	}
}

// testHost is a machine of its own: a namespace that a Plane works in.
type testHost struct {
	tb     testing.TB
	links  *link.Handle
	prefix string
	source *source
	stop   func()
}

// newHost makes a host without a Plane running.
func newHost(tb testing.TB) *testHost {
	tb.Helper()
	if os.Getuid() != 0 {
		tb.Skip("network namespaces and nftables need root")
	}
	prefix := "dptest-" + randomHex(3)
	h := &testHost{tb: tb, prefix: prefix, links: newNamespace(tb, prefix+"host"), source: newSource(), stop: func() {}}
	h.likeDocker()
	tb.Cleanup(func() {
		if tb.Failed() && os.Getenv("DATAPLANE_DUMP") != "" {
			rules, _ := output(context.Background(), h.links, "nft", "list", "ruleset")
			tb.Log(rules)
		}
		h.stop()
		must(tb, h.plane().Clear(context.Background()))
		left, err := link.Namespaces(prefix + "-")
		if err != nil || len(left) > 0 {
			tb.Errorf("namespaces left after Clear: %v, %v", left, err)
		}
	})
	return h
}

// likeDocker makes the host as a running dockerd leaves it, and switches the host-wide
// bridge filter off, so that nothing works by its accident.
func (h *testHost) likeDocker() {
	for _, tool := range []string{"iptables", "ip6tables"} {
		must(h.tb, run(context.Background(), h.links, tool, "-w", "-P", "FORWARD", "DROP"))
	}
	_ = run(context.Background(), h.links, "modprobe", "br_netfilter") // built in here and there
	must(h.tb, h.links.SetSysctl("net/bridge/bridge-nf-call-iptables", "0", "net/bridge/bridge-nf-call-ip6tables", "0"))
}

func newNamespace(tb testing.TB, name string) *link.Handle {
	tb.Helper()
	must(tb, link.EnsureNamespace(name))
	tb.Cleanup(func() { must(tb, link.DeleteNamespace(name)) })
	h, err := link.Open(name)
	must(tb, err)
	tb.Cleanup(h.Close)
	return h
}

func (h *testHost) plane() *Plane {
	level := slog.LevelWarn
	return New(Config{
		Source: h.source, Prefix: h.prefix, Namespace: h.links.Namespace(), Check: time.Hour,
		Log: slog.New(slog.NewTextHandler(testWriter{h.tb}, &slog.HandlerOptions{Level: level})),
	})
}

type testWriter struct{ tb testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.tb.Logf("%s", p)
	return len(p), nil
}

// run starts a Plane on the host and waits until it is ready.
func (h *testHost) run(d minicloud.Desired) {
	h.tb.Helper()
	h.stop()
	h.source.mu.Lock()
	h.source.desired = d
	h.source.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	plane := h.plane()
	done := make(chan error, 1)
	go func() { done <- plane.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.tb.Errorf("Run ended with %v", err)
		}
	})
	select {
	case <-plane.Ready():
	case err := <-done:
		done <- err
		h.tb.Fatalf("Run ended at once: %v", err)
	case <-time.After(patience):
		h.tb.Fatal("the plane does not get ready")
	}
}

// apply changes what is wanted and waits until the host follows: it adds a port that has no
// other use, plugs it, and waits to be told.
func (h *testHost) apply(d minicloud.Desired) {
	h.tb.Helper()
	flag := minicloud.Port{ID: newID(), Index: 60000, MAC: "fa:16:3e:ff:ff:ff", AdminUp: false}
	d.Networks = append([]minicloud.Network{{ID: newID(), Index: 16000, MTU: 1500, Ports: []minicloud.Port{flag}}}, d.Networks...)
	h.source.want(d)
	h.source.awaitPlugged(h.tb, flag.ID, false)
}

// container is a namespace plugged as a port.
type container struct {
	*link.Handle
	tb   testing.TB
	port minicloud.Port
	tap  string
}

// plug does what the plugin does: bridge, veth, addresses, routes. It waits until the port
// is told to be plugged.
func (h *testHost) plug(n minicloud.Network, p minicloud.Port) *container {
	h.tb.Helper()
	c := h.plugUnseen(n, p)
	h.source.awaitPlugged(h.tb, p.ID, true)
	return c
}

func (h *testHost) plugUnseen(n minicloud.Network, p minicloud.Port) *container {
	h.tb.Helper()
	c := &container{Handle: newNamespace(h.tb, h.prefix+"c"+short(p.ID)), tb: h.tb, port: p, tap: tapName(p.ID)}
	mac, err := net.ParseMAC(p.MAC)
	must(h.tb, err)
	_, err = h.links.EnsureBridge(bridgeName(n.ID), n.MTU)
	must(h.tb, err)
	must(h.tb, h.links.EnsureVeth(link.Veth{Name: c.tap, Peer: "eth0", MTU: n.MTU, PeerMAC: mac, PeerAt: c.Handle, NoIPv6: true}))
	h.tb.Cleanup(func() { must(h.tb, h.links.Delete(c.tap)) })
	must(h.tb, c.SetUp("eth0"))
	for _, ip := range p.IPs {
		for _, s := range n.Subnets {
			if s.CIDR.Contains(ip) {
				must(h.tb, c.AddAddress("eth0", netip.PrefixFrom(ip, s.CIDR.Bits())))
				if s.Gateway.IsValid() {
					must(h.tb, c.AddRoute(link.Route{To: netip.PrefixFrom(zeroOf(ip), 0), Via: s.Gateway, Link: "eth0"}))
				}
			}
		}
	}
	must(h.tb, h.links.SetMaster(c.tap, bridgeName(n.ID)))
	return c
}

func zeroOf(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// listen starts a TCP server that echoes what it gets, with the caller's address in front.
func listen(tb testing.TB, at *link.Handle, addr netip.AddrPort) {
	tb.Helper()
	var l *net.TCPListener
	must(tb, at.In(func() error {
		var err error
		l, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
		return err
	}))
	tb.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go echo(conn)
		}
	}()
}

func echo(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintln(conn, conn.RemoteAddr()); err != nil {
		return
	}
	_, _ = io.Copy(conn, conn)
}

// talk is an open connection to an echo server.
type talk struct {
	conn net.Conn
	from netip.AddrPort // as the server sees us
}

func dialTCP(from *link.Handle, local, to netip.AddrPort, wait time.Duration) (*talk, error) {
	var conn net.Conn
	err := from.In(func() error {
		d := net.Dialer{Timeout: wait}
		if local.IsValid() {
			d.LocalAddr = net.TCPAddrFromAddrPort(local)
		}
		var err error
		conn, err = d.Dial("tcp", to.String())
		return err
	})
	if err != nil {
		return nil, err
	}
	var text string
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := fmt.Fscanln(conn, &text); err != nil {
		_ = conn.Close()
		return nil, err
	}
	seen, err := netip.ParseAddrPort(text)
	return &talk{conn, seen}, err
}

// say sends a word and wants it back.
func (t *talk) say(word string) error {
	if err := t.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(t.conn, word); err != nil {
		return err
	}
	got := make([]byte, len(word))
	if _, err := io.ReadFull(t.conn, got); err != nil {
		return err
	}
	if !reflect.DeepEqual(string(got), word) {
		return fmt.Errorf("got %q back for %q", got, word)
	}
	return nil
}

func mustDial(tb testing.TB, from *link.Handle, to netip.AddrPort) *talk {
	tb.Helper()
	t, err := dialTCP(from, netip.AddrPort{}, to, patience)
	if err != nil {
		tb.Fatalf("%s cannot reach %s: %v", from.Namespace(), to, err)
	}
	tb.Cleanup(func() { _ = t.conn.Close() })
	return t
}

func mustNotDial(tb testing.TB, from *link.Handle, to netip.AddrPort) {
	tb.Helper()
	if t, err := dialTCP(from, netip.AddrPort{}, to, doubt); err == nil {
		_ = t.conn.Close()
		tb.Errorf("%s reaches %s, and must not", from.Namespace(), to)
	}
}

// ping sends one echo request and waits for its answer.
func ping(from *link.Handle, to netip.Addr, wait time.Duration) error {
	request, reply, family := byte(8), byte(0), "ip4:icmp"
	if to.Is6() {
		request, reply, family = 128, 129, "ip6:ipv6-icmp"
	}
	var conn *net.IPConn
	err := from.In(func() error {
		var err error
		conn, err = net.DialIP(family, nil, &net.IPAddr{IP: to.AsSlice()})
		return err
	})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	message := []byte{request, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'}
	if to.Is4() {
		sum := checksum(message)
		message[2], message[3] = byte(sum>>8), byte(sum)
	}
	if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	if _, err := conn.Write(message); err != nil {
		return err
	}
	buf := make([]byte, 1500)
	for {
		n, _, err := conn.ReadFromIP(buf) // unlike Read, without the IPv4 header
		if err != nil {
			return err
		}
		if n >= 8 && buf[0] == reply {
			return nil
		}
	}
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func mustPing(tb testing.TB, from *link.Handle, to netip.Addr) {
	tb.Helper()
	if err := ping(from, to, patience); err != nil {
		tb.Fatalf("%s cannot ping %s: %v", from.Namespace(), to, err)
	}
}

func mustNotPing(tb testing.TB, from *link.Handle, to netip.Addr) {
	tb.Helper()
	if ping(from, to, doubt) == nil {
		tb.Errorf("%s pings %s, and must not", from.Namespace(), to)
	}
}
