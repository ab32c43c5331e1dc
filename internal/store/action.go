package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

type actionRow struct {
	bun.BaseModel `bun:"table:container_actions,alias:t"`

	ID            int64 `bun:",pk,autoincrement"`
	Action        string
	ContainerUUID string
	RequestID     string
	UserID        string
	ProjectID     string
	Input         string
	Attempt       int
	StartTime     int64
	FinishTime    int64 // 0 while it is owed
	Message       string
}

func (r *actionRow) action() zun.Action {
	return zun.Action{
		ID: r.ID, Kind: zun.ActionKind(r.Action), ContainerID: r.ContainerUUID, RequestID: r.RequestID,
		UserID: r.UserID, ProjectID: r.ProjectID, Input: json.RawMessage(r.Input), Attempt: r.Attempt,
		StartedAt: fromMicros(r.StartTime), FinishedAt: fromMicros(r.FinishTime), Message: r.Message,
	}
}

func actionsOf(rows []actionRow) []zun.Action {
	actions := make([]zun.Action, len(rows))
	for i := range rows {
		actions[i] = rows[i].action()
	}
	return actions
}

// AddAction records an owed action and returns it with its id. CodeContainerNotFound: its
// container is gone.
func (s *Store) AddAction(ctx context.Context, a zun.Action) (zun.Action, error) {
	row := &actionRow{
		Action: string(a.Kind), ContainerUUID: a.ContainerID, RequestID: a.RequestID, UserID: a.UserID,
		ProjectID: a.ProjectID, Input: string(a.Input), Attempt: a.Attempt, StartTime: toMicros(a.StartedAt),
		FinishTime: toMicros(a.FinishedAt), Message: a.Message,
	}
	if _, err := s.writer(ctx).NewInsert().Model(row).Exec(ctx); err != nil {
		if isReferred(err) {
			return zun.Action{}, noContainer(a.ContainerID)
		}
		return zun.Action{}, internal(err, "cannot record action")
	}
	return row.action(), nil
}

// ClaimAction counts one more attempt if the action is owed and has had only attempt of
// them, and reports whether it did: of several claimants one wins.
func (s *Store) ClaimAction(ctx context.Context, id int64, attempt int) (bool, error) {
	return changedOne(s.writer(ctx).NewUpdate().Model((*actionRow)(nil)).Set("attempt = attempt + 1").
		Where("id = ? AND attempt = ? AND finish_time = 0", id, attempt).Exec(ctx))
}

// SayAction sets the message of an owed action.
func (s *Store) SayAction(ctx context.Context, id int64, message string) error {
	_, err := s.writer(ctx).NewUpdate().Model((*actionRow)(nil)).Set("message = ?", message).
		Where("id = ? AND finish_time = 0", id).Exec(ctx)
	return internal(err, "cannot set message of action %d", id)
}

// FinishAction ends an owed action and those of its stages that are still open, and
// reports whether it was owed.
func (s *Store) FinishAction(ctx context.Context, id int64, message string, at time.Time) (bool, error) {
	db := s.writer(ctx)
	owed, err := changedOne(db.NewUpdate().Model((*actionRow)(nil)).Set("finish_time = ?", toMicros(at)).Set("message = ?", message).
		Where("id = ? AND finish_time = 0", id).Exec(ctx))
	if err != nil || !owed {
		return false, err
	}
	_, err = db.NewUpdate().Model((*eventRow)(nil)).Set("finish_time = ?", toMicros(at)).Set("failed = ?", message != "").
		Where("action_id = ? AND finish_time = 0", id).Exec(ctx)
	return true, internal(err, "cannot end stages of action %d", id)
}

// Action returns an action, or CodeResourceNotFound.
func (s *Store) Action(ctx context.Context, id int64) (zun.Action, error) {
	var row actionRow
	if err := s.reader(ctx).NewSelect().Model(&row).Where("t.id = ?", id).Scan(ctx); err != nil {
		return zun.Action{}, found(err, zun.Errorf(zun.CodeResourceNotFound, "cannot find action %d", id))
	}
	return row.action(), nil
}

