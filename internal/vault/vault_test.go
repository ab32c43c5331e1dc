package vault

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mustOpen(tb testing.TB, path string) *Vault {
	tb.Helper()
	v, err := Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestSealedTextsComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	v := mustOpen(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v %v", info, err)
	}
	seen := map[string]bool{}
	for _, text := range []string{"", "hunter2", strings.Repeat("ü", 5000), "hunter2"} {
		sealed, err := v.Seal(text, "a")
		if err != nil || seen[sealed] || text != "" && strings.Contains(sealed, text) {
			t.Fatalf("%q sealed: %q %v", text, sealed, err)
		}
		seen[sealed] = true
		for name, opener := range map[string]*Vault{"same": v, "later": mustOpen(t, path)} {
			if got, err := opener.Open(sealed, "a"); err != nil || got != text {
				t.Errorf("%s: %q %v", name, got, err)
			}
		}
		if _, err := v.Open(sealed, "b"); err == nil || !strings.Contains(err.Error(), "changed") {
			t.Errorf("opened for another: %v", err)
		}
	}
}

func TestKeysChange(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	old := mustOpen(t, path)
	sealed, err := old.Seal("hunter2", "a")
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fresh := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", keySize))) + "\n"
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(fresh + string(before))
	both := mustOpen(t, path)
	if got, err := both.Open(sealed, "a"); err != nil || got != "hunter2" || both.Current(sealed) {
		t.Errorf("with both keys: %q %v, current %t", got, err, both.Current(sealed))
	}
	again, err := both.Seal("hunter2", "a")
	if err != nil || !both.Current(again) {
		t.Errorf("sealed anew: %q %v", again, err)
	}
	write(fresh)
	lost := mustOpen(t, path)
	if got, err := lost.Open(again, "a"); err != nil || got != "hunter2" {
		t.Errorf("with the new key: %q %v", got, err)
	}
	_, err = lost.Open(sealed, "a")
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), old.keys[0].id) {
		t.Errorf("with the old key lost: %v", err)
	}
}

func TestBadKeyFilesAreRefused(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(make([]byte, keySize))
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"readable by others": {good, 0o640, "chmod 600"},
		"empty":              {"", 0o600, "no key"},
		"only a comment":     {"# nothing\n", 0o600, "no key"},
		"too short":          {"c2hvcnQ=\n", 0o600, "line 1"},
		"not base64":         {good + "\n!!secret!!\n", 0o600, "line 2"},
	} {
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "!!secret!!") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "missing", "keys")); err == nil {
		t.Error("a directory that is not there")
	}
}

func TestWhatIsNoSealedTextIsRefused(t *testing.T) {
	v := mustOpen(t, filepath.Join(t.TempDir(), "keys"))
	id := v.keys[0].id
	for _, sealed := range []string{"", "hunter2", "v2:" + id + ":AAAA", "v1:" + id + ":", "v1:" + id + ":!", "v1:" + id + ":AAAA", "v1:x:AAAA", "v1:" + id + ":" + strings.Repeat("A", 60)} {
		if text, err := v.Open(sealed, "a"); err == nil {
			t.Errorf("%q opens as %q", sealed, text)
		}
		if strings.HasPrefix(sealed, "v2") && v.Current(sealed) {
			t.Errorf("%q is current", sealed)
		}
	}
}
