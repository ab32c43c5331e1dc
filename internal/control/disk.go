package control

import (
	"context"

	"github.com/gozun/gozun/zun"
)

// giveDisk gives a new container that names no disk the default one, if there is a host that
// can bound it, and reports whether it did. It counts from then on, and is given back if the
// container comes to a host that cannot (keepDisk). In Zun the host gives it, after the quota
// was asked, and so brings projects over it.
func (s *Service) giveDisk(ctx context.Context, c zun.Container) (zun.Container, bool) {
	if c.DiskGiB != 0 || s.DefaultDiskGiB == 0 {
		return c, false
	}
	s.askHosts(ctx, s.fresh()) // after a start only: else they were asked
	if !s.hosts.anyBounds() {
		return c, false
	}
	c.DiskGiB = s.DefaultDiskGiB
	return c, true
}

// keepDisk returns a container as the host that was chosen can have it: without a disk that
// nobody asked for where that cannot be bounded.
func (s *Service) keepDisk(c zun.Container, input zun.ActionInput) zun.Container {
	if input.DefaultDisk && !s.hosts.bounds(c.Host) {
		c.DiskGiB = 0
	}
	return c
}

// askedDisk is for how many GiB of disk a host must have room: for what the user asked for.
// A default disk is a bound and not a promise, in Zun as here.
func askedDisk(c zun.Container, input zun.ActionInput) int64 {
	if input.DefaultDisk {
		return 0
	}
	return c.DiskGiB
}
