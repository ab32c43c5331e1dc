package neutron_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/crypto/bcrypt"

	"github.com/gozun/gozun/internal/keystone"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/minicloud/identity"
	"github.com/gozun/gozun/internal/minicloud/network"
	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/zun"
)

// cloud is a real Keystone and Neutron, embedded, with the calls made to Neutron.
type cloud struct {
	testing.TB
	identity  *identity.Service
	url       string
	passwords identity.Passwords

	mu    sync.Mutex
	calls []string
}

func startCloud(t *testing.T) *cloud {
	t.Helper()
	db, err := kv.Open(filepath.Join(t.TempDir(), "kv.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c := &cloud{TB: t}
	c.identity, err = identity.New(identity.Config{DB: db, Log: slog.New(slog.DiscardHandler), BcryptCost: bcrypt.MinCost})
	if err != nil {
		t.Fatal(err)
	}
	networks, err := network.New(network.Config{DB: db, Validate: c.identity.Validate, Host: "here"})
	if err != nil {
		t.Fatal(err)
	}
	keystone := httptest.NewServer(c.identity.Handler())
	t.Cleanup(keystone.Close)
	server := httptest.NewServer(networks.Handler())
	t.Cleanup(server.Close)
	c.url = keystone.URL
	c.passwords, err = c.identity.Bootstrap(t.Context(), identity.Bootstrap{Endpoints: map[string]string{"network": server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cloud) session(user, project string) *keystone.Session {
	return keystone.Open(keystone.Credentials{
		AuthURL: c.url, Username: user, Password: c.passwords[user], ProjectName: project,
	}, slog.New(slog.DiscardHandler))
}

func (c *cloud) client(user, project string) *neutron.Client {
	return neutron.New(c.session(user, project), neutron.Options{OnCall: func(verb string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calls = append(c.calls, verb)
	}})
}

// took returns the calls made since it was last asked.
func (c *cloud) took() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

// must returns the value of a call that may not fail.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestMakeFindChangeAndDelete(t *testing.T) {
	c := startCloud(t)
	ctx, client := t.Context(), c.client("kuryr", "service")
	project := must[string](t)(c.session("demo", "demo").ProjectID(ctx))
	cidr, gateway := netip.MustParsePrefix("10.2.0.0/24"), netip.MustParseAddr("10.2.0.7")

	net := must[zun.NeutronNetwork](t)(client.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "net", ProjectID: project, Tags: []string{"a", "b,c"}}))
	pool := must[zun.NeutronPool](t)(client.CreatePool(ctx, zun.NeutronPoolSpec{
		Name: "pool", ProjectID: project, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16")}, DefaultPrefixLen: 24, Tags: []string{"p"},
	}))
	subnet := must[zun.NeutronSubnet](t)(client.CreateSubnet(ctx, zun.NeutronSubnetSpec{
		Name: "subnet", ProjectID: project, NetworkID: net.ID, CIDR: cidr, PoolID: pool.ID, Gateway: gateway, EnableDHCP: true, Tags: []string{"s"},
	}))
	bare := must[zun.NeutronSubnet](t)(client.CreateSubnet(ctx, zun.NeutronSubnetSpec{
		Name: "bare", ProjectID: project, NetworkID: net.ID, CIDR: netip.MustParsePrefix("fd00::/64"), NoGateway: true,
	}))
	port := must[zun.Port](t)(client.CreatePort(ctx, zun.PortSpec{
		Name: "port", ProjectID: project, NetworkID: net.ID, MAC: "FA:16:3E:00:00:01", Host: "here", DeviceID: "device", DeviceOwner: zun.DeviceOwner,
		FixedIPs: []zun.Address{{IP: netip.MustParseAddr("10.2.0.9"), SubnetID: subnet.ID}, {SubnetID: bare.ID}}, Tags: []string{"x", "y"},
	}))

	unordered := cmpopts.SortSlices(strings.Compare)
	same := func(what string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got, unordered, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	same("network", zun.NeutronNetwork{ID: net.ID, Name: "net", ProjectID: project, MTU: net.MTU, Tags: []string{"a", "b,c"}, CreatedAt: net.CreatedAt}, net)
	same("pool", zun.NeutronPool{ID: pool.ID, Name: "pool", ProjectID: project, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16")}, Tags: []string{"p"}, DefaultPrefixLen: 24}, pool)
	same("subnet", zun.NeutronSubnet{
		ID: subnet.ID, Name: "subnet", ProjectID: project, NetworkID: net.ID, CIDR: cidr, Gateway: gateway, PoolID: pool.ID, EnableDHCP: true, Tags: []string{"s"},
	}, subnet)
	same("subnet without a gateway", zun.NeutronSubnet{ID: bare.ID, Name: "bare", ProjectID: project, NetworkID: net.ID, CIDR: netip.MustParsePrefix("fd00::/64")}, bare)
	if len(port.FixedIPs) != 2 || len(port.SecurityGroups) != 1 || net.MTU == 0 || net.CreatedAt == "" {
		t.Fatalf("port is %+v, network %+v", port, net)
	}
	want := zun.Port{
		ID: port.ID, Name: "port", ProjectID: project, NetworkID: net.ID, MAC: "fa:16:3e:00:00:01",
		FixedIPs:       []zun.Address{{IP: netip.MustParseAddr("10.2.0.9"), SubnetID: subnet.ID}, {IP: port.FixedIPs[1].IP, SubnetID: bare.ID}},
		SecurityGroups: port.SecurityGroups, DeviceID: "device", DeviceOwner: zun.DeviceOwner, Host: "here",
		VIFType: "bridge", VIFDetails: map[string]any{"connectivity": "l2", "port_filter": true}, VNICType: "normal",
		Status: "DOWN", AdminStateUp: true, Tags: []string{"x", "y"}, Revision: port.Revision,
	}
	same("port", want, port)
	same("port shown", want, must[zun.Port](t)(client.Port(ctx, port.ID)))
	shown := must[zun.NeutronNetwork](t)(client.Network(ctx, net.ID))
	same("its subnets", []string{bare.ID, subnet.ID}, shown.SubnetIDs)

	for name, query := range map[string]zun.NeutronQuery{
		"id": {ID: port.ID}, "name": {Name: "port"}, "mac": {MAC: "fa:16:3e:00:00:01"}, "device": {DeviceID: "device", NetworkID: net.ID},
		"address": {IP: netip.MustParseAddr("10.2.0.9"), SubnetID: subnet.ID}, "subnet": {SubnetID: bare.ID}, "tags": {Tags: []string{"y", "x"}, ProjectID: project},
	} {
		same("ports by "+name, []zun.Port{want}, must[[]zun.Port](t)(client.FindPorts(ctx, query)))
	}
	no := false
	same("no port", 0, len(must[[]zun.Port](t)(client.FindPorts(ctx, zun.NeutronQuery{Tags: []string{"x", "z"}}))))
	same("subnets", []zun.NeutronSubnet{subnet}, must[[]zun.NeutronSubnet](t)(client.FindSubnets(ctx, zun.NeutronQuery{CIDR: cidr, PoolID: pool.ID, NetworkID: net.ID})))
	same("pools", []zun.NeutronPool{pool}, must[[]zun.NeutronPool](t)(client.FindPools(ctx, zun.NeutronQuery{Name: "pool", Shared: &no})))
	same("networks", []zun.NeutronNetwork{shown}, must[[]zun.NeutronNetwork](t)(client.FindNetworks(ctx, zun.NeutronQuery{Name: "net"})))
	groups := must[[]zun.SecurityGroup](t)(client.FindSecurityGroups(ctx, zun.NeutronQuery{Name: "default", ProjectID: project}))
	same("groups", []zun.SecurityGroup{{ID: port.SecurityGroups[0], Name: "default", ProjectID: project, Description: groups[0].Description}}, groups)

	empty, name := "", "renamed"
	changed := must[zun.Port](t)(client.UpdatePort(ctx, port.ID, zun.PortChange{Name: &name, Host: &empty, DeviceID: &empty, DeviceOwner: &empty}))
	if changed.Name != name || changed.Host != "" || changed.VIFType != "unbound" || changed.DeviceID != "" || changed.DeviceOwner != "" || changed.MAC != want.MAC {
		t.Errorf("changed port is %+v", changed)
	}
	for range 2 {
		for what, err := range map[string]error{
			"port": client.DeletePort(ctx, port.ID), "subnet": client.DeleteSubnet(ctx, subnet.ID), "other subnet": client.DeleteSubnet(ctx, bare.ID),
		} {
			if err != nil {
				t.Errorf("delete %s: %v", what, err)
			}
		}
	}
	for range 2 {
		if err := client.DeletePool(ctx, pool.ID); err != nil {
			t.Error(err)
		}
		if err := client.DeleteNetwork(ctx, net.ID); err != nil {
			t.Error(err)
		}
	}
}

func TestTags(t *testing.T) {
	c := startCloud(t)
	ctx, client := t.Context(), c.client("demo", "demo")
	net := must[zun.NeutronNetwork](t)(client.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "net"}))
	if err := client.ReplaceTags(ctx, "networks", net.ID, []string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := client.AddTag(ctx, "networks", net.ID, "kuryr.net.uuid.lh:0"); err != nil {
			t.Fatal(err)
		}
		if err := client.RemoveTag(ctx, "networks", net.ID, "a"); err != nil {
			t.Fatal(err)
		}
	}
	tags := must[zun.NeutronNetwork](t)(client.Network(ctx, net.ID)).Tags
	slices.Sort(tags)
	if diff := cmp.Diff([]string{"b", "kuryr.net.uuid.lh:0"}, tags); diff != "" {
		t.Error(diff)
	}
	if err := client.AddTag(ctx, "networks", "nope", "a"); !zun.IsNotFound(err) {
		t.Errorf("a tag on nothing: %v", err)
	}
	if err := client.RemoveTag(ctx, "networks", "nope", "a"); err != nil {
		t.Errorf("a tag off nothing: %v", err)
	}
	if err := client.AddTag(ctx, "networks", net.ID, ""); zun.CodeOf(err) != zun.CodeInvalid {
		t.Errorf("an empty tag: %v", err)
	}
}

func TestSeveralPortsAreAllOrNone(t *testing.T) {
	c := startCloud(t)
	ctx, client := t.Context(), c.client("kuryr", "service")
	net := must[zun.NeutronNetwork](t)(client.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "net"}))
	spec := zun.PortSpec{NetworkID: net.ID, Host: "here", DeviceOwner: zun.DeviceOwner, DeviceID: "a"}
	other := spec
	other.DeviceID = "b"
	c.took()
	made, err := client.CreatePorts(ctx, []zun.PortSpec{spec, other})
	if err != nil || len(made) != 2 || made[0].DeviceID != "a" || made[1].DeviceID != "b" || made[1].Host != "here" || made[0].MAC == made[1].MAC {
		t.Errorf("%v, %+v", err, made)
	}
	if diff := cmp.Diff([]string{"POST ports"}, c.took()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	other.MAC = made[0].MAC
	if _, err := client.CreatePorts(ctx, []zun.PortSpec{spec, other}); zun.CodeOf(err) != zun.CodeConflict || !strings.Contains(err.Error(), "cannot create 2 ports") {
		t.Errorf("with a MAC that is taken: %v", err)
	}
	if all := must[[]zun.Port](t)(client.FindPorts(ctx, zun.NeutronQuery{NetworkID: net.ID})); len(all) != 2 {
		t.Errorf("%d ports afterwards", len(all))
	}
}

func TestACallIsOneRequest(t *testing.T) {
	c := startCloud(t)
	ctx, client := t.Context(), c.client("kuryr", "service")
	net := must[zun.NeutronNetwork](t)(client.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "net"}))
	port := must[zun.Port](t)(client.CreatePort(ctx, zun.PortSpec{NetworkID: net.ID, Tags: []string{"first"}})) // learns the extensions
	c.took()
	must[zun.Port](t)(client.CreatePort(ctx, zun.PortSpec{NetworkID: net.ID, Host: "here", Tags: []string{"a"}}))
	must[zun.Port](t)(client.UpdatePort(ctx, port.ID, zun.PortChange{}))
	if err := client.RemoveTag(ctx, "ports", port.ID, "first"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"POST ports", "GET ports", "DELETE ports"}, c.took()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestAsUserHasOnlyTheUsersRights(t *testing.T) {
	c := startCloud(t)
	ctx, own := t.Context(), c.client("zun", "service")
	session := c.session("demo", "demo")
	token := must[string](t)(session.Token(ctx))
	user := own.As(token)
	net := must[zun.NeutronNetwork](t)(user.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "net"}))
	if project := must[string](t)(session.ProjectID(ctx)); net.ProjectID != project {
		t.Errorf("the network is project %s's, not %s's", net.ProjectID, project)
	}
	if _, err := user.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "net", Shared: true}); zun.CodeOf(err) != zun.CodePolicyNotAuthorized {
		t.Errorf("a user shares a network: %v", err)
	}
	must[zun.NeutronNetwork](t)(own.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "net", Shared: true}))
	for _, bad := range []string{"over", ""} {
		c.took()
		if _, err := own.As(bad).FindNetworks(ctx, zun.NeutronQuery{}); zun.CodeOf(err) != zun.CodeUnauthorized {
			t.Errorf("the token %q gives %v", bad, err)
		}
		if calls := c.took(); len(calls) != 1 {
			t.Errorf("the token %q was tried by %v", bad, calls)
		}
	}
}

