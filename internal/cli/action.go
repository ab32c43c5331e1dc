package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

// events are the stages of an action.
type events []client.Event

// String returns one line per stage: its name, how long it took, and what it says.
func (e events) String() string {
	v := &view{now: time.Now, events: e}
	lines := make([]string, len(e))
	for i, s := range v.stages() {
		state := [...]string{"running", duration(s.took), "failed after " + duration(s.took)}[s.state]
		lines[i] = s.name + ": " + state
		if s.detail != "" {
			lines[i] += ", " + oneLine(s.detail)
		}
	}
	return strings.Join(lines, "\n")
}

func actionFields() []column[client.Action] {
	type a = client.Action
	return []column[a]{
		{name: "action", get: func(k a) any { return k.Action }},
		{name: "request_id", get: func(k a) any { return k.RequestID }},
		{name: "container_uuid", get: func(k a) any { return k.ContainerUUID }},
		{name: "start_time", get: func(k a) any { return k.StartTime }},
		{name: "finish_time", get: func(k a) any { return k.FinishTime }},
		{name: "message", get: func(k a) any { return k.Message }},
		{name: "user_id", get: func(k a) any { return k.UserID }},
		{name: "project_id", get: func(k a) any { return k.ProjectID }},
		{name: "events", get: func(k a) any { return events(k.Events) }},
	}
}

func listedAction() []column[client.Action] {
	all := actionFields()
	return ordered(all[:len(all)-1], []string{"action", "request_id", "start_time", "finish_time", "message"})
}

func (s *session) actionListCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "action-list CONTAINER",
		Short:             "List what was done on a container, newest first",
		Example:           "  zun action-list web",
		Args:              exactArgs("CONTAINER"),
		ValidArgsFunction: s.completeContainers(1),
	}
	out := listFlags(command)
	command.RunE = listing(s, out, listedAction(), func(ctx context.Context, c *client.Client, args []string) ([]client.Action, error) {
		return c.ListActions(ctx, args[0])
	})
	return command
}

func (s *session) actionShowCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "action-show CONTAINER REQUEST",
		Short:             "Show one thing done on a container, with its stages and their times",
		Example:           "  zun action-show web req-3f9e2f0c-6f0c-4c0e-9a53-5e1ab3a0c9f1",
		Args:              exactArgs("CONTAINER", "REQUEST"),
		ValidArgsFunction: s.completeContainers(1),
	}
	out := outputFlags(command)
	command.RunE = showing(s, out, actionFields(), func(ctx context.Context, c *client.Client, args []string) (client.Action, error) {
		return c.GetAction(ctx, args[0], args[1])
	})
	return command
}

func (s *session) versionListCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "version-list",
		Short:             "List the API versions that the service speaks",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := listFlags(command)
	type v = client.ServiceVersion
	command.RunE = listing(s, out, []column[v]{
		{name: "Id", get: func(k v) any { return k.ID }},
		{name: "Status", get: func(k v) any { return k.Status }},
		{name: "Min Version", get: func(k v) any { return k.MinVersion }},
		{name: "Max Version", get: func(k v) any { return k.MaxVersion }},
	}, func(ctx context.Context, c *client.Client, _ []string) ([]v, error) { return c.ListVersions(ctx) })
	return command
}
