package console

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

func TestBytesGoBothWays(t *testing.T) {
	const said, typed = "Grüße\r\n\x1b[1m$ \x00", "ls é\x03\n"
	in64 := base64.StdEncoding.EncodeToString
	for _, test := range []struct {
		offers        []string
		chosen        string
		kind          websocket.MessageType
		output, input string // on the wire
	}{
		{[]string{"binary", "base64"}, "binary", websocket.MessageBinary, said, typed},
		{[]string{"base64"}, "base64", websocket.MessageText, in64([]byte(said)), in64([]byte(typed))},
		{nil, "", websocket.MessageText, said, typed},
		{[]string{"base64", "binary", "v1.console.gozun"}, "v1.console.gozun", websocket.MessageBinary, said, typed},
	} {
		t.Run(strings.Join(test.offers, ","), func(t *testing.T) {
			f := newFixture(t)
			socket := f.dial(test.offers...)
			if got := socket.Subprotocol(); got != test.chosen {
				t.Errorf("subprotocol %q, want %q", got, test.chosen)
			}
			if err := socket.Write(f.ctx(), test.kind, []byte(test.input)); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(typed))
			if _, err := io.ReadFull(f.input, got); err != nil || string(got) != typed {
				t.Errorf("the process got %q: %v", got, err)
			}
			go f.writes(said)
			messages, kinds, end := f.messages(socket)
			if diff := cmp.Diff([]string{test.output}, messages); diff != "" || !kinds[test.kind] {
				t.Errorf("%v %s", kinds, diff)
			}
			if end.Code != websocket.StatusNormalClosure || end.Reason != "Target closed, exit code 0" {
				t.Errorf("end %v", end)
			}
		})
	}
}

// Browsers send text where python-zunclient sends binary messages: both are bytes.
func TestAnyKindOfMessageIsInput(t *testing.T) {
	f := newFixture(t)
	socket := f.dial("binary")
	go func() {
		_ = socket.Write(f.ctx(), websocket.MessageText, []byte("a"))
		_ = socket.Write(f.ctx(), websocket.MessageBinary, nil) // nothing, and not the end
		_ = socket.Write(f.ctx(), websocket.MessageBinary, []byte("b"))
	}()
	got := make([]byte, 2)
	if _, err := io.ReadFull(f.input, got); err != nil || string(got) != "ab" {
		t.Errorf("the process got %q: %v", got, err)
	}
}

func TestAnEmptyMessageOfOurOwnClientEndsTheInput(t *testing.T) {
	f := newFixture(t)
	socket := f.dial(protocolOwn)
	go func() {
		_ = socket.Write(f.ctx(), websocket.MessageBinary, []byte("all"))
		_ = socket.Write(f.ctx(), websocket.MessageBinary, nil)
		_ = socket.Write(f.ctx(), websocket.MessageBinary, []byte("too late"))
	}()
	if got, err := io.ReadAll(f.input); err != nil || string(got) != "all" {
		t.Errorf("the process got %q: %v", got, err)
	}
	go f.writes("bye")
	if messages, _, _ := f.messages(socket); strings.Join(messages, "") != "bye" {
		t.Errorf("after its input ended the process said %q", messages)
	}
}

func TestTheEndSaysHow(t *testing.T) {
	for _, test := range []struct {
		name string
		code int
		end  func(f *fixture)
		want websocket.CloseError
	}{
		{"exit code", 3, func(f *fixture) { f.output.Close() }, websocket.CloseError{Code: 1000, Reason: "Target closed, exit code 3"}},
		{"not known", -1, func(f *fixture) { f.output.Close() }, websocket.CloseError{Code: 1000, Reason: "Target closed"}},
		{"broken", 0, func(f *fixture) { f.output.CloseWithError(io.ErrUnexpectedEOF) }, websocket.CloseError{Code: 1011, Reason: "the stream of the container broke off"}},
		{"stopping", 0, func(f *fixture) { go f.stop() }, websocket.CloseError{Code: 1001, Reason: "the service is stopping"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			f.process.Console.(*stream).code = test.code
			socket := f.dial("binary")
			test.end(f)
			if _, _, end := f.messages(socket); end != test.want {
				t.Errorf("%v, want %v", end, test.want)
			}
			<-f.closed
		})
	}
}

func TestInputThatIsNotBase64(t *testing.T) {
	for _, bad := range []string{"%%%%", "YQ", "YQ==YQ"} {
		f := newFixture(t)
		socket := f.dial("base64")
		go io.Copy(io.Discard, f.input) // whatever came before
		if err := socket.Write(f.ctx(), websocket.MessageText, []byte(bad)); err != nil {
			t.Fatal(err)
		}
		if _, _, end := f.messages(socket); end.Code != websocket.StatusInvalidFramePayloadData {
			t.Errorf("%q: %v", bad, end)
		}
	}
}

