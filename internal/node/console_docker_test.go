package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gozun/gozun/zun"
)

// interactive runs a container with an input.
func (b *workbench) interactive(tty bool, command ...string) zun.Container {
	b.tb.Helper()
	order := aContainer(anImage(b.tb), command, b.network())
	order.Container.Interactive, order.Container.TTY = true, tty
	b.run(order)
	return b.records.container(order.Container.ID)
}

// joined is a console under test; whatever hangs is closed after a while.
type joined struct {
	tb testing.TB
	zun.Console
	said string
}

func (b *workbench) attach(c zun.Container, options zun.AttachOptions) *joined {
	b.tb.Helper()
	console, err := b.agent.Attach(b.tb.Context(), c, options)
	return b.join(console, err)
}

func (b *workbench) start(c zun.Container, spec zun.ExecSpec) (*joined, string) {
	b.tb.Helper()
	id, err := b.agent.CreateExec(b.tb.Context(), c, spec)
	if err != nil {
		b.tb.Fatal(err)
	}
	console, err := b.agent.StartExec(b.tb.Context(), c, zun.Exec{ID: id, TTY: spec.TTY})
	return b.join(console, err), id
}

func (b *workbench) join(console zun.Console, err error) *joined {
	b.tb.Helper()
	if err != nil {
		b.tb.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = console.Close() })
	b.tb.Cleanup(func() { late.Stop(); _ = console.Close() })
	return &joined{tb: b.tb, Console: console}
}

func (j *joined) types(text string) {
	j.tb.Helper()
	if _, err := io.WriteString(j, text); err != nil {
		j.tb.Fatalf("typing %q: %v", text, err)
	}
}

// until reads until the console has said a text, and forgets what came before it.
func (j *joined) until(text string) {
	j.tb.Helper()
	buffer := make([]byte, 1024)
	for !strings.Contains(j.said, text) {
		n, err := j.Read(buffer)
		j.said += string(buffer[:n])
		if err != nil && !strings.Contains(j.said, text) {
			j.tb.Fatalf("waiting for %q: %v; it said %q", text, err, j.said)
		}
	}
	_, j.said, _ = strings.Cut(j.said, text)
}

// ends reads to the end and returns how the process ended.
func (j *joined) ends() (string, int) {
	j.tb.Helper()
	rest, err := io.ReadAll(j)
	if err != nil {
		j.tb.Fatalf("%v after %q", err, rest)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	code, known := j.ExitCode(ctx)
	if !known {
		j.tb.Error("how it ended is not known")
	}
	return j.said + string(rest), code
}

func TestAttachOnRealDocker(t *testing.T) {
	b := newBench(t)
	c := b.interactive(true, "sh", "-c", `echo ready; while read line; do [ "$line" = end ] && exit 5; echo "got $line $(busybox stty size)"; done`)
	first := b.attach(c, zun.AttachOptions{Logs: true})
	first.until("ready\r\n")
	first.types("grüße\n")
	first.until("got grüße")
	if err := b.agent.Resize(t.Context(), c, "", zun.Size{Width: 101, Height: 33}); err != nil {
		t.Fatal(err)
	}
	first.types("size\n")
	first.until("got size 33 101")

	// Another joins, both hear, and going away ends nothing.
	second := b.attach(c, zun.AttachOptions{})
	second.types("both\n")
	second.until("got both")
	first.until("got both")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(make([]byte, 1)); err == nil {
		t.Error("a closed console can be read")
	}
	second.types("\x10\x11still\n") // Ctrl-P Ctrl-Q, at which Docker would let go
	second.until("still")
	second.types("end\n")
	if _, code := second.ends(); code != 5 {
		t.Errorf("exit code %d", code)
	}
	b.records.status(t, c.ID, zun.StatusStopped)
	if _, err := b.agent.Attach(t.Context(), c, zun.AttachOptions{}); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("attach to what does not run: %v", err)
	}
	if err := b.agent.Resize(t.Context(), c, "", zun.Size{Width: 1, Height: 1}); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("resize what does not run: %v", err)
	}
}

// Without a terminal Docker sends standard output and error in pieces with headers.
func TestAttachWithoutATerminal(t *testing.T) {
	b := newBench(t)
	c := b.interactive(false, "sh", "-c", `while read line; do echo "out $line"; echo "err $line" >&2; done`)
	console := b.attach(c, zun.AttachOptions{})
	for i := range 3 {
		console.types(fmt.Sprintf("%d\n", i))
		if i%2 == 0 { // the order of the two is Docker's
			console.until(fmt.Sprintf("out %d\n", i))
		} else {
			console.until(fmt.Sprintf("err %d\n", i))
		}
	}
	console.types("\xff\x00\r\n")
	console.until("out \xff")
}

