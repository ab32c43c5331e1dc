package store

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"testing"
)

// mustConn opens one connection to a table with the numbers from 1 to 3.
func mustConn(t *testing.T) *sql.Conn {
	t.Helper()
	connector, err := newConnector("file:" + filepath.Join(t.TempDir(), "test.db"))
	must(t, err)
	db := sql.OpenDB(connector)
	conn, err := db.Conn(t.Context())
	must(t, err)
	t.Cleanup(func() {
		must(t, conn.Close())
		must(t, db.Close())
	})
	mustExec(t, conn, "CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)")
	for n := range 3 {
		mustExec(t, conn, fmt.Sprintf("INSERT INTO t VALUES (%d, 'n%d')", n+1, n+1))
	}
	return conn
}

func mustExec(t *testing.T, conn *sql.Conn, statement string) {
	t.Helper()
	_, err := conn.ExecContext(t.Context(), statement)
	must(t, err)
}

func keptOf(t *testing.T, conn *sql.Conn) (texts []string) {
	t.Helper()
	must(t, conn.Raw(func(c any) error {
		for text := range c.(*preparedConn).kept {
			texts = append(texts, text)
		}
		return nil
	}))
	return texts
}

func TestStatementsAreKept(t *testing.T) {
	conn := mustConn(t)
	if kept := keptOf(t, conn); len(kept) != 1 || kept[0] != "INSERT INTO t VALUES (?, ?)" {
		t.Errorf("after three like INSERTs there are %q", kept)
	}
}

// mustNumbers reads the numbers over one, and does something with each while there are more to read.
func mustNumbers(t *testing.T, conn *sql.Conn, over int, each func(n int)) {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), fmt.Sprintf("SELECT n FROM t WHERE n > %d ORDER BY n", over))
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var n int
		must(t, rows.Scan(&n))
		each(n)
	}
	must(t, rows.Err())
}

// Who reads rows and asks the same again before he has read them all gets rows of his own.
func TestTheSameStatementWhileItsRowsAreRead(t *testing.T) {
	conn := mustConn(t)
	var read []int
	mustNumbers(t, conn, 0, func(n int) {
		sum := 0
		mustNumbers(t, conn, 1, func(m int) { sum += m })
		read = append(read, n, sum)
	})
	if got, want := fmt.Sprint(read), "[1 5 2 5 3 5]"; got != want {
		t.Errorf("read %s, want %s", got, want)
	}
	if kept := keptOf(t, conn); len(kept) != 2 {
		t.Errorf("two alike are kept as %q", kept)
	}
}

// A statement that failed, or whose rows nobody read to the end, is as good as new.
func TestAStatementAfterItFailed(t *testing.T) {
	conn := mustConn(t)
	for _, taken := range []string{"n1", "n2"} {
		if _, err := conn.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO t VALUES (9, '%s')", taken)); !isDuplicate(err) {
			t.Fatalf("a duplicate: %v", err)
		}
	}
	for range 3 {
		var first int
		must(t, conn.QueryRowContext(t.Context(), "SELECT n FROM t WHERE n > 0 ORDER BY n").Scan(&first))
		if first != 1 {
			t.Errorf("the first is %d", first)
		}
	}
	mustExec(t, conn, "INSERT INTO t VALUES (9, 'n9')")
	if _, err := conn.ExecContext(t.Context(), "SELECT n FROM nothing WHERE n = 1"); err == nil {
		t.Error("a table that is not there was read")
	}
}

// A statement outlives a change of the tables that it was prepared for.
func TestAStatementAfterAChangeOfItsTable(t *testing.T) {
	conn := mustConn(t)
	columns := func() int {
		rows, err := conn.QueryContext(t.Context(), "SELECT * FROM t WHERE n = 1")
		must(t, err)
		defer rows.Close()
		if !rows.Next() {
			t.Error("no rows")
		}
		names, err := rows.Columns()
		must(t, err)
		must(t, rows.Err())
		return len(names)
	}
	if n := columns(); n != 2 {
		t.Errorf("%d columns", n)
	}
	mustExec(t, conn, "ALTER TABLE t ADD COLUMN more TEXT")
	if n := columns(); n != 3 {
		t.Errorf("%d columns after one was added", n)
	}
}

func TestTheMemoryForStatementsIsBounded(t *testing.T) {
	conn := mustConn(t)
	for i := range 3 * mostKept {
		mustExec(t, conn, fmt.Sprintf("UPDATE t SET text = text WHERE n = 1 AND NULL%*s", i, "")) // each is another
		mustExec(t, conn, "DELETE FROM t WHERE n = 77")
	}
	kept := keptOf(t, conn)
	if len(kept) != mostKept {
		t.Errorf("%d are kept", len(kept))
	}
	often := false
	for _, text := range kept {
		often = often || text == "DELETE FROM t WHERE n = ?"
	}
	if !often {
		t.Error("the one that is used most was dropped")
	}
}

// A connection that lacks something would be slower, or not be broken off, and nobody would see.
func TestTheDriversConnectionsAreWrappedWhole(t *testing.T) {
	conn := mustConn(t)
	must(t, conn.Raw(func(c any) error {
		if _, ok := c.(sqliteConn); !ok {
			t.Errorf("%T hides what the driver's connection can do", c)
		}
		if _, ok := c.(interface{ Unwrap() driver.Conn }); !ok {
			t.Errorf("%T cannot be unwrapped", c)
		}
		return nil
	}))
}
