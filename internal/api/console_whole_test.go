package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/console"
	"github.com/gozun/gozun/internal/control"
	"github.com/gozun/gozun/zun"
)

// terminals are the streams of the whole API's host. Each runs a little shell: it says what
// it was opened for, repeats every line, and ends at "exit N"; "flood N" writes N MiB.
type terminals struct {
	mu      sync.Mutex
	specs   []zun.ExecSpec
	resized []string
	open    sync.WaitGroup
}

func (h *terminals) Attach(_ context.Context, _ zun.Container, options zun.AttachOptions) (zun.Console, error) {
	return h.shell(fmt.Sprintf("main, logs %v\n", options.Logs)), nil
}

func (h *terminals) CreateExec(_ context.Context, _ zun.Container, spec zun.ExecSpec) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.specs = append(h.specs, spec)
	return fmt.Sprintf("%064x", len(h.specs)), nil
}

func (h *terminals) StartExec(_ context.Context, _ zun.Container, exec zun.Exec) (zun.Console, error) {
	return h.shell(fmt.Sprintf("exec, tty %v\n", exec.TTY)), nil
}

func (h *terminals) Resize(_ context.Context, _ zun.Container, execID string, size zun.Size) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resized = append(h.resized, fmt.Sprintf("%s %dx%d", strings.TrimLeft(execID, "0"), size.Width, size.Height))
	return nil
}

// shell is one of them.
type shell struct {
	*io.PipeReader // its output
	input          *io.PipeWriter
	code           int
}

func (t *shell) Write(p []byte) (int, error)          { return t.input.Write(p) }
func (t *shell) CloseWrite() error                    { return t.input.Close() }
func (t *shell) ExitCode(context.Context) (int, bool) { return t.code, true }
func (t *shell) Close() error                         { return errors.Join(t.input.Close(), t.PipeReader.Close()) }

// shell starts one.
func (h *terminals) shell(greeting string) *shell {
	output, says := io.Pipe()
	hears, input := io.Pipe()
	t := &shell{PipeReader: output, input: input}
	h.open.Go(func() {
		defer says.Close()
		_, _ = io.WriteString(says, greeting)
		var line []byte
		for b := make([]byte, 1); ; {
			if _, err := hears.Read(b); err != nil {
				return
			}
			if line = append(line, b...); b[0] != '\n' {
				continue
			}
			var n int
			if _, err := fmt.Sscanf(string(line), "exit %d", &n); err == nil {
				t.code = n
				return
			}
			if _, err := fmt.Sscanf(string(line), "flood %d", &n); err == nil {
				line = bytes.Repeat([]byte("0123456789abcdef"), n<<16)
			}
			if _, err := says.Write(line); err != nil {
				return
			}
			line = nil
		}
	})
	return t
}

// consoles is the whole API with a console proxy and one running container.
type consoles struct {
	*fixture
	cloud *cloud
	log   *bytes.Buffer // the proxy's, to be read after stop
	stop  func()
}

func newConsoles(t *testing.T) *consoles {
	var proxy *console.Proxy
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { proxy.ServeHTTP(w, r) }))
	base, err := url.Parse("ws" + strings.TrimPrefix(listening.URL, "http") + "/")
	if err != nil {
		t.Fatal(err)
	}
	f, cloud, _ := newWhole(t, func(config *Config) { config.ConsoleURL = base })
	c := &consoles{fixture: f, cloud: cloud, log: &bytes.Buffer{}}
	proxy = console.New(console.Config{
		Consoles: cloud.reports.(*control.Service), Log: slog.New(slog.NewTextHandler(c.log, nil)),
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- proxy.Run(ctx) }()
	c.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		listening.Close()
		cloud.open.Wait()
	})
	t.Cleanup(c.stop)
	f.want(201, f.do("POST", "/v1/networks", `{"name":"foo","neutron_net":"testnet"}`, latest))
	f.want(202, f.do("POST", "/v1/containers?run=true", `{"image":"nginx","name":"web","interactive":true,"tty":true,"nets":[{"network":"foo"}]}`, latest))
	f.until("/v1/containers/web", func(a answer) bool { return strings.Contains(a.text, `"Running"`) })
	return c
}

// attach asks for the main process's URL.
func (c *consoles) attach(query string) (address string) {
	c.Helper()
	a := c.want(200, c.do("GET", "/v1/containers/web/attach"+query, "", latest))
	if err := json.Unmarshal([]byte(a.text), &address); err != nil {
		c.Fatal(err)
	}
	return address
}

