package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// filter returns why a host cannot take a request, or nil.
type filter func(Request, Candidate, Rules) *refusal

// refusal is one host's reason. Refusals of the same kind are counted together.
type refusal struct {
	kind   string // completes "1 of 2 hosts is "
	detail string // about this host
}

// filters are all there are, in order: what says most about a host comes first. Zun's are
// AvailabilityZoneFilter, ComputeFilter, RuntimeFilter, LabelFilter and what Placement
// holds against the inventory of a host; it has none for containers' company.
func filters() []filter {
	return []filter{enabled, up, inZone, hasRuntime, hasLabels, withPeers, withoutPeers, hasCPU, hasMemory, hasDisk}
}

func enabled(_ Request, c Candidate, _ Rules) *refusal {
	if !c.Service.Disabled {
		return nil
	}
	detail := "disabled by the operator"
	if c.Service.DisabledReason != "" {
		detail += ": " + c.Service.DisabledReason
	}
	return &refusal{"disabled", detail}
}

func up(_ Request, c Candidate, rules Rules) *refusal {
	if why := Down(c.Service, c.Wrong, rules); why != "" {
		return &refusal{"down", why}
	}
	return nil
}

func inZone(request Request, c Candidate, _ Rules) *refusal {
	if request.Zone == "" || request.Zone == c.Service.AvailabilityZone {
		return nil
	}
	return &refusal{"not in availability zone " + request.Zone, "in " + c.Service.AvailabilityZone}
}

func hasRuntime(request Request, c Candidate, _ Rules) *refusal {
	if request.Runtime == "" || slices.Contains(c.Host.Runtimes, request.Runtime) {
		return nil
	}
	return &refusal{"without runtime " + request.Runtime, "has " + strings.Join(c.Host.Runtimes, ", ")}
}

func hasLabels(request Request, c Candidate, _ Rules) *refusal {
	for _, key := range slices.Sorted(maps.Keys(request.Labels)) {
		want := request.Labels[key]
		if got, has := c.Host.Labels[key]; !has {
			return &refusal{"without label " + key + "=" + want, "has no " + key}
		} else if got != want {
			return &refusal{"without label " + key + "=" + want, "has " + key + "=" + got}
		}
	}
	return nil
}

func withPeers(request Request, c Candidate, _ Rules) *refusal {
	if len(request.SameHost) == 0 || slices.ContainsFunc(request.SameHost, func(p Peer) bool { return p.Host == c.Host.Name }) {
		return nil
	}
	return &refusal{"without the containers of the hint same_host", "none of them is there"}
}

func withoutPeers(request Request, c Candidate, _ Rules) *refusal {
	for _, peer := range request.DifferentHost {
		if peer.Host == c.Host.Name {
			return &refusal{"excluded by the hint different_host", "container " + peer.ID + " is there"}
		}
	}
	return nil
}

func hasCPU(request Request, c Candidate, rules Rules) *refusal {
	return fits("cores", request.CPU, c.Usage.CPU, float64(c.Host.CPUs), float64(rules.ReservedCPUs), rules.CPURatio, c)
}

func hasMemory(request Request, c Candidate, rules Rules) *refusal {
	return fits("MiB of memory", float64(request.MemoryMiB), float64(c.Usage.MemoryMiB),
		float64(c.Host.MemoryMiB), float64(rules.ReservedMemoryMiB), rules.MemoryRatio, c)
}

// hasDisk looks at hosts only for containers that are to have a disk of their own, of
// which not every storage driver is capable.
func hasDisk(request Request, c Candidate, rules Rules) *refusal {
	if request.DiskGiB == 0 {
		return nil
	}
	if !c.Host.DiskQuota {
		return &refusal{"without disk quota", "its storage driver cannot bound a container's disk; leave disk out"}
	}
	return fits("GiB of disk", float64(request.DiskGiB), float64(c.Usage.DiskGiB),
		float64(c.Host.DiskGiB), float64(rules.ReservedDiskGiB), rules.DiskRatio, c)
}

// fits holds a request for one resource against what a host has of it, as Placement does
// with an inventory: no container has more than the host has, and all together not more
// than that times the ratio.
func fits(unit string, asked, used, total, reserved, ratio float64, c Candidate) *refusal {
	if ratio == 0 || asked == 0 {
		return nil
	}
	has := max(0, total-reserved)
	if asked > has {
		detail := fmt.Sprintf("has %s %s, %s are asked for", amount(has), unit, amount(asked))
		if reserved > 0 {
			detail = fmt.Sprintf("has %s %s of which %s are its own, %s are asked for", amount(total), unit, amount(reserved), amount(asked))
		}
		return &refusal{"too small", detail}
	}
	const noise = 1e-9 // of adding up tenths of cores
	if limit := has * ratio; asked > limit-used+noise {
		return &refusal{"full", fmt.Sprintf("%s of %s %s are promised to %d containers, %s are asked for",
			amount(used), amount(limit), unit, c.Usage.Containers, amount(asked))}
	}
	return nil
}

// amount writes a number without a fraction that it does not have.
func amount(n float64) string {
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(n, 'f', 2, 64), "0"), ".")
}
