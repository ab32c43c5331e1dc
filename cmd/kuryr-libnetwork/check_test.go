package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"github.com/gozun/gozun/internal/kuryr/check"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/minicloud/identity"
	"github.com/gozun/gozun/internal/minicloud/network"
)

// at serves on a unix socket until the test ends.
func at(t *testing.T, path string, h http.Handler) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	server.Start()
	t.Cleanup(server.Close)
}

// dead leaves a socket that nobody serves.
func dead(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

// short is a directory whose path leaves room for a socket's name.
func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kl-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestHandshake(t *testing.T) {
	dir := short(t)
	answer := `{"Implements":["NetworkDriver"]}`
	at(t, dir+"/a.sock", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/Plugin.Activate" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		w.Write([]byte(answer))
	}))
	told, err := pluginSocket(dir + "/a.sock").Activate(t.Context())
	if err != nil || cmp.Diff([]string{"NetworkDriver"}, told.Implements) != "" || told.Mode.Type() != fs.ModeSocket {
		t.Errorf("%+v %v", told, err)
	}
	answer = "no"
	if _, err := pluginSocket(dir + "/a.sock").Activate(t.Context()); err == nil || !strings.Contains(err.Error(), "plugin") {
		t.Error(err)
	}
	if _, err := pluginSocket(dir + "/b.sock").Activate(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	dead(t, dir+"/c.sock")
	if _, err := pluginSocket(dir + "/c.sock").Activate(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
}

// Docker's way of finding plugins, with everything that may lie about.
func TestPluginFiles(t *testing.T) {
	root := short(t)
	at(t, root+"/run/docker/plugins/good.sock", http.NotFoundHandler())
	dead(t, root+"/run/docker/plugins/dead/dead.sock")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, text := range map[string]string{
		"usr/lib/docker/plugins/kuryr/kuryr.spec": "http://127.0.0.1:1\n",
		"etc/docker/plugins/web.spec":             "tcp://" + l.Addr().String(),
		"etc/docker/plugins/j.json":               `{"Name":"j","Addr":"unix://` + root + `/run/docker/plugins/good.sock"}`,
		"etc/docker/plugins/bad.json":             `{"Name":"bad"}`,
		"etc/docker/plugins/worse.json":           `no`,
		"etc/docker/plugins/empty.spec":           ``,
		"etc/docker/plugins/README":               `not a plugin`,
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := pluginFiles{socket: root + "/run/docker/plugins/kuryr.sock", root: root}.PluginFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, f := range found {
		got[strings.TrimPrefix(f.Path, root)+" "+f.Driver] = f.Err == nil
	}
	want := map[string]bool{
		"/run/docker/plugins/good.sock good": true, "/run/docker/plugins/dead/dead.sock dead": false,
		"/usr/lib/docker/plugins/kuryr/kuryr.spec kuryr": false, "/etc/docker/plugins/web.spec web": true,
		"/etc/docker/plugins/j.json j": true, "/etc/docker/plugins/bad.json bad": false,
		"/etc/docker/plugins/worse.json worse": false, "/etc/docker/plugins/empty.spec empty": false,
	}
	if diff := cmp.Diff(want, got); diff != "" || len(found) != len(want) {
		t.Error(diff)
	}
}

func TestEngine(t *testing.T) {
	dir := short(t)
	status := http.StatusOK
	at(t, dir+"/d.sock", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		switch {
		case r.Method != http.MethodGet:
			t.Errorf("%s %s", r.Method, r.URL)
		case r.URL.Path == "/info":
			w.Write([]byte(`{"ServerVersion":"28.5.1"}`))
		case r.URL.Path == "/networks" && r.URL.Query().Get("filters") == `{"driver":["kuryr"]}`:
			w.Write([]byte(`[{"Name":"b","Driver":"kuryr"},{"Name":"a","Driver":"kuryr"},{"Name":"c","Driver":"bridge"}]`))
		}
	}))
	told, err := engine{"unix://" + dir + "/d.sock"}.Engine(t.Context(), "kuryr")
	if diff := cmp.Diff(check.Engine{Version: "28.5.1", Networks: []string{"a", "b"}}, told); diff != "" || err != nil {
		t.Error(diff, err)
	}
	status = http.StatusForbidden
	for _, address := range []string{"unix://" + dir + "/d.sock", "unix:///nowhere", "ssh://x", ""} {
		if _, err := (engine{address}).Engine(t.Context(), "kuryr"); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// minicloud is an embedded Keystone and Neutron, for a configuration file.
func minicloud(t *testing.T, host string) (file string) {
	t.Helper()
	db, err := kv.Open(filepath.Join(t.TempDir(), "kv.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	log := slog.New(slog.DiscardHandler)
	users, err := identity.New(identity.Config{DB: db, Log: log, BcryptCost: bcrypt.MinCost})
	if err != nil {
		t.Fatal(err)
	}
	networks, err := network.New(network.Config{DB: db, Validate: users.Validate, Host: host, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	keystone, neutron := httptest.NewServer(users.Handler()), httptest.NewServer(networks.Handler())
	t.Cleanup(keystone.Close)
	t.Cleanup(neutron.Close)
	passwords, err := users.Bootstrap(t.Context(), identity.Bootstrap{Endpoints: map[string]string{"network": neutron.URL}})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "kuryr.conf")
	text := "host = " + host + "\n[neutron]\nauth_url = " + keystone.URL + "/v3\nusername = kuryr\npassword = " + passwords["kuryr"] + "\nproject_name = service\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The whole check with a real cloud, sockets and kernel: what this host has of it is found,
// and the name that Neutron does not know too.
func TestCheckOfThisHost(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	file, socket := minicloud(t, "host-of-the-test"), short(t)+"/kuryr-check.sock"
	at(t, socket, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`{"Implements":["NetworkDriver","IpamDriver"]}`))
	}))
	if err := os.Chmod(socket, 0o600); err != nil {
		t.Fatal(err)
	}
	look := func(more ...string) map[string]check.Finding {
		t.Helper()
		var out, errs bytes.Buffer
		err := run(t.Context(), append([]string{"check", "--json", "--config-file", file, "--socket", socket}, more...), &out, &errs)
		var report check.Report
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Fatalf("%v: %s %s", err, out.String(), errs.String())
		}
		if codeOf(err) != report.Status.ExitCode() || err != nil && err.Error() != "" {
			t.Errorf("exit code %d (%v), status %s", codeOf(err), err, report.Status)
		}
		by := map[string]check.Finding{}
		for _, f := range report.Findings {
			by[f.Check] = f
		}
		return by
	}
	found := look()
	for _, name := range strings.Fields("plugin-socket keystone neutron extensions role agent ip_forward") {
		if f, ok := found[name]; !ok || f.Level != check.OK && name != "ip_forward" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := found["docker"]; f.Level == check.OK && !strings.HasPrefix(f.What, "Docker Engine ") {
		t.Errorf("%+v", f)
	}
	found = look("--host", "another", "--docker-host", "unix:///nowhere")
	if f := found["agent"]; f.Level != check.Error || !strings.Contains(f.Why, "host-of-the-test") {
		t.Errorf("%+v", f)
	}
	if f := found["docker"]; f.Level != check.Error || !strings.Contains(f.Why, "/nowhere") {
		t.Errorf("%+v", f)
	}
	var table bytes.Buffer
	if err := run(t.Context(), []string{"check", "--config-file", file, "--socket", "/nowhere.sock"}, &table, &table); codeOf(err) != 2 || !strings.Contains(table.String(), "no socket at /nowhere.sock") {
		t.Errorf("%v\n%s", err, table.String())
	}
}

// A configuration that cannot be used is a finding like others, and the rest is looked at.
func TestCheckOfABadConfiguration(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "kuryr.conf")
	if err := os.WriteFile(bad, []byte("[neutron]\ntrust_id = x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, says := range map[string]string{bad: "trust_id", "/nowhere.conf": "/nowhere.conf"} {
		var out bytes.Buffer
		err := run(t.Context(), []string{"check", "--config-file", file, "--socket", "/nowhere.sock", "--host", "h"}, &out, &out)
		for _, want := range []string{says, "error  configuration ", "no socket at /nowhere.sock", "Host h: "} {
			if codeOf(err) != 2 || !strings.Contains(out.String(), want) {
				t.Errorf("%v: no %q in\n%s", err, want, out.String())
			}
		}
	}
}

func TestOpenVSwitchThatIsNotThere(t *testing.T) {
	if err := switchDatabase("/nowhere/db.sock").Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "/nowhere/db.sock") {
		t.Error(err)
	}
}
