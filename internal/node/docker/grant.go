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
	if have := hostOf(result.Info).Runtimes; wanted.Runtime != "" && !slices.Contains(have, wanted.Runtime) {
		return zun.Errorf(zun.CodeInvalid, "cannot create container %s: host %s has no runtime %q; it has %s",
			wanted.ID, c.host, wanted.Runtime, strings.Join(have, ", "))
	}
	if why := unlimited(result.Info); wanted.DiskGiB != 0 && why != "" {
		return zun.Errorf(zun.CodeInvalid, "cannot create container %s with a disk of %d GiB: host %s does not support disk quota, %s; leave disk out",
			wanted.ID, wanted.DiskGiB, c.host, why)
	}
	return nil
}

// unlimited says why an engine cannot limit a container's disk, "" when it can (Zun:
// zun/container/docker/driver.py, get_host_info).
func unlimited(info system.Info) string {
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
		if below == "xfs" {
			return "" // if it is mounted with pquota: else Docker refuses, and says so
		}
		return "because its storage driver overlay2 is on " + below + " and not on xfs mounted with pquota"
	}
	return "because its storage driver " + info.Driver + " cannot limit it"
}
