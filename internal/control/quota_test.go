package control

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/gozun/gozun/zun"
)

func (w *world) limit(projectID string, limits zun.QuotaLimits) {
	w.Helper()
	_, err := w.SetQuota(w.Context(), w.admin("quota:update"), projectID, limits)
	w.must(err)
}

func TestQuotasComeFromTheProjectTheClassAndTheConfiguration(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.DefaultLimits = &zun.Quota{Containers: 1, MemoryMiB: 2, DiskGiB: 3, CPU: 4} })
	g := w.admin("quota:update")
	want := func(want zun.Quota, got zun.Quota, err error) {
		t.Helper()
		w.must(err)
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	of := func(id string) (zun.Quota, error) {
		detail, err := w.Quota(t.Context(), g, id)
		return detail.Quota, err
	}
	q, err := of("p")
	want(zun.Quota{Containers: 1, MemoryMiB: 2, DiskGiB: 3, CPU: 4}, q, err)
	q, err = w.SetQuotaClass(t.Context(), g, "default", zun.QuotaLimits{MemoryMiB: new(int64(20)), CPU: new(int64(40))})
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 3, CPU: 40}, q, err)
	q, err = w.SetQuota(t.Context(), g, "p", zun.QuotaLimits{CPU: new(int64(-1))})
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 3, CPU: -1}, q, err)
	q, err = w.SetQuota(t.Context(), g, "p", zun.QuotaLimits{DiskGiB: new(int64(0))})
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 0, CPU: -1}, q, err)
	q, err = of("p")
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 0, CPU: -1}, q, err)
	q, err = w.DefaultQuota(t.Context(), g)
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 3, CPU: 40}, q, err)
	q, err = w.QuotaClass(t.Context(), g, "gold")
	want(zun.Quota{Containers: 1, MemoryMiB: 2, DiskGiB: 3, CPU: 4}, q, err)
	for range 2 {
		w.must(w.DeleteQuota(t.Context(), g, "p"))
	}
	q, err = of("p")
	want(zun.Quota{Containers: 1, MemoryMiB: 20, DiskGiB: 3, CPU: 40}, q, err)
	_, err = w.SetQuota(t.Context(), g, "p", zun.QuotaLimits{CPU: new(int64(-2))})
	w.wantCode(err, zun.CodeInvalid)
	_, err = w.SetQuotaClass(t.Context(), g, "default", zun.QuotaLimits{Containers: new(int64(-9))})
	w.wantCode(err, zun.CodeInvalid)
}

// However many ask at once, a project never has more than it may, and all it may.
func TestQuotasHoldUnderConcurrentCreates(t *testing.T) {
	w, _ := newFleet(t, []string{"h1"})
	for _, test := range []struct {
		name   string
		limits zun.QuotaLimits
		fit    int
		over   string
	}{
		{"containers", zun.QuotaLimits{Containers: new(int64(7)), CPU: new(int64(-1))}, 7, "['containers']"},
		{"memory", zun.QuotaLimits{MemoryMiB: new(int64(1100))}, 11, "['memory']"},
		{"cpu", zun.QuotaLimits{CPU: new(int64(2)), MemoryMiB: new(int64(-1))}, 20, "['cpu']"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.TB = t
			w.must(w.DeleteQuota(t.Context(), w.admin("quota:delete"), project))
			w.limit(project, test.limits)
			var mu sync.Mutex
			var made []string
			var wg sync.WaitGroup
			for range 40 {
				wg.Go(func() {
					c, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", CPU: new(0.1), MemoryMiB: new(int64(100))})
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						made = append(made, c.ID)
					} else if zun.CodeOf(err) != zun.CodeOverQuota || err.Error() != "Quota exceeded for resources: "+test.over {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if len(made) != test.fit {
				t.Errorf("%d were made, %d fit", len(made), test.fit)
			}
			for _, id := range made {
				w.settled(id)
				w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), id, zun.DeleteOptions{}))
			}
			for _, id := range made {
				w.gone(id)
			}
			detail, err := w.Quota(t.Context(), w.grant(project, "quota:get"), project)
			w.must(err)
			if detail.Usage != (zun.QuotaUsage{}) {
				t.Errorf("after all are deleted: %+v", detail.Usage)
			}
		})
	}
}

func TestOverQuotaChangesNothing(t *testing.T) {
	w, _ := newFleet(t, []string{"h1"})
	w.limit(project, zun.QuotaLimits{CPU: new(int64(1)), MemoryMiB: new(int64(600)), Containers: new(int64(0))})
	_, err := w.CreateContainer(t.Context(), w.grant(project, "container:create"), zun.ContainerRequest{Image: "nginx", CPU: new(1.1), MemoryMiB: new(int64(601))})
	w.wantCode(err, zun.CodeOverQuota)
	if err.Error() != "Quota exceeded for resources: ['containers', 'cpu', 'memory']" {
		t.Error(err)
	}
	if all, err := w.records.ListContainers(t.Context(), zun.ContainerFilter{}); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	w.cloud.addNetwork(other, "theirs", "10.3.0.0/24")
	_, err = w.CreateContainer(t.Context(), w.grant(other, "container:create"), zun.ContainerRequest{Image: "nginx"})
	w.must(err) // another project has its own
}

