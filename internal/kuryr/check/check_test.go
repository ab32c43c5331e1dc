package check_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/kuryr/check"
	"github.com/gozun/gozun/zun"
)

const (
	netID  = "11111111-2222-4333-8444-555555555555"
	portID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
)

// world is a host, its Docker and its cloud, as the checks see them.
type world struct {
	activation check.Activation
	activate   error
	left       []check.Leftover
	leftErr    error
	files      []check.PluginFile
	filesErr   error
	engine     check.Engine
	engineErr  error
	login      error
	extensions []string
	neutron    error // of every call to Neutron
	failing    map[string]error
	agents     []zun.NeutronAgent
	sees       bool
	known      bool
	ports      []zun.Port
	networks   []zun.NeutronNetwork
	pools      []zun.NeutronPool
	links      []check.Link
	linksErr   error
	settings   map[string]string
	ovsdb      error
	config     check.Config
}

func (w *world) Activate(context.Context) (check.Activation, error) { return w.activation, w.activate }

func (w *world) Leftovers(context.Context) ([]check.Leftover, error) { return w.left, w.leftErr }

func (w *world) PluginFiles(context.Context) ([]check.PluginFile, error) {
	return w.files, w.filesErr
}

func (w *world) Engine(_ context.Context, driver string) (check.Engine, error) {
	if driver != w.config.Driver {
		return check.Engine{}, fmt.Errorf("asked for driver %q", driver)
	}
	return w.engine, w.engineErr
}

func (w *world) Token(context.Context) (string, error) { return "t", w.login }

func (w *world) fail(call string) error { return errors.Join(w.neutron, w.failing[call]) }

func (w *world) Extensions(context.Context) ([]string, error) {
	return w.extensions, w.fail("extensions")
}

func (w *world) FindAgents(context.Context) ([]zun.NeutronAgent, error) {
	return w.agents, w.fail("agents")
}

func (w *world) SeesBindings(context.Context) (sees, known bool, err error) {
	return w.sees, w.known, w.fail("bindings")
}

func (w *world) PortsOn(context.Context, string) ([]zun.Port, error) { return w.ports, w.fail("ports") }

func (w *world) FindNetworks(context.Context, zun.NeutronQuery) ([]zun.NeutronNetwork, error) {
	return w.networks, w.fail("networks")
}

func (w *world) FindPools(context.Context, zun.NeutronQuery) ([]zun.NeutronPool, error) {
	return w.pools, w.fail("pools")
}

func (w *world) Links(prefix string) ([]check.Link, error) {
	var found []check.Link
	for _, l := range w.links {
		if strings.HasPrefix(l.Name, prefix) {
			found = append(found, l)
		}
	}
	return found, w.linksErr
}

func (w *world) Setting(key string) (string, error) {
	value, ok := w.settings[key]
	if !ok {
		return "", fmt.Errorf("cannot read: %w", fs.ErrNotExist)
	}
	return value, nil
}

func (w *world) Ping(context.Context) error { return w.ovsdb }

func (w *world) run(ctx context.Context) check.Report {
	c := w.config
	c.Plugin, c.Files, c.Docker, c.Keystone, c.Neutron, c.Kernel, c.OVSDB = w, w, w, w, w, w, w
	return check.Run(ctx, c)
}

// well is a host with nothing wrong.
func well() *world {
	return &world{
		leftErr:    errors.New("404 Not Found"),
		config:     check.Config{Host: "here", Driver: "kuryr", Socket: "/run/docker/plugins/kuryr.sock", Config: "/etc/kuryr/kuryr.conf", Exposes: true, Pools: []string{"mine"}},
		activation: check.Activation{Implements: []string{"NetworkDriver", "IpamDriver"}, Mode: 0o600 | fs.ModeSocket},
		files:      []check.PluginFile{{Path: "/run/docker/plugins/kuryr.sock", Driver: "kuryr", Address: "unix:///run/docker/plugins/kuryr.sock"}},
		engine:     check.Engine{Version: "20.10.24+dfsg1", Networks: []string{"foo"}},
		extensions: []string{"binding", "security-group", "standard-attr-tag", "subnet_allocation"},
		agents: []zun.NeutronAgent{
			{Kind: "Linux bridge agent", Binary: "neutron-linuxbridge-agent", Host: "here", Alive: true, AdminStateUp: true, ID: "a1"},
			{Kind: "DHCP agent", Host: "elsewhere", Alive: false},
			{Kind: "Open vSwitch agent", Host: "there", Alive: true, AdminStateUp: true},
		},
		sees: true, known: true,
		ports:    []zun.Port{{ID: portID, DeviceOwner: zun.DeviceOwner, Status: "DOWN"}},
		networks: []zun.NeutronNetwork{{ID: netID, MTU: 1450}},
		pools:    []zun.NeutronPool{{Name: "mine"}},
		links: []check.Link{
			{Name: "brq11111111-22", Kind: "bridge", MTU: 1450, Up: true},
			{Name: "tapaaaaaaaa-bb", Kind: "veth", MTU: 1450, Up: true},
			{Name: "tap0", Kind: "tun"},
			{Name: "tap_anything_x", Kind: "tun"},
		},
		settings: map[string]string{
			"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "1", "net/bridge/bridge-nf-call-ip6tables": "1",
		},
		ovsdb: errors.New("nobody serves /var/run/openvswitch/db.sock"),
	}
}

