package cli_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gozun/gozun/internal/console"
	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// consoles is the part of the service with streams. A ticket's token is what will run: "sh"
// is a shell on a terminal, which repeats each line and knows "exit N"; "cat" passes its
// input on; anything else says what it was started as and ends with 3.
type consoles struct {
	attached []zun.AttachOptions
	execs    []zun.ExecSpec
	resizes  chan string
}

func (b *backend) AttachContainer(_ context.Context, _ policy.Grant, ref string, o zun.AttachOptions) (zun.ConsoleTicket, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.find(ref)
	if err == nil {
		err = c.CheckState("attach")
	}
	if err != nil {
		return zun.ConsoleTicket{}, err
	}
	b.attached = append(b.attached, o)
	return zun.ConsoleTicket{Token: "sh", ContainerID: c.ID}, nil
}

func (b *backend) PrepareExec(_ context.Context, _ policy.Grant, ref string, spec zun.ExecSpec) (zun.ConsoleTicket, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.find(ref)
	if err != nil {
		return zun.ConsoleTicket{}, err
	}
	b.execs = append(b.execs, spec)
	return zun.ConsoleTicket{Token: spec.Command[0], ContainerID: c.ID, ExecID: strings.Repeat("e", 64)}, nil
}

func (b *backend) ResizeTerminal(_ context.Context, _ policy.Grant, _ string, size zun.Size) error {
	b.resizes <- fmt.Sprintf("main %dx%d", size.Width, size.Height)
	return nil
}

func (b *backend) ResizeExec(_ context.Context, _ policy.Grant, _, _ string, size zun.Size) error {
	b.resizes <- fmt.Sprintf("exec %dx%d", size.Width, size.Height)
	return nil
}

// proxy serves the consoles as the real service does.
func (w *world) proxy(tb testing.TB) http.Handler {
	w.resizes = make(chan string, 64)
	proxy := console.New(console.Config{Consoles: w.backend, Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = proxy.Run(ctx) }()
	tb.Cleanup(func() { stop(); <-ended })
	return proxy
}

// running is a process with streams.
type running struct {
	*io.PipeReader
	input *io.PipeWriter
	code  int
}

func (r *running) Write(p []byte) (int, error)          { return r.input.Write(p) }
func (r *running) CloseWrite() error                    { return r.input.Close() }
func (r *running) Close() error                         { r.input.Close(); return r.PipeReader.Close() }
func (r *running) ExitCode(context.Context) (int, bool) { return r.code, true }

func (b *backend) OpenConsole(_ context.Context, ticket zun.ConsoleTicket) (zun.Console, error) {
	output, says := io.Pipe()
	hears, input := io.Pipe()
	r := &running{PipeReader: output, input: input}
	go func() {
		defer says.Close()
		switch ticket.Token {
		case "sh":
			r.code = shell(hears, says)
		case "cat":
			_, _ = io.Copy(says, hears)
		case "stuck":
			_, _ = io.WriteString(says, "stuck\r\n")
			_, _ = io.Copy(io.Discard, hears)
		default:
			r.code = 3
			fmt.Fprintf(says, "%s ran\n", ticket.Token)
		}
	}()
	return r, nil
}

// shell is what a terminal with a shell does with what is typed: lines end with a carriage
// return, and Ctrl-C and Ctrl-D are seen.
func shell(hears io.Reader, says io.Writer) (code int) {
	typed := bufio.NewReader(hears)
	var line []byte
	fmt.Fprint(says, "$ ")
	for {
		key, err := typed.ReadByte()
		if err != nil {
			return 0
		}
		switch key {
		case 3, 4:
			fmt.Fprintf(says, "^%c\r\n$ ", key+'@')
			if key == 4 {
				return 0
			}
		case '\r', '\n':
			if n, _ := fmt.Sscanf(string(line), "exit %d", &code); n == 1 {
				return code
			}
			fmt.Fprintf(says, "<%s>\r\n$ ", line)
			line = nil
		default:
			line = append(line, key)
		}
	}
}