// Whoever goes away leaves the process alone: only its stream is let go of.
func TestACallerWhoGoesAwayLetsGo(t *testing.T) {
	for name, leave := range map[string]func(*websocket.Conn){
		"closing": func(c *websocket.Conn) { go c.Close(websocket.StatusNormalClosure, "") }, // waits for the answer
		"dropped": func(c *websocket.Conn) { c.CloseNow() },                                  // that is the point
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			leave(f.dial("binary"))
			<-f.closed
			f.stop()
			if !strings.Contains(f.log.String(), `reason="the caller left"`) {
				t.Errorf("%s", f.log)
			}
		})
	}
}

// A process that closes its input goes on being heard, and input is let go by.
func TestAProcessThatTakesNoInput(t *testing.T) {
	f := newFixture(t)
	socket := f.dial("binary")
	f.input.Close()
	for range 3 {
		if err := socket.Write(f.ctx(), websocket.MessageBinary, bytes.Repeat([]byte("x"), 100<<10)); err != nil {
			t.Fatal(err)
		}
	}
	go f.writes("still here")
	if messages, _, end := f.messages(socket); strings.Join(messages, "") != "still here" || end.Code != 1000 {
		t.Errorf("%q %v", messages, end)
	}
}

// Twenty megabytes to a reader who does not read until the process has to wait: it waits, and
// everything arrives, with the end after it.
func TestASlowReaderSlowsTheProcessAndLosesNothing(t *testing.T) {
	f := newFixture(t)
	f.process.Console.(*stream).code = 7
	socket := f.dial("binary")
	const size, piece = 20 << 20, 64 << 10
	source := rand.NewChaCha8([32]byte{1})
	sent := &bytes.Buffer{}
	written := make(chan int, size/piece)
	go func() {
		defer close(written)
		buffer := make([]byte, piece)
		for range size / piece {
			_, _ = source.Read(buffer)
			sent.Write(buffer)
			if _, err := f.output.Write(buffer); err != nil {
				t.Error(err)
				return
			}
			written <- piece
		}
		f.output.Close()
	}()
	if n := stalled(written); n >= size {
		t.Fatalf("the process could write all %d bytes although nobody read", n)
	}
	messages, _, end := f.messages(socket)
	if got := strings.Join(messages, ""); got != sent.String() {
		t.Errorf("%d bytes arrived of %d, or other ones", len(got), sent.Len())
	}
	if end.Reason != "Target closed, exit code 7" {
		t.Errorf("end %v", end)
	}
}

// stalled returns how much was written before nothing more was for a while.
func stalled(written <-chan int) (total int) {
	for {
		select {
		case n, more := <-written:
			if !more {
				return total
			}
			total += n
		case <-time.After(500 * time.Millisecond):
			return total
		}
	}
}

// The websocket library gives its closing message five seconds, and closes: neither may keep
// a reader who is later than that from the end.
func TestTheEndIsDeliveredToALateReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &lingeringConn{Conn: near}
		c.last()
		for _, text := range []string{"the ", "end"} {
			if n, err := io.WriteString(c, text); n != len(text) || err != nil {
				t.Fatal(n, err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("who reads is not woken: %v", err)
		}
		lingered := make(chan struct{})
		go func() { c.linger(t.Context(), false); close(lingered) }()
		time.Sleep(lingerTimeout - time.Second) // of the bubble's clock
		got := make([]byte, 7)
		if _, err := io.ReadFull(far, got); err != nil || string(got) != "the end" {
			t.Errorf("%q %v", got, err)
		}
		far.Close()
		<-lingered
	})
}

// Who never reads is given up, and who has agreed to the end is not waited for.
func TestLingeringEnds(t *testing.T) {
	for _, agreed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			c := &lingeringConn{Conn: near}
			c.last()
			_, _ = io.WriteString(c, "the end")
			began := time.Now()
			c.linger(t.Context(), agreed)
			if took := time.Since(began); agreed && took > 0 || !agreed && took != lingerTimeout {
				t.Errorf("agreed %v: it took %s", agreed, took)
			}
		})
	}
}

