package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// proxied is a service with a console proxy behind it: play has the service's end of each
// websocket that is opened.
type proxied struct {
	*client.Client
	address   string           // of the one console
	requests  chan string      // to the API, "POST /v1/…?w=80"
	opened    chan http.Header // of the websockets
	protocols []string         // that the proxy speaks
}

// withConsole serves a console with uuid c, that is a command's where execID is not empty.
func withConsole(t *testing.T, execID string, play func(ctx context.Context, socket *websocket.Conn)) *proxied {
	t.Helper()
	p := &proxied{requests: make(chan string, 16), opened: make(chan http.Header, 16), protocols: []string{"v1.console.gozun", "binary"}}
	served := make(chan struct{}, 16)
	config := serviceConfig(t, "1.41", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/console" {
			p.requests <- r.Method + " " + r.URL.RequestURI()
			io.WriteString(w, "null")
			return
		}
		defer func() { served <- struct{}{} }()
		p.opened <- r.Header.Clone()
		socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: p.protocols})
		if err != nil {
			t.Errorf("cannot accept a console: %v", err)
			return
		}
		defer socket.CloseNow()
		socket.SetReadLimit(-1)
		play(r.Context(), socket)
	})
	p.Client = client.New(config)
	endpoint, err := config.Endpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.address = strings.Replace(endpoint, "http", "ws", 1) + "/console?token=sesame&uuid=c"
	if execID != "" {
		p.address += "&exec_id=" + execID
	}
	return p
}

func (p *proxied) open(t *testing.T) *client.Console {
	t.Helper()
	console, err := p.OpenConsole(t.Context(), p.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { console.Close() })
	return console
}

// says sends messages one by one.
func says(ctx context.Context, t *testing.T, socket *websocket.Conn, kind websocket.MessageType, messages ...string) {
	for _, message := range messages {
		if err := socket.Write(ctx, kind, []byte(message)); err != nil {
			t.Errorf("cannot send %q: %v", message, err)
		}
	}
}

func TestConsoleReadsMessagesAsOneStream(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 1<<16) // a MiB, more than the library's own limit
	p := withConsole(t, "", func(ctx context.Context, socket *websocket.Conn) {
		says(ctx, t, socket, websocket.MessageBinary, "one ", "", "gr\xc3", "\xbc\xc3\x9fe ", big)
		says(ctx, t, socket, websocket.MessageText, " text")
		socket.Close(websocket.StatusNormalClosure, "Target closed, exit code 7")
	})
	console := p.open(t)
	if n, err := console.Read(nil); n != 0 || err != nil {
		t.Errorf("nothing into nothing: %d, %v", n, err)
	}
	if _, known := console.ExitCode(); known {
		t.Error("the exit code is known before the end")
	}
	got, err := io.ReadAll(onlyReader{console})
	if want := "one grüße " + big + " text"; err != nil || string(got) != want {
		t.Errorf("%d of %d bytes, %v", len(got), len(want), err)
	}
	if code, known := console.ExitCode(); code != 7 || !known {
		t.Errorf("exit code %d, %v", code, known)
	}
	if n, err := console.Read(make([]byte, 8)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %d, %v", n, err)
	}
	if err := console.Close(); err != nil {
		t.Errorf("close after the end: %v", err)
	}
}

// onlyReader keeps io.ReadAll from anything but reading, three bytes at most at a time
// while that tells anything.
type onlyReader struct{ *client.Console }

func (r onlyReader) Read(p []byte) (int, error) {
	if len(p) <= 512 {
		p = p[:min(len(p), 3)]
	}
	return r.Console.Read(p)
}

// How a websocket is closed says how the process ended.
func TestConsoleEnds(t *testing.T) {
	for name, c := range map[string]struct {
		code   websocket.StatusCode
		reason string
		err    string // "" is io.EOF
		exit   int
		known  bool
	}{
		"well":               {websocket.StatusNormalClosure, "Target closed, exit code 0", "", 0, true},
		"with a code":        {websocket.StatusNormalClosure, "Target closed, exit code 137", "", 137, true},
		"as Zun ends":        {websocket.StatusNormalClosure, "Target closed", "", 0, false},
		"without a word":     {websocket.StatusNoStatusRcvd, "", "", 0, false},
		"the service stops":  {websocket.StatusGoingAway, "the service is stopping", "the console of container c ended: the service is stopping", 0, false},
		"a broken stream":    {websocket.StatusInternalError, "the stream of the container broke off", "ended: the stream of the container broke off", 0, false},
		"a code in an error": {websocket.StatusInternalError, "Target closed, exit code 5", "ended: Target closed, exit code 5", 0, false},
		"no close at all":    {-1, "", "the console of container c broke off", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := withConsole(t, "", func(ctx context.Context, socket *websocket.Conn) {
				says(ctx, t, socket, websocket.MessageBinary, "last words")
				if c.code < 0 {
					socket.CloseNow()
					return
				}
				socket.Close(c.code, c.reason)
			})
			console := p.open(t)
			got, err := io.ReadAll(console)
			if string(got) != "last words" {
				t.Errorf("read %q", got)
			}
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || zun.CodeOf(err) != zun.CodeUnavailable) {
				t.Errorf("it ended with %v", err)
			}
			if exit, known := console.ExitCode(); exit != c.exit || known != c.known {
				t.Errorf("exit code %d, %v", exit, known)
			}
			if len(p.opened) != 1 {
				t.Errorf("it was opened %d times: a token is good once", len(p.opened))
			}
		})
	}
}

