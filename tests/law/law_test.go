package law

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gozun/gozun/"

// rooms says which packages of the module each package may import. A package that is not
// listed may not exist. Tests are free: they wire rooms together to try them.
var rooms = map[string][]string{
	"zun":      {},
	"client":   {"zun"},
	"cmd/zun":  {"internal/cli"},
	"cmd/zund": {"internal/solo", "internal/config", "internal/keystone", "internal/policy"},
	"cmd/kuryr-libnetwork": {
		"zun", "internal/config", "internal/keystone", "internal/neutron", "internal/kv",
		"internal/kuryr", "internal/kuryr/libnetwork", "internal/kuryr/check", "internal/binding", "internal/link",
		"internal/metrics", "internal/sdnotify", "internal/ovsdb",
	},

	// the control side
	"internal/api":       {"zun", "internal/control", "internal/policy", "internal/metrics"},
	"internal/control":   {"zun", "internal/scheduler", "internal/policy"},
	"internal/scheduler": {"zun"},
	"internal/policy":    {"zun"},
	"internal/store":     {"zun"},
	"internal/vault":     {},

	"internal/console": {"zun"},

	// the node
	"internal/node":        {"zun"},
	"internal/node/docker": {"zun", "internal/node"},

	// the plugin
	"internal/kuryr":            {"zun", "internal/kv", "internal/binding"},
	"internal/kuryr/libnetwork": {"zun", "internal/kuryr"},
	"internal/kuryr/check":      {"zun"},
	"internal/binding":          {"zun", "internal/link", "internal/ovsdb"},

	// the embedded cloud
	"internal/minicloud":           {},
	"internal/minicloud/identity":  {"zun", "internal/kv"},
	"internal/minicloud/network":   {"zun", "internal/kv", "internal/minicloud"},
	"internal/minicloud/dataplane": {"internal/minicloud", "internal/link"},

	// adapters that several rooms use
	"internal/keystone": {"zun"},
	"internal/neutron":  {"zun", "internal/keystone"},
	"internal/kv":       {},
	"internal/link":     {},
	"internal/ovsdb":    {},
	"internal/config":   {},
	"internal/metrics":  {"zun"},
	"internal/sdnotify": {},
	"internal/cli":      {"zun", "client", "internal/keystone", "internal/neutron"},

	// who knows everyone
	"internal/solo": {
		"zun", "internal/api", "internal/console", "internal/control", "internal/policy", "internal/store", "internal/vault", "internal/metrics",
		"internal/node", "internal/node/docker", "internal/kuryr", "internal/kuryr/libnetwork",
		"internal/binding", "internal/minicloud/identity", "internal/minicloud/network",
		"internal/minicloud/dataplane", "internal/keystone", "internal/neutron", "internal/kv", "internal/link", "internal/sdnotify",
	},

	"tests/bench":          {"zun", "internal/store", "internal/link"},
	"tests/contract":       {},
	"tests/law":            {},
	"tests/e2e":            {},
	"tests/image/server":   {},
	"tests/pty":            {},
	"tests/registry":       {},
	"tests/registry/serve": {"tests/registry"},
}

