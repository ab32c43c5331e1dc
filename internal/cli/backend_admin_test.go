package cli_test

import (
	"context"
	"slices"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// admin is what the backend knows of hosts and quotas.
type admin struct {
	services []*zun.ServiceDetail
	limits   map[string]zun.QuotaLimits // by project or "class <name>"
}

func newAdmin() admin {
	service := func(id int64, host string, up bool) *zun.ServiceDetail {
		return &zun.ServiceDetail{Up: up, Service: zun.Service{
			ID: id, Host: host, Binary: zun.BinaryCompute, AvailabilityZone: "nova", LastSeen: noon, ReportCount: 5, CreatedAt: noon, UpdatedAt: noon,
		}}
	}
	return admin{services: []*zun.ServiceDetail{service(1, "h1", true), service(2, "h2", false)}, limits: map[string]zun.QuotaLimits{}}
}

func (b *backend) hosts() []zun.HostDetail {
	host := func(n int, name string, memory int64) zun.HostDetail {
		return zun.HostDetail{
			Host: zun.Host{
				ID: id("90000", n), Name: name, CPUs: 4, MemoryMiB: memory, DiskGiB: 80, Runtimes: []string{"runc"},
				Labels: map[string]string{"ssd": "1"}, Architecture: "x86_64", OSType: "linux", OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1",
			},
			Usage: zun.HostUsage{Containers: n, Running: n, CPU: float64(n) / 2, MemoryMiB: int64(512 * n)},
		}
	}
	return []zun.HostDetail{host(1, "h1", 8192), host(2, "h2", 16384)}
}

func (b *backend) ListHosts(_ context.Context, _ policy.Grant, page zun.Page) ([]zun.HostDetail, error) {
	all := b.hosts()
	if page.Desc {
		slices.Reverse(all)
	}
	return all[:min(len(all), page.Limit)], nil
}

func (b *backend) GetHost(_ context.Context, _ policy.Grant, ref string) (zun.HostDetail, error) {
	for _, h := range b.hosts() {
		if h.ID == ref || h.Name == ref {
			return h, nil
		}
	}
	return zun.HostDetail{}, zun.Errorf(zun.CodeHostNotFound, "Compute node %s could not be found.", ref)
}

func (b *backend) ListZones(context.Context, policy.Grant, zun.Page) ([]string, error) {
	return []string{"nova", "west"}, nil
}

func (b *backend) ListServices(context.Context, policy.Grant) ([]zun.ServiceDetail, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []zun.ServiceDetail
	for _, s := range b.services {
		all = append(all, *s)
	}
	return all, nil
}

func (b *backend) service(host, binary string) (*zun.ServiceDetail, error) {
	for _, s := range b.services {
		if s.Host == host && s.Binary == binary {
			return s, nil
		}
	}
	return nil, zun.Errorf(zun.CodeServiceNotFound, "Zun service %s on host %s could not be found.", binary, host)
}

func (b *backend) ChangeService(_ context.Context, _ policy.Grant, host, binary string, change zun.ServiceChange) (zun.Service, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.service(host, binary)
	if err != nil {
		return zun.Service{}, err
	}
	if change.Disabled != nil {
		s.Disabled, s.DisabledReason = *change.Disabled, change.DisabledReason
	}
	if change.ForcedDown != nil {
		s.ForcedDown, s.Up = *change.ForcedDown, !*change.ForcedDown
	}
	return s.Service, nil
}

func (b *backend) DeleteService(_ context.Context, _ policy.Grant, host, binary string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	gone, err := b.service(host, binary)
	b.services = slices.DeleteFunc(b.services, func(s *zun.ServiceDetail) bool { return s == gone })
	return err
}

func (b *backend) quota(whose string) zun.Quota {
	return zun.Quota{Containers: 40, MemoryMiB: 51200, DiskGiB: 100, CPU: 20}.With(b.limits[whose])
}

func (b *backend) Quota(_ context.Context, _ policy.Grant, project string) (zun.QuotaDetail, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return zun.QuotaDetail{Quota: b.quota(project), Usage: zun.QuotaUsage{Containers: 2, MemoryMiB: 1024, CPU: 1.5}}, nil
}

func (b *backend) DefaultQuota(context.Context, policy.Grant) (zun.Quota, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.quota("class default"), nil
}

func (b *backend) SetQuota(_ context.Context, _ policy.Grant, project string, limits zun.QuotaLimits) (zun.Quota, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limits[project] = limits
	return b.quota(project), nil
}

func (b *backend) DeleteQuota(_ context.Context, _ policy.Grant, project string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.limits, project)
	return nil
}

func (b *backend) QuotaClass(_ context.Context, _ policy.Grant, class string) (zun.Quota, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.quota("class " + class), nil
}

func (b *backend) SetQuotaClass(_ context.Context, _ policy.Grant, class string, limits zun.QuotaLimits) (zun.Quota, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limits["class "+class] = limits
	return b.quota("class " + class), nil
}
