package api

import (
	"context"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// The administrators' nouns in memory: one host, the same answers always.
const hostID = "abababab-0000-4000-8000-000000000001"

func (m *memory) ListHosts(ctx context.Context, _ policy.Grant, page zun.Page) ([]zun.HostDetail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []zun.HostDetail{theHost()}, m.note(ctx, "host-list %+v", page)
}

func theHost() zun.HostDetail {
	return zun.HostDetail{
		Host: zun.Host{
			ID: hostID, Name: "h1", CPUs: 4, MemoryMiB: 8192, DiskGiB: 80, DiskQuota: true, Runtimes: []string{"runc", "runsc"},
			Labels: map[string]string{"ssd": "1"}, Architecture: "x86_64", OSType: "linux", OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1",
		},
		Usage: zun.HostUsage{Containers: 4, Running: 2, Paused: 1, Stopped: 1, CPU: 2, MemoryMiB: 1024, DiskGiB: 5},
	}
}

func (m *memory) GetHost(ctx context.Context, _ policy.Grant, ref string) (zun.HostDetail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "host-get %s", ref); err != nil {
		return zun.HostDetail{}, err
	}
	if ref != hostID && ref != "h1" {
		return zun.HostDetail{}, zun.Errorf(zun.CodeHostNotFound, "Compute node %s could not be found.", ref)
	}
	return theHost(), nil
}

func (m *memory) ListZones(ctx context.Context, _ policy.Grant, page zun.Page) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []string{"nova"}, m.note(ctx, "zone-list %+v", page)
}

func (m *memory) ListServices(ctx context.Context, _ policy.Grant) ([]zun.ServiceDetail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []zun.ServiceDetail{{Service: theService(), Up: true}}, m.note(ctx, "service-list")
}

func theService() zun.Service {
	return zun.Service{ID: 1, Host: "h1", Binary: zun.BinaryCompute, AvailabilityZone: "nova", LastSeen: noon, ReportCount: 7, CreatedAt: noon, UpdatedAt: noon}
}

func (m *memory) ChangeService(ctx context.Context, _ policy.Grant, host, binary string, change zun.ServiceChange) (zun.Service, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := theService()
	if change.Disabled != nil {
		s.Disabled, s.DisabledReason = *change.Disabled, change.DisabledReason
	}
	if change.ForcedDown != nil {
		s.ForcedDown = *change.ForcedDown
	}
	if err := m.note(ctx, "service-change %s %s %v %q %v", host, binary, s.Disabled, s.DisabledReason, s.ForcedDown); err != nil {
		return s, err
	}
	return s, m.known(host, binary)
}

func (m *memory) known(host, binary string) error {
	if host != "h1" || binary != zun.BinaryCompute {
		return zun.Errorf(zun.CodeServiceNotFound, "Zun service %s on host %s could not be found.", binary, host)
	}
	return nil
}

func (m *memory) DeleteService(ctx context.Context, _ policy.Grant, host, binary string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.note(ctx, "service-delete %s %s", host, binary); err != nil {
		return err
	}
	return m.known(host, binary)
}

func theQuota() zun.Quota {
	return zun.Quota{Containers: 40, MemoryMiB: 51200, DiskGiB: 100, CPU: 20}
}

func (m *memory) Quota(ctx context.Context, _ policy.Grant, project string) (zun.QuotaDetail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	usage := zun.QuotaUsage{Containers: 1, MemoryMiB: 512, CPU: 1.5}
	return zun.QuotaDetail{Quota: theQuota(), Usage: usage}, m.note(ctx, "quota-get %s", project)
}

func (m *memory) DefaultQuota(ctx context.Context, _ policy.Grant) (zun.Quota, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return theQuota(), m.note(ctx, "quota-defaults")
}

func (m *memory) SetQuota(ctx context.Context, _ policy.Grant, project string, limits zun.QuotaLimits) (zun.Quota, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return theQuota().With(limits), m.note(ctx, "quota-set %s", project)
}

func (m *memory) DeleteQuota(ctx context.Context, _ policy.Grant, project string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.note(ctx, "quota-delete %s", project)
}

func (m *memory) QuotaClass(ctx context.Context, _ policy.Grant, class string) (zun.Quota, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return theQuota(), m.note(ctx, "class-get %s", class)
}

func (m *memory) SetQuotaClass(ctx context.Context, _ policy.Grant, class string, limits zun.QuotaLimits) (zun.Quota, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return theQuota().With(limits), m.note(ctx, "class-set %s", class)
}
