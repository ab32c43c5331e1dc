package kuryr

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

func TestTraffic(t *testing.T) {
	var tr traffic
	now := time.Now()
	clock := func() time.Time { return now }
	if left := tr.calmIn(now); left != 0 {
		t.Errorf("nobody has called yet, and calm is %v away", left)
	}
	first, second := tr.enter(clock), tr.enter(clock)
	first()
	now = now.Add(time.Hour)
	if left := tr.calmIn(now); left != calmAfter {
		t.Errorf("with a call under way calm is %v away", left)
	}
	second()
	if left := tr.calmIn(now.Add(calmAfter / 4)); left != calmAfter*3/4 {
		t.Errorf("a quarter of the time after a call calm is %v away", left)
	}
	if left := tr.calmIn(now.Add(calmAfter)); left != 0 {
		t.Errorf("at the time of calm it is %v away", left)
	}
}

// clerk is a Neutron that writes down whose names it is told.
type clerk struct {
	Neutron
	told chan string
}

func (c clerk) ReplaceTags(context.Context, string, string, []string) error { return nil }

func (c clerk) UpdatePort(_ context.Context, id string, _ zun.PortChange) (zun.Port, error) {
	c.told <- id
	return zun.Port{}, nil
}

// named returns the ports that were named so far.
func (c clerk) named() (ids []string) {
	for len(c.told) > 0 {
		ids = append(ids, <-c.told)
	}
	slices.Sort(ids)
	return ids
}

type noBinder struct{}

func (noBinder) Plug(context.Context, binding.Binding) error   { return nil }
func (noBinder) Unplug(context.Context, binding.Binding) error { return nil }

// oneThatOwes returns a driver that owes names to two ports, made at now and an age ago.
func oneThatOwes(t *testing.T, now time.Time, age time.Duration) (*Driver, clerk) {
	t.Helper()
	db, err := kv.Open(filepath.Join(t.TempDir(), "kuryr.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c := clerk{told: make(chan string, 10)}
	d := New(Config{DB: db, Neutron: c, Binder: noBinder{}, Host: "here", Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	for id, at := range map[string]time.Time{"young": now, "old": now.Add(-age)} {
		owes := claim{ID: id, EndpointID: "endpoint", OwesName: true, At: at, Port: port{ID: id, Holding: holdingMade, Stage: stageReady}}
		if err := put(d, claims, id, owes); err != nil {
			t.Fatal(err)
		}
	}
	return d, c
}

// Names wait for calm, but not for ever; Settle waits for nothing.
func TestNamesWaitForCalm(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		call  string // that Docker has made
		age   time.Duration
		named []string
		wait  time.Duration // until the next look
	}{
		"nobody has called":         {"", 0, []string{"old", "young"}, time.Hour},
		"a call is under way":       {"under way", time.Second, nil, calmAfter},
		"a call has ended just now": {"ended", time.Second, nil, calmAfter},
		"one has waited enough":     {"under way", latestName, []string{"old"}, calmAfter},
		"one has almost":            {"under way", latestName - calmAfter/2, nil, calmAfter / 2},
	} {
		t.Run(name, func(t *testing.T) {
			d, c := oneThatOwes(t, now, test.age)
			if test.call != "" {
				leave := d.traffic.enter(d.Now)
				if test.call == "ended" {
					leave()
				}
			}
			wait := time.Hour
			if err := d.settleAll(t.Context(), d.inTime(&wait)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.named, c.named()); diff != "" || wait != test.wait {
				t.Errorf("wait %v, named: %s", wait, diff)
			}
			if err := d.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if rest := append(c.named(), test.named...); len(rest) != 2 {
				t.Errorf("after Settle %v have names", rest)
			}
		})
	}
}

// Run looks again by itself when calm is to be expected, not only at the next sweep.
func TestRunNamesWhenItIsCalm(t *testing.T) {
	now := time.Now()
	d, c := oneThatOwes(t, now, latestName-10*time.Millisecond)
	leave := d.traffic.enter(d.Now)
	d.Now = time.Now
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	if id := <-c.told; id != "old" {
		t.Errorf("%s was named although a call is under way", id)
	}
	leave()
	if id := <-c.told; id != "young" {
		t.Errorf("%s was named twice", id)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// maker is a Neutron that makes ports and is asked for nothing else.
type maker struct {
	Neutron
	made int
}

func (m *maker) CreatePorts(_ context.Context, specs []zun.PortSpec) (ports []zun.Port, err error) {
	for _, spec := range specs {
		m.made++
		ports = append(ports, zun.Port{ID: uuid.NewString(), NetworkID: spec.NetworkID, DeviceID: spec.DeviceID, VIFType: "bridge", FixedIPs: []zun.Address{
			{SubnetID: spec.FixedIPs[0].SubnetID, IP: netip.AddrFrom4([4]byte{10, 0, 0, byte(m.made)})},
		}})
	}
	return ports, nil
}

// Spare ports are made while nobody in Docker waits for Neutron, a few at a time, so that a
// container that comes after all does not wait long.
func TestSparePortsWaitForCalm(t *testing.T) {
	db, err := kv.Open(filepath.Join(t.TempDir(), "kuryr.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	neutron := &maker{}
	d := New(Config{DB: db, Neutron: neutron, Binder: noBinder{}, Host: "here", Log: slog.New(slog.DiscardHandler), SparePorts: 2 * sparesAtOnce})
	subnet := zun.NeutronSubnet{ID: "subnet", NetworkID: "net", CIDR: netip.MustParsePrefix("10.0.0.0/24")}
	if err := errors.Join(
		put(d, pools, "pool", pool{ID: "pool", CIDR: subnet.CIDR, Subnet: subnet, Refs: 1, Networks: []string{"docker"}, TouchedAt: d.Now()}),
		put(d, networks, "docker", network{ID: "docker", Stage: stageReady, NeutronID: "net", Pools: []string{"pool"}}),
	); err != nil {
		t.Fatal(err)
	}
	leave := d.traffic.enter(d.Now)
	next := time.Hour
	if err := d.tend(t.Context(), &next); err != nil || neutron.made != 0 || next != calmAfter {
		t.Errorf("while Docker waits: %d made, next look in %v, %v", neutron.made, next, err)
	}
	looks := 0
	if err := d.tendSpares(t.Context(), func() bool { looks++; return looks == 1 }); err != nil || neutron.made != sparesAtOnce {
		t.Errorf("when Docker comes in between: %d made, %v", neutron.made, err)
	}
	leave()
	d.Now = func() time.Time { return time.Now().Add(calmAfter) }
	if err := d.tend(t.Context(), &next); err != nil || neutron.made != 2*sparesAtOnce {
		t.Errorf("when it is calm: %d made, %v", neutron.made, err)
	}
	if ready, err := d.SparesReady(); err != nil || ready != 2*sparesAtOnce {
		t.Errorf("%d are ready, %v", ready, err)
	}
}
