package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gozun/gozun/tests/pty"
)

// terminal is a pseudo-terminal with a command on it, whose session it controls, as in a
// window of a person's: what they type goes to master, what they see comes from it.
type terminal struct {
	tb      testing.TB
	command string
	process *exec.Cmd
	master  *os.File
	ended   chan struct{} // closed once the command has ended and all that it wrote was read
	reading sync.Once

	mu  sync.Mutex
	got bytes.Buffer
	err error // how the command ended
}

// window is the size that terminals have at first, in rows and columns.
var window = unix.Winsize{Row: 30, Col: 100}

// sitsAt starts a zun command on a terminal. Nothing of its output is read before reads,
// which whatever looks at the screen calls.
func (u *user) sitsAt(args ...string) *terminal {
	u.tb.Helper()
	master, slave := pty.Open(u.tb, window.Row, window.Col)
	defer slave.Close()
	t := &terminal{tb: u.tb, command: "zun " + strings.Join(args, " "), master: master, ended: make(chan struct{})}
	t.process = exec.Command(program("zun"), args...)
	t.process.Env = append(append([]string{}, u.env...), "TERM=xterm", "LANG=C.UTF-8")
	t.process.Stdin, t.process.Stdout, t.process.Stderr = slave, slave, slave
	t.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := t.process.Start(); err != nil {
		u.tb.Fatal(err)
	}
	u.tb.Cleanup(t.leave)
	return t
}

// leave ends a command that is still there, and shows what a failed test saw of it.
func (t *terminal) leave() {
	_ = t.process.Process.Kill() // fails when it has ended
	t.reads()
	<-t.ended
	if t.tb.Failed() {
		shown := t.shown()
		t.tb.Logf("$ %s (%v)\n%s", t.command, t.err, shown[max(0, len(shown)-4000):])
	}
}

// reads begins to read what the command writes.
func (t *terminal) reads() {
	t.reading.Do(func() {
		go func() {
			defer close(t.ended)
			for buffer := make([]byte, 32<<10); ; {
				n, err := t.master.Read(buffer)
				t.mu.Lock()
				t.got.Write(buffer[:n])
				t.mu.Unlock()
				if err != nil { // the last that had the terminal open is gone
					t.err = t.process.Wait()
					return
				}
			}
		}()
	})
}

func (t *terminal) shown() string {
	t.reads()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.got.String()
}

// sees waits until the terminal shows something.
func (t *terminal) sees(what string) {
	t.tb.Helper()
	until(t.tb, fmt.Sprintf("%s shows %q", t.command, what), func() bool { return strings.Contains(t.shown(), what) || t.isOver() })
	if !strings.Contains(t.shown(), what) {
		t.tb.Fatalf("%s ended without showing %q", t.command, what)
	}
}

func (t *terminal) isOver() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}

// raw waits until the command has taken the terminal over: from then on every key is the
// container's.
func (t *terminal) raw() {
	t.tb.Helper()
	until(t.tb, t.command+" takes the terminal over", func() bool { return !t.cooked() })
}

// cooked reports whether the terminal edits lines and makes signals of keys.
func (t *terminal) cooked() bool {
	t.tb.Helper()
	mode, err := unix.IoctlGetTermios(int(t.master.Fd()), unix.TCGETS)
	if err != nil {
		t.tb.Fatal(err)
	}
	return mode.Lflag&(unix.ICANON|unix.ISIG|unix.ECHO) == unix.ICANON|unix.ISIG|unix.ECHO
}

func (t *terminal) types(keys string) {
	t.tb.Helper()
	if _, err := t.master.WriteString(keys); err != nil {
		t.tb.Fatalf("cannot type to %s: %v", t.command, err)
	}
}

