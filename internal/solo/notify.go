package solo

import (
	"context"
	"errors"
	"net"
	"os"
)

// notify tells systemd a fact, "READY=1" or "STOPPING=1", if it asked to be told
// (sd_notify(3): a datagram to the socket that NOTIFY_SOCKET names).
func notify(ctx context.Context, fact string) error {
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
