package control

import (
	"context"
	"fmt"
	"time"

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

// healAgain orders anew the heals that failed, each when its pause is over. What goes on is
// in the actions log, so that a restart changes nothing. Whatever else was ordered since
// then takes the place of the next heal.
func (s *Service) healAgain(ctx context.Context) error {
	failed, err := s.Store.FailedHeals(ctx)
	if err != nil {
		return err
	}
	for _, heal := range failed {
		if s.Now().Before(s.nextHeal(heal, heal.FinishedAt)) {
			continue
		}
		if err := s.repeatHeal(ctx, heal); err != nil && !zun.IsNotFound(err) {
			return err
		}
		s.queue.poke(heal.ContainerID)
	}
	return nil
}

// repeatHeal orders a heal like one that failed, unless it is no longer the last thing that
// happened to its container, or that asks for none any more.
func (s *Service) repeatHeal(ctx context.Context, heal zun.Action) error {
	return s.Store.Change(ctx, func(ctx context.Context) error {
		c, err := s.Store.Container(ctx, heal.ContainerID)
		if err != nil {
			return err
		}
		actions, err := s.Store.Actions(ctx, c.ID, "")
		if err != nil || len(actions) == 0 || actions[0].ID != heal.ID || c.Status != zun.StatusError || !c.AutoHeal {
			return err
		}
		input := inputOf(heal)
		input.FailedHeals++
		c.StatusReason = fmt.Sprintf("it is made again (auto_heal, %d failed): %s", input.FailedHeals, heal.Message)
		s.Log.Info("a container that could not be made again is tried once more", "container", c.ID, "host", c.Host, "failed", input.FailedHeals)
		return s.record(zun.WithRequestID(ctx, ""), zun.Identity{UserID: heal.UserID, ProjectID: heal.ProjectID}, c, zun.ActionHeal, input)
	})
}

// nextHeal tells when a heal that failed at a time is tried again. The pause doubles with
// each that fails, from HealRetryMin to HealRetryMax.
func (s *Service) nextHeal(heal zun.Action, at time.Time) time.Time {
	pause := s.HealRetryMin
	for n := inputOf(heal).FailedHeals; n > 0 && pause < s.HealRetryMax; n-- {
		pause *= 2
	}
	return at.Add(min(pause, s.HealRetryMax))
}

// healsAgain is the status reason of a container whose heal failed and is repeated at a time.
func (s *Service) healsAgain(heal zun.Action, why string, at time.Time) string {
	return fmt.Sprintf("%s; it is tried again at %s (auto_heal, %d failed)", why, at.UTC().Format(time.RFC3339), inputOf(heal).FailedHeals+1)
}

// toldOfHeals returns a container whose reason, if its last heal failed, says whether that
// is tried again, which auto_heal decides.
func (s *Service) toldOfHeals(ctx context.Context, c zun.Container) (zun.Container, error) {
	if c.Status != zun.StatusError {
		return c, nil
	}
	actions, err := s.Store.Actions(ctx, c.ID, "")
	if err != nil || len(actions) == 0 {
		return c, err
	}
	last := actions[0]
	switch {
	case last.Kind != zun.ActionHeal || last.Message == "":
	case c.AutoHeal:
		at := s.nextHeal(last, last.FinishedAt)
		if now := s.now(); at.Before(now) { // it was switched off when its time came
			at = now
		}
		c.StatusReason = s.healsAgain(last, last.Message, at)
	default:
		c.StatusReason = last.Message
	}
	return c, nil
}
