package libnetwork_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/zun"
)

// untagging is a Neutron that takes no tags with a new port, like most.
type untagging struct{ kuryr.Neutron }

func (n untagging) CreatePort(c ctx, spec zun.PortSpec) (zun.Port, error) {
	if spec.TagsLater {
		spec.Tags = nil
	}
	return n.Neutron.CreatePort(c, spec)
}

// A port of ours has no tags until it is named, where they would be a request of their own.
// Nobody waits for that, it is tagged in the end, and it is known as ours all the time: a
// plugin that has lost its records deletes it.
func TestTagsAreNotWaitedFor(t *testing.T) {
	ctx := context.Background()
	s := mustStage(t, "")
	given := map[bool]string{false: "10.2.0.77"}
	for name, test := range map[string]struct {
		want  want
		calls int
	}{
		"made early":              {want{}, 1},
		"made late":               {want{IPs: given}, 2},
		"made early, with a name": {want{Options: object{"neutron.port.name": "front"}}, 3},
		"made late, with a name":  {want{IPs: given, Options: object{"neutron.port.name": "front"}}, 2 + s.tagging()},
	} {
		for _, fate := range []string{"named", "not named"} {
			t.Run(name+", "+fate, func(t *testing.T) {
				before, clock := s.state(t), &clock{}
				with := settings{Neutron: untagging{s.Service}, Binder: &ledger{plugged: map[string]bool{}}, Now: clock.now}
				p := mustPlugin(t, with)
				n := got(p.createNetwork(s.ask))(t)
				var e dockerEndpoint
				atMost(t, "start", test.calls, s.counted(func() { e = got(p.connect(n, test.want))(t) }))
				if fate == "named" {
					must(t, p.Settle(ctx))
					port := s.port(t, e.ip(n, false))
					name, _ := test.want.Options["neutron.port.name"].(string)
					if name == "" {
						name = e.ID + "-port"
					}
					tags := append([]string{"compute:kuryr"}, halves(e.ID)...)
					slices.Sort(tags)
					if diff := cmp.Diff(tags, slices.Sorted(slices.Values(port.Tags))); diff != "" || port.Name != name || port.DeviceID != e.ID {
						t.Errorf("port is %+v: %s", port, diff)
					}
				}
				with.DB = nil // the records are lost
				p = mustPlugin(t, with)
				p.disconnect(n, e)
				must(t, p.removeNetwork(n))
				clock.pass()
				must(t, p.Settle(ctx))
				if diff := cmp.Diff(before, s.state(t)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
