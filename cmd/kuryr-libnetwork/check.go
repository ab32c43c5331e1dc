package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gozun/gozun/internal/config"
	"github.com/gozun/gozun/internal/keystone"
	"github.com/gozun/gozun/internal/kuryr/check"
	"github.com/gozun/gozun/internal/link"
	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/internal/ovsdb"
)

// runCheck looks at the host and prints what was found; the error's exit code tells how
// bad it is.
func runCheck(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var a arguments
	if err := a.parse(args, stdout, true, checkSynopsis); err != nil {
		return err
	}
	c, unusable := configure(a)
	if unusable != nil {
		c = fallback(a)
	}
	who, err := credentials(c.Login)
	if unusable == nil {
		unusable = err
	}
	links, err := link.Open("")
	if err != nil {
		return err
	}
	defer links.Close()
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	session := keystone.Open(who, log)
	report := check.Run(ctx, check.Config{
		Host: c.Host, Driver: driverName(c.Socket), Socket: c.Socket, Config: fileName(a), Unusable: unusable, Ignored: c.Warnings,
		Exposes: c.External, Pools: namedPools(c), Each: a.each,
		Plugin: pluginSocket(c.Socket), Files: pluginFiles{socket: c.Socket, root: "/"}, Docker: engine{address: dockerAddress(cmp.Or(a.dockerHost, c.DockerHost))},
		Keystone: session, Neutron: neutron.New(session, neutron.Options{Endpoint: c.Login.Endpoint, Timeout: a.each}),
		Kernel: kernel{links}, OVSDB: switchDatabase(ovsdb.Socket(c.OVSDB, os.Getenv)),
	})
	write := report.WriteTable
	if a.json {
		write = report.WriteJSON
	}
	if err := write(stdout); err != nil {
		return err
	}
	if code := report.Status.ExitCode(); code != 0 {
		return &exit{code: code}
	}
	return nil
}

// fallback is what to look at when the configuration cannot be used.
func fallback(a arguments) config.Kuryr {
	c := config.DefaultKuryr()
	if a.socket != "" {
		c.Socket = a.socket
	}
	if c.Host = a.host; c.Host == "" {
		c.Host, _ = os.Hostname()
	}
	return c
}

// driverName is the name that Docker has for the plugin of a socket.
func driverName(socket string) string { return strings.TrimSuffix(filepath.Base(socket), ".sock") }

// fileName is the configuration file to name in advice.
func fileName(a arguments) string {
	if len(a.files) > 0 {
		return a.files[len(a.files)-1]
	}
	return defaultFile
}

// namedPools are the default subnetpools that somebody chose: those of the plugin's own
// choice need not be there.
func namedPools(c config.Kuryr) []string {
	standard := config.DefaultKuryr()
	return slices.DeleteFunc([]string{c.PoolV4, c.PoolV6}, func(name string) bool {
		return name == standard.PoolV4 || name == standard.PoolV6
	})
}

// kernel is this host's kernel.
type kernel struct{ links *link.Handle }

// Links lists links by the beginning of their names.
func (k kernel) Links(prefix string) ([]check.Link, error) {
	found, err := k.links.List(prefix)
	list := []check.Link{}
	for _, l := range found {
		list = append(list, check.Link{Name: l.Name, Kind: l.Kind, MTU: l.MTU, Up: l.Up})
	}
	return list, err
}

// Setting reads below /proc/sys.
func (k kernel) Setting(key string) (string, error) { return k.links.Sysctl(key) }

// switchDatabase is the socket of Open vSwitch's database.
type switchDatabase string

// Ping reads one row.
func (s switchDatabase) Ping(ctx context.Context) error {
	conn, err := ovsdb.Dial(ctx, string(s), "Open_vSwitch")
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Transact(ovsdb.Select("Open_vSwitch", []string{"_uuid"}))
	if err != nil {
		return fmt.Errorf("%s: %w", string(s), err)
	}
	return nil
}
