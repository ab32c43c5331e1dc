package zun

import (
	"slices"
	"strings"
	"testing"
	"time"
)

var everyStatus = []Status{
	StatusCreating, StatusCreated, StatusRunning, StatusStopped, StatusPaused, StatusRestarting,
	StatusRebuilding, StatusDeleting, StatusDeleted, StatusDead, StatusUnknown, StatusError,
}

// The table of the wire contract (zun-api.md §3), written out a second time, with the states
// that are ours (docs/api-differences.md).
func TestCheckState(t *testing.T) {
	for operation, may := range map[string]string{
		"start":                 "Created Stopped Error",
		"stop":                  "Running Restarting",
		"pause":                 "Running",
		"unpause":               "Paused",
		"kill":                  "Running",
		"execute":               "Running",
		"execute_resize":        "Running",
		"attach":                "Running",
		"resize":                "Running",
		"top":                   "Running",
		"stats":                 "Running",
		"reboot":                "Created Running Stopped Error",
		"rebuild":               "Created Running Stopped Error",
		"update":                "Created Running Stopped Paused",
		"resize_container":      "Created Running Stopped Paused",
		"add_security_group":    "Created Running Stopped Paused",
		"remove_security_group": "Created Running Stopped Paused",
		"get_archive":           "Created Paused Running Stopped",
		"put_archive":           "Created Paused Running Stopped",
		"commit":                "Running Stopped Paused",
		"logs":                  "Created Error Paused Running Stopped Unknown Restarting",
		"delete":                "Created Error Stopped Deleted Dead",
		"delete_after_stop":     "Running Restarting Created Error Stopped Deleted Dead",
		"delete_force":          "Created Creating Error Running Stopped Unknown Deleted Dead Restarting Rebuilding Deleting",
	} {
		for _, status := range everyStatus {
			c := Container{ID: "an-id", Status: status}
			err := c.CheckState(operation)
			if allowed := slices.Contains(strings.Fields(may), string(status)); allowed != (err == nil) {
				t.Errorf("%s in %s: %v", operation, status, err)
			}
			if err == nil {
				continue
			}
			if CodeOf(err) != CodeInvalidState || err.Error() != "Cannot "+operation+" container an-id in "+string(status)+" state" {
				t.Errorf("%s in %s: %v", operation, status, err)
			}
		}
	}
	for _, status := range everyStatus {
		c := Container{Status: status}
		for _, operation := range []string{"network_attach", "network_detach", "network_list", "rename", "show"} {
			if err := c.CheckState(operation); err != nil {
				t.Errorf("%s in %s: %v", operation, status, err)
			}
		}
	}
}

func TestEveryActionHasItsTaskState(t *testing.T) {
	kinds := []ActionKind{
		ActionCreate, ActionStart, ActionStop, ActionReboot, ActionKill, ActionDelete, ActionNetworkAttach, ActionNetworkDetach,
		ActionPause, ActionUnpause, ActionRebuild, ActionResize, ActionAddGroup, ActionRemoveGroup,
	}
	seen := map[TaskState]ActionKind{}
	for _, kind := range kinds {
		state := kind.TaskState()
		if other, twice := seen[state]; state == "" || twice {
			t.Errorf("%s has the task state %q, as has %q", kind, state, other)
		}
		seen[state] = kind
	}
}

func TestEventMilliseconds(t *testing.T) {
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	running := Event{StartedAt: began}
	ended := Event{StartedAt: began, FinishedAt: began.Add(1500 * time.Microsecond)}
	if running.Milliseconds() != 0 || ended.Milliseconds() != 1 {
		t.Errorf("%d and %d ms", running.Milliseconds(), ended.Milliseconds())
	}
	if (Action{}).Owed() == (Action{FinishedAt: began}).Owed() {
		t.Error("an action that has ended is owed, or one that has not is not")
	}
}

func TestIsUUID(t *testing.T) {
	for text, is := range map[string]bool{
		"6f5a2b0a-9ce0-4807-83d3-01a2fb4708cf":  true,
		"6f5a2b0a9ce0480783d301a2fb4708cf":      false,
		"":                                      false,
		"6f5a2b0a-9ce0-4807-83d3-01a2fb4708cg":  false,
		"6f5a2b0a-9ce0-4807-83d3-01a2fb4708cf ": false,
	} {
		if got := IsUUID(text); got != is {
			t.Errorf("IsUUID(%q) is %t", text, got)
		}
	}
}
