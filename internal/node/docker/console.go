package docker

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// Docker takes Ctrl-P Ctrl-Q out of what goes to a terminal, unless it is given another
// sequence of bytes; the first of it waits for the next key. These are for it: bytes that no
// UTF-8 has, and, for a command, where the sequence is JSON, Ctrl-^ six times.
const (
	noDetachKeys     = "\xff,\xff,\xff,\xff,\xff,\xff"
	noDetachKeysExec = "ctrl-^,ctrl-^,ctrl-^,ctrl-^,ctrl-^,ctrl-^"
)

// console is a hijacked connection to the engine. Its closing ends it and not the process.
type console struct {
	connection client.HijackedResponse
	output     io.Reader
	exitCode   func(ctx context.Context) (int, bool)
	release    context.CancelFunc
}

var _ zun.Console = (*console)(nil)

// newConsole joins what the engine returned. Without a terminal it has standard output and
// error one after another, each with a header; Zun passes both on as one stream.
func newConsole(connection client.HijackedResponse, tty bool) *console {
	c := &console{connection: connection, output: connection.Reader, release: func() {}}
	if !tty {
		c.output = &merged{source: connection.Reader}
	}
	return c
}

func (c *console) Read(p []byte) (int, error)               { return c.output.Read(p) }
func (c *console) Write(p []byte) (int, error)              { return c.connection.Conn.Write(p) }
func (c *console) CloseWrite() error                        { return c.connection.CloseWrite() }
func (c *console) ExitCode(ctx context.Context) (int, bool) { return c.exitCode(ctx) }

// Close ends the connection; a Read or Write that waits fails.
func (c *console) Close() error {
	c.release()
	return c.connection.Conn.Close()
}

// merged takes the headers out of Docker's multiplexed stream.
type merged struct {
	source io.Reader
	left   uint32 // of the current piece
}

// Read gives what is left of a piece, or of the next one.
func (m *merged) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for m.left == 0 {
		var header [8]byte // which stream, three zeros, length
		if _, err := io.ReadFull(m.source, header[:]); err != nil {
			return 0, err
		}
		m.left = binary.BigEndian.Uint32(header[4:])
	}
	n, err := m.source.Read(p[:min(uint64(len(p)), uint64(m.left))])
	m.left -= uint32(n)
	if errors.Is(err, io.EOF) && m.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Attach implements node.Consoles. It begins to wait for the end before it attaches: a
// container that removes itself cannot be asked afterwards.
func (c *Client) Attach(ctx context.Context, name string, options zun.AttachOptions) (zun.Console, error) {
	doing := "attach to " + thing(name)
	inspected, err := c.engine.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return nil, c.failure(err, doing)
	}
	if state := stateOf(inspected.Container); state.Phase != node.PhaseRunning {
		return nil, zun.Errorf(zun.CodeConflict, "cannot %s: it is %s", doing, state.Phase)
	}
	life, release := context.WithCancel(context.WithoutCancel(ctx))
	ended := c.awaitEnd(life, name)
	attached, err := c.engine.ContainerAttach(ctx, name, client.ContainerAttachOptions{
		Stream: true, Stdin: true, Stdout: true, Stderr: true, Logs: options.Logs, DetachKeys: noDetachKeys,
	})
	if err != nil {
		release()
		return nil, c.refused(err, doing)
	}
	config := inspected.Container.Config
	console := newConsole(attached.HijackedResponse, config != nil && config.Tty)
	console.release, console.exitCode = release, ended
	return console, nil
}

// refused is failure for a connection that was to be hijacked: of what the engine answered
// instead, the client tells the status only.
func (c *Client) refused(err error, doing string) error {
	switch text := err.Error(); {
	case strings.HasSuffix(text, "received 404"):
		return zun.Wrap(zun.CodeNotFound, err, "cannot %s: Docker Engine on host %s has no such thing", doing, c.host)
	case strings.HasSuffix(text, "received 409"):
		return zun.Wrap(zun.CodeConflict, err, "cannot %s: it does not run, or was started already", doing)
	}
	return c.failure(err, doing)
}

