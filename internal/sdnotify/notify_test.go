package sdnotify_test

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/gozun/gozun/internal/sdnotify"
)

func TestSystemdIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := sdnotify.Tell(t.Context(), sdnotify.Ready); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 64)
	n, err := socket.Read(buffer)
	if err != nil || string(buffer[:n]) != "READY=1" {
		t.Errorf("systemd got %q, %v", buffer[:n], err)
	}
}

func TestNobodyToTellIsNoError(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := sdnotify.Tell(t.Context(), sdnotify.Stopping); err != nil {
		t.Error(err)
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nosuch"))
	if err := sdnotify.Tell(t.Context(), sdnotify.Ready); err == nil {
		t.Error("a socket that is not there takes what is told")
	}
}
