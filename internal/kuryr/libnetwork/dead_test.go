package libnetwork_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// After a crash of the host, or when Docker gave an endpoint up while the plugin was away, a
// container that is started again asks for the address that its old endpoint has on record.
func TestAddressOfADeadEndpoint(t *testing.T) {
	for name, test := range map[string]struct {
		want   want
		happen func(*ledger, *clock)
		refuse bool
	}{
		"its link is gone": {happen: func(l *ledger, _ *clock) { clear(l.plugged) }},
		"its link lies about for long": {happen: func(l *ledger, c *clock) {
			l.living = false
			c.ahead.Add(int64(2 * time.Minute))
		}},
		"Docker is moving its link": {happen: func(l *ledger, _ *clock) { l.living = false }, refuse: true},
		"it lives":                  {happen: func(_ *ledger, c *clock) { c.pass() }, refuse: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustStage(t, "")
			own := s.userPort(t, s.tenant)
			before := s.state(t)
			now, binder := &clock{}, &ledger{plugged: map[string]bool{}, living: true}
			p := mustPlugin(t, settings{Neutron: s.Service, Binder: binder, Now: now.now})
			n := got(p.createNetwork(s.ask))(t)
			for _, ip := range []string{"10.2.0.77", own.FixedIPs[0].IP.String()} {
				w := want{IPs: map[bool]string{false: ip}}
				old := got(p.connect(n, w))(t)
				must(t, p.Settle(context.Background()))
				binder.mu.Lock()
				test.happen(binder, now)
				binder.mu.Unlock()
				e, err := p.connect(n, w)
				if refused := err != nil && strings.Contains(err.Error(), "409"); refused != test.refuse {
					t.Errorf("%s: got %v", ip, err)
				}
				binder.mu.Lock()
				binder.living = true
				binder.mu.Unlock()
				if err == nil {
					p.disconnect(n, e)
				}
				p.disconnect(n, old) // Docker may say so later
			}
			must(t, p.removeNetwork(n))
			must(t, p.Settle(context.Background()))
			if diff := cmp.Diff(before, s.state(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
