package control

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// Whatever is ordered, fails or is seen, in whatever order: an order that the state
// forbids is refused and changes nothing, one that is taken ends, the container shows what
// the host has, and nothing stays behind when it is gone.
func TestAnyOrderOfEvents(t *testing.T) {
	w := newWorld(t)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	w.cloud.addNetwork(project, "second", "10.3.0.0/24")
	rapid.Check(t, func(rt *rapid.T) {
		c := w.run(zun.ContainerRequest{Run: rapid.Bool().Draw(rt, "run"), Nets: []zun.NetRequest{{Network: "testnet"}}})
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			what := rapid.SampledFrom([]string{"start", "stop", "reboot", "kill", "pause", "unpause", "rebuild", "resize_container", "network_attach", "network_detach", "exits", "dies", "delete", "delete_force"}).Draw(rt, "what")
			if what == "exits" || what == "dies" {
				w.see(c.ID, what)
				continue
			}
			fails := rapid.Bool().Draw(rt, "fails")
			w.node.edit(func(n *fakeNode) {
				n.script = func(_ zun.Order, o *zun.Outcome) { o.Failed, o.Message = fails, "no luck" }
			})
			before, err := w.records.Container(t.Context(), c.ID)
			w.must(err)
			allowed := before.CheckState(what) == nil
			err = w.try(c.ID, what)
			if !allowed && zun.CodeOf(err) != zun.CodeInvalidState {
				rt.Fatalf("%s from %s: %v", what, before.Status, err)
			}
			if allowed && err != nil && zun.CodeOf(err) != zun.CodeInvalid { // attached or detached already
				rt.Fatalf("%s from %s: %v", what, before.Status, err)
			}
			if err == nil && (what == "delete" || what == "delete_force") && !fails {
				w.gone(c.ID)
				break
			}
			after := w.settled(c.ID)
			if after.TaskState != "" {
				rt.Fatalf("after %s: task %s stays", what, after.TaskState)
			}
			w.shows(rt, what, fails && err == nil, before, after)
		}
		w.node.edit(func(n *fakeNode) { n.script = nil })
		if last, err := w.records.Container(t.Context(), c.ID); err == nil {
			if last.Status == zun.StatusPaused {
				w.must(w.try(c.ID, "unpause"))
				w.settled(c.ID)
			}
			w.must(w.try(c.ID, "delete_force"))
			w.gone(c.ID)
		}
		w.node.mu.Lock()
		defer w.node.mu.Unlock()
		if len(w.node.containers) != 0 || len(w.node.ports) != 0 {
			rt.Fatalf("left on the host: %v %v", w.node.containers, w.node.ports)
		}
	})
}

func (w *world) try(id, what string) error {
	ctx := w.Context()
	g := func(rule string) policy.Grant { return w.grant(project, "container:"+rule) }
	switch what {
	case "start":
		return w.StartContainer(ctx, g("start"), id)
	case "stop":
		return w.StopContainer(ctx, g("stop"), id, nil)
	case "reboot":
		return w.RebootContainer(ctx, g("reboot"), id, nil)
	case "kill":
		return w.KillContainer(ctx, g("kill"), id, "TERM")
	case "pause":
		return w.PauseContainer(ctx, g("pause"), id)
	case "unpause":
		return w.UnpauseContainer(ctx, g("unpause"), id)
	case "rebuild":
		return w.RebuildContainer(ctx, g("rebuild"), id, "other", "")
	case "resize_container":
		_, err := w.ResizeContainer(ctx, g("resize_container"), id, zun.Change{CPU: ptr(2.0)})
		return err
	case "network_attach":
		return w.AttachNetwork(ctx, g("network_attach"), id, zun.NetRequest{Network: "second"}, true)
	case "network_detach":
		return w.DetachNetwork(ctx, g("network_detach"), id, zun.NetRequest{Network: "second"}, true)
	default:
		return w.DeleteContainer(ctx, w.admin("container:delete"), id, zun.DeleteOptions{Force: what == "delete_force"})
	}
}

// see lets the host tell of an end that nobody ordered.
func (w *world) see(id, what string) {
	status := zun.StatusStopped
	if what == "dies" {
		status = zun.StatusDead
	}
	w.node.edit(func(n *fakeNode) { n.containers[id] = status })
	w.must(w.Observed(w.Context(), zun.Observation{ContainerID: id, Status: status, DockerID: "docker-" + id}))
}

// shows checks a container's status after an action.
func (w *world) shows(rt *rapid.T, what string, failed bool, before zun.Container, after zun.ContainerDetail) {
	w.node.mu.Lock()
	there := w.node.containers[after.ID]
	w.node.mu.Unlock()
	switch {
	case failed && (what == "start" || what == "rebuild" || what == "delete" || what == "delete_force"):
		if after.Status != zun.StatusError || after.StatusReason != "no luck" {
			rt.Fatalf("after a failed %s: %s %q", what, after.Status, after.StatusReason)
		}
	case failed && what == "reboot":
		if after.Status != zun.StatusUnknown {
			rt.Fatalf("after a failed reboot: %s", after.Status)
		}
	case failed:
		if after.Status != before.Status {
			rt.Fatalf("a failed %s turned %s into %s", what, before.Status, after.Status)
		}
	case after.Status != there && after.Status != before.Status:
		rt.Fatalf("after %s: recorded %s, there %s", what, after.Status, there)
	}
}
