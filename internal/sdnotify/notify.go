package sdnotify

import (
	"context"
	"errors"
	"net"
	"os"
)

// The facts of a service of Type=notify.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
)

// Tell tells systemd a fact, Ready or Stopping, if it asked to be told
// (sd_notify(3): a datagram to the socket that NOTIFY_SOCKET names).
func Tell(ctx context.Context, fact string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	socket, err := new(net.Dialer).DialContext(ctx, "unixgram", name)
	if err != nil {
		return err
	}
	_, err = socket.Write([]byte(fact))
	return errors.Join(err, socket.Close())
}
