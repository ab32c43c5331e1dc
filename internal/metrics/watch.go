package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/gozun/gozun/zun"
)

// underway remembers the actions that nodes have accepted, so that their kind and their
// beginning are known when their end is told.
type underway struct {
	mu      sync.Mutex
	actions map[int64]zun.Action
}

// newUnderway remembers nothing yet.
func newUnderway() *underway { return &underway{actions: map[int64]zun.Action{}} }

// add remembers an action.
func (u *underway) add(action zun.Action) {
	u.mu.Lock()
	defer u.mu.Unlock()
	action.Input = nil
	u.actions[action.ID] = action
}

// take forgets an action and returns it.
func (u *underway) take(id int64) (zun.Action, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	action, known := u.actions[id]
	delete(u.actions, id)
	return action, known
}

// node is a node whose orders are looked at.
type node struct {
	zun.Node
	metrics *Metrics
}

// Node returns next, watched: actions that it accepts are counted when Reports, made by
// the same Metrics, passes on their end.
func (m *Metrics) Node(next zun.Node) zun.Node { return node{next, m} }

// Accept passes an order on. It is remembered before, because a quick node may tell of
// its end before Accept returns.
func (n node) Accept(ctx context.Context, order zun.Order) error {
	n.metrics.underway.add(order.Action)
	err := n.Node.Accept(ctx, order)
	if err != nil {
		n.metrics.underway.take(order.Action.ID)
	}
	return err
}

// reports are reports that are looked at.
type reports struct {
	zun.Reports
	metrics *Metrics
}

// Reports returns next, watched: stages and actions are counted once next has recorded
// their end.
func (m *Metrics) Reports(next zun.Reports) zun.Reports { return reports{next, m} }

// StageEnded passes the end of a stage on and counts it.
func (r reports) StageEnded(ctx context.Context, event zun.Event) error {
	err := r.Reports.StageEnded(ctx, event)
	if err == nil && !event.StartedAt.IsZero() && !event.FinishedAt.IsZero() {
		r.metrics.Stage(event.Stage, event.Failed, event.FinishedAt.Sub(event.StartedAt))
	}
	return err
}

// Finished passes the end of an action on and counts it.
func (r reports) Finished(ctx context.Context, actionID int64, outcome zun.Outcome) error {
	err := r.Reports.Finished(ctx, actionID, outcome)
	if err != nil {
		return err
	}
	if action, known := r.metrics.underway.take(actionID); known {
		var took time.Duration
		if !outcome.At.IsZero() {
			took = max(0, outcome.At.Sub(action.StartedAt))
		}
		r.metrics.Action(action.Kind, outcome.Failed, took)
	}
	return nil
}