// Actions returns the actions of a container, newest first; with a request id only its.
func (s *Store) Actions(ctx context.Context, containerID, requestID string) ([]zun.Action, error) {
	var rows []actionRow
	query := s.reader(ctx).NewSelect().Model(&rows).Where("t.container_uuid = ?", containerID).OrderExpr("t.id DESC")
	if requestID != "" {
		query.Where("t.request_id = ?", requestID)
	}
	err := query.Scan(ctx)
	return actionsOf(rows), internal(err, "cannot list actions of container %s", containerID)
}

// OwedActions returns the owed actions of a container or, with an empty id, of all, oldest
// first.
func (s *Store) OwedActions(ctx context.Context, containerID string) ([]zun.Action, error) {
	var rows []actionRow
	query := s.reader(ctx).NewSelect().Model(&rows).Where("t.finish_time = 0").OrderExpr("t.id")
	if containerID != "" {
		query.Where("t.container_uuid = ?", containerID)
	}
	err := query.Scan(ctx)
	return actionsOf(rows), internal(err, "cannot list owed actions")
}

// FailedHeals returns the last action of each container that asks to be healed and is in
// Error because that action, a heal, has failed.
func (s *Store) FailedHeals(ctx context.Context) ([]zun.Action, error) {
	var rows []actionRow
	err := failedHeals(s.reader(ctx), &rows).Scan(ctx)
	return actionsOf(rows), internal(err, "cannot find heals that failed")
}

// failedHeals begins with the containers in Error, of which there are few.
func failedHeals(db bun.IDB, rows *[]actionRow) *bun.SelectQuery {
	return db.NewSelect().Model(rows).Join("JOIN container AS c ON c.uuid = t.container_uuid").
		Where("c.status = ? AND c.auto_heal AND NOT c.auto_remove", zun.StatusError).
		Where("t.id = (SELECT MAX(id) FROM container_actions WHERE container_uuid = c.uuid)").
		Where("t.action = ? AND t.finish_time > 0 AND t.message <> ''", zun.ActionHeal).OrderExpr("t.id")
}

type eventRow struct {
	bun.BaseModel `bun:"table:container_actions_events,alias:e"`

	ID         int64 `bun:",pk,autoincrement"`
	ActionID   int64
	Event      string
	StartTime  int64
	FinishTime int64
	Failed     bool
	Details    string
}

// SaveEvent records a stage of an action; ActionID and Stage identify it. A stage that
// ends keeps the start that is recorded; one that begins again is open again.
// CodeResourceNotFound: the action is gone.
func (s *Store) SaveEvent(ctx context.Context, e zun.Event) error {
	row := &eventRow{
		ActionID: e.ActionID, Event: string(e.Stage), StartTime: toMicros(e.StartedAt),
		FinishTime: toMicros(e.FinishedAt), Failed: e.Failed, Details: e.Detail,
	}
	save := s.writer(ctx).NewInsert().Model(row).On("CONFLICT (action_id, event) DO UPDATE").
		Set("finish_time = EXCLUDED.finish_time, failed = EXCLUDED.failed, details = EXCLUDED.details").Returning("NULL")
	if row.StartTime == 0 {
		row.StartTime = row.FinishTime // unless it is known
	} else {
		save.Set("start_time = EXCLUDED.start_time")
	}
	_, err := save.Exec(ctx)
	if err != nil && isReferred(err) {
		return zun.Wrap(zun.CodeResourceNotFound, err, "cannot record stage %s: action %d is gone", e.Stage, e.ActionID)
	}
	return internal(err, "cannot record stage %s of action %d", e.Stage, e.ActionID)
}

// Events returns the stages of an action in the order they began.
func (s *Store) Events(ctx context.Context, actionID int64) ([]zun.Event, error) {
	var rows []eventRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Where("e.action_id = ?", actionID).OrderExpr("e.start_time, e.id").Scan(ctx); err != nil {
		return nil, internal(err, "cannot list stages of action %d", actionID)
	}
	events := make([]zun.Event, len(rows))
	for i, row := range rows {
		events[i] = zun.Event{
			ID: row.ID, ActionID: row.ActionID, Stage: zun.Stage(row.Event), StartedAt: fromMicros(row.StartTime),
			FinishedAt: fromMicros(row.FinishTime), Failed: row.Failed, Detail: row.Details,
		}
	}
	return events, nil
}
