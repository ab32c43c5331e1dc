package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/gozun/gozun/zun"
)

// What is kept of a stream, in bytes. A container can write without end; an answer of the
// API cannot.
const (
	logsLimit   = 8 << 20
	outputLimit = 1 << 20
)

// Logs implements node.Streams.
func (c *Client) Logs(ctx context.Context, name string, options zun.LogsOptions) ([]byte, error) {
	doing := "read logs of " + thing(name)
	inspected, err := c.engine.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return nil, c.failure(err, doing)
	}
	stream, err := c.engine.ContainerLogs(ctx, name, client.ContainerLogsOptions{
		ShowStdout: options.Stdout, ShowStderr: options.Stderr, Timestamps: options.Timestamps,
		Tail: options.Tail, Since: timestamp(options.Since),
	})
	if err != nil {
		return nil, c.failure(err, doing)
	}
	defer func() { _ = stream.Close() }() // only read from
	kept := &tail{limit: logsLimit}
	if config := inspected.Container.Config; config != nil && config.Tty {
		_, err = io.Copy(kept, stream)
	} else {
		_, err = stdcopy.StdCopy(kept, kept, stream)
	}
	if err != nil {
		return nil, c.failure(err, doing)
	}
	return kept.text(), nil
}

// timestamp is a time as Docker's "since" takes it.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}

// Execute implements node.Streams.
func (c *Client) Execute(ctx context.Context, name string, command []string) (zun.ExecResult, error) {
	doing := "execute " + strings.Join(command, " ") + " in " + thing(name)
	created, err := c.engine.ExecCreate(ctx, name, client.ExecCreateOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return zun.ExecResult{}, c.failure(err, doing)
	}
	attached, err := c.engine.ExecAttach(ctx, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return zun.ExecResult{}, c.failure(err, doing)
	}
	defer attached.Close()
	stop := context.AfterFunc(ctx, attached.Close) // a read of the hijacked connection does not know ctx
	defer stop()
	kept := &head{limit: outputLimit}
	if _, err := stdcopy.StdCopy(kept, kept, attached.Reader); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return zun.ExecResult{}, c.failure(err, doing)
	}
	if ctx.Err() != nil {
		return zun.ExecResult{}, c.failure(ctx.Err(), doing)
	}
	ended, err := c.engine.ExecInspect(ctx, created.ID, client.ExecInspectOptions{})
	if err != nil {
		return zun.ExecResult{}, c.failure(err, doing)
	}
	if reason, failed := notStarted(kept.kept, ended.ExitCode, ended.PID); failed {
		return zun.ExecResult{}, zun.Errorf(zun.CodeInvalid, "cannot %s: %s", doing, reason)
	}
	return zun.ExecResult{Output: kept.text(), ExitCode: ended.ExitCode}, nil
}

// notStarted tells a command that could not be started from one that ended badly: Docker
// says the former in the output, gives the shell's exit codes for it, and has no process.
func notStarted(output []byte, exitCode, pid int) (string, bool) {
	text := strings.TrimSpace(string(output))
	if pid == 0 && (exitCode == 126 || exitCode == 127 || exitCode == 128) &&
		strings.HasPrefix(text, "OCI runtime exec failed") {
		return readable(text), true
	}
	return "", false
}

// tail keeps the end of what is written to it.
type tail struct {
	limit int
	kept  []byte
	cut   bool
}

// Write implements io.Writer. The buffer is let grow to twice the limit, so that moving
// the rest down is rare.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*t.limit {
		t.trim()
	}
	return len(p), nil
}

func (t *tail) trim() {
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept, t.cut = append(t.kept[:0], t.kept[over:]...), true
	}
}

// text returns what was kept as UTF-8, from the beginning of a line if something was cut.
func (t *tail) text() []byte {
	t.trim()
	if !t.cut {
		return printable(t.kept)
	}
	if end := bytes.IndexByte(t.kept, '\n'); end >= 0 {
		t.kept = t.kept[end+1:]
	}
	return append([]byte("[earlier output left out: more than "+strconv.Itoa(t.limit>>20)+" MiB]\n"), printable(t.kept)...)
}

// head keeps the beginning of what is written to it, and takes the rest without keeping it.
type head struct {
	limit int
	kept  []byte
	cut   bool
}

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	room := h.limit - len(h.kept)
	h.kept = append(h.kept, p[:min(room, len(p))]...)
	h.cut = h.cut || len(p) > room
	return len(p), nil
}

func (h *head) text() []byte {
	text := printable(h.kept)
	if h.cut {
		text = append(text, "\n[output cut: more than "+strconv.Itoa(h.limit>>20)+" MiB]\n"...)
	}
	return text
}

// printable replaces what is not UTF-8, which JSON could not carry.
func printable(text []byte) []byte { return bytes.ToValidUTF8(text, []byte("\ufffd")) }
