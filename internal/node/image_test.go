package node_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gozun/gozun/tests/registry"
	"github.com/gozun/gozun/zun"
)

// ended waits for the report that ends what is owed on an image.
func (r *records) ended(tb testing.TB, id string, order zun.ImageStatus) zun.ImageReport {
	tb.Helper()
	var report zun.ImageReport
	r.until(tb, "the "+string(order)+" of image "+id+" has ended", func(r *records) bool {
		for _, one := range r.images {
			if one.ImageID == id && one.Order == order && (one.Status != "" || one.Deleted) {
				report = one
				return true
			}
		}
		return false
	})
	return report
}

// TestImagesOnRealDocker: pulled with credentials, found, in use, deleted, twice each.
func TestImagesOnRealDocker(t *testing.T) {
	if testing.Short() {
		t.Skip("pulls take seconds")
	}
	b := newBench(t)
	r := &registry.Registry{Username: "me", Password: uuid.NewString()}
	domain := aRegistry(t, r, `CMD ["sleep","1000"]`)
	t.Cleanup(func() { forget(t, domain+"/app:1") })
	image := zun.Image{ID: uuid.NewString(), Repo: domain + "/app", Tag: "1", Host: b.host, Status: zun.ImagePulling}
	accept := func(i zun.Image, access zun.RegistryAccess) {
		t.Helper()
		if err := b.agent.AcceptImage(t.Context(), zun.ImageOrder{Image: i, Registry: access}); err != nil {
			t.Fatal(err)
		}
	}
	wrong := image
	wrong.ID = uuid.NewString()
	accept(wrong, me(domain, "hunter2"))
	if report := b.records.ended(t, wrong.ID, zun.ImagePulling); report.Status != zun.ImageError || !strings.Contains(report.Reason, "does not take the credentials of user me") {
		t.Errorf("with a wrong password: %+v", report)
	}
	accept(image, me(domain, r.Password))
	accept(image, me(domain, r.Password))
	report := b.records.ended(t, image.ID, zun.ImagePulling)
	if report.Status != zun.ImageAvailable || !strings.HasPrefix(report.DockerID, "sha256:") || report.SizeBytes < 256<<10 || report.Reason != "" {
		t.Errorf("pulled: %+v", report)
	}
	order := aContainer(domain+"/app:1", nil, b.network())
	order.Container.ImagePullPolicy = "never"
	b.run(order)
	used := image
	used.Status = zun.ImageDeleting
	accept(used, zun.RegistryAccess{})
	if report := b.records.ended(t, image.ID, zun.ImageDeleting); report.Deleted || report.Status != zun.ImageAvailable || !strings.Contains(report.Reason, "cannot delete image") {
		t.Errorf("deleted while in use: %+v", report)
	}
	b.must(order.Container.ID, zun.ActionDelete, zun.ActionInput{Force: true})
	for range 2 {
		used.ID = uuid.NewString()
		accept(used, zun.RegistryAccess{})
		if report := b.records.ended(t, used.ID, zun.ImageDeleting); !report.Deleted {
			t.Errorf("deleted: %+v", report)
		}
	}
	if left := cli(t, "images", "-q", domain+"/app:1"); left != "" {
		t.Errorf("left: %s", left)
	}
	never := image
	never.ID, never.PullPolicy = uuid.NewString(), "never"
	accept(never, me(domain, r.Password))
	if report := b.records.ended(t, never.ID, zun.ImagePulling); report.Status != zun.ImageError || !strings.Contains(report.Reason, "its pull policy is never") {
		t.Errorf("never pulled: %+v", report)
	}
	if found, err := b.agent.SearchImages(t.Context(), "nginx"); err == nil && len(found) == 0 || err != nil && zun.CodeOf(err) != zun.CodeUnavailable {
		t.Errorf("search: %v %v", found, err)
	}
}
