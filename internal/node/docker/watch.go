package docker

import (
	"context"
	"strings"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"github.com/gozun/gozun/internal/node"
)

// Watch implements node.Runtime. Docker sends what happens from its answer to the request
// on, which the client waits for. That it answers at all is asked first, because the client
// cannot say for certain that a stream has begun.
func (c *Client) Watch(ctx context.Context, owner string, begun func(), changed func(node.Change)) error {
	if err := c.Ping(ctx); err != nil {
		return err
	}
	filters := client.Filters{}.Add("type", "container").Add("label", labelContainer, labelOwner+"="+owner)
	for _, action := range []string{"start", "die", "destroy", "oom", "pause", "unpause", "health_status"} {
		filters = filters.Add("event", action)
	}
	stream := c.engine.Events(ctx, client.EventsListOptions{Filters: filters})
	select {
	case err := <-stream.Err: // it did not even begin
		return c.failure(err, "watch Docker events")
	default:
	}
	begun()
	for {
		select {
		case message := <-stream.Messages:
			changed(changeOf(message))
		case err := <-stream.Err:
			return c.failure(err, "watch Docker events")
		}
	}
}

func changeOf(message events.Message) node.Change {
	kind, _, _ := strings.Cut(string(message.Action), ":") // "exec_die: …" and its like carry a command
	return node.Change{
		ContainerID: message.Actor.Attributes[labelContainer],
		Role:        node.Role(message.Actor.Attributes[labelRole]),
		Kind:        kind,
	}
}
