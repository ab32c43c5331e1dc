package docker

import (
	"context"
	"strings"

	"github.com/moby/moby/client"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// versionIPv6Only is the minor API version from which engines make networks without IPv4.
const versionIPv6Only = 48

// Networks returns the engine's own lasting id, and the ids of its networks of our driver.
// CodeUnavailable.
func (c *Client) Networks(ctx context.Context) (engine string, ids []string, err error) {
	info, err := c.engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return "", nil, c.failure(err, "describe host "+c.host)
	}
	result, err := c.engine.NetworkList(ctx, client.NetworkListOptions{Filters: client.Filters{}.Add("driver", c.driver)})
	if err != nil {
		return "", nil, c.failure(err, "list networks on host "+c.host)
	}
	for _, network := range result.Items {
		ids = append(ids, network.ID)
	}
	return info.Info.ID, ids, nil
}

// EnsureNetwork implements node.Networks.
func (c *Client) EnsureNetwork(ctx context.Context, spec node.NetworkSpec) error {
	c.networks.Lock()
	defer c.networks.Unlock()
	doing := "make Docker network " + spec.Name
	found, err := c.checkNetwork(ctx, spec, doing)
	if err != nil || found {
		return err
	}
	if v4, _ := families(spec.Network.Subnets); v4 == nil && !atLeast(c.engine.ClientVersion(), versionIPv6Only) {
		return zun.Errorf(zun.CodeInvalid, "cannot %s: it has no IPv4 subnet, and Docker Engine on host %s needs one beside IPv6 (release 28 does not); add one to the Neutron network",
			doing, c.host)
	}
	if _, err = c.engine.NetworkCreate(ctx, spec.Name, networkOptions(spec, c.driver)); err == nil {
		return nil
	}
	if codeOf(err) == zun.CodeConflict { // made meanwhile, by what an earlier life of ours asked for
		if found, checkErr := c.checkNetwork(ctx, spec, doing); checkErr != nil || found {
			return checkErr
		}
	}
	return c.failure(err, doing)
}

// checkNetwork reports whether the network is there, and fails if what is there is not ours.
func (c *Client) checkNetwork(ctx context.Context, spec node.NetworkSpec, doing string) (bool, error) {
	result, err := c.engine.NetworkInspect(ctx, spec.Name, client.NetworkInspectOptions{})
	if codeOf(err) == zun.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, c.failure(err, doing)
	}
	found := result.Network
	if found.Name != spec.Name { // Docker also takes the beginning of an id for a name
		return false, nil
	}
	foreign := found.Labels[labelNetwork] == ""
	if driver := found.Driver; foreign || driver != c.driver {
		return false, zun.Errorf(zun.CodeConflict,
			"cannot %s: a network of this name with driver %s is there that is not ours; remove it with: docker network rm %s", doing, driver, spec.Name)
	}
	return true, nil
}

// RemoveNetwork implements node.Networks.
func (c *Client) RemoveNetwork(ctx context.Context, name string) error {
	c.networks.Lock()
	defer c.networks.Unlock()
	doing := "remove Docker network " + name
	_, err := c.engine.NetworkRemove(ctx, name, client.NetworkRemoveOptions{})
	switch {
	case err == nil, codeOf(err) == zun.CodeNotFound:
		return nil
	case strings.Contains(err.Error(), "has active endpoints"):
		return zun.Wrap(zun.CodeNetworkInUse, err, "cannot %s: %s", doing, readable(err.Error()))
	}
	return c.failure(err, doing)
}

// Connect implements node.Networks.
func (c *Client) Connect(ctx context.Context, sandbox string, endpoint node.EndpointSpec) error {
	doing := "connect sandbox " + sandbox + " to network " + endpoint.Network
	state, err := c.Inspect(ctx, sandbox)
	if err != nil {
		return err
	}
	if _, on := state.Endpoints[endpoint.Network]; on {
		return nil
	}
	if len(state.Endpoints) == 0 { // on "none", which suffers no other beside it; gone is as good
		_ = c.Disconnect(ctx, sandbox, "none")
	}
	_, err = c.engine.NetworkConnect(ctx, endpoint.Network, client.NetworkConnectOptions{
		Container: sandbox, EndpointConfig: endpointSettings(endpoint),
	})
	return c.failure(err, doing)
}

// Disconnect implements node.Networks.
func (c *Client) Disconnect(ctx context.Context, sandbox, network string) error {
	_, err := c.engine.NetworkDisconnect(ctx, network, client.NetworkDisconnectOptions{Container: sandbox})
	if err == nil || codeOf(err) == zun.CodeNotFound || strings.Contains(err.Error(), "is not connected to") {
		return nil
	}
	return c.failure(err, "disconnect sandbox "+sandbox+" from network "+network)
}
