package solo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// listeners are the open sockets of the services, so that a port that is taken is told
// before anything else is touched.
type listeners struct {
	identity, network, container, console net.Listener
}

func openListeners(ctx context.Context, c Config) (listeners, error) {
	var opened listeners
	wanted := []struct {
		listener                       *net.Listener
		address, service, flag, former string
	}{
		{&opened.identity, c.IdentityAddr, "identity", "--identity-listen", "Keystone"},
		{&opened.network, c.NetworkAddr, "network", "--network-listen", "Neutron"},
		{&opened.container, c.ContainerAddr, "container", "--container-listen", "zund or Zun"},
		{&opened.console, c.ConsoleAddr, "console", "--console-listen", "zund or zun-wsproxy"},
	}
	if c.Cloud != nil {
		wanted = wanted[2:]
	}
	for _, w := range wanted {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", w.address)
		if err != nil {
			opened.close()
			return listeners{}, listenError(err, w.address, w.service, w.flag, w.former)
		}
		*w.listener = listener
	}
	return opened, nil
}

func listenError(err error, address, service, flag, former string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("cannot listen on %s for the %s service: the port is taken, perhaps by another %s. Try: %s HOST:PORT", address, service, former, flag)
	}
	return fmt.Errorf("cannot listen on %s for the %s service: %w", address, service, err)
}

func (l listeners) close() {
	for _, listener := range []net.Listener{l.identity, l.network, l.container, l.console} {
		if listener != nil {
			listener.Close()
		}
	}
}

// endpoint returns the URL that local clients use for a listener.
func endpoint(l net.Listener, path string) string {
	address := l.Addr().(*net.TCPAddr)
	host := address.IP.String()
	if address.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(address.Port)) + path
}

// dataPlaneLock is an abstract unix socket: it belongs to a network namespace, as the data
// plane does, and is gone with the process that holds it.
const dataPlaneLock = "@gozun/dataplane"

// lockDataPlane makes sure that one embedded network at a time works on this host's links
// and rules, whatever the state directories.
func lockDataPlane(ctx context.Context) (net.Listener, error) {
	lock, err := new(net.ListenConfig).Listen(ctx, "unix", dataPlaneLock)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, errors.New("another zund with an embedded network runs on this machine, and two would undo each other's work. " +
			"Stop that one first; to find it: ps -C zund -f")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock the data plane: %w", err)
	}
	return lock, nil
}
