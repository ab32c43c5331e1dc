package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/gozun/gozun/internal/keystone"
	"github.com/gozun/gozun/internal/solo"
)

const soloSynopsis = `Usage: zund solo [OPTIONS]

Serves the container API, the node and the Docker plugin in one process, with an embedded
Keystone and Neutron (or, with --os-cloud, an existing one). Needs root and a Docker Engine.

The state directory gets openrc (user demo), openrc-admin and clouds.yaml. Started again on
the same directory it finds everything as it was. Ctrl-C stops it; containers keep running
and keep their network.`

func runSolo(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var config solo.Config
	var cloud, level, format, file string
	flags := flag.NewFlagSet("solo", flag.ContinueOnError)
	flags.StringVar(&config.StateDir, "state-dir", solo.DefaultStateDir, "directory of everything that outlives the process")
	flags.StringVar(&config.IdentityAddr, "identity-listen", solo.DefaultIdentityAddr, "HOST:PORT of the embedded Keystone")
	flags.StringVar(&config.NetworkAddr, "network-listen", solo.DefaultNetworkAddr, "HOST:PORT of the embedded Neutron")
	flags.StringVar(&config.ContainerAddr, "container-listen", solo.DefaultContainerAddr, "HOST:PORT of the container API")
	flags.StringVar(&config.ConsoleAddr, "console-listen", solo.DefaultConsoleAddr, "HOST:PORT of the console proxy (attach, exec -i)")
	flags.StringVar(&config.ConsoleURL, "console-url", "", "where users reach it, ws:// or wss:// (default: where it listens)")
	flags.Func("console-origins", "hosts of web pages that may open consoles beside its own, between commas: Horizon's", func(text string) error {
		config.ConsoleOrigins = strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' })
		return nil
	})
	flags.DurationVar(&config.ConsoleTokenLife, "console-token-life", 10*time.Minute, "how long a console can be opened after it was asked for")
	flags.StringVar(&cloud, "os-cloud", "", "serve this entry of clouds.yaml instead of the embedded Keystone and Neutron")
	flags.StringVar(&config.Host, "host", "", "this machine's name to Neutron (default: its hostname)")
	flags.StringVar(&config.DockerHost, "docker-host", "", "where the Docker Engine listens (default: DOCKER_HOST, else the usual socket)")
	flags.StringVar(&config.PluginName, "plugin-name", solo.DefaultPluginName, "name of the Docker network and IPAM driver")
	flags.StringVar(&config.PluginDir, "plugin-dir", solo.DefaultPluginDir, "where Docker looks for the plugin's socket")
	flags.StringVar(&config.DefaultNetwork, "default-network", "", "network of containers that name none (default: the project's oldest)")
	sharingFlags(flags, &config.Sharing)
	flags.StringVar(&config.UniqueNames, "unique-container-name-scope", "", "`SCOPE` in which no two containers have the same name: project or global (default: none)")
	flags.DurationVar(&config.ExecuteTimeout, "execute-timeout", solo.DefaultExecTimeout, "how long a command may take that is executed without a terminal")
	flags.DurationVar(&config.HealRetryMin, "heal-retry-min", solo.DefaultHealRetryMin, "pause after a container of auto_heal could not be made again; doubles each time")
	flags.DurationVar(&config.HealRetryMax, "heal-retry-max", solo.DefaultHealRetryMax, "the longest such pause")
	flags.StringVar(&config.SecretsFile, "secret-keys", "", "file of the keys that encrypt registries' passwords (default: secret-keys in the state directory)")
	flags.StringVar(&config.PolicyFile, "policy-file", "", "oslo.policy rules (YAML) over the built-in ones; followed when it changes")
	flags.StringVar(&file, "config-file", "", "zun.conf to take policy_file, token_cache_time, service_token_roles(_required), allowed_origin and max_limit from")
	flags.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&format, "log-format", "text", "text or json")
	if err := parse(flags, args, stdout, soloSynopsis); err != nil {
		return err
	}
	var err error
	if config.Log, err = newLog(stderr, level, format); err != nil {
		return err
	}
	if err := readConfig(file, &config); err != nil {
		return err
	}
	if cloud != "" {
		credentials, err := keystone.FromCloud(cloud)
		if err != nil {
			return err
		}
		config.Cloud = &credentials
	}
	if err := profile(ctx); err != nil {
		return err
	}
	service, err := solo.New(ctx, config)
	if err != nil {
		return err
	}
	return service.Run(ctx, stdout)
}

func newLog(w io.Writer, level, format string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var threshold slog.Level
	if err := threshold.UnmarshalText([]byte(level)); err != nil {
		return nil, &usageError{fmt.Sprintf("--log-level %q is not debug, info, warn or error", level)}
	}
	options.Level = threshold
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &options)), nil
	}
	return nil, &usageError{fmt.Sprintf("--log-format %q is not text or json", format)}
}
