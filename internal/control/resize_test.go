package control

import (
	"strings"
	"testing"

	"github.com/gozun/gozun/zun"
)

// roomFor makes the host of a world have so much memory, and cores as it has them.
func (w *world) roomFor(memoryMiB int64) {
	w.Helper()
	w.node.edit(func(n *fakeNode) { n.host = func(h *zun.Host) { h.MemoryMiB = memoryMiB } })
	w.eventually("the host has told of its memory", func() bool {
		hosts, err := w.records.Hosts(w.Context())
		w.must(err)
		return len(hosts) == 1 && hosts[0].MemoryMiB == memoryMiB
	})
}

// held returns the memory that counts for the project and for the host.
func (w *world) held() (project1, host int64) {
	w.Helper()
	usage, err := w.records.ProjectUsage(w.Context(), project)
	w.must(err)
	hosts, err := w.records.Usage(w.Context())
	w.must(err)
	return usage.MemoryMiB, hosts["h1"].MemoryMiB
}

func TestAChangeThatItsHostHasNoRoomFor(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.MemoryRatio = 1 })
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	w.roomFor(1024)
	a, b := w.run(zun.ContainerRequest{Run: true}), w.run(zun.ContainerRequest{Run: true}) // of 512 MiB each
	change := func(id string, change zun.Change) (update, resize error) {
		_, update = w.UpdateContainer(t.Context(), w.grant(project, "container:update"), id, change)
		_, resize = w.ResizeContainer(t.Context(), w.grant(project, "container:resize_container"), id, change)
		w.settled(id)
		return update, resize
	}
	for says, wish := range map[string]zun.Change{
		"its host h1 is full (512 of 1024 MiB of memory are promised to 1 containers, 513 are asked for)": {MemoryMiB: ptr(int64(513))},
		"its host h1 is too small (has 1024 MiB of memory, 1025 are asked for)":                           {MemoryMiB: ptr(int64(1025))},
		"its host h1 is too small (has 2 cores, 2.5 are asked for)":                                       {CPU: ptr(2.5), MemoryMiB: ptr(int64(100))},
	} {
		update, resize := change(a.ID, wish)
		for _, err := range []error{update, resize} {
			if zun.CodeOf(err) != zun.CodeConflict || !strings.Contains(err.Error(), says) {
				t.Errorf("%v, want %q", err, says)
			}
		}
	}
	if now := w.settled(a.ID); now.MemoryMiB != 512 || now.CPU != 1 || len(w.node.updated) != 0 {
		t.Errorf("after the refusals: %+v, the host was told %+v", now, w.node.updated)
	}
	update, resize := change(b.ID, zun.Change{MemoryMiB: ptr(int64(256))})
	w.must(update)
	w.must(resize)
	update, resize = change(a.ID, zun.Change{MemoryMiB: ptr(int64(768))}) // what b gave back
	w.must(update)
	w.must(resize)
	w.roomFor(512) // under what is promised it can become smaller
	update, _ = change(a.ID, zun.Change{MemoryMiB: ptr(int64(700)), CPU: ptr(0.5)})
	w.must(update)
}

// A resize counts from when it is ordered, over a restart, and no longer when it failed.
func TestAResizeCountsAtOnce(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.MemoryRatio = 1 })
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	w.roomFor(2048)
	c := w.run(zun.ContainerRequest{Name: "web", Run: true})
	g := w.grant(project, "container:resize_container")
	counts := func(what string, want int64) {
		t.Helper()
		if mine, host := w.held(); mine != want || host != want {
			t.Errorf("%s: %d MiB count for the project and %d for the host, want %d", what, mine, host, want)
		}
	}
	w.node.edit(func(n *fakeNode) { n.down = zun.Errorf(zun.CodeUnavailable, "host away") })
	before, err := w.ResizeContainer(t.Context(), g, c.ID, zun.Change{MemoryMiB: ptr(int64(1500)), Name: ptr("new")})
	w.must(err)
	if before.MemoryMiB != 512 || before.Name != "web" || before.TaskState != zun.TaskResizing {
		t.Errorf("the answer is %+v", before)
	}
	counts("ordered", 1500)
	for _, change := range []zun.Change{{MemoryMiB: ptr(int64(600))}, {CPU: ptr(0.5)}} {
		_, update := w.UpdateContainer(t.Context(), w.grant(project, "container:update"), c.ID, change)
		_, resize := w.ResizeContainer(t.Context(), g, c.ID, change)
		for _, err := range []error{update, resize} {
			if zun.CodeOf(err) != zun.CodeConflict || !strings.Contains(err.Error(), "it is being resized") {
				t.Errorf("meanwhile: %v", err)
			}
		}
	}
	w.stop()
	w.node.edit(func(n *fakeNode) { n.down = nil })
	w.start()
	if after := w.settled(c.ID); after.MemoryMiB != 1500 || after.Name != "new" || after.CPU != 1 {
		t.Errorf("done: %+v", after)
	}
	counts("done", 1500)
	w.node.edit(func(n *fakeNode) {
		n.script = func(_ zun.Order, o *zun.Outcome) { o.Failed, o.Message = true, "no luck" }
	})
	_, err = w.ResizeContainer(t.Context(), g, c.ID, zun.Change{MemoryMiB: ptr(int64(2000)), CPU: ptr(2.0)})
	w.must(err)
	if after := w.settled(c.ID); after.MemoryMiB != 1500 || after.CPU != 1 || after.Status != zun.StatusRunning {
		t.Errorf("failed: %+v", after)
	}
	counts("failed", 1500)
}
