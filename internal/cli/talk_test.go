package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gozun/gozun/internal/cli"
	"github.com/gozun/gozun/tests/pty"
	"github.com/gozun/gozun/zun"
)

// person is somebody at a terminal at which a command runs.
type person struct {
	testing.TB
	master, terminal *os.File
	mu               sync.Mutex
	more             *sync.Cond
	seen             string
	at               int // how much of what is seen was waited for
	code             chan int
}

// at runs a command on a terminal.
func at(ctx context.Context, t *testing.T, w *world, args ...string) *person {
	t.Helper()
	p := &person{TB: t, code: make(chan int, 1)}
	p.more = sync.NewCond(&p.mu)
	p.master, p.terminal = pty.Open(t, 24, 60)
	getenv := func(name string) string {
		return map[string]string{"LANG": "C.UTF-8", "TERM": "xterm"}[name] + w.environment()[name]
	}
	go func() {
		for buffer := make([]byte, 4096); ; {
			n, err := p.master.Read(buffer)
			p.mu.Lock()
			p.seen += string(buffer[:n])
			p.more.Broadcast()
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() {
		p.code <- cli.Run(ctx, append([]string{"zun"}, args...), p.terminal, p.terminal, p.terminal, getenv)
	}()
	return p
}

// sees waits until the screen shows a text that was not waited for yet.
func (p *person) sees(text string) {
	p.Helper()
	deadline := time.Now().Add(20 * time.Second)
	late := time.AfterFunc(21*time.Second, p.more.Broadcast)
	defer late.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !strings.Contains(p.seen[p.at:], text) {
		if time.Now().After(deadline) {
			p.Fatalf("the screen does not show %q but %q", text, p.seen[p.at:])
		}
		p.more.Wait()
	}
	p.at += strings.Index(p.seen[p.at:], text) + len(text)
}

func (p *person) types(text string) {
	p.Helper()
	if _, err := io.WriteString(p.master, text); err != nil {
		p.Fatal(err)
	}
}

// ends waits for the exit code, and sees that the terminal is as it was. It returns all that
// was seen.
func (p *person) ends(want int) string {
	p.Helper()
	select {
	case code := <-p.code:
		if code != want {
			p.Errorf("exit code %d, want %d", code, want)
		}
	case <-time.After(30 * time.Second):
		p.Error("the command does not end")
	}
	if !cooked(p.TB, p.terminal) {
		p.Error("the terminal was not given back")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Failed() {
		p.Logf("the screen: %q", p.seen)
	}
	return p.seen
}

// cooked reports whether a terminal echoes and reads by line.
func cooked(tb testing.TB, terminal *os.File) bool {
	tb.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		tb.Fatal(err)
	}
	const all = unix.ECHO | unix.ICANON | unix.ISIG
	return state.Lflag&all == all
}

// web is a world with a running container of this name.
func web(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	var stderr bytes.Buffer
	if code := cli.Run(t.Context(), []string{"zun", "run", "-i", "-t", "--no-wait", "--name", "web", "nginx"}, strings.NewReader(""), io.Discard, &stderr, w.getenv); code != 0 {
		t.Fatal(stderr.String())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c, err := w.find("web")
	if err != nil {
		t.Fatal(err)
	}
	c.Status = zun.StatusRunning
	return w
}

func TestAttachAtATerminal(t *testing.T) {
	w := web(t)
	p := at(t.Context(), t, w, "attach", "web")
	p.sees("connected with web; ~. detaches")
	p.sees("$ ")
	if cooked(t, p.terminal) {
		t.Error("the terminal keeps keys for itself")
	}
	for _, want := range []string{"main 61x25", "main 60x24"} { // twice, so that the screen is drawn
		if got := <-w.resizes; got != want {
			t.Errorf("resized to %s, want %s", got, want)
		}
	}
	p.types("größe ~.\r")
	p.sees("<größe ~.>")
	p.types("\x03")
	p.sees("^C")
	p.types("~~.\r")
	p.sees("<~.>")
	if err := unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 132}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil { // the terminal is not this process's own
		t.Fatal(err)
	}
	if got := <-w.resizes; got != "main 132x50" {
		t.Errorf("resized to %s", got)
	}
	p.types("~.")
	p.sees("detached; web goes on")
	p.sees("Next: zun attach web")
	p.ends(0)
	if w.attached[0].Logs {
		t.Error("logs were asked for")
	}
}

func TestTheExitCodeOfWhatWasAttached(t *testing.T) {
	w := web(t)
	p := at(t.Context(), t, w, "attach", "--logs", "web")
	p.sees("$ ")
	p.types("exit 9\r")
	p.ends(9)
	if !w.attached[0].Logs {
		t.Error("no logs were asked for")
	}
}

func TestExecAtATerminal(t *testing.T) {
	w := web(t)
	p := at(t.Context(), t, w, "exec", "-i", "--detach-keys", "ctrl-p,q", "web", "sh")
	p.sees("connected with web; Ctrl-P q detaches")
	if got := <-w.resizes; got != "exec 60x24" {
		t.Errorf("resized to %s", got)
	}
	p.types("a\x10b~.\r")
	p.sees("<a\x10b~.>")
	p.types("exit 4\r")
	p.ends(4)
	p = at(t.Context(), t, w, "exec", "-it", "--detach-keys", "ctrl-p,q", "web", "sh")
	p.sees("$ ")
	p.types("\x10q")
	p.sees("detached; what runs in web may go on")
	p.ends(0)
	for _, spec := range w.execs {
		if !spec.Stdin || !spec.TTY {
			t.Errorf("%+v", spec)
		}
	}
}

// A command in a pipe gets exactly what comes in, with its end.
func TestExecInAPipe(t *testing.T) {
	w := web(t)
	sent := strings.Repeat("~.\x00\xff\r\n\x03", 1<<17)
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), []string{"zun", "exec", "-i", "web", "cat"}, strings.NewReader(sent), &stdout, &stderr, w.getenv)
	if code != 0 || stdout.String() != sent || stderr.Len() != 0 {
		t.Errorf("exit code %d, %d bytes of %d, stderr %q", code, stdout.Len(), len(sent), stderr.String())
	}
	stdout.Reset()
	if code := cli.Run(t.Context(), []string{"zun", "exec", "-t", "web", "other"}, strings.NewReader(""), &stdout, &stderr, w.getenv); code != 3 || stdout.String() != "other ran\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
	want := []zun.ExecSpec{{Command: []string{"cat"}, Stdin: true}, {Command: []string{"other"}, TTY: true}}
	if fmt.Sprint(w.execs) != fmt.Sprint(want) {
		t.Errorf("%+v", w.execs)
	}
}

