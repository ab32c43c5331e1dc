package link

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mustNamespace returns a Handle on a fresh namespace that goes with the test.
func mustNamespace(tb testing.TB) *Handle {
	tb.Helper()
	if os.Getuid() != 0 {
		tb.Skip("network namespaces need root")
	}
	raw := make([]byte, 4)
	_, _ = rand.Read(raw)
	name := "linktest-" + hex.EncodeToString(raw)
	if err := EnsureNamespace(name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := DeleteNamespace(name); err != nil {
			tb.Error(err)
		}
	})
	h, err := Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(h.Close)
	return h
}

func mustFind(tb testing.TB, h *Handle, name string) Info {
	tb.Helper()
	l, ok, err := h.Find(name)
	if err != nil || !ok {
		tb.Fatalf("Find(%s): found %v, %v", name, ok, err)
	}
	return l
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func TestBridgeIsMadeOnceAndFinished(t *testing.T) {
	h := mustNamespace(t)
	first, err := h.EnsureBridge("brqtest", 1400)
	must(t, err)
	again, err := h.EnsureBridge("brqtest", 1500)
	must(t, err)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the second call changed the bridge (-first +again):\n%s", diff)
	}
	if !first.Up || first.MTU != 1400 || first.Kind != "bridge" {
		t.Errorf("got %+v, want a bridge that is up with MTU 1400", first)
	}
	value, err := h.Sysctl("net/ipv6/conf/brqtest/disable_ipv6")
	must(t, err)
	if value != "1" {
		t.Errorf("disable_ipv6 is %s, want 1", value)
	}
	must(t, h.SetBridgeFiltering("brqtest"))
	must(t, h.Delete("brqtest"))
	must(t, h.Delete("brqtest"))
}

func TestBridgeNameTakenByAnotherKind(t *testing.T) {
	h := mustNamespace(t)
	must(t, h.EnsureVeth(Veth{Name: "brqtest", Peer: "other"}))
	if _, err := h.EnsureBridge("brqtest", 0); err == nil {
		t.Error("a veth was taken for a bridge")
	}
}

func TestVethIsAdoptedWhenWholeAndRemadeWhenNot(t *testing.T) {
	h, far := mustNamespace(t), mustNamespace(t)
	mac, _ := net.ParseMAC("fa:16:3e:00:00:01")
	pair := Veth{Name: "tapx", Peer: "t_cx", MTU: 1450, PeerMAC: mac, NoIPv6: true}
	must(t, h.EnsureVeth(pair))
	made := mustFind(t, h, "tapx")

	pair.MTU = 1400
	must(t, h.EnsureVeth(pair))
	adopted := mustFind(t, h, "tapx")
	if adopted.Index != made.Index || adopted.MTU != 1400 {
		t.Errorf("got index %d MTU %d, want the same link %d with MTU 1400", adopted.Index, adopted.MTU, made.Index)
	}
	if got := mustFind(t, h, "t_cx"); got.MAC.String() != mac.String() || got.MTU != 1400 {
		t.Errorf("the peer is %+v", got)
	}

	pair.PeerAt = far
	must(t, h.EnsureVeth(pair))
	if _, ok, _ := h.Find("t_cx"); ok {
		t.Error("the pair was not remade with its peer in the other namespace")
	}
	moved := mustFind(t, far, "t_cx")
	must(t, h.EnsureVeth(pair))
	if again := mustFind(t, far, "t_cx"); again.Index != moved.Index {
		t.Error("a whole pair across namespaces was remade")
	}
}

func TestMasterAddressesAndRoutes(t *testing.T) {
	h := mustNamespace(t)
	bridge, err := h.EnsureBridge("brq0", 0)
	must(t, err)
	must(t, h.EnsureVeth(Veth{Name: "a", Peer: "b"}))
	must(t, h.SetUp("b"))
	must(t, h.SetMaster("a", "brq0"))
	if got := mustFind(t, h, "a"); got.Master != bridge.Index {
		t.Errorf("master is %d, want %d", got.Master, bridge.Index)
	}
	must(t, h.ClearMaster("a"))
	must(t, h.ClearMaster("nosuch"))
	if got := mustFind(t, h, "a"); got.Master != 0 {
		t.Errorf("master is %d, want none", got.Master)
	}

	want := []netip.Prefix{netip.MustParsePrefix("10.9.0.1/24"), netip.MustParsePrefix("fd09::1/64")}
	must(t, h.SetAddresses("b", append(want, netip.MustParsePrefix("10.8.0.1/24"))))
	must(t, h.SetAddresses("b", want))
	got, err := h.Addresses("b")
	must(t, err)
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}

	r := Route{To: netip.MustParsePrefix("10.77.0.0/16"), Via: netip.MustParseAddr("10.9.0.2"), Link: "b"}
	must(t, h.AddRoute(r))
	must(t, h.AddRoute(r))
	r6 := Route{To: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr("fd09::2"), Link: "b"}
	must(t, h.AddRoute(r6))
	if !hasRoute(t, h, r) || !hasRoute(t, h, r6) {
		t.Error("the routes are not there")
	}
	must(t, h.RemoveRoute(r))
	must(t, h.RemoveRoute(r))
	if hasRoute(t, h, r) {
		t.Error("the route is still there")
	}
}

