package zun

import (
	"context"
	"io"
	"time"
)

// Consoles are the interactive streams of a node: a container's main process, or a command
// that is run beside it. They carry bytes and nothing that has to be done again after a
// crash, so they are no actions.
type Consoles interface {
	// Attach joins the streams of a running, interactive container's main process. Closing
	// the console leaves the process as it is. CodeConflict: the container does not run.
	Attach(ctx context.Context, container Container, options AttachOptions) (Console, error)

	// CreateExec makes a command ready to be run in a running container, and returns the id
	// by which StartExec and Resize know it. CodeConflict: the container does not run.
	CreateExec(ctx context.Context, container Container, spec ExecSpec) (id string, err error)

	// StartExec starts such a command and joins its streams; it can be started once.
	// CodeConflict: it is gone, because the container ended.
	StartExec(ctx context.Context, container Container, exec Exec) (Console, error)

	// Resize sets the size of the terminal of the container's main process or, with execID,
	// of a command. It waits for a command that is being started. CodeInvalid: the container
	// has no such command, or one that has ended; CodeConflict: the container does not run.
	Resize(ctx context.Context, container Container, execID string, size Size) error
}

// Console is the two-way byte stream of a process: reads give what it writes to standard
// output and error, in that order of arrival, and io.EOF when it has ended; writes are its
// standard input. One reader and one writer may work at the same time. A reader that does
// not read makes the process wait, and nothing is dropped.
type Console interface {
	io.ReadWriteCloser

	// CloseWrite ends the process's standard input, where that is its own.
	CloseWrite() error

	// ExitCode tells how the process ended, to be asked after io.EOF; false if that cannot
	// be known before ctx ends.
	ExitCode(ctx context.Context) (int, bool)
}

// AttachOptions say what of a container's main process is joined.
type AttachOptions struct {
	Logs bool // begin with what it wrote until now
}

// ExecSpec is a command to be run beside a container's main process.
type ExecSpec struct {
	Command []string
	Stdin   bool // it has a standard input
	TTY     bool // it runs on a terminal of its own
}

// Exec is a command that was made ready in a container.
type Exec struct {
	ID  string // 64 hexadecimal digits
	TTY bool
}

// Size is that of a terminal, in characters; both are at least 1.
type Size struct{ Width, Height int }

// ConsoleTicket opens one console once.
type ConsoleTicket struct {
	Token       string // secret
	ContainerID string
	ExecID      string // "" for the main process
}

// ConsoleToken is the record of a ticket that was given out. The token itself is not in it.
type ConsoleToken struct {
	Hash        string // SHA-256 of the token, in hexadecimal
	ContainerID string
	Exec        Exec // zero for the main process
	Options     AttachOptions
	ExpiresAt   time.Time
}
