package control

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/internal/store"
	"github.com/gozun/gozun/zun"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	project = "p1"
	other   = "p2"
)

// world is a service with a real store, a host and a small cloud.
type world struct {
	*Service
	testing.TB
	cloud   *cloud
	node    *fakeNode
	records *store.Store
	rules   *policy.Engine
	config  Config
	stop    func()
}

func newWorld(tb testing.TB, adjust ...func(*Config)) *world {
	tb.Helper()
	records, err := store.Open(tb.Context(), filepath.Join(tb.TempDir(), "zun.db"))
	if err != nil {
		tb.Fatal(err)
	}
	rules, err := policy.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{TB: tb, cloud: &cloud{}, node: newFakeNode(tb), records: records, rules: rules}
	w.config = Config{
		Store: records, Policy: rules, ServiceNeutron: as{w.cloud, ""},
		Neutron: func(token string) Neutron {
			if token == "admin" {
				return as{w.cloud, ""}
			}
			return as{w.cloud, token} // the tests' tokens are their projects
		},
		Nodes: Local{Name: "h1", Agent: w.node}, ObserveEvery: time.Nanosecond,
		RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond, HeartbeatEvery: 20 * time.Millisecond,
	}
	for _, f := range adjust {
		f(&w.config)
	}
	w.start()
	tb.Cleanup(func() {
		w.stop()
		w.node.wg.Wait()
		if err := records.Close(); err != nil {
			tb.Error(err)
		}
	})
	return w
}

// start makes a new Service on the same records, host and cloud, as after a restart.
func (w *world) start() {
	w.Service = New(w.config)
	service := w.Service
	w.node.edit(func(n *fakeNode) { n.reports = service })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			w.Errorf("Run: %v", err)
		}
	}
}

func (w *world) grant(project, rule string) policy.Grant {
	w.Helper()
	g, err := w.rules.Authorize(zun.Identity{Token: project, UserID: "u-" + project, ProjectID: project, Roles: []string{"member"}}, rule, nil)
	if err != nil {
		w.Fatal(err)
	}
	return g
}

func (w *world) admin(rule string) policy.Grant {
	w.Helper()
	g, err := w.rules.Authorize(zun.Identity{Token: "admin", UserID: "root", ProjectID: "admin-project", Roles: []string{"admin"}}, rule, nil)
	if err != nil {
		w.Fatal(err)
	}
	return g
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) wantCode(err error, code zun.Code) {
	w.Helper()
	if zun.CodeOf(err) != code {
		w.Fatalf("error %v has code %q, want %q", err, zun.CodeOf(err), code)
	}
}

// eventually waits until something is so.
func (w *world) eventually(what string, f func() bool) {
	w.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline:
			w.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// run creates a container and waits until nothing is owed on it.
func (w *world) run(request zun.ContainerRequest) zun.ContainerDetail {
	w.Helper()
	if request.Image == "" {
		request.Image = "nginx"
	}
	request.OwnNetworks = true
	c, err := w.CreateContainer(w.Context(), w.grant(project, "container:create"), request)
	w.must(err)
	return w.settled(c.ID)
}

// settled waits until nothing is owed on a container and returns it.
func (w *world) settled(id string) zun.ContainerDetail {
	w.Helper()
	w.eventually("nothing owed on "+id, func() bool {
		owed, err := w.records.OwedActions(w.Context(), id)
		w.must(err)
		return len(owed) == 0
	})
	c, err := w.records.ContainerDetail(w.Context(), id)
	w.must(err)
	return c
}

// gone waits until a container's record is.
func (w *world) gone(id string) {
	w.Helper()
	w.eventually("container gone", func() bool {
		_, err := w.records.Container(w.Context(), id)
		return zun.IsNotFound(err)
	})
}

func (w *world) ownNetwork(name string) zun.NetworkDetail {
	w.Helper()
	n, err := w.CreateNetwork(w.Context(), w.grant(project, "network:create_own"), zun.NetworkRequest{Name: name, NeutronNet: name})
	w.must(err)
	return n
}