// dial opens a URL; the error is that of the refusal.
func (c *consoles) dial(address string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	c.Cleanup(cancel)
	socket, response, err := websocket.Dial(ctx, address, &websocket.DialOptions{Subprotocols: []string{"binary", "base64"}})
	if err != nil && response != nil {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	if err == nil {
		socket.SetReadLimit(-1)
		c.Cleanup(func() { _ = socket.CloseNow() })
	}
	return socket, err
}

// talk types a text into a console and reads to its end.
func (c *consoles) talk(address, text string) (said string, end websocket.CloseError) {
	c.Helper()
	socket, err := c.dial(address)
	if err != nil {
		c.Fatal(err)
	}
	if err := socket.Write(c.Context(), websocket.MessageBinary, []byte(text)); err != nil {
		c.Fatal(err)
	}
	for {
		_, message, err := socket.Read(c.Context())
		if errors.As(err, &end) {
			return said, end
		}
		if err != nil {
			c.Fatal(err)
		}
		said += string(message)
	}
}

func TestAttachThroughTheWholeService(t *testing.T) {
	c := newConsoles(t)
	said, end := c.talk(c.attach(""), "hällo\nexit 4\n")
	if said != "main, logs false\nhällo\n" || end.Code != 1000 || end.Reason != "Target closed, exit code 4" {
		t.Errorf("%q %v", said, end)
	}
	if said, _ := c.talk(c.attach("?logs=true"), "exit 0\n"); said != "main, logs true\n" {
		t.Errorf("%q", said)
	}
	c.want(200, c.do("POST", "/v1/containers/web/resize?w=80&h=24", ""))
	if diff := gocmp.Diff([]string{" 80x24"}, c.cloud.resized); diff != "" {
		t.Error(diff)
	}
}

func TestExecuteThroughTheWholeService(t *testing.T) {
	c := newConsoles(t)
	made := c.object(c.want(200, c.do("POST", "/v1/containers/web/execute?command=%22sh%22&interactive=True&run=False", "")))
	id, address := made["exec_id"].(string), made["proxy_url"].(string)
	if len(id) != 64 || !strings.HasSuffix(address, "&exec_id="+id) || made["output"] != nil || made["exit_code"] != nil {
		t.Fatalf("%v", made)
	}
	said, end := c.talk(address, "exit 3\n")
	if said != "exec, tty true\n" || end.Reason != "Target closed, exit code 3" {
		t.Errorf("%q %v", said, end)
	}
	c.want(200, c.do("POST", "/v1/containers/web/execute_resize?w=100&h=30&exec_id="+id, ""))
	if diff := gocmp.Diff([]string{"1 100x30"}, c.cloud.resized); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff([]zun.ExecSpec{{Command: []string{"sh"}, Stdin: true, TTY: true}}, c.cloud.specs); diff != "" {
		t.Error(diff)
	}
}

func TestTokensThroughTheWholeService(t *testing.T) {
	c := newConsoles(t)
	first := c.attach("")
	second := c.attach("")
	other := strings.Replace(second, "uuid=", "uuid=0", 1)
	for name, address := range map[string]string{
		"replaced": first, "another container": other, "none": strings.Split(second, "?")[0],
		"a command's": second + "&exec_id=" + strings.Repeat("0", 64),
	} {
		if _, err := c.dial(address); err == nil || err.Error() != "status 403" {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.talk(second, "exit 0\n")
	if _, err := c.dial(second); err == nil || err.Error() != "status 403" {
		t.Errorf("used: %v", err)
	}
	c.stop()
	for _, address := range []string{first, second} {
		asked, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if token := asked.Query().Get("token"); len(token) != 36 || strings.Contains(c.log.String(), token) {
			t.Errorf("the token %q is in the log:\n%s", token, c.log)
		}
	}
}

// The database has nothing with which a console could be opened.
func TestTokensAreHashedAtRest(t *testing.T) {
	c := newConsoles(t)
	address, err := url.Parse(c.attach(""))
	if err != nil {
		t.Fatal(err)
	}
	var dump string
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(c.database + suffix)
		if err != nil {
			t.Fatal(err)
		}
		dump += string(text)
	}
	if token := address.Query().Get("token"); strings.Contains(dump, token) || !strings.Contains(dump, address.Query().Get("uuid")) {
		t.Errorf("the token is in the database, or nothing is: %d bytes", len(dump))
	}
}

func TestNotInteractiveIsRefused(t *testing.T) {
	c := newConsoles(t)
	c.want(202, c.do("POST", "/v1/containers?run=true", `{"image":"nginx","name":"plain","nets":[{"network":"foo"}]}`, latest))
	c.until("/v1/containers/plain", func(a answer) bool { return strings.Contains(a.text, `"Running"`) })
	a := c.do("GET", "/v1/containers/plain/attach", "")
	if p := c.problem(a); a.status != 400 || p.Code != "container.no-interactive-flag" {
		t.Errorf("%d %+v", a.status, p)
	}
}

// Many consoles on one container do not hear one another, and none loses a byte.
func TestSeveralConsolesOnOneContainer(t *testing.T) {
	c := newConsoles(t)
	var wg sync.WaitGroup
	for i := range 4 {
		address := c.attach("")
		socket, err := c.dial(address)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			typed := fmt.Sprintf("console %d\nflood 4\nexit %d\n", i, i)
			if err := socket.Write(t.Context(), websocket.MessageBinary, []byte(typed)); err != nil {
				t.Error(err)
				return
			}
			var said strings.Builder
			for {
				_, message, err := socket.Read(t.Context())
				if err != nil {
					if want := fmt.Sprintf("Target closed, exit code %d", i); !strings.Contains(err.Error(), want) {
						t.Errorf("console %d: %v", i, err)
					}
					break
				}
				said.Write(message)
			}
			want := "main, logs false\n" + fmt.Sprintf("console %d\n", i) + strings.Repeat("0123456789abcdef", 4<<16)
			if said.String() != want {
				t.Errorf("console %d heard %d bytes, want %d", i, said.Len(), len(want))
			}
		})
	}
	wg.Wait()
}

func TestConsolesAreToldThatTheServiceStops(t *testing.T) {
	c := newConsoles(t)
	socket, err := c.dial(c.attach(""))
	if err != nil {
		t.Fatal(err)
	}
	go c.stop()
	for {
		_, _, err := socket.Read(t.Context())
		if err == nil {
			continue
		}
		if websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Error(err)
		}
		return
	}
}
