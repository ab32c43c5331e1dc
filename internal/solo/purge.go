package solo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Purge removes from this machine everything that the service of config.StateDir made
// and then looks whether anything is left. It refuses while a process serves from there.
// Without a PluginName it takes the one that was last served.
func Purge(ctx context.Context, config Config, stdout io.Writer) error {
	if _, err := os.Stat(config.StateDir); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(stdout, "There is no state directory %s; nothing to remove.\n", config.StateDir)
		return nil
	}
	if config.PluginName == "" {
		last, err := readEndpoints(config.StateDir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		config.PluginName = last.Plugin
	}
	s, err := New(ctx, config)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.purgeDocker(ctx, stdout); err != nil {
		return err
	}
	if s.cloud.plane != nil {
		if err := s.cloud.plane.Clear(ctx); err != nil {
			return fmt.Errorf("cannot remove the data plane: %w", err)
		}
		fmt.Fprintln(stdout, "Removed bridges, namespaces, routes and firewall rules.")
	}
	s.close()
	if err := os.RemoveAll(config.StateDir); err != nil {
		return fmt.Errorf("cannot remove the state directory: %w", err)
	}
	fmt.Fprintf(stdout, "Removed %s.\n", config.StateDir)
	return nil
}

// purgeDocker removes containers, sandboxes, networks and the sandbox image. Docker asks
// the plugin while it does so, hence the plugin and what it needs serve meanwhile.
func (s *Solo) purgeDocker(ctx context.Context, stdout io.Writer) error {
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- runTasks(serving, s.beneath) }()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	removed, err := s.docker.Purge(ctx, s.owner)
	stop()
	if serveErr := <-served; err == nil {
		err = serveErr
	}
	if err != nil {
		return fmt.Errorf("cannot remove what is in Docker: %w", err)
	}
	fmt.Fprintf(stdout, "Removed %d containers and sandboxes and %d networks from Docker.\n", removed.Containers, removed.Networks)
	return nil
}
