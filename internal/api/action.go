package api

import (
	"context"
	"net/http"

	"github.com/gozun/gozun/zun"
)

// actionView is the JSON of an action.
type actionView struct {
	Action      string       `json:"action"`
	ContainerID string       `json:"container_uuid"`
	RequestID   string       `json:"request_id"`
	UserID      string       `json:"user_id"`
	ProjectID   string       `json:"project_id"`
	StartTime   *string      `json:"start_time"`
	FinishTime  *string      `json:"finish_time"`
	Message     *string      `json:"message"`
	Events      *[]eventView `json:"events,omitempty"` // of a single action only
}

// eventView is the JSON of an event. DurationMS and Detail are ours, from 1.41.
type eventView struct {
	Event      string  `json:"event"`
	StartTime  *string `json:"start_time"`
	FinishTime *string `json:"finish_time"`
	Result     *string `json:"result"`
	Traceback  *string `json:"traceback"`
	*stageView
}

// stageView is what an event has from microversion 1.41.
type stageView struct {
	DurationMS *int64  `json:"duration_ms"`
	Detail     *string `json:"detail"`
}

// viewAction makes the JSON of an action. Up to 1.40 its message is the one word that
// Zun has for a failure.
func viewAction(a zun.Action, version int) actionView {
	message := a.Message
	if message != "" && version < ownMinor {
		message = "Error"
	}
	return actionView{
		Action: string(a.Kind), ContainerID: a.ContainerID, RequestID: a.RequestID, UserID: a.UserID, ProjectID: a.ProjectID,
		StartTime: isoTime(a.StartedAt), FinishTime: isoTime(a.FinishedAt), Message: optional(message),
	}
}

// listActions serves GET /v1/containers/{id}/container_actions.
func (s *server) listActions(ctx context.Context, c *call) (reply, error) {
	actions, err := s.Control.Actions(ctx, c.grant, c.ident())
	if err != nil {
		return reply{}, err
	}
	views := make([]actionView, len(actions))
	for i, a := range actions {
		views[i] = viewAction(a, c.version)
	}
	return reply{status: http.StatusOK, body: map[string][]actionView{"containerActions": views}}, nil
}

// showAction serves GET /v1/containers/{id}/container_actions/{request_id}.
func (s *server) showAction(ctx context.Context, c *call) (reply, error) {
	action, events, err := s.Control.Action(ctx, c.grant, c.ident(), c.idents[1])
	if err != nil {
		return reply{}, err
	}
	view := viewAction(action, c.version)
	views := []eventView{}
	if c.version < ownMinor {
		views = append(views, s.wholeEvent(c, action))
	} else {
		for _, event := range events {
			views = append(views, stageEvent(event))
		}
	}
	view.Events = &views
	return reply{status: http.StatusOK, body: view}, nil
}

// wholeEvent is the one event that an action of Zun has; its name tells which function
// did the work there. The traceback is for those who pass the policy rule, and is why
// the action failed.
func (s *server) wholeEvent(c *call, a zun.Action) eventView {
	name := "compute__do_container_" + string(a.Kind)
	switch a.Kind {
	case zun.ActionNetworkAttach, zun.ActionNetworkDetach, zun.ActionResize:
		name = "compute__do_" + string(a.Kind)
	case zun.ActionAddGroup, zun.ActionRemoveGroup:
		name = "compute__" + string(a.Kind)
	}
	event := eventView{
		Event: name, StartTime: isoTime(a.StartedAt), FinishTime: isoTime(a.FinishedAt),
		Result: result(a.Owed(), a.Message != ""),
	}
	if s.allows(c, "container:action:events") {
		event.Traceback = optional(a.Message)
	}
	return event
}

// stageEvent is one stage of an action, with its milliseconds.
func stageEvent(e zun.Event) eventView {
	view := eventView{
		Event: string(e.Stage), StartTime: isoTime(e.StartedAt), FinishTime: isoTime(e.FinishedAt),
		Result: result(e.FinishedAt.IsZero(), e.Failed), stageView: &stageView{Detail: optional(e.Detail)},
	}
	if !e.FinishedAt.IsZero() {
		took := e.Milliseconds()
		view.DurationMS = &took
	}
	return view
}

// result is how something ended, nil while it runs.
func result(running, failed bool) *string {
	switch {
	case running:
		return nil
	case failed:
		return optional("Error")
	}
	return optional("Success")
}
