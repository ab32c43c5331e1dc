package node_test

import (
	"context"
	"io"
	"strings"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

func (m *memory) Pause(_ context.Context, name string) error {
	return m.on(name, "Pause", func(state *node.State) error {
		if !state.Running() {
			return zun.Errorf(zun.CodeConflict, "container %s is not running", name)
		}
		state.Phase = node.PhasePaused
		return nil
	})
}

func (m *memory) Unpause(_ context.Context, name string) error {
	return m.on(name, "Unpause", func(state *node.State) error {
		if !state.Running() {
			return zun.Errorf(zun.CodeConflict, "container %s is not paused", name)
		}
		state.Phase = node.PhaseRunning
		return nil
	})
}

func (m *memory) Update(_ context.Context, name string, resources node.Resources) error {
	return m.on(name, "Update", func(state *node.State) error {
		m.resources[state.ID] = resources
		return nil
	})
}

func (m *memory) Top(context.Context, string, string) (zun.Processes, error) {
	return zun.Processes{}, nil
}

func (m *memory) Usage(context.Context, string, string) (zun.Usage, error) { return zun.Usage{}, nil }

func (m *memory) ReadArchive(_ context.Context, name, path string) (archive zun.Archive, err error) {
	err = m.on(name, "ReadArchive", func(*node.State) error {
		archive = zun.Archive{Stat: zun.FileStat{Name: path}, Content: io.NopCloser(strings.NewReader(path))}
		return nil
	})
	return archive, err
}

func (m *memory) WriteArchive(_ context.Context, name, _ string, archive io.Reader) error {
	return m.on(name, "WriteArchive", func(*node.State) error {
		_, err := io.Copy(io.Discard, archive)
		return err
	})
}
