package solo

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/gozun/gozun/internal/control"
	"github.com/gozun/gozun/zun"
)

// Sharing says how the hosts are shared among the containers, and what projects may have.
// Options are named as Zun's are. The zero value of a ratio, a time or a zone is its
// default; nothing is reserved by default.
type Sharing struct {
	AvailabilityZone string        // of this machine (default_availability_zone); "nova"
	ScheduleZone     string        // of containers that name none (default_schedule_zone); "" is any
	ServiceDownTime  time.Duration // a host that was not heard of for so long is down; 1 min

	// What may be promised to containers per core, memory and disk of a host: 16, 1.5 and 1.
	CPURatio, MemoryRatio, DiskRatio float64

	// What is the host's own (reserved_host_*), and the part of its disk that is for images
	// (reserve_disk_for_image), 0 to 1.
	ReservedCPUs      int
	ReservedMemoryMiB int64
	ReservedDiskMiB   int64
	ImageDisk         float64

	// Bounds are what one container may have (minimum_*, maximum_*), and what it has that does
	// not say (default_*). Zero: Zun's.
	Bounds zun.Bounds

	// DefaultDiskGiB bounds the disk of containers that name none (default_disk), where Docker
	// can bound it; 0 is nothing.
	DefaultDiskGiB int64

	// Quota is what a project may have for which nothing was set ([quota]); -1 is unlimited.
	// Nil: Zun's defaults.
	Quota *zun.Quota
}

// DefaultSharing returns Zun's defaults, but for the time after which a host is down: hosts
// are asked every ten seconds and not every minute.
func DefaultSharing() Sharing {
	quota := control.DefaultLimits()
	return Sharing{
		AvailabilityZone: "nova", ServiceDownTime: time.Minute, CPURatio: 16, MemoryRatio: 1.5, DiskRatio: 1,
		ReservedMemoryMiB: 512, ImageDisk: 0.2, Bounds: zun.DefaultBounds(), DefaultDiskGiB: 10, Quota: &quota,
	}
}

// check complains about what cannot work.
func (s Sharing) check() error {
	const shortest = 20 * time.Second // two of the signs of life that hosts give
	if s.ServiceDownTime != 0 && s.ServiceDownTime < shortest {
		return fmt.Errorf("--service-down-time %s is too short: hosts are asked every 10s. Try: at least %s", s.ServiceDownTime, shortest)
	}
	for name, ratio := range map[string]float64{
		"--cpu-allocation-ratio": s.CPURatio, "--ram-allocation-ratio": s.MemoryRatio, "--disk-allocation-ratio": s.DiskRatio,
	} {
		if !(ratio >= 0) || ratio > 1e6 {
			return fmt.Errorf("%s %g is not a number above 0", name, ratio)
		}
	}
	if s.ReservedCPUs < 0 || s.ReservedMemoryMiB < 0 || s.ReservedDiskMiB < 0 {
		return errors.New("--reserved-host-cpus, --reserved-host-memory-mb and --reserved-host-disk-mb cannot be below 0")
	}
	if !(s.ImageDisk >= 0 && s.ImageDisk < 1) {
		return fmt.Errorf("--reserve-disk-for-image %g is not a part of the disk: it is a number from 0 up to, but not, 1", s.ImageDisk)
	}
	bounds := cmp.Or(s.Bounds, zun.DefaultBounds())
	if err := bounds.Check(); err != nil {
		return fmt.Errorf("what a container may have, by --minimum-*, --maximum-* and --default-*, cannot be: %w", err)
	}
	if s.DefaultDiskGiB < 0 || s.DefaultDiskGiB > bounds.MaxDiskGiB {
		return fmt.Errorf("--default-disk %d is not a number of GiB from 0, which is no limit, to %d", s.DefaultDiskGiB, bounds.MaxDiskGiB)
	}
	if q := s.Quota; q != nil && min(q.Containers, q.MemoryMiB, q.DiskGiB, q.CPU) < zun.Unlimited {
		return errors.New("--quota-containers, --quota-memory, --quota-disk and --quota-cpu cannot be below -1, which is unlimited")
	}
	return nil
}

// apply sets what the control side is to know of it.
func (s Sharing) apply(c *control.Config) {
	c.DefaultZone, c.ScheduleZone, c.HostDownAfter = s.AvailabilityZone, s.ScheduleZone, s.ServiceDownTime
	c.CPURatio, c.MemoryRatio, c.DiskRatio = s.CPURatio, s.MemoryRatio, s.DiskRatio
	c.ReservedCPUs, c.ReservedMemoryMiB = s.ReservedCPUs, s.ReservedMemoryMiB
	c.ReservedDiskGiB = (s.ReservedDiskMiB + 1023) / 1024
	c.Bounds, c.DefaultDiskGiB = s.Bounds, s.DefaultDiskGiB
	c.DefaultLimits = cmp.Or(s.Quota, c.DefaultLimits)
}
