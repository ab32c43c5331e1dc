package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"go.uber.org/goleak"
	"golang.org/x/sync/singleflight"

	"github.com/gozun/gozun/zun"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustOpen(tb testing.TB) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), filepath.Join(tb.TempDir(), "zun.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func wantCode(tb testing.TB, err error, code zun.Code) {
	tb.Helper()
	if zun.CodeOf(err) != code {
		tb.Fatalf("error %v has code %q, want %q", err, zun.CodeOf(err), code)
	}
}

var sameAddrs = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()}

func at(seconds int) time.Time { return time.Date(2026, 11, 23, 10, 0, seconds, 123000, time.UTC) }

func aContainer(name string) zun.Container {
	return zun.Container{
		ID: uuid.NewString(), Name: name, ProjectID: "p1", UserID: "u1", Image: "nginx", ImagePullPolicy: "always",
		ImageDriver: "docker", Command: []string{"sh", "-c", "it's \"x\" \\ ü"}, Entrypoint: []string{"/e"}, CPU: 1.5, MemoryMiB: 512,
		DiskGiB: 1, Environment: map[string]string{"A": "b"}, Labels: map[string]string{"l": ""}, Workdir: "/w", Hostname: "h",
		Interactive: true, TTY: true, AutoRemove: true, RestartPolicy: zun.RestartPolicy{Name: "on-failure", MaximumRetryCount: 2},
		SecurityGroups: []string{"sg"}, Status: zun.StatusCreating, StatusReason: "r", StatusDetail: "d", TaskState: zun.TaskCreating,
		AutoHeal: true, Privileged: true, Runtime: "runc", Healthcheck: &zun.Healthcheck{Test: "true", Interval: time.Second, Retries: 3},
		ExposedPorts: []zun.ExposedPort{{Port: 80, Protocol: "tcp"}}, ExposedGroup: "sg",
		Ports: []int{80}, Host: "a", SandboxID: "s", DockerID: "d", CreatedAt: at(1), UpdatedAt: at(2), StartedAt: at(3),
	}
}

func aNetwork(name string) zun.Network {
	return zun.Network{
		ID: uuid.NewString(), Name: name, ProjectID: "p1", UserID: "u1", NeutronNetID: uuid.NewString(), NeutronPoolID: "pool",
		Subnets: []zun.Subnet{{
			ID: "s4", Name: "sub", CIDR: netip.MustParsePrefix("10.2.0.0/24"), Gateway: netip.MustParseAddr("10.2.0.1"),
			PoolID: "pool", DNS: []netip.Addr{netip.MustParseAddr("9.9.9.9")},
		}, {ID: "s6", CIDR: netip.MustParsePrefix("fd00::/64")}},
		Shared: true, MTU: 1450, Made: zun.Made{NetworkID: "n", SubnetIDs: []string{"s4"}}, Status: zun.NetworkActive,
		StatusReason: "r", CreatedAt: at(1), UpdatedAt: at(2),
	}
}

