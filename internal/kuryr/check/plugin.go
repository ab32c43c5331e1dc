package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// configuration tells what is wrong with the configuration.
func (r *run) configuration() {
	const name = "configuration"
	switch {
	case r.Unusable != nil:
		r.report.bad(name, "the configuration cannot be used", strings.ReplaceAll(r.Unusable.Error(), "\n", "; "),
			"correct it; kuryr-libnetwork --print-config shows every option")
	case len(r.Ignored) > 0:
		r.report.ok(name, "the configuration can be used; without effect: "+strings.Join(r.Ignored, "; "))
	default:
		r.report.ok(name, "the configuration can be used")
	}
}

// plugin looks whether the plugin serves.
func (r *run) plugin(ctx context.Context) {
	const name = "plugin-socket"
	const start = "systemctl start kuryr-libnetwork; if that fails: journalctl -u kuryr-libnetwork"
	told, err := ask(ctx, r, r.Plugin.Activate)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.report.bad(name, "no socket at "+r.Socket, "the plugin does not run, or listens elsewhere", start)
	case errors.Is(err, syscall.ECONNREFUSED):
		r.report.bad(name, "nobody serves "+r.Socket, "the socket is left from a plugin that was killed; each call of Docker's for the driver waits for it", start)
	case errors.Is(err, fs.ErrPermission):
		r.report.bad(name, "not allowed to open "+r.Socket, "only root may", "run the check as root")
	case err != nil:
		r.report.bad(name, "the plugin does not answer at "+r.Socket, err.Error(), "journalctl -u kuryr-libnetwork; systemctl restart kuryr-libnetwork")
	case !slices.Contains(told.Implements, "NetworkDriver") || !slices.Contains(told.Implements, "IpamDriver"):
		r.report.bad(name, fmt.Sprintf("what answers at %s implements %q", r.Socket, told.Implements),
			"a network and IPAM driver is wanted there; another plugin has the name", "give one of the two another name (option socket)")
	case told.Mode.Perm()&0o077 != 0:
		r.report.warn(name, fmt.Sprintf("the plugin answers at %s, which has mode %#o", r.Socket, told.Mode.Perm()),
			"whoever may open the socket can plug and unplug ports with the plugin's rights", "chmod 600 "+r.Socket)
	default:
		r.report.ok(name, "the plugin answers at "+r.Socket)
	}
}

// files looks for sockets and spec files that lead nowhere: Docker waits for each of them.
func (r *run) files(ctx context.Context) {
	const name = "plugin-files"
	found, err := ask(ctx, r, r.Files.PluginFiles)
	if err != nil {
		r.report.warn(name, "cannot look for spec files of plugins", err.Error(), "run the check as root")
		return
	}
	clean := true
	for _, f := range found {
		switch {
		case f.Path == r.Socket:
		case f.Driver == r.Driver:
			clean = false
			r.report.warn(name, fmt.Sprintf("%s also says where driver %s is: %s", f.Path, f.Driver, f.Address),
				"it is left from another plugin, and Docker goes there whenever our socket is missing", "remove "+f.Path)
		case f.Err != nil:
			clean = false
			r.report.warn(name, fmt.Sprintf("%s leads to %s, where nobody answers: %v", f.Path, f.Address, f.Err),
				"Docker may wait up to 30 s for that plugin", "start that plugin, or remove "+f.Path)
		}
	}
	if clean {
		r.report.ok(name, "no stale sockets or spec files of plugins")
	}
}

// docker looks whether Docker is there and knows the driver.
func (r *run) docker(ctx context.Context) {
	const name = "docker"
	engine, err := ask(ctx, r, func(ctx context.Context) (Engine, error) { return r.Docker.Engine(ctx, r.Driver) })
	if err != nil {
		r.report.bad(name, "the Docker Engine does not answer", err.Error(), "systemctl status docker; or give --docker-host")
		return
	}
	const oldest = 20
	major, _, _ := strings.Cut(engine.Version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldest {
		r.report.warn(name, "Docker Engine "+engine.Version, "the plugin is tested with 20.10 to 29", "upgrade Docker")
	} else {
		r.report.ok(name, "Docker Engine "+engine.Version)
	}
	if len(engine.Networks) == 0 {
		// Docker lists a driver of this kind only when a network has it.
		r.report.ok("docker-driver", fmt.Sprintf("no Docker network has driver %s yet; Docker looks for it at the first docker network create -d %[1]s", r.Driver))
		return
	}
	r.report.ok("docker-driver", fmt.Sprintf("%s with driver %s: %s", count(len(engine.Networks), "Docker network"), r.Driver, some(engine.Networks)))
}

// some lists names, not too many of them.
func some(names []string) string {
	const most = 10
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
