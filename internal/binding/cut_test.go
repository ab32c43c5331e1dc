package binding

import (
	"context"
	"encoding/json"
	"net"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

// cutter passes requests on to a database, and cuts the connection at one of them.
type cutter struct {
	to    string
	at    int64 // which request
	late  bool  // it is done, but its answer does not arrive
	asked atomic.Int64
}

func (c *cutter) serve(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		go c.pass(client)
	}
}

func (c *cutter) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", c.to)
	if err != nil {
		return
	}
	defer server.Close()
	requests, answers := json.NewDecoder(client), json.NewDecoder(server)
	for {
		var request, answer json.RawMessage
		if requests.Decode(&request) != nil {
			return
		}
		cut := c.asked.Add(1) == c.at
		if cut && !c.late {
			return
		}
		server.Write(request)
		if answers.Decode(&answer) != nil || cut {
			return
		}
		client.Write(answer)
	}
}

// The connection to the database breaks at any of a plug's and an unplug's requests, before
// or after it is done: a failed plug leaves nothing, a failed unplug can be repeated.
func TestOVSConnectionBreaksAnywhere(t *testing.T) {
	s := mustSwitch(t)
	ctx, before := context.Background(), s.state()
	breaking := func(t *testing.T, at int64, late bool) (*Binder, *cutter) {
		c := &cutter{to: s.path("db.sock"), at: at, late: late}
		l, err := net.Listen("unix", s.path("cut-"+random()))
		must(t, err)
		t.Cleanup(func() { l.Close() })
		go c.serve(l)
		return New(s.links, s.binder.log, WithOVSDB(l.Addr().String())), c
	}
	unchanged := func(t *testing.T, after string, at int64) {
		t.Helper()
		if diff := cmp.Diff(before, s.state()); diff != "" {
			t.Errorf("request %d: left after %s (-before +after):\n%s", at, after, diff)
		}
	}
	for name, late := range map[string]bool{"before": false, "after": true} {
		for kind, p := range map[string]Binding{"plain": ovsPort(), "hybrid": ovsPort().with("ovs_hybrid_plug", true)} {
			t.Run(name+" "+kind, func(t *testing.T) {
				failures := 0
				for at := int64(1); ; at++ {
					b, c := breaking(t, at, late)
					err := b.Plug(ctx, p)
					if err == nil && c.asked.Load() < at {
						break
					}
					failures++
					if zun.CodeOf(err) != zun.CodeUnavailable {
						t.Errorf("request %d: %v", at, err)
					}
					unchanged(t, "a plug", at)
				}
				if failures < 3 {
					t.Errorf("only %d requests were broken", failures)
				}
				must(t, s.binder.Unplug(ctx, p))
				for at := int64(1); ; at++ {
					must(t, s.binder.Plug(ctx, p))
					b, c := breaking(t, at, late)
					err := b.Unplug(ctx, p)
					if c.asked.Load() >= at && err == nil {
						t.Errorf("request %d: no error", at)
					}
					must(t, s.binder.Unplug(ctx, p))
					unchanged(t, "two unplugs", at)
					if err == nil {
						break
					}
				}
			})
		}
	}
}