// becomes makes the window another size, as pulling at its corner does.
func (t *terminal) becomes(rows, columns uint16) {
	t.tb.Helper()
	if err := unix.IoctlSetWinsize(int(t.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.tb.Fatal(err)
	}
}

// ends waits for the command's end with an exit status, and checks that the terminal is as
// it was before.
func (t *terminal) ends(status int) {
	t.tb.Helper()
	t.reads()
	until(t.tb, t.command+" ends", t.isOver)
	if got := t.process.ProcessState.ExitCode(); got != status {
		t.tb.Errorf("%s ended with %d (%v) instead of %d", t.command, got, t.err, status)
	}
	if !t.cooked() {
		t.tb.Errorf("%s left the terminal raw", t.command)
	}
}

// answers types a line to the shell on the terminal until it shows what the line has it
// work out: a shell that makes its line editor ready throws away what was typed by then.
func (t *terminal) answers(line, answer string) {
	t.tb.Helper()
	looks := 0
	until(t.tb, fmt.Sprintf("%s shows %q", t.command, answer), func() bool {
		if looks%40 == 0 {
			t.types(line + "\r")
		}
		looks++
		return strings.Contains(t.shown(), answer)
	})
}

// isSized asks for the size of the container's terminal until it is this.
func (t *terminal) isSized(rows, columns int) {
	t.tb.Helper()
	t.answers(`echo "<$(stty size)>"`, fmt.Sprintf("<%d %d>", rows, columns))
}

// shell makes a container whose main process is a shell on a terminal.
func (u *user) shell(name string) {
	u.tb.Helper()
	u.zun("create", "--wait", "--net=foo", "--name", name, "-i", "--tty", image, "sh")
	u.zun("start", "--wait", name)
}

// What our own client does at a terminal, with a real shell in a container.
func TestOurConsoles(t *testing.T) {
	u := startCloud(t, "").demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	u.runs("web", []string{"--net=foo"})
	u.shell("main")
	for name, args := range map[string][]string{
		"attach": {"attach", "main"},
		"exec":   {"exec", "-i", "web", "sh"},
		"run":    {"run", "-i", "--net=foo", "--name", "brief", image, "sh"},
	} {
		t.Run(name, func(t *testing.T) { u.on(t).sitsAt(args...).isAShell() })
	}
	t.Run("detach", func(t *testing.T) { u.on(t).detaches() })
	t.Run("several at once", func(t *testing.T) { u.on(t).severalAtOnce() })
	t.Run("a slow reader", func(t *testing.T) { u.on(t).readsSlowly() })
	t.Run("no character is lost", func(t *testing.T) {
		at := u.on(t).sitsAt("exec", "-i", "web", "sh", "-c", `yes "$(printf '\342\202\254x\360\237\220\213')" | head -n 100000`)
		at.ends(0)
		if got := strings.Count(at.shown(), "\u20acx\U0001f40b\r\n"); got != 100000 {
			t.Errorf("%d of 100000 lines came whole", got)
		}
	})
}

// isAShell has a person work at a terminal that leads to a shell, and end it.
func (t *terminal) isAShell() {
	t.tb.Helper()
	t.raw()
	t.sees("~. detaches")
	t.isSized(int(window.Row), int(window.Col))
	t.becomes(41, 123)
	t.isSized(41, 123)
	t.answers("printf 'in%sside\\n' $((40+2))", "in42side")
	t.answers("echo 'gr\u00fc\u00dfe, \u20ac \U0001f40b' | tr , :", "gr\u00fc\u00dfe: \u20ac \U0001f40b")
	t.types("echo sleeps$((40+2)); sleep 1000\r")
	t.sees("sleeps42")
	t.types("\x03") // Ctrl-C is the container's
	t.answers("echo awake$((40+2))", "awake42")
	t.types("exit 7\r")
	t.ends(7)
}

// detaches leaves a shell by the keys, which stays, and comes back to see what was.
func (u *user) detaches() {
	t := u.tb
	t.Helper()
	u.shell("stays")
	for keys, flags := range map[string][]string{"\r~.": nil, "\x10\x11": {"--detach-keys", "ctrl-p,ctrl-q"}} {
		at := u.sitsAt(append(append([]string{"attach"}, flags...), "stays")...)
		at.raw()
		at.answers("echo in$((40+2))side", "in42side")
		at.types(keys)
		at.ends(0)
		at.sees("detached; stays goes on")
		if got := u.show("stays").Status; got != "Running" {
			t.Errorf("after the detach it is %s", got)
		}
	}
	at := u.sitsAt("attach", "--logs", "stays")
	at.raw()
	at.sees("in42side") // from before
	at.types("\r~.")
	at.ends(0)
}

// severalAtOnce has two watch one shell, and five run commands beside it: what one types
// both watchers see, and everybody else only what is theirs.
func (u *user) severalAtOnce() {
	t := u.tb
	t.Helper()
	u.shell("shared")
	one, two := u.sitsAt("attach", "shared"), u.sitsAt("attach", "shared")
	one.raw()
	two.raw()
	commands := make([]*terminal, 5)
	for i := range commands {
		commands[i] = u.sitsAt("exec", "-i", "web", "sh")
	}
	for i, at := range commands {
		at.raw()
		at.answers(fmt.Sprintf("echo mine$((1000+%d))", i), fmt.Sprintf("mine%d", 1000+i))
	}
	one.answers("echo ours$((40+2))", "ours42")
	two.sees("ours42")
	for i, at := range commands {
		at.types(fmt.Sprintf("exit %d\r", 10+i))
		at.ends(10 + i)
		if shown := at.shown(); strings.Contains(shown, "ours42") || strings.Contains(shown, fmt.Sprintf("mine%d", 1000+(i+1)%5)) {
			t.Errorf("command %d shows others' output:\n%s", i, shown)
		}
	}
	one.types("\r~.")
	one.ends(0)
	two.types("exit 3\r")
	two.ends(3)
}

// readsSlowly looks at nothing until the process in the container has come to a stop because
// of that, and then finds every line.
func (u *user) readsSlowly() {
	t := u.tb
	t.Helper()
	const lines = 3_000_000
	at := u.sitsAt("exec", "-i", "web", "sh", "-c", fmt.Sprintf("seq 1 %d | cat; touch /done", lines))
	progress := func() string {
		out, _, _ := u.try(program("zun"), "exec", "web", "sh", "-c", "cat /proc/$(pidof cat)/io; [ ! -e /done ] || echo finished")
		return out
	}
	before := ""
	until(t, "the process waits for its reader", func() bool {
		now := progress()
		same := strings.Contains(now, "wchar") && now == before
		before = now
		return same
	})
	if strings.Contains(before, "finished") {
		t.Fatal("the process did not have to wait: somebody keeps all that it wrote")
	}
	at.ends(0)
	next := 1
	for line := range strings.Lines(at.shown()) {
		if strings.TrimRight(line, "\r\n") == fmt.Sprint(next) {
			next++
		}
	}
	if next != lines+1 {
		t.Errorf("the lines came in order up to %d of %d", next-1, lines)
	}
}

// A token opens one console, once, and not after its time, over the real proxy; and neither
// the database nor the log ever has one.
func TestConsoleTokens(t *testing.T) {
	c := startCloud(t, "")
	u := c.demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	u.zun("create", "--wait", "--net=foo", "--name", "shell", "-i", "--tty", image, "sh")
	u.zun("start", "--wait", "shell")
	used := u.ticket("shell")
	if status, text := u.opens(used); status != http.StatusSwitchingProtocols {
		t.Fatalf("a fresh token: %d %s", status, text)
	}
	refused := func(what string, address *url.URL) {
		t.Helper()
		if status, text := u.opens(address); status != http.StatusForbidden || !strings.Contains(text, "ask for a new one") {
			t.Errorf("%s: %d %q", what, status, text)
		}
	}
	refused("a second time", used)
	replaced, fresh := u.ticket("shell"), u.ticket("shell")
	refused("one that was replaced", replaced)
	guessed := *fresh
	query := guessed.Query()
	query.Set("token", strings.Repeat("0", len(query.Get("token"))))
	guessed.RawQuery = query.Encode()
	refused("one that was guessed", &guessed)
	if status, text := u.opens(fresh); status != http.StatusSwitchingProtocols {
		t.Errorf("the one that counts, after all that: %d %s", status, text)
	}

	kept := u.ticket("shell")
	c.end(syscall.SIGKILL)
	c.start()
	if status, text := u.opens(kept); status != http.StatusSwitchingProtocols {
		t.Errorf("one from before a restart: %d %s", status, text)
	}
	c.end(syscall.SIGINT)
	c.flags = append(c.flags, "--console-token-life", "1ns")
	c.start()
	late := u.ticket("shell")
	refused("one whose time has run out", late)
	u.noneIsKept(used, replaced, fresh, kept, late)
}

// ticket asks for the address of a container's console.
func (u *user) ticket(name string) *url.URL {
	u.tb.Helper()
	var text string
	u.ask("1.40", http.MethodGet, "/containers/"+name+"/attach", nil).is(200).into(&text)
	address, err := url.Parse(text)
	if err != nil || address.Scheme != "ws" || address.Query().Get("token") == "" {
		u.tb.Fatalf("the address of the console is %q: %v", text, err)
	}
	return address
}

// opens asks the proxy for a websocket, lets go of it, and returns the answer.
func (u *user) opens(address *url.URL) (status int, text string) {
	u.tb.Helper()
	asked := *address
	asked.Scheme = "http"
	request, err := http.NewRequest(http.MethodGet, asked.String(), nil)
	if err != nil {
		u.tb.Fatal(err)
	}
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "binary",
	} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		u.tb.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusSwitchingProtocols { // then the body has no end
		body, _ := io.ReadAll(response.Body)
		text = string(body)
	}
	return response.StatusCode, text
}

// noneIsKept looks for tokens in the database and the log.
func (u *user) noneIsKept(addresses ...*url.URL) {
	u.tb.Helper()
	files, err := filepath.Glob(filepath.Join(u.state, "zun.db*"))
	if err != nil || len(files) == 0 {
		u.tb.Fatalf("no database: %v", err)
	}
	for _, file := range append(files, u.log) {
		content, err := os.ReadFile(file)
		if err != nil {
			u.tb.Fatal(err)
		}
		for _, address := range addresses {
			if bytes.Contains(content, []byte(address.Query().Get("token"))) {
				u.tb.Errorf("%s has the token of %s", filepath.Base(file), address)
			}
		}
	}
}
