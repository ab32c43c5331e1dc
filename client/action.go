package client

import (
	"context"

	"github.com/gozun/gozun/zun"
)

// Action is one piece of work on a container, as its log shows it.
type Action struct {
	Action        zun.ActionKind `json:"action"`
	ContainerUUID string         `json:"container_uuid"`
	RequestID     string         `json:"request_id"`
	UserID        string         `json:"user_id"`
	ProjectID     string         `json:"project_id"`
	StartTime     Time           `json:"start_time"`
	FinishTime    Time           `json:"finish_time"`      // zero while it is under way
	Message       string         `json:"message"`          // "" or why it failed
	Events        []Event        `json:"events,omitempty"` // GetAction only
}

// Done reports whether the action ended.
func (a Action) Done() bool { return !a.FinishTime.IsZero() }

// Failed reports whether the action ended badly.
func (a Action) Failed() bool { return a.Done() && a.Message != "" }

// Event is a stage of an action (microversion 1.41), or the one event that an older
// service keeps per action.
type Event struct {
	Event      string `json:"event"` // a zun.Stage, or "compute__do_container_create" and the like
	StartTime  Time   `json:"start_time"`
	FinishTime Time   `json:"finish_time"`
	Result     string `json:"result"`      // "", Success or Error
	DurationMS *int64 `json:"duration_ms"` // nil while it runs, and from older services
	Detail     string `json:"detail"`
	Traceback  string `json:"traceback,omitempty"`
}

// ListActions returns what was done on a container, newest first.
func (c *Client) ListActions(ctx context.Context, ref string) ([]Action, error) {
	var answer struct {
		Actions []Action `json:"containerActions"`
	}
	_, err := c.call(ctx, request{method: "GET", path: containerPath(ref, "container_actions")}, &answer)
	return answer.Actions, err
}

// GetAction returns one action of a container, with its events, by the id of the
// request that ordered it; CodeResourceNotFound when there is none.
func (c *Client) GetAction(ctx context.Context, ref, requestID string) (Action, error) {
	var got Action
	_, err := c.call(ctx, request{method: "GET", path: containerPath(ref, "container_actions", requestID)}, &got)
	return got, err
}