// What counts is what is held, also by containers that failed; giving back is always
// allowed, whatever the rest of the quota.
func TestClaims(t *testing.T) {
	w := newWorld(t)
	w.must(w.records.AddContainer(t.Context(), zun.Container{ID: w.NewID(), ProjectID: project, Status: zun.StatusError, CPU: 2, MemoryMiB: 512, DiskGiB: 5}))
	w.limit(project, zun.QuotaLimits{CPU: new(int64(3)), MemoryMiB: new(int64(100)), Containers: new(int64(1)), DiskGiB: new(int64(5))})
	for _, test := range []struct {
		more zun.QuotaUsage
		over string
	}{
		{zun.QuotaUsage{}, ""},
		{zun.QuotaUsage{CPU: 1}, ""},
		{zun.QuotaUsage{CPU: 1.001}, "['cpu']"},
		{zun.QuotaUsage{CPU: 1, MemoryMiB: -100}, ""},
		{zun.QuotaUsage{MemoryMiB: 1}, "['memory']"},
		{zun.QuotaUsage{DiskGiB: 1}, "['disk']"},
		{zun.QuotaUsage{Containers: 1, CPU: 1}, "['containers']"},
	} {
		err := w.Store.Change(t.Context(), func(ctx context.Context) error { return w.claim(ctx, project, test.more) })
		if (err == nil) != (test.over == "") || err != nil && err.Error() != "Quota exceeded for resources: "+test.over {
			t.Errorf("%+v: %v", test.more, err)
		}
	}
}

func TestChangesAreHeldAgainstTheQuota(t *testing.T) {
	w, hosts := newFleet(t, []string{"h1"})
	c := w.run(zun.ContainerRequest{CPU: new(1.0), MemoryMiB: new(int64(100)), Run: true})
	w.limit(project, zun.QuotaLimits{CPU: new(int64(2)), MemoryMiB: new(int64(200)), Containers: new(int64(1))})
	g := w.grant(project, "container:update")
	for _, test := range []struct {
		change zun.Change
		over   string
	}{
		{zun.Change{CPU: new(2.1)}, "['cpu']"},
		{zun.Change{CPU: new(2.1), MemoryMiB: new(int64(201))}, "['cpu', 'memory']"},
		{zun.Change{CPU: new(2.0), MemoryMiB: new(int64(200))}, ""},
		{zun.Change{CPU: new(0.5)}, ""},
		{zun.Change{Name: new("other")}, ""},
	} {
		before, err := w.records.Container(t.Context(), c.ID)
		w.must(err)
		after, err := w.UpdateContainer(t.Context(), g, c.ID, test.change)
		_, resizeErr := w.ResizeContainer(t.Context(), w.grant(project, "container:resize_container"), c.ID, test.change)
		w.settled(c.ID)
		if test.over == "" {
			w.must(errors.Join(err, resizeErr))
			if want := test.change.Apply(before); after.CPU != want.CPU || after.MemoryMiB != want.MemoryMiB {
				t.Errorf("%g cores, %d MiB, want %g, %d", after.CPU, after.MemoryMiB, want.CPU, want.MemoryMiB)
			}
			continue
		}
		for _, err := range []error{err, resizeErr} {
			if zun.CodeOf(err) != zun.CodeOverQuota || err.Error() != "Quota exceeded for resources: "+test.over {
				t.Errorf("%v, want %s", err, test.over)
			}
		}
		if now := w.settled(c.ID); now.CPU != before.CPU || now.MemoryMiB != before.MemoryMiB {
			t.Errorf("%g cores, %d MiB after a change that was refused", now.CPU, now.MemoryMiB)
		}
	}
	// Under a quota that was lowered, a container can still become smaller.
	w.limit(project, zun.QuotaLimits{CPU: new(int64(0)), MemoryMiB: new(int64(0))})
	_, err := w.UpdateContainer(t.Context(), g, c.ID, zun.Change{CPU: new(0.2), MemoryMiB: new(int64(50))})
	w.must(err)

	// What the host did not do is given back.
	w.limit(project, zun.QuotaLimits{CPU: new(int64(9)), MemoryMiB: new(int64(900))})
	hosts["h1"].edit(func(n *fakeNode) { n.down = zun.Errorf(zun.CodeUnavailable, "away") })
	_, err = w.UpdateContainer(t.Context(), g, c.ID, zun.Change{CPU: new(2.0)})
	w.wantCode(err, zun.CodeUnavailable)
	detail, err := w.Quota(t.Context(), g, project)
	w.must(err)
	if detail.Usage.CPU != 0.2 || detail.Usage.MemoryMiB != 50 {
		t.Errorf("%+v is counted", detail.Usage)
	}
}
