package docker

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/system"

	"github.com/gozun/gozun/zun"
)

func TestHostIsReadFromTheEnginesDescription(t *testing.T) {
	info := system.Info{
		NCPU: 4, MemTotal: 8 << 30, Architecture: "x86_64", OSType: "linux", OperatingSystem: "Debian GNU/Linux 12 (bookworm)",
		KernelVersion: "6.1.0", Labels: []string{"ssd=1", "note=a=b", "bare"}, Driver: "overlay2",
		DriverStatus: [][2]string{{"Backing Filesystem", "xfs"}},
		Runtimes:     map[string]system.RuntimeWithStatus{"runsc": {}, "runc": {}, "io.containerd.runc.v2": {}},
	}
	want := zun.Host{
		CPUs: 4, MemoryMiB: 8192, DiskGiB: 80, DiskQuota: true, Runtimes: []string{"runc", "runsc"},
		Labels:       map[string]string{"ssd": "1", "note": "a=b", "bare": ""},
		Architecture: "x86_64", OSType: "linux", OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0",
	}
	if diff := cmp.Diff(want, hostOf(info, disk{bytes: 80<<30 + 5, options: []string{"rw", "prjquota"}})); diff != "" {
		t.Error(diff)
	}
	if got := hostOf(info, disk{bytes: 80 << 30, options: []string{"rw", "noquota"}}); got.DiskQuota {
		t.Error("a disk can be bounded without quota")
	}
}

func TestDiskUnderADirectory(t *testing.T) {
	got := diskUnder(t.TempDir())
	if got.bytes < 1<<20 || len(got.options) == 0 {
		t.Errorf("%+v", got)
	}
	if got := diskUnder(filepath.Join(t.TempDir(), "elsewhere")); got.bytes != 0 || got.options != nil {
		t.Errorf("of a directory that is not here: %+v", got)
	}
}

func TestMountOptions(t *testing.T) {
	const mountinfo = `21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
22 21 8:2 / /var rw,nosuid - xfs /dev/sda2 rw,noquota
23 22 8:3 / /var/lib/docker rw,noatime shared:9 master:2 - xfs /dev/sda3 rw,prjquota
24 22 8:4 / /var/lib/dock rw - xfs /dev/sda4 rw,usrquota
25 23 8:5 / /var/lib/docker rw,ro - xfs /dev/sda5 rw,pquota
nonsense
`
	for dir, want := range map[string]string{
		"/":                      "rw,relatime,rw,errors=remount-ro",
		"/home":                  "rw,relatime,rw,errors=remount-ro",
		"/var":                   "rw,nosuid,rw,noquota",
		"/variable":              "rw,relatime,rw,errors=remount-ro",
		"/var/lib/docker":        "rw,ro,rw,pquota",
		"/var/lib/docker/volume": "rw,ro,rw,pquota",
		"/var/lib/dock":          "rw,rw,usrquota",
	} {
		if got := strings.Join(mountOptions(mountinfo, dir), ","); got != want {
			t.Errorf("%s: %s, want %s", dir, got, want)
		}
	}
	if got := mountOptions("", "/"); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}
