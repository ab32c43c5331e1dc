package cli

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// pack makes a tar archive of a file or directory under its name, or under another. Of
// "directory/." it is only what is in it. Owners are left to the container.
func pack(from, name string) ([]byte, error) {
	inside := name == "" && (strings.HasSuffix(filepath.ToSlash(from), "/.") || from == ".")
	if name == "" {
		absolute, err := filepath.Abs(from)
		if err != nil {
			return nil, err
		}
		name = filepath.Base(absolute)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	err := filepath.WalkDir(from, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, at)
		if err != nil || inside && below == "." {
			return err
		}
		called := path.Join(name, filepath.ToSlash(below))
		if inside {
			called = filepath.ToSlash(below)
		}
		if archive.Len() > client.MaxPut {
			return zun.Errorf(zun.CodeTooLarge, "cannot copy %s: it is over %d MiB; copy parts of it", from, client.MaxPut>>20)
		}
		return packOne(w, at, called, entry)
	})
	return archive.Bytes(), errors.Join(err, w.Close())
}

func packOne(w *tar.Writer, at, called string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	target := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if target, err = os.Readlink(at); err != nil {
			return err
		}
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil // sockets and devices are nothing to copy
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	if info.IsDir() {
		called += "/"
	}
	header.Name, header.Uid, header.Gid, header.Uname, header.Gname = called, 0, 0, "", ""
	if err := w.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(at)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}

// unpack writes what is in an archive into a directory. With a name, what is called top in
// the archive is called that here. The archive is a stranger's: nothing is written outside
// of the directory, whatever its names and links say. It returns what it left out.
func unpack(directory string, archive io.Reader, top, name string) (skipped []string, err error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // what was written is closed by itself
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return skipped, nil
		}
		if err != nil {
			return skipped, fmt.Errorf("cannot read what the service sent: it is no tar archive: %w", err)
		}
		to := renamed(path.Clean(header.Name), top, name)
		header.Linkname = linkTo(header, top, name)
		done, err := unpackOne(root, to, header, reader)
		if err != nil {
			return skipped, err
		}
		if !done {
			skipped = append(skipped, to)
		}
	}
}

// renamed is a path of an archive under the name that its top has here.
func renamed(entry, top, name string) string {
	if name == "" {
		return entry
	}
	if rest, is := strings.CutPrefix(entry+"/", path.Clean(top)+"/"); is {
		return path.Join(name, rest)
	}
	return path.Join(name, entry)
}

// linkTo is what a link leads to: a hard link to another path of the archive.
func linkTo(header *tar.Header, top, name string) string {
	if header.Typeflag == tar.TypeLink {
		return renamed(path.Clean(header.Linkname), top, name)
	}
	return header.Linkname
}

func unpackOne(root *os.Root, to string, header *tar.Header, content io.Reader) (done bool, err error) {
	mode := header.FileInfo().Mode().Perm()
	if header.Typeflag != tar.TypeDir {
		if err := root.MkdirAll(path.Dir(to), 0o755); err != nil {
			return false, err
		}
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return true, root.MkdirAll(to, mode|0o700)
	case tar.TypeReg:
		return true, unpackFile(root, to, mode, content)
	case tar.TypeSymlink, tar.TypeLink:
		if err := root.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if header.Typeflag == tar.TypeLink {
			return true, root.Link(header.Linkname, to)
		}
		return true, root.Symlink(header.Linkname, to)
	}
	return false, nil
}

func unpackFile(root *os.Root, to string, mode fs.FileMode, content io.Reader) error {
	file, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Chmod(mode), file.Close())
}
