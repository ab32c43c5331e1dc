package control

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozun/gozun/internal/vault"
	"github.com/gozun/gozun/zun"
)

// withKeys gives a service a key file, and returns its path.
func withKeys(tb testing.TB) (func(*Config), string) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "keys")
	return func(c *Config) { c.Vault = mustOpenVault(tb, path) }, path
}

func mustOpenVault(tb testing.TB, path string) *vault.Vault {
	tb.Helper()
	v, err := vault.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func (w *world) registryNamed(name string) zun.Registry {
	w.Helper()
	r, err := w.CreateRegistry(w.Context(), w.grant(project, "registry:create"), zun.RegistryRequest{
		Name: name, Domain: "r.example:5000", Username: "me", Password: zun.NewSecret("hunter2"),
	})
	w.must(err)
	return r
}

// lastOrder is the last order that the node got.
func (w *world) lastOrder() zun.Order {
	w.Helper()
	var order zun.Order
	w.node.edit(func(n *fakeNode) { order = n.orders[len(n.orders)-1] })
	return order
}

func TestTheNodeGetsTheCredentials(t *testing.T) {
	keys, _ := withKeys(t)
	w := newWorld(t, keys)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	r := w.registryNamed("mine")
	c := w.run(zun.ContainerRequest{Image: "app", Registry: "mine", Run: true})
	if c.RegistryID != r.ID || c.Status != zun.StatusRunning {
		t.Fatalf("container %+v", c.Container)
	}
	want := zun.RegistryAccess{Domain: "r.example:5000", Username: "me", Password: zun.NewSecret("hunter2")}
	same := func(a zun.RegistryAccess) bool {
		return a.Domain == want.Domain && a.Username == want.Username && a.Password.Reveal() == "hunter2" && a.Problem == ""
	}
	if order := w.lastOrder(); !same(order.Registry) {
		t.Errorf("the order has %+v", order.Registry)
	}
	orders, err := w.Containers(t.Context(), "h1")
	if err != nil || len(orders) != 1 || !same(orders[0].Registry) {
		t.Errorf("the comparison has %+v %v", orders, err)
	}
	plain := w.run(zun.ContainerRequest{Image: "app"})
	if order := w.lastOrder(); order.Registry != (zun.RegistryAccess{}) || plain.RegistryID != "" {
		t.Errorf("without a registry the order has %+v", order.Registry)
	}

	anonymous := ""
	_, err = w.UpdateRegistry(t.Context(), w.grant(project, "registry:update"), r.ID, zun.RegistryChange{Password: &zun.Secret{}, Username: &anonymous})
	w.must(err)
	w.must(w.StopContainer(t.Context(), w.grant(project, "container:stop"), c.ID, nil))
	w.settled(c.ID)
	if order := w.lastOrder(); order.Registry.Username != "" || order.Registry.Password.Reveal() != "" {
		t.Errorf("after the change the order has %+v", order.Registry)
	}
}

// A lost key is told where it matters, stops nothing else, and a new password mends it.
func TestALostKeyIsTold(t *testing.T) {
	keys, path := withKeys(t)
	w := newWorld(t, keys)
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	r := w.registryNamed("mine")
	c := w.run(zun.ContainerRequest{Image: "app", Registry: "mine", Run: true})
	w.stop()
	w.must(os.Remove(path))
	var log bytes.Buffer
	w.config.Vault, w.config.Log = mustOpenVault(t, path), slog.New(slog.NewTextHandler(&log, nil))
	w.start()
	t.Cleanup(func() { w.stop() })

	w.must(w.StopContainer(t.Context(), w.grant(project, "container:stop"), c.ID, nil))
	if got := w.settled(c.ID); got.Status != zun.StatusStopped {
		t.Errorf("stop left %s", got.Status)
	}
	problem := w.lastOrder().Registry.Problem
	if !strings.Contains(problem, r.ID) || !strings.Contains(problem, "zun registry-update") {
		t.Errorf("problem %q", problem)
	}
	if w.stop(); !strings.Contains(log.String(), "which is not in") || strings.Contains(log.String(), "hunter2") {
		t.Errorf("log: %s", log.String())
	}
	w.start()
	again := zun.NewSecret("hunter3")
	_, err := w.UpdateRegistry(t.Context(), w.grant(project, "registry:update"), r.ID, zun.RegistryChange{Password: &again})
	w.must(err)
	w.must(w.StartContainer(t.Context(), w.grant(project, "container:start"), c.ID))
	w.settled(c.ID)
	if got := w.lastOrder().Registry; got.Problem != "" || got.Password.Reveal() != "hunter3" {
		t.Errorf("after a new password: %+v", got)
	}
}

// With a new key before the old one everything is sealed anew at the next start, so that
// the old one can go.
func TestANewKeyTakesOver(t *testing.T) {
	keys, path := withKeys(t)
	w := newWorld(t, keys)
	r := w.registryNamed("mine")
	w.stop()
	old, err := os.ReadFile(path)
	w.must(err)
	fresh := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32)) + "\n"
	w.must(os.WriteFile(path, append([]byte(fresh), old...), 0o600))
	w.config.Vault = mustOpenVault(t, path)
	w.start()
	w.eventually("sealed with the new key", func() bool {
		now, err := w.records.Registry(t.Context(), r.ID)
		w.must(err)
		return w.config.Vault.Current(now.SealedPassword)
	})
	w.must(os.WriteFile(path, []byte(fresh), 0o600))
	now, err := w.records.Registry(t.Context(), r.ID)
	w.must(err)
	if text, err := mustOpenVault(t, path).Open(now.SealedPassword, r.ID); err != nil || text != "hunter2" {
		t.Errorf("with the new key alone: %q %v", text, err)
	}
}

// A service without a key file refuses to keep a password, and nothing else.
func TestNoKeyFileNoPasswords(t *testing.T) {
	w := newWorld(t)
	g := w.grant(project, "registry:create")
	_, err := w.CreateRegistry(t.Context(), g, zun.RegistryRequest{Domain: "r.example", Password: zun.NewSecret("x")})
	w.wantCode(err, zun.CodeUnavailable)
	_, err = w.CreateRegistry(t.Context(), g, zun.RegistryRequest{Domain: "r.example"})
	w.must(err)
	list, err := w.ListRegistries(t.Context(), g, zun.RegistryFilter{})
	if err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
}

func TestDomainsOfRegistries(t *testing.T) {
	for domain, good := range map[string]bool{
		"r.example": true, "localhost": true, "localhost:5000": true, "127.0.0.1:5000": true, "docker.io": true, "R.Example:443": true,
		"r.example/team": true, "r.example/team/sub-team": true, "docker.io/me": true,
		"": false, "team": false, "team/x": false, "r.example/": false, "http://r.example": false, "r.example:": false, "r.example:123456": false,
		"-r.example": false, "r.example/Team": false, "r.example//x": false, "r.example/x y": false, "me@r.example": false, "r.example?x": false,
		strings.Repeat("a", 254) + ".b": false,
	} {
		if err := checkRegistry(zun.Registry{Domain: domain}); (err == nil) != good {
			t.Errorf("%q: %v", domain, err)
		}
	}
	for image, good := range map[string]bool{
		"app": true, "team/app:1": true, "r.example:5000/app": true, "r.example:5000/team/app@sha256:00": true,
		"q.example/app": false, "r.example/app": false, "localhost/app": false, "r.example:5000x/app": false,
	} {
		if err := checkOfRegistry(zun.Registry{ID: "i", Domain: "r.example:5000"}, image); (err == nil) != good {
			t.Errorf("image %q: %v", image, err)
		}
	}
}
