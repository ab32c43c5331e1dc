package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rules is a policy.yaml that is edited under a running zund, as configuration managers do:
// the file is exchanged.
type rules struct {
	tb   testing.TB
	path string
}

func (r rules) become(text string) {
	r.tb.Helper()
	if err := os.WriteFile(r.path+".new", []byte(text), 0o600); err != nil {
		r.tb.Fatal(err)
	}
	if err := os.Rename(r.path+".new", r.path); err != nil {
		r.tb.Fatal(err)
	}
}

// A policy file that is edited is obeyed without a restart. One that cannot be used, or is
// gone, changes nothing, and the log says why and where.
func TestPolicyIsReadAgain(t *testing.T) {
	policy := rules{t, filepath.Join(t.TempDir(), "policy.yaml")}
	policy.become("# nothing yet\n")
	c := startCloud(t, "", "--policy-file", policy.path)
	u, admin := c.demo(), c.admin()
	may := func() bool {
		t.Helper()
		_, stderr, err := u.try(program("zun"), "registry-list")
		if err != nil && !strings.Contains(stderr, "Policy doesn't allow registry:get_all to be performed") {
			t.Fatalf("refused for another reason: %v %s", err, stderr)
		}
		return err == nil
	}
	log := func() string {
		t.Helper()
		text, err := os.ReadFile(c.log)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if !may() {
		t.Fatal("by default everybody lists the registries of the project")
	}
	policy.become(`"registry:get_all": "role:admin"` + "\n")
	until(t, "the edited policy is obeyed", func() bool { return !may() })
	admin.zun("registry-list")
	for complaint, text := range map[string]string{
		"registry:get_all": `"registry:get_all": "role:admin or"` + "\n", // allowing more, were it not broken
		"[1:":              "\"registry:get_all\": \"\"\n: [\n",
		"rule \\\"registry:get_all\\\" is not a string": "registry:get_all: true\n",
	} {
		before := len(log())
		policy.become(text)
		until(t, "the log tells of "+text, func() bool { return strings.Contains(log()[before:], "cannot be used; the rules stay as they were") })
		if told := log()[before:]; !strings.Contains(told, policy.path) || !strings.Contains(told, complaint) {
			t.Errorf("%s: the log says\n%s", text, told)
		}
		if may() {
			t.Errorf("%s changed the policy", text)
		}
		admin.zun("registry-list")
	}
	before := len(log())
	if err := os.Remove(policy.path); err != nil {
		t.Fatal(err)
	}
	until(t, "the log tells that the file is gone", func() bool { return strings.Contains(log()[before:], "no such file or directory") })
	if may() {
		t.Error("without the file the policy is another one")
	}
	policy.become("# as it was\n")
	until(t, "the mended policy is obeyed", may)
}
