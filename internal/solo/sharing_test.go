package solo

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/control"
	"github.com/gozun/gozun/zun"
)

func TestSharingThatCannotWorkIsRefused(t *testing.T) {
	for says, change := range map[string]func(*Sharing){
		"--service-down-time 5s is too short":           func(s *Sharing) { s.ServiceDownTime = 5 * time.Second },
		"--cpu-allocation-ratio -1 ":                    func(s *Sharing) { s.CPURatio = -1 },
		"--ram-allocation-ratio NaN ":                   func(s *Sharing) { s.MemoryRatio = math.NaN() },
		"--disk-allocation-ratio +Inf ":                 func(s *Sharing) { s.DiskRatio = math.Inf(1) },
		"--reserved-host-memory-mb":                     func(s *Sharing) { s.ReservedMemoryMiB = -1 },
		"disks from 200 to 160":                         func(s *Sharing) { s.Bounds.MinDiskGiB = 200 },
		"--default-disk 161 ":                           func(s *Sharing) { s.DefaultDiskGiB = 161 },
		"--reserve-disk-for-image 1 ":                   func(s *Sharing) { s.ImageDisk = 1 },
		"--quota-disk and --quota-cpu cannot be below ": func(s *Sharing) { s.Quota.CPU = -2 },
	} {
		s := DefaultSharing()
		change(&s)
		if err := s.check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v does not say %q", err, says)
		}
	}
	for _, s := range []Sharing{{}, DefaultSharing()} {
		if err := s.check(); err != nil {
			t.Error(err)
		}
	}
}

func TestSharingReachesControl(t *testing.T) {
	s := DefaultSharing()
	s.AvailabilityZone, s.ScheduleZone, s.ReservedCPUs, s.ReservedDiskMiB, s.Quota.CPU = "east", "west", 2, 1500, 7
	var got control.Config
	s.apply(&got)
	want := control.Config{
		DefaultZone: "east", ScheduleZone: "west", HostDownAfter: time.Minute, CPURatio: 16, MemoryRatio: 1.5, DiskRatio: 1,
		ReservedCPUs: 2, ReservedMemoryMiB: 512, ReservedDiskGiB: 2, Bounds: zun.DefaultBounds(), DefaultDiskGiB: 10,
		DefaultLimits: &zun.Quota{Containers: 40, MemoryMiB: 51200, DiskGiB: 100, CPU: 7},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
