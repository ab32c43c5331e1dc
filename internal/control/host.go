package control

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// ListHosts returns a page of the hosts, by name unless the page says otherwise, with what
// is placed on them. CodeInvalid: the sort key is not one; CodeHostNotFound: the marker is
// not there. It is for those whom the rule host:get_all lets.
func (s *Service) ListHosts(ctx context.Context, _ policy.Grant, page zun.Page) ([]zun.HostDetail, error) {
	hosts, err := s.hostDetails(ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(hosts, page, hostKeys(), func(h zun.HostDetail) string { return h.ID }, noHost(page.Marker))
}

// GetHost returns the host with a UUID or name, or CodeHostNotFound.
func (s *Service) GetHost(ctx context.Context, _ policy.Grant, ref string) (zun.HostDetail, error) {
	hosts, err := s.hostDetails(ctx)
	if err != nil {
		return zun.HostDetail{}, err
	}
	for _, same := range []func(zun.HostDetail) bool{
		func(h zun.HostDetail) bool { return strings.EqualFold(h.ID, ref) },
		func(h zun.HostDetail) bool { return h.Name == ref },
	} {
		if i := slices.IndexFunc(hosts, same); i >= 0 {
			return hosts[i], nil
		}
	}
	return zun.HostDetail{}, noHost(ref)
}

func noHost(ref string) *zun.Error {
	return zun.Errorf(zun.CodeHostNotFound, "Compute node %s could not be found.", ref)
}

// hostDetails returns all hosts by name, with what is placed on them.
func (s *Service) hostDetails(ctx context.Context) ([]zun.HostDetail, error) {
	hosts, err := s.Store.Hosts(ctx)
	if err != nil {
		return nil, err
	}
	usage, err := s.Store.Usage(ctx)
	if err != nil {
		return nil, err
	}
	details := make([]zun.HostDetail, len(hosts))
	for i, host := range hosts {
		details[i] = zun.HostDetail{Host: host, Usage: usage[host.Name]}
	}
	return details, nil
}

// hostKeys are what hosts can be sorted by: the fields that the API shows and that have an
// order.
func hostKeys() map[string]comparison[zun.HostDetail] {
	type h = zun.HostDetail
	return map[string]comparison[h]{
		"uuid": by(func(k h) string { return k.ID }), "hostname": by(func(k h) string { return k.Name }),
		"cpus": by(func(k h) int { return k.CPUs }), "cpu_used": by(func(k h) float64 { return k.Usage.CPU }),
		"mem_total": by(func(k h) int64 { return k.MemoryMiB }), "mem_used": by(func(k h) int64 { return k.Usage.MemoryMiB }),
		"disk_total": by(func(k h) int64 { return k.DiskGiB }), "disk_used": by(func(k h) int64 { return k.Usage.DiskGiB }),
		"total_containers":   by(func(k h) int { return k.Usage.Containers }),
		"running_containers": by(func(k h) int { return k.Usage.Running }),
		"paused_containers":  by(func(k h) int { return k.Usage.Paused }),
		"stopped_containers": by(func(k h) int { return k.Usage.Stopped }),
		"architecture":       by(func(k h) string { return k.Architecture }),
		"os_type":            by(func(k h) string { return k.OSType }), "os": by(func(k h) string { return k.OS }),
		"kernel_version": by(func(k h) string { return k.Kernel }),
	}
}

func by[T any, K cmp.Ordered](field func(T) K) comparison[T] {
	return func(a, b T) int { return cmp.Compare(field(a), field(b)) }
}