func anAttachment(c zun.Container, n zun.Network) zun.Attachment {
	return zun.Attachment{
		ID: uuid.NewString(), ContainerID: c.ID, NetworkID: n.ID, ProjectID: c.ProjectID, PortID: uuid.NewString(), MAC: "fa:16:3e:00:00:01",
		RequestedIPv4: netip.MustParseAddr("10.2.0.9"),
		Addresses:     []zun.Address{{IP: netip.MustParseAddr("10.2.0.9"), SubnetID: "s4"}}, CreatedAt: at(4),
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	c, n := aContainer("c"), aNetwork("n")
	a := anAttachment(c, n)
	must(t, s.AddContainer(ctx, c))
	must(t, s.AddNetwork(ctx, n))
	must(t, s.AddAttachment(ctx, a))
	got, err := s.ContainerDetail(ctx, c.ID)
	must(t, err)
	want := zun.ContainerDetail{Container: c, Nets: []zun.AttachedNetwork{{Attachment: a, Network: n}}}
	if diff := cmp.Diff(want, got, sameAddrs); diff != "" {
		t.Error(diff)
	}
	net, err := s.NetworkDetail(ctx, n.ID)
	must(t, err)
	if diff := cmp.Diff(zun.NetworkDetail{Network: n, Holders: []zun.Holder{{Attachment: a, ContainerName: "c"}}}, net, sameAddrs); diff != "" {
		t.Error(diff)
	}
	c.Status, c.Environment, c.Name = zun.StatusRunning, nil, "c2"
	must(t, s.SaveContainer(ctx, c))
	a.MAC, a.PortID = "fa:16:3e:00:00:02", uuid.NewString()
	must(t, s.SaveAttachment(ctx, a))
	n.Status = zun.NetworkError
	must(t, s.SaveNetwork(ctx, n))
	list, err := s.ListContainers(ctx, zun.ContainerFilter{})
	must(t, err)
	want = zun.ContainerDetail{Container: c, Nets: []zun.AttachedNetwork{{Attachment: a, Network: n}}}
	if diff := cmp.Diff([]zun.ContainerDetail{want}, list, sameAddrs); diff != "" {
		t.Error(diff)
	}
}

func TestZeroRecordsComeBackZero(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	c := zun.Container{ID: uuid.NewString(), ProjectID: "p"}
	must(t, s.AddContainer(ctx, c))
	got, err := s.Container(ctx, c.ID)
	must(t, err)
	if diff := cmp.Diff(c, got); diff != "" {
		t.Error(diff)
	}
}

func TestMissingRecordsAre404(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	_, err := s.Container(ctx, "x")
	wantCode(t, err, zun.CodeContainerNotFound)
	wantCode(t, s.SaveContainer(ctx, zun.Container{ID: "x"}), zun.CodeContainerNotFound)
	_, err = s.Network(ctx, "x")
	wantCode(t, err, zun.CodeNetworkNotFound)
	wantCode(t, s.SaveNetwork(ctx, zun.Network{ID: "x"}), zun.CodeNetworkNotFound)
	wantCode(t, s.SaveAttachment(ctx, zun.Attachment{ID: "x"}), zun.CodeNotFound)
	_, err = s.Action(ctx, 7)
	wantCode(t, err, zun.CodeResourceNotFound)
	_, err = s.AddAction(ctx, zun.Action{ContainerID: "x"})
	wantCode(t, err, zun.CodeContainerNotFound)
	wantCode(t, s.SaveEvent(ctx, zun.Event{ActionID: 7, Stage: "image"}), zun.CodeResourceNotFound)
	must(t, s.DeleteContainer(ctx, "x"))
	must(t, s.DeleteNetwork(ctx, "x"))
	must(t, s.DeleteAttachment(ctx, "x"))
}

func TestUniqueThings(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	n := aNetwork("foo")
	must(t, s.AddNetwork(ctx, n))
	again := aNetwork("foo")
	err := s.AddNetwork(ctx, again)
	wantCode(t, err, zun.CodeNetworkExists)
	if !strings.Contains(err.Error(), "choose another name") {
		t.Errorf("%v does not say what to do", err)
	}
	again.ProjectID = "p2"
	must(t, s.AddNetwork(ctx, again))
	for range 2 { // implicit ones have no names of their own
		implicit := aNetwork("foo")
		implicit.Implicit = true
		must(t, s.AddNetwork(ctx, implicit))
		twice := implicit
		twice.ID = uuid.NewString()
		wantCode(t, s.AddNetwork(ctx, twice), zun.CodeNetworkExists)
	}
	c := aContainer("c")
	must(t, s.AddContainer(ctx, c))
	must(t, s.AddContainer(ctx, aContainer("c"))) // names of containers repeat
	a := anAttachment(c, n)
	a.RequestedPort = uuid.NewString()
	must(t, s.AddAttachment(ctx, a))
	twice := anAttachment(c, n)
	wantCode(t, s.AddAttachment(ctx, twice), zun.CodeInvalid)
	port := anAttachment(c, again)
	port.RequestedPort = a.RequestedPort
	wantCode(t, s.AddAttachment(ctx, port), zun.CodePortInUse)
	wantCode(t, s.DeleteNetwork(ctx, n.ID), zun.CodeNetworkInUse)
	must(t, s.DeleteContainer(ctx, c.ID))
	must(t, s.DeleteNetwork(ctx, n.ID))
}

func TestFindByReference(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	a, b, other := aContainer("web"), aContainer("web"), aContainer("web")
	other.ProjectID = "p2"
	for _, c := range []zun.Container{a, b, other} {
		must(t, s.AddContainer(ctx, c))
	}
	for ref, want := range map[[2]string][]string{
		{"p1", "web"}: {a.ID, b.ID}, {"", "web"}: {a.ID, b.ID, other.ID}, {"p1", other.ID}: nil,
		{"", other.ID}: {other.ID}, {"p1", strings.ToUpper(a.ID)}: {a.ID}, {"p1", "we"}: nil, {"p1", "' OR '1'='1"}: nil, {"p1", "x\x00y"}: nil,
	} {
		found, err := s.FindContainers(ctx, ref[0], ref[1])
		must(t, err)
		var ids []string
		for _, c := range found {
			ids = append(ids, c.ID)
		}
		if diff := cmp.Diff(want, ids); diff != "" {
			t.Errorf("%v: %s", ref, diff)
		}
	}
}

func TestPagesMeetWithoutGapOrRepeat(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	const total = 23
	for i := range total {
		c := aContainer(fmt.Sprintf("c%d", i%5))
		c.MemoryMiB = int64(i % 3)
		must(t, s.AddContainer(ctx, c))
	}
	for key := range containerKeys() {
		for _, desc := range []bool{false, true} {
			var seen []string
			page := zun.Page{Limit: 4, SortKey: key, Desc: desc}
			for {
				list, err := s.ListContainers(ctx, zun.ContainerFilter{Page: page})
				must(t, err)
				for _, c := range list {
					seen = append(seen, c.ID)
				}
				if len(list) < 4 {
					break
				}
				page.Marker = list[3].ID
			}
			slices.Sort(seen)
			if n := len(slices.Compact(seen)); n != total {
				t.Errorf("by %s (desc %v): %d different of %d seen", key, desc, n, total)
			}
		}
	}
	list, err := s.ListContainers(ctx, zun.ContainerFilter{Page: zun.Page{SortKey: "memory", Desc: true}})
	must(t, err)
	if !slices.IsSortedFunc(list, func(a, b zun.ContainerDetail) int { return int(b.MemoryMiB - a.MemoryMiB) }) {
		t.Error("not sorted by memory")
	}
	_, err = s.ListContainers(ctx, zun.ContainerFilter{Page: zun.Page{SortKey: "id; DROP TABLE container"}})
	wantCode(t, err, zun.CodeInvalid)
	_, err = s.ListContainers(ctx, zun.ContainerFilter{Page: zun.Page{Marker: uuid.NewString()}})
	wantCode(t, err, zun.CodeContainerNotFound)
	_, err = s.ListNetworks(ctx, "", zun.NetworkFilter{Page: zun.Page{Marker: "x"}})
	wantCode(t, err, zun.CodeNetworkNotFound)
}

func TestFilters(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	a, b := aContainer("a"), aContainer("b")
	b.ProjectID, b.UserID, b.Image, b.Host, b.Status, b.TaskState, b.MemoryMiB, b.AutoRemove = "p2", "u2", "cirros", "b", zun.StatusRunning, "", 64, false
	must(t, s.AddContainer(ctx, a))
	must(t, s.AddContainer(ctx, b))
	no := false
	for name, f := range map[string]zun.ContainerFilter{
		"name": {Name: "b"}, "image": {Image: "cirros"}, "project": {ProjectID: "p2"}, "user": {UserID: "u2"}, "host": {Host: "b"},
		"status": {Status: zun.StatusRunning}, "memory": {MemoryMiB: 64}, "auto_remove": {AutoRemove: &no},
	} {
		list, err := s.ListContainers(ctx, f)
		must(t, err)
		if len(list) != 1 || list[0].ID != b.ID {
			t.Errorf("%s: %d containers", name, len(list))
		}
	}
	n, m := aNetwork("n"), aNetwork("m")
	m.Status = zun.NetworkError
	must(t, s.AddNetwork(ctx, n))
	must(t, s.AddNetwork(ctx, m))
	for name, f := range map[string]zun.NetworkFilter{"name": {Name: "m"}, "net": {NeutronNetID: m.NeutronNetID}, "status": {Status: zun.NetworkError}} {
		list, err := s.ListNetworks(ctx, "p1", f)
		must(t, err)
		if len(list) != 1 || list[0].ID != m.ID {
			t.Errorf("%s: %d networks", name, len(list))
		}
	}
}

func TestActionsAndEvents(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	c := aContainer("c")
	must(t, s.AddContainer(ctx, c))
	first, err := s.AddAction(ctx, zun.Action{Kind: zun.ActionCreate, ContainerID: c.ID, RequestID: "req-1", UserID: "u", ProjectID: "p", Input: []byte(`{"run":true}`), StartedAt: at(1)})
	must(t, err)
	second, err := s.AddAction(ctx, zun.Action{Kind: zun.ActionStop, ContainerID: c.ID, RequestID: "req-2", StartedAt: at(2)})
	must(t, err)
	owed, err := s.OwedActions(ctx, "")
	must(t, err)
	if diff := cmp.Diff([]zun.Action{first, second}, owed); diff != "" {
		t.Error(diff)
	}
	must(t, s.SaveEvent(ctx, zun.Event{ActionID: first.ID, Stage: "image", StartedAt: at(3)}))
	must(t, s.SaveEvent(ctx, zun.Event{ActionID: first.ID, Stage: "image", StartedAt: at(4)}))
	must(t, s.SaveEvent(ctx, zun.Event{ActionID: first.ID, Stage: "image", FinishedAt: at(5), Detail: "pulled"}))
	must(t, s.SaveEvent(ctx, zun.Event{ActionID: first.ID, Stage: "port", StartedAt: at(3)}))
	must(t, s.SayAction(ctx, first.ID, "waiting"))
	for i, want := range []bool{true, false} {
		ok, err := s.FinishAction(ctx, first.ID, "broken", at(6+i))
		must(t, err)
		if ok != want {
			t.Errorf("finish %d: %v", i, ok)
		}
	}
	must(t, s.SayAction(ctx, first.ID, "too late"))
	ended, err := s.Action(ctx, first.ID)
	must(t, err)
	if ended.Owed() || ended.FinishedAt != at(6) || ended.Message != "broken" {
		t.Errorf("%+v", ended)
	}
	events, err := s.Events(ctx, first.ID)
	must(t, err)
	want := []zun.Event{
		{ActionID: first.ID, Stage: "port", StartedAt: at(3), FinishedAt: at(6), Failed: true},
		{ActionID: first.ID, Stage: "image", StartedAt: at(4), FinishedAt: at(5), Detail: "pulled"},
	}
	if diff := cmp.Diff(want, events, cmpopts.IgnoreFields(zun.Event{}, "ID")); diff != "" {
		t.Error(diff)
	}
	newest, err := s.Actions(ctx, c.ID, "")
	must(t, err)
	if len(newest) != 2 || newest[0].ID != second.ID {
		t.Errorf("%+v", newest)
	}
	one, err := s.Actions(ctx, c.ID, "req-1")
	must(t, err)
	if len(one) != 1 || one[0].ID != first.ID {
		t.Errorf("%+v", one)
	}
	must(t, s.DeleteContainer(ctx, c.ID))
	if events, err := s.Events(ctx, first.ID); err != nil || len(events) != 0 {
		t.Errorf("events %v outlive their container, error %v", events, err)
	}
}

func TestOneOfManyClaimsAnAction(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	c := aContainer("c")
	must(t, s.AddContainer(ctx, c))
	a, err := s.AddAction(ctx, zun.Action{Kind: zun.ActionStart, ContainerID: c.ID})
	must(t, err)
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 16 {
		wg.Go(func() {
			ok, err := s.ClaimAction(ctx, a.ID, 0)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if ok {
				won++
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d claims won", won)
	}
}

func TestAFailedChangeLeavesNothing(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	c := aContainer("c")
	failure := errors.New("no")
	err := s.Change(ctx, func(ctx context.Context) error {
		must(t, s.AddContainer(ctx, c))
		if _, err := s.Container(ctx, c.ID); err != nil {
			t.Errorf("a change does not see itself: %v", err)
		}
		return s.Change(ctx, func(context.Context) error { return failure })
	})
	if !errors.Is(err, failure) {
		t.Error(err)
	}
	_, err = s.Container(ctx, c.ID)
	wantCode(t, err, zun.CodeContainerNotFound)
}

func TestReadersGoOnWhileOneWrites(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	must(t, s.Change(ctx, func(inner context.Context) error {
		must(t, s.AddContainer(inner, aContainer("c")))
		list, err := s.ListContainers(ctx, zun.ContainerFilter{})
		must(t, err)
		if len(list) != 0 {
			t.Error("a reader saw what is not committed")
		}
		return nil
	}))
}

func TestUsageCountsWhatHoldsMemory(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	for _, status := range []zun.Status{zun.StatusRunning, zun.StatusStopped, zun.StatusError} {
		c := aContainer("c")
		c.Status = status
		must(t, s.AddContainer(ctx, c))
	}
	got, err := s.Usage(ctx)
	must(t, err)
	if diff := cmp.Diff(map[string]zun.HostUsage{"a": {Containers: 3, Running: 1, Stopped: 1, CPU: 3, MemoryMiB: 1024, DiskGiB: 2}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNetworksOnANeutronNetworkAndUnfinishedOnes(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	active, half, idle, busy, handle := aNetwork("a"), aNetwork("h"), aNetwork(""), aNetwork(""), aNetwork("kept")
	half.Status = zun.NetworkCreating
	idle.Implicit, busy.Implicit, handle.Implicit = true, true, true
	c := aContainer("c")
	must(t, s.AddContainer(ctx, c))
	for _, n := range []zun.Network{active, half, idle, busy, handle} {
		must(t, s.AddNetwork(ctx, n))
	}
	must(t, s.AddAttachment(ctx, anAttachment(c, busy)))
	unfinished, err := s.UnfinishedNetworks(ctx)
	must(t, err)
	if diff := cmp.Diff([]zun.Network{half, idle}, unfinished, sameAddrs); diff != "" {
		t.Error(diff)
	}
	of, err := s.NetworksOf(ctx, "p1", active.NeutronNetID)
	must(t, err)
	if diff := cmp.Diff([]zun.Network{active}, of, sameAddrs); diff != "" {
		t.Error(diff)
	}
	implicit, err := s.ImplicitNetwork(ctx, busy.NeutronNetID, false)
	must(t, err)
	if diff := cmp.Diff(busy, implicit, sameAddrs); diff != "" {
		t.Error(diff)
	}
	holders, err := s.AddressHolders(ctx, busy.NeutronNetID, netip.MustParseAddr("10.2.0.9"))
	must(t, err)
	if len(holders) != 1 || holders[0].ContainerName != "c" {
		t.Errorf("%+v", holders)
	}
	if holders, err := s.AddressHolders(ctx, busy.NeutronNetID, netip.MustParseAddr("10.2.0.8")); err != nil || len(holders) != 0 {
		t.Errorf("%+v, %v", holders, err)
	}
	for network, want := range map[string]bool{busy.ID: true, idle.ID: false} {
		if held, err := s.HasHolders(ctx, network); err != nil || held != want {
			t.Errorf("somebody is on %s: %v, %v", network, held, err)
		}
	}
}

// An address is had by who asked for it and by who got it, and is not the beginning of another.
func TestAddressHolders(t *testing.T) {
	s, ctx, n := mustOpen(t), t.Context(), aNetwork("n")
	must(t, s.AddNetwork(ctx, n))
	for name, set := range map[string]func(*zun.Attachment){
		"asked":  func(a *zun.Attachment) { a.RequestedIPv4 = netip.MustParseAddr("10.2.0.99") },
		"asked6": func(a *zun.Attachment) { a.RequestedIPv6 = netip.MustParseAddr("fd00::99") },
		"got": func(a *zun.Attachment) {
			a.Addresses = []zun.Address{{IP: netip.MustParseAddr("10.2.0.77"), SubnetID: "s4"}, {IP: netip.MustParseAddr("fd00::77"), SubnetID: "s6"}}
		},
	} {
		c := aContainer(name)
		a := anAttachment(c, n)
		a.RequestedIPv4, a.Addresses = netip.Addr{}, nil
		set(&a)
		must(t, s.AddContainer(ctx, c))
		must(t, s.AddAttachment(ctx, a))
	}
	for address, want := range map[string]string{
		"10.2.0.99": "asked", "fd00::99": "asked6", "10.2.0.77": "got", "fd00::77": "got",
		"10.2.0.9": "", "10.2.0.7": "", "fd00::7": "", "fd00::": "", "0.2.0.77": "",
	} {
		holders, err := s.AddressHolders(ctx, n.NeutronNetID, netip.MustParseAddr(address))
		must(t, err)
		var names []string
		for _, holder := range holders {
			names = append(names, holder.ContainerName)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s is had by %q, want %q", address, got, want)
		}
	}
}

func TestTheFileIsTheOwnersAndOpensAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd ?name#%41.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	c := aContainer("c")
	must(t, s.AddContainer(t.Context(), c))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", suffix, info.Mode())
		}
	}
	second, err := Open(t.Context(), path) // beside the first
	must(t, err)
	if _, err := second.Container(t.Context(), c.ID); err != nil {
		t.Error(err)
	}
	must(t, second.Close())
	must(t, s.Close())
}

func TestOpenFailsClearly(t *testing.T) {
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "no", "such", "zun.db")); err == nil || !strings.Contains(err.Error(), "cannot open database") {
		t.Error(err)
	}
	garbage := filepath.Join(t.TempDir(), "garbage.db")
	must(t, os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 300)), 0o600))
	if _, err := Open(t.Context(), garbage); err == nil || !strings.Contains(err.Error(), garbage) {
		t.Error(err)
	}
}

func TestADatabaseOfANewerVersionIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zun.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	_, err = s.write.ExecContext(t.Context(), `INSERT INTO bun_migrations (name, group_id) VALUES ('29990101000000', 9)`)
	must(t, err)
	must(t, s.Close())
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Error(err)
	}
}

func TestManyOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zun.db")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			s, err := Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAnswersAreNeverOlderThanTheLastCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zun.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	defer s.Close()
	second, err := Open(t.Context(), path)
	must(t, err)
	defer second.Close()
	ctx, c := t.Context(), aContainer("c")
	must(t, s.AddContainer(ctx, c))
	for i := range 200 {
		writer := []*Store{s, second}[i%2]
		c.StatusReason = fmt.Sprint(i)
		must(t, writer.SaveContainer(ctx, c))
		for _, reader := range []*Store{s, second} {
			detail, err := reader.ContainerDetail(ctx, c.ID)
			must(t, err)
			list, err := reader.ListContainers(ctx, zun.ContainerFilter{})
			must(t, err)
			found, err := reader.FindContainers(ctx, "", "c")
			must(t, err)
			if detail.StatusReason != c.StatusReason || list[0].StatusReason != c.StatusReason || found[0].StatusReason != c.StatusReason {
				t.Fatalf("change %d is not seen", i)
			}
		}
	}
}