func TestAHostThatIsWell(t *testing.T) {
	report := well().run(t.Context())
	checks := []string{}
	for _, f := range report.Findings {
		checks = append(checks, f.Check)
		if f.Level != check.OK || f.Why != "" || f.Do != "" || f.What == "" {
			t.Errorf("%+v", f)
		}
	}
	want := strings.Fields("configuration plugin-socket plugin-files docker docker-driver keystone neutron extensions role agent subnetpool br_netfilter ip_forward bridges mtu leftover-links leftover-ports")
	if diff := cmp.Diff(want, checks); diff != "" {
		t.Error(diff)
	}
	if report.Status != check.OK || report.Status.ExitCode() != 0 || report.Host != "here" {
		t.Errorf("%+v", report)
	}
}

// Each thing that can be wrong is told once, with what, why and what to do, and nothing
// else turns from ok because of it but what depends on it.
func TestWhatCanBeWrong(t *testing.T) {
	away := zun.Errorf(zun.CodeUnavailable, "cannot reach Neutron at http://n")
	for name, test := range map[string]struct {
		spoil func(*world)
		check string
		level check.Level
		says  []string // in what, why or do
		gone  string   // a check that cannot be made
	}{
		"no socket":           {func(w *world) { w.activate = fmt.Errorf("dial: %w", fs.ErrNotExist) }, "plugin-socket", check.Error, []string{"no socket", "systemctl start"}, ""},
		"a dead socket":       {func(w *world) { w.activate = fmt.Errorf("dial: %w", syscall.ECONNREFUSED) }, "plugin-socket", check.Error, []string{"nobody serves", "killed"}, ""},
		"not root":            {func(w *world) { w.activate = fmt.Errorf("dial: %w", fs.ErrPermission) }, "plugin-socket", check.Error, []string{"root"}, ""},
		"a plugin that hangs": {func(w *world) { w.activate = context.DeadlineExceeded }, "plugin-socket", check.Error, []string{"does not answer", "deadline", "restart"}, ""},
		"another plugin":      {func(w *world) { w.activation.Implements = []string{"VolumeDriver"} }, "plugin-socket", check.Error, []string{"VolumeDriver"}, ""},
		"an open socket":      {func(w *world) { w.activation.Mode = 0o666 }, "plugin-socket", check.Warn, []string{"0666", "chmod 600"}, ""},
		"the Python plugin's": {func(w *world) {
			w.files = append(w.files, check.PluginFile{Path: "/usr/lib/docker/plugins/kuryr/kuryr.spec", Driver: "kuryr", Address: "http://127.0.0.1:23750"})
		}, "plugin-files", check.Warn, []string{"kuryr.spec", "23750", "remove"}, ""},
		"a dead other plugin": {func(w *world) {
			w.files = append(w.files, check.PluginFile{Path: "/run/docker/plugins/x.sock", Driver: "x", Address: "unix:///x", Err: syscall.ECONNREFUSED})
		}, "plugin-files", check.Warn, []string{"x.sock", "refused"}, ""},
		"files cannot be read":   {func(w *world) { w.filesErr = fs.ErrPermission }, "plugin-files", check.Warn, []string{"root"}, ""},
		"no Docker":              {func(w *world) { w.engineErr = errors.New("cannot connect to /var/run/docker.sock") }, "docker", check.Error, []string{"docker.sock", "systemctl status docker"}, "docker-driver"},
		"an old Docker":          {func(w *world) { w.engine.Version = "18.09.1" }, "docker", check.Warn, []string{"18.09.1", "20.10"}, ""},
		"a wrong password":       {func(w *world) { w.login = zun.Errorf(zun.CodeUnauthorized, "cannot log in: 401") }, "keystone", check.Error, []string{"401", "/etc/kuryr/kuryr.conf"}, "neutron"},
		"Keystone away":          {func(w *world) { w.login = zun.Errorf(zun.CodeUnavailable, "no answer") }, "keystone", check.Error, []string{"no answer", "curl"}, "neutron"},
		"Neutron away":           {func(w *world) { w.neutron = away }, "neutron", check.Error, []string{"http://n", "endpoint"}, "agent"},
		"no tags":                {func(w *world) { w.extensions = w.extensions[:2] }, "extensions", check.Error, []string{"standard-attr-tag", "subnet_allocation"}, ""},
		"no security groups":     {func(w *world) { w.extensions = []string{"binding", "standard-attr-tag", "subnet_allocation"} }, "extensions", check.Warn, []string{"process_external_connectivity"}, ""},
		"no role":                {func(w *world) { w.sees, w.agents = false, nil }, "role", check.Error, []string{"binding:host_id", "openstack role add"}, "leftover-links"},
		"no role, no port":       {func(w *world) { w.sees, w.known, w.agents = false, false, nil }, "role", check.Error, []string{"binding:host_id"}, "agent"},
		"role service":           {func(w *world) { w.agents = nil }, "role", check.Warn, []string{"agents"}, "agent"},
		"ports cannot be seen":   {func(w *world) { w.failing = map[string]error{"bindings": away} }, "role", check.Error, []string{"http://n"}, ""},
		"agents cannot be seen":  {func(w *world) { w.failing = map[string]error{"agents": away} }, "agent", check.Error, []string{"http://n"}, "role"},
		"a dead agent":           {func(w *world) { w.agents[0].Alive = false }, "agent", check.Error, []string{"not alive", "neutron-linuxbridge-agent"}, ""},
		"an agent off":           {func(w *world) { w.agents[0].AdminStateUp = false }, "agent", check.Warn, []string{"network agent set --enable a1"}, ""},
		"another name":           {func(w *world) { w.agents[0].Host = "HERE.example.org" }, "agent", check.Error, []string{`"here"`, "there", "probably HERE.example.org", "host = HERE.example.org"}, "br_netfilter"},
		"a strange host":         {func(w *world) { w.agents[0].Host = "host-7" }, "agent", check.Error, []string{"host-7, there", "host = NAME"}, "br_netfilter"},
		"no agent anywhere":      {func(w *world) { w.agents = w.agents[1:2] }, "agent", check.Error, []string{"none on any host"}, "br_netfilter"},
		"no such pool":           {func(w *world) { w.pools = nil }, "subnetpool", check.Warn, []string{"0 subnetpools with the name or uuid mine"}, ""},
		"two such pools":         {func(w *world) { w.pools = append(w.pools, w.pools...) }, "subnetpool", check.Warn, []string{"2 subnetpools with the name or uuid mine"}, ""},
		"no Open vSwitch":        {func(w *world) { w.agents[0].Kind = "OVN Controller agent" }, "ovsdb", check.Error, []string{"db.sock", "ovsdb_socket"}, "br_netfilter"},
		"no br_netfilter":        {func(w *world) { delete(w.settings, "net/bridge/bridge-nf-call-iptables") }, "br_netfilter", check.Warn, []string{"modprobe"}, ""},
		"br_netfilter off":       {func(w *world) { w.settings["net/bridge/bridge-nf-call-ip6tables"] = "0" }, "br_netfilter", check.Warn, []string{"net.bridge.bridge-nf-call-ip6tables is 0"}, ""},
		"no forwarding":          {func(w *world) { w.settings["net/ipv4/ip_forward"] = "0" }, "ip_forward", check.Warn, []string{"sysctl -w"}, ""},
		"a bridge is down":       {func(w *world) { w.links[0].Up = false }, "bridges", check.Error, []string{"ip link set brq11111111-22 up"}, ""},
		"a narrow bridge":        {func(w *world) { w.links[0].MTU = 1400 }, "mtu", check.Error, []string{"has 1400", netID, "1450"}, ""},
		"networks unseen":        {func(w *world) { w.failing = map[string]error{"networks": away} }, "mtu", check.Warn, []string{"http://n"}, ""},
		"a link without a port":  {func(w *world) { w.links = append(w.links, check.Link{Name: "t_c99999999-99"}) }, "leftover-links", check.Warn, []string{"t_c99999999-99", "ip link delete"}, ""},
		"a port without a link":  {func(w *world) { w.links = w.links[:1] }, "leftover-ports", check.Warn, []string{portID, "openstack port delete"}, ""},
		"ports cannot be listed": {func(w *world) { w.failing = map[string]error{"ports": away} }, "leftover-links", check.Warn, []string{"http://n"}, "leftover-ports"},
	} {
		t.Run(name, func(t *testing.T) {
			w := well()
			test.spoil(w)
			report := w.run(t.Context())
			if report.Status != test.level || report.Status.ExitCode() != map[check.Level]int{check.Warn: 1, check.Error: 2}[test.level] {
				t.Errorf("status %s", report.Status)
			}
			told := 0
			for _, f := range report.Findings {
				if f.Check == test.gone {
					t.Errorf("it was looked at: %+v", f)
				}
				if f.Level == check.OK {
					continue
				}
				told++
				text := strings.Join([]string{f.What, f.Why, f.Do}, "\n")
				if f.Check != test.check || f.Level != test.level || f.What == "" || f.Why == "" || f.Do == "" {
					t.Errorf("%+v", f)
				}
				for _, word := range test.says {
					if !strings.Contains(text, word) {
						t.Errorf("%q is not in:\n%s", word, text)
					}
				}
			}
			if told != 1 {
				t.Errorf("told %d times: %+v", told, report.Findings)
			}
		})
	}
}

