package dataplane

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/minicloud"
)

func TestARestartInterruptsNothing(t *testing.T) {
	h := newHost(t)
	world := h.neighbour("world", "ext0", "198.51.100.1/24", "2001:db8::1/64")
	listen(t, world, at("::", 80))
	g := defaultGroup()
	a, b := port(1, 5, g.ID), port(2, 6, g.ID)
	n := dualNetwork(1, a, b)
	d := minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}}
	h.run(d)
	ca, cb := h.plug(n, a), h.plug(n, b)
	listen(t, cb.Handle, at("::", 80))
	talks := []*talk{
		mustDial(t, ca.Handle, at("10.2.0.6", 80)), mustDial(t, ca.Handle, at("fd02::6", 80)),
		mustDial(t, ca.Handle, at("198.51.100.2", 80)), mustDial(t, ca.Handle, at("2001:db8::2", 80)),
		mustDial(t, h.links, at("10.2.0.6", 80)), mustDial(t, h.links, at("fd02::6", 80)),
	}
	sayAll := func(word string) {
		t.Helper()
		for i, talk := range talks {
			if err := talk.say(word); err != nil {
				t.Fatalf("connection %d lost at %q: %v", i, word, err)
			}
		}
	}
	before := h.indexes()
	sayAll("before")
	h.stop()
	sayAll("while nobody looks after it")
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				if err := talks[0].say("meanwhile"); err != nil {
					t.Errorf("traffic stopped during the restart: %v", err)
					return
				}
			}
		}
	}()
	h.run(d)
	close(stop)
	<-done
	sayAll("after")
	if diff := cmp.Diff(before, h.indexes()); diff != "" {
		t.Errorf("links were remade (-before +after):\n%s", diff)
	}
	h.source.mu.Lock()
	defer h.source.mu.Unlock()
	for _, p := range n.Ports {
		if told := h.source.history[p.ID]; slices.Contains(told[slices.Index(told, true):], false) {
			t.Errorf("port %s was called down although it was plugged: %v", p.ID, told)
		}
	}
}

func (h *testHost) indexes() map[string]int {
	h.tb.Helper()
	all, err := h.links.List("")
	must(h.tb, err)
	out := map[string]int{}
	for _, l := range all {
		out[l.Name] = l.Index
	}
	return out
}

func TestAPortIsToldAsItsTapComesAndGoes(t *testing.T) {
	h := newHost(t)
	g := defaultGroup()
	a := port(1, 5, g.ID)
	n := dualNetwork(1, a)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	h.source.awaitPlugged(t, a.ID, false)
	c := h.plug(n, a)
	must(t, h.links.ClearMaster(c.tap))
	h.source.awaitPlugged(t, a.ID, false)
	_, err := h.links.EnsureBridge("brqelsewhere", 0)
	must(t, err)
	must(t, h.links.SetMaster(c.tap, "brqelsewhere"))
	must(t, h.links.SetMaster(c.tap, bridgeName(n.ID)))
	h.source.awaitPlugged(t, a.ID, true)
	must(t, h.links.Delete(c.tap))
	h.source.awaitPlugged(t, a.ID, false)
}

// mentions counts the lines of our rules that have the word.
func (h *testHost) mentions(word string) int {
	h.tb.Helper()
	rules, err := output(context.Background(), h.links, "nft", "list", "ruleset")
	must(h.tb, err)
	return strings.Count(rules, word)
}

