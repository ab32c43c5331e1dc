package client_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// What is asked of the API before a console is opened, and what an older service cannot do.
func TestWhatLeadsToAConsole(t *testing.T) {
	const address = "ws://127.0.0.1:6784/?token=sesame&uuid=c"
	attach := func(logs bool) func(*client.Client) (string, error) {
		return func(c *client.Client) (string, error) {
			return c.AttachURL(t.Context(), "web", client.AttachOptions{Logs: logs})
		}
	}
	exec := func(stdin, tty bool) func(*client.Client) (string, error) {
		return func(c *client.Client) (string, error) {
			made, err := c.PrepareExec(t.Context(), "web", []string{"sh", "-c", "echo a  b"}, client.ExecOptions{Stdin: stdin, TTY: tty})
			if err == nil && made.ID != "e1" {
				t.Errorf("the command is %q", made.ID)
			}
			return made.URL, err
		}
	}
	for name, test := range map[string]struct {
		version string
		call    func(*client.Client) (string, error)
		asks    string
		body    map[string]any
		code    zun.Code
	}{
		"attach":                          {"1.41", attach(false), "GET /v1/containers/web/attach", nil, ""},
		"attach with the logs":            {"1.41", attach(true), "GET /v1/containers/web/attach?logs=true", nil, ""},
		"with the logs of an old service": {"1.40", attach(true), "GET /v1/containers/web/attach", nil, ""},
		"a shell":                         {"1.40", exec(true, true), "POST /v1/containers/web/execute", map[string]any{"run": false, "interactive": true}, ""},
		"a filter":                        {"1.41", exec(true, false), "POST /v1/containers/web/execute", map[string]any{"run": false, "interactive": true, "tty": false}, ""},
		"a screen":                        {"1.41", exec(false, true), "POST /v1/containers/web/execute", map[string]any{"run": false, "interactive": false, "tty": true}, ""},
		"a filter in an old service":      {"1.40", exec(true, false), "", nil, zun.CodeNotAcceptable},
	} {
		t.Run(name, func(t *testing.T) {
			asked, body := "", map[string]any{}
			c := service(t, test.version, func(w http.ResponseWriter, r *http.Request) {
				asked = r.Method + " " + r.URL.RequestURI()
				if r.Method == http.MethodGet {
					io.WriteString(w, `"`+address+`"`)
					return
				}
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
					t.Errorf("the body: %v", err)
				}
				io.WriteString(w, `{"exec_id":"e1","proxy_url":"`+address+`"}`)
			})
			got, err := test.call(c)
			if zun.CodeOf(err) != test.code || err == nil && got != address || asked != test.asks {
				t.Fatalf("asked %q, got %q, %v", asked, got, err)
			}
			if command, _ := body["command"].(string); test.body != nil && command != client.JoinCommand([]string{"sh", "-c", "echo a  b"}) {
				t.Errorf("the command is %q", command)
			}
			delete(body, "command")
			if test.body != nil && !cmp.Equal(test.body, body) {
				t.Error(cmp.Diff(test.body, body))
			}
		})
	}
}

// A refusal of the API is passed on, and no websocket is tried.
func TestNoConsoleOfWhatDoesNotRun(t *testing.T) {
	c := service(t, "1.41", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, `{"errors":[{"status":409,"code":"container.invalid-state","title":"Cannot attach container web in Stopped state","detail":"Cannot attach container web in Stopped state"}]}`)
	})
	_, attached := c.Attach(t.Context(), "web", client.AttachOptions{})
	_, executed := c.Exec(t.Context(), "web", []string{"sh"}, client.ExecOptions{Stdin: true, TTY: true})
	for _, err := range []error{attached, executed} {
		if err == nil || !strings.Contains(err.Error(), "in Stopped state") || zun.CodeOf(err).Status() != http.StatusConflict {
			t.Errorf("%v", err)
		}
	}
	if _, err := c.PrepareExec(t.Context(), "web", nil, client.ExecOptions{}); zun.CodeOf(err) != zun.CodeInvalid {
		t.Errorf("no command: %v", err)
	}
}
