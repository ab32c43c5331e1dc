package node_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/tests/registry"
	"github.com/gozun/gozun/zun"
)

// aRegistry is a registry for the user me on this host's loopback, to which dockerd talks
// without TLS. It has the image made of changes as app:1.
func aRegistry(tb testing.TB, r *registry.Registry, changes ...string) (domain string) {
	tb.Helper()
	unique := make([]byte, 256<<10) // a layer that no other image on this host has, so that it has to be fetched
	if _, err := rand.Read(unique); err != nil {
		tb.Fatal(err)
	}
	made := anImageWith(tb, unique, changes...)
	server := httptest.NewServer(r)
	tb.Cleanup(server.Close)
	domain = strings.TrimPrefix(server.URL, "http://")
	name := domain + "/app:1"
	cli(tb, "tag", made, name)
	config := tb.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte(r.Username + ":" + r.Password))
	if err := os.WriteFile(filepath.Join(config, "config.json"), fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, domain, auth), 0o600); err != nil {
		tb.Fatal(err)
	}
	cli(tb, "--config", config, "push", name)
	cli(tb, "rmi", made, name)
	tb.Cleanup(func() { cli(tb, "rmi", "-f", made) })
	return domain
}

// forget takes an image off the host, if it is there.
func forget(tb testing.TB, name string) {
	tb.Helper()
	if cli(tb, "images", "-q", name) != "" {
		cli(tb, "rmi", "-f", name)
	}
}

func me(domain, password string) zun.RegistryAccess {
	return zun.RegistryAccess{Domain: domain, Username: "me", Password: zun.NewSecret(password)}
}

// TestPrivateImages: who is asked for, how, and what is said when it does not work.
func TestPrivateImages(t *testing.T) {
	if testing.Short() {
		t.Skip("many pulls take many seconds")
	}
	b := newBench(t)
	r := &registry.Registry{Username: "me", Password: "se:cret/ü"}
	domain := aRegistry(t, r, `CMD ["sleep","1000"]`)
	name := domain + "/app:1"
	t.Cleanup(func() { forget(t, name) })
	for _, c := range []struct {
		what, image, policy string
		access              zun.RegistryAccess
		here                bool   // the image is on the host before
		says                string // "": it runs
		asks                bool   // the registry is asked
	}{
		{"with the password", "app:1", "", me(domain, r.Password), false, "", true},
		{"with the whole name", name, "", me(domain, r.Password), false, "", true},
		{"it is here", "app:1", "ifnotpresent", me(domain, r.Password), true, "", false},
		{"it is here and pulled all the same", "app:1", "always", me(domain, r.Password), true, "", true},
		{"it is here and the password is wrong", "app:1", "always", me(domain, "hunter2"), true, "cannot be pulled to host", true},
		{"it is here and never pulled", "app:1", "never", me(domain, "hunter2"), true, "", false},
		{"never pulled", "app:1", "never", me(domain, r.Password), false, "its pull policy is never", false},
		{"wrong password", "app:1", "", me(domain, "hunter2"), false, "does not take the credentials of user me; correct them with zun registry-update", true},
		{"nobody", "app:1", "", zun.RegistryAccess{Domain: domain}, false, "the registry wants credentials", true},
		{"no registry named", name, "", zun.RegistryAccess{}, false, "the registry wants credentials", true},
		{"no such tag", "app:2", "", me(domain, r.Password), false, "the registry has no such image or tag", true},
		{"no such image", "other", "", me(domain, r.Password), false, "the registry has no such image or tag", true},
		{"key lost", "app:1", "", zun.RegistryAccess{Domain: domain, Problem: "the key is lost"}, false, "the key is lost", false},
		{"key lost and it is here", "app:1", "", zun.RegistryAccess{Domain: domain, Problem: "the key is lost"}, true, "", false},
	} {
		forget(t, name)
		if c.here {
			if err := b.docker.PullImage(t.Context(), name, me(domain, r.Password), func(string) {}); err != nil {
				t.Fatal(err)
			}
		}
		before := len(r.Requests())
		order := aContainer(c.image, nil, b.network())
		order.Container.ImagePullPolicy, order.Registry = c.policy, c.access
		b.records.add(order)
		outcome := b.do(order.Container.ID, zun.ActionCreate, zun.ActionInput{Run: true})
		if c.says == "" && (outcome.Failed || outcome.Observation.Status != zun.StatusRunning) {
			t.Errorf("%s: %+v", c.what, outcome)
		}
		if c.says != "" && (!outcome.Failed || !strings.Contains(outcome.Message, c.says) || strings.Contains(outcome.Message, "hunter2")) {
			t.Errorf("%s: %+v", c.what, outcome)
		}
		if asked := len(r.Requests()) > before; asked != c.asks {
			t.Errorf("%s: the registry was asked: %t", c.what, asked)
		}
		b.must(order.Container.ID, zun.ActionDelete, zun.ActionInput{Force: true})
	}
}

// TestPullProgress: while the pull is under way the stage says how far it is.
func TestPullProgress(t *testing.T) {
	b := newBench(t)
	middle, on := make(chan struct{}), make(chan struct{})
	var once, release sync.Once
	r := &registry.Registry{Username: "me", Password: uuid.NewString()}
	r.Gate = func(_ string, sent, whole int) {
		if whole > 1<<16 && sent > whole/2 {
			once.Do(func() { close(middle) })
			<-on
		}
	}
	domain := aRegistry(t, r, `CMD ["sleep","1000"]`)
	t.Cleanup(func() { forget(t, domain+"/app:1") })
	t.Cleanup(func() { release.Do(func() { close(on) }) })
	order := aContainer("app:1", nil, b.network())
	order.Registry = me(domain, r.Password)
	b.records.add(order)
	given := b.records.order(order.Container.ID, zun.ActionCreate, zun.ActionInput{Run: true})
	if err := b.agent.Accept(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	select {
	case <-middle:
	case <-time.After(30 * time.Second):
		t.Fatalf("the registry was asked for no layer: %v", r.Requests())
	}
	var said string
	b.records.until(t, "the image stage tells bytes", func(records *records) bool {
		for _, event := range records.events[given.Action.ID] {
			if event.Stage == zun.StageImage && event.FinishedAt.IsZero() && strings.Contains(event.Detail, "MiB") {
				said = event.Detail
			}
		}
		return said != ""
	})
	if !strings.HasPrefix(said, "pulling "+domain+"/app:1: 0.") || !strings.Contains(said, " of ") {
		t.Errorf("the stage said %q", said)
	}
	release.Do(func() { close(on) })
	if outcome := b.records.outcome(t, given.Action.ID); outcome.Failed {
		t.Errorf("%+v", outcome)
	}
	b.must(order.Container.ID, zun.ActionDelete, zun.ActionInput{Force: true})
}