func TestConsoleWritesEachWriteAsAMessage(t *testing.T) {
	got := make(chan string, 8)
	p := withConsole(t, "", func(ctx context.Context, socket *websocket.Conn) {
		defer close(got)
		for {
			kind, message, err := socket.Read(ctx)
			if err != nil {
				got <- "closed " + websocket.CloseStatus(err).String()
				return
			}
			got <- kind.String() + " " + string(message)
		}
	})
	console := p.open(t)
	for _, typed := range []string{"a", "", "\x03", "\xc3", "\xbc\r"} {
		if n, err := console.Write([]byte(typed)); n != len(typed) || err != nil {
			t.Errorf("%q: %d, %v", typed, n, err)
		}
	}
	if knows, err := console.CloseWrite(); !knows || err != nil {
		t.Errorf("the end of the input: %v, %v", knows, err)
	}
	if err := console.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	var all []string
	for message := range got {
		all = append(all, message)
	}
	want := []string{"MessageBinary a", "MessageBinary \x03", "MessageBinary \xc3", "MessageBinary \xbc\r", "MessageBinary ", "closed StatusNormalClosure"}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
	if n, err := console.Write([]byte("late")); n != 0 || zun.CodeOf(err) != zun.CodeUnavailable || !strings.Contains(err.Error(), "container c takes no input any more") {
		t.Errorf("a write after the close: %d, %v", n, err)
	}
	if _, err := console.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a read after the close: %v", err)
	}
}

// What was written before the close arrives, however much it is and however slowly it is read.
func TestConsoleCloseLosesNothing(t *testing.T) {
	const pieces = 64
	started, total := make(chan struct{}), make(chan int, 1)
	p := withConsole(t, "", func(ctx context.Context, socket *websocket.Conn) {
		<-started
		sum := 0
		for {
			_, message, err := socket.Read(ctx)
			if err != nil {
				total <- sum
				return
			}
			sum += len(message)
		}
	})
	console := p.open(t)
	piece := make([]byte, 1<<10)
	for range pieces {
		if _, err := console.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	close(started)
	if err := console.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if sum := <-total; sum != pieces*len(piece) {
		t.Errorf("%d of %d bytes arrived", sum, pieces*len(piece))
	}
}

func TestAnUpstreamProxyHasNoEndOfInput(t *testing.T) {
	got := make(chan error, 1)
	p := withConsole(t, "", func(ctx context.Context, socket *websocket.Conn) {
		_, _, err := socket.Read(ctx)
		got <- err
	})
	p.protocols = []string{"binary", "base64"}
	console := p.open(t)
	if knows, err := console.CloseWrite(); knows || err != nil {
		t.Errorf("%v, %v", knows, err)
	}
	console.Close()
	if err := <-got; websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("it got something else than the close: %v", err)
	}
	if offered := (<-p.opened).Get("Sec-Websocket-Protocol"); offered != "v1.console.gozun,binary" {
		t.Errorf("offered %q", offered)
	}
}

// A console knows by its address whose terminal it is.
func TestConsoleResizes(t *testing.T) {
	for execID, want := range map[string]string{
		"":   "POST /v1/containers/c/resize?h=24&w=80",
		"e1": "POST /v1/containers/c/execute_resize?exec_id=e1&h=24&w=80",
	} {
		p := withConsole(t, execID, func(ctx context.Context, socket *websocket.Conn) { socket.Read(ctx) })
		if err := p.open(t).Resize(t.Context(), 80, 24); err != nil {
			t.Errorf("%q: %v", execID, err)
		}
		if got := <-p.requests; got != want {
			t.Errorf("asked %s", got)
		}
	}
}

// The one who reads and the one who writes do not wait for each other, and Close ends both.
func TestConsoleCloseEndsAReaderThatWaits(t *testing.T) {
	p := withConsole(t, "", func(ctx context.Context, socket *websocket.Conn) {
		for {
			_, message, err := socket.Read(ctx)
			if err != nil {
				return
			}
			says(ctx, t, socket, websocket.MessageBinary, string(message))
		}
	})
	console := p.open(t)
	first, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		buffer := make([]byte, 8)
		n, err := console.Read(buffer)
		first <- string(buffer[:n])
		if err == nil {
			_, err = console.Read(buffer)
		}
		ended <- err
	}()
	if _, err := console.Write([]byte("echo")); err != nil {
		t.Fatal(err)
	}
	if got := <-first; got != "echo" {
		t.Errorf("read %q", got)
	}
	if err := console.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the reader was told nothing")
	}
}