func TestDifferentQuestionsHaveDifferentAnswers(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	for range 3 {
		must(t, s.AddContainer(ctx, aContainer("c")))
	}
	for limit := range 4 {
		list, err := s.ListContainers(ctx, zun.ContainerFilter{Page: zun.Page{Limit: limit}})
		must(t, err)
		if want := []int{3, 1, 2, 3}[limit]; len(list) != want {
			t.Errorf("limit %d: %d", limit, len(list))
		}
	}
	for i := range 2 * cacheItems { // the memory for answers is bounded
		if _, err := s.FindContainers(ctx, "", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if s.cache.items > cacheItems {
		t.Errorf("%d items are kept", s.cache.items)
	}
}

func BenchmarkList1000(b *testing.B) {
	s, ctx := mustOpen(b), b.Context()
	n := aNetwork("n")
	must(b, s.AddNetwork(ctx, n))
	must(b, s.Change(ctx, func(ctx context.Context) error {
		for i := range 1000 {
			c := aContainer(fmt.Sprint("c", i))
			must(b, s.AddContainer(ctx, c))
			must(b, s.AddAttachment(ctx, anAttachment(c, n)))
		}
		return nil
	}))
	for b.Loop() {
		list, err := s.listContainers(ctx, zun.ContainerFilter{ProjectID: "p1"})
		if err != nil || len(list) != 1000 || len(list[999].Nets) != 1 {
			b.Fatal(len(list), err)
		}
	}
}

func BenchmarkListAgain1000(b *testing.B) {
	s, ctx := mustOpen(b), b.Context()
	must(b, s.Change(ctx, func(ctx context.Context) error {
		for i := range 1000 {
			must(b, s.AddContainer(ctx, aContainer(fmt.Sprint("c", i))))
		}
		return nil
	}))
	for b.Loop() {
		if list, err := s.ListContainers(ctx, zun.ContainerFilter{ProjectID: "p1"}); err != nil || len(list) != 1000 {
			b.Fatal(len(list), err)
		}
	}
}

func BenchmarkShow(b *testing.B) {
	s, ctx := mustOpen(b), b.Context()
	n, c := aNetwork("n"), aContainer("c")
	must(b, s.AddNetwork(ctx, n))
	must(b, s.AddContainer(ctx, c))
	must(b, s.AddAttachment(ctx, anAttachment(c, n)))
	for b.Loop() {
		if _, err := s.ContainerDetail(ctx, c.ID); err != nil {
			b.Fatal(err)
		}
	}
}

// Readers who share one loading must still see what was committed before they asked.
func TestSharedLoadingsAreNotOlderThanTheQuestion(t *testing.T) {
	s, ctx, c := mustOpen(t), t.Context(), aContainer("c")
	must(t, s.AddContainer(ctx, c))
	var committed atomic.Int64
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				least := committed.Load()
				list, err := s.ListContainers(ctx, zun.ContainerFilter{})
				if err != nil || len(list) != 1 || list[0].MemoryMiB < least {
					t.Errorf("%d was committed before the list was asked for: %+v, %v", least, list, err)
					return
				}
			}
		})
	}
	for i := range 50 {
		c.MemoryMiB = int64(i)
		must(t, s.SaveContainer(ctx, c))
		committed.Store(int64(i))
	}
	close(done)
	wg.Wait()
}

