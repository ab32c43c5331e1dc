package store

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

func aHost(name string) zun.Host {
	return zun.Host{
		ID: uuid.NewString(), Name: name, AvailabilityZone: "z", CPUs: 2, MemoryMiB: 4096, DiskGiB: 80, DiskQuota: true, Runtimes: []string{"runc"},
		Labels: map[string]string{"x": "y"}, Architecture: "x86_64", OSType: "linux", OS: "Debian", Kernel: "6",
	}
}

func TestHostsKeepTheirIDAndServicesWhatWasSaid(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	host := aHost("a")
	must(t, s.SaveHost(ctx, zun.Host{ID: host.ID, Name: "a"}, at(1)))
	service, err := s.Service(ctx, "a", zun.BinaryCompute)
	must(t, err)
	want := zun.Service{ID: service.ID, Host: "a", Binary: "zun-compute", LastSeen: at(1), ReportCount: 1, CreatedAt: at(1), UpdatedAt: at(1)}
	if diff := cmp.Diff(want, service); diff != "" {
		t.Error(diff)
	}
	service.Disabled, service.DisabledReason, service.ForcedDown, service.UpdatedAt = true, "disk", true, at(2)
	must(t, s.SaveService(ctx, service))
	again := host
	again.ID = uuid.NewString()
	must(t, s.SaveHost(ctx, again, at(3)))

	hosts, err := s.Hosts(ctx)
	must(t, err)
	host.AvailabilityZone = "" // which its service has
	if diff := cmp.Diff([]zun.Host{host}, hosts); diff != "" {
		t.Error(diff)
	}
	services, err := s.Services(ctx)
	must(t, err)
	want = service
	want.AvailabilityZone, want.LastSeen, want.UpdatedAt, want.ReportCount = "z", at(3), at(3), 2
	if diff := cmp.Diff([]zun.Service{want}, services); diff != "" {
		t.Error(diff)
	}
}

func TestDeletedServicesAndHostsAreGone(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	must(t, s.SaveHost(ctx, aHost("a"), at(1)))
	must(t, s.SaveHost(ctx, aHost("b"), at(1)))
	service, err := s.Service(ctx, "a", zun.BinaryCompute)
	must(t, err)
	for range 2 {
		must(t, s.DeleteService(ctx, service.ID))
	}
	_, err = s.Service(ctx, "a", zun.BinaryCompute)
	wantCode(t, err, zun.CodeServiceNotFound)
	wantCode(t, s.SaveService(ctx, service), zun.CodeServiceNotFound)
	_, err = s.Service(ctx, "b", "zun-api")
	wantCode(t, err, zun.CodeServiceNotFound)
	if hosts, err := s.Hosts(ctx); err != nil || len(hosts) != 2 {
		t.Errorf("hosts %v, %v", hosts, err)
	}
	for range 2 {
		must(t, s.DeleteHost(ctx, "a"))
	}
	if hosts, err := s.Hosts(ctx); err != nil || len(hosts) != 1 || hosts[0].Name != "b" {
		t.Errorf("hosts %v, %v", hosts, err)
	}
}

