package docker

import (
	"context"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/gozun/gozun/zun"
)

// grants refuses a container that asks for what this host has not. Docker would say it in
// its own words, or, of a disk's limit, take it and not heed it.
func (c *Client) grants(ctx context.Context, wanted zun.Container) error {
	if wanted.Runtime == "" && wanted.DiskGiB == 0 {
		return nil
	}
	result, err := c.engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return c.failure(err, "describe host "+c.host)
	}
	if have := runtimesOf(result.Info); wanted.Runtime != "" && !slices.Contains(have, wanted.Runtime) {
		return zun.Errorf(zun.CodeInvalid, "cannot create container %s: host %s has no runtime %q; it has %s",
			wanted.ID, c.host, wanted.Runtime, strings.Join(have, ", "))
	}
	if why := unlimited(result.Info, diskUnder(result.Info.DockerRootDir).options); wanted.DiskGiB != 0 && why != "" {
		return zun.Errorf(zun.CodeInvalid, "cannot create container %s with a disk of %d GiB: host %s does not support disk quota, %s; leave disk out",
			wanted.ID, wanted.DiskGiB, c.host, why)
	}
	return nil
}

// unlimited says why an engine cannot limit a container's disk, "" when it can (Zun:
// zun/container/docker/driver.py, get_host_info). The options are those with which the file
// system under Docker is mounted, nil when they are not known.
func unlimited(info system.Info, mountOptions []string) string {
	switch info.Driver {
	case "btrfs", "zfs", "devicemapper", "windowsfilter":
		return ""
	case "overlay2":
		below := ""
		for _, pair := range info.DriverStatus {
			if pair[0] == "Backing Filesystem" {
				below = pair[1]
			}
		}
		if below == "xfs" && (mountOptions == nil || slices.Contains(mountOptions, "prjquota") || slices.Contains(mountOptions, "pquota")) {
			return "" // if that is not known and not so, Docker refuses, and says why
		}
		if below == "xfs" {
			return "because its storage driver overlay2 is on xfs that is not mounted with pquota"
		}
		return "because its storage driver overlay2 is on " + below + " and not on xfs mounted with pquota"
	}
	return "because its storage driver " + info.Driver + " cannot limit it"
}
