package binding

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

func TestOVSPlugAndUnplugTwice(t *testing.T) {
	s := mustSwitch(t)
	ctx, before := context.Background(), s.state()
	for name, hybrid := range map[string]bool{"plain": false, "hybrid": true} {
		t.Run(name, func(t *testing.T) {
			p := ovsPort().with("ovs_hybrid_plug", hybrid)
			var first []string
			for range 2 {
				must(t, s.binder.Plug(ctx, p))
				s.check(p)
				if first == nil {
					first = s.state()
				}
				if diff := cmp.Diff(first, s.state()); diff != "" {
					t.Errorf("the second plug changed (-first +second):\n%s", diff)
				}
			}
			for range 2 {
				must(t, s.binder.Unplug(ctx, p))
				if diff := cmp.Diff(before, s.state()); diff != "" {
					t.Errorf("left (-before +after):\n%s", diff)
				}
			}
		})
	}
}

// check looks at everything that a plug makes.
func (s *realSwitch) check(p Binding) {
	s.tb.Helper()
	want := fmt.Sprintf(`{attached-mac=%q, iface-id=%q, iface-status=active, owner=kuryr, vm-uuid=%q}`, p.MAC, p.PortID, p.DeviceID)
	for _, unquoted := range []string{p.PortID, p.DeviceID} { // ovs-vsctl quotes what looks like a number
		if !strings.Contains(s.ids(p.ovsInterface()), `"`+unquoted+`"`) {
			want = strings.ReplaceAll(want, `"`+unquoted+`"`, unquoted)
		}
	}
	if diff := cmp.Diff(want, s.ids(p.ovsInterface())); diff != "" {
		s.tb.Error(diff)
	}
	if ports := s.ports(p.ovsBridge()); !slices.Contains(ports, p.ovsInterface()) {
		s.tb.Errorf("ports %v", ports)
	}
	links := []string{p.HostEnd()}
	if p.hybrid() {
		links = append(links, p.hybridBridge(), p.hybridInner(), p.hybridOuter())
	}
	for _, name := range links {
		l, found, err := s.links.Find(name)
		addresses, _ := s.links.Addresses(name)
		ipv6, _ := s.links.Sysctl("net/ipv6/conf/" + name + "/disable_ipv6")
		if err != nil || !found || !l.Up || l.MTU != p.MTU || len(addresses) > 0 || ipv6 != "1" {
			s.tb.Errorf("%s: %+v, addresses %v, disable_ipv6 %s, %v", name, l, addresses, ipv6, err)
		}
	}
	inside, _, err := s.links.Find(p.ContainerEnd())
	if err != nil || inside.MTU != p.MTU || inside.MAC.String() != p.MAC || inside.Up {
		s.tb.Errorf("container's end %+v, %v", inside, err)
	}
}

func TestOVSCarriesPackets(t *testing.T) {
	s := mustSwitch(t)
	ctx := context.Background()
	one, two, three := ovsPort(), ovsPort(), ovsPort().with("ovs_hybrid_plug", true)
	for _, p := range []Binding{one, two, three} {
		must(t, s.binder.Plug(ctx, p))
	}
	a, b, c := s.mustContainer(one, "10.9.0.1/24"), s.mustContainer(two, "10.9.0.2/24"), s.mustContainer(three, "10.9.0.3/24")
	a.ping("10.9.0.2")
	a.ping("10.9.0.3")
	a.tcp(b, "10.9.0.2")
	b.tcp(c, "10.9.0.3")
	c.tcp(a, "10.9.0.1")
}

