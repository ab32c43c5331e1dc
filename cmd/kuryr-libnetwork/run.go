package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/internal/config"
	"github.com/gozun/gozun/internal/keystone"
	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/kuryr/libnetwork"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/neutron"
)

// defaultFile is read when it is there and no other is named; it is the Python plugin's.
const defaultFile = "/etc/kuryr/kuryr.conf"

// arguments are the command line.
type arguments struct {
	files            []string
	socket, stateDir string
	version, sample  bool
}

const synopsis = `kuryr-libnetwork is Docker's network and IPAM driver "kuryr" for OpenStack's Neutron.

Usage: kuryr-libnetwork [OPTIONS]

It needs root, and credentials from the configuration file or OS_* variables.

Options:
`

func parse(args []string, stdout io.Writer) (a arguments, err error) {
	flags := flag.NewFlagSet("kuryr-libnetwork", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("config-file", "kuryr.conf to read instead of "+defaultFile+"; may be given several times, the last wins", func(file string) error {
		a.files = append(a.files, file)
		return nil
	})
	flags.StringVar(&a.socket, "socket", "", "unix socket for dockerd; wins over the file")
	flags.StringVar(&a.stateDir, "state-dir", "", "where to keep records; wins over the file")
	flags.BoolVar(&a.version, "version", false, "print the version and end")
	flags.BoolVar(&a.sample, "print-config", false, "print a commented sample configuration and end")
	err = flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, synopsis)
		flags.VisitAll(func(f *flag.Flag) { fmt.Fprintf(stdout, "  --%-14s %s\n", f.Name, f.Usage) })
		return a, err
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("there is no argument %q", flags.Arg(0))
	}
	if err != nil {
		return a, &usageError{err.Error() + ". Try: kuryr-libnetwork --help"}
	}
	return a, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	a, err := parse(args, stdout)
	if err != nil {
		return err
	}
	if a.version {
		_, err := fmt.Fprintln(stdout, "kuryr-libnetwork", version)
		return err
	}
	if a.sample {
		return config.WriteKuryrSample(stdout)
	}
	c, err := configure(a)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if c.Debug {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	for _, warning := range c.Warnings {
		log.Warn("an option has no effect", "option", warning)
	}
	return serve(ctx, c, log)
}

// configure makes the checked configuration out of files and command line.
func configure(a arguments) (config.Kuryr, error) {
	if len(a.files) == 0 {
		if _, err := os.Stat(defaultFile); err == nil {
			a.files = []string{defaultFile}
		}
	}
	whole := &config.File{}
	for _, name := range a.files {
		f, err := os.Open(name)
		if err != nil {
			return config.Kuryr{}, fmt.Errorf("cannot read the configuration: %w", err)
		}
		parsed, err := config.Parse(f, name)
		_ = f.Close()
		if err != nil {
			return config.Kuryr{}, err
		}
		whole = whole.Merge(parsed)
	}
	c, err := config.ReadKuryr(whole)
	if err != nil {
		return c, err
	}
	if a.socket != "" {
		c.Socket = a.socket
	}
	if a.stateDir != "" {
		c.StateDir = a.stateDir
	}
	if c.Host == "" {
		c.Host, err = os.Hostname()
	}
	return c, err
}

// credentials come from the file, else from the environment.
func credentials(l config.Login) (keystone.Credentials, error) {
	if l.AuthURL == "" {
		return keystone.FromEnvironment(os.Getenv)
	}
	return keystone.Credentials{
		AuthURL: l.AuthURL, Username: l.Username, UserID: l.UserID, Password: l.Password,
		UserDomainName: l.UserDomainName, UserDomainID: l.UserDomainID,
		ProjectName: l.ProjectName, ProjectID: l.ProjectID,
		ProjectDomainName: l.ProjectDomainName, ProjectDomainID: l.ProjectDomainID,
		ApplicationCredentialID: l.ApplicationCredentialID, ApplicationCredentialSecret: l.ApplicationCredentialSecret,
		Token: l.Token, Region: l.Region, Interface: l.Interface, CACert: l.CACert, Insecure: l.Insecure,
	}, nil
}

// serve opens what the plugin needs, none of which asks Neutron, and serves until ctx ends.
func serve(ctx context.Context, c config.Kuryr, log *slog.Logger) error {
	who, err := credentials(c.Login)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("must run as root: it makes network links. Try: sudo kuryr-libnetwork")
	}
	if err := os.MkdirAll(c.StateDir, 0o700); err != nil {
		return fmt.Errorf("cannot make the state directory: %w", err)
	}
	db, err := kv.Open(filepath.Join(c.StateDir, "kuryr.db"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	binder, err := binding.Open(log)
	if err != nil {
		return err
	}
	defer binder.Close()
	driver := kuryr.New(kuryr.Config{
		DB: db, Neutron: neutron.New(keystone.Open(who, log), neutron.Options{Endpoint: c.Login.Endpoint, Timeout: c.Login.Timeout}),
		Binder: binder, Host: c.Host, Log: log,
		PoolPrefix: c.PoolPrefix, InterfacePrefix: c.LinkPrefix, NoDHCP: !c.EnableDHCP, Global: c.Scope == "global",
	})
	listener, err := libnetwork.Listen(c.Socket)
	if err != nil {
		return err
	}
	log.Info("serving", "socket", c.Socket, "host", c.Host, "version", version)
	return together(ctx, driver, listener, libnetwork.Options{Log: log, AddressSpace: c.AddressSpace})
}

func together(ctx context.Context, driver *kuryr.Driver, listener net.Listener, o libnetwork.Options) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return libnetwork.Serve(ctx, listener, libnetwork.Handler(driver, o)) })
	group.Go(func() error { return driver.Run(ctx) })
	return group.Wait()
}
