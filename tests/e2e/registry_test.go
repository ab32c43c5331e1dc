package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozun/gozun/tests/registry"
)

// The passwords that are typed here. Nobody may ever see one again.
const (
	rightPassword = "se:cret/ü-7c1e5f"
	wrongPassword = "hunter2-9a40d2"
)

// private is a registry on this host's loopback, to which dockerd talks without TLS, that
// wants the user me.
type private struct {
	*registry.Registry
	domain string
}

// aPrivateRegistry serves the image of the tests as app:1, which is not on the host.
func (c *cloud) aPrivateRegistry() private {
	tb := c.tb
	tb.Helper()
	r := &registry.Registry{Username: "me", Password: rightPassword}
	server := httptest.NewServer(r)
	tb.(*testing.T).Cleanup(server.Close)
	p := private{r, strings.TrimPrefix(server.URL, "http://")}
	config := tb.(*testing.T).TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte("me:" + rightPassword))
	if err := os.WriteFile(filepath.Join(config, "config.json"), fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, p.domain, auth), 0o600); err != nil {
		tb.Fatal(err)
	}
	made := c.docker("create", image)
	c.docker("commit", "--change", "LABEL org.gozun.e2e.registry="+p.domain, made, p.image())
	c.docker("rm", made)
	c.docker("--config", config, "push", p.image())
	c.docker("image", "rm", p.image())
	tb.Cleanup(func() { c.try("docker", "image", "rm", "--force", p.image()) })
	return p
}

func (p private) image() string { return p.domain + "/app:1" }

// wasAsked reports whether a registry was asked for the image by the user me.
func (p private) wasAsked() bool {
	return strings.Contains(strings.Join(p.Requests(), "\n"), "/v2/app/manifests/1 as me")
}

// A private image from the first word of its registry to the container, and what is said
// when the password is wrong.
func TestPrivateImages(t *testing.T) {
	c := startCloud(t, "")
	p := c.aPrivateRegistry()
	u := c.demo()
	var said strings.Builder // all that the commands wrote
	zun := func(args ...string) string {
		t.Helper()
		out, stderr, err := u.try(program("zun"), args...)
		said.WriteString(out + stderr)
		if err != nil {
			t.Fatalf("$ zun %s\n%s%s%v", strings.Join(args, " "), out, stderr, err)
		}
		return out
	}
	refused := func(complaint, next string, args ...string) {
		t.Helper()
		stderr := u.fails(program("zun"), args...)
		said.WriteString(stderr)
		if !strings.Contains(stderr, complaint) || !strings.Contains(stderr, next) {
			t.Errorf("$ zun %s\n%s\ndoes not say %q and %q", strings.Join(args, " "), stderr, complaint, next)
		}
	}
	zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	run := func(name string) []string {
		return []string{"run", "--wait", "--net=foo", "--name", name, "--registry", "team", "app:1"}
	}

	zun("registry-create", "--name", "team", "--domain", p.domain, "--username", "me", "--password", wrongPassword)
	refused("does not take the credentials of user me", "zun registry-update", run("refused")...)
	if got := u.show("refused"); got.Status != "Error" || !strings.Contains(got.Reason, "does not take the credentials of user me") {
		t.Errorf("with the wrong password: %+v", got)
	}
	refused("the registry wants credentials", "zun registry-create", "run", "--wait", "--net=foo", "--name", "nobody", p.image())
	zun("registry-update", "team", "--password", rightPassword)
	zun(run("app")...)
	if got := u.show("app"); got.Status != "Running" || !p.wasAsked() {
		t.Errorf("with the right password: %+v; the registry was asked\n%s", got, strings.Join(p.Requests(), "\n"))
	}

	for _, command := range []string{"registry-list", "registry-show team", "registry-show team -f json", "show app", "show refused", "action-list app", "action-list refused"} {
		zun(strings.Fields(command)...)
	}
	if got := zun("registry-show", "team", "-f", "value", "-c", "domain", "-c", "username"); got != p.domain+"\nme\n" {
		t.Errorf("registry-show: %q", got)
	}
	refused("containers are made from its images", "delete them first", "registry-delete", "team")
	u.remove("app")
	zun("delete", "--wait", "refused")
	zun("delete", "--wait", "nobody")
	zun("registry-update", "team", "--name", "crew", "--username", "you")
	if got := zun("registry-list", "-f", "value", "-c", "name", "-c", "username"); got != "crew you\n" {
		t.Errorf("registry-list: %q", got)
	}
	zun("registry-delete", "crew")
	refused("crew", "zun registry-list", "registry-show", "crew")
	zun("network-delete", "foo")
	u.hidesPasswords(said.String())
}

