package control

import (
	"context"
	"strings"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// DefaultLimits are what a project may have when the configuration does not say (Zun:
// zun/conf/quota.py).
func DefaultLimits() zun.Quota {
	return zun.Quota{Containers: 40, MemoryMiB: 51200, DiskGiB: 100, CPU: 20}
}

// The grants of the methods here were made for the project in question as the target.

// Quota returns what a project may have and what it has. A project that nobody has heard
// of has the defaults and nothing: which projects there are is Keystone's to know.
func (s *Service) Quota(ctx context.Context, _ policy.Grant, projectID string) (zun.QuotaDetail, error) {
	quota, err := s.quotaOf(ctx, projectID)
	if err != nil {
		return zun.QuotaDetail{}, err
	}
	usage, err := s.Store.ProjectUsage(ctx, projectID)
	return zun.QuotaDetail{Quota: quota, Usage: usage}, err
}

// DefaultQuota returns what a project may have for which nothing was set: the limits of
// the class "default", and where it has none, of the configuration.
func (s *Service) DefaultQuota(ctx context.Context, g policy.Grant) (zun.Quota, error) {
	return s.QuotaClass(ctx, g, zun.DefaultQuotaClass)
}

// SetQuota sets limits of a project and returns all of them. CodeInvalid: a limit is
// below -1.
func (s *Service) SetQuota(ctx context.Context, _ policy.Grant, projectID string, limits zun.QuotaLimits) (quota zun.Quota, err error) {
	if err := checkLimits("project "+projectID, limits); err != nil {
		return quota, err
	}
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		if err := s.Store.SetProjectLimits(ctx, projectID, limits); err != nil {
			return err
		}
		quota, err = s.quotaOf(ctx, projectID)
		return err
	})
	return quota, err
}

// DeleteQuota gives a project the default limits again. What it has over them stays.
func (s *Service) DeleteQuota(ctx context.Context, _ policy.Grant, projectID string) error {
	return s.Store.DeleteProjectLimits(ctx, projectID)
}

// QuotaClass returns the limits of a class, and where it has none, of the configuration.
func (s *Service) QuotaClass(ctx context.Context, _ policy.Grant, class string) (zun.Quota, error) {
	limits, err := s.Store.ClassLimits(ctx, class)
	return s.DefaultLimits.With(limits), err
}

// SetQuotaClass sets limits of a class and returns all of them. Those of the class
// "default" count for every project at once. CodeInvalid: a limit is below -1.
func (s *Service) SetQuotaClass(ctx context.Context, g policy.Grant, class string, limits zun.QuotaLimits) (quota zun.Quota, err error) {
	if err := checkLimits("class "+class, limits); err != nil {
		return quota, err
	}
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		if err := s.Store.SetClassLimits(ctx, class, limits); err != nil {
			return err
		}
		quota, err = s.QuotaClass(ctx, g, class)
		return err
	})
	return quota, err
}

func checkLimits(of string, limits zun.QuotaLimits) error {
	for name, limit := range map[string]*int64{
		"containers": limits.Containers, "memory": limits.MemoryMiB, "disk": limits.DiskGiB, "cpu": limits.CPU,
	} {
		if limit != nil && *limit < zun.Unlimited {
			return zun.Errorf(zun.CodeInvalid, "cannot set the quota of %s: %d %s are below -1, which is unlimited", of, *limit, name)
		}
	}
	return nil
}

// quotaOf returns what a project may have: its own limits, else the defaults.
func (s *Service) quotaOf(ctx context.Context, projectID string) (zun.Quota, error) {
	class, err := s.Store.ClassLimits(ctx, zun.DefaultQuotaClass)
	if err != nil {
		return zun.Quota{}, err
	}
	own, err := s.Store.ProjectLimits(ctx, projectID)
	return s.DefaultLimits.With(class).With(own), err
}

// claim refuses what would bring a project over its quota, with CodeOverQuota in Zun's
// words. It must be called in the transaction that then records the more: whoever comes
// next finds it counted.
//
// Only a resource of which more is asked for can be refused, so that a project whose quota
// was lowered under what it has can still give some of it back.
func (s *Service) claim(ctx context.Context, projectID string, more zun.QuotaUsage) error {
	quota, err := s.quotaOf(ctx, projectID)
	if err != nil {
		return err
	}
	usage, err := s.Store.ProjectUsage(ctx, projectID)
	if err != nil {
		return err
	}
	if over := unlessGivenBack(quota, more).Over(usage.Plus(more)); len(over) > 0 {
		return zun.Errorf(zun.CodeOverQuota, "Quota exceeded for resources: ['%s']", strings.Join(over, "', '"))
	}
	return nil
}

// unlessGivenBack takes the limits away of which nothing more is asked for.
func unlessGivenBack(quota zun.Quota, more zun.QuotaUsage) zun.Quota {
	var free zun.QuotaLimits
	unlimited := int64(zun.Unlimited)
	if more.Containers <= 0 {
		free.Containers = &unlimited
	}
	if more.MemoryMiB <= 0 {
		free.MemoryMiB = &unlimited
	}
	if more.DiskGiB <= 0 {
		free.DiskGiB = &unlimited
	}
	if more.CPU <= 0 {
		free.CPU = &unlimited
	}
	return quota.With(free)
}
