package console

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/gozun/gozun/zun"
)

const (
	pieceSize   = 32 << 10        // bytes of output in a message, at most
	exitTimeout = 2 * time.Second // how long the end waits for the exit code
)

var (
	// errInput is a message of the caller's that cannot be understood.
	errInput = errors.New("a message is not base64")
	// errDeaf says that the process does not take input any more.
	errDeaf = errors.New("the process takes no input")
	// errGone says that the caller went away.
	errGone = errors.New("the caller went away")
)

// session is one console and its websocket.
type session struct {
	log        *slog.Logger
	now        func() time.Time
	ticket     zun.ConsoleTicket
	console    zun.Console
	socket     *websocket.Conn
	connection *lingeringConn
	ctx        context.Context // its end breaks the websocket off
	abort      context.CancelFunc

	mu      sync.Mutex
	leaving bool  // the service ends
	ended   error // why the input has ended
}

// opened takes the console, and closes it at once if the service ends already.
func (s *session) opened(console zun.Console) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.console = console
	if s.leaving {
		_ = console.Close()
	}
}

// leave ends the session because the service ends.
func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	if s.console != nil {
		_ = s.console.Close() // the loop of the output finds out
	}
}

// serve passes bytes both ways until one side ends, and says how it ended.
func (s *session) serve() {
	began := s.now()
	s.log.Info("console opened", "container", s.ticket.ContainerID, "exec", s.ticket.ExecID, "protocol", s.socket.Subprotocol())
	s.socket.SetReadLimit(-1) // messages are passed on as they come, not kept
	f := framingOf(s.socket.Subprotocol())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		err := s.input(f)
		s.mu.Lock()
		s.ended = err
		s.mu.Unlock()
		_ = s.console.Close() // whoever watched went away: the output has nowhere to go
	}()
	sent, err := s.output(f)
	code, reason := s.verdict(err)
	s.connection.last()
	closeErr := s.socket.Close(code, reason) // fails when nobody is there, or reads slowly
	_ = s.console.Close()
	<-gone
	s.log.Info("console closed", "container", s.ticket.ContainerID, "exec", s.ticket.ExecID,
		"seconds", s.now().Sub(began).Seconds(), "bytes", sent, "code", int(code), "reason", reason)
	s.connection.linger(s.ctx, closeErr == nil)
}

// output passes on what the process writes until it ends (nil) or the websocket does. It
// reads only what it can send: a slow reader makes the process wait.
func (s *session) output(f framing) (sent int64, err error) {
	buffer := make([]byte, pieceSize)
	held := 0 // of a character that has not all come yet
	for {
		n, readErr := s.console.Read(buffer[held:])
		filled := held + n
		ready := whole(buffer[:filled])
		if readErr != nil {
			ready = filled
		}
		if ready > 0 {
			if err := s.socket.Write(s.ctx, f.kind, f.encode(buffer[:ready])); err != nil {
				return sent, fmt.Errorf("%w: %w", errGone, err)
			}
			sent += int64(ready)
		}
		held = copy(buffer, buffer[ready:filled])
		switch {
		case errors.Is(readErr, io.EOF):
			return sent, nil
		case readErr != nil:
			return sent, readErr
		}
	}
}

// input passes on what the caller sends until the websocket ends.
func (s *session) input(f framing) error {
	buffer := make([]byte, pieceSize)
	deaf := false // the process takes no more input; what is sent is let go by
	for {
		_, message, err := s.socket.Reader(s.ctx)
		if err != nil {
			return err
		}
		var to io.Writer = s.console
		if deaf {
			to = io.Discard
		}
		n, err := s.pass(to, f.decode(message), buffer)
		if errors.Is(err, errDeaf) {
			deaf = true
			_, err = io.CopyBuffer(io.Discard, message, buffer)
		}
		if err != nil {
			return err
		}
		if n == 0 && f.ends && !deaf {
			_ = s.console.CloseWrite()
		}
	}
}

// pass copies one message. It tells apart which side failed.
func (s *session) pass(to io.Writer, message io.Reader, buffer []byte) (int64, error) {
	var total int64
	for {
		n, readErr := message.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return total, errDeaf
			}
			total += int64(n)
		}
		switch {
		case errors.Is(readErr, io.EOF):
			return total, nil
		case errors.As(readErr, new(base64.CorruptInputError)), errors.Is(readErr, io.ErrUnexpectedEOF):
			return total, errInput
		case readErr != nil:
			return total, readErr
		}
	}
}

// verdict says how a session ended that ended with err, as the close of the websocket has
// it. Zun's is always 1000, "Target closed".
func (s *session) verdict(err error) (websocket.StatusCode, string) {
	s.mu.Lock()
	leaving, ended := s.leaving, s.ended
	s.mu.Unlock()
	switch {
	case err == nil:
		ctx, cancel := context.WithTimeout(s.ctx, exitTimeout)
		defer cancel()
		if code, known := s.console.ExitCode(ctx); known {
			return websocket.StatusNormalClosure, fmt.Sprintf("Target closed, exit code %d", code)
		}
		return websocket.StatusNormalClosure, "Target closed"
	case errors.Is(ended, errInput):
		return websocket.StatusInvalidFramePayloadData, errInput.Error()
	case ended != nil, errors.Is(err, errGone):
		return websocket.StatusNormalClosure, "the caller left"
	case leaving:
		return websocket.StatusGoingAway, "the service is stopping"
	}
	return websocket.StatusInternalError, "the stream of the container broke off"
}
