package docker

import (
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/system"

	"github.com/gozun/gozun/internal/node"
)

func TestWhichStorageCanLimitADisk(t *testing.T) {
	for _, test := range []struct {
		driver, below, mount string
		says                 string
	}{
		{"btrfs", "", "", ""},
		{"zfs", "", "", ""},
		{"devicemapper", "", "", ""},
		{"overlay2", "xfs", "", ""},
		{"overlay2", "xfs", "rw,prjquota", ""},
		{"overlay2", "xfs", "rw,pquota", ""},
		{"overlay2", "xfs", "rw,noquota", "on xfs that is not mounted with pquota"},
		{"overlay2", "extfs", "rw,prjquota", "overlay2 is on extfs and not on xfs"},
		{"vfs", "", "", "storage driver vfs cannot"},
		{"overlayfs", "", "", "storage driver overlayfs cannot"}, // containerd's, which takes a limit and does not heed it
	} {
		info := system.Info{Driver: test.driver, DriverStatus: [][2]string{{"Backing Filesystem", test.below}}}
		var options []string
		if test.mount != "" {
			options = strings.Split(test.mount, ",")
		}
		if got := unlimited(info, options); (got == "") != (test.says == "") || !strings.Contains(got, test.says) {
			t.Errorf("%s on %s: %q", test.driver, test.below, got)
		}
	}
}

func TestHealthIsRead(t *testing.T) {
	for status, want := range map[string]node.Health{
		"Up 5 minutes":                    "",
		"Up 5 minutes (Paused)":           "",
		"Up 5 minutes (healthy)":          node.HealthHealthy,
		"Up 5 minutes (unhealthy)":        node.HealthUnhealthy,
		"Up 1 second (health: starting)":  node.HealthStarting,
		"Exited (137) 5 minutes ago":      "",
		"Restarting (1) 3 seconds ago":    "",
		"Up About an hour (healthy) more": "",
	} {
		if got := healthIn(status); got != want {
			t.Errorf("%q is %q, want %q", status, got, want)
		}
	}
	health := &container.Health{Status: container.Unhealthy, Log: []*container.HealthcheckResult{{Output: "first"}, {Output: "last"}}}
	if got, says := healthOf(health); got != node.HealthUnhealthy || says != "last" {
		t.Errorf("got %q, %q", got, says)
	}
	for _, none := range []*container.Health{nil, {Status: container.NoHealthcheck}} {
		if got, says := healthOf(none); got != "" || says != "" {
			t.Errorf("got %q, %q", got, says)
		}
	}
}