// libraries says which packages may import a third-party module (longest prefix wins). A
// library that is not listed may not be imported.
var libraries = map[string][]string{
	"github.com/gophercloud/gophercloud/v2":    {"internal/keystone", "internal/neutron"},
	"github.com/moby/moby":                     {"internal/node/docker"},
	"github.com/moby/docker-image-spec":        {"internal/node/docker"},
	"github.com/containerd/errdefs":            {"internal/node/docker"},
	"github.com/opencontainers/image-spec":     {"internal/node/docker"},
	"github.com/distribution/reference":        {"internal/node/docker"},
	"github.com/vishvananda":                   {"internal/link"},
	"github.com/google/nftables":               {"internal/minicloud/dataplane"},
	"github.com/mdlayher/netlink":              {"internal/minicloud/dataplane"},
	"go4.org/netipx":                           {"internal/minicloud/network"},
	"go.etcd.io/bbolt":                         {"internal/kv"},
	"github.com/uptrace/bun":                   {"internal/store"},
	"modernc.org/sqlite":                       {"internal/store"},
	"github.com/spf13":                         {"internal/cli"},
	"github.com/jedib0t/go-pretty/v6":          {"internal/cli"},
	"golang.org/x/term":                        {"internal/cli"},
	"github.com/santhosh-tekuri/jsonschema/v6": {"internal/api"},
	"github.com/prometheus/client_golang":      {"internal/metrics"},
	"github.com/goccy/go-yaml":                 {"internal/policy", "internal/keystone", "internal/cli"},
	"github.com/coder/websocket":               {"internal/console", "client"}, // the two ends of a console
	"golang.org/x/crypto":                      {"internal/minicloud/identity"},
	"golang.org/x/sys":                         {"internal/link", "internal/minicloud/dataplane", "tests/pty"},
	"golang.org/x/text":                        {"internal/api"},
	"golang.org/x/sync":                        nil, // anyone: it is the standard library's workshop
	"github.com/google/uuid":                   nil, // anyone: ids are made everywhere
	"github.com/cenkalti/backoff/v5":           nil, // anyone: retries are everywhere
}

// none forbids a package of the standard library to a room.
var forbidden = map[string][]string{
	"internal/api":     {"database/sql"},
	"internal/control": {"database/sql", "net/http"},
	"internal/node":    {"database/sql", "net/http"},
	"internal/store":   {"net/http"},
	"zun":              {"net/http", "database/sql"},
}

type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	command := exec.Command("go", "list", "-json=ImportPath,Standard,Imports", "./...")
	command.Dir = "../.."
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var packages []listed
	for decoder := json.NewDecoder(out); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
	if err := command.Wait(); err != nil {
		t.Fatalf("go list: %v", err)
	}
	return packages
}

func TestWhoMayImportWhom(t *testing.T) {
	packages := listPackages(t)
	if len(packages) < 10 {
		t.Fatalf("go list shows %d packages; the law was not applied to anything", len(packages))
	}
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := rooms[name]
		if !known {
			t.Errorf("%s is not in the table of rooms: say there what it may import", name)
			continue
		}
		for _, imported := range p.Imports {
			if complaint := judge(name, allowed, imported); complaint != "" {
				t.Errorf("%s imports %s: %s", name, imported, complaint)
			}
		}
	}
}

// judge returns why name may not import the package, or "".
func judge(name string, allowed []string, imported string) string {
	if own, ours := strings.CutPrefix(imported, module); ours {
		if !slices.Contains(allowed, own) {
			return "the law allows it only " + strings.Join(allowed, ", ")
		}
		return ""
	}
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") { // the standard library
		if slices.Contains(forbidden[name], imported) {
			return "this room must not know it"
		}
		return ""
	}
	return judgeLibrary(name, imported)
}

func judgeLibrary(name, imported string) string {
	best := ""
	for library := range libraries {
		inside := imported == library || strings.HasPrefix(imported, library+"/")
		if inside && len(library) > len(best) {
			best = library
		}
	}
	switch importers, listed := libraries[best]; {
	case !listed:
		return "the library is not in the table: argue it in the commit that adds it"
	case importers == nil || slices.Contains(importers, name):
		return ""
	default:
		return "only " + strings.Join(importers, ", ") + " may"
	}
}

func TestTheLawCanFail(t *testing.T) {
	for _, c := range []struct{ name, imported string }{
		{"zun", module + "internal/store"},
		{"internal/api", module + "internal/node"},
		{"internal/api", "database/sql"},
		{"internal/node", module + "internal/kuryr"},
		{"internal/node", "github.com/vishvananda/netlink"},
		{"internal/cli", "github.com/gophercloud/gophercloud/v2/openstack"},
		{"internal/api", "example.org/unheard/of"},
	} {
		if judge(c.name, rooms[c.name], c.imported) == "" {
			t.Errorf("the law lets %s import %s", c.name, c.imported)
		}
	}
}
