package node

import (
	"time"

	"github.com/gozun/gozun/zun"
)

// verdict is what follows from comparing a record with Docker.
type verdict string

const (
	verdictFine   verdict = "fine"   // they agree, or it is not for us to say
	verdictReport verdict = "report" // Docker is right: tell the records
	verdictRevive verdict = "revive" // the record is right: the daemon or the host went down under it
)

// endTogether is how much earlier than its sandbox a container may have ended and still be
// held to have ended with it, by what took both down. dockerd gives containers 10 s to stop.
const endTogether = 15 * time.Second

// judge compares a record with what Docker has, times included.
//
// A container that is recorded as running and is not has ended by itself if its sandbox
// runs on: the sandbox ends only by daemon, host or hand. The times tell whether the
// sandbox has run on or was only started again since.
func judge(c zun.Container, s seen) verdict {
	switch c.Status {
	case zun.StatusCreating, zun.StatusDeleting, zun.StatusDeleted, zun.StatusRebuilding:
		return verdictFine
	}
	if s.app == nil {
		if status, _ := absent(c); status == "" {
			return verdictFine
		}
		return verdictReport
	}
	if leaving(c, s.app) {
		return verdictFine
	}
	wanted := c.Status == zun.StatusRunning || c.Status == zun.StatusRestarting
	if wanted && tornDown(s) {
		return verdictRevive
	}
	status := statusOf(s.app.Phase)
	if status == zun.StatusRunning && c.Status == status && healthIn(c.StatusDetail) != s.app.Health {
		return verdictReport
	}
	if status == c.Status || c.Status == zun.StatusError && status != zun.StatusRunning {
		return verdictFine
	}
	return verdictReport
}

// leaving reports whether someone is removing a container that will be made again for it.
// Its process ends first, and that must not be taken for an end by itself: it is to run
// again. Docker tells when it is gone.
func leaving(c zun.Container, app *State) bool {
	return app != nil && app.Phase == PhaseRemoving && c.AutoHeal && !c.AutoRemove
}

// tornDown reports whether the container is down, or cut off, because its sandbox went down.
func tornDown(s seen) bool {
	app, sandbox := s.app, s.sandbox
	ended := app.Phase == PhaseExited || app.Phase == PhaseDead || app.Phase == PhaseCreated
	switch {
	case sandbox == nil:
		return true
	case !sandbox.Running() && ended:
		return app.FinishedAt.IsZero() || sandbox.FinishedAt.Sub(app.FinishedAt) < endTogether
	case !sandbox.Running():
		return true
	case ended:
		return !app.FinishedAt.IsZero() && app.FinishedAt.Before(sandbox.StartedAt)
	}
	return app.Running() && app.StartedAt.Before(sandbox.StartedAt)
}

// calm reports whether a list, which has no times, leaves nothing to look into.
func calm(c zun.Container, s seen) bool {
	if s.app == nil || statusOf(s.app.Phase) != c.Status {
		return false
	}
	return c.Status != zun.StatusRunning || s.sandbox != nil && s.sandbox.Running() && healthIn(c.StatusDetail) == s.app.Health
}
