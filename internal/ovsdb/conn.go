package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	// patience bounds a connection of callers who set no earlier end.
	patience = 10 * time.Second
	// largest is the most bytes read on one connection: a switch of thousands of ports
	// stays far below.
	largest = 32 << 20
)

// Conn is a connection to a server, for a few transactions in a row by one goroutine.
type Conn struct {
	database string
	sock     net.Conn
	answers  *json.Decoder
	asked    int
	ctx      context.Context // whose end ends the connection
	release  func() bool
	cancel   context.CancelFunc
}

// Dial connects to the server at the unix socket for one of its databases. The connection
// lives until Close, the end of ctx, or for ten seconds. Errors wrap what the system said:
// fs.ErrNotExist for no socket, syscall.ECONNREFUSED for one that nobody listens at.
func Dial(ctx context.Context, socket, database string) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	var d net.Dialer
	sock, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("cannot reach the OVSDB server: %w", err)
	}
	release := context.AfterFunc(ctx, func() { _ = sock.Close() })
	answers := json.NewDecoder(io.LimitReader(sock, largest))
	return &Conn{database: database, sock: sock, answers: answers, ctx: ctx, release: release, cancel: cancel}, nil
}

// Close ends the connection.
func (c *Conn) Close() {
	c.release()
	c.cancel()
	_ = c.sock.Close()
}

// Transact does all operations or none and returns a Result for each. A refusal is an
// *Error. After any other error it is unknown whether they were done, and the connection
// is of no more use.
func (c *Conn) Transact(operations ...Operation) ([]Result, error) {
	c.asked++
	params := make([]any, 0, len(operations)+1)
	params = append(params, c.database)
	for _, o := range operations {
		params = append(params, o)
	}
	if err := c.send(map[string]any{"method": "transact", "params": params, "id": c.asked}); err != nil {
		return nil, err
	}
	m, err := c.answer(c.asked)
	if err != nil {
		return nil, err
	}
	return decodeAnswer(m, len(operations))
}

func (c *Conn) send(what any) error {
	raw, err := json.Marshal(what)
	if err == nil {
		_, err = c.sock.Write(raw)
	}
	if err != nil {
		return fmt.Errorf("cannot ask the OVSDB server: %w", c.cause(err))
	}
	return nil
}

// answer reads until the answer of that id comes, and says yes to the server's question
// whether we live.
func (c *Conn) answer(id int) (message, error) {
	for {
		var m message
		if err := c.answers.Decode(&m); err != nil {
			return message{}, fmt.Errorf("cannot read the OVSDB server's answer: %w", c.cause(err))
		}
		switch {
		case m.Method == "echo":
			if err := c.send(map[string]any{"result": m.Params, "error": nil, "id": m.ID}); err != nil {
				return message{}, err
			}
		case m.Method == "" && string(m.ID) == strconv.Itoa(id):
			return m, nil
		}
	}
}

// cause is the context's end when that is why the connection broke.
func (c *Conn) cause(err error) error {
	if ended := c.ctx.Err(); ended != nil {
		return ended
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
