package control

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gozun/gozun/zun"
)

// consoles is the part of the fake host that has streams: each says what it was opened for.
type consoles struct {
	execs   []zun.ExecSpec
	resized []string
	lost    error // everything fails with it
}

// said is a console whose process writes a text and ends.
type said struct{ io.Reader }

func (said) Write(p []byte) (int, error)          { return len(p), nil }
func (said) Close() error                         { return nil }
func (said) CloseWrite() error                    { return nil }
func (said) ExitCode(context.Context) (int, bool) { return 0, true }

func (n *fakeNode) Attach(_ context.Context, c zun.Container, options zun.AttachOptions) (zun.Console, error) {
	return said{strings.NewReader(fmt.Sprintf("main %s %v", c.ID, options.Logs))}, n.lost
}

func (n *fakeNode) CreateExec(_ context.Context, _ zun.Container, spec zun.ExecSpec) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.execs = append(n.execs, spec)
	return fmt.Sprintf("%064d", len(n.execs)), n.lost
}

func (n *fakeNode) StartExec(_ context.Context, c zun.Container, exec zun.Exec) (zun.Console, error) {
	return said{strings.NewReader(fmt.Sprintf("exec %s %s %v", c.ID, exec.ID, exec.TTY))}, n.lost
}

func (n *fakeNode) Resize(_ context.Context, c zun.Container, execID string, size zun.Size) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resized = append(n.resized, fmt.Sprintf("%s %s %dx%d", c.ID, execID, size.Width, size.Height))
	return n.lost
}

// opens opens a console and returns what is said there.
func (w *world) opens(ticket zun.ConsoleTicket) string {
	w.Helper()
	console, err := w.OpenConsole(w.Context(), ticket)
	w.must(err)
	text, err := io.ReadAll(console)
	w.must(err)
	return string(text)
}

// interactive runs a container that can be attached to.
func (w *world) interactive() zun.ContainerDetail {
	w.Helper()
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	return w.run(zun.ContainerRequest{Run: true, Interactive: true, TTY: true})
}

func TestATicketOpensOnce(t *testing.T) {
	w := newWorld(t)
	c := w.interactive()
	attach, execute := w.grant(project, "container:attach"), w.grant(project, "container:execute")
	main, err := w.AttachContainer(t.Context(), attach, c.ID, zun.AttachOptions{Logs: true})
	w.must(err)
	exec, err := w.PrepareExec(t.Context(), execute, c.ID, zun.ExecSpec{Command: []string{"sh"}, Stdin: true, TTY: true})
	w.must(err)
	if got, want := w.opens(main), "main "+c.ID+" true"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := w.opens(exec), "exec "+c.ID+" "+exec.ExecID+" true"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, used := range []zun.ConsoleTicket{main, exec, {}} {
		w.wantCode(second(w.OpenConsole(t.Context(), used)), zun.CodeUnauthorized)
	}
}

