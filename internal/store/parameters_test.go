package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"
)

func TestParameters(t *testing.T) {
	for _, tc := range []struct {
		statement, text string
		values          []any
	}{
		{`SELECT "c"."id" FROM "container" AS "c" WHERE (c.uuid = 'u-1') LIMIT 10`, `SELECT "c"."id" FROM "container" AS "c" WHERE (c.uuid = ?) LIMIT ?`, []any{"u-1", int64(10)}},
		{`INSERT INTO "t" ("a", "b1", "c", "d") VALUES (1, 0.5, 'it''s', NULL)`, `INSERT INTO "t" ("a", "b1", "c", "d") VALUES (?, ?, ?, NULL)`, []any{int64(1), 0.5, "it's"}},
		{`UPDATE "t" SET "a" = -3, attempt = attempt + 1, b = 1e+06, c = 2e-3, d = TRUE`, `UPDATE "t" SET "a" = -?, attempt = attempt + ?, b = ?, c = ?, d = TRUE`, []any{int64(3), int64(1), 1e6, 2e-3}},
		{`DELETE FROM "t" WHERE (a = '') AND (b = '''')`, `DELETE FROM "t" WHERE (a = ?) AND (b = ?)`, []any{"", "'"}},
		{`SELECT * FROM t ORDER BY t.a DESC, t.id LIMIT 5`, `SELECT * FROM t ORDER BY t.a DESC, t.id LIMIT ?`, []any{int64(5)}},
		{`SELECT "a""1'" FROM t1 WHERE ü2 = 'ü 1?'`, `SELECT "a""1'" FROM t1 WHERE ü2 = ?`, []any{"ü 1?"}},
	} {
		text, values, ok := parameters(tc.statement)
		if !ok {
			t.Errorf("%s is left alone", tc.statement)
			continue
		}
		var got []any
		for i, v := range values {
			if v.Ordinal != i+1 {
				t.Errorf("value %d of %s has the place %d", i, tc.statement, v.Ordinal)
			}
			got = append(got, v.Value)
		}
		if diff := cmp.Diff(append([]any{tc.text}, tc.values...), append([]any{text}, got...)); diff != "" {
			t.Error(diff)
		}
	}
}

// What is not certainly a value is not taken for one.
func TestStatementsThatAreLeftAlone(t *testing.T) {
	for _, statement := range []string{
		"", "PRAGMA data_version", `CREATE TABLE t (a varchar(36) DEFAULT 'x')`,
		"SELECT a, COUNT(*) FROM t GROUP BY 1", "SELECT a, b FROM t ORDER BY a, 2",
		"SELECT X'00'", "SELECT x'00'", "SELECT 0x10", "SELECT 1_000", "SELECT 99999999999999999999", "SELECT 1.2.3",
		"SELECT 'not closed", "SELECT 'not closed''", `SELECT "not closed`,
		"SELECT 1 -- '", "SELECT /* ' */ 1", "SELECT ?", "SELECT `a`", "SELECT [a 1]", "SELECT :a", "SELECT $1",
	} {
		if text, _, ok := parameters(statement); ok {
			t.Errorf("%s becomes %s", statement, text)
		}
	}
}

// FuzzParameters writes values as bun does, and wants SQLite to say the same of the text with
// parameters as of the text with values.
func FuzzParameters(f *testing.F) {
	f.Add("", int64(0), 0.0)
	f.Add("it's '' -- /* \x00 ? ü \xff", int64(-1), 1e300)
	f.Add(`"\`, int64(1), -0.1)
	dsn := "file:" + filepath.Join(f.TempDir(), "fuzz.db")
	literal, err := sql.Open("sqlite", dsn)
	must(f, err)
	defer literal.Close()
	connector, err := newConnector(dsn)
	must(f, err)
	prepared := sql.OpenDB(connector)
	defer prepared.Close()
	gen := bun.NewDB(literal, newDialect()).QueryGen()
	f.Fuzz(func(t *testing.T, text string, whole int64, real float64) {
		statement := gen.FormatQuery("SELECT typeof(?0), ?0, typeof(?1), ?1, typeof(?2), ?2, ?0 = ?0, ?1 = ?2 LIMIT 10", text, whole, real)
		var want, got [8]any
		scan := func(db *sql.DB, to *[8]any) error {
			row := db.QueryRowContext(t.Context(), statement)
			return row.Scan(&to[0], &to[1], &to[2], &to[3], &to[4], &to[5], &to[6], &to[7])
		}
		if err := scan(literal, &want); err != nil {
			t.Skip("SQLite cannot read it either:", err) // such as NaN
		}
		must(t, scan(prepared, &got))
		if diff := cmp.Diff(fmt.Sprintf("%#v", want), fmt.Sprintf("%#v", got)); diff != "" {
			t.Errorf("%s: %s", statement, diff)
		}
	})
}