// Without the checksums that the container's end now finishes itself, TCP fails here: the
// test above would prove nothing on a switch that finishes them.
func TestOVSNeedsFinishedChecksums(t *testing.T) {
	s := mustSwitch(t)
	p := ovsPort()
	must(t, s.binder.Plug(context.Background(), p))
	if on, err := s.links.TxChecksum(p.ContainerEnd()); err != nil || on {
		t.Errorf("offload %t, %v", on, err)
	}
	s.ctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:userspace-tso-enable=true")
	p = ovsPort()
	must(t, s.binder.Plug(context.Background(), p))
	if on, err := s.links.TxChecksum(p.ContainerEnd()); err != nil || !on {
		t.Errorf("the switch finishes checksums, but offload is %t, %v", on, err)
	}
}

// A switch holds on to a device that is deleted under its port: one of the same name that
// comes later gets nothing, unless the port goes first.
func TestOVSSameNameComesBack(t *testing.T) {
	s := mustSwitch(t)
	ctx := context.Background()
	one, two := ovsPort(), ovsPort()
	must(t, s.binder.Plug(ctx, two))
	b := s.mustContainer(two, "10.9.0.2/24")
	for round := range 8 {
		must(t, s.binder.Plug(ctx, one))
		a := s.mustContainer(one, "10.9.0.1/24")
		b.run("ip", "neighbour", "flush", "all")
		a.ping("10.9.0.2")
		if round%2 == 0 {
			must(t, s.links.Delete(one.HostEnd())) // behind the switch's back
		} else {
			must(t, s.binder.Unplug(ctx, one))
		}
	}
}

// The Python plugin set the MTU of the container's end only, put the port's addresses on
// the host for a while, and knew br-int and no other bridge.
func TestW17MTUAndAddressesAndBridge(t *testing.T) {
	s := mustSwitch(t)
	ctx := context.Background()
	s.ctl("add-br", "br-other", "--", "set", "Bridge", "br-other", "datapath_type=netdev")
	for _, hybrid := range []bool{false, true} {
		p := ovsPort().with("bridge_name", "br-other").with("ovs_hybrid_plug", hybrid)
		must(t, s.binder.Plug(ctx, p))
		s.check(p)
		must(t, s.binder.Unplug(ctx, p))
	}
}

