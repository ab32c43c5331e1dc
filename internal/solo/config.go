package solo

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/gozun/gozun/internal/control"
	"github.com/gozun/gozun/internal/keystone"
)

// Config says how one process serves everything. The zero value of a field marked
// optional is its default.
type Config struct {
	// StateDir holds everything that outlives the process, mode 0700.
	StateDir string

	// IdentityAddr, NetworkAddr, ContainerAddr and ConsoleAddr are host:port to listen on.
	// The first two are not used with Cloud.
	IdentityAddr  string
	NetworkAddr   string
	ContainerAddr string
	ConsoleAddr   string

	// ConsoleURL is where users reach the console proxy, "wss://cloud.example:6784/".
	// Optional: ws and ConsoleAddr or, where that is every address, the host of the API that
	// they asked.
	ConsoleURL string

	// ConsoleOrigins are the hosts of web pages, beside the proxy's own, that may open
	// consoles: Horizon's. Optional.
	ConsoleOrigins []string

	// ConsoleTokenLife is how long a console can be opened after it was asked for.
	// Optional: 10 minutes.
	ConsoleTokenLife time.Duration

	// HealRetryMin is the pause after a container of auto_heal could not be made again. It
	// doubles with each time, up to HealRetryMax. Optional: 10 s and 30 min.
	HealRetryMin, HealRetryMax time.Duration

	// UniqueNames is where no two containers have the same name: "project" or "global".
	// Optional: nowhere.
	UniqueNames string

	// ExecuteTimeout is how long a command that is executed without a terminal may take.
	// Optional: 5 s.
	ExecuteTimeout time.Duration

	// Cloud, if set, is an existing Keystone and Neutron to serve instead of minicloud:
	// credentials of a user with the role admin (or service) in the project service.
	Cloud *keystone.Credentials

	// Host is this machine's name to Neutron (binding:host_id). Optional: the hostname.
	Host string

	// DockerHost is where the Docker Engine listens. Optional: DOCKER_HOST, else the
	// usual socket.
	DockerHost string

	// PluginName is the name of the Docker network and IPAM driver. Optional: "kuryr".
	PluginName string

	// PluginDir is where Docker looks for plugins' sockets. Optional: /run/docker/plugins.
	PluginDir string

	// DefaultNetwork is the network of containers that name none. Optional: as upstream,
	// the project's oldest Neutron network, else the oldest shared one.
	DefaultNetwork string

	// PolicyFile holds oslo.policy rules (YAML) over the built-in ones. It is read again
	// when it changes. Optional.
	PolicyFile string

	// Sharing says how hosts are shared among containers, and what projects may have. Optional.
	Sharing Sharing

	// SecretsFile holds the keys that passwords in the database are encrypted with, mode
	// 0600; it is made when it is missing. Optional: secret-keys in StateDir.
	SecretsFile string

	// TokenCacheTime is how long a user's token is taken for good without asking Keystone
	// again. Optional: a minute; negative: not at all.
	TokenCacheTime time.Duration

	// ServiceTokenRoles are the roles with which a service may send on users' tokens that
	// are over; with RequireServiceTokenRoles its token counts for nothing without. Optional:
	// "service".
	ServiceTokenRoles        []string
	RequireServiceTokenRoles bool

	// AllowedOrigins are the web pages' origins whose scripts may call the container API.
	// Optional: none.
	AllowedOrigins []string

	// MaxLimit is the longest page of a list. Optional: 1000.
	MaxLimit int

	// Log is where the process tells what it does. Required.
	Log *slog.Logger
}

// The defaults of a Config.
const (
	DefaultStateDir      = "/var/lib/gozun"
	DefaultIdentityAddr  = "127.0.0.1:5000"
	DefaultNetworkAddr   = "127.0.0.1:9696"
	DefaultContainerAddr = "127.0.0.1:9517"
	DefaultConsoleAddr   = "127.0.0.1:6784" // the port of Zun's zun-wsproxy
	DefaultPluginName    = "kuryr"
	DefaultPluginDir     = "/run/docker/plugins"
	DefaultExecTimeout   = 5 * time.Second
	DefaultHealRetryMin  = 10 * time.Second
	DefaultHealRetryMax  = 30 * time.Minute
)

