package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gozun/gozun/internal/cli"
)

// TestPasswordsOfRegistriesArrive: from a flag and from standard input, whose line end is
// not part of them.
func TestPasswordsOfRegistriesArrive(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ stdin, args, want string }{
		{"", "registry-create --name team --domain r.example --username me --password hunter2", "hunter2"},
		{"to ken\r\nmore\n", "registry-update --password-stdin team", "to ken"},
		{"", "registry-update --username you team", "to ken"},
		{"", "registry-update --password= team", ""},
	} {
		var out bytes.Buffer
		args := append([]string{"zun"}, strings.Fields(c.args)...)
		if code := cli.Run(t.Context(), args, strings.NewReader(c.stdin), &out, &out, w.getenv); code != 0 || w.password("team") != c.want {
			t.Errorf("%s: %d, the password is %q\n%s", c.args, code, w.password("team"), out.String())
		}
	}
}
