package docker

import (
	"maps"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/system"

	"github.com/gozun/gozun/zun"
)

// hostOf reads an engine's description of its machine. The disk is that under
// Docker's root directory, which is nobody's when the engine is on another machine.
func hostOf(info system.Info, disk disk) zun.Host {
	host := zun.Host{
		CPUs: info.NCPU, MemoryMiB: info.MemTotal >> 20, Architecture: info.Architecture, OSType: info.OSType,
		OS: info.OperatingSystem, Kernel: info.KernelVersion, Labels: map[string]string{}, Runtimes: runtimesOf(info),
		DiskGiB: disk.bytes >> 30, DiskQuota: unlimited(info, disk.options) == "",
	}
	for _, label := range info.Labels {
		key, value, _ := strings.Cut(label, "=")
		host.Labels[key] = value
	}
	return host
}

// runtimesOf are the names of the runtimes that users can ask for: those that only
// containerd's shims have ("io.containerd.…") are not.
func runtimesOf(info system.Info) []string {
	names := slices.Sorted(maps.Keys(info.Runtimes))
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "io.containerd.") })
}
