package docker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// Config says which engine to use and how. Zero fields have the defaults named here.
type Config struct {
	Address string // of the engine, as DOCKER_HOST has it; unix:///var/run/docker.sock
	Host    string // name of this machine in messages to users; "" is left out of none: say it
	Driver  string // network and IPAM driver of our networks; "kuryr". "bridge" is Docker's own, for tests.
	Log     *slog.Logger
}

// Client is one Docker Engine.
type Client struct {
	engine *client.Client
	base   *http.Transport
	host   string
	driver string
	log    *slog.Logger

	pause    sync.Mutex // held while the pause image is imported
	networks sync.Mutex // held while a network is looked for and made, as engines may make two of a name
}

var _ node.Runtime = (*Client)(nil)

// New returns a client. It makes no connection: an engine that is away is found away by
// each call. An address that cannot be one is an error.
func New(config Config) (*Client, error) {
	if config.Address == "" {
		config.Address = client.DefaultDockerHost
	}
	if config.Driver == "" {
		config.Driver = "kuryr"
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	address, err := client.ParseHostURL(config.Address)
	if err != nil {
		return nil, zun.Errorf(zun.CodeInvalid, "cannot use Docker at %q: %v", config.Address, err)
	}
	if address.Scheme != "unix" && address.Scheme != "tcp" {
		return nil, zun.Errorf(zun.CodeInvalid, "cannot use Docker at %q: give a unix:// or tcp:// address", config.Address)
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	base := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, address.Scheme, address.Host)
		},
		MaxIdleConns: 16, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second,
	}
	engine, err := client.New(client.WithHost(config.Address),
		client.WithHTTPClient(&http.Client{Transport: legacyTransport{base}, CheckRedirect: client.CheckRedirect}))
	if err != nil {
		return nil, fmt.Errorf("cannot make a Docker client for %s: %w", config.Address, err)
	}
	return &Client{engine: engine, base: base, host: config.Host, driver: config.Driver, log: config.Log}, nil
}

// Close lets go of idle connections.
func (c *Client) Close() error {
	c.base.CloseIdleConnections()
	return nil
}

// Ping implements node.Runtime. It asks over a new connection first: a dockerd that is
// ending has closed its socket, but goes on answering on connections that are open.
func (c *Client) Ping(ctx context.Context) error {
	connection, err := c.base.DialContext(ctx, "", "")
	if err != nil {
		return zun.Wrap(zun.CodeUnavailable, err, "Docker Engine on host %s does not answer", c.host)
	}
	if err := connection.Close(); err != nil {
		return zun.Wrap(zun.CodeUnavailable, err, "Docker Engine on host %s does not answer", c.host)
	}
	if _, err := c.engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return zun.Wrap(zun.CodeUnavailable, err, "Docker Engine on host %s does not answer", c.host)
	}
	return nil
}

// Host implements node.Runtime.
func (c *Client) Host(ctx context.Context) (zun.Host, error) {
	result, err := c.engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return zun.Host{}, c.failure(err, "describe host "+c.host)
	}
	return hostOf(result.Info, diskUnder(result.Info.DockerRootDir)), nil
}
