package dataplane

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gozun/gozun/internal/minicloud"
)

// crowd has one network with that many ports in one default group.
func crowd(ports int) minicloud.Desired {
	g := defaultGroup()
	n := dualNetwork(1)
	for i := 1; i <= ports; i++ {
		n.Ports = append(n.Ports, crowdPort(i, g.ID))
	}
	return minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{g}}
}

func crowdPort(i int, group string) minicloud.Port {
	p := port(i, 5, group)
	p.MAC = fmt.Sprintf("fa:16:3e:01:%02x:%02x", i>>8, i&255)
	p.IPs = []netip.Addr{
		netip.AddrFrom4([4]byte{10, 2, byte(i >> 8), byte(i)}),
		netip.AddrFrom16([16]byte{0: 0xfd, 1: 2, 14: byte(i >> 8), 15: byte(i)}),
	}
	return p
}

func newKernel(tb testing.TB) *kernel {
	h := newHost(tb)
	h.stop()
	return &kernel{namespace: h.links.FD(), name: h.prefix, log: h.plane().cfg.Log}
}

// One more port costs the same few messages whatever there is, and loading a thousand at
// once fits the socket.
func TestOneMorePortIsASmallChange(t *testing.T) {
	k := newKernel(t)
	d := crowd(1000)
	rules, problems := compile(d, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	must(t, k.apply(rules))
	d.Networks[0].Ports = append(d.Networks[0].Ports, crowdPort(1001, d.Groups[0].ID))
	more, _ := compile(d, k.have)
	c := difference(k.have, more)
	if len(c.addChains) != 1 || len(c.addSets) != 0 || len(c.addElements) > 15 ||
		len(c.removeChains)+len(c.removeElements)+len(c.removeSets) != 0 {
		t.Errorf("one port adds %d chains, %d elements, %d sets, removes %d", len(c.addChains),
			len(c.addElements), len(c.addSets), len(c.removeChains)+len(c.removeElements)+len(c.removeSets))
	}
	must(t, k.apply(more))
	must(t, k.apply(rules)) // and away again
	ok, err := k.intact()
	if err != nil || !ok {
		t.Errorf("intact: %v, %v", ok, err)
	}
}

func BenchmarkOneMorePort(b *testing.B) {
	for _, ports := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(ports, " ports"), func(b *testing.B) {
			k := newKernel(b)
			d := crowd(ports)
			base, _ := compile(d, nil)
			start := time.Now()
			must(b, k.apply(base))
			loaded := time.Since(start)
			more := d
			more.Networks = []minicloud.Network{d.Networks[0]}
			more.Networks[0].Ports = append(more.Networks[0].Ports[:ports:ports], crowdPort(ports+1, d.Groups[0].ID))
			for b.Loop() {
				rules, _ := compile(more, k.have)
				must(b, k.apply(rules))
				b.StopTimer()
				must(b, k.apply(base))
				b.StartTimer()
			}
			b.ReportMetric(float64(loaded.Microseconds())/1000, "ms-to-load-all")
		})
	}
}

func BenchmarkCompileOneMorePort(b *testing.B) {
	d := crowd(1000)
	have, _ := compile(d, nil)
	for b.Loop() {
		compile(d, have)
	}
}

// The kernel takes every step from one arbitrary wish to the next as a difference.
func TestTheKernelTakesEveryDifference(t *testing.T) {
	k := newKernel(t)
	wishes := rapid.Custom(drawDesired)
	first, _ := compile(wishes.Example(0), nil)
	must(t, k.apply(first))
	for seed := range 40 {
		next, _ := compile(wishes.Example(seed), k.have)
		if c := difference(k.have, next); !c.empty() {
			if err := k.send(c, false); err != nil {
				t.Fatalf("step to example %d: %v", seed, err)
			}
		}
		k.have = next
	}
	must(t, k.send(difference(k.have, ruleset{}), false))
}

// From the tap's place on the bridge to the Source being told.
func BenchmarkPlugged(b *testing.B) {
	h := newHost(b)
	d := crowd(100)
	h.run(d)
	n, p := d.Networks[0], d.Networks[0].Ports[50]
	c := h.plug(n, p)
	for b.Loop() {
		b.StopTimer()
		must(b, h.links.ClearMaster(c.tap))
		h.source.awaitPlugged(b, p.ID, false)
		b.StartTimer()
		must(b, h.links.SetMaster(c.tap, bridgeName(n.ID)))
		h.source.awaitPlugged(b, p.ID, true)
	}
}

// From the wish for a network with two gateways to its bridge, router and routes.
func BenchmarkNetworkMadeAndRemoved(b *testing.B) {
	h := newHost(b)
	h.run(minicloud.Desired{})
	for b.Loop() {
		h.apply(minicloud.Desired{Networks: []minicloud.Network{dualNetwork(1)}})
		h.apply(minicloud.Desired{})
	}
}
