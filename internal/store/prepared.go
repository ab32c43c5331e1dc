package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// mostKept is how many statements a connection keeps, some ten kilobytes each. There are about
// half as many kinds.
const mostKept = 64

// connector opens connections to SQLite that keep what they have prepared. bun writes the values
// of a statement into its text, so that SQLite has to read and plan nearly every one anew, which
// takes longer than to run most of them.
type connector struct{ driver.Connector }

func newConnector(dsn string) (connector, error) {
	c, err := sqlite.NewConnector(dsn)
	return connector{c}, err
}

// Connect opens a connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("cannot use a connection of type %T", opened), opened.Close())
	}
	return &preparedConn{sqliteConn: conn, kept: map[string]*keptStmt{}}, nil
}

// sqliteConn is what the driver's connections can do (sqlite.NewConnector).
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// sqliteStmt is what the driver's statements can do.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// preparedConn is a connection with the statements that it has prepared and that nobody uses
// now. database/sql lets one goroutine at a time use it, its statements and their rows.
type preparedConn struct {
	sqliteConn
	kept map[string]*keptStmt // by their texts without values
	uses int                  // so far
}

type keptStmt struct {
	sqliteStmt
	lastUse int
}

// ExecContext runs a statement that returns nothing, to its end: it takes microseconds, and to look
// out for the end of ctx meanwhile takes a goroutine, and the connection where it is broken off.
func (c *preparedConn) ExecContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	text, values, ok := parameters(statement)
	if !ok || len(args) > 0 {
		return c.sqliteConn.ExecContext(ctx, statement, args)
	}
	stmt, err := c.take(ctx, text)
	if err != nil {
		return nil, err
	}
	result, err := stmt.ExecContext(context.WithoutCancel(ctx), values)
	return result, errors.Join(err, c.give(text, stmt))
}

// QueryContext runs a statement that returns rows, which have it to themselves until they are closed.
func (c *preparedConn) QueryContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Rows, error) {
	text, values, ok := parameters(statement)
	if !ok || len(args) > 0 {
		return c.sqliteConn.QueryContext(ctx, statement, args)
	}
	stmt, err := c.take(ctx, text)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, values)
	if err != nil {
		return nil, errors.Join(err, c.give(text, stmt))
	}
	return &keptRows{Rows: rows, give: func() error { return c.give(text, stmt) }}, nil
}

// keptRows are rows of a statement that is used again after them.
type keptRows struct {
	driver.Rows
	give func() error
}

// Close ends the reading.
func (r *keptRows) Close() error { return errors.Join(r.Rows.Close(), r.give()) }

// take returns a statement that nobody else has until it is given back.
func (c *preparedConn) take(ctx context.Context, text string) (*keptStmt, error) {
	c.uses++
	if stmt, ok := c.kept[text]; ok {
		delete(c.kept, text)
		stmt.lastUse = c.uses
		return stmt, nil
	}
	prepared, err := c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	stmt, ok := prepared.(sqliteStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("cannot use a statement of type %T", prepared), prepared.Close())
	}
	return &keptStmt{stmt, c.uses}, nil
}

// give keeps a statement for the next to take it; of two that were used at the same time, one.
func (c *preparedConn) give(text string, stmt *keptStmt) error {
	if _, there := c.kept[text]; there {
		return stmt.Close()
	}
	c.kept[text] = stmt
	if len(c.kept) > mostKept {
		return c.forget()
	}
	return nil
}

// forget drops the statement that has not been used for longest.
func (c *preparedConn) forget() error {
	oldest := ""
	for text, stmt := range c.kept {
		if oldest == "" || stmt.lastUse < c.kept[oldest].lastUse {
			oldest = text
		}
	}
	stmt := c.kept[oldest]
	delete(c.kept, oldest)
	return stmt.Close()
}

// Close drops all statements and closes the connection.
func (c *preparedConn) Close() error {
	var errs []error
	for text, stmt := range c.kept {
		delete(c.kept, text)
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// Unwrap returns the driver's connection, which its own functions ask for.
func (c *preparedConn) Unwrap() driver.Conn { return c.sqliteConn }
