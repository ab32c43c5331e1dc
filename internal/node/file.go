package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gozun/gozun/zun"
)

// The files that are put into containers are kept in a directory for each container, in one
// that only root can enter. Each is mounted into its container by itself, where everybody
// may read it: the container's user is not root's business.
const (
	fileDirectoryMode = 0o700
	fileMode          = 0o644
)

// fileSpecs says where on the host the container's files are.
func (t *task) fileSpecs() []FileSpec {
	var specs []FileSpec
	for _, file := range t.order.Files {
		specs = append(specs, FileSpec{Source: filepath.Join(t.fileDirectory(t.order.Container.ID), file.ID), Destination: file.Destination})
	}
	return specs
}

func (a *Agent) fileDirectory(containerID string) string { return filepath.Join(a.Files, containerID) }

// stageFiles writes those files of the container that are not there. One that is there is
// left alone: the container may have written to it.
func (t *task) stageFiles(ctx context.Context) error {
	if len(t.order.Files) == 0 {
		return nil
	}
	var missing []zun.File
	for i, spec := range t.fileSpecs() {
		if _, err := os.Lstat(spec.Source); err != nil {
			missing = append(missing, t.order.Files[i])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return t.stage(ctx, zun.StageFiles, func(context.Context) (string, error) {
		if t.order.Action.Kind == zun.ActionCreate {
			t.onFailure("files", t.removeFiles)
		}
		for _, file := range missing {
			if err := t.writeFile(file); err != nil {
				return "", zun.Wrap(zun.CodeInternal, err, "cannot put file %s into container %s: host %s cannot store it; see the log there",
					file.Destination, t.order.Container.ID, t.Config.Host)
			}
		}
		return fmt.Sprintf("%d files", len(missing)), nil
	})
}

// writeFile puts a file where the container will find it, whole or not at all.
func (t *task) writeFile(file zun.File) error {
	directory := t.fileDirectory(t.order.Container.ID)
	if t.Files == "" {
		return errors.New("this agent has no directory for files")
	}
	if err := os.MkdirAll(directory, fileDirectoryMode); err != nil {
		return fmt.Errorf("cannot make the directory of its files: %w", err)
	}
	half, err := os.CreateTemp(directory, ".half-*")
	if err != nil {
		return fmt.Errorf("cannot store it: %w", err)
	}
	defer os.Remove(half.Name()) // nothing is there after the rename
	_, err = half.Write(file.Content)
	err = errors.Join(err, half.Chmod(fileMode), half.Sync(), half.Close())
	if err == nil {
		err = os.Rename(half.Name(), filepath.Join(directory, file.ID))
	}
	if err != nil {
		return fmt.Errorf("cannot store it: %w", err)
	}
	return nil
}

// removeFiles removes the container's files from the host. Gone is success.
func (t *task) removeFiles(context.Context) error {
	if len(t.order.Files) == 0 {
		return nil
	}
	return t.dropFiles(t.order.Container.ID)
}

func (a *Agent) dropFiles(containerID string) error {
	if err := os.RemoveAll(a.fileDirectory(containerID)); err != nil {
		return zun.Wrap(zun.CodeInternal, err, "cannot remove the files of container %s from host %s; see the log there", containerID, a.Config.Host)
	}
	return nil
}

// sweepFiles removes files that are older than the grace and of no container on record.
func (a *Agent) sweepFiles(recorded map[string]bool, since time.Time) {
	if a.Files == "" {
		return
	}
	entries, err := os.ReadDir(a.Files)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.Log.WarnContext(a.life, "cannot look for files that no record knows", "cause", err)
	}
	for _, entry := range entries {
		id := entry.Name()
		info, err := entry.Info()
		if err != nil || recorded[id] || !zun.IsUUID(id) || a.Now().Sub(info.ModTime()) < a.OrphanGrace {
			continue
		}
		a.lanes.addIfIdle(id, since, func() {
			a.Log.WarnContext(a.life, "removing files that no record knows", "container", id)
			if err := a.dropFiles(id); err != nil {
				a.Log.WarnContext(a.life, "cannot remove files that no record knows", "container", id, "cause", err)
			}
		})
	}
}