func TestAPortThatIsGoneLeavesNoRules(t *testing.T) {
	h := newHost(t)
	g := defaultGroup()
	a, b := port(1, 5, g.ID), port(2, 6, g.ID)
	n := dualNetwork(1, a)
	d := minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}}
	h.run(d)
	before, err := output(context.Background(), h.links, "nft", "list", "ruleset")
	must(t, err)
	n.Ports = []minicloud.Port{a, b}
	d.Networks = []minicloud.Network{n}
	h.apply(d)
	if h.mentions(tapName(b.ID)) == 0 || h.mentions("10.2.0.6") == 0 {
		t.Fatal("the new port has no rules")
	}
	n.Ports = []minicloud.Port{a}
	d.Networks = []minicloud.Network{n}
	h.source.want(d)
	// The order of calls is the order of work: once a later change is told, this one is done.
	h.apply(d)
	if h.mentions(tapName(b.ID)) != 0 || h.mentions("10.2.0.6") != 0 || h.mentions("to-2 ") != 0 {
		after, _ := output(context.Background(), h.links, "nft", "list", "ruleset")
		t.Errorf("rules of the port are left:\n%s", cmp.Diff(before, after))
	}
}

func TestANetworkThatIsGoneLeavesNothing(t *testing.T) {
	h := newHost(t)
	g := defaultGroup()
	a := port(1, 5, g.ID)
	n := dualNetwork(1, a)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	h.plug(n, a) // a container that is still on it does not keep it
	other := dualNetwork(2)
	h.apply(minicloud.Desired{Networks: []minicloud.Network{other}})
	for name := range h.indexes() {
		if strings.HasSuffix(name, short(n.ID)) {
			t.Errorf("link %s is left", name)
		}
	}
	if h.mentions(short(n.ID)) != 0 || h.mentions(g.ID) != 0 {
		t.Error("rules are left")
	}
	names, err := link.Namespaces(h.prefix + "-" + short(n.ID))
	if err != nil || len(names) > 0 {
		t.Errorf("namespaces are left: %v, %v", names, err)
	}
}

func TestWhatACrashLeftIsSweptAtTheStart(t *testing.T) {
	h := newHost(t)
	gone, kept := dualNetwork(1), dualNetwork(2)
	kept.Subnets[0].CIDR, kept.Subnets[0].Gateway = cidr("10.9.0.0/24"), addr("10.9.0.1")
	h.run(minicloud.Desired{Networks: []minicloud.Network{gone, kept}})
	h.stop()
	_, err := h.links.EnsureBridge("brqforeign", 0)
	must(t, err)
	foreign := h.prefix + "-of-somebody-else"
	must(t, link.EnsureNamespace(foreign))
	t.Cleanup(func() { must(t, link.DeleteNamespace(foreign)) })
	h.run(minicloud.Desired{Networks: []minicloud.Network{kept}})
	have := h.indexes()
	for name := range have {
		if strings.HasSuffix(name, short(gone.ID)) {
			t.Errorf("link %s is left", name)
		}
	}
	for _, name := range []string{"brqforeign", bridgeName(kept.ID), uplinkName(kept.ID), gatewayName(kept.ID)} {
		if have[name] == 0 {
			t.Errorf("link %s was swept", name)
		}
	}
	names, err := link.Namespaces(h.prefix + "-")
	must(t, err)
	if diff := cmp.Diff([]string{h.prefix + "-" + short(kept.ID), foreign}, names); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
}

// What an outsider deletes comes back, without anybody asking.
func TestWhatIsDeletedComesBack(t *testing.T) {
	h := newHost(t)
	g := defaultGroup()
	a := port(1, 5, g.ID)
	n := dualNetwork(1, a)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	c := h.plug(n, a)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	events, err := h.links.Watch(ctx)
	must(t, err)
	old := h.indexes()[uplinkName(n.ID)]
	must(t, h.links.Delete(uplinkName(n.ID)))
	for e := range events {
		if e.Name == uplinkName(n.ID) && !e.Gone && e.Index != old && e.Up {
			break
		}
	}
	h.apply(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	mustPing(t, h.links, a.IPs[0])
	mustPing(t, c.Handle, hostLink4)
}

func TestClearLeavesTheHostAsItWas(t *testing.T) {
	h := newHost(t)
	state := func() map[string]string {
		t.Helper()
		out := map[string]string{}
		for _, args := range [][]string{
			{"nft", "list", "ruleset"},
			{"ip", "-br", "link"},
			{"ip", "route"},
			{"ip", "-6", "route"},
			{"iptables", "-S"},
			{"ip6tables", "-S"},
		} {
			text, err := output(context.Background(), h.links, args[0], args[1:]...)
			must(t, err)
			out[strings.Join(args, " ")] = text
		}
		return out
	}
	must(t, run(context.Background(), h.links, "iptables", "-w", "-S")) // lists make iptables' own tables
	must(t, run(context.Background(), h.links, "ip6tables", "-w", "-S"))
	before := state()
	g := defaultGroup()
	a := port(1, 5, g.ID)
	n := dualNetwork(1, a)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}})
	c := h.plug(n, a)
	mustPing(t, c.Handle, addr("10.2.0.1"))
	h.stop()
	must(t, h.links.Delete(c.tap)) // the plug's
	must(t, h.plane().Clear(context.Background()))
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("the host is not as it was (-before +after):\n%s", diff)
	}
}

