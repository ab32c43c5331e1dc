package cli_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"github.com/gozun/gozun/internal/cli"
	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/internal/minicloud/identity"
	"github.com/gozun/gozun/internal/minicloud/network"
)

// newMinicloud starts the embedded Keystone and Neutron and returns what an openrc of
// user demo would set.
func newMinicloud(t *testing.T) map[string]string {
	t.Helper()
	db, err := kv.Open(filepath.Join(t.TempDir(), "minicloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	people, err := identity.New(identity.Config{DB: db, Log: slog.New(slog.DiscardHandler), BcryptCost: bcrypt.MinCost})
	if err != nil {
		t.Fatal(err)
	}
	service, err := network.New(network.Config{DB: db, Validate: people.Validate, Host: "here"})
	if err != nil {
		t.Fatal(err)
	}
	keystone, neutron := httptest.NewServer(people.Handler()), httptest.NewServer(service.Handler())
	t.Cleanup(keystone.Close)
	t.Cleanup(neutron.Close)
	passwords, err := people.Bootstrap(context.Background(), identity.Bootstrap{
		Endpoints: map[string]string{"identity": keystone.URL + "/v3", "network": neutron.URL},
	})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"OS_AUTH_URL": keystone.URL + "/v3", "OS_IDENTITY_API_VERSION": "3", "OS_REGION_NAME": "RegionOne",
		"OS_USERNAME": "demo", "OS_PASSWORD": passwords["demo"], "OS_PROJECT_NAME": "demo",
		"OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
	}
}

// ours runs a command line of blank-separated words in this process.
func ours(t *testing.T, environment map[string]string, line string) (stdout string, code int) {
	t.Helper()
	var out, problems bytes.Buffer
	code = cli.Run(context.Background(), strings.Fields(line), strings.NewReader(""), &out, &problems, func(name string) string { return environment[name] })
	if code != 0 {
		t.Logf("%s: exit code %d\n%s", line, code, problems.String())
	}
	return out.String(), code
}

// theirs runs the same line with python-neutronclient.
func theirs(t *testing.T, environment map[string]string, line string) string {
	t.Helper()
	words := strings.Fields(line)
	command := exec.Command("/usr/bin/"+words[0], words[1:]...)
	command.Env = os.Environ()
	for name, value := range environment {
		command.Env = append(command.Env, name+"="+value)
	}
	out, err := command.Output()
	if err != nil {
		t.Fatalf("python's %s: %v", line, err)
	}
	return string(out)
}

// changing are the parts that two creations of the same thing do not share.
var changing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|fa:16:3e:[0-9a-f:]{8}|[0-9a-f]{32}`)

func masked(text string) string {
	return changing.ReplaceAllStringFunc(text, func(found string) string { return strings.Repeat("x", len(found)) })
}

func TestNeutronCommandsPrintWhatPythonsDo(t *testing.T) {
	if _, err := os.Stat("/usr/bin/neutron"); err != nil {
		t.Skipf("needs Debian's python3-neutronclient: %v", err)
	}
	a, b := newMinicloud(t), newMinicloud(t)
	for _, line := range []string{
		"neutron net-create testnet",
		"neutron subnetpool-create --pool-prefix 10.2.0.0/16 testpool",
		"neutron subnet-create --subnetpool testpool --name testsubnet testnet 10.2.0.0/24",
		"neutron port-create --name p --fixed-ip ip_address=10.2.0.77 testnet",
		"neutron security-group-rule-create --direction ingress --protocol tcp --port-range-min 80 --port-range-max 80 default",
		"neutron net-list", "neutron subnetpool-list", "neutron subnet-list", "neutron port-list",
		"neutron subnet-show testsubnet",
		"neutron subnet-list -c name -c cidr -f value", "neutron port-delete p",
	} {
		t.Run(line, func(t *testing.T) {
			got, code := ours(t, a, line)
			if code != 0 {
				t.Fatal("failed")
			}
			want := masked(theirs(t, b, line))
			if diff := cmp.Diff(want, masked(got)); diff != "" {
				t.Errorf("(-python +ours):\n%s", diff)
			}
		})
	}
}
