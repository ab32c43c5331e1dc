package zun

import (
	"math"
	"slices"
)

// Unlimited is the limit that does not limit.
const Unlimited = -1

// DefaultQuotaClass is the class whose limits projects have that have none of their own;
// they go before those of the configuration.
const DefaultQuotaClass = "default"

// Quota says how much a project may have of each resource; Unlimited does not limit.
type Quota struct {
	Containers int64
	MemoryMiB  int64
	DiskGiB    int64
	CPU        int64 // cores
}

// QuotaLimits are the limits that were set for a project or a class; nil is not set.
type QuotaLimits struct {
	Containers *int64
	MemoryMiB  *int64
	DiskGiB    *int64
	CPU        *int64
}

// QuotaUsage is what the containers of a project hold together, whatever their status.
type QuotaUsage struct {
	Containers int64
	MemoryMiB  int64
	DiskGiB    int64
	CPU        float64
}

// QuotaDetail is a project's quota with what it uses.
type QuotaDetail struct {
	Quota
	Usage QuotaUsage
}

// With returns the quota with the limits that were set in the place of its own.
func (q Quota) With(limits QuotaLimits) Quota {
	for _, l := range []struct{ field, set *int64 }{
		{&q.Containers, limits.Containers}, {&q.MemoryMiB, limits.MemoryMiB}, {&q.DiskGiB, limits.DiskGiB}, {&q.CPU, limits.CPU},
	} {
		if l.set != nil {
			*l.field = *l.set
		}
	}
	return q
}

// Over returns the names of the resources of which the usage is above the quota, sorted
// and spelled as in the API.
func (q Quota) Over(usage QuotaUsage) []string {
	var names []string
	for name, r := range map[string]struct {
		limit int64
		used  float64
	}{
		"containers": {q.Containers, float64(usage.Containers)},
		"memory":     {q.MemoryMiB, float64(usage.MemoryMiB)},
		"disk":       {q.DiskGiB, float64(usage.DiskGiB)},
		"cpu":        {q.CPU, usage.CPU},
	} {
		if r.limit >= 0 && r.used > float64(r.limit) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Plus returns the usage with more of each resource. Cores are kept to three places, so
// that ten times 0.1 is 1.
func (u QuotaUsage) Plus(more QuotaUsage) QuotaUsage {
	return QuotaUsage{
		Containers: u.Containers + more.Containers, MemoryMiB: u.MemoryMiB + more.MemoryMiB, DiskGiB: u.DiskGiB + more.DiskGiB,
		CPU: math.Round((u.CPU+more.CPU)*1000) / 1000,
	}
}