// dockerd's own chain, with what an operator put there, is used and left alone.
func TestDockersChainIsShared(t *testing.T) {
	h := newHost(t)
	for _, args := range []string{
		"-N DOCKER-USER", "-A DOCKER-USER -s 203.0.113.9/32 -j DROP", "-A DOCKER-USER -j RETURN", "-A FORWARD -j DOCKER-USER",
	} {
		must(t, run(context.Background(), h.links, "iptables", append([]string{"-w"}, strings.Fields(args)...)...))
	}
	before, err := output(context.Background(), h.links, "iptables", "-S")
	must(t, err)
	h.run(minicloud.Desired{Networks: []minicloud.Network{dualNetwork(1)}})
	h.stop()
	first, err := output(context.Background(), h.links, "iptables", "-S")
	must(t, err)
	h.run(minicloud.Desired{Networks: []minicloud.Network{dualNetwork(1)}})
	h.stop()
	again, err := output(context.Background(), h.links, "iptables", "-S")
	must(t, err)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("a second start changes the chain (-first +second):\n%s", diff)
	}
	must(t, h.plane().Clear(context.Background()))
	after, err := output(context.Background(), h.links, "iptables", "-S")
	must(t, err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the chain is not as it was (-before +after):\n%s", diff)
	}
}

// A start that was cut off has left the chain without the way into it.
func TestAHalfMadeChainIsRemoved(t *testing.T) {
	h := newHost(t)
	must(t, run(context.Background(), h.links, "ip6tables", "-w", "-S")) // lists make iptables' own tables
	before, err := output(context.Background(), h.links, "ip6tables", "-S")
	must(t, err)
	for _, jumps := range []int{0, 2} {
		must(t, run(context.Background(), h.links, "ip6tables", "-w", "-N", dockerChain))
		for range jumps {
			must(t, run(context.Background(), h.links, "ip6tables", "-w", "-I", "FORWARD", "-j", dockerChain))
		}
		must(t, h.plane().Clear(context.Background()))
		after, err := output(context.Background(), h.links, "ip6tables", "-S")
		must(t, err)
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("with %d ways into it (-before +after):\n%s", jumps, diff)
		}
	}
}

func TestAFlushedRulesetIsLoadedAnew(t *testing.T) {
	h := newHost(t)
	friends, strangers := defaultGroup(), defaultGroup()
	a, b := port(1, 5, friends.ID), port(2, 6, strangers.ID)
	n := dualNetwork(1, a, b)
	d := minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{friends, strangers}}
	h.run(d)
	ca := h.plug(n, a)
	h.plug(n, b)
	mustNotPing(t, ca.Handle, netip.MustParseAddr("10.2.0.6"))
	must(t, run(context.Background(), h.links, "nft", "flush", "ruleset"))
	h.apply(d) // its change finds the tables gone
	mustNotPing(t, ca.Handle, addr("10.2.0.6"))
	mustPing(t, ca.Handle, addr("10.2.0.1"))
}
