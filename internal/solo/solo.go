package solo

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/gozun/gozun/internal/api"
	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/control"
	"github.com/gozun/gozun/internal/keystone"
	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/kuryr/libnetwork"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/metrics"
	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/internal/node/docker"
	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/internal/sdnotify"
	"github.com/gozun/gozun/internal/store"
	"github.com/gozun/gozun/internal/vault"
)

// Solo is the whole service, built and listening but not yet running.
type Solo struct {
	config    Config
	listeners listeners
	cloud     cloud
	docker    *docker.Client
	metrics   *metrics.Metrics
	owner     string
	beneath   []task      // what Docker's calls need: the cloud and the plugin
	tasks     []task      // the rest
	closers   []io.Closer // in the order they were opened
}

// New builds the service: it makes the state directory, opens the ports and the files,
// and starts nothing. On an error nothing stays open.
func New(ctx context.Context, config Config) (*Solo, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	s := &Solo{config: config, metrics: metrics.New()}
	if err := s.build(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *Solo) build(ctx context.Context) error {
	if err := prepareStateDir(s.config.StateDir); err != nil {
		return err
	}
	var err error
	if s.listeners, err = openListeners(ctx, s.config); err != nil {
		return err
	}
	if s.cloud, err = s.openCloud(ctx); err != nil {
		return err
	}
	if err := s.buildPlugin(); err != nil {
		return err
	}
	if err := s.openDocker(); err != nil {
		return err
	}
	return s.buildService(ctx)
}

// buildPlugin adds the Docker plugin, with credentials of its own.
func (s *Solo) buildPlugin() error {
	records, err := s.openRecords("kuryr.db")
	if err != nil {
		return err
	}
	log := s.config.Log.With("part", "plugin")
	links, err := link.Open("")
	if err != nil {
		return err
	}
	driver := kuryr.New(kuryr.Config{
		Docker: dockerNetworks{s}, DB: records, Host: s.config.Host, Log: log, Binder: binding.New(links, log),
		Neutron: neutron.New(keystone.Open(s.cloud.kuryr, log), neutron.Options{OnCall: s.metrics.Neutron, Observe: s.metrics.NeutronFor}),
	})
	waited := func(ctx context.Context) (neutron, disk time.Duration) {
		return metrics.WaitedOf(ctx), records.Waited()
	}
	socket := filepath.Join(s.config.PluginDir, s.config.PluginName+".sock")
	s.beneath = append(s.beneath, driver,
		&pluginTask{socket: socket, handler: s.metrics.Verbs(libnetwork.Handler(driver, libnetwork.Options{Log: log, Observe: s.metrics.Verb, Waited: waited}))})
	return nil
}

// dockerNetworks tells the plugin which networks Docker has; it is there when tasks run.
type dockerNetworks struct{ *Solo }

func (d dockerNetworks) Networks(ctx context.Context) (engine string, ids []string, err error) {
	return d.docker.Networks(ctx)
}

// buildService adds the API, the control side and the node.
func (s *Solo) buildService(ctx context.Context) error {
	rules, err := s.loadPolicy()
	if err != nil {
		return err
	}
	records, err := store.Open(ctx, s.config.path("zun.db"))
	if err != nil {
		return err
	}
	s.closers = append(s.closers, records)
	keys, err := vault.Open(s.config.SecretsFile)
	if err != nil {
		return err
	}
	session := keystone.Open(s.cloud.zun, s.config.Log.With("part", "keystone"))
	network := neutron.New(session, neutron.Options{OnCall: s.metrics.Neutron})
	config := control.Config{
		Store: records, Policy: rules, Vault: keys,
		Neutron:        func(token string) control.Neutron { return network.As(token) },
		ServiceNeutron: network,
		DefaultNetwork: s.config.DefaultNetwork, ConsoleTokenLife: s.config.ConsoleTokenLife,
		UniqueNames: control.NameScope(s.config.UniqueNames), HealRetryMin: s.config.HealRetryMin, HealRetryMax: s.config.HealRetryMax,
		Log: s.config.Log.With("part", "control"),
	}
	s.config.Sharing.apply(&config)
	service := control.New(config)
	files, err := filepath.Abs(s.config.path("files")) // Docker wants to know where they really are
	if err != nil {
		return fmt.Errorf("cannot find the state directory: %w", err)
	}
	agent := node.New(node.Config{
		Host: s.config.Host, Owner: s.owner, Files: files, Docker: s.docker, Neutron: network,
		Reports: s.metrics.Reports(service), Log: s.config.Log.With("part", "node"),
		AvailabilityZone: s.config.Sharing.AvailabilityZone, DiskReserve: s.config.Sharing.ImageDisk,
		ExecuteTimeout: s.config.ExecuteTimeout,
	})
	service.Nodes = control.Local{Name: s.config.Host, Agent: s.metrics.Node(agent)}
	consoles, err := s.buildConsoles(service)
	if err != nil {
		return err
	}
	handler := api.New(api.Config{
		Control: service, Policy: rules, Identities: s.identities(session),
		AllowedOrigins: s.config.AllowedOrigins, MaxLimit: s.config.MaxLimit, Bounds: s.config.Sharing.Bounds,
		AuthenticateURI: s.cloud.zun.AuthURL, Log: s.config.Log.With("part", "api"),
		Observe: s.metrics.Request, Metrics: s.metrics.Handler(), ConsoleURL: consoles,
	})
	s.tasks = append(s.tasks, records, agent, service,
		&webTask{name: "container API", listener: s.listeners.container, handler: handler, log: s.config.Log})
	return nil
}

// identities tells whose users' tokens are.
func (s *Solo) identities(session *keystone.Session) *keystone.Validator {
	v := keystone.NewValidator(session, s.config.TokenCacheTime)
	if s.config.ServiceTokenRoles != nil {
		v.ServiceRoles = s.config.ServiceTokenRoles
	}
	v.RequireServiceRole = s.config.RequireServiceTokenRoles
	return v
}

// openDocker readies the Docker client, with the id under which what we make there is
// known as ours.
func (s *Solo) openDocker() error {
	var err error
	if s.owner, err = ownerID(s.config.StateDir); err != nil {
		return err
	}
	s.docker, err = docker.New(docker.Config{
		Address: s.config.DockerHost, Host: s.config.Host, Driver: s.config.PluginName, Log: s.config.Log.With("part", "docker"),
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.docker)
	return nil
}

// loadPolicy returns the rules, which follow their file if there is one.
func (s *Solo) loadPolicy() (*policy.Engine, error) {
	if s.config.PolicyFile == "" {
		return policy.New(nil)
	}
	file, err := policy.Open(s.config.PolicyFile, s.config.Log.With("part", "policy"))
	if err != nil {
		return nil, err
	}
	s.tasks = append(s.tasks, file)
	return file.Engine(), nil
}

// openRecords opens one of the record files of the state directory. The lock on it is
// what keeps two processes from sharing a state directory.
func (s *Solo) openRecords(name string) (*kv.DB, error) {
	records, err := kv.Open(s.config.path(name))
	if err != nil {
		return nil, fmt.Errorf("%w. Is another zund running on %s? Try: zund status --state-dir %[2]s", err, s.config.StateDir)
	}
	s.closers = append(s.closers, records)
	return records, nil
}

// Run serves until ctx ends. Containers keep running, and the data plane stays as it is.
func (s *Solo) Run(ctx context.Context, stdout io.Writer) error {
	defer s.close()
	endpoints := s.endpoints()
	if err := endpoints.write(s.config.StateDir); err != nil {
		return err
	}
	announce := &announcement{solo: s, endpoints: endpoints, stdout: stdout}
	return runTasks(ctx, slices.Concat(s.beneath, s.tasks, []task{announce}))
}

func (s *Solo) close() {
	s.listeners.close()
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i].Close(); err != nil {
			s.config.Log.Warn("cannot close cleanly", "error", err)
		}
	}
	s.closers = nil
}