// Somebody who goes away while he loads what others wait for does not spoil it for them.
func TestALoadingOutlivesWhoBeganIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group singleflight.Group
		impatient, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := share(impatient, &group, "q", func() (string, error) {
				<-impatient.Done()
				return "", impatient.Err()
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("he who left got %v", err)
			}
		})
		synctest.Wait()
		for range 3 {
			wg.Go(func() {
				answer, err := share(t.Context(), &group, "q", func() (string, error) { return "answer", nil })
				if answer != "answer" || err != nil {
					t.Errorf("%q, %v", answer, err)
				}
			})
		}
		synctest.Wait() // all of them wait for the first
		leave()
		wg.Wait()
	})
}

// A heartbeat does not read the containers that are well.
func TestFailedHealsAreFoundByTheStatus(t *testing.T) {
	s := mustOpen(t)
	var rows []actionRow
	plan, err := s.read.DB.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+failedHeals(s.read, &rows).String())
	must(t, err)
	defer plan.Close()
	var steps []string
	for plan.Next() {
		var id, parent, unused int
		var step string
		must(t, plan.Scan(&id, &parent, &unused, &step))
		steps = append(steps, step)
	}
	must(t, plan.Err())
	whole := strings.Join(steps, "\n")
	if !strings.Contains(whole, "SEARCH c USING INDEX container_status (status=?)") || strings.Contains(whole, "SCAN") {
		t.Errorf("it is planned so:\n%s", whole)
	}
}
