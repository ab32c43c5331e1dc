package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/gozun/gozun/internal/cli"
	"github.com/gozun/gozun/tests/pty"
)

// onTerminal runs a command with its output, or only its errors, on a terminal, and
// returns the exit code, all that the terminal got, and what went to a plain stdout.
func onTerminal(t *testing.T, w *world, plainStdout bool, args ...string) (int, string, string) {
	t.Helper()
	master, terminal := pty.Open(t, 24, 60)
	var plain bytes.Buffer
	var stdout io.Writer = terminal
	if plainStdout {
		stdout = &plain
	}
	getenv := func(name string) string {
		return map[string]string{"LANG": "C.UTF-8", "TERM": "xterm"}[name] + w.environment()[name]
	}
	got := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // ends with EIO when the last terminal is closed
		got <- string(text)
	}()
	code := cli.Run(context.Background(), append([]string{"zun"}, args...), terminal, stdout, terminal, getenv)
	terminal.Close()
	return code, <-got, plain.String()
}

// screen plays what a terminal got: carriage returns, line feeds, and the two escape
// sequences that the view uses.
func screen(t *testing.T, got string) []string {
	t.Helper()
	rows, row := []string{""}, 0
	escape := regexp.MustCompile(`^\x1b\[(\d+)([AK])`)
	for got != "" {
		if m := escape.FindStringSubmatch(got); m != nil {
			if m[2] == "A" {
				var up int
				fmt.Sscan(m[1], &up)
				if row -= up; row < 0 {
					t.Fatal("the view moved above its first line")
				}
			} else {
				rows[row] = ""
			}
			got = got[len(m[0]):]
			continue
		}
		r := []rune(got)[0]
		switch r {
		case '\r':
		case '\n':
			if row++; row == len(rows) {
				rows = append(rows, "")
			}
		case '\x1b':
			t.Fatalf("an escape sequence that was not expected: %.20q", got)
		default:
			rows[row] += string(r)
		}
		got = got[len(string(r)):]
	}
	return rows
}

func TestRunOnATerminalWaitsAndRedrawsItsStages(t *testing.T) {
	w := newWorld(t)
	code, got, stdout := onTerminal(t, w, false, "run", "--name", "web", "nginx")
	if code != 0 || stdout != "" {
		t.Fatalf("exit code %d, screen:\n%s", code, got)
	}
	rows := screen(t, got)
	text := strings.Join(rows, "\n")
	for _, want := range []string{"  ✓ image     12 ms  found nginx", "  ✓ port     240 ms", "web is running", "Next: zun logs web", "| status        | Running"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("the screen does not show %q once:\n%s", want, text)
		}
	}
	if !strings.HasPrefix(rows[0], "run web  ") {
		t.Errorf("the first line is %q", rows[0])
	}
	if !regexp.MustCompile(`[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] port`).MatchString(got) {
		t.Error("no running stage was ever drawn")
	}
}

func TestStdoutStaysParseableBesideATerminal(t *testing.T) {
	w := newWorld(t)
	code, got, stdout := onTerminal(t, w, true, "run", "--wait", "--name", "web", "-f", "value", "-c", "status", "nginx")
	if code != 0 || stdout != "Running\n" {
		t.Errorf("exit code %d, stdout %q", code, stdout)
	}
	if !strings.Contains(got, "✓ image") {
		t.Errorf("no progress on the terminal: %q", got)
	}
}

func TestNoWaitOnATerminalReturnsAtOnceWithANextStep(t *testing.T) {
	w := newWorld(t)
	code, got, _ := onTerminal(t, w, false, "run", "--no-wait", "--name", "web", "nginx")
	if code != 0 || strings.Contains(got, "✓") || !strings.Contains(got, "Next: zun show web") || !strings.Contains(got, "Creating") {
		t.Errorf("exit code %d, screen:\n%s", code, got)
	}
}

