package binding

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/zun"
)

func mustBinder(tb testing.TB) (*Binder, *link.Handle) {
	tb.Helper()
	if os.Getuid() != 0 {
		tb.Skip("network namespaces need root")
	}
	raw := make([]byte, 4)
	_, _ = rand.Read(raw)
	name := "bindingtest-" + hex.EncodeToString(raw)
	if err := link.EnsureNamespace(name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := link.DeleteNamespace(name); err != nil {
			tb.Error(err)
		}
	})
	links, err := link.Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(links.Close)
	return New(links, slog.New(slog.DiscardHandler)), links
}

func port() Binding {
	return Binding{
		PortID: "5b8d0cd3-60b1-4d8f-9d2f-1b6b7b2c9b11", NetworkID: "a2b1c0d9-60b1-4d8f-9d2f-1b6b7b2c9b11",
		MAC: "02:00:00:00:00:07", MTU: 1450, Host: "h", VIFType: "bridge",
	}
}

func TestPlugAndUnplugTwice(t *testing.T) {
	b, links := mustBinder(t)
	ctx, p := context.Background(), port()
	for range 2 {
		if err := b.Plug(ctx, p); err != nil {
			t.Fatal(err)
		}
		tap, found, err := links.Find("tap5b8d0cd3-60")
		bridge, _, _ := links.Find("brqa2b1c0d9-60")
		if err != nil || !found || tap.Master != bridge.Index || tap.MTU != 1450 || !tap.Up || bridge.Kind != "bridge" {
			t.Errorf("tap %+v, bridge %+v, %v", tap, bridge, err)
		}
		inside, _, _ := links.Find("t_c5b8d0cd3-60")
		if inside.MTU != 1450 || inside.MAC.String() != p.MAC || inside.Up {
			t.Errorf("container's end %+v", inside)
		}
		for _, name := range []string{tap.Name, inside.Name} {
			if ips, err := links.Addresses(name); err != nil || len(ips) > 0 {
				t.Errorf("%s has %v, %v", name, ips, err)
			}
		}
	}
	for range 2 {
		if err := b.Unplug(ctx, p); err != nil {
			t.Fatal(err)
		}
		if left, _ := links.List("t"); len(left) > 0 {
			t.Errorf("left %v", left)
		}
	}
	if _, found, _ := links.Find("brqa2b1c0d9-60"); !found {
		t.Error("the bridge, which others share, is gone")
	}
}

func TestWhatCannotBePlugged(t *testing.T) {
	b, links := mustBinder(t)
	for vif, want := range map[string]struct {
		code zun.Code
		says string
	}{
		"binding_failed": {zun.CodePortBindingFailed, `host "h"`}, "unbound": {zun.CodePortBindingFailed, `host "h"`},
		"": {zun.CodePortBindingFailed, "role"}, "vhostuser": {zun.CodeNotImplemented, "not supported"},
	} {
		p := port()
		p.VIFType = vif
		err := b.Plug(context.Background(), p)
		if zun.CodeOf(err) != want.code || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%q: %v", vif, err)
		}
		if err := b.Unplug(context.Background(), p); err != nil {
			t.Errorf("%q: %v", vif, err)
		}
	}
	p := port()
	p.MAC = "nonsense"
	if err := b.Plug(context.Background(), p); err == nil {
		t.Error("a bad MAC was taken")
	}
	if _, err := links.EnsureBridge("tap5b8d0cd3-60", 0); err != nil { // its name is taken by another kind
		t.Fatal(err)
	}
	p = port()
	if err := b.Plug(context.Background(), p); err != nil {
		t.Errorf("a stranger with our name is in the way: %v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Plug(ended, p); zun.CodeOf(err) != zun.CodeUnavailable {
		t.Errorf("without time: %v", err)
	}
}

func TestTap(t *testing.T) {
	b, links := mustBinder(t)
	ctx, p := context.Background(), port()
	p.VIFType, p.VIFDetails = "tap", map[string]any{"mac_address": "00:61:fe:ed:ca:fe"}
	for range 2 {
		if err := b.Plug(ctx, p); err != nil {
			t.Fatal(err)
		}
		tap, _, _ := links.Find(p.HostEnd())
		inside, _, _ := links.Find(p.ContainerEnd())
		if !tap.Up || tap.Master != 0 || tap.MAC.String() != "00:61:fe:ed:ca:fe" || tap.MTU != p.MTU || inside.MAC.String() != p.MAC {
			t.Errorf("tap %+v, container's end %+v", tap, inside)
		}
	}
	if all, err := links.List(""); err != nil || len(all) != 3 { // lo too
		t.Errorf("links %+v, %v", all, err)
	}
	p.VIFDetails["mac_address"] = "nonsense"
	if err := b.Plug(ctx, p); err == nil {
		t.Error("a bad MAC was taken")
	}
	for range 2 {
		if err := b.Unplug(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := links.List("t"); len(left) > 0 {
		t.Errorf("left %+v", left)
	}
}
