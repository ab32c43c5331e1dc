package node

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/gozun/gozun/zun"
)

// copiesAtOnce bounds how many archives a host copies out side by side; others wait.
const copiesAtOnce = 8

// ReadArchive implements zun.Node. Engines lock a container as long as an archive of it is
// read; whoever reads ours may be slow, and so the archive is put into a file first.
func (a *Agent) ReadArchive(ctx context.Context, c zun.Container, path string) (zun.Archive, error) {
	ctx, cancel := context.WithTimeout(ctx, a.CopyTimeout)
	defer cancel()
	select { // each takes room on the disk until it is closed
	case a.copies <- struct{}{}:
	case <-ctx.Done():
		return zun.Archive{}, zun.Wrap(zun.CodeUnavailable, ctx.Err(), "cannot copy %s from container %s: host %s copies for others; try again", path, c.ID, a.Config.Host)
	}
	archive, err := a.spooled(ctx, c, path)
	if err != nil {
		<-a.copies
		return zun.Archive{}, err
	}
	archive.Content = withEnd{archive.Content, sync.OnceFunc(func() { <-a.copies })}
	return archive, nil
}

// withEnd is something to read, and what its end lets go of.
type withEnd struct {
	io.ReadCloser
	end func()
}

// Close closes it.
func (w withEnd) Close() error {
	defer w.end()
	return w.ReadCloser.Close()
}

// spooled returns an archive that is in a file of ours.
func (a *Agent) spooled(ctx context.Context, c zun.Container, path string) (zun.Archive, error) {
	archive, err := a.Docker.ReadArchive(ctx, ContainerName(c.ID), path)
	if err != nil {
		return zun.Archive{}, a.missing(err, c)
	}
	source := archive.Content
	defer func() { _ = source.Close() }() // read to its end, or of no use
	doing := fmt.Sprintf("copy %s from container %s", path, c.ID)
	file, err := spool(source, a.ArchiveLimit)
	switch {
	case err != nil:
		return zun.Archive{}, zun.Wrap(zun.CodeUnavailable, err, "cannot %s: host %s could not read all of it; try again", doing, a.Config.Host)
	case file == nil:
		return zun.Archive{}, zun.Errorf(zun.CodeInvalid, "cannot %s: it is over %d MiB; copy parts of it", doing, a.ArchiveLimit>>20)
	}
	archive.Content = file
	return archive, nil
}

// spool puts what it reads into a file that has no name any more, and is back at its
// beginning; nil when there is more than the limit.
func spool(from io.Reader, limit int64) (*os.File, error) {
	file, err := os.CreateTemp("", "gozun-archive-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a file for an archive: %w", err)
	}
	err = os.Remove(file.Name())
	var n int64
	if err == nil {
		n, err = io.Copy(file, io.LimitReader(from, limit+1))
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil || n > limit {
		_ = file.Close() // nothing is left of it
		return nil, err
	}
	return file, nil
}

// WriteArchive implements zun.Node.
func (a *Agent) WriteArchive(ctx context.Context, c zun.Container, path string, archive io.Reader) error {
	ctx, cancel := context.WithTimeout(ctx, a.CopyTimeout)
	defer cancel()
	return a.missing(a.Docker.WriteArchive(ctx, ContainerName(c.ID), path, archive), c)
}
