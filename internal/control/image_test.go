package control

import (
	"testing"

	"github.com/gozun/gozun/zun"
)

// given returns the orders that the host got for an image.
func (w *world) given(id string) (orders []zun.ImageOrder) {
	w.node.edit(func(n *fakeNode) {
		for _, order := range n.images {
			if order.Image.ID == id {
				orders = append(orders, order)
			}
		}
	})
	return orders
}

// TestAnImageIsOwedUntilItsHostTellsTheEnd: over a host that is away, and a restart.
func TestAnImageIsOwedUntilItsHostTellsTheEnd(t *testing.T) {
	w := newWorld(t)
	w.node.edit(func(n *fakeNode) { n.down = zun.Errorf(zun.CodeUnavailable, "Docker does not answer") })
	i, err := w.PullImage(t.Context(), w.admin("image:pull"), zun.ImageRequest{Repo: "nginx", Host: "h1"})
	w.must(err)
	w.eventually("it says what it waits for", func() bool {
		now, err := w.records.Image(t.Context(), i.ID)
		w.must(err)
		return now.Status == zun.ImagePulling && now.StatusReason == "waiting for host h1: Docker does not answer"
	})
	w.node.edit(func(n *fakeNode) { n.down = nil })
	w.eventually("the host has it", func() bool { return len(w.given(i.ID)) > 0 })
	w.stop()
	before := len(w.given(i.ID))
	w.start()
	w.eventually("it is given again after a restart", func() bool { return len(w.given(i.ID)) > before })
	w.must(w.ImageChanged(t.Context(), zun.ImageReport{ImageID: i.ID, Order: zun.ImagePulling, Detail: "pulling: 1 of 2"}))
	now, err := w.records.Image(t.Context(), i.ID)
	if err != nil || now.Status != zun.ImagePulling || now.StatusDetail != "pulling: 1 of 2" {
		t.Errorf("under way: %+v %v", now, err)
	}
	for range 2 { // the same again changes nothing
		w.must(w.ImageChanged(t.Context(), zun.ImageReport{ImageID: i.ID, Order: zun.ImagePulling, Status: zun.ImageAvailable, DockerID: "d", SizeBytes: 7}))
	}
	now, err = w.records.Image(t.Context(), i.ID)
	if err != nil || now.Status != zun.ImageAvailable || now.DockerID != "d" || now.SizeBytes != 7 || now.StatusDetail != "" || now.StatusReason != "" {
		t.Errorf("ended: %+v %v", now, err)
	}
}

// TestADeletionOvertakesAPull: what the pull tells afterwards counts for nothing.
func TestADeletionOvertakesAPull(t *testing.T) {
	w := newWorld(t)
	i, err := w.PullImage(t.Context(), w.admin("image:pull"), zun.ImageRequest{Repo: "nginx:1", Host: "h1"})
	w.must(err)
	w.must(w.DeleteImage(t.Context(), w.admin("image:delete"), i.ID))
	w.eventually("the host is to delete it", func() bool {
		orders := w.given(i.ID)
		return len(orders) > 0 && orders[len(orders)-1].Image.Status == zun.ImageDeleting
	})
	for _, late := range []zun.ImageReport{{Status: zun.ImageAvailable, DockerID: "d"}, {Status: zun.ImageError, Reason: "cancelled"}, {Detail: "1 of 2"}} {
		late.ImageID, late.Order = i.ID, zun.ImagePulling
		w.must(w.ImageChanged(t.Context(), late))
	}
	now, err := w.records.Image(t.Context(), i.ID)
	if err != nil || now.Status != zun.ImageDeleting || now.StatusDetail != "" || now.StatusReason != "" {
		t.Errorf("after the pull's late words: %+v %v", now, err)
	}
	for range 2 {
		w.must(w.ImageChanged(t.Context(), zun.ImageReport{ImageID: i.ID, Order: zun.ImageDeleting, Deleted: true}))
	}
	_, err = w.GetImage(t.Context(), w.admin("image:get_one"), i.ID)
	w.wantCode(err, zun.CodeImageNotFound)
}

func TestWhatIsSearchedFor(t *testing.T) {
	for name, want := range map[string]string{
		"nginx": "nginx", "nginx:1": "nginx", "team/app": "team/app", "docker.io/library/nginx": "nginx", "library/nginx": "nginx", "docker.io/team/app": "team/app",
		"r.example/app": "", "localhost/app": "", "localhost:5000/app": "", "n": "", "": "",
	} {
		if got, err := hubTerm(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is searched for as %q, %v", name, got, err)
		}
	}
}
