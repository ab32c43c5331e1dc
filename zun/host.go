package zun

// Host is a machine that runs containers, as its agent told last.
type Host struct {
	ID               string // UUID, the same as long as the host is recorded
	Name             string // binding:host_id of the ports on it
	AvailabilityZone string // "" in what an agent tells: the service's default
	CPUs             int
	MemoryMiB        int64
	DiskGiB          int64 // for containers, what is kept for images not counted; 0 when it cannot be known
	DiskQuota        bool  // the disk of a container can be bounded
	Runtimes         []string
	Labels           map[string]string // of its Docker Engine
	Architecture     string
	OSType           string // "linux"
	OS               string // "Debian GNU/Linux 12 (bookworm)"
	Kernel           string
}

// HostUsage is what is placed on a host, and what those that are not in Error or dead may
// use together.
type HostUsage struct {
	Containers int
	Running    int
	Paused     int
	Stopped    int
	CPU        float64 // cores
	MemoryMiB  int64
	DiskGiB    int64
}

// HostDetail is a host with what is placed on it.
type HostDetail struct {
	Host
	Usage HostUsage
}
