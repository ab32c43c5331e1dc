package libnetwork_test

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gozun/gozun/internal/keystone"
	"github.com/gozun/gozun/internal/neutron"
)

// realServices tells where a real Keystone and Neutron are for these tests to run on: what
// is in the services.env of tests/openstack that GOZUN_OPENSTACK names. Without it there are
// none, and minicloud serves. What is written there is for shells: NAME=value.
func realServices() map[string]string {
	text, err := os.ReadFile(os.Getenv("GOZUN_OPENSTACK"))
	if err != nil {
		return nil
	}
	set := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			set[name] = value
		}
	}
	return set
}

// embeddedOnly skips a test where Neutron is a real one, and says why.
func embeddedOnly(tb testing.TB, why string) {
	tb.Helper()
	if realServices() != nil {
		tb.Skip("on minicloud only: " + why)
	}
}

// mustRealCloud is the cloud that is up. What a test leaves in it, because it failed or
// because it is about leftovers, is removed when the test ends: the next one looks at all
// that there is.
func mustRealCloud(tb testing.TB, real map[string]string) *cloud {
	tb.Helper()
	open := func(user, project string) *keystone.Session {
		return keystone.Open(keystone.Credentials{
			AuthURL: real["OPENSTACK_AUTH_URL"], Username: user, Password: real["OPENSTACK_SERVICE_PASSWORD"], ProjectName: project,
			UserDomainName: "Default", ProjectDomainName: "Default", Region: real["OPENSTACK_REGION"],
		}, slog.New(slog.DiscardHandler))
	}
	if dir := real["OVS_RUNDIR"]; dir != "" {
		tb.Setenv("OVS_RUNDIR", dir)
	}
	c := newCloud(open("demo", "demo"), open("kuryr", "service"))
	before := c.everything(tb)
	tb.Cleanup(func() { c.empty(tb, before) })
	return c
}

// tagging is how many calls more it takes to tag a new port: a Neutron without the extension
// tag_ports_during_bulk_creation, which few have, does not heed the tags in the request.
func (c *cloud) tagging() int {
	if realServices() != nil {
		return 1
	}
	return 0
}

// emptied are the kinds of things that tests make, in the order in which they can go.
func emptied() []string {
	return []string{"ports", "subnets", "networks", "subnetpools", "security-groups"}
}

// everything returns the ids of all that there is, by kind.
func (c *cloud) everything(tb testing.TB) map[string][]string {
	tb.Helper()
	admin, all := neutron.New(c.session, neutron.Options{}), map[string][]string{}
	for _, kind := range emptied() {
		for _, record := range got(admin.FindRecords(context.Background(), kind, url.Values{}))(tb) {
			if record["name"] != "default" { // a project's group, which Neutron makes by itself
				all[kind] = append(all[kind], record["id"].(string))
			}
		}
	}
	return all
}

// empty removes all that was not there before.
func (c *cloud) empty(tb testing.TB, before map[string][]string) {
	tb.Helper()
	admin, now := neutron.New(c.session, neutron.Options{}), c.everything(tb)
	for _, kind := range emptied() {
		for _, id := range now[kind] {
			if slices.Contains(before[kind], id) {
				continue
			}
			if err := admin.DeleteRecord(context.Background(), kind, id); err != nil {
				tb.Errorf("cannot clean up: %v", err)
			}
		}
	}
}
