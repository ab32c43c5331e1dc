package main

import (
	"flag"

	"github.com/gozun/gozun/internal/solo"
)

// sharingFlags adds the options about how hosts are shared; their names are those of the
// options of Zun's configuration file.
func sharingFlags(flags *flag.FlagSet, s *solo.Sharing) {
	*s = solo.DefaultSharing()
	flags.StringVar(&s.AvailabilityZone, "default-availability-zone", s.AvailabilityZone, "availability `ZONE` of this machine")
	flags.StringVar(&s.ScheduleZone, "default-schedule-zone", s.ScheduleZone, "availability `ZONE` of containers that name none (default: any)")
	flags.DurationVar(&s.ServiceDownTime, "service-down-time", s.ServiceDownTime, "a host that was not heard of for so long is down")
	flags.Float64Var(&s.CPURatio, "cpu-allocation-ratio", s.CPURatio, "cores that may be promised to containers per core of a host")
	flags.Float64Var(&s.MemoryRatio, "ram-allocation-ratio", s.MemoryRatio, "memory that may be promised to containers, per memory of a host")
	flags.Float64Var(&s.DiskRatio, "disk-allocation-ratio", s.DiskRatio, "disk that may be promised to containers, per disk of a host")
	flags.IntVar(&s.ReservedCPUs, "reserved-host-cpus", s.ReservedCPUs, "cores of a host that are its own")
	flags.Int64Var(&s.ReservedMemoryMiB, "reserved-host-memory-mb", s.ReservedMemoryMiB, "MiB of memory of a host that are its own")
	flags.Int64Var(&s.ReservedDiskMiB, "reserved-host-disk-mb", s.ReservedDiskMiB, "MiB of disk of a host that are its own")
	flags.Float64Var(&s.ImageDisk, "reserve-disk-for-image", s.ImageDisk, "part of Docker's disk that is for images and not for containers")
	boundsFlags(flags, s)
	flags.Int64Var(&s.DefaultDiskGiB, "default-disk", s.DefaultDiskGiB, "GiB of disk of containers that name none, where Docker can limit it; 0 is no limit")
	flags.Int64Var(&s.Quota.Containers, "quota-containers", s.Quota.Containers, "containers that a project may have; -1 is unlimited")
	flags.Int64Var(&s.Quota.MemoryMiB, "quota-memory", s.Quota.MemoryMiB, "MiB of memory that a project's containers may have together; -1 is unlimited")
	flags.Int64Var(&s.Quota.CPU, "quota-cpu", s.Quota.CPU, "cores that a project's containers may have together; -1 is unlimited")
	flags.Int64Var(&s.Quota.DiskGiB, "quota-disk", s.Quota.DiskGiB, "GiB of disk that a project's containers may have together; -1 is unlimited")
}

// boundsFlags adds the options about what one container may have.
func boundsFlags(flags *flag.FlagSet, s *solo.Sharing) {
	b := &s.Bounds
	flags.Float64Var(&b.DefaultCPU, "default-cpu", b.DefaultCPU, "cores of a container that names none")
	flags.Float64Var(&b.MinCPU, "minimum-cpus", b.MinCPU, "the fewest cores that a container may have")
	flags.Float64Var(&b.MaxCPU, "maximum-cpus", b.MaxCPU, "the most")
	flags.Int64Var(&b.DefaultMemoryMiB, "default-memory", b.DefaultMemoryMiB, "MiB of memory of a container that names none")
	flags.Int64Var(&b.MinMemoryMiB, "minimum-memory", b.MinMemoryMiB, "the fewest MiB of memory that a container may have")
	flags.Int64Var(&b.MaxMemoryMiB, "maximum-memory", b.MaxMemoryMiB, "the most")
	flags.Int64Var(&b.MinDiskGiB, "minimum-disk", b.MinDiskGiB, "the fewest GiB of disk that a container may ask for")
	flags.Int64Var(&b.MaxDiskGiB, "maximum-disk", b.MaxDiskGiB, "the most")
}
