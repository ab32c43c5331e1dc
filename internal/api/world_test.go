package api

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/control"
	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/internal/store"
	"github.com/gozun/gozun/zun"
)

// The projects of a world; none of these texts is part of another.
const (
	homeProject  = "10000000aaaa4000800000000000beef"
	otherProject = "20000000bbbb4000800000000000cafe"
	adminProject = "30000000cccc4000800000000000feed"
)

// world is the whole API over the real control and SQLite, with people in several projects.
type world struct {
	*fixture
	cloud *cloud
	db    *store.Store
	rules *policy.Engine
	rows  *sql.DB // a second look at the database
	made  int
}

// people are those who ask, by their tokens. A token that is not among them is nobody's.
func people() tokens {
	person := func(name, project string, roles ...string) zun.Identity {
		return zun.Identity{UserID: "user-" + name, UserName: name, ProjectID: project, Roles: roles}
	}
	return tokens{
		"owner": person("owner", homeProject, "member"), "colleague": person("colleague", homeProject, "member"),
		"reader": person("reader", homeProject, "reader"), "manager": person("manager", homeProject, "admin"),
		"stranger": person("stranger", otherProject, "member"), "strange-reader": person("strange-reader", otherProject, "reader"),
		"admin": person("admin", adminProject, "admin"), "service": person("service", "40000000dddd4000800000000000face", "service"),
		"nothing": person("nothing", homeProject), "unscoped": person("unscoped", ""), "domain": person("domain", "", "admin"),
	}
}

// newWorld returns a world whose Neutron is the home project's.
func newWorld(tb testing.TB) *world {
	tb.Helper()
	f, c, db := newWholeOf(tb, func(c *control.Config) {
		c.DefaultLimits = &zun.Quota{Containers: zun.Unlimited, MemoryMiB: zun.Unlimited, DiskGiB: zun.Unlimited, CPU: zun.Unlimited}
	})
	w := &world{fixture: f, cloud: c, db: db}
	maps.Copy(f.tokens, people())
	for i := range c.networks {
		c.networks[i].ProjectID = homeProject
	}
	for i := range c.subnets {
		c.subnets[i].ProjectID = homeProject
	}
	for i := range c.pools {
		c.pools[i].ProjectID = homeProject
	}
	var err error
	if w.rules, err = policy.New(nil); err != nil {
		tb.Fatal(err)
	}
	if w.rows, err = sql.Open("sqlite", "file:"+f.database+"?mode=ro"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = w.rows.Close() })
	return w
}

// count returns how many rows each table has, but for what the service notes on its own.
func (w *world) count() map[string]int {
	w.Helper()
	names, err := w.rows.QueryContext(w.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	if err != nil {
		w.Fatal(err)
	}
	defer names.Close()
	var tables []string
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			w.Fatal(err)
		}
		if name != "compute_node" && name != "zun_service" {
			tables = append(tables, name)
		}
	}
	if err := names.Err(); err != nil {
		w.Fatal(err)
	}
	counts := map[string]int{}
	for _, name := range tables {
		var n int
		if err := w.rows.QueryRowContext(w.Context(), "SELECT count(*) FROM "+name).Scan(&n); err != nil {
			w.Fatal(err)
		}
		counts[name] = n
	}
	return counts
}

// statusFor is a status in which a container can be what a route does to it.
func statusFor(r route) zun.Status {
	operation := r.path[strings.LastIndexByte(r.path, '/')+1:]
	for _, status := range []zun.Status{zun.StatusRunning, zun.StatusStopped, zun.StatusPaused} {
		if (&zun.Container{Status: status}).CheckState(operation) == nil {
			return status
		}
	}
	return zun.StatusRunning
}

// container records a container of a project and returns its UUID.
func (w *world) container(project, user string, status zun.Status) string {
	w.Helper()
	c := newMemory().containers[0].Container
	w.made++
	c.ID, c.Name, c.ProjectID, c.UserID, c.Status = uuid.NewString(), fmt.Sprintf("named-%d", w.made), project, user, status
	c.Interactive, c.TTY = true, true
	err := w.db.Change(w.Context(), func(ctx context.Context) error { return w.db.AddContainer(ctx, c) })
	if err != nil {
		w.Fatal(err)
	}
	return c.ID
}

