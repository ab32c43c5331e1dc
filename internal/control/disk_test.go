package control

import (
	"strings"
	"testing"

	"github.com/gozun/gozun/zun"
)

// bounding makes a host say whether it can bound disks, of which it has some GiB.
func (w *world) bounding(host string, node *fakeNode, yes bool, diskGiB int64) {
	w.Helper()
	node.edit(func(n *fakeNode) { n.host = func(h *zun.Host) { h.DiskQuota, h.DiskGiB = yes, diskGiB } })
	w.eventually(host+" has told it", func() bool {
		hosts, err := w.records.Hosts(w.Context())
		w.must(err)
		for _, h := range hosts {
			if h.Name == host {
				return h.DiskQuota == yes && h.DiskGiB == diskGiB
			}
		}
		return false
	})
}

// Who names no disk has the default one where the host can bound it, and it counts; nobody
// is refused for it by a host that has promised all it has.
func TestTheDefaultDisk(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.DefaultDiskGiB, c.DefaultLimits = 10, &zun.Quota{Containers: -1, MemoryMiB: -1, CPU: -1, DiskGiB: 35}
	})
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	if c := w.run(zun.ContainerRequest{}); c.DiskGiB != 0 || w.diskUsed() != 0 {
		t.Errorf("on a host that cannot: a disk of %d GiB, %d in use", c.DiskGiB, w.diskUsed())
	}
	w.bounding("h1", w.node, true, 25)
	own := w.run(zun.ContainerRequest{DiskGiB: ptr(int64(5))})
	if own.DiskGiB != 5 {
		t.Errorf("one of its own: %d GiB", own.DiskGiB)
	}
	for range 3 {
		c := w.run(zun.ContainerRequest{})
		if c.DiskGiB != 10 || c.Status != zun.StatusCreated {
			t.Errorf("by default: %d GiB, %s %s", c.DiskGiB, c.Status, c.StatusReason)
		}
	}
	if used := w.diskUsed(); used != 35 {
		t.Errorf("%d GiB are in use", used)
	}
	_, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx"})
	w.wantCode(err, zun.CodeOverQuota)
	w.node.edit(func(n *fakeNode) {
		for _, order := range n.orders {
			if order.Container.ID == own.ID && order.Container.DiskGiB != 5 {
				t.Errorf("the host was told %d GiB", order.Container.DiskGiB)
			}
		}
	})
	w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), own.ID, zun.DeleteOptions{}))
	w.eventually("it is gone", func() bool { return w.diskUsed() == 30 })
	if c := w.run(zun.ContainerRequest{DiskGiB: ptr(int64(1))}); !strings.Contains(c.StatusReason, "GiB of disk are promised") { // who names one is
		t.Errorf("%s: %s", c.Status, c.StatusReason)
	}
}

// Of several hosts some can bound disks: what one gets that cannot is nothing, and counts so.
func TestTheDefaultDiskOfAMixedFleet(t *testing.T) {
	w, hosts := newFleet(t, []string{"h1", "h2"}, func(c *Config) { c.DefaultDiskGiB = 10 })
	w.bounding("h2", hosts["h2"], true, 100)
	w.cloud.addNetwork("admin-project", "theirs", "10.3.0.0/24")
	for host, want := range map[string]int64{"h1": 0, "h2": 10} {
		c, err := w.asAdmin(zun.ContainerRequest{Placement: zun.Placement{Host: host}})
		w.must(err)
		if c.DiskGiB != 10 {
			t.Errorf("before it is placed: %d GiB", c.DiskGiB)
		}
		if c = w.settled(c.ID); c.DiskGiB != want || c.Status != zun.StatusCreated {
			t.Errorf("on %s: %d GiB, %s %s", host, c.DiskGiB, c.Status, c.StatusReason)
		}
	}
	usage, err := w.records.ProjectUsage(t.Context(), "admin-project")
	w.must(err)
	if usage.DiskGiB != 10 {
		t.Errorf("%d GiB count", usage.DiskGiB)
	}
}

func (w *world) diskUsed() int64 {
	w.Helper()
	usage, err := w.records.ProjectUsage(w.Context(), project)
	w.must(err)
	return usage.DiskGiB
}
