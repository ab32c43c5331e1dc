package main

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/solo"
)

func TestSharingOptions(t *testing.T) {
	var got solo.Sharing
	flags := flag.NewFlagSet("solo", flag.ContinueOnError)
	sharingFlags(flags, &got)
	if diff := cmp.Diff(solo.DefaultSharing(), got); diff != "" {
		t.Errorf("without options: %s", diff)
	}
	err := flags.Parse(strings.Fields(`--default-availability-zone east --default-schedule-zone west --service-down-time 3m
		--cpu-allocation-ratio 2 --ram-allocation-ratio 3 --disk-allocation-ratio 4
		--reserved-host-cpus 5 --reserved-host-memory-mb 6 --reserved-host-disk-mb 7 --reserve-disk-for-image 0.5 --default-disk 11
		--default-cpu 2 --minimum-cpus 0.5 --maximum-cpus 64 --default-memory 1024 --minimum-memory 16 --maximum-memory 65536
		--minimum-disk 2 --maximum-disk 500
		--quota-containers 8 --quota-memory 9 --quota-cpu 10 --quota-disk -1`))
	if err != nil {
		t.Fatal(err)
	}
	quota := *solo.DefaultSharing().Quota
	quota.Containers, quota.MemoryMiB, quota.CPU, quota.DiskGiB = 8, 9, 10, -1
	want := solo.Sharing{
		AvailabilityZone: "east", ScheduleZone: "west", ServiceDownTime: 3 * time.Minute, CPURatio: 2, MemoryRatio: 3, DiskRatio: 4,
		ReservedCPUs: 5, ReservedMemoryMiB: 6, ReservedDiskMiB: 7, ImageDisk: 0.5, DefaultDiskGiB: 11, Quota: &quota,
	}
	b := &want.Bounds
	b.MinCPU, b.MaxCPU, b.DefaultCPU, b.MinMemoryMiB, b.MaxMemoryMiB, b.DefaultMemoryMiB = 0.5, 64, 2, 16, 65536, 1024
	b.MinDiskGiB, b.MaxDiskGiB = 2, 500
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
