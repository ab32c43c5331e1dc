package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const schema = "/usr/share/openvswitch/vswitch.ovsschema"

// mustServer starts a real ovsdb-server with an empty Open vSwitch database.
func mustServer(tb testing.TB) (socket string) {
	tb.Helper()
	server, err := exec.LookPath("ovsdb-server")
	if _, missing := os.Stat(schema); err != nil || missing != nil {
		tb.Skip("needs ovsdb-server of Debian's openvswitch-switch")
	}
	dir, err := os.MkdirTemp("", "ovsdbtest") // the paths of sockets must be short
	must(tb, err)
	tb.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(dir, "conf.db")
	must(tb, exec.Command("ovsdb-tool", "create", file, schema).Run())
	socket = filepath.Join(dir, "db.sock")
	child := exec.Command(server, "--no-chdir", "--remote=punix:"+socket, "--unixctl="+filepath.Join(dir, "ctl"), "-vconsole:off", file)
	must(tb, child.Start())
	tb.Cleanup(func() { child.Process.Kill(); child.Wait() })
	eventually(tb, func() bool {
		c, err := Dial(context.Background(), socket, "Open_vSwitch")
		if err != nil {
			return false
		}
		defer c.Close()
		_, err = c.Transact(Insert("Open_vSwitch", map[string]any{}, ""))
		return err == nil
	})
	return socket
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func eventually(tb testing.TB, done func() bool) {
	tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatal("it did not happen within 10 s")
		}
	}
}

func mustDial(tb testing.TB, socket string) *Conn {
	tb.Helper()
	c, err := Dial(context.Background(), socket, "Open_vSwitch")
	must(tb, err)
	tb.Cleanup(c.Close)
	return c
}

func TestRealServer(t *testing.T) {
	c := mustDial(t, mustServer(t))
	made, err := c.Transact(
		Insert("Bridge", map[string]any{"name": "br-int", "external_ids": Map{"a": "1", "b": "2"}}, "b"),
		Mutate("Open_vSwitch", []Mutation{Add("bridges", NamedUUID("b")), Add("next_cfg", 3)}),
	)
	must(t, err)
	if made[0].UUID == "" || made[1].Count != 1 {
		t.Errorf("%+v", made)
	}
	seen, err := c.Transact(
		Wait("Bridge", "name", "==", "br-int", 0, Equal("name", "br-int")),
		Select("Bridge", []string{"_uuid", "name", "external_ids", "ports", "mcast_snooping_enable"}, Includes("external_ids", Map{"b": "2"})),
		Select("Open_vSwitch", []string{"bridges", "next_cfg", "ovs_version"}),
	)
	must(t, err)
	bridge, root := seen[1].Rows[0], seen[2].Rows[0]
	if diff := cmp.Diff(map[string]string{"a": "1", "b": "2"}, bridge.Map("external_ids")); diff != "" {
		t.Error(diff)
	}
	next, ok := root.Int("next_cfg")
	if bridge.ID() != made[0].UUID || bridge.String("name") != "br-int" || len(bridge.UUIDs("ports")) > 0 ||
		!slices.Equal(root.UUIDs("bridges"), []UUID{bridge.ID()}) || !ok || next != 3 || root.String("ovs_version") != "" {
		t.Errorf("%+v, %+v", bridge, root)
	}
	gone, err := c.Transact(
		Mutate("Bridge", []Mutation{Remove("external_ids", Set{"a"})}, Equal("name", "br-int")),
		Mutate("Open_vSwitch", []Mutation{Remove("bridges", bridge.ID())}),
		Select("Open_vSwitch", []string{"bridges"}),
		Delete("Manager"),
	)
	must(t, err)
	if gone[0].Count != 1 || len(gone[2].Rows[0].UUIDs("bridges")) > 0 || gone[3].Count != 0 {
		t.Errorf("%+v", gone)
	}
	seen, err = c.Transact(Select("Bridge", []string{"_uuid"}))
	if err != nil || len(seen[0].Rows) != 0 {
		t.Errorf("an unreferenced row stays: %+v, %v", seen, err)
	}
}

func TestRefusalsNameOperationAndKind(t *testing.T) {
	c := mustDial(t, mustServer(t))
	must(t, func() error {
		_, err := c.Transact(
			Insert("Bridge", map[string]any{"name": "br-int"}, "b"),
			Mutate("Open_vSwitch", []Mutation{Add("bridges", NamedUUID("b"))}),
		)
		return err
	}())
	for name, test := range map[string]struct {
		operations []Operation
		at         int
		kind       string
	}{
		"precondition": {[]Operation{Select("Bridge", []string{"name"}), Wait("Bridge", "name", "!=", "br-int", 0)}, 1, KindTimedOut},
		"index": {[]Operation{
			Insert("Bridge", map[string]any{"name": "br-int"}, "b"),
			Mutate("Open_vSwitch", []Mutation{Add("bridges", NamedUUID("b"))}),
		}, 2, KindConstraint},
		"column": {[]Operation{Select("Bridge", []string{"nonsense"})}, 0, ""},
		"table":  {[]Operation{Delete("Nonsense")}, 0, ""},
	} {
		_, err := c.Transact(test.operations...)
		var e *Error
		if !errors.As(err, &e) || e.Operation != test.at || test.kind != "" && !IsKind(err, test.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := c.Transact(Select("Bridge", []string{"name"})); err != nil || len(left[0].Rows) != 1 {
		t.Errorf("the connection is spoilt: %+v, %v", left, err)
	}
	other, err := Dial(context.Background(), c.sock.RemoteAddr().String(), "Nonsense")
	must(t, err)
	defer other.Close()
	if _, err := other.Transact(Select("Bridge", []string{"name"})); err == nil {
		t.Error("a database that is not there answers")
	}
}

func TestWaitEndsWithTheChange(t *testing.T) {
	socket := mustServer(t)
	c, other := mustDial(t, socket), mustDial(t, socket)
	done := make(chan error, 1)
	go func() {
		_, err := c.Transact(Wait("Open_vSwitch", "cur_cfg", "!=", 0, 9*time.Second))
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(30 * time.Millisecond):
	}
	_, err := other.Transact(Mutate("Open_vSwitch", []Mutation{Add("cur_cfg", 5)}))
	must(t, err)
	must(t, <-done)
}

// mustFake answers every connection with what the script writes.
func mustFake(tb testing.TB, script func(net.Conn)) (socket string) {
	tb.Helper()
	dir, err := os.MkdirTemp("", "ovsdbtest")
	must(tb, err)
	tb.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	must(tb, err)
	tb.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			script(c)
			c.Close()
		}
	}()
	return socket
}