// A plugin that tells what is left behind is believed: it has the records.
func TestThePluginKnowsBestWhatIsLeft(t *testing.T) {
	w := well()
	w.leftErr, w.links = nil, append(w.links, check.Link{Name: "t_c99999999-99"})
	report := w.run(t.Context())
	last := report.Findings[len(report.Findings)-1]
	if last.Check != "leftovers" || report.Status != check.OK {
		t.Errorf("%+v", report)
	}
	w.left = []check.Leftover{{Kind: "port", ID: portID, Reason: "no container has it"}}
	report = w.run(t.Context())
	last = report.Findings[len(report.Findings)-1]
	if last.Level != check.Warn || !strings.Contains(last.What, "port "+portID+" (no container has it)") || last.Do == "" {
		t.Errorf("%+v", last)
	}
}

func TestOptionsWithoutEffectAreTold(t *testing.T) {
	w := well()
	w.config.Ignored = []string{"[DEFAULT] bindir has no effect: x"}
	if report := w.run(t.Context()); report.Status != check.OK || !strings.Contains(report.Findings[0].What, "bindir") {
		t.Errorf("%+v", report.Findings[0])
	}
}

func TestLinksThatCannotBeListedAreToldOnce(t *testing.T) {
	w := well()
	w.linksErr = errors.New("netlink: no")
	report := w.run(t.Context())
	if report.Status != check.Warn {
		t.Errorf("%+v", report)
	}
}

