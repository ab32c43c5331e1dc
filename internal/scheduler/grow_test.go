package scheduler

import (
	"testing"

	"github.com/gozun/gozun/zun"
)

func TestGrow(t *testing.T) {
	has := Request{CPU: 1, MemoryMiB: 512}
	full := host("a", 1024, 1536, 3) // of which 512 are the container's
	for name, c := range map[string]struct {
		wants Request
		on    Candidate
		err   string
	}{
		"up to the last":       {Request{CPU: 1, MemoryMiB: 1024}, host("a", 1024, 1024, 2), ""},
		"past the last":        {Request{MemoryMiB: 1024}, host("a", 1024, 1025, 2), "cannot give container X more: its host a is full (513 of 1536 MiB of memory are promised to 1 containers, 1024 are asked for)"},
		"more than there is":   {Request{MemoryMiB: 1025}, host("a", 1024, 512, 1), "cannot give container X more: its host a is too small (has 1024 MiB of memory, 1025 are asked for)"},
		"cores":                {Request{CPU: 2.5, MemoryMiB: 512}, using(full, 1), "cannot give container X more: its host a is too small (has 2 cores, 2.5 are asked for)"},
		"no cores left":        {Request{CPU: 2}, using(full, 32), "cannot give container X more: its host a is full (31 of 32 cores are promised to 2 containers, 2 are asked for)"},
		"as it is, where full": {has, using(host("a", 1024, 9999, 3), 99), ""},
		"smaller, where full":  {Request{CPU: 0.5, MemoryMiB: 511}, using(host("a", 1024, 9999, 3), 99), ""},
		"a disabled host":      {Request{CPU: 2}, off(host("a", 1024, 512, 1), ""), ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.wants.What = "container X"
			err := Grow(has, c.wants, c.on, rules())
			if c.err == "" && err != nil || c.err != "" && (err == nil || err.Error() != c.err || zun.CodeOf(err) != zun.CodeConflict) {
				t.Errorf("%v, want %q", err, c.err)
			}
		})
	}
}
