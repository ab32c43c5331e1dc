package solo

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gozun/gozun/internal/keystone"
)

// testConfig is a whole service on free ports, with everything of its own. Nothing of it
// touches the host before Run.
func testConfig(t *testing.T) Config {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("zund runs as root only, and so does this test")
	}
	awaitFreeDataPlane(t)
	return Config{
		StateDir:     filepath.Join(t.TempDir(), "state"),
		IdentityAddr: "127.0.0.1:0", NetworkAddr: "127.0.0.1:0", ContainerAddr: "127.0.0.1:0", ConsoleAddr: "127.0.0.1:0",
		Host: "host-of-the-test", PluginDir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
	}
}

// awaitFreeDataPlane waits until no zund of somebody else runs on this machine.
func awaitFreeDataPlane(t *testing.T) {
	t.Helper()
	deadline := time.After(5 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		lock, err := lockDataPlane(context.Background())
		if err == nil {
			lock.Close()
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Skipf("another zund keeps running on this machine: %v", err)
		}
	}
}

func mustNew(t *testing.T, config Config) *Solo {
	t.Helper()
	s, err := New(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCredentialsAreForTheirOwnerOnly(t *testing.T) {
	s := mustNew(t, testConfig(t))
	for _, name := range []string{"openrc", "openrc-admin", "clouds.yaml", "minicloud.db", "kuryr.db", "zun.db", "owner-id"} {
		info, err := os.Stat(s.config.path(name))
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
	cloud, err := keystone.FromCloud("gozun", s.config.path("clouds.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if cloud.Username != "demo" || cloud.Password != passwordIn(s.config.path("openrc")) {
		t.Errorf("clouds.yaml and openrc disagree: %s", cloud.Username)
	}
}

// What a second start must find: the same passwords in files that name the new ports.
func TestSecondStartKeepsPasswords(t *testing.T) {
	config := testConfig(t)
	first := mustNew(t, config)
	password, owner := passwordIn(first.config.path("openrc")), first.owner
	first.close()
	second := mustNew(t, config)
	if got := passwordIn(second.config.path("openrc")); got != password || got == "" {
		t.Errorf("the password was %q and is %q", password, got)
	}
	if second.owner != owner {
		t.Errorf("the owner was %s and is %s", owner, second.owner)
	}
	address := second.listeners.identity.Addr().String()
	if !strings.Contains(read(t, second.config.path("openrc")), address) {
		t.Errorf("openrc does not name %s", address)
	}
}

// Somebody who lost openrc gets in again by starting zund again.
func TestLostCredentialsAreMadeAnew(t *testing.T) {
	config := testConfig(t)
	first := mustNew(t, config)
	lost := passwordIn(first.config.path("openrc"))
	first.close()
	if err := os.Remove(filepath.Join(config.StateDir, "openrc")); err != nil {
		t.Fatal(err)
	}
	second := mustNew(t, config)
	renewed := passwordIn(second.config.path("openrc"))
	if renewed == "" || renewed == lost {
		t.Fatalf("the lost password was %q, the new one is %q", lost, renewed)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	go runTasks(ctx, second.beneath)
	credentials, err := keystone.FromCloud("gozun", second.config.path("clouds.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keystone.Open(credentials, config.Log).Token(ctx); err != nil {
		t.Errorf("the new password does not work: %v", err)
	}
}

// Two embedded networks would undo each other's bridges and rules, also from two state
// directories.
func TestTwoOnOneMachine(t *testing.T) {
	first, second := testConfig(t), testConfig(t)
	mustNew(t, first)
	if _, err := New(context.Background(), second); err == nil || !strings.Contains(err.Error(), "another zund") {
		t.Errorf("a second one on this machine: %v", err)
	}
}

func TestTwoOnOneStateDirectory(t *testing.T) {
	config := testConfig(t)
	config.Cloud = &keystone.Credentials{AuthURL: "http://127.0.0.1:1/v3", Username: "zun", Password: "x", ProjectName: "service"}
	mustNew(t, config)
	if _, err := New(context.Background(), config); err == nil || !strings.Contains(err.Error(), "zund status") {
		t.Errorf("a second one on the state directory: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"port taken":         {func(c *Config) { c.NetworkAddr = taken.Addr().String() }, "--network-listen"},
		"no port":            {func(c *Config) { c.IdentityAddr = "localhost" }, "--identity-listen"},
		"state is a file":    {func(c *Config) { c.StateDir = filepath.Join(file, "state") }, "--state-dir"},
		"bad Docker":         {func(c *Config) { c.DockerHost = "ftp://nonsense" }, "ftp://nonsense"},
		"bad policy":         {func(c *Config) { c.PolicyFile = file + ".missing" }, file + ".missing"},
		"heals out of order": {func(c *Config) { c.HealRetryMin, c.HealRetryMax = time.Minute, time.Second }, "--heal-retry-min"},
		"unknown scope":      {func(c *Config) { c.UniqueNames = "domain" }, "--unique-container-name-scope"},
		"no time to execute": {func(c *Config) { c.ExecuteTimeout = -1 }, "--execute-timeout"},
		"unreadable record":  {func(c *Config) { c.StateDir = filepath.Dir(file) }, "minicloud.db"},
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig(t)
			c.change(&config)
			if name == "unreadable record" {
				if err := os.Mkdir(filepath.Join(config.StateDir, "minicloud.db"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			s, err := New(context.Background(), config)
			if err == nil {
				s.close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("the complaint does not say %q: %v", c.says, err)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	dir := t.TempDir()
	if _, err := Status(ctx, dir); err == nil || !strings.Contains(err.Error(), "zund solo") {
		t.Errorf("nothing runs there: %v", err)
	}
	dead := Endpoints{Container: "http://127.0.0.1:1/v1"}
	if err := dead.write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Status(ctx, dir); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("nobody listens there: %v", err)
	}
}

func TestPurgeOfNothing(t *testing.T) {
	config := testConfig(t)
	var out strings.Builder
	if err := Purge(context.Background(), config, &out); err != nil || !strings.Contains(out.String(), "nothing to remove") {
		t.Errorf("%v %s", err, out.String())
	}
}

// purge must let go of the networks of the driver that was served, whatever its name.
func TestPurgeKnowsThePluginsName(t *testing.T) {
	config := testConfig(t)
	config.PluginName = "another"
	s := mustNew(t, config)
	if err := s.endpoints().write(config.StateDir); err != nil {
		t.Fatal(err)
	}
	last, err := readEndpoints(config.StateDir)
	if err != nil || last.Plugin != "another" {
		t.Errorf("%+v, %v", last, err)
	}
}
