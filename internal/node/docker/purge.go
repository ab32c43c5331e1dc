package docker

import (
	"context"

	"github.com/moby/moby/client"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// Purged counts what Purge removed.
type Purged struct {
	Containers int // sandboxes too
	Networks   int
}

// Purge removes everything that an owner made in this engine: containers, then sandboxes,
// then networks, and the pause image if nobody else uses it. With them go all networks of
// our driver, whoever made them, and containers' places on those: without the plugin
// they are of no use. The plugin must be serving, for the engine asks it.
func (c *Client) Purge(ctx context.Context, owner string) (Purged, error) {
	var purged Purged
	states, err := c.List(ctx, owner)
	if err != nil {
		return purged, err
	}
	for _, role := range []node.Role{node.RoleContainer, node.RoleSandbox} {
		for _, state := range states {
			if state.Role != role {
				continue
			}
			if err := c.Remove(ctx, state.ID); err != nil {
				return purged, err
			}
			purged.Containers++
		}
	}
	if purged.Networks, err = c.purgeNetworks(ctx); err != nil {
		return purged, err
	}
	return purged, c.purgePauseImages(ctx)
}

func (c *Client) purgeNetworks(ctx context.Context) (int, error) {
	filters := client.Filters{}.Add("driver", c.driver)
	result, err := c.engine.NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	if err != nil {
		return 0, c.failure(err, "list networks on host "+c.host)
	}
	for i, network := range result.Items {
		if err := c.purgeNetwork(ctx, network.ID); err != nil {
			return i, err
		}
	}
	return len(result.Items), nil
}

// purgeNetwork takes whoever is left off a network, and removes it.
func (c *Client) purgeNetwork(ctx context.Context, id string) error {
	result, err := c.engine.NetworkInspect(ctx, id, client.NetworkInspectOptions{})
	if codeOf(err) == zun.CodeNotFound {
		return nil
	}
	if err != nil {
		return c.failure(err, "inspect network "+id)
	}
	for container := range result.Network.Containers {
		_, err := c.engine.NetworkDisconnect(ctx, id, client.NetworkDisconnectOptions{Container: container, Force: true})
		if err != nil && codeOf(err) != zun.CodeNotFound {
			return c.failure(err, "disconnect container "+container+" from network "+id)
		}
	}
	return c.RemoveNetwork(ctx, id)
}

func (c *Client) purgePauseImages(ctx context.Context) error {
	filters := client.Filters{}.Add("label", labelPrefix+"image=pause")
	result, err := c.engine.ImageList(ctx, client.ImageListOptions{Filters: filters})
	if err != nil {
		return c.failure(err, "list images on host "+c.host)
	}
	for _, image := range result.Items {
		_, err := c.engine.ImageRemove(ctx, image.ID, client.ImageRemoveOptions{PruneChildren: true})
		if code := codeOf(err); err != nil && code != zun.CodeNotFound && code != zun.CodeConflict {
			return c.failure(err, "remove image "+image.ID)
		}
	}
	return nil
}