// reopen has the host take containers and networks, whatever an earlier request said of it:
// a service that was deleted comes back with the next sign of life.
func (w *world) reopen() {
	w.Helper()
	if err := w.db.SaveHost(w.Context(), zun.Host{ID: uuid.NewString(), Name: "h1", CPUs: 64, MemoryMiB: 1 << 20}, time.Now()); err != nil {
		w.Fatal(err)
	}
	service, err := w.db.Service(w.Context(), "h1", zun.BinaryCompute)
	if err == nil && (service.Disabled || service.ForcedDown) {
		service.Disabled, service.ForcedDown = false, false
		err = w.db.SaveService(w.Context(), service)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// idents returns what to put into a route's path so that it is about something that is
// there and, where things have projects, is the home project's.
func (w *world) idents(r route) []string {
	w.Helper()
	words := segments(r.path)
	w.reopen()
	var names []string
	for _, word := range words {
		if strings.HasPrefix(word, "{") {
			names = append(names, word)
		}
	}
	if len(names) == 0 {
		return nil
	}
	switch words[1] {
	case "containers":
		id := w.container(homeProject, "user-owner", statusFor(r))
		if len(names) == 1 {
			return []string{id}
		}
		a := w.want(202, w.do("POST", "/v1/containers/"+id+"/kill", "", "X-Auth-Token: owner"))
		return []string{id, a.header.Get("X-Openstack-Request-Id")}
	case "networks":
		if r.max != 0 { // Zun's, found by the Neutron network
			return []string{w.handle()}
		}
		return []string{w.post("/v1/networks")}
	case "images":
		if strings.HasSuffix(r.path, "/search") {
			return []string{"docker.io", "library", "nginx"}[3-len(names):]
		}
	case "quotas":
		return []string{homeProject}
	case "quota_classes":
		return []string{"default"}
	case "hosts", "availability_zones": // the one that is there
		return []string{"h1"}
	case "services":
		return []string{"h1", "zun-compute"}
	}
	return []string{w.post("/v1/" + words[1])}
}

// handle is a Neutron network that was made usable as Zun does it.
func (w *world) handle() string {
	w.Helper()
	w.made++
	id := uuid.NewString()
	w.cloud.mu.Lock()
	network := w.cloud.networks[0]
	network.ID, network.Name = id, fmt.Sprintf("neutron-%d", w.made)
	w.cloud.networks = append(w.cloud.networks, network)
	subnet := w.cloud.subnets[0]
	subnet.ID, subnet.NetworkID = uuid.NewString(), id
	w.cloud.subnets = append(w.cloud.subnets, subnet)
	w.cloud.mu.Unlock()
	body := fmt.Sprintf(`{"name":"usable-%d","neutron_net_id":%q}`, w.made, id)
	w.want(200, w.do("POST", "/v1/networks", body, "X-Auth-Token: manager", version("1.40")))
	return id
}

// post makes a thing from the example of its collection and returns its UUID.
func (w *world) post(collection string) string {
	w.Helper()
	r := route{verb: post, path: collection}
	op := theContract().operations.at(r, maxMinor)
	if op == nil || op.Example.Body == nil {
		w.Fatalf("world.idents does not know how to have something in %s: write a case there, or a POST with an example", collection)
	}
	_, body := w.example(op)
	a := w.do("POST", collection, body, "X-Auth-Token: manager", latest)
	if a.status >= 300 {
		w.Fatalf("the example of POST %s is not taken: %d %s", collection, a.status, a.text)
	}
	object := w.object(a)
	for _, inner := range object {
		if one, is := inner.(map[string]any); is && one["uuid"] != nil && object["uuid"] == nil {
			object = one
		}
	}
	id, _ := object["uuid"].(string)
	if id == "" {
		w.Fatalf("POST %s answers without a uuid: %s", collection, a.text)
	}
	return id
}

// example returns the query and the body of an operation's example, with names that
// nothing has yet.
func (w *world) example(op *operation) (query, body string) {
	w.Helper()
	if op.Example.Body == nil {
		return op.Example.Query, ""
	}
	raw, err := json.Marshal(op.Example.Body)
	if err != nil {
		w.Fatal(err)
	}
	var value map[string]any
	if err := json.Unmarshal(raw, &value); err != nil {
		w.Fatal(err)
	}
	w.made++
	rename(value, w.made)
	if raw, err = json.Marshal(value); err != nil {
		w.Fatal(err)
	}
	return op.Example.Query, string(bytes.TrimSpace(raw))
}

// rename makes the names in an example new.
func rename(object map[string]any, n int) {
	for key, value := range object {
		if inner, is := value.(map[string]any); is {
			rename(inner, n)
		}
		if text, is := value.(string); is && (key == "name" || key == "repo") {
			object[key] = fmt.Sprintf("%s-%d", text, n)
		}
	}
}

// fill puts identifiers into the pattern of a path.
func fillPath(pattern string, idents []string) string {
	words := strings.Split(pattern, "/")
	for i, word := range words {
		if strings.HasPrefix(word, "{") && len(idents) > 0 {
			words[i], idents = url.PathEscape(idents[0]), idents[1:]
		}
	}
	return strings.Join(words, "/")
}

// minorOf is a microversion at which a route exists.
func minorOf(r route) int {
	if r.max != 0 {
		return r.max
	}
	return maxMinor
}

// servedRoutes are the routes that need a token.
func servedRoutes() []route {
	return slices.DeleteFunc(routeTable(), func(r route) bool { return r.public })
}