func TestSeveralConsolesAtOnce(t *testing.T) {
	f := newFixture(t)
	first := f.dial("binary")
	f.opener.process = newProcess(0)
	second := f.dial("binary")
	go f.writes("to the first")
	go func() {
		_, _ = io.WriteString(f.opener.process.output, "to the second")
		f.opener.process.output.Close()
	}()
	for socket, want := range map[*websocket.Conn]string{first: "to the first", second: "to the second"} {
		if got, _, _ := f.messages(socket); strings.Join(got, "") != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	lost := zun.Wrap(zun.CodeUnavailable, errors.New("dial unix: secret"), "host h1 does not answer")
	for _, test := range []struct {
		name, query string
		err         error
		status      int
		says        string
	}{
		{"no token", "uuid=c", nil, 403, "no such ticket"},
		{"wrong token", "token=x&uuid=c", nil, 403, "no such ticket"},
		{"no container", "token=t", nil, 403, "no such ticket"},
		{"gone", "token=t&uuid=c", zun.Errorf(zun.CodeContainerNotFound, "Container c could not be found."), 403, "could not be found"},
		{"state", "token=t&uuid=c", zun.Errorf(zun.CodeInvalidState, "Cannot attach container c in Stopped state"), 409, "Stopped"},
		{"host away", "token=t&uuid=c", lost, 503, "does not answer"},
		{"our fault", "token=t&uuid=c", errors.New("secret"), 500, "a problem in the server"},
	} {
		f := newFixture(t)
		f.opener.err = test.err
		_, response, err := websocket.Dial(f.ctx(), f.url(test.query), nil)
		if err == nil || response == nil || response.StatusCode != test.status {
			t.Errorf("%s: %v %v", test.name, response, err)
			continue
		}
		body, _ := io.ReadAll(response.Body)
		if !strings.Contains(string(body), test.says) || strings.Contains(string(body), "secret") {
			t.Errorf("%s: %s", test.name, body)
		}
		if strings.Contains(f.log.String(), "token=") || !strings.Contains(f.log.String(), "a console was refused") {
			t.Errorf("%s: %s", test.name, f.log)
		}
	}
}

// Who is no websocket does not use the token up.
func TestOnlyWebsocketsReachTheConsole(t *testing.T) {
	f := newFixture(t)
	plain := "http" + strings.TrimPrefix(f.url(), "ws")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		request, err := http.NewRequestWithContext(f.ctx(), method, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUpgradeRequired {
			t.Errorf("%s: %s", method, response.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if len(f.opener.opened) != 0 {
		t.Error("the console was opened")
	}
}

func TestNoConsoleOnceTheServiceStops(t *testing.T) {
	f := newFixture(t)
	f.stop()
	_, response, err := websocket.Dial(f.ctx(), f.url(), nil)
	if err == nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%v %v", response, err)
	}
	if len(f.opener.opened) != 0 {
		t.Error("the console was opened")
	}
}

// A reader who does not read cannot keep the service from stopping.
func TestTheServiceStopsUnderASlowReader(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.EndTimeout = 50 * time.Millisecond })
	f.dial("binary")
	go func() {
		for {
			if _, err := f.output.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}()
	ended := make(chan struct{})
	go func() { f.stop(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not stop")
	}
	<-f.closed
}

func TestOrigins(t *testing.T) {
	for _, test := range []struct {
		origin, forwarded string
		secure            bool
		status            int
	}{
		{"", "", false, 101},
		{"http://127.0.0.1", "", false, 101},
		{"http://127.0.0.1:None", "", false, 101}, // python-zunclient, when the URL has no port
		{"http://127.0.0.1:80", "", false, 101},
		{"http://HORIZON.example:8080", "", false, 101},
		{"http://other.example", "", false, 101}, // configured as an origin
		{"http://evil.example", "", false, 403},
		{"http://127.0.0.1.evil.example", "", false, 403},
		{"http://evil.example/127.0.0.1", "", false, 403},
		{"https://127.0.0.1", "", false, 403},
		{"https://127.0.0.1", "http", false, 101}, // what a reverse proxy says wins
		{"https://horizon.example", "", true, 101},
		{"http://horizon.example", "", true, 403},
		{"http://horizon.example", "https", true, 101},
		{"null", "", false, 403},
		{"file://", "", false, 403},
		{"horizon.example", "", false, 403},
	} {
		f := newFixture(t, func(c *Config) {
			c.AllowedOrigins, c.Secure = []string{"horizon.example", "https://other.example"}, test.secure
		})
		header := http.Header{}
		if test.origin != "" {
			header.Set("Origin", test.origin)
		}
		if test.forwarded != "" {
			header.Set("X-Forwarded-Proto", test.forwarded)
		}
		socket, response, err := websocket.Dial(f.ctx(), f.url(), &websocket.DialOptions{HTTPHeader: header})
		if response == nil || response.StatusCode != test.status {
			t.Errorf("%+v: %v %v", test, response, err)
		}
		if socket != nil {
			_ = socket.CloseNow()
		} else if len(f.opener.opened) != 0 {
			t.Errorf("%+v: the token was used up", test)
		}
	}
}

func TestHostnames(t *testing.T) {
	for host, want := range map[string]string{
		"Cloud.example:6784": "cloud.example", "cloud.example": "cloud.example", "[FD00::1]:6784": "fd00::1", "[fd00::1]": "fd00::1", "": "",
	} {
		if got := hostname(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}