func TestOwnTokenIsRenewedOnce(t *testing.T) {
	c := startCloud(t)
	session := c.session("kuryr", "service")
	client := neutron.New(session, neutron.Options{})
	must[[]zun.Port](t)(client.FindPorts(t.Context(), zun.NeutronQuery{}))
	old := must[string](t)(session.Token(t.Context()))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, c.url+"/v3/auth/tokens", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Auth-Token", old)
	request.Header.Set("X-Subject-Token", old)
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusNoContent {
		t.Fatal(response, err)
	}
	response.Body.Close()
	must[[]zun.Port](t)(client.FindPorts(t.Context(), zun.NeutronQuery{}))
	if must[string](t)(session.Token(t.Context())) == old {
		t.Error("the session still has the revoked token")
	}
}

func TestNeutronsRefusals(t *testing.T) {
	c := startCloud(t)
	ctx, client := t.Context(), c.client("demo", "demo")
	net := must[zun.NeutronNetwork](t)(client.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "net"}))
	spec := zun.NeutronSubnetSpec{NetworkID: net.ID, CIDR: netip.MustParsePrefix("10.2.0.0/24")}
	subnet := must[zun.NeutronSubnet](t)(client.CreateSubnet(ctx, spec))
	taken := zun.PortSpec{NetworkID: net.ID, FixedIPs: []zun.Address{{IP: netip.MustParseAddr("10.2.0.9"), SubnetID: subnet.ID}}}
	must[zun.Port](t)(client.CreatePort(ctx, taken))
	missing := "00000000-0000-0000-0000-000000000000"
	for name, test := range map[string]struct {
		do   func() error
		code zun.Code
		says string
	}{
		"no such port":      {func() error { _, err := client.Port(ctx, missing); return err }, zun.CodePortNotFound, "cannot show port " + missing + ": "},
		"no such network":   {func() error { _, err := client.Network(ctx, missing); return err }, zun.CodeNetworkNotFound, missing},
		"port on nothing":   {func() error { _, err := client.CreatePort(ctx, zun.PortSpec{NetworkID: missing}); return err }, zun.CodeNetworkNotFound, "cannot create port on network " + missing + ": "},
		"address in use":    {func() error { _, err := client.CreatePort(ctx, taken); return err }, zun.CodeConflict, "10.2.0.9"},
		"overlap":           {func() error { _, err := client.CreateSubnet(ctx, spec); return err }, zun.CodeInvalid, "10.2.0.0/24"},
		"network in use":    {func() error { return client.DeleteNetwork(ctx, net.ID) }, zun.CodeConflict, net.ID},
		"empty id":          {func() error { return client.DeleteNetwork(ctx, "") }, zun.CodeInvalid, "empty"},
		"change of nothing": {func() error { _, err := client.UpdatePort(ctx, missing, zun.PortChange{}); return err }, zun.CodePortNotFound, missing},
		"a path for an id":  {func() error { _, err := client.Port(ctx, "../networks"); return err }, zun.CodePortNotFound, "../networks"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.do()
			if zun.CodeOf(err) != test.code || err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("code %q, %v; want %q and %q", zun.CodeOf(err), err, test.code, test.says)
			}
		})
	}
}