// complete fills in what was left to default, and complains about what cannot work.
func (c Config) complete() (Config, error) {
	if os.Geteuid() != 0 {
		return c, errors.New("zund must run as root: it makes bridges, network namespaces and firewall rules. Try: sudo zund solo")
	}
	if c.Host == "" {
		name, err := os.Hostname()
		if err != nil {
			return c, fmt.Errorf("cannot find this machine's name: %w. Try: --host NAME", err)
		}
		c.Host = name
	}
	c.DockerHost = cmp.Or(c.DockerHost, os.Getenv("DOCKER_HOST"))
	c.StateDir = cmp.Or(c.StateDir, DefaultStateDir)
	c.IdentityAddr = cmp.Or(c.IdentityAddr, DefaultIdentityAddr)
	c.NetworkAddr = cmp.Or(c.NetworkAddr, DefaultNetworkAddr)
	c.ContainerAddr = cmp.Or(c.ContainerAddr, DefaultContainerAddr)
	c.ConsoleAddr = cmp.Or(c.ConsoleAddr, DefaultConsoleAddr)
	c.PluginName = cmp.Or(c.PluginName, DefaultPluginName)
	c.PluginDir = cmp.Or(c.PluginDir, DefaultPluginDir)
	c.SecretsFile = cmp.Or(c.SecretsFile, c.path("secret-keys"))
	c.TokenCacheTime = cmp.Or(c.TokenCacheTime, time.Minute)
	if _, err := c.consoleURL(nil); err != nil {
		return c, err
	}
	c.HealRetryMin = cmp.Or(c.HealRetryMin, DefaultHealRetryMin)
	c.HealRetryMax = cmp.Or(c.HealRetryMax, DefaultHealRetryMax)
	c.ExecuteTimeout = cmp.Or(c.ExecuteTimeout, DefaultExecTimeout)
	if err := c.checkContainers(); err != nil {
		return c, err
	}
	if err := c.Sharing.check(); err != nil {
		return c, err
	}
	return c, c.checkAddresses()
}

// checkContainers complains about options on containers that cannot work.
func (c Config) checkContainers() error {
	switch {
	case c.HealRetryMin < 0 || c.HealRetryMax < c.HealRetryMin:
		return fmt.Errorf("--heal-retry-min %s is not above 0 and at most --heal-retry-max %s", c.HealRetryMin, c.HealRetryMax)
	case c.ExecuteTimeout < 0:
		return fmt.Errorf("--execute-timeout %s is not above 0", c.ExecuteTimeout)
	}
	switch control.NameScope(c.UniqueNames) {
	case "", control.NamesInProject, control.NamesEverywhere:
		return nil
	}
	return fmt.Errorf("--unique-container-name-scope %q is neither project nor global, nor empty", c.UniqueNames)
}

func (c Config) checkAddresses() error {
	addresses := map[string]string{"--container-listen": c.ContainerAddr, "--console-listen": c.ConsoleAddr}
	if c.Cloud == nil {
		addresses["--identity-listen"] = c.IdentityAddr
		addresses["--network-listen"] = c.NetworkAddr
	}
	for flag, address := range addresses {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("%s %q is not host:port: %w", flag, address, err)
		}
	}
	return nil
}

// prepareStateDir makes the state directory and proves that it can be written.
func prepareStateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return stateDirError(dir, err)
	}
	probe, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return stateDirError(dir, err)
	}
	probe.Close()
	os.Remove(probe.Name())
	return nil
}

func stateDirError(dir string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("cannot write to the state directory %s: %w. Try: --state-dir DIR with a directory that root can write", dir, err)
}

func (c Config) path(name string) string { return filepath.Join(c.StateDir, name) }