func TestLimitsAreSetOneByOne(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	for _, store := range []struct {
		name string
		set  func(context.Context, string, zun.QuotaLimits) error
		get  func(context.Context, string) (zun.QuotaLimits, error)
	}{{"project", s.SetProjectLimits, s.ProjectLimits}, {"class", s.SetClassLimits, s.ClassLimits}} {
		must(t, store.set(ctx, "x", zun.QuotaLimits{}))
		must(t, store.set(ctx, "x", zun.QuotaLimits{CPU: new(int64(5)), DiskGiB: new(int64(-1))}))
		must(t, store.set(ctx, "x", zun.QuotaLimits{CPU: new(int64(0)), MemoryMiB: new(int64(7))}))
		must(t, store.set(ctx, "y", zun.QuotaLimits{Containers: new(int64(1))}))
		got, err := store.get(ctx, "x")
		must(t, err)
		if diff := cmp.Diff(zun.QuotaLimits{CPU: new(int64(0)), DiskGiB: new(int64(-1)), MemoryMiB: new(int64(7))}, got); diff != "" {
			t.Errorf("%s: %s", store.name, diff)
		}
	}
	for range 2 {
		must(t, s.DeleteProjectLimits(ctx, "x"))
	}
	if got, err := s.ProjectLimits(ctx, "x"); err != nil || got != (zun.QuotaLimits{}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := s.ProjectLimits(ctx, "y"); err != nil || got.Containers == nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestProjectUsageCountsEveryContainer(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	if got, err := s.ProjectUsage(ctx, "p1"); err != nil || got != (zun.QuotaUsage{}) {
		t.Errorf("of nothing: %v, %v", got, err)
	}
	for i, status := range []zun.Status{zun.StatusRunning, zun.StatusError, zun.StatusDeleting} {
		c := aContainer("c")
		c.Status, c.CPU = status, 0.1*float64(i+1)
		must(t, s.AddContainer(ctx, c))
	}
	other := aContainer("c")
	other.ProjectID = "p2"
	must(t, s.AddContainer(ctx, other))
	got, err := s.ProjectUsage(ctx, "p1")
	must(t, err)
	if diff := cmp.Diff(zun.QuotaUsage{Containers: 3, MemoryMiB: 3 * 512, DiskGiB: 3, CPU: 0.6}, got); diff != "" {
		t.Error(diff)
	}
}

// atStep returns a database as the first n steps of migration left it.
func atStep(t *testing.T, n int) (path string, db *bun.DB) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "zun.db")
	pool, err := openPool(path, true)
	must(t, err)
	s := &Store{path: path, write: bun.NewDB(pool, newDialect())}
	must(t, s.migrate(t.Context(), steps()[:n]))
	return path, s.write
}

func TestHostsOfAnOldDatabaseAreMoved(t *testing.T) {
	ctx := t.Context()
	path, old := atStep(t, 1)
	for _, h := range []host1{
		{Host: "a", Binary: zun.BinaryCompute, Disabled: true, LastSeenUp: toMicros(at(1)), CPUs: 2, MemTotal: 9, Runtimes: `["runc"]`, OS: "Debian"},
		{Host: "b", Binary: zun.BinaryCompute, LastSeenUp: toMicros(at(2)), Labels: `{"x":"y"}`, Architecture: "arm64", Kernel: "6"},
	} {
		_, err := old.NewInsert().Model(&h).Exec(ctx)
		must(t, err)
	}
	must(t, old.Close())

	first := hostsOfOldDatabase(t, path)
	if again := hostsOfOldDatabase(t, path); first != again {
		t.Errorf("opened again the hosts have other ids: %v, %v", first, again)
	}
}

// hostsOfOldDatabase opens the database, looks at what became of its two hosts, and
// returns their ids.
func hostsOfOldDatabase(t *testing.T, path string) [2]string {
	t.Helper()
	s, err := Open(t.Context(), path)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	hosts, err := s.Hosts(t.Context())
	must(t, err)
	if len(hosts) != 2 || !zun.IsUUID(hosts[0].ID) || hosts[0].ID == hosts[1].ID {
		t.Fatalf("hosts %+v", hosts)
	}
	want := []zun.Host{
		{ID: hosts[0].ID, Name: "a", CPUs: 2, MemoryMiB: 9, Runtimes: []string{"runc"}, OS: "Debian"},
		{ID: hosts[1].ID, Name: "b", Labels: map[string]string{"x": "y"}, Architecture: "arm64", Kernel: "6"},
	}
	if diff := cmp.Diff(want, hosts); diff != "" {
		t.Error(diff)
	}
	services, err := s.Services(t.Context())
	must(t, err)
	if len(services) != 2 || !services[0].Disabled || services[1].Disabled || !services[1].LastSeen.Equal(at(2)) || services[1].ID != 2 {
		t.Errorf("services %+v", services)
	}
	return [2]string{hosts[0].ID, hosts[1].ID}
}

// A crash within the step leaves the old tables, and the next start does it again.
func TestTheMigrationOfHostsCanBeRunAgain(t *testing.T) {
	_, db := atStep(t, len(steps()))
	t.Cleanup(func() { must(t, db.Close()) })
	must(t, db.RunInTx(t.Context(), nil, adminTables))
}