// A container that removes itself takes what is known of it along, but not how it ended.
func TestTheEndOfAnAutoRemoveContainer(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sh", "-c", "read line; exit 9"}, b.network())
	order.Container.Interactive, order.Container.TTY, order.Container.AutoRemove = true, true, true
	b.run(order)
	console := b.attach(b.records.container(order.Container.ID), zun.AttachOptions{})
	console.types("go\n")
	if _, code := console.ends(); code != 9 {
		t.Errorf("exit code %d", code)
	}
	b.records.status(t, order.Container.ID, zun.StatusDeleted)
}

func TestExecConsolesOnRealDocker(t *testing.T) {
	b := newBench(t)
	c := b.interactive(true, "sleep", "1000000")
	console, id := b.start(c, zun.ExecSpec{Command: []string{"sh"}, Stdin: true, TTY: true})
	if err := b.agent.Resize(t.Context(), c, id, zun.Size{Width: 77, Height: 22}); err != nil {
		t.Fatal(err)
	}
	console.types("\x10\x11busybox stty size; exit 6\n")
	console.until("22 77")
	if _, code := console.ends(); code != 6 {
		t.Errorf("exit code %d", code)
	}
	if err := b.agent.Resize(t.Context(), c, id, zun.Size{Width: 1, Height: 1}); zun.CodeOf(err) != zun.CodeInvalid {
		t.Errorf("resize what has ended: %v", err)
	}
	unknown := strings.Repeat("0", 64)
	if err := b.agent.Resize(t.Context(), c, unknown, zun.Size{Width: 1, Height: 1}); zun.CodeOf(err) != zun.CodeInvalid {
		t.Errorf("resize what is not there: %v", err)
	}
	if _, err := b.agent.StartExec(t.Context(), c, zun.Exec{ID: unknown}); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("start what is not there: %v", err)
	}

	// Another container's command is none of this one's.
	other := b.interactive(false, "sleep", "1000000")
	_, id = b.start(other, zun.ExecSpec{Command: []string{"cat"}, Stdin: true, TTY: true})
	if err := b.agent.Resize(t.Context(), c, id, zun.Size{Width: 1, Height: 1}); zun.CodeOf(err) != zun.CodeInvalid {
		t.Errorf("resize another's: %v", err)
	}
	if err := b.agent.Resize(t.Context(), other, id, zun.Size{Width: 1, Height: 1}); err != nil {
		t.Errorf("resize its own: %v", err)
	}

	nothing, _ := b.start(c, zun.ExecSpec{Command: []string{"frobnicate"}, Stdin: true, TTY: true})
	if said, code := nothing.ends(); code == 0 || !strings.Contains(said, "frobnicate") {
		t.Errorf("an unknown command ended with %d and said %q", code, said)
	}
}

// Megabytes of any bytes go in and out of a command without a terminal, and the end of the
// input gets there.
func TestAPipeThroughACommand(t *testing.T) {
	b := newBench(t)
	c := b.interactive(false, "sleep", "1000000")
	console, _ := b.start(c, zun.ExecSpec{Command: []string{"cat"}, Stdin: true})
	sent := bytes.Repeat([]byte("\x00\xff\x10\x11\r\n\x03\x04 zw\xc3\xb6lf"), 1<<18)
	wrote := make(chan error, 1)
	go func() {
		_, err := console.Write(sent)
		if err == nil {
			err = console.CloseWrite()
		}
		wrote <- err
	}()
	got, code := console.ends()
	if err := <-wrote; err != nil || code != 0 || sha256.Sum256([]byte(got)) != sha256.Sum256(sent) {
		t.Errorf("%v, exit code %d, %d bytes of %d", err, code, len(got), len(sent))
	}
}

// A command that is not interactive has no input, and says all it has to say.
func TestACommandWithoutInput(t *testing.T) {
	b := newBench(t)
	c := b.interactive(false, "sleep", "1000000")
	console, _ := b.start(c, zun.ExecSpec{Command: []string{"sh", "-c", "cat; echo out; echo err >&2; exit 3"}})
	if said, code := console.ends(); code != 3 || len(said) != len("out\nerr\n") || !strings.Contains(said, "out\n") || !strings.Contains(said, "err\n") {
		t.Errorf("exit code %d, said %q", code, said)
	}
}