func (s *Solo) endpoints() Endpoints {
	e := Endpoints{Container: endpoint(s.listeners.container, "/v1"), Plugin: s.config.PluginName}
	if s.config.Cloud == nil {
		e.Identity, e.Network = endpoint(s.listeners.identity, "/v3"), endpoint(s.listeners.network, "")
	}
	return e
}

// announcement tells the user and systemd that all is up.
type announcement struct {
	solo      *Solo
	endpoints Endpoints
	stdout    io.Writer
}

func (a *announcement) String() string { return "announcement" }

// Run announces, and tells systemd when the end begins.
func (a *announcement) Run(ctx context.Context) error {
	for _, service := range []struct{ name, url string }{
		{"identity", a.endpoints.Identity}, {"network", a.endpoints.Network}, {"container", a.endpoints.Container},
	} {
		if service.url != "" {
			fmt.Fprintf(a.stdout, "%-9s %s\n", service.name, service.url)
		}
	}
	if a.solo.config.Cloud == nil {
		fmt.Fprintf(a.stdout, "zund is ready. In another shell: . %s\n", a.solo.config.path("openrc"))
	} else {
		fmt.Fprintln(a.stdout, "zund is ready.")
	}
	if err := sdnotify.Tell(ctx, sdnotify.Ready); err != nil {
		a.solo.config.Log.Warn("cannot tell systemd that we are ready", "error", err)
	}
	<-ctx.Done()
	if err := sdnotify.Tell(context.WithoutCancel(ctx), sdnotify.Stopping); err != nil {
		a.solo.config.Log.Warn("cannot tell systemd that we are stopping", "error", err)
	}
	return nil
}
