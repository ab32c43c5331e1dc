package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/term"

	"github.com/gozun/gozun/client"
)

// endOfText is Ctrl-D, which ends the input of what runs on a terminal.
const endOfText = 4

// talk is a conversation under way.
type talk struct {
	*session
	conversation
	console *client.Console
	hungUp  atomic.Bool // our terminal went away

	mu       sync.Mutex
	detached bool
	panicked any // what went wrong in the goroutine that listens
}

func (t *talk) left() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.detached
}

func (t *talk) failed() any {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.panicked
}

// takeTerminal makes our terminal pass every key on and follows its size, where there is
// one. The function that it returns gives the terminal back, and may be called again.
func (t *talk) takeTerminal(ctx context.Context) (restore func(), err error) {
	release := func() {}
	if t.tty {
		release = t.followSize(ctx)
	}
	if t.deaf || !isTerminal(t.Stdin) || !t.tty {
		return sync.OnceFunc(release), nil
	}
	if len(t.keys) > 0 {
		t.done("connected with %s; %s detaches", t.what, keyNames(t.keys))
	}
	fd := int(t.Stdin.(interface{ Fd() uintptr }).Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		release()
		return nil, fmt.Errorf("cannot take the terminal over: %w", err)
	}
	forget := onHangup(func() {
		t.hungUp.Store(true)
		_ = t.console.Close()
	})
	return sync.OnceFunc(func() {
		forget()
		release()
		_ = term.Restore(fd, before)
	}), nil
}

// followSize gives the process's terminal the size of ours, now and whenever it changes.
func (t *talk) followSize(ctx context.Context) (stop func()) {
	if _, _, ok := sizeOf(t.Stdout); !ok {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	changes, release := sizeChanges()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t.resize(ctx, t.goesOn)
		for {
			select {
			case <-changes:
				t.resize(ctx, false)
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { release(); cancel(); <-ended }
}

// resize is for the eye only: a process that has no terminal, or has ended, is no failure.
// To have the screen drawn by whoever is there already, the size is changed twice.
func (t *talk) resize(ctx context.Context, redraw bool) {
	width, height, ok := sizeOf(t.Stdout)
	if !ok {
		return
	}
	if redraw {
		_ = t.console.Resize(ctx, width+1, height+1)
	}
	_ = t.console.Resize(ctx, width, height)
}

// listen passes on what is typed, until that ends or the user detaches. It may be left
// behind waiting for a key when the process ends.
func (t *talk) listen() {
	defer func() {
		if cause := recover(); cause != nil {
			t.mu.Lock()
			t.panicked = fmt.Sprintf("%v\n%s", cause, debug.Stack())
			t.mu.Unlock()
			_ = t.console.Close()
		}
	}()
	watch := &keyWatch{keys: t.keys}
	if !isTerminal(t.Stdin) {
		watch.keys = nil
	}
	switch err := t.pass(watch); {
	case errors.Is(err, errDetached):
		t.mu.Lock()
		t.detached = true
		t.mu.Unlock()
		_ = t.console.Close()
	case err == nil:
		t.endInput()
	}
}

// pass copies what is typed to the process; nil is the end of it.
func (t *talk) pass(watch *keyWatch) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := t.Stdin.Read(buffer)
		typed, detach := watch.filter(buffer[:n])
		if _, writeErr := t.console.Write(typed); writeErr != nil {
			return writeErr
		}
		switch {
		case detach:
			return errDetached
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// endInput tells a command that nothing more is typed. A main process is left alone: its
// input is others' too.
func (t *talk) endInput() {
	switch {
	case t.goesOn:
	case t.tty:
		_, _ = t.console.Write([]byte{endOfText})
	default:
		_, _ = t.console.CloseWrite()
	}
}
