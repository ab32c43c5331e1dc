package docker

import (
	"context"
	"runtime"
	"strings"

	"github.com/moby/moby/client"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// CreateSandbox implements node.Processes. The pause image is imported when the engine
// does not have it.
func (c *Client) CreateSandbox(ctx context.Context, spec node.SandboxSpec) (string, error) {
	doing := "create sandbox " + spec.Name
	archive, image, err := pauseImage(runtime.GOARCH)
	if err != nil {
		return "", zun.Wrap(zun.CodeInternal, err, "cannot %s: %v", doing, err)
	}
	options := sandboxOptions(spec, image)
	if len(spec.Endpoints) > 0 {
		ctx = withMAC(ctx, spec.Endpoints[0].MAC)
	}
	result, err := c.engine.ContainerCreate(ctx, options)
	if codeOf(err) == zun.CodeNotFound && strings.Contains(err.Error(), pauseRepository) {
		if err := c.importPause(ctx, image, archive); err != nil {
			return "", err
		}
		result, err = c.engine.ContainerCreate(ctx, options)
	}
	if err != nil {
		return "", c.failure(err, doing)
	}
	return result.ID, c.connectOthers(ctx, spec)
}

// connectOthers adds the endpoints after the primary one; before the start that only
// writes them down.
func (c *Client) connectOthers(ctx context.Context, spec node.SandboxSpec) error {
	for i, endpoint := range spec.Endpoints {
		if i == 0 {
			continue
		}
		_, err := c.engine.NetworkConnect(ctx, endpoint.Network, client.NetworkConnectOptions{
			Container: spec.Name, EndpointConfig: endpointSettings(endpoint),
		})
		if err != nil {
			return c.failure(err, "connect sandbox "+spec.Name+" to network "+endpoint.Network)
		}
	}
	return nil
}

// CreateContainer implements node.Processes.
func (c *Client) CreateContainer(ctx context.Context, spec node.ContainerSpec) (string, error) {
	if err := c.grants(ctx, spec.Container); err != nil {
		return "", err
	}
	result, err := c.engine.ContainerCreate(ctx, containerOptions(spec))
	if err != nil {
		return "", c.failure(err, "create container "+spec.Name)
	}
	return result.ID, nil
}

// Start implements node.Processes.
func (c *Client) Start(ctx context.Context, name string) error {
	_, err := c.engine.ContainerStart(ctx, name, client.ContainerStartOptions{})
	return c.failure(err, "start "+thing(name))
}

// Stop implements node.Processes.
func (c *Client) Stop(ctx context.Context, name string, timeout *int) error {
	_, err := c.engine.ContainerStop(ctx, name, client.ContainerStopOptions{Timeout: timeout})
	return c.failure(err, "stop "+thing(name))
}

// Restart implements node.Processes.
func (c *Client) Restart(ctx context.Context, name string, timeout *int) error {
	_, err := c.engine.ContainerRestart(ctx, name, client.ContainerRestartOptions{Timeout: timeout})
	return c.failure(err, "restart "+thing(name))
}

// Kill implements node.Processes.
func (c *Client) Kill(ctx context.Context, name, signal string) error {
	_, err := c.engine.ContainerKill(ctx, name, client.ContainerKillOptions{Signal: signal})
	return c.failure(err, "kill "+thing(name))
}

// Pause implements node.Processes.
func (c *Client) Pause(ctx context.Context, name string) error {
	_, err := c.engine.ContainerPause(ctx, name, client.ContainerPauseOptions{})
	if err != nil && strings.Contains(err.Error(), "is already paused") {
		return nil
	}
	return c.failure(err, "pause "+thing(name))
}

// Unpause implements node.Processes.
func (c *Client) Unpause(ctx context.Context, name string) error {
	_, err := c.engine.ContainerUnpause(ctx, name, client.ContainerUnpauseOptions{})
	if err == nil || !strings.Contains(err.Error(), "is not paused") {
		return c.failure(err, "unpause "+thing(name))
	}
	if state, lookErr := c.Inspect(ctx, name); lookErr == nil && state.Phase == node.PhaseRunning {
		return nil
	}
	return zun.Wrap(zun.CodeConflict, err, "cannot unpause %s: it is not paused", thing(name))
}

// Update implements node.Processes.
func (c *Client) Update(ctx context.Context, name string, resources node.Resources) error {
	limits := resourcesOf(resources)
	_, err := c.engine.ContainerUpdate(ctx, name, client.ContainerUpdateOptions{Resources: &limits})
	return c.failure(err, "update "+thing(name))
}

// Remove implements node.Processes.
func (c *Client) Remove(ctx context.Context, name string) error {
	_, err := c.engine.ContainerRemove(ctx, name, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err == nil || codeOf(err) == zun.CodeNotFound {
		return nil
	}
	if strings.Contains(err.Error(), "is already in progress") {
		return c.gone(ctx, name)
	}
	return c.failure(err, "remove "+thing(name))
}

// gone waits until a removal that someone else began has ended.
func (c *Client) gone(ctx context.Context, name string) error {
	result := c.engine.ContainerWait(ctx, name, client.ContainerWaitOptions{Condition: "removed"})
	select {
	case <-result.Result:
		return nil
	case err := <-result.Error:
		if codeOf(err) == zun.CodeNotFound {
			return nil
		}
		return c.failure(err, "remove "+thing(name))
	case <-ctx.Done():
		return c.failure(ctx.Err(), "remove "+thing(name))
	}
}

// Inspect implements node.Processes.
func (c *Client) Inspect(ctx context.Context, name string) (node.State, error) {
	result, err := c.engine.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return node.State{}, c.failure(err, "inspect "+thing(name))
	}
	return stateOf(result.Container), nil
}

// List implements node.Processes.
func (c *Client) List(ctx context.Context, owner string) ([]node.State, error) {
	filters := client.Filters{}.Add("label", labelContainer, labelOwner+"="+owner)
	result, err := c.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, c.failure(err, "list containers on host "+c.host)
	}
	states := make([]node.State, 0, len(result.Items))
	for _, item := range result.Items {
		states = append(states, summaryOf(item))
	}
	return states, nil
}

// thing says what kind a name is of, in messages.
func thing(name string) string {
	if id, is := strings.CutPrefix(name, node.SandboxName("")); is {
		return "sandbox of container " + id
	}
	if id, is := strings.CutPrefix(name, node.ContainerName("")); is {
		return "container " + id
	}
	return "container " + name
}
