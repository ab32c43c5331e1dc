package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/gozun/gozun/internal/store"
	"github.com/gozun/gozun/zun"
)

const (
	atATime    = 8
	fewRecords = 1000
	busy       = 50 * time.Millisecond // between two changes in the case of a database that changes
)

// measureRecords fills zund's database and measures what depends on how much is in it; if more
// containers than few are to be on record, first with few and then with all of them.
func (b *bench) measureRecords(ctx context.Context) error {
	db, err := store.Open(ctx, filepath.Join(b.zund.state, "zun.db"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	f := &filling{db: db, project: b.zund.project}
	for _, n := range slices.Compact([]int{fewRecords, b.records}) {
		b.say("requests: filling the database up to %d containers", n)
		if err := f.upTo(ctx, n); err != nil {
			return err
		}
		for _, part := range []struct {
			wanted  bool
			measure func() error
		}{
			{b.wants("api"), func() error { return b.measureRequests(ctx, f) }},
			{b.wants("api") && b.wants("zun"), func() error { return b.measureOrders(ctx, n) }},
			{b.wants("stream"), func() error { return b.measureStream(ctx, n) }},
		} {
			if part.wanted {
				if err := part.measure(); err != nil {
					return err
				}
			}
		}
	}
	b.report.AfterLoad, err = memoryOf(b.zund.process.Process.Pid)
	return errors.Join(err, f.empty(ctx))
}

// measureRequests notes how many requests of each kind are answered with what is on record, and how
// that compares with the time before.
func (b *bench) measureRequests(ctx context.Context, f *filling) error {
	rates, err := b.measureKinds(ctx, f)
	if err != nil {
		return err
	}
	few := b.report.Requests
	for i := range rates {
		rates[i].Records = len(f.containers)
		if len(few) > 0 {
			rates[i].ToFew = rates[i].PerSec / few[i].PerSec
		}
	}
	b.report.Requests = append(b.report.Requests, rates...)
	return nil
}

// measureKinds asks for what is on record in an order that is drawn, twice: what each kind is
// worth is the better of two, as others may be at work.
func (b *bench) measureKinds(ctx context.Context, f *filling) ([]rate, error) {
	one := "/v1/containers/" + f.containers[len(f.containers)/2].ID
	kinds := []kind{
		{name: "GET /", path: "/"},
		{name: "show", path: one},
		{name: "list of 100", path: "/v1/containers?limit=100"},
		{name: "list of 1000", path: "/v1/containers?limit=1000"},
		{name: "show, changing", path: one, change: f.db},
		{name: "list of 100, changing", path: "/v1/containers?limit=100", change: f.db},
		{name: "list of 1000, changing", path: "/v1/containers?limit=1000", change: f.db},
	}
	best := make([]rate, len(kinds))
	for range 2 {
		for _, i := range b.random.Perm(len(kinds)) {
			b.say("requests: %s, load %s", kinds[i].name, load())
			now, err := b.measureKind(ctx, kinds[i], f.containers[0])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", kinds[i].name, err)
			}
			if now.PerSec > best[i].PerSec {
				best[i] = now
			}
		}
	}
	for i := range best {
		best[i].ToRoot = best[i].PerSec / best[0].PerSec
	}
	return best, nil
}

// measureOrders has containers made and removed, one at a time, while so many others are on
// record.
func (b *bench) measureOrders(ctx context.Context, onRecord int) error {
	name := fmt.Sprintf("zun, %d on record", onRecord)
	p, err := b.zunPlace(ctx, b.zund, name, 234)
	if err != nil {
		return err
	}
	p.name = name
	for round := range b.orders + 1 { // the first is for warming up
		b.say("requests: %s, container %d of %d, load %s", p.name, round, b.orders, load())
		b.round, b.atOnce = round-1, 1
		if err := b.one(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// kind is a kind of request.
type kind struct {
	name, path string
	change     *store.Store // if set, a record is changed again and again meanwhile
}

// measureKind repeats a request on several connections for a while.
func (b *bench) measureKind(ctx context.Context, k kind, victim zun.Container) (rate, error) {
	ctx, cancel := context.WithTimeout(ctx, b.seconds+longest)
	defer cancel()
	if _, err := b.askFor(ctx, k, 50*time.Millisecond); err != nil { // warms up
		return rate{}, err
	}
	changing, stop := context.WithCancel(ctx)
	var others errgroup.Group
	if k.change != nil {
		others.Go(func() error { return change(changing, k.change, victim) })
	}
	if b.profile != "" {
		if err := os.MkdirAll(b.profile, 0o755); err != nil {
			stop()
			return rate{}, err
		}
		name := slug(k.name) + ".pprof"
		others.Go(func() error { return b.zund.profile(ctx, filepath.Join(b.profile, name), b.seconds) })
	}
	r, err := b.askFor(ctx, k, b.seconds)
	stop()
	return r, errors.Join(err, others.Wait())
}

func slug(name string) string {
	return string(slices.DeleteFunc([]byte(name), func(c byte) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') }))
}

// change writes a record with every tick until ctx ends.
func change(ctx context.Context, records *store.Store, victim zun.Container) error {
	tick := time.NewTicker(busy)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		victim.StatusDetail = fmt.Sprintf("Up %d seconds", n)
		if err := records.SaveContainer(context.WithoutCancel(ctx), victim); err != nil {
			return err
		}
	}
}

func (b *bench) askFor(ctx context.Context, k kind, length time.Duration) (rate, error) {
	var mu sync.Mutex
	var latencies []float64
	size := 0
	var group errgroup.Group
	began := time.Now()
	for range atATime {
		group.Go(func() error {
			mine, bytes, err := b.repeat(ctx, k.path, began.Add(length))
			mu.Lock()
			defer mu.Unlock()
			latencies, size = append(latencies, mine...), bytes
			return err
		})
	}
	err := group.Wait()
	took := time.Since(began)
	return rate{
		Name: k.name, PerSec: float64(len(latencies)) / took.Seconds(), Bytes: size, Requests: len(latencies), spread: spreadOf(latencies),
	}, err
}

// repeat asks the same on one connection until the time has come.
func (b *bench) repeat(ctx context.Context, path string, end time.Time) (latencies []float64, size int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.zund.container+path, nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("X-Auth-Token", b.zund.token)
	request.Header.Set("OpenStack-API-Version", "container 1.41")
	for {
		began := time.Now()
		if began.After(end) {
			return latencies, size, nil
		}
		response, err := b.zund.http.Do(request)
		if err != nil {
			return nil, 0, err
		}
		n, err := io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err != nil {
			return nil, 0, err
		}
		if response.StatusCode >= http.StatusBadRequest {
			return nil, 0, fmt.Errorf("GET %s: %s", path, response.Status)
		}
		size, latencies = int(n), append(latencies, milliseconds(time.Since(began)))
	}
}

// filling is what is on record for the time of the measurement.
type filling struct {
	db         *store.Store
	project    string
	network    zun.Network
	containers []zun.Container
}

// upTo adds containers with a network each until there are n, as they look when they run on
// another host: so that no look at Docker, which is bounded to one a second for each, is in
// the figures.
func (f *filling) upTo(ctx context.Context, n int) error {
	now := time.Now().UTC()
	return f.db.Change(ctx, func(ctx context.Context) error {
		if f.network.ID == "" {
			f.network = recordOfNetwork(f.project, now)
			if err := f.db.AddNetwork(ctx, f.network); err != nil {
				return err
			}
		}
		for i := len(f.containers); i < n; i++ {
			c := record(i, f.project, now)
			ip := netip.AddrFrom4([4]byte{10, 9, byte(1 + i/250), byte(1 + i%250)})
			attachment := zun.Attachment{
				ID: uuid.NewString(), ContainerID: c.ID, NetworkID: f.network.ID, ProjectID: f.project,
				PortID: uuid.NewString(), MAC: "02:42:0a:09:00:01", Addresses: []zun.Address{{IP: ip, SubnetID: f.network.Subnets[0].ID}}, CreatedAt: now,
			}
			if err := errors.Join(f.db.AddContainer(ctx, c), f.db.AddAttachment(ctx, attachment)); err != nil {
				return err
			}
			f.containers = append(f.containers, c)
		}
		return nil
	})
}

func recordOfNetwork(project string, now time.Time) zun.Network {
	subnet := zun.Subnet{ID: uuid.NewString(), Name: "bench", CIDR: netip.MustParsePrefix("10.9.0.0/16"), Gateway: netip.MustParseAddr("10.9.0.1")}
	return zun.Network{
		ID: uuid.NewString(), Name: "bench-records", ProjectID: project, UserID: "bench", NeutronNetID: uuid.NewString(),
		Subnets: []zun.Subnet{subnet}, MTU: 1500, Status: zun.NetworkActive, CreatedAt: now, UpdatedAt: now,
	}
}

// record is a container such as people have.
func record(i int, project string, now time.Time) zun.Container {
	return zun.Container{
		ID: uuid.NewString(), Name: fmt.Sprintf("web-%d", i), ProjectID: project, UserID: "bench",
		Image: "registry.example.org/team/nginx:1.27", ImageDriver: "docker", Command: []string{"nginx", "-g", "daemon off;"},
		CPU: 0.5, MemoryMiB: 256, Environment: map[string]string{"LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"},
		Labels: map[string]string{"app": "shop", "tier": "front"}, Workdir: "/srv", Hostname: fmt.Sprintf("web-%d", i),
		RestartPolicy: zun.RestartPolicy{Name: "always"}, SecurityGroups: []string{uuid.NewString()},
		Status: zun.StatusRunning, StatusDetail: "Up 5 mins", Ports: []int{80, 443}, Host: "another-host",
		CreatedAt: now, UpdatedAt: now, StartedAt: now,
	}
}

// empty removes what was added but for the network, which costs nothing.
func (f *filling) empty(ctx context.Context) error {
	return f.db.Change(ctx, func(ctx context.Context) error {
		for _, c := range f.containers {
			if err := f.db.DeleteContainer(ctx, c.ID); err != nil {
				return err
			}
		}
		return nil
	})
}
