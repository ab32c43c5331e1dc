package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What is installed runs from where it is put: programs, units that systemd takes, man
// pages that man shows.
func TestInstall(t *testing.T) {
	if os.Getenv("GOZUN_E2E") == "" {
		t.Skip("end-to-end tests run with GOZUN_E2E=1")
	}
	prefix := filepath.Join(t.TempDir(), "prefix")
	if out, err := exec.Command("../../scripts/install.sh", prefix).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"zun", "zund", "kuryr-libnetwork", "neutron-lite"} {
		if out, err := exec.Command(filepath.Join(prefix, "bin", name), "--help").CombinedOutput(); err != nil || len(out) == 0 {
			t.Errorf("%s --help: %v\n%s", name, err, out)
		}
	}
	pages, err := filepath.Glob(filepath.Join(prefix, "share/man/man*/*"))
	if err != nil || len(pages) < 3 {
		t.Errorf("man pages: %q %v", pages, err)
	}
	if man, err := exec.LookPath("man"); err == nil {
		for _, page := range pages {
			if out, err := exec.Command(man, "--warnings", "-l", page).CombinedOutput(); err != nil || strings.Contains(string(out), "warning:") {
				t.Errorf("%s: %v\n%s", page, err, out)
			}
		}
	}
	units, err := filepath.Glob(filepath.Join(prefix, "lib/systemd/system/*.service"))
	if err != nil || len(units) != 2 {
		t.Errorf("units: %q %v", units, err)
	}
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil || !strings.Contains(string(text), "ExecStart="+prefix+"/bin/") || !strings.Contains(string(text), "Before=docker.service") {
			t.Errorf("%s: %v\n%s", unit, err, text)
		}
	}
	if analyze, err := exec.LookPath("systemd-analyze"); err == nil {
		out, err := exec.Command(analyze, append([]string{"verify", "--man=no"}, units...)...).CombinedOutput()
		if err != nil || strings.Contains(string(out), prefix) {
			t.Errorf("systemd does not take the units: %v\n%s", err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(prefix, "share/doc/gozun/kuryr.conf")); err != nil {
		t.Error(err)
	}
	if out, err := exec.Command("../../scripts/install.sh", "relative").CombinedOutput(); err == nil || !strings.Contains(string(out), "absolute") {
		t.Errorf("a relative prefix: %v\n%s", err, out)
	}
}