func TestFailureOnATerminalShowsTheStageThatFailed(t *testing.T) {
	w := newWorld(t)
	code, got, _ := onTerminal(t, w, false, "run", "missing")
	text := strings.Join(screen(t, got), "\n")
	if code != 5 || !strings.Contains(text, "✗ port") || !strings.Contains(text, "the run of tau-1-container failed: cannot pull image missing") {
		t.Errorf("exit code %d, screen:\n%s", code, text)
	}
	for _, row := range strings.Split(text, "\n") {
		if strings.Contains(row, "✗") && len([]rune(row)) > 59 {
			t.Errorf("a line of the view is wider than the terminal: %q", row)
		}
	}
}

func TestDeleteOnATerminalEndsWhenTheRecordIsGone(t *testing.T) {
	w := newWorld(t)
	if code, got, _ := onTerminal(t, w, false, "create", "--name", "web", "nginx"); code != 0 {
		t.Fatal(got)
	}
	code, got, _ := onTerminal(t, w, false, "delete", "web")
	text := strings.Join(screen(t, got), "\n")
	if code != 0 || !strings.Contains(text, "web is deleted") || w.count() != 0 {
		t.Errorf("exit code %d, %d containers left, screen:\n%s", code, w.count(), text)
	}
}

func TestInterruptedWaitSaysThatTheActionGoesOn(t *testing.T) {
	w := newWorld(t)
	ctx, interrupt := context.WithCancel(context.Background())
	var stderr interruptingWriter
	stderr.at, stderr.interrupt = "image", interrupt
	code := cli.Run(ctx, []string{"zun", "run", "--wait", "slow"}, strings.NewReader(""), io.Discard, &stderr, w.getenv)
	if code != 130 || !strings.Contains(stderr.String(), "the run of tau-1-container goes on: zun action-show") {
		t.Errorf("exit code %d, stderr:\n%s", code, stderr.String())
	}
}

func TestAsksForTheMissingPasswordWithoutEcho(t *testing.T) {
	w := newWorld(t)
	master, terminal := pty.Open(t, 24, 60)
	getenv := func(name string) string {
		if name == "OS_PASSWORD" {
			return ""
		}
		return w.environment()[name]
	}
	prompted := make(chan string)
	go func() { // a person who types when asked
		var got []byte
		for buffer := make([]byte, 256); ; {
			n, err := master.Read(buffer)
			got = append(got, buffer[:n]...)
			if strings.HasSuffix(string(got), "Password of demo: ") {
				io.WriteString(master, "secret\n")
			}
			if err != nil {
				prompted <- string(got)
				return
			}
		}
	}()
	var stdout bytes.Buffer
	code := cli.Run(context.Background(), []string{"zun", "list", "-f", "json"}, terminal, &stdout, terminal, getenv)
	terminal.Close()
	if got := <-prompted; code != 0 || stdout.String() != "[]\n" || strings.Contains(got, "secret") {
		t.Errorf("exit code %d, stdout %q, screen %q", code, stdout.String(), got)
	}
}

func TestInterruptAtThePasswordEndsTheProgram(t *testing.T) {
	w := newWorld(t)
	_, terminal := pty.Open(t, 24, 60)
	ctx, interrupt := context.WithCancel(context.Background())
	stderr := &interruptingWriter{at: "Password of", interrupt: interrupt}
	getenv := func(name string) string {
		return map[string]string{"OS_AUTH_URL": w.server.URL, "OS_USERNAME": "demo"}[name]
	}
	if code := cli.Run(ctx, []string{"zun", "list"}, terminal, io.Discard, stderr, getenv); code == 0 {
		t.Error("an interrupted login is a success")
	}
}

// interruptingWriter is a person who presses Ctrl-C when they read a word.
type interruptingWriter struct {
	bytes.Buffer
	at        string
	interrupt func()
}

func (w *interruptingWriter) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(string(p), w.at) {
		w.interrupt()
	}
	return n, err
}
