package zun

import (
	"context"
	"io"
	"time"
)

// Archives takes files out of a container and puts them in, as tar archives. The container
// need not run. CodeConflict: it is not in Docker; CodeUnavailable: its host does not
// answer.
type Archives interface {
	// ReadArchive returns what is at an absolute path. CodeInvalid: nothing is there. The
	// caller reads and closes the archive's Content.
	ReadArchive(ctx context.Context, container Container, path string) (Archive, error)

	// WriteArchive unpacks a tar archive, which may be compressed, in the directory at an
	// absolute path. CodeInvalid: there is no such directory, or the archive cannot be
	// unpacked there.
	WriteArchive(ctx context.Context, container Container, path string, archive io.Reader) error
}

// Archive is a file or directory as a tar archive, with what is known of the file itself.
type Archive struct {
	Stat    FileStat
	Content io.ReadCloser
}

// FileStat is what Docker knows of a file.
type FileStat struct {
	Name       string
	Size       int64
	Mode       uint32 // as Go's fs.FileMode
	ModifiedAt time.Time
	LinkTarget string // of a symbolic link
}
