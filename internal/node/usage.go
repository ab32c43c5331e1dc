package node

import (
	"context"

	"github.com/gozun/gozun/zun"
)

// Top implements zun.Node.
func (a *Agent) Top(ctx context.Context, c zun.Container, args string) (zun.Processes, error) {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	processes, err := a.Docker.Top(ctx, ContainerName(c.ID), args)
	return processes, a.missing(err, c)
}

// Usage implements zun.Node.
func (a *Agent) Usage(ctx context.Context, c zun.Container) (zun.Usage, error) {
	ctx, cancel := context.WithTimeout(ctx, a.StepTimeout)
	defer cancel()
	usage, err := a.Docker.Usage(ctx, ContainerName(c.ID), SandboxName(c.ID))
	return usage, a.missing(err, c)
}

// Update implements zun.Node.
func (a *Agent) Update(ctx context.Context, c zun.Container) error {
	return a.step(ctx, func(ctx context.Context) error {
		return a.missing(a.Docker.Update(ctx, ContainerName(c.ID), Resources{CPU: c.CPU, MemoryMiB: c.MemoryMiB}), c)
	})
}
