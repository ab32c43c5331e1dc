package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSampleAndVersion(t *testing.T) {
	for option, want := range map[string]string{"--version": "kuryr-libnetwork devel", "--print-config": "[neutron]", "--help": "--config-file"} {
		var out bytes.Buffer
		err := run(context.Background(), []string{option}, &out, &out)
		if err != nil && option != "--help" || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v %q", option, err, out.String())
		}
	}
}

func TestBadCommandLinesAndFiles(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.conf")
	if err := os.WriteFile(bad, []byte("[neutron]\ntimeout = x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"--nonsense"}, "--help"},
		{[]string{"word"}, "word"},
		{[]string{"--config-file", "/nowhere"}, "/nowhere"},
		{[]string{"--config-file", bad}, "timeout"},
	} {
		var out bytes.Buffer
		err := run(context.Background(), test.args, &out, &out)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %v", test.args, err)
		}
	}
}

// TestServesWithoutNeutron starts the program with a cloud that does not answer: Docker's
// first questions are answered at once, and a signal ends it and removes the socket.
func TestServesWithoutNeutron(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	conf, socket := filepath.Join(dir, "kuryr.conf"), filepath.Join(dir, "p.sock")
	text := "[neutron]\nauth_url = http://127.0.0.1:1/v3\nusername = kuryr\npassword = x\nproject_name = service\nuser_domain_id = default\nproject_domain_id = default\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	var log bytes.Buffer
	go func() {
		ended <- run(ctx, []string{"--config-file", conf, "--socket", socket, "--state-dir", dir}, &log, &log)
	}()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	defer client.CloseIdleConnections()
	deadline := time.Now().Add(10 * time.Second)
	var answer map[string]any
	for {
		response, err := client.Post("http://plugin/Plugin.Activate", "", strings.NewReader(""))
		if err == nil {
			err = json.NewDecoder(response.Body).Decode(&answer)
			_ = response.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if answer["Implements"] == nil {
		t.Errorf("answer %v", answer)
	}
	client.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket is left")
	}
}
