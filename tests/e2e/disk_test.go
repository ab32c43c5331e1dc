package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A container has the disk that was asked for, and who names none the default one, where
// Docker's storage can bound it; both count.
func TestDisk(t *testing.T) {
	if os.Getenv("GOZUN_E2E") == "" {
		t.Skip("end-to-end tests run with GOZUN_E2E=1")
	}
	d := startDockerd(t, onBtrfs)
	c := startCloud(t, d.host, "--default-disk", "1")
	u := c.demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	for _, box := range []struct {
		name  string
		flags []string
		gib   int
		fits  bool // 1,100 MiB
	}{
		{"plain", nil, 1, false},
		{"big", []string{"--disk", "2"}, 2, true},
	} {
		u.runs(box.name, append(box.flags, "--net=foo"))
		if got := u.disk(box.name); got != box.gib {
			t.Errorf("%s is shown with %d GiB", box.name, got)
		}
		for range 2 {
			out, stderr, err := u.try(program("zun"), "exec", box.name, "fallocate", "-l", "1100M", "/file")
			if box.fits != (err == nil) || !box.fits && !strings.Contains(out+stderr, "quota exceeded") {
				t.Errorf("%s: %v\n%s%s", box.name, err, out, stderr)
			}
			u.zun("rebuild", "--wait", box.name) // keeps the bound
		}
	}
	if out := u.zun("quota-get", "--usages", "-f", "value"); !strings.Contains(out, "disk 100 3\n") {
		t.Errorf("of the quota %s", out)
	}
	if host := c.admin().zun("host-list", "-f", "value", "-c", "disk_quota_supported", "-c", "disk_used"); host != "True 3\n" {
		t.Errorf("the host shows %q", host)
	}
	u.remove("plain", "big")
	if out := u.zun("quota-get", "--usages", "-f", "value"); !strings.Contains(out, "disk 100 0\n") {
		t.Errorf("in the end, of the quota %s", out)
	}
	u.zun("network-delete", "foo")
}

// onBtrfs puts the data of a dockerd on a file system of their own, of which Docker can bound
// parts.
func onBtrfs(d *dockerd) {
	d.t.Helper()
	if _, err := exec.LookPath("mkfs.btrfs"); err != nil {
		d.t.Skip("this needs btrfs-progs")
	}
	image, data := filepath.Join(d.dir, "image"), filepath.Join(d.dir, "data")
	for _, command := range [][]string{
		{"truncate", "--size", "6G", image}, // what is not written takes no room
		{"mkfs.btrfs", "--quiet", image},
		{"mkdir", data},
		{"mount", "-o", "loop", image, data},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			d.t.Skipf("this machine cannot mount a btrfs of its own: %s: %v: %s", strings.Join(command, " "), err, out)
		}
	}
	d.flags = append(d.flags, "--storage-driver", "btrfs")
}

// disk is the limit that a container is shown with, in GiB.
func (u *user) disk(name string) int {
	u.tb.Helper()
	var c struct{ Disk int }
	if err := json.Unmarshal([]byte(u.zun("show", name, "-f", "json")), &c); err != nil {
		u.tb.Fatal(err)
	}
	return c.Disk
}
