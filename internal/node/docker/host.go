package docker

import (
	"maps"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/system"

	"github.com/gozun/gozun/zun"
)

// hostOf reads an engine's description of its machine. Runtimes that only containerd's
// shims name ("io.containerd.…") are left out: users cannot ask for them.
func hostOf(info system.Info) zun.Host {
	host := zun.Host{
		CPUs: info.NCPU, MemoryMiB: info.MemTotal >> 20, Architecture: info.Architecture,
		OS: info.OperatingSystem, Kernel: info.KernelVersion, Labels: map[string]string{},
	}
	for _, name := range slices.Sorted(maps.Keys(info.Runtimes)) {
		if !strings.HasPrefix(name, "io.containerd.") {
			host.Runtimes = append(host.Runtimes, name)
		}
	}
	for _, label := range info.Labels {
		key, value, _ := strings.Cut(label, "=")
		host.Labels[key] = value
	}
	return host
}