// On a terminal that is given to it, the end of the input is Ctrl-D.
func TestExecWithATerminalInAPipe(t *testing.T) {
	w := web(t)
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), []string{"zun", "exec", "-it", "web", "sh"}, strings.NewReader("one\n"), &stdout, &stderr, w.getenv)
	if code != 0 || stdout.String() != "$ <one>\r\n$ ^D\r\n$ " {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}

func TestRunInteractively(t *testing.T) {
	w := newWorld(t)
	p := at(t.Context(), t, w, "run", "-i", "--name", "web", "busybox")
	p.sees("connected with web")
	p.sees("$ ")
	p.types("hello\r")
	p.sees("<hello>")
	p.types("exit 5\r")
	if seen := p.ends(5); strings.Contains(seen, "| status") {
		t.Errorf("there is a table before the console: %q", seen)
	}
	if !w.request.Interactive || !w.request.TTY || !w.request.Run || len(w.attached) != 1 || !w.attached[0].Logs {
		t.Errorf("%+v %+v", w.request, w.attached)
	}
}

func TestRunInteractivelyWithoutWaitingOnlyMakesIt(t *testing.T) {
	w := newWorld(t)
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), []string{"zun", "run", "-i", "--no-wait", "--name", "web", "-f", "value", "-c", "name", "busybox"}, strings.NewReader(""), &stdout, &stderr, w.getenv)
	if code != 0 || stdout.String() != "web\n" || !w.request.Interactive || w.request.TTY || len(w.attached) != 0 {
		t.Errorf("exit code %d, %q, %q, %+v", code, stdout.String(), stderr.String(), w.request)
	}
}

// A signal from outside gives the terminal back.
func TestAnInterruptedConsoleGivesTheTerminalBack(t *testing.T) {
	w := web(t)
	ctx, interrupt := context.WithCancel(t.Context())
	p := at(ctx, t, w, "exec", "-i", "web", "stuck")
	p.sees("stuck")
	interrupt()
	p.ends(130)
}

func TestAHangupGivesTheTerminalBack(t *testing.T) {
	if signal.Ignored(unix.SIGHUP) {
		t.Skip("a hangup is ignored, as under nohup, and then it is to be")
	}
	w := web(t)
	p := at(t.Context(), t, w, "exec", "-i", "web", "stuck")
	p.sees("stuck")
	if err := unix.Kill(os.Getpid(), unix.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.ends(130)
}

func TestConsolesThatCannotBe(t *testing.T) {
	w := web(t)
	for _, test := range []struct {
		args string
		code int
		says string
	}{
		{"attach", 2, "attach needs CONTAINER"},
		{"attach nope", 3, "could not be found"},
		{"attach --detach-keys ctrl-ü web", 2, "neither a character nor ctrl-"},
		{"exec -i nope sh", 3, "could not be found"},
		{"exec -i web", 2, "exec needs COMMAND"},
		{"run -i --detach-keys ~,long busybox", 2, "neither a character nor ctrl-"},
	} {
		var stderr bytes.Buffer
		code := cli.Run(t.Context(), append([]string{"zun"}, strings.Fields(test.args)...), strings.NewReader(""), io.Discard, &stderr, w.getenv)
		if code != test.code || !strings.Contains(stderr.String(), test.says) {
			t.Errorf("zun %s: exit code %d, %s", test.args, code, stderr.String())
		}
	}
}

// --debug shows neither the console's token nor waits for its end.
func TestDebugHidesTheTokensOfConsoles(t *testing.T) {
	w := web(t)
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), []string{"zun", "--debug", "exec", "-i", "web", "cat"}, strings.NewReader("all"), &stdout, &stderr, w.getenv)
	if code != 0 || stdout.String() != "all" || !strings.Contains(stderr.String(), "token=***") || strings.Contains(stderr.String(), "token=cat") {
		t.Errorf("exit code %d, stdout %q, stderr:\n%s", code, stdout.String(), stderr.String())
	}
}
