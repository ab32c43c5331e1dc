package console

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// lingerTimeout is how long a connection may take to deliver what was sent on it after its
// console has ended.
const lingerTimeout = 10 * time.Minute

// lingeringWriter hands out, as the connection of a request, one that lingers.
type lingeringWriter struct {
	http.ResponseWriter
	connection *lingeringConn
}

// Hijack implements http.Hijacker.
func (w *lingeringWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	hijacker, ok := w.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, errors.New("the connection cannot be taken over")
	}
	connection, buffered, err := hijacker.Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.connection = &lingeringConn{Conn: connection}
	return w.connection, bufio.NewReadWriter(buffered.Reader, bufio.NewWriter(w.connection)), nil
}

// lingeringConn delivers the end of a stream to a reader who takes his time. The websocket
// library gives the closing message five seconds and then drops the connection, with all
// that the reader has not had yet. After last, Write returns at once and Close only wakes
// who reads; linger does the rest.
type lingeringConn struct {
	net.Conn

	mu        sync.Mutex
	ending    bool
	delivered chan struct{} // closed when what was written after last is; nil if nothing was
}

// last says that only the end of the stream is still written.
func (c *lingeringConn) last() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending = true
}

// Write implements net.Conn.
func (c *lingeringConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if !c.ending {
		c.mu.Unlock()
		return c.Conn.Write(p)
	}
	defer c.mu.Unlock()
	before, done := c.delivered, make(chan struct{})
	c.delivered = done
	kept := bytes.Clone(p)
	go func() {
		defer close(done)
		if before != nil {
			<-before
		}
		_, _ = c.Conn.Write(kept) // fails when linger gives up
	}()
	return len(p), nil
}

// Close implements net.Conn.
func (c *lingeringConn) Close() error {
	c.mu.Lock()
	ending := c.ending
	c.mu.Unlock()
	if ending {
		return c.SetReadDeadline(time.Unix(1, 0))
	}
	return c.Conn.Close()
}

// linger closes the connection once the reader has had everything and goes, the time is up or
// ctx ends. agreed says that he has had it and said so. Without waiting, whatever he still
// sends would make the system drop what he has not read.
func (c *lingeringConn) linger(ctx context.Context, agreed bool) {
	defer c.Conn.Close() //nolint:errcheck // there is nobody left to tell
	c.mu.Lock()
	delivered := c.delivered
	c.mu.Unlock()
	if agreed || delivered == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lingerTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.Conn.Close() })
	defer stop()
	<-delivered
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = c.SetReadDeadline(time.Time{})
	_, _ = io.Copy(io.Discard, c.Conn)
}