func hasRoute(tb testing.TB, h *Handle, want Route) bool {
	tb.Helper()
	routes, err := h.Routes()
	must(tb, err)
	want.Ours = true
	for _, r := range routes {
		if r == want {
			return true
		}
	}
	return false
}

func TestForeignRouteIsNotReplaced(t *testing.T) {
	h := mustNamespace(t)
	must(t, h.EnsureVeth(Veth{Name: "a", Peer: "b"}))
	must(t, h.EnsureVeth(Veth{Name: "c", Peer: "d"}))
	for _, name := range []string{"b", "d"} {
		must(t, h.SetUp(name))
	}
	must(t, h.AddAddress("a", netip.MustParsePrefix("10.9.0.1/24")))
	err := h.AddRoute(Route{To: netip.MustParsePrefix("10.9.0.0/24"), Link: "c"})
	if err == nil {
		routes, _ := h.Routes()
		t.Errorf("a route beside the kernel's own was made: %v", routes)
	}
}

func TestNamespaceNameOfACrashIsReplaced(t *testing.T) {
	h := mustNamespace(t)
	name := h.Namespace() + "x"
	must(t, os.WriteFile(namespaceDir+"/"+name, nil, 0o444))
	must(t, EnsureNamespace(name))
	must(t, EnsureNamespace(name))
	names, err := Namespaces(name)
	must(t, err)
	if diff := cmp.Diff([]string{name}, names); diff != "" {
		t.Error(diff)
	}
	must(t, DeleteNamespace(name))
	must(t, DeleteNamespace(name))
}

func TestWatchTellsLinksMastersAndEnds(t *testing.T) {
	h := mustNamespace(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	bridge, err := h.EnsureBridge("brq0", 0)
	must(t, err)
	events, err := h.Watch(ctx)
	must(t, err)
	await := func(what string, ok func(Event) bool) {
		t.Helper()
		for e := range events {
			if ok(e) {
				return
			}
		}
		t.Fatalf("no event told %s", what)
	}
	await("the bridge that was there", func(e Event) bool { return e.Name == "brq0" })
	must(t, h.EnsureVeth(Veth{Name: "tapa", Peer: "a"}))
	await("the new tap", func(e Event) bool { return e.Name == "tapa" && e.Master == 0 })
	must(t, h.SetMaster("tapa", "brq0"))
	await("its bridge", func(e Event) bool { return e.Name == "tapa" && e.Master == bridge.Index })
	must(t, h.Delete("tapa"))
	await("its end", func(e Event) bool { return e.Name == "tapa" && e.Gone })
	cancel()
	for range events { //nolint:revive // drained until closed: the watch must end with its context
	}
}

// A reader that sleeps while more happens than the socket holds still ends with the truth.
func TestWatchResyncsAfterOverrun(t *testing.T) {
	h := mustNamespace(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	w := &watch{h: h, buffer: 1, out: make(chan Event), known: map[int]Info{}} // the kernel's least
	sock, err := w.subscribe()
	must(t, err)
	must(t, h.EnsureVeth(Veth{Name: "before", Peer: "peer"}))
	go w.run(ctx, sock)
	await := func(name string, gone bool) {
		t.Helper()
		for e := range w.out {
			if e.Name == name && e.Gone == gone {
				return
			}
		}
		t.Fatalf("%s (gone: %v) was never told", name, gone)
	}
	await("before", false)
	for range 50 { // more than the small buffer takes
		must(t, h.EnsureVeth(Veth{Name: "burst", Peer: "tsrub"}))
		must(t, h.Delete("burst"))
	}
	must(t, h.Delete("before"))
	must(t, h.EnsureVeth(Veth{Name: "last", Peer: "tsal"}))
	gone, there := false, false
	for e := range w.out {
		gone = gone || e.Name == "before" && e.Gone
		there = there || e.Name == "last" && !e.Gone
		if gone && there {
			return
		}
	}
	t.Fatalf("told gone %v, told the last %v", gone, there)
}