func TestOVSManyAtOnce(t *testing.T) {
	s := mustSwitch(t)
	before := s.state()
	each := func(do func(context.Context, Binding) error, ports []Binding) {
		t.Helper()
		failed := make(chan error, len(ports))
		for _, p := range ports {
			go func() { failed <- do(context.Background(), p) }()
		}
		for range ports {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
	}
	ports := make([]Binding, 20)
	for i := range ports {
		ports[i] = ovsPort().with("ovs_hybrid_plug", i%2 == 0)
	}
	each(s.binder.Plug, ports)
	for _, p := range ports {
		s.check(p)
	}
	known, err := s.binder.OVSPorts(context.Background())
	if err != nil || len(known) != len(ports) {
		t.Errorf("%d of %d ports are known, %v", len(known), len(ports), err)
	}
	each(s.binder.Unplug, ports)
	if diff := cmp.Diff(before, s.state()); diff != "" {
		t.Errorf("left (-before +after):\n%s", diff)
	}
}

func TestOVSPortsTellWhatIsLeft(t *testing.T) {
	s := mustSwitch(t)
	ctx := context.Background()
	live, gone := ovsPort(), ovsPort()
	must(t, s.binder.Plug(ctx, live))
	must(t, s.binder.Plug(ctx, gone))
	must(t, s.links.Delete(gone.HostEnd()))
	s.ctl("add-port", "br-int", "vm", "--", "set", "Interface", "vm", "type=internal", "external_ids:iface-id="+ovsPort().PortID)
	want := []OVSPort{
		{PortID: live.PortID, Interface: live.HostEnd(), DeviceID: live.DeviceID},
		{PortID: gone.PortID, Interface: gone.HostEnd(), DeviceID: gone.DeviceID, Gone: true},
	}
	slices.SortFunc(want, func(a, b OVSPort) int { return strings.Compare(a.Interface, b.Interface) })
	got, err := s.binder.OVSPorts(ctx)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	must(t, s.binder.Unplug(ctx, Binding{PortID: gone.PortID, VIFType: "ovs"}))
	if got, err = s.binder.OVSPorts(ctx); err != nil || len(got) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	none := New(s.links, s.binder.log, WithOVSDB(s.path("nobody")))
	if got, err = none.OVSPorts(ctx); err != nil || len(got) != 0 {
		t.Errorf("a host without Open vSwitch: %+v, %v", got, err)
	}
}

// The same when the switch is too busy to see the port go before it comes back.
func TestOVSSameNameComesBackToABusySwitch(t *testing.T) {
	s := mustSwitch(t)
	ctx := context.Background()
	one, two := ovsPort(), ovsPort()
	must(t, s.binder.Plug(ctx, one))
	must(t, s.binder.Plug(ctx, two))
	b := s.mustContainer(two, "10.9.0.2/24")
	must(t, s.daemon.Process.Signal(syscall.SIGSTOP))
	must(t, s.binder.Unplug(ctx, one))
	plugged := make(chan error, 1)
	go func() { plugged <- s.binder.Plug(ctx, one) }()
	select { // no event tells that it waits, and if it had not begun, the test would only be weaker
	case err := <-plugged:
		t.Errorf("it did not wait: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	must(t, s.daemon.Process.Signal(syscall.SIGCONT))
	must(t, <-plugged)
	s.mustContainer(one, "10.9.0.1/24").ping("10.9.0.2")
	b.ping("10.9.0.1")
}

func TestOVSUnplugsWhatPythonMade(t *testing.T) {
	s := mustSwitch(t)
	before := s.state()
	ctx := context.Background()
	p := ovsPort()
	ids := func(name, vm string) []string {
		return []string{
			"--", "set", "interface", name, "external_ids:attached-mac=" + p.MAC, "external_ids:iface-id=" + p.PortID,
			"external_ids:" + vm + "=" + p.DeviceID, "external_ids:iface-status=active", "external_ids:owner=kuryr",
		}
	}
	tap := func() { s.ip("link", "add", p.HostEnd(), "type", "veth", "peer", "name", p.ContainerEnd()) }
	for name, test := range map[string]struct {
		details bool
		bind    func()
	}{
		"plain": {false, func() {
			tap()
			s.ip("link", "set", p.HostEnd(), "up")
			s.ctl(append([]string{"--", "--may-exist", "add-port", "br-int", p.HostEnd()}, ids(p.HostEnd(), "vm-uuid")...)...)
		}},
		"hybrid": {true, func() {
			tap()
			s.ip("link", "add", "name", p.hybridBridge(), "type", "bridge")
			s.ip("link", "set", p.HostEnd(), "up")
			s.ip("link", "set", "dev", p.HostEnd(), "master", p.hybridBridge())
			s.ip("link", "add", p.hybridInner(), "type", "veth", "peer", "name", p.hybridOuter())
			s.ip("link", "set", "dev", p.hybridInner(), "master", p.hybridBridge())
			s.ip("link", "set", p.hybridBridge(), "up")
			s.ctl(append([]string{"add-port", "br-int", p.hybridOuter()}, ids(p.hybridOuter(), "vm-id")...)...)
			s.ip("link", "set", p.hybridInner(), "up")
			s.ip("link", "set", p.hybridOuter(), "up")
		}},
		"device gone": {false, func() {
			tap()
			s.ctl(append([]string{"add-port", "br-int", p.HostEnd()}, ids(p.HostEnd(), "vm-uuid")...)...)
			must(t, s.links.Delete(p.HostEnd()))
		}},
		"other bridge": {false, func() {
			tap()
			s.ctl("--may-exist", "add-br", "br-else", "--", "set", "Bridge", "br-else", "datapath_type=netdev")
			s.ctl(append([]string{"add-port", "br-else", p.HostEnd()}, ids(p.HostEnd(), "vm-uuid")...)...)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			test.bind()
			p := p.with("ovs_hybrid_plug", test.details)
			for range 2 {
				must(t, s.binder.Unplug(ctx, p))
			}
			s.ctl("--if-exists", "del-br", "br-else")
			if diff := cmp.Diff(before, s.state()); diff != "" {
				t.Errorf("left (-before +after):\n%s", diff)
			}
			test.bind() // and it is taken over
			must(t, s.binder.Plug(ctx, p))
			s.ctl("--if-exists", "del-br", "br-else")
			s.mustContainer(p, "10.9.0.1/24")
			must(t, s.binder.Unplug(ctx, p))
			if diff := cmp.Diff(before, s.state()); diff != "" {
				t.Errorf("left of what was taken over (-before +after):\n%s", diff)
			}
		})
	}
}

// A plug that fails at any step leaves what was there before, and the next one works.
func TestOVSUndoAtEveryStep(t *testing.T) {
	s := mustSwitch(t)
	ctx, before := context.Background(), s.state()
	for _, vif := range []string{"ovs", "hybrid", "bridge", "tap"} {
		t.Run(vif, func(t *testing.T) {
			p := ovsPort().with("ovs_hybrid_plug", vif == "hybrid")
			if vif != "hybrid" {
				p.VIFType = vif
			}
			var steps []string
			s.binder.before = func(step string) error { steps = append(steps, step); return nil }
			must(t, s.binder.Plug(ctx, p))
			must(t, s.binder.Unplug(ctx, p))
			must(t, s.links.Delete(p.Bridge()))
			t.Logf("steps %q", steps)
			broken := errors.New("broken by the test")
			for _, at := range steps {
				s.binder.before = func(step string) error {
					if step == at {
						return broken
					}
					return nil
				}
				if err := s.binder.Plug(ctx, p); !errors.Is(err, broken) {
					t.Errorf("%s: %v", at, err)
				}
				must(t, s.links.Delete(p.Bridge())) // of vif_type bridge: shared, so it stays
				if diff := cmp.Diff(before, s.state()); diff != "" {
					t.Errorf("%s left (-before +after):\n%s", at, diff)
				}
			}
			// The time is over in the midst of it, and a crash there: nothing is undone.
			for _, at := range steps {
				ended, cancel := context.WithCancel(ctx)
				s.binder.before = func(step string) error {
					if step == at {
						cancel()
						return ended.Err()
					}
					return nil
				}
				if err := s.binder.Plug(ended, p); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", at, err)
				}
				must(t, s.links.Delete(p.Bridge()))
				if diff := cmp.Diff(before, s.state()); diff != "" {
					t.Errorf("%s left when time was over (-before +after):\n%s", at, diff)
				}
			}
			for _, at := range steps {
				s.crash(p, at)
				must(t, s.binder.Plug(ctx, p))
				s.crash(p, at)
				must(t, s.binder.Unplug(ctx, p))
				must(t, s.links.Delete(p.Bridge()))
				if diff := cmp.Diff(before, s.state()); diff != "" {
					t.Errorf("%s left after a crash (-before +after):\n%s", at, diff)
				}
			}
			s.binder.before = nil
		})
	}
}

// crash plugs and dies before the step.
func (s *realSwitch) crash(p Binding, at string) {
	s.tb.Helper()
	s.binder.before = func(step string) error {
		if step == at {
			panic("crash")
		}
		return nil
	}
	defer func() {
		s.binder.before = nil
		if recover() == nil {
			s.tb.Errorf("no crash at %s", at)
		}
	}()
	_ = s.binder.Plug(context.Background(), p)
}

func TestOVSRefusals(t *testing.T) {
	s := mustSwitch(t)
	ctx := context.Background()
	refused := func(p Binding, code zun.Code, says string) {
		t.Helper()
		before := s.state()
		err := s.binder.Plug(ctx, p)
		if zun.CodeOf(err) != code || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%s: %v", zun.CodeOf(err), err)
		}
		if diff := cmp.Diff(before, s.state()); diff != "" {
			t.Errorf("%v changed (-before +after):\n%s", err, diff)
		}
	}
	p := ovsPort()
	refused(p.with("bridge_name", "br-nowhere"), zun.CodePortBindingFailed, `no bridge "br-nowhere"`)

	nova := ovsPort()
	s.ip("link", "add", nova.HostEnd(), "type", "veth", "peer", "name", "vm")
	s.ctl("add-port", "br-int", nova.HostEnd(), "--", "set", "Interface", nova.HostEnd(), "external_ids:iface-id="+nova.PortID)
	refused(nova, zun.CodePortInUse, "not ours")
	refused(nova.with("ovs_hybrid_plug", true), zun.CodePortInUse, nova.HostEnd())
	must(t, s.binder.Unplug(ctx, p))
	if ports := s.ports("br-int"); !slices.Contains(ports, nova.HostEnd()) {
		t.Error("an unplug took the port of a virtual machine")
	}
	must(t, s.links.Delete("vm")) // what stays in the database is stale
	must(t, s.binder.Plug(ctx, nova))
	s.check(nova)

	twin := nova // another port whose id begins alike
	twin.PortID = nova.PortID[:11] + "f-4d8f-9d2f-1b6b7b2c9b11"[1:]
	refused(twin, zun.CodePortInUse, nova.PortID)

	s.ctl("add-port", "br-int", "patched", "--", "set", "Interface", "patched", "type=patch", "options:peer=x", "external_ids:iface-id="+p.PortID)
	refused(p, zun.CodePortInUse, "patched")
	s.ctl("del-port", "patched")
	moved := nova.with("bridge_name", "br-two")
	s.ctl("add-br", "br-two", "--", "set", "Bridge", "br-two", "datapath_type=netdev")
	must(t, s.binder.Plug(ctx, moved))
	if on, off := s.ports("br-two"), s.ports("br-int"); !slices.Contains(on, nova.HostEnd()) || slices.Contains(off, nova.HostEnd()) {
		t.Errorf("moved to %v from %v", on, off)
	}
	must(t, s.binder.Unplug(ctx, moved))
}

func TestOVSAway(t *testing.T) {
	s := mustSwitch(t)
	ctx, p := context.Background(), ovsPort()
	s.stopDaemon()
	err := s.binder.Plug(ctx, p)
	if zun.CodeOf(err) != zun.CodeUnavailable || !strings.Contains(err.Error(), "ovs-vswitchd") {
		t.Errorf("without ovs-vswitchd: %v", err)
	}
	if ports := s.ports("br-int"); len(ports) > 0 {
		t.Errorf("ports are left: %v", ports)
	}
	s.startDaemon()
	must(t, s.binder.Plug(ctx, p))
	must(t, s.binder.Unplug(ctx, p))
	away := New(s.links, s.binder.log, WithOVSDB("unix:"+s.path("nobody")))
	for _, err := range []error{away.Plug(ctx, p), away.Unplug(ctx, p)} {
		if zun.CodeOf(err) != zun.CodeUnavailable || !strings.Contains(err.Error(), s.path("nobody")) {
			t.Errorf("without a database: %v", err)
		}
	}
}

// What is plugged outlives a crash of ovs-vswitchd.
func TestOVSComesBack(t *testing.T) {
	s := mustSwitch(t)
	one, two := ovsPort(), ovsPort().with("ovs_hybrid_plug", true)
	must(t, s.binder.Plug(context.Background(), one))
	must(t, s.binder.Plug(context.Background(), two))
	a, b := s.mustContainer(one, "10.9.0.1/24"), s.mustContainer(two, "10.9.0.2/24")
	a.ping("10.9.0.2")
	s.stopDaemon()
	s.startDaemon()
	s.ctl("set", "Bridge", "br-int", "external_ids:seen=yes") // waits until ovs-vswitchd is there
	b.ping("10.9.0.1")
	a.tcp(b, "10.9.0.2")
}