// awaitEnd waits, until ctx ends, for a container's main process to end. The function that
// it returns tells its exit code.
func (c *Client) awaitEnd(ctx context.Context, name string) func(context.Context) (int, bool) {
	codes := make(chan int, 1)
	waiting := c.engine.ContainerWait(ctx, name, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	go func() {
		defer close(codes)
		select {
		case ended := <-waiting.Result:
			codes <- int(ended.StatusCode)
		case <-waiting.Error: //nolint:errcheck // whatever is wrong, there is no code
		}
	}()
	return func(ctx context.Context) (int, bool) {
		select {
		case code, known := <-codes:
			return code, known
		case <-ctx.Done():
			return 0, false
		}
	}
}

// CreateExec implements node.Consoles.
func (c *Client) CreateExec(ctx context.Context, name string, spec zun.ExecSpec) (string, error) {
	created, err := c.engine.ExecCreate(ctx, name, client.ExecCreateOptions{
		Cmd: spec.Command, TTY: spec.TTY, AttachStdin: spec.Stdin, AttachStdout: true, AttachStderr: true, DetachKeys: noDetachKeysExec,
	})
	if err != nil {
		return "", c.failure(err, "make a command ready in "+thing(name))
	}
	return created.ID, nil
}

// StartExec implements node.Consoles.
func (c *Client) StartExec(ctx context.Context, exec zun.Exec) (zun.Console, error) {
	attached, err := c.engine.ExecAttach(ctx, exec.ID, client.ExecAttachOptions{TTY: exec.TTY})
	if err != nil {
		return nil, c.refused(err, "start command "+exec.ID)
	}
	console := newConsole(attached.HijackedResponse, exec.TTY)
	console.exitCode = func(ctx context.Context) (int, bool) { return c.execEnd(ctx, exec.ID) }
	return console, nil
}

// execEnd tells how a command whose streams have ended did. The engine closes the streams a
// moment before it knows, and has no way to wait for it.
func (c *Client) execEnd(ctx context.Context, execID string) (int, bool) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		seen, err := c.engine.ExecInspect(ctx, execID, client.ExecInspectOptions{})
		if err != nil {
			return 0, false
		}
		if !seen.Running {
			return seen.ExitCode, true
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return 0, false
		}
	}
}

// Resize implements node.Consoles.
func (c *Client) Resize(ctx context.Context, name string, size zun.Size) error {
	_, err := c.engine.ContainerResize(ctx, name, client.ContainerResizeOptions{Height: uint(size.Height), Width: uint(size.Width)})
	return c.failure(err, "resize the terminal of "+thing(name))
}

// ResizeExec implements node.Consoles. The engine itself waits for a command that is being
// started, and would resize those of any container.
func (c *Client) ResizeExec(ctx context.Context, name, execID string, size zun.Size) error {
	doing := "resize the terminal of command " + execID
	inspected, err := c.engine.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return c.failure(err, doing)
	}
	missing := zun.Errorf(zun.CodeNotFound, "cannot %s: %s has no such command", doing, thing(name))
	exec, err := c.engine.ExecInspect(ctx, execID, client.ExecInspectOptions{})
	if codeOf(err) == zun.CodeNotFound || err == nil && exec.ContainerID != inspected.Container.ID {
		return missing
	}
	if err != nil {
		return c.failure(err, doing)
	}
	_, err = c.engine.ExecResize(ctx, execID, client.ExecResizeOptions{Height: uint(size.Height), Width: uint(size.Width)})
	if err == nil {
		return nil
	}
	if seen, again := c.engine.ExecInspect(ctx, execID, client.ExecInspectOptions{}); codeOf(again) == zun.CodeNotFound || again == nil && !seen.Running {
		return missing // it has ended, which engines say in many ways
	}
	return c.failure(err, doing)
}
