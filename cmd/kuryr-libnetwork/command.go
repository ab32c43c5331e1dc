package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gozun/gozun/internal/config"
)

// arguments are the command line.
type arguments struct {
	files, dirs            []string
	host, socket, stateDir string
	metrics                string
	logLevel, logFormat    string
	version, sample, debug bool
	json                   bool
	dockerHost             string
	each                   time.Duration
}

const serveSynopsis = `kuryr-libnetwork is Docker's network and IPAM driver "kuryr" for OpenStack's Neutron: containers
on Docker networks of this driver get Neutron ports.

Usage: kuryr-libnetwork [OPTIONS]          serve Docker until interrupted
       kuryr-libnetwork check [OPTIONS]    say what is wrong with this host, and what to do

Serving needs root, and credentials from the configuration file or OS_* variables. The file
is that of the Python plugin, which is read as it is. Neutron and Keystone need not be there
yet: Docker is answered at once, and each call of its own gets an honest error until they are.

  kuryr-libnetwork --print-config >/etc/kuryr/kuryr.conf     a sample to fill in
  systemctl enable --now kuryr-libnetwork                    before docker, at each boot
  kuryr-libnetwork check
  docker network create -d kuryr --ipam-driver kuryr --subnet 10.2.0.0/24 --gateway 10.2.0.1 foo
  docker run --net foo nginx

Options:
`

const checkSynopsis = `Usage: kuryr-libnetwork check [OPTIONS]

Looks at everything that the plugin needs on this host, changes nothing, and tells of each
thing whether it is ok, and if not, why that matters and what to do: the plugin's socket and
stale ones, Docker, Keystone, Neutron, its extensions and its agent under this host's name,
whether the credentials may bind ports, Open vSwitch or bridges, MTUs, leftovers.

The exit code is 0 if all is ok, 1 with warnings, 2 with errors, 3 if it could not look.

Options:
`

// options are the command line's options; those of serving and of checking differ.
func (a *arguments) options(check bool) *flag.FlagSet {
	flags := flag.NewFlagSet("kuryr-libnetwork", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	several := func(into *[]string) func(string) error {
		return func(value string) error { *into = append(*into, value); return nil }
	}
	flags.Func("config-file", "`FILE` to read instead of "+defaultFile+"; may be given several times, the last wins", several(&a.files))
	flags.Func("config-dir", "`DIR` whose *.conf are read after the files, in the order of their names", several(&a.dirs))
	flags.StringVar(&a.host, "host", "", "this machine's `NAME` to Neutron, binding:host_id (default: host in the file, else the hostname)")
	flags.StringVar(&a.socket, "socket", "", "unix socket for dockerd, `PATH`; the file's name without .sock is the driver's (default: socket in the file, else /run/docker/plugins/kuryr.sock)")
	if check {
		flags.BoolVar(&a.json, "json", false, "print JSON for programs")
		flags.StringVar(&a.dockerHost, "docker-host", "", "where the Docker Engine listens, `URL` (default: DOCKER_HOST, else unix:///var/run/docker.sock)")
		flags.DurationVar(&a.each, "timeout", 10*time.Second, "how long to wait for each answer, `DURATION`")
		return flags
	}
	flags.StringVar(&a.stateDir, "state-dir", "", "where to keep records, `DIR` (default: state_dir in the file, else /var/lib/kuryr)")
	flags.StringVar(&a.metrics, "metrics-listen", "", "serve Prometheus at `HOST:PORT`, GET /metrics, on loopback only (default: metrics_listen in the file, else not)")
	flags.StringVar(&a.logLevel, "log-level", "", "`LEVEL` debug, info, warn or error (default: info, or debug with debug in the file)")
	flags.StringVar(&a.logFormat, "log-format", "", "`FORMAT` text or json (default: text, or json with use_json in the file)")
	flags.BoolVar(&a.debug, "debug", false, "as --log-level debug")
	flags.BoolVar(&a.version, "version", false, "print the version and end")
	flags.BoolVar(&a.sample, "print-config", false, "print a commented sample configuration and end")
	return flags
}

// parse reads the command line. The error is flag.ErrHelp once help is printed.
func (a *arguments) parse(args []string, stdout io.Writer, check bool, synopsis string) error {
	flags := a.options(check)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, synopsis)
		flags.VisitAll(func(f *flag.Flag) {
			name, about := flag.UnquoteUsage(f)
			fmt.Fprintf(stdout, "  --%-26s %s\n", f.Name+" "+name, about)
		})
		return err
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("there is no argument %q", flags.Arg(0))
	}
	if err != nil {
		return &exit{exitUsage, fmt.Errorf("%w. Try: kuryr-libnetwork --help", err)}
	}
	return nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "check" {
		err := runCheck(ctx, args[1:], stdout, stderr)
		var own *exit
		if err == nil || errors.Is(err, flag.ErrHelp) || errors.As(err, &own) && own.cause == nil {
			return err
		}
		return &exit{exitNoCheck, err}
	}
	var a arguments
	if err := a.parse(args, stdout, false, serveSynopsis); err != nil {
		return err
	}
	switch {
	case a.version:
		_, err := fmt.Fprintln(stdout, "kuryr-libnetwork", version)
		return err
	case a.sample:
		return config.WriteKuryrSample(stdout)
	}
	c, err := configure(a)
	if err != nil {
		return err
	}
	log, err := newLog(a, c, stderr)
	if err != nil {
		return err
	}
	return serve(ctx, c, log)
}