func TestBadServers(t *testing.T) {
	question := Select("Bridge", []string{"name"})
	for name, test := range map[string]struct{ says, want string }{
		"silent end": {"", "unexpected EOF"}, "no JSON": {"hello", "invalid character"},
		"refusal": {`{"id":1,"result":null,"error":"unknown database"}`, "unknown database"},
		"short":   {`{"id":1,"result":[],"error":null}`, "0 results for 1"},
		"null":    {`{"id":1,"result":null,"error":null}`, "0 results"},
		"wrong":   {`{"id":1,"result":{"a":1},"error":null}`, "cannot understand"},
		"tags":    {`{"id":1,"result":[{"rows":[{"a":["uuid",7]}]}],"error":null}`, "no value"},
	} {
		c := mustDial(t, mustFake(t, func(c net.Conn) {
			json.NewDecoder(c).Decode(new(any))
			io.WriteString(c, test.says)
		}))
		if _, err := c.Transact(question); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("echo and strangers' answers", func(t *testing.T) {
		c := mustDial(t, mustFake(t, func(c net.Conn) {
			d := json.NewDecoder(c)
			d.Decode(new(any))
			io.WriteString(c, `{"id":7,"result":[],"error":null}{"id":"echo","method":"echo","params":["x"]}`)
			var reply message
			d.Decode(&reply)
			fmt.Fprintf(c, `{"id":1,"error":null,"result":[{"rows":[{"name":%q}]}]}`, string(reply.Result)+string(reply.ID))
		}))
		r, err := c.Transact(question)
		if err != nil || r[0].Rows[0].String("name") != `["x"]"echo"` {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("silence", func(t *testing.T) {
		hold := make(chan struct{})
		defer close(hold)
		socket := mustFake(t, func(net.Conn) { <-hold })
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		c, err := Dial(ctx, socket, "x")
		must(t, err)
		defer c.Close()
		if _, err := c.Transact(question); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	if _, err := Dial(context.Background(), "/nonexistent/db.sock", "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestSocket(t *testing.T) {
	none := func(string) string { return "" }
	set := func(key string) string { return map[string]string{"OVS_RUNDIR": "/srv/ovs"}[key] }
	for _, test := range []struct {
		configured string
		getenv     func(string) string
		want       string
	}{
		{"", none, "/var/run/openvswitch/db.sock"},
		{"", set, "/srv/ovs/db.sock"},
		{"unix:/a/b", set, "/a/b"},
		{"/a/b", none, "/a/b"},
	} {
		if got := Socket(test.configured, test.getenv); got != test.want {
			t.Errorf("%q: %s, want %s", test.configured, got, test.want)
		}
	}
}

// FuzzAnswer reads whatever a server may send: no panic, and no success with fewer results
// than there were operations.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"id":1,"error":null,"result":[{"rows":[{"a":["set",[["uuid","x"],"y",1,true]],"m":["map",[["k","v"]]],"_uuid":["uuid","z"]}]},{"count":1},{"uuid":["uuid","q"]},{}]}`,
		`{"id":1,"error":null,"result":[{},null,{"error":"timed out","details":"d"}]}`,
		`{"id":"echo","method":"echo","params":[]}`, `{"error":"no"}`, `{"result":[{"uuid":["set"]}]}`, `[`,
	} {
		f.Add([]byte(seed), 2)
	}
	f.Fuzz(func(t *testing.T, raw []byte, operations int) {
		var m message
		if json.Unmarshal(raw, &m) != nil || operations < 0 {
			return
		}
		results, err := decodeAnswer(m, operations)
		if err == nil && len(results) != operations {
			t.Fatalf("%d results for %d operations", len(results), operations)
		}
		for _, r := range results {
			for _, row := range r.Rows {
				for column := range row {
					row.ID()
					row.Int(column)
					row.String(column)
					row.UUIDs(column)
					row.Map(column)
				}
			}
		}
	})
}

// FuzzValue: what we write is what we read.
func FuzzValue(f *testing.F) {
	f.Add("k", "v", "u")
	f.Fuzz(func(t *testing.T, key, value, id string) {
		for _, s := range []*string{&key, &value, &id} {
			*s = strings.ToValidUTF8(*s, "?")
		}
		raw, err := json.Marshal(map[string]any{"m": Map{key: value}, "s": Set{value, UUID(id)}, "a": UUID(id), "e": Set(nil)})
		must(t, err)
		var row Row
		must(t, json.Unmarshal(raw, &row))
		if row.Map("m")[key] != value || row.String("s") != value || row.UUIDs("s")[0] != UUID(id) || row.UUIDs("a")[0] != UUID(id) || len(row.Strings("e")) > 0 {
			t.Errorf("%s became %+v", raw, row)
		}
	})
}
