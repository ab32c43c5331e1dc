package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

func aFile(destination, content string) zun.File {
	return zun.File{ID: uuid.NewString(), Destination: destination, Content: []byte(content)}
}

func TestFilesComeAndGoWithTheirContainer(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	c, other := aContainer("c"), aContainer("other")
	other.Host = "b"
	must(t, s.AddContainer(ctx, c))
	must(t, s.AddContainer(ctx, other))
	files := []zun.File{aFile("/etc/z", "\x00\xff"), aFile("/etc/a", "")}
	files[1].Content = []byte{}
	must(t, s.AddFiles(ctx, c.ID, files))
	must(t, s.AddFiles(ctx, other.ID, []zun.File{aFile("/etc/a", "x")}))
	got, err := s.Files(ctx, c.ID)
	must(t, err)
	if diff := cmp.Diff(files, got); diff != "" {
		t.Error(diff)
	}
	on, err := s.FilesOn(ctx, c.Host)
	must(t, err)
	if diff := cmp.Diff(map[string][]zun.File{c.ID: files}, on); diff != "" {
		t.Error(diff)
	}
	wantCode(t, s.AddFiles(ctx, c.ID, []zun.File{aFile("/etc/z", "again")}), zun.CodeInvalid)
	must(t, s.DeleteContainer(ctx, c.ID))
	if left, err := s.Files(ctx, c.ID); err != nil || len(left) != 0 {
		t.Errorf("after the container went there are %v, %v", left, err)
	}
}

// A file never tells what it holds, however it is printed.
func TestAFileKeepsItsSecret(t *testing.T) {
	file := aFile("/etc/key", "hunter2")
	order := zun.Order{Files: []zun.File{file}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, order); strings.Contains(text, "hunter2") || strings.Contains(text, "104 117 110") || strings.Contains(text, "0x68, 0x75") {
			t.Errorf("%s of an order writes %s", verb, text)
		}
	}
}

// A database of the first release, with a container in it, is brought up to date, also
// when the program was killed after the columns were there and before that was noted.
func TestOptionsAreAddedToADatabaseOfTheFirstRelease(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "zun.db"), t.Context()
	s, err := Open(ctx, path)
	must(t, err)
	c := aContainer("c")
	must(t, s.AddContainer(ctx, c))
	must(t, s.Close())
	for _, undo := range []bool{true, false} {
		db, err := sql.Open("sqlite", path)
		must(t, err)
		old := bun.NewDB(db, newDialect())
		if undo {
			for _, column := range []string{"auto_heal", "privileged", "runtime", "healthcheck", "exposed_ports", "exposed_group"} {
				_, err := old.NewRaw("ALTER TABLE container DROP COLUMN ?", bun.Ident(column)).Exec(ctx)
				must(t, err)
			}
			_, err = old.NewRaw("DROP TABLE container_file").Exec(ctx)
			must(t, err)
		}
		_, err = old.NewRaw("DELETE FROM bun_migrations WHERE name = '20261125023000_container_options'").Exec(ctx)
		must(t, err)
		must(t, old.Close())
		s, err := Open(ctx, path)
		must(t, err)
		got, err := s.Container(ctx, c.ID)
		must(t, err)
		c.AutoHeal, c.Privileged, c.Runtime, c.Healthcheck, c.ExposedPorts, c.ExposedGroup = false, false, "", nil, nil, ""
		if diff := cmp.Diff(c, got); diff != "" {
			t.Error(diff)
		}
		must(t, s.Close())
	}
}