// hidesPasswords looks for the passwords of registries in what was said, and in all that
// zund keeps, whose log is the most that there is.
func (u *user) hidesPasswords(said string) {
	u.tb.Helper()
	has := func(where string, content []byte) {
		u.tb.Helper()
		for _, secret := range []string{rightPassword, wrongPassword, base64.StdEncoding.EncodeToString([]byte(rightPassword)), "7c1e5f", "9a40d2"} {
			if bytes.Contains(content, []byte(secret)) {
				u.tb.Errorf("%s has the password %s", where, secret)
			}
		}
	}
	has("a command", []byte(said))
	log, err := os.ReadFile(u.log)
	if err != nil {
		u.tb.Fatal(err)
	}
	has("the log", log)
	err = filepath.WalkDir(u.state, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		has(entry.Name(), content)
		return err
	})
	if err != nil {
		u.tb.Fatal(err)
	}
}

// The password is asked for at a terminal, and does not appear there.
func TestPasswordOfARegistryAtATerminal(t *testing.T) {
	u := startCloud(t, "").demo()
	at := u.sitsAt("registry-create", "--name", "team", "--domain", "127.0.0.1:1", "--username", "me")
	at.sees("Password of me at 127.0.0.1:1: ")
	at.types(rightPassword + "\r")
	at.ends(0)
	at.sees("team")
	if got := u.zun("registry-show", "team", "-f", "value", "-c", "username"); got != "me\n" {
		t.Errorf("the registry's user is %q", got)
	}
	u.hidesPasswords(at.shown())
}

// What an administrator does with the images on a host.
func TestImagesOnAHost(t *testing.T) {
	c := startCloud(t, "")
	p := c.aPrivateRegistry()
	u := c.admin()
	host := ""
	until(t, "the host has told of itself", func() bool {
		host = strings.TrimSpace(u.zun("host-list", "-f", "value", "-c", "hostname"))
		return host != ""
	})
	u.zun("registry-create", "--name", "team", "--domain", p.domain, "--username", "me", "--password", wrongPassword)
	pull := []string{"pull", "--wait", "--registry", "team", "app:1", host}
	if out := u.fails(program("zun"), pull...); !strings.Contains(out, "does not take the credentials of user me; correct them with zun registry-update") {
		t.Errorf("with the wrong password: %s", out)
	}
	u.zun("registry-update", "team", "--password", rightPassword)
	id := strings.TrimSpace(u.zun(append(pull, "-f", "value", "-c", "uuid")...))
	if on := u.docker("image", "inspect", "-f", "{{.Id}}", p.image()); !p.wasAsked() || strings.TrimSpace(u.zun("image-show", id, "-f", "value", "-c", "image_id")) != on {
		t.Errorf("the host has %s; image-show:\n%s", on, u.zun("image-show", id))
	}
	if got := u.zun("image-list", "-f", "value", "-c", "uuid", "-c", "status"); got != id+" Available\n" {
		t.Errorf("image-list: %q", got)
	}
	if got := u.zun("image-list", "--repo", "nothing", "-f", "value"); got != "" {
		t.Errorf("image-list of another name: %q", got)
	}
	if out := u.fails(program("zun"), "pull", "--wait", "--registry", "team", "other:1", host); !strings.Contains(out, "no such image or tag") {
		t.Errorf("of an image that is not there: %s", out)
	}
	if out := u.fails(program("zun"), "pull", "app:1", "nowhere"); !strings.Contains(out, "nowhere") {
		t.Errorf("to a host that is not there: %s", out)
	}
	u.zun("image-delete", id)
	until(t, "the image is gone from the list", func() bool { return !strings.Contains(u.zun("image-list", "-f", "value", "-c", "uuid"), id) })
	if out, _, err := u.try("docker", "image", "inspect", p.image()); err == nil {
		t.Errorf("it is on the host still: %s", out)
	}
	if out := u.fails(program("zun"), "image-show", id); !strings.Contains(out, id) {
		t.Errorf("image-show of one that is gone: %s", out)
	}
	u.hidesPasswords(u.zun("image-list", "-f", "json"))
}
