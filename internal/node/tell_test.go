package node

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

// slowReports records stages, and is busy with the first report until it is let go.
type slowReports struct {
	zun.Reports
	first sync.Once
	busy  chan struct{} // closed when the first report has come
	free  chan struct{}
	told  []string
}

func (r *slowReports) tell(what string, event zun.Event) error {
	r.first.Do(func() {
		close(r.busy)
		<-r.free
	})
	r.told = append(r.told, what+" "+string(event.Stage)+" "+event.StartedAt.Format("05"))
	return nil
}

func (r *slowReports) StageBegan(_ context.Context, event zun.Event) error {
	return r.tell("began", event)
}

func (r *slowReports) StageEnded(_ context.Context, event zun.Event) error {
	return r.tell("ended", event)
}

func TestAStageThatHasEndedIsToldOnce(t *testing.T) {
	r := &slowReports{busy: make(chan struct{}), free: make(chan struct{})}
	agent := New(Config{Host: "h", Reports: r})
	event := func(stage zun.Stage, second int) zun.Event {
		return zun.Event{ActionID: 1, Stage: stage, StartedAt: time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC)}
	}
	story := agent.newStory(1)
	story.began(event(zun.StagePort, 1))
	<-r.busy
	story.began(event(zun.StageImage, 2))
	story.ended(event(zun.StagePort, 1))
	story.began(event(zun.StageImage, 2)) // a pull tells how far it is
	story.ended(event(zun.StageImage, 2))
	story.began(event(zun.StagePlug, 3))
	story.began(event(zun.StagePort, 4)) // again, and not over
	close(r.free)
	story.end()
	want := []string{"began port 01", "ended port 01", "ended image 02", "began plug 03", "began port 04"}
	if diff := cmp.Diff(want, r.told); diff != "" {
		t.Error(diff)
	}
}