func TestConsoleIsNotOpened(t *testing.T) {
	status, text := 0, ""
	config := serviceConfig(t, "1.41", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, status) })
	c := client.New(config)
	endpoint, err := config.Endpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	address := strings.Replace(endpoint, "http", "ws", 1) + "/console?token=sesame&uuid=c"
	for name, test := range map[string]struct {
		address string
		status  int
		text    string
		code    zun.Code
		says    string
	}{
		"a used token":    {address, 403, "the token is used; ask for a new one", zun.CodePolicyNotAuthorized, "the token is used; ask for a new one"},
		"a gateway":       {address, 502, "", zun.CodeOfStatus(502), "the console proxy at ws://127.0.0.1:"},
		"no websocket":    {address, 200, "hello", zun.CodeUnavailable, "cannot reach the console proxy at ws://127.0.0.1:"},
		"nobody there":    {"ws://127.0.0.1:1/?token=sesame&uuid=c", 0, "", zun.CodeUnavailable, "cannot reach the console proxy at ws://127.0.0.1:1: "},
		"not a websocket": {"http://127.0.0.1:1/?token=sesame", 0, "", zun.CodeUnavailable, "no websocket's (http://127.0.0.1:1)"},
		"no address":      {"::sesame", 0, "", zun.CodeUnavailable, "no websocket's (not a URL)"},
	} {
		t.Run(name, func(t *testing.T) {
			status, text = test.status, test.text
			console, err := c.OpenConsole(t.Context(), test.address)
			if console != nil || zun.CodeOf(err) != test.code || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("%v (%s)", err, zun.CodeOf(err))
			}
			if strings.Contains(fmt.Sprint(err), "sesame") {
				t.Errorf("the error has the token: %v", err)
			}
			var unreachable *client.UnreachableError
			if is := errors.As(err, &unreachable); is != strings.Contains(test.says, "cannot reach") {
				t.Errorf("unreachable: %v", is)
			}
		})
	}
}

// ctx bounds the opening, and nothing after it.
func TestConsoleOpeningIsGivenUp(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	config := serviceConfig(t, "1.41", func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	endpoint, err := config.Endpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := client.New(config).OpenConsole(ctx, strings.Replace(endpoint, "http", "ws", 1)+"/console?token=x&uuid=c"); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}

	p := withConsole(t, "", func(ctx context.Context, socket *websocket.Conn) {
		_, message, _ := socket.Read(ctx)
		says(ctx, t, socket, websocket.MessageBinary, string(message))
		socket.Close(websocket.StatusNormalClosure, "Target closed, exit code 0")
	})
	brief, end := context.WithTimeout(t.Context(), time.Minute)
	console, err := p.OpenConsole(brief, p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close()
	end()
	if _, err := console.Write([]byte("still here")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(console); err != nil || string(got) != "still here" {
		t.Errorf("%q, %v", got, err)
	}
}

// Somebody else who attaches at the same moment makes the address void that we were given: we
// ask for another one, but not for ever.
func TestAttachWhileOthersDo(t *testing.T) {
	for refused, opens := range map[int32]bool{0: true, 2: true, 100: false} {
		t.Run(fmt.Sprint(refused), func(t *testing.T) {
			var asked, tried atomic.Int32
			var endpoint string
			config := serviceConfig(t, "1.41", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v1/console" {
					fmt.Fprintf(w, "%q", fmt.Sprint(strings.Replace(endpoint, "http", "ws", 1), "/console?uuid=c&token=", asked.Add(1)))
					return
				}
				if tried.Add(1) <= refused {
					http.Error(w, `{"errors":[{"title":"the token is unknown, used or expired"}]}`, http.StatusForbidden)
					return
				}
				if token := r.URL.Query().Get("token"); token != fmt.Sprint(asked.Load()) {
					t.Errorf("opened with token %s, which is not the last", token)
				}
				socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"v1.console.gozun"}})
				if err == nil {
					socket.Close(websocket.StatusNormalClosure, "Target closed, exit code 0")
				}
			})
			endpoint, _ = config.Endpoint(t.Context())
			console, err := client.New(config).Attach(t.Context(), "web", client.AttachOptions{})
			if opened := err == nil; opened != opens {
				t.Fatalf("opened: %t, %v", opened, err)
			}
			if opens {
				defer console.Close()
			} else if zun.CodeOf(err) != zun.CodePolicyNotAuthorized || asked.Load() != 5 {
				t.Errorf("%d addresses asked for, %v", asked.Load(), err)
			}
		})
	}
}
