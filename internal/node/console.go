package node

import (
	"context"
	"strings"

	"github.com/gozun/gozun/zun"
)

// Consoles are the engine's interactive streams. What is returned outlives ctx, which bounds
// the opening only.
type Consoles interface {
	// Attach joins the streams of a running container's main process.
	Attach(ctx context.Context, name string, options zun.AttachOptions) (zun.Console, error)

	// CreateExec makes a command ready to be run in a container.
	CreateExec(ctx context.Context, name string, spec zun.ExecSpec) (id string, err error)

	// StartExec starts such a command and joins its streams.
	StartExec(ctx context.Context, exec zun.Exec) (zun.Console, error)

	// Resize sets the size of a container's terminal.
	Resize(ctx context.Context, name string, size zun.Size) error

	// ResizeExec sets the size of a command's terminal. CodeNotFound: the container has no
	// such command.
	ResizeExec(ctx context.Context, name, execID string, size zun.Size) error
}

// Attach implements zun.Consoles.
func (a *Agent) Attach(ctx context.Context, c zun.Container, options zun.AttachOptions) (zun.Console, error) {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	console, err := a.Docker.Attach(ctx, ContainerName(c.ID), options)
	return console, a.missing(err, c)
}

// CreateExec implements zun.Consoles.
func (a *Agent) CreateExec(ctx context.Context, c zun.Container, spec zun.ExecSpec) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	id, err := a.Docker.CreateExec(ctx, ContainerName(c.ID), spec)
	return id, a.missing(err, c)
}

// StartExec implements zun.Consoles.
func (a *Agent) StartExec(ctx context.Context, c zun.Container, exec zun.Exec) (zun.Console, error) {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	console, err := a.Docker.StartExec(ctx, exec)
	if zun.CodeOf(err) == zun.CodeNotFound {
		return nil, zun.Wrap(zun.CodeConflict, err, "command %s of container %s is gone: the container was restarted", exec.ID, c.ID)
	}
	return console, err
}

// Resize implements zun.Consoles.
func (a *Agent) Resize(ctx context.Context, c zun.Container, execID string, size zun.Size) error {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	if execID == "" {
		return a.missing(a.Docker.Resize(ctx, ContainerName(c.ID), size), c)
	}
	err := a.Docker.ResizeExec(ctx, ContainerName(c.ID), execID, size)
	if zun.CodeOf(err) == zun.CodeNotFound {
		return zun.Wrap(zun.CodeInvalid, err, "cannot resize command %.12s: container %s runs no such command", strings.ToValidUTF8(execID, ""), c.ID)
	}
	return err
}