func TestATicketIsForOneStream(t *testing.T) {
	w := newWorld(t)
	c := w.interactive()
	other := w.run(zun.ContainerRequest{Run: true, Interactive: true})
	main, err := w.AttachContainer(t.Context(), w.grant(project, "container:attach"), c.ID, zun.AttachOptions{})
	w.must(err)
	exec, err := w.PrepareExec(t.Context(), w.grant(project, "container:execute"), c.ID, zun.ExecSpec{Command: []string{"sh"}})
	w.must(err)
	for name, wrong := range map[string]zun.ConsoleTicket{
		"another container":  {Token: main.Token, ContainerID: other.ID},
		"a command":          {Token: main.Token, ContainerID: c.ID, ExecID: exec.ExecID},
		"the main process":   {Token: exec.Token, ContainerID: c.ID},
		"another command":    {Token: exec.Token, ContainerID: c.ID, ExecID: strings.Repeat("f", 64)},
		"a wrong token":      {Token: main.ContainerID, ContainerID: c.ID},
		"a name":             {Token: main.Token, ContainerID: c.Name},
		"no container":       {Token: main.Token},
		"a hash for a token": {Token: hashed(main.Token), ContainerID: c.ID},
	} {
		if _, err := w.OpenConsole(t.Context(), wrong); zun.CodeOf(err) != zun.CodeUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.opens(main) // none of that used it up
	w.opens(exec)
}

func TestAttachingAgainMakesTheTicketBeforeVoid(t *testing.T) {
	w := newWorld(t)
	c := w.interactive()
	g := w.grant(project, "container:attach")
	exec, err := w.PrepareExec(t.Context(), w.grant(project, "container:execute"), c.ID, zun.ExecSpec{Command: []string{"sh"}})
	w.must(err)
	first, err := w.AttachContainer(t.Context(), g, c.ID, zun.AttachOptions{})
	w.must(err)
	last, err := w.AttachContainer(t.Context(), g, c.ID, zun.AttachOptions{})
	w.must(err)
	if first.Token == last.Token {
		t.Error("two tickets have one token")
	}
	w.wantCode(second(w.OpenConsole(t.Context(), first)), zun.CodeUnauthorized)
	w.opens(last)
	w.opens(exec)
}

func TestATicketExpires(t *testing.T) {
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	clock := make(chan time.Time, 1)
	clock <- now
	w := newWorld(t, func(c *Config) {
		c.ConsoleTokenLife = time.Minute
		c.Now = func() time.Time { now := <-clock; clock <- now; return now }
	})
	c := w.interactive()
	g := w.grant(project, "container:execute")
	for _, test := range []struct {
		after time.Duration
		code  zun.Code
	}{{time.Minute - time.Second, ""}, {time.Minute, zun.CodeUnauthorized}} {
		ticket, err := w.PrepareExec(t.Context(), g, c.ID, zun.ExecSpec{Command: []string{"sh"}})
		w.must(err)
		asked := <-clock
		clock <- asked.Add(test.after)
		if _, err := w.OpenConsole(t.Context(), ticket); zun.CodeOf(err) != test.code {
			t.Errorf("after %s: %v", test.after, err)
		}
	}
}

func TestConsolesAreRefused(t *testing.T) {
	w := newWorld(t)
	c := w.interactive()
	plain := w.run(zun.ContainerRequest{Run: true})
	ctx, size := t.Context(), zun.Size{Width: 80, Height: 24}
	attach, execute := w.grant(project, "container:attach"), w.grant(project, "container:execute")
	spec := zun.ExecSpec{Command: []string{"sh"}}
	w.wantCode(second(w.AttachContainer(ctx, attach, plain.ID, zun.AttachOptions{})), zun.CodeNoInteractiveFlag)
	w.wantCode(second(w.AttachContainer(ctx, w.grant(other, "container:attach"), c.ID, zun.AttachOptions{})), zun.CodeContainerNotFound)
	w.wantCode(second(w.PrepareExec(ctx, w.grant(other, "container:execute"), c.ID, spec)), zun.CodeContainerNotFound)
	w.wantCode(w.ResizeTerminal(ctx, w.grant(other, "container:resize"), c.ID, size), zun.CodeContainerNotFound)
	w.wantCode(w.ResizeExec(ctx, w.grant(other, "container:execute_resize"), c.ID, strings.Repeat("0", 64), size), zun.CodeContainerNotFound)
	w.wantCode(second(w.PrepareExec(ctx, execute, c.ID, zun.ExecSpec{})), zun.CodeInvalid)
	w.must(w.ResizeTerminal(ctx, w.grant(project, "container:resize"), c.ID, size))
	w.must(w.ResizeExec(ctx, w.grant(project, "container:execute_resize"), c.ID, "e", size))
	if got := fmt.Sprint(w.node.resized); got != fmt.Sprintf("[%s  80x24 %s e 80x24]", c.ID, c.ID) {
		t.Error(got)
	}

	ticket, err := w.PrepareExec(ctx, execute, c.ID, spec)
	w.must(err)
	w.must(w.StopContainer(ctx, w.grant(project, "container:stop"), c.ID, nil))
	w.settled(c.ID)
	w.wantCode(second(w.OpenConsole(ctx, ticket)), zun.CodeInvalidState)
	w.wantCode(second(w.AttachContainer(ctx, attach, c.ID, zun.AttachOptions{})), zun.CodeInvalidState)
	w.wantCode(second(w.PrepareExec(ctx, execute, c.ID, spec)), zun.CodeInvalidState)
	w.wantCode(w.ResizeTerminal(ctx, w.grant(project, "container:resize"), c.ID, size), zun.CodeInvalidState)
	w.wantCode(w.ResizeExec(ctx, w.grant(project, "container:execute_resize"), c.ID, "e", size), zun.CodeInvalidState)
}

// A host that does not answer is a 503, and no ticket is given out for nothing.
func TestConsolesOfALostHost(t *testing.T) {
	w := newWorld(t)
	c := w.interactive()
	ticket, err := w.AttachContainer(t.Context(), w.grant(project, "container:attach"), c.ID, zun.AttachOptions{})
	w.must(err)
	w.node.edit(func(n *fakeNode) { n.lost = io.ErrUnexpectedEOF })
	w.wantCode(second(w.OpenConsole(t.Context(), ticket)), zun.CodeUnavailable)
	w.wantCode(second(w.PrepareExec(t.Context(), w.grant(project, "container:execute"), c.ID, zun.ExecSpec{Command: []string{"sh"}})), zun.CodeUnavailable)
	w.wantCode(w.ResizeTerminal(t.Context(), w.grant(project, "container:resize"), c.ID, zun.Size{Width: 1, Height: 1}), zun.CodeUnavailable)
}

// With the container go the tickets for it.
func TestTicketsOfADeletedContainerAreGone(t *testing.T) {
	w := newWorld(t)
	c := w.interactive()
	ticket, err := w.AttachContainer(t.Context(), w.grant(project, "container:attach"), c.ID, zun.AttachOptions{})
	w.must(err)
	w.must(w.DeleteContainer(t.Context(), w.grant(project, "container:delete"), c.ID, zun.DeleteOptions{Stop: true}))
	w.gone(c.ID)
	w.wantCode(second(w.OpenConsole(t.Context(), ticket)), zun.CodeUnauthorized)
}
