package zun

import "time"

// Host is a machine that runs containers, as its agent last told.
type Host struct {
	Name         string // binding:host_id of the ports on it
	CPUs         int
	MemoryMiB    int64
	Runtimes     []string
	Labels       map[string]string
	Architecture string
	OS           string
	Kernel       string
	LastSeen     time.Time
	Disabled     bool
}

// HostUsage is what the containers placed on a host may use together.
type HostUsage struct {
	Containers int
	CPU        float64 // cores
	MemoryMiB  int64
}
