package cli

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// archiveOf is an archive with these entries.
func archiveOf(t *testing.T, headers ...tar.Header) *bytes.Buffer {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, header := range headers {
		content := ""
		if header.Typeflag == tar.TypeReg {
			content = "of " + header.Name
		}
		header.Size = int64(len(content))
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &archive
}

// Whatever a container sends, nothing outside of the directory is touched.
func TestUnpackStaysInItsDirectory(t *testing.T) {
	for name, headers := range map[string][]tar.Header{
		"a path that leads out":      {{Name: "../evil", Typeflag: tar.TypeReg, Mode: 0o644}},
		"a path from the root":       {{Name: "/evil", Typeflag: tar.TypeReg, Mode: 0o644}},
		"through a symbolic link":    {{Name: "d", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "d/evil", Typeflag: tar.TypeReg, Mode: 0o644}},
		"onto a symbolic link":       {{Name: "d", Typeflag: tar.TypeSymlink, Linkname: "../precious"}, {Name: "d", Typeflag: tar.TypeReg, Mode: 0o644}},
		"a hard link to what is out": {{Name: "d", Typeflag: tar.TypeLink, Linkname: "../precious"}, {Name: "d", Typeflag: tar.TypeReg, Mode: 0o644}},
		"a directory that leads out": {{Name: "../evil", Typeflag: tar.TypeDir, Mode: 0o755}},
	} {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			directory := filepath.Join(outside, "in")
			if err := os.Mkdir(directory, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(outside, "precious"), []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := unpack(directory, archiveOf(t, headers...), "", "")
			left, listErr := os.ReadDir(outside)
			precious, readErr := os.ReadFile(filepath.Join(outside, "precious"))
			if listErr != nil || readErr != nil || len(left) != 2 || string(precious) != "mine" {
				t.Errorf("outside: %v %q (unpack: %v)", left, precious, err)
			}
			if err == nil {
				t.Error("it was not refused")
			}
		})
	}
}

func TestUnpackKeepsAndRenames(t *testing.T) {
	headers := []tar.Header{
		{Name: "top/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "top/file", Typeflag: tar.TypeReg, Mode: 0o640},
		{Name: "top/link", Typeflag: tar.TypeSymlink, Linkname: "file"},
		{Name: "top/hard", Typeflag: tar.TypeLink, Linkname: "top/file"},
		{Name: "top/pipe", Typeflag: tar.TypeFifo, Mode: 0o600},
	}
	for name, prefix := range map[string]string{"": "top", "new": "new"} {
		directory := t.TempDir()
		skipped, err := unpack(directory, archiveOf(t, headers...), "top", name)
		if err != nil || !slices.Equal(skipped, []string{prefix + "/pipe"}) {
			t.Fatalf("%q: %v %v", name, skipped, err)
		}
		for _, file := range []string{"file", "link", "hard"} {
			text, err := os.ReadFile(filepath.Join(directory, prefix, file))
			if err != nil || string(text) != "of top/file" {
				t.Errorf("%q: %s: %q %v", name, file, text, err)
			}
		}
		if info, err := os.Stat(filepath.Join(directory, prefix, "file")); err != nil || info.Mode() != 0o640 {
			t.Errorf("%q: %v %v", name, info, err)
		}
	}
}

func TestPack(t *testing.T) {
	directory := t.TempDir()
	site := filepath.Join(directory, "site")
	for name, content := range map[string]string{"index": "i", "deep/page": "p"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(site, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(site, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("index", filepath.Join(site, "link")); err != nil {
		t.Fatal(err)
	}
	for from, test := range map[string]struct{ name, want string }{
		site:                         {"", "site/ site/deep/ site/deep/page site/index site/link"},
		site + "/.":                  {"", "deep/ deep/page index link"},
		site + "/":                   {"other", "other/ other/deep/ other/deep/page other/index other/link"},
		filepath.Join(site, "index"): {"", "index"},
		filepath.Join(site, "deep/..") + "/index": {"called", "called"},
	} {
		archive, err := pack(from, test.name)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for reader := tar.NewReader(bytes.NewReader(archive)); ; {
			header, err := reader.Next()
			if err != nil {
				break
			}
			names = append(names, header.Name)
			if header.Uid != 0 || header.Uname != "" || header.FileInfo().Mode()&fs.ModeSymlink != 0 && header.Linkname != "index" {
				t.Errorf("%s: %+v", from, header)
			}
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("%s: %s, want %s", from, got, test.want)
		}
	}
	if _, err := pack(filepath.Join(site, "nosuch"), ""); err == nil {
		t.Error("nothing was packed without an error")
	}
}

func TestPlaces(t *testing.T) {
	for arg, want := range map[string]place{
		"web:/etc": {"web", "/etc"}, "web:": {"web", ""}, "./a:b": {"", "./a:b"}, "a/b:c": {"", "a/b:c"}, "-": {"", "-"},
		"file": {"", "file"}, ":x": {"", ":x"}, "web:a:b": {"web", "a:b"}, ".hidden:x": {"", ".hidden:x"},
	} {
		if got := placeOf(arg); got != want {
			t.Errorf("%q is %+v, want %+v", arg, got, want)
		}
	}
}
