package api

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

var execID = strings.Repeat("0123456789abcdef", 4)

func (m *memory) AttachContainer(ctx context.Context, g policy.Grant, ref string, o zun.AttachOptions) (zun.ConsoleTicket, error) {
	return zun.ConsoleTicket{Token: "secret", ContainerID: runningID}, m.order(ctx, g, ref, "attach", fmt.Sprint(o.Logs))
}

func (m *memory) PrepareExec(ctx context.Context, g policy.Grant, ref string, s zun.ExecSpec) (zun.ConsoleTicket, error) {
	err := m.order(ctx, g, ref, "execute", fmt.Sprintf("%s %v %v", strings.Join(s.Command, "|"), s.Stdin, s.TTY))
	return zun.ConsoleTicket{Token: "secret", ContainerID: runningID, ExecID: execID}, err
}

func (m *memory) ResizeTerminal(ctx context.Context, g policy.Grant, ref string, size zun.Size) error {
	return m.order(ctx, g, ref, "resize", fmt.Sprintf("%dx%d", size.Width, size.Height))
}

func (m *memory) ResizeExec(ctx context.Context, g policy.Grant, ref, execID string, size zun.Size) error {
	return m.order(ctx, g, ref, "execute_resize", fmt.Sprintf("%s %dx%d", execID, size.Width, size.Height))
}

func TestConsoles(t *testing.T) {
	const attached = `"ws://zun:6784/?token=secret&uuid=` + runningID + `"`
	executed := `{"output":null,"exit_code":null,"exec_id":"` + execID + `","proxy_url":"ws://zun:6784/?token=secret&uuid=` + runningID + `&exec_id=` + execID + `"}`
	for _, test := range []struct {
		version, method, path, body string
		status                      int
		text                        string // of the answer, or a part of the error's detail
		asked                       string
	}{
		{"1.1", "GET", "web/attach", "", 200, attached, "attach web false"},
		{"1.40", "GET", "web/attach/", "", 200, attached, "attach web false"},
		{"1.41", "GET", "web/attach?logs=true", "", 200, attached, "attach web true"},
		{"1.40", "GET", "web/attach?logs=true", "", 400, "('logs' was unexpected)", ""},
		{"1.41", "GET", "web/attach?logs=some", "", 400, "'logs'", ""},
		{"1.40", "GET", "db/attach", "", 409, "Cannot attach container " + stoppedID + " in Stopped state", ""},
		{"1.40", "GET", "theirs/attach", "", 404, "could not be found", ""},
		{"1.40", "POST", "web/execute?command=%22sh%22&interactive=True&run=False", "", 200, executed, "execute web sh true true"},
		{"1.40", "POST", "web/execute", `{"command":"sh -c ls","interactive":true,"run":false}`, 200, executed, "execute web sh|-c|ls true true"},
		{"1.40", "POST", "web/execute?command=ls&run=false", "", 200, executed, "execute web ls false false"},
		{"1.41", "POST", "web/execute?command=cat&interactive=1&run=0&tty=0", "", 200, executed, "execute web cat true false"},
		{"1.40", "POST", "web/execute?command=cat&run=0&tty=0", "", 400, "('tty' was unexpected)", ""},
		{"1.40", "POST", "web/execute?run=false", "", 400, "'command' is a required property", ""},
		{"1.40", "POST", "theirs/execute?command=ls&run=false", "", 404, "could not be found", ""},
		{"1.40", "POST", "web/resize?w=80&h=24", "", 200, "null", "resize web 80x24"},
		{"1.40", "POST", "web/resize", `{"w":132,"h":"50"}`, 200, "null", "resize web 132x50"},
		{"1.40", "POST", "web/resize?w=80", "", 400, "'h' is a required property", ""},
		{"1.40", "POST", "web/resize?h=24", "", 400, "'w' is a required property", ""},
		{"1.40", "POST", "web/resize?w=0&h=24", "", 400, "1 to 65535", ""},
		{"1.40", "POST", "web/resize?w=80&h=-1", "", 400, "1 to 65535", ""},
		{"1.40", "POST", "web/resize?w=80&h=65536", "", 400, "1 to 65535", ""},
		{"1.40", "POST", "web/resize?w=wide&h=24", "", 400, "'w'", ""},
		{"1.40", "POST", "web/resize?w=80&h=24&d=1", "", 400, "('d' was unexpected)", ""},
		{"1.40", "POST", "db/resize?w=80&h=24", "", 409, "Cannot resize container", ""},
		{"1.40", "POST", "web/execute_resize?w=80&h=24&exec_id=" + execID, "", 200, "null", "execute_resize web " + execID + " 80x24"},
		{"1.40", "POST", "web/execute_resize?w=80&h=24", "", 400, "'exec_id' is a required property", ""},
		{"1.40", "POST", "web/execute_resize?w=80&h=24&exec_id=" + strings.ToUpper(execID), "", 400, "64 hexadecimal digits", ""},
		{"1.40", "POST", "web/execute_resize?w=80&h=24&exec_id=" + execID[1:], "", 400, "64 hexadecimal digits", ""},
		{"1.40", "POST", "web/execute_resize?exec_id=" + execID, "{bad", 400, "'w' is a required property (the request body is not a JSON object and was ignored)", ""},
	} {
		f := newFixture(t)
		a := f.do(test.method, "/v1/containers/"+test.path, test.body, version(test.version))
		switch {
		case a.status != test.status:
			t.Errorf("%s %s: %d %s", test.method, test.path, a.status, a.text)
		case a.status >= 400:
			if !strings.Contains(f.problem(a).Detail, test.text) {
				t.Errorf("%s: %s", test.path, a.text)
			}
		default:
			if diff := cmp.Diff([]string{test.asked}, f.memory.asked); diff != "" || a.text != test.text {
				t.Errorf("%s: %s %s", test.path, a.text, diff)
			}
		}
	}
}

// A base without a host is completed from what the user asked, or from the public URL.
func TestConsoleURLs(t *testing.T) {
	query := "?token=secret&uuid=" + runningID
	for _, test := range []struct{ base, public, host, want string }{
		{"", "", "cloud:9517", "ws://cloud:6784/"},
		{"ws://:7000/", "", "[fd00::1]:9517", "ws://[fd00::1]:7000/"},
		{"ws://:7000/", "", "[fd00::1]", "ws://[fd00::1]:7000/"},
		{"ws://:7000/", "https://api.example/container", "10.0.0.1:9517", "ws://api.example:7000/"},
		{"wss://cloud.example/console/", "", "10.0.0.1:9517", "wss://cloud.example/console/"},
		{"ws://10.0.0.1:6784", "", "cloud", "ws://10.0.0.1:6784"},
	} {
		f := newFixture(t, func(c *Config) {
			c.PublicURL = test.public
			if test.base != "" {
				base, err := url.Parse(test.base)
				if err != nil {
					t.Fatal(err)
				}
				c.ConsoleURL = base
			}
		})
		f.host = test.host
		if a := f.do("GET", "/v1/containers/web/attach", ""); a.text != `"`+test.want+query+`"` {
			t.Errorf("%+v: %s", test, a.text)
		}
	}
}
