package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gozun/gozun/zun"
)

// pulls remembers the pulls of images that are under way, so that one can be ended.
type pulls struct {
	mu   sync.Mutex
	ends map[string]context.CancelFunc // by zun.Image.ID
}

// begin returns the context of a pull. An earlier pull of the same image has ended, as the
// lane of the image is serial.
func (p *pulls) begin(ctx context.Context, id string) (context.Context, func()) {
	ctx, end := context.WithCancel(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ends == nil {
		p.ends = map[string]context.CancelFunc{}
	}
	p.ends[id] = end
	return ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.ends, id)
		end()
	}
}

// end breaks a pull off, if there is one.
func (p *pulls) end(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if end := p.ends[id]; end != nil {
		end()
	}
}

// The numbers under which an image's lane knows its two kinds of work, so that a second
// delivery is joined.
const (
	pullJob   = 1
	deleteJob = 2
)

// imageLane is the lane of an image's work.
func imageLane(id string) string { return "image " + id }

// AcceptImage implements zun.Node.
func (a *Agent) AcceptImage(ctx context.Context, order zun.ImageOrder) error {
	if a.life.Err() != nil {
		return zun.Errorf(zun.CodeUnavailable, "the agent of host %s is stopping", a.Config.Host)
	}
	if err := a.ping(ctx); err != nil {
		return err
	}
	id := order.Image.ID
	switch order.Image.Status {
	case zun.ImagePulling:
		a.lanes.add(imageLane(id), job{action: pullJob, run: func() { a.workOnImage(order, a.pullImage) }})
	case zun.ImageDeleting:
		a.pulls.end(id)
		a.lanes.add(imageLane(id), job{action: deleteJob, run: func() { a.workOnImage(order, a.deleteImage) }})
	default:
		return zun.Errorf(zun.CodeInternal, "image %s is %s: nothing is to do", id, order.Image.Status)
	}
	return nil
}

// workOnImage does what is owed on an image and tells how it ended. When the agent is
// stopping, or Docker went away under it, it tells nothing.
func (a *Agent) workOnImage(order zun.ImageOrder, work func(context.Context, zun.ImageOrder) zun.ImageReport) {
	defer a.panicked(order.Image.ID)
	report := work(a.life, order)
	if a.life.Err() != nil || report.Reason != "" && a.ping(a.life) != nil {
		return // it stays owed, and is given out again
	}
	report.ImageID, report.Order = order.Image.ID, order.Image.Status
	a.tell(a.life, func(ctx context.Context) error { return a.Reports.ImageChanged(ctx, report) })
}

// pullImage gets an image onto the host as its policy says.
func (a *Agent) pullImage(ctx context.Context, order zun.ImageOrder) zun.ImageReport {
	ctx, done := a.pulls.begin(ctx, order.Image.ID)
	defer done()
	ref := order.Image.Reference()
	image, err := a.localImage(ctx, ref)
	known := zun.CodeOf(err) == zun.CodeImageNotFound
	switch policy := order.Image.PullPolicy; {
	case err == nil && (policy == "ifnotpresent" || policy == "never"):
	case policy == "never" && known:
		err = zun.Errorf(zun.CodeImageNotFound, "image %s is not on host %s, and its pull policy is never", ref, a.Config.Host)
	case err == nil || known:
		if err = a.fetchImage(ctx, order); err == nil {
			image, err = a.localImage(ctx, ref)
		}
	}
	if err != nil {
		return zun.ImageReport{Status: zun.ImageError, Reason: err.Error()}
	}
	return zun.ImageReport{Status: zun.ImageAvailable, DockerID: image.ID, SizeBytes: image.Size}
}

func (a *Agent) localImage(ctx context.Context, ref string) (image Image, err error) {
	err = a.step(ctx, func(ctx context.Context) error {
		image, err = a.Docker.Image(ctx, ref)
		return err
	})
	return image, err
}

// fetchImage pulls, telling how far it is.
func (a *Agent) fetchImage(ctx context.Context, order zun.ImageOrder) error {
	ref := order.Image.Reference()
	if order.Registry.Problem != "" {
		return zun.Errorf(zun.CodeImageNotFound, "image %s cannot be pulled to host %s: %s", ref, a.Config.Host, order.Registry.Problem)
	}
	limited, cancel := context.WithTimeout(ctx, a.PullTimeout)
	defer cancel()
	err := a.Docker.PullImage(limited, ref, order.Registry, func(sentence string) {
		// What is not recorded is told anew with the next sentence.
		report := zun.ImageReport{ImageID: order.Image.ID, Order: order.Image.Status, Detail: sentence}
		if err := a.step(ctx, func(ctx context.Context) error { return a.Reports.ImageChanged(ctx, report) }); err != nil {
			a.Log.DebugContext(ctx, "how far a pull is was not recorded", "image", order.Image.ID, "cause", err)
		}
	})
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return zun.Wrap(zun.CodeImageNotFound, err, "image %s cannot be pulled to host %s: it took longer than %s", ref, a.Config.Host, a.PullTimeout.Round(time.Second))
	}
	return err
}

// deleteImage takes an image off the host. One that cannot be deleted stays what it was.
func (a *Agent) deleteImage(ctx context.Context, order zun.ImageOrder) zun.ImageReport {
	ref := order.Image.Reference()
	err := a.step(ctx, func(ctx context.Context) error { return a.Docker.RemoveImage(ctx, ref) })
	if err == nil {
		return zun.ImageReport{Deleted: true}
	}
	return zun.ImageReport{Status: zun.ImageAvailable, Reason: fmt.Sprintf("%v (on host %s)", err, a.Config.Host)}
}

// SearchImages implements zun.Node.
func (a *Agent) SearchImages(ctx context.Context, term string) ([]zun.FoundImage, error) {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	return a.Docker.SearchImages(ctx, term)
}
