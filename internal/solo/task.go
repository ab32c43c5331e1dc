package solo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gozun/gozun/internal/kuryr/libnetwork"
)

// task is something that runs as long as the process: Run returns nil when its context
// ends, and an error if it cannot go on.
type task interface {
	Run(ctx context.Context) error
	String() string
}

// runTasks runs all until ctx ends or one fails, and then waits for every one of them.
func runTasks(ctx context.Context, tasks []task) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, t := range tasks {
		group.Go(func() error {
			if err := t.Run(ctx); err != nil {
				return fmt.Errorf("%s: %w", t, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// webTask serves HTTP on a listener that is open already.
type webTask struct {
	name     string
	listener net.Listener
	handler  http.Handler
	log      *slog.Logger
}

func (w *webTask) String() string { return w.name }

// shutdownGrace is how long requests under way may take once the process is told to end.
const shutdownGrace = 5 * time.Second

// Run serves until ctx ends, then lets what is under way finish.
func (w *webTask) Run(ctx context.Context) error {
	server := &http.Server{
		Handler:           w.handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(w.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(w.listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return nil
}

// pluginTask serves the Docker plugin on its socket.
type pluginTask struct {
	socket  string
	handler http.Handler
}

func (p *pluginTask) String() string { return "Docker plugin" }

// Run serves until ctx ends.
func (p *pluginTask) Run(ctx context.Context) error {
	listener, err := libnetwork.Listen(p.socket)
	if err != nil {
		return err
	}
	return libnetwork.Serve(ctx, listener, p.handler)
}
