package scheduler

import "github.com/gozun/gozun/zun"

// Grow returns why the host that a container is on has no room for what it is to have
// instead of what it has (CodeConflict), or nil. Only of what it is to have more of room is
// asked for, so that a container on a host that is too full can always become smaller.
func Grow(has, wants Request, on Candidate, rules Rules) error {
	on.Usage.CPU -= has.CPU
	on.Usage.MemoryMiB -= has.MemoryMiB
	on.Usage.Containers--
	if wants.CPU <= has.CPU {
		wants.CPU = 0
	}
	if wants.MemoryMiB <= has.MemoryMiB {
		wants.MemoryMiB = 0
	}
	for _, f := range []filter{hasCPU, hasMemory} {
		if r := f(wants, on, rules); r != nil {
			return zun.Errorf(zun.CodeConflict, "cannot give %s more: its host %s is %s (%s)", wants.What, on.Host.Name, r.kind, r.detail)
		}
	}
	return nil
}
