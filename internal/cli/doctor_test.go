package cli_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gozun/gozun/internal/cli"
)

// TestDoctorOfAHost: the plugin's socket, listening and left behind, and a clock that is off.
func TestDoctorOfAHost(t *testing.T) {
	w := newWorld(t)
	dir, err := os.MkdirTemp("", "doctor") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "kuryr.sock")
	examine := func(off time.Duration) (int, string) {
		var out, errs bytes.Buffer
		program := cli.Program{
			Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: w.getenv,
			Now: func() time.Time { return time.Now().Add(off) },
		}
		code := program.Run(t.Context(), []string{"zun", "doctor", "--plugin-socket", socket, "-f", "value", "-c", "check", "-c", "result", "-c", "next"})
		return code, out.String() + errs.String()
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if code, said := examine(time.Hour); code != 0 || !strings.Contains(said, "plugin ok") || !strings.Contains(said, "clock warning timedatectl") {
		t.Errorf("listening, an hour off: %d\n%s", code, said)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if code, said := examine(0); code != 1 || !strings.Contains(said, "plugin failed systemctl status") || !strings.Contains(said, "clock ok") {
		t.Errorf("left behind: %d\n%s", code, said)
	}
}
