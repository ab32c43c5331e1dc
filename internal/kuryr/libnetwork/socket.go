package libnetwork

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Listen makes the unix socket, mode 0600, and its directory if need be. The socket of a
// plugin that is gone is replaced; one that somebody serves is refused. The socket appears
// in its place only when it is ready, as dockerd waits long for one that does not answer.
func Listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the directory of socket %s: %w", path, err)
	}
	if err := vacant(path); err != nil {
		return nil, err
	}
	// A socket gets its mode after it is made, so it is made where nobody else can go.
	room, err := os.MkdirTemp(filepath.Dir(path), ".kuryr-")
	if err != nil {
		return nil, fmt.Errorf("cannot make socket %s: %w", path, err)
	}
	defer func() { _ = os.RemoveAll(room) }()
	made := filepath.Join(room, "s")
	inner, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot make socket %s: %w", path, err)
	}
	inner.SetUnlinkOnClose(false)
	err = os.Chmod(made, 0o600)
	if err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		_ = inner.Close()
		return nil, fmt.Errorf("cannot make socket %s: %w", path, err)
	}
	here, err := os.Lstat(path)
	if err != nil {
		_ = inner.Close()
		return nil, fmt.Errorf("cannot make socket %s: %w", path, err)
	}
	return &listener{Listener: inner, path: path, file: here}, nil
}

// vacant checks that nobody serves a socket at path.
func vacant(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look at %s: %w", path, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("cannot make socket %s: there is a file of another kind; remove it", path)
	}
	const enough = time.Second
	conn, err := (&net.Dialer{Timeout: enough}).Dial("unix", path)
	if err == nil {
		_ = conn.Close()
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("cannot make socket %s: another plugin serves it; stop it first", path)
}

// listener removes its socket when it is closed, if it is still its own.
type listener struct {
	net.Listener
	path string
	file fs.FileInfo
}

// Close ends listening and removes the socket.
func (l *listener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
		_ = os.Remove(l.path)
	}
	return l.Listener.Close()
}

// Serve serves requests until ctx ends, lets those under way come to their end, and
// removes the socket.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	const slowest = 10 * time.Second
	server := &http.Server{Handler: h, ReadHeaderTimeout: slowest, BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		_ = l.Close()
		return fmt.Errorf("cannot serve the plugin's socket: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), defaultDeadline+slowest)
	defer cancel()
	err := server.Shutdown(stop)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
