package main

import (
	"context"
	"flag"
	"io"

	"github.com/gozun/gozun/internal/solo"
)

const purgeSynopsis = `Usage: zund purge --yes [OPTIONS]

Removes from this machine everything that the zund of a state directory made: containers
and their sandboxes, Docker networks, bridges, namespaces, firewall rules, and the state
directory itself; then looks whether anything is left. The zund must not be running.`

func runPurge(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	config := solo.Config{IdentityAddr: "127.0.0.1:0", NetworkAddr: "127.0.0.1:0", ContainerAddr: "127.0.0.1:0", ConsoleAddr: "127.0.0.1:0"}
	flags := flag.NewFlagSet("purge", flag.ContinueOnError)
	flags.StringVar(&config.StateDir, "state-dir", solo.DefaultStateDir, "the state directory to remove with all that belongs to it")
	flags.StringVar(&config.Host, "host", "", "this machine's name to Neutron (default: its hostname)")
	flags.StringVar(&config.DockerHost, "docker-host", "", "where the Docker Engine listens (default: DOCKER_HOST, else the usual socket)")
	flags.StringVar(&config.PluginName, "plugin-name", "", "name of the Docker network and IPAM driver (default: the one last served)")
	flags.StringVar(&config.PluginDir, "plugin-dir", solo.DefaultPluginDir, "where Docker looks for the plugin's socket")
	yes := flags.Bool("yes", false, "really do it: what users made in this cloud is lost")
	if err := parse(flags, args, stdout, purgeSynopsis); err != nil {
		return err
	}
	if !*yes {
		return &usageError{"this deletes every network and container of this cloud. Try: zund purge --yes"}
	}
	log, err := newLog(stderr, "warn", "text")
	if err != nil {
		return err
	}
	config.Log = log
	return solo.Purge(ctx, config, stdout)
}
