package zun

import (
	"encoding/json"
	"time"
)

// Action is one piece of work that a user ordered on a container. The rows of actions
// are both the log that users read and the queue: one without a finish time is owed.
type Action struct {
	ID          int64
	Kind        ActionKind
	ContainerID string
	RequestID   string // "req-<uuid>", by which users find it
	UserID      string
	ProjectID   string
	Input       json.RawMessage // an ActionInput, kept so that the work can be given out again
	Attempt     int             // times it was given to a node; above 1 the node looks for what an earlier try left
	StartedAt   time.Time
	FinishedAt  time.Time // zero while it is owed
	Message     string    // "" or why it failed
}

// Owed reports whether the action still has to be done.
func (a Action) Owed() bool { return a.FinishedAt.IsZero() }

// ActionKind says what an action does. Spellings are Zun's (zun/objects/fields.py).
type ActionKind string

// The kinds of action.
const (
	ActionCreate        ActionKind = "create" // with ActionInput.Run it starts the container too
	ActionStart         ActionKind = "start"
	ActionStop          ActionKind = "stop"
	ActionReboot        ActionKind = "reboot"
	ActionKill          ActionKind = "kill"
	ActionPause         ActionKind = "pause"
	ActionUnpause       ActionKind = "unpause"
	ActionRebuild       ActionKind = "rebuild" // with ActionInput.Run it starts the container too
	ActionResize        ActionKind = "resize_container"
	ActionDelete        ActionKind = "delete"
	ActionNetworkAttach ActionKind = "network_attach"
	ActionNetworkDetach ActionKind = "network_detach"
	// ActionHeal makes what Docker has lost again, with the same ports; with
	// ActionInput.Run it starts it too. Nobody orders it: it is what AutoHeal asks for.
	ActionHeal        ActionKind = "heal"
	ActionAddGroup    ActionKind = "add_security_group"
	ActionRemoveGroup ActionKind = "remove_security_group"
)

// TaskState returns the task state that a container shows while the action runs.
func (k ActionKind) TaskState() TaskState {
	return map[ActionKind]TaskState{
		ActionCreate: TaskCreating, ActionStart: TaskStarting, ActionStop: TaskStopping,
		ActionReboot: TaskRebooting, ActionKill: TaskKilling, ActionDelete: TaskDeleting,
		ActionPause: TaskPausing, ActionUnpause: TaskUnpausing, ActionRebuild: TaskRebuilding, ActionResize: TaskResizing,
		ActionNetworkAttach: TaskNetworkAttaching, ActionNetworkDetach: TaskNetworkDetaching,
		ActionHeal:     TaskRebuilding,
		ActionAddGroup: TaskGroupAdding, ActionRemoveGroup: TaskGroupRemoving,
	}[k]
}

// ActionInput is what an action needs beyond its container; each kind uses its own part.
type ActionInput struct {
	Run           bool      `json:"run,omitempty"`            // create, rebuild, heal
	Placement     Placement `json:"placement,omitzero"`       // create; its containers are UUIDs
	DefaultDisk   bool      `json:"default_disk,omitempty"`   // create: the disk is the configuration's, for hosts that can bound it
	Timeout       *int      `json:"timeout,omitempty"`        // stop, reboot, delete with stop: seconds; nil is Docker's default of 10
	Signal        string    `json:"signal,omitempty"`         // kill: "SIGTERM", "9"; "" is SIGKILL
	Stop          bool      `json:"stop,omitempty"`           // delete: stop first, so the process can end well
	Force         bool      `json:"force,omitempty"`          // delete: go on past failures
	AttachmentIDs []string  `json:"attachment_ids,omitempty"` // network_attach, network_detach
	SecurityGroup string    `json:"security_group,omitempty"` // add_security_group, remove_security_group: a UUID
	Change        *Change   `json:"change,omitempty"`         // resize_container
	Held          *Held     `json:"held,omitempty"`           // resize_container
	Before        *Before   `json:"before,omitempty"`         // rebuild
	FailedHeals   int       `json:"failed_heals,omitempty"`   // heal: how many before it were in vain
}

// Stage names a part of an action. Stages that do not wait for one another overlap.
type Stage string

// The stages.
const (
	StageSchedule        Stage = "schedule"
	StageImage           Stage = "image"
	StageSecurityGroup   Stage = "security_group" // of the exposed ports, or of all the container's ports
	StageFiles           Stage = "files"          // that are put into the container
	StagePort            Stage = "port"
	StageNetwork         Stage = "network"
	StageSandbox         Stage = "sandbox"
	StageContainerCreate Stage = "container_create"
	StagePlug            Stage = "plug" // the sandbox is on its networks
	StageContainerStart  Stage = "container_start"
	StageContainerStop   Stage = "container_stop"
	StageContainerKill   Stage = "container_kill"
	StageContainerPause  Stage = "container_pause"
	StageContainerResume Stage = "container_unpause"
	StageContainerUpdate Stage = "container_update"
	StageContainerDelete Stage = "container_delete"
	StageSandboxDelete   Stage = "sandbox_delete"
	StageUnplug          Stage = "unplug"
	StagePortDelete      Stage = "port_delete"
	StageGroupDelete     Stage = "security_group_delete"
)

// Event is one stage of an action as it happened.
type Event struct {
	ID         int64
	ActionID   int64
	Stage      Stage
	StartedAt  time.Time
	FinishedAt time.Time // zero while it runs
	Failed     bool
	Detail     string // a sentence for the user, "pulled cirros:latest", or why it failed
}

// Milliseconds returns how long the stage took; 0 while it runs.
func (e Event) Milliseconds() int64 {
	if e.FinishedAt.IsZero() {
		return 0
	}
	return e.FinishedAt.Sub(e.StartedAt).Milliseconds()
}
