package zun

import (
	"math"
	"testing"
)

func TestBoundsWithNothingInThem(t *testing.T) {
	if err := DefaultBounds().Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Bounds){
		"no cores":             func(b *Bounds) { b.MinCPU = 0 },
		"no number of cores":   func(b *Bounds) { b.MaxCPU = math.NaN() },
		"too few cores":        func(b *Bounds) { b.MaxCPU = 0.5 },
		"default below memory": func(b *Bounds) { b.MinMemoryMiB = 1024 },
		"memory without end":   func(b *Bounds) { b.MaxMemoryMiB = math.MaxInt64 },
		"disks the wrong way":  func(b *Bounds) { b.MinDiskGiB = 161 },
	} {
		b := DefaultBounds()
		change(&b)
		if b.Check() == nil {
			t.Errorf("%s: %+v passes", name, b)
		}
	}
}