func TestAPortThatIsActiveNeedsNoLinkOfOurs(t *testing.T) {
	w := well()
	w.links, w.ports[0].Status = w.links[:1], "ACTIVE"
	if report := w.run(t.Context()); report.Status != check.OK {
		t.Errorf("%+v", report)
	}
}

// hanging is a Keystone that never answers.
type hanging struct{}

func (hanging) Token(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestNothingIsWaitedForEndlessly(t *testing.T) {
	w := well()
	c := w.config
	c.Each = time.Millisecond
	c.Plugin, c.Files, c.Docker, c.Keystone, c.Neutron, c.Kernel, c.OVSDB = w, w, w, hanging{}, w, w, w
	if report := check.Run(t.Context(), c); report.Status != check.Error {
		t.Errorf("%+v", report)
	}
}

func TestReports(t *testing.T) {
	w := well()
	w.settings["net/ipv4/ip_forward"] = "0"
	w.activate = fs.ErrNotExist
	report := w.run(t.Context())
	var text, raw strings.Builder
	if err := report.WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"error  plugin-socket   no socket at /run/docker/plugins/kuryr.sock\n                       why: ", "\n                       do: ",
		"\nwarn   ip_forward      net.ipv4.ip_forward is 0\n", "\nok     keystone        ", "\n\nHost here: 1 error, 1 warning.\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
	if err := report.WriteJSON(&raw); err != nil {
		t.Fatal(err)
	}
	var back check.Report
	if err := json.Unmarshal([]byte(raw.String()), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report, back); diff != "" || !strings.Contains(raw.String(), `"status": "error"`) {
		t.Error(diff, raw.String())
	}
	text.Reset()
	if err := well().run(t.Context()).WriteTable(&text); err != nil || !strings.Contains(text.String(), "all is well") {
		t.Error(err, text.String())
	}
}
