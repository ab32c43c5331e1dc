package client

import (
	"context"
	"net/url"
)

// ContainerChange is what is to be changed of a container; nil fields stay.
type ContainerChange struct {
	Name     *string  `json:"name,omitempty"`
	CPU      *float64 `json:"cpu,omitempty"`    // cores
	Memory   *string  `json:"memory,omitempty"` // MiB, "512"
	AutoHeal *bool    `json:"auto_heal,omitempty"`
}

// UpdateContainer changes a container and returns it as it then is: the change has been
// made when this returns. CodeInvalidState: its status does not allow it; CodeOverQuota:
// the project may not have so much.
func (c *Client) UpdateContainer(ctx context.Context, ref string, change ContainerChange) (Container, error) {
	var changed Container
	_, err := c.call(ctx, request{method: "PATCH", path: containerPath(ref), body: change}, &changed)
	return changed, err
}

// ResizeContainer orders a change (microversion 1.19), and returns the container as it is
// until that is done and the request id of the action.
func (c *Client) ResizeContainer(ctx context.Context, ref string, change ContainerChange) (Container, string, error) {
	if err := c.need(ctx, Version{1, 19}, "resize container "+ref); err != nil {
		return Container{}, "", err
	}
	var still Container
	id, err := c.call(ctx, request{method: "POST", path: containerPath(ref, "resize_container"), body: change}, &still)
	return still, id, err
}

// Rebuild says what a container is made anew from; empty fields stay as they are.
type Rebuild struct {
	Image       string
	ImageDriver string // docker or glance
}

// RebuildContainer orders that a container be made anew, with the same addresses, and
// started if it runs. It returns the request id of the action.
func (c *Client) RebuildContainer(ctx context.Context, ref string, from Rebuild) (string, error) {
	query := url.Values{}
	set(query, "image", from.Image)
	set(query, "image_driver", from.ImageDriver)
	return c.order(ctx, ref, "rebuild", query)
}

// PauseContainer orders that the container's processes stand still.
func (c *Client) PauseContainer(ctx context.Context, ref string) (string, error) {
	return c.order(ctx, ref, "pause", nil)
}

// UnpauseContainer orders that they go on.
func (c *Client) UnpauseContainer(ctx context.Context, ref string) (string, error) {
	return c.order(ctx, ref, "unpause", nil)
}

// AddSecurityGroup orders that the ports of a container get a security group, a name or a
// UUID. Services have it up to microversion 1.14: it is asked for at that version, if the
// client's is a later one.
func (c *Client) AddSecurityGroup(ctx context.Context, ref, group string) (string, error) {
	return c.regroup(ctx, ref, "add_security_group", group)
}

// RemoveSecurityGroup orders that they lose it, as AddSecurityGroup.
func (c *Client) RemoveSecurityGroup(ctx context.Context, ref, group string) (string, error) {
	return c.regroup(ctx, ref, "remove_security_group", group)
}

func (c *Client) regroup(ctx context.Context, ref, verb, group string) (string, error) {
	return c.call(ctx, request{
		method: "POST", path: containerPath(ref, verb), query: url.Values{"name": {group}}, most: Version{1, 14},
	}, nil)
}
