package control

import (
	"context"

	"github.com/gozun/gozun/zun"
)

// lost reports whether a container that Docker has lost is to be made again, because it
// asked for it. One that also asked to be removed by itself has ended.
func lost(c zun.Container, o zun.Observation) bool {
	if !o.Gone || !c.AutoHeal || c.AutoRemove || c.Host == "" {
		return false
	}
	switch c.Status {
	case zun.StatusCreated, zun.StatusRunning, zun.StatusStopped, zun.StatusPaused, zun.StatusRestarting, zun.StatusDead, zun.StatusUnknown:
		return true
	}
	return false
}

// heal orders that a lost container be made again, and started if it was to run.
func (s *Service) heal(ctx context.Context, c zun.Container, run bool) error {
	owner := zun.Identity{UserID: c.UserID, ProjectID: c.ProjectID}
	ctx = zun.WithRequestID(ctx, "")
	s.Log.Info("a container is lost and is made again", "container", c.ID, "host", c.Host, "run", run)
	return s.record(ctx, owner, c, zun.ActionHeal, zun.ActionInput{Run: run})
}

// alive reports whether a container has, or is about to have, a process.
func alive(status zun.Status) bool {
	return status == zun.StatusRunning || status == zun.StatusRestarting || status == zun.StatusPaused
}

// remakes reports whether an action makes by itself what is not there of a container, or is
// to take it away.
func remakes(kind zun.ActionKind) bool {
	switch kind {
	case zun.ActionCreate, zun.ActionStart, zun.ActionReboot, zun.ActionRebuild, zun.ActionHeal, zun.ActionDelete:
		return true
	}
	return false
}

// runsAfter reports whether a container whose loss an action found is to run: it did, and
// the action was not to end it.
func runsAfter(action zun.Action, before zun.Status) bool {
	return alive(before) && action.Kind != zun.ActionStop && action.Kind != zun.ActionKill
}
