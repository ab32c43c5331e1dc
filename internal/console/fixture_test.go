package console

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/gozun/gozun/zun"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// process is what a console leads to: what the test writes to output is read by the proxy,
// and what the caller sends can be read from input.
type process struct {
	zun.Console // Read, Write, …: what the proxy has of it

	output *io.PipeWriter
	input  *io.PipeReader
	closed chan struct{} // the proxy let go of it
}

// stream is the proxy's side of a process.
type stream struct {
	output *io.PipeReader
	input  *io.PipeWriter
	once   sync.Once
	closed chan struct{}
	code   int // how the process ends; negative is not known
}

func newProcess(code int) *process {
	output, toCaller := io.Pipe()
	fromCaller, input := io.Pipe()
	s := &stream{output: output, input: input, closed: make(chan struct{}), code: code}
	return &process{Console: s, output: toCaller, input: fromCaller, closed: s.closed}
}

var errClosed = errors.New("use of a closed console")

func (s *stream) Read(p []byte) (int, error)               { return s.output.Read(p) }
func (s *stream) Write(p []byte) (int, error)              { return s.input.Write(p) }
func (s *stream) CloseWrite() error                        { return s.input.Close() }
func (s *stream) ExitCode(ctx context.Context) (int, bool) { return s.code, s.code >= 0 }
func (s *stream) Close() error {
	s.once.Do(func() {
		close(s.closed)
		s.output.CloseWithError(errClosed)
		s.input.CloseWithError(errClosed)
	})
	return nil
}

// opener opens the one process for the ticket "t" of container "c", or fails.
type opener struct {
	process *process
	err     error
	opened  chan zun.ConsoleTicket
}

func (o *opener) OpenConsole(_ context.Context, ticket zun.ConsoleTicket) (zun.Console, error) {
	select {
	case o.opened <- ticket:
	default:
	}
	if o.err != nil {
		return nil, o.err
	}
	if ticket.Token != "t" || ticket.ContainerID != "c" {
		return nil, zun.Errorf(zun.CodeUnauthorized, "cannot open the console: no such ticket")
	}
	return o.process, nil
}

// fixture is a proxy that listens and leads to one process.
type fixture struct {
	testing.TB
	*process
	opener *opener
	proxy  *Proxy
	server *httptest.Server
	log    *lockedBuffer
	stop   func() // and wait for the end of Run
}

type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newFixture(tb testing.TB, change ...func(*Config)) *fixture {
	tb.Helper()
	f := &fixture{TB: tb, process: newProcess(0), log: &lockedBuffer{}}
	f.opener = &opener{process: f.process, opened: make(chan zun.ConsoleTicket, 1)}
	config := Config{Consoles: f.opener, Log: slog.New(slog.NewTextHandler(f.log, nil))}
	for _, c := range change {
		c(&config)
	}
	f.proxy = New(config)
	f.server = httptest.NewServer(f.proxy)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.proxy.Run(ctx) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	tb.Cleanup(func() {
		f.stop()
		f.server.Close()
	})
	return f
}

// url is the console's, with another query if one is given.
func (f *fixture) url(query ...string) string {
	return "ws" + strings.TrimPrefix(f.server.URL, "http") + "/any/path?" + strings.Join(append(query, "token=t&uuid=c")[:1], "")
}

// dial opens the console.
func (f *fixture) dial(subprotocols ...string) *websocket.Conn {
	f.Helper()
	socket, _, err := websocket.Dial(f.ctx(), f.url(), &websocket.DialOptions{Subprotocols: subprotocols})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = socket.CloseNow() })
	socket.SetReadLimit(-1)
	return socket
}

// ctx ends before the test hangs.
func (f *fixture) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	f.Cleanup(cancel)
	return ctx
}

// writes has the process write each text, and end after the last.
func (f *fixture) writes(texts ...string) {
	for _, text := range texts {
		if _, err := io.WriteString(f.output, text); err != nil {
			f.Errorf("the process cannot write %.20q: %v", text, err)
		}
	}
	f.output.Close()
}

// messages reads to the end of the console.
func (f *fixture) messages(socket *websocket.Conn) (messages []string, kinds map[websocket.MessageType]bool, end websocket.CloseError) {
	f.Helper()
	kinds = map[websocket.MessageType]bool{}
	for {
		kind, message, err := socket.Read(f.ctx())
		if errors.As(err, &end) {
			return messages, kinds, end
		}
		if err != nil {
			f.Fatalf("after %d messages: %v", len(messages), err)
		}
		messages, kinds[kind] = append(messages, string(message)), true
	}
}
