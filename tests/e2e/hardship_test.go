package e2e

import (
	"strings"
	"testing"
)

// TestPluginHardships meets the plain misfortunes of a cloud with real containers: the user is
// told, nothing is left, and life goes on.
func TestPluginHardships(t *testing.T) {
	b := startBetween(t, "")
	l := b.life("--subnet 10.6.0.0/29 --gateway 10.6.0.1", "")
	l.must(l.create)
	before := l.state()
	network := b.idOf("networks", "description", "Docker network ")
	told := func(what, says string, out string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(out, says) {
			t.Errorf("%s: %v: %s", what, err, out)
		}
		_, _ = l.stop()
		l.backTo(before, what)
	}

	// A full subnet: 10.6.0.2 is DHCP's or free, up to 10.6.0.6.
	var taken []string
	for range 5 {
		var made struct{ Port struct{ ID string } }
		b.neutron("POST", "ports", object{"port": object{"network_id": network, "name": "filler"}}, &made)
		taken = append(taken, made.Port.ID)
	}
	out, err := l.start()
	_, _ = l.stop()
	for _, id := range taken {
		b.neutron("DELETE", "ports/"+id, nil, nil)
	}
	told("a full subnet", "No more IP addresses", out, err)

	// The quota of ports is reached.
	b.neutron("PUT", "quotas/"+b.project, object{"quota": object{"port": 0}}, nil)
	out, err = l.start()
	b.neutron("PUT", "quotas/"+b.project, object{"quota": object{"port": -1}}, nil)
	told("the quota is reached", "uota", out, err)

	// The port is deleted behind our back, with its container running.
	l.must(l.startNamed)
	b.neutron("DELETE", "ports/"+b.idOf("ports", "device_owner", "compute:kuryr"), nil, nil)
	l.must(l.stop)
	l.backTo(before, "rm of a container whose port is gone")

	// The bridge is gone: it is made again.
	if out, err := b.both("ip", "link", "delete", ("brq" + network)[:14]); err != nil {
		t.Logf("no bridge to delete: %s", out)
	}
	l.must(l.startNamed)
	l.must(l.stop)
	l.backTo(before, "rm of a container whose bridge was gone before")
	l.must(l.remove)
}

// both is try with both outputs in one.
func (b *between) both(name string, args ...string) (string, error) {
	out, stderr, err := b.try(name, args...)
	return out + stderr, err
}

// idOf returns the id of the one resource of a kind whose attribute begins so.
func (b *between) idOf(kind, attribute, value string) (id string) {
	b.tb.Helper()
	var found map[string][]map[string]any
	b.neutron("GET", kind, nil, &found)
	for _, one := range found[kind] {
		if has, _ := one[attribute].(string); strings.HasPrefix(has, value) {
			id, _ = one["id"].(string)
		}
	}
	if id == "" {
		b.tb.Fatalf("there is none among the %s whose %s begins with %q", kind, attribute, value)
	}
	return id
}
