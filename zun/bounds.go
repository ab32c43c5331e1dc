package zun

import "fmt"

// Bounds are what one container may have of its host, and what it has that does not say.
type Bounds struct {
	MinCPU, MaxCPU, DefaultCPU                   float64 // cores
	MinMemoryMiB, MaxMemoryMiB, DefaultMemoryMiB int64
	MinDiskGiB, MaxDiskGiB                       int64 // of those that have a limit
}

// DefaultBounds returns Zun's (zun/conf/container_driver.py).
func DefaultBounds() Bounds {
	return Bounds{
		MinCPU: 0.1, MaxCPU: 16, DefaultCPU: 1, MinMemoryMiB: 4, MaxMemoryMiB: 8192, DefaultMemoryMiB: 512,
		MinDiskGiB: 1, MaxDiskGiB: 160,
	}
}

// Check complains about bounds that nothing is within.
func (b Bounds) Check() error {
	const most = 1 << 30 // of anything: sums of them stay numbers
	switch {
	case !(b.MinCPU > 0 && b.MinCPU <= b.DefaultCPU && b.DefaultCPU <= b.MaxCPU && b.MaxCPU <= most):
		return fmt.Errorf("cores from %g to %g, by default %g, is no range with its default in it", b.MinCPU, b.MaxCPU, b.DefaultCPU)
	case b.MinMemoryMiB <= 0 || b.MinMemoryMiB > b.DefaultMemoryMiB || b.DefaultMemoryMiB > b.MaxMemoryMiB || b.MaxMemoryMiB > most:
		return fmt.Errorf("memory from %d to %d MiB, by default %d, is no range with its default in it", b.MinMemoryMiB, b.MaxMemoryMiB, b.DefaultMemoryMiB)
	case b.MinDiskGiB <= 0 || b.MinDiskGiB > b.MaxDiskGiB || b.MaxDiskGiB > most:
		return fmt.Errorf("disks from %d to %d GiB is no range", b.MinDiskGiB, b.MaxDiskGiB)
	}
	return nil
}
