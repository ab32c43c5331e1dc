package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// ConsoleStore is the part of Store about the tokens that open consoles.
type ConsoleStore interface {
	// AddConsoleToken records a token, and forgets those that have expired at now. One for a
	// container's main process takes the place of any before it.
	AddConsoleToken(ctx context.Context, token zun.ConsoleToken, now time.Time) error
	// TakeConsoleToken removes an unexpired token and returns it. CodeNotFound: there is
	// none with this hash for this container and command, or somebody was first.
	TakeConsoleToken(ctx context.Context, hash, containerID, execID string, now time.Time) (zun.ConsoleToken, error)
}

// AttachContainer returns a ticket for the streams of a running container's main process;
// it makes the one before it void. CodeInvalidState: the container does not run;
// CodeNoInteractiveFlag: it was made without a standard input.
func (s *Service) AttachContainer(ctx context.Context, g policy.Grant, ref string, options zun.AttachOptions) (zun.ConsoleTicket, error) {
	c, _, err := s.running(ctx, g, ref, "attach")
	if err != nil {
		return zun.ConsoleTicket{}, err
	}
	if !c.Interactive {
		return zun.ConsoleTicket{}, zun.Errorf(zun.CodeNoInteractiveFlag,
			"cannot attach to container %s: it was not made interactive; execute a command in it instead", c.ID)
	}
	return s.ticket(ctx, c, zun.Exec{}, options)
}

// PrepareExec makes a command ready in a running container and returns a ticket for its
// streams; it begins when they are opened. CodeInvalid: there is no command;
// CodeInvalidState: the container does not run; CodeUnavailable: the host does not answer.
func (s *Service) PrepareExec(ctx context.Context, g policy.Grant, ref string, spec zun.ExecSpec) (zun.ConsoleTicket, error) {
	if len(spec.Command) == 0 || spec.Command[0] == "" {
		return zun.ConsoleTicket{}, zun.Errorf(zun.CodeInvalid, "cannot execute in container %s: there is no command", ref)
	}
	c, node, err := s.running(ctx, g, ref, "execute")
	if err != nil {
		return zun.ConsoleTicket{}, err
	}
	id, err := node.CreateExec(ctx, c, spec)
	if err != nil {
		return zun.ConsoleTicket{}, hostSays(c.Host, err)
	}
	return s.ticket(ctx, c, zun.Exec{ID: id, TTY: spec.TTY}, zun.AttachOptions{})
}

// ticket gives out a new token, of which only the hash is recorded.
func (s *Service) ticket(ctx context.Context, c zun.Container, exec zun.Exec, options zun.AttachOptions) (zun.ConsoleTicket, error) {
	token := uuid.NewString() // a secret, and so never from NewID, which may count
	now := s.Now()
	err := s.Store.AddConsoleToken(ctx, zun.ConsoleToken{
		Hash: hashed(token), ContainerID: c.ID, Exec: exec, Options: options, ExpiresAt: now.Add(s.ConsoleTokenLife),
	}, now)
	return zun.ConsoleTicket{Token: token, ContainerID: c.ID, ExecID: exec.ID}, err
}

// hashed is what is recorded of a token.
func hashed(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// OpenConsole opens what a ticket is for, which it uses up; the caller closes it. The ticket
// is all the proof that is asked for. CodeUnauthorized: it is not, or no longer, good;
// CodeInvalidState, CodeConflict: the container or the command has ended meanwhile;
// CodeUnavailable: the host does not answer.
func (s *Service) OpenConsole(ctx context.Context, ticket zun.ConsoleTicket) (zun.Console, error) {
	token, err := s.Store.TakeConsoleToken(ctx, hashed(ticket.Token), ticket.ContainerID, ticket.ExecID, s.Now())
	if zun.CodeOf(err) == zun.CodeNotFound {
		return nil, zun.Wrap(zun.CodeUnauthorized, err, "cannot open the console: the token is unknown, used or expired; ask for a new one")
	}
	if err != nil {
		return nil, err
	}
	c, err := s.Store.Container(ctx, token.ContainerID)
	if err != nil {
		return nil, err
	}
	operation := "attach"
	if token.Exec.ID != "" {
		operation = "execute"
	}
	node, err := s.nodeOf(c, operation)
	if err != nil {
		return nil, err
	}
	var console zun.Console
	if token.Exec.ID != "" {
		console, err = node.StartExec(ctx, c, token.Exec)
	} else {
		console, err = node.Attach(ctx, c, token.Options)
	}
	return console, hostSays(c.Host, err)
}

// ResizeTerminal sets the size of the terminal of a running container's main process.
// CodeInvalidState: it does not run.
func (s *Service) ResizeTerminal(ctx context.Context, g policy.Grant, ref string, size zun.Size) error {
	c, node, err := s.running(ctx, g, ref, "resize")
	if err != nil {
		return err
	}
	return hostSays(c.Host, node.Resize(ctx, c, "", size))
}

// ResizeExec sets the size of the terminal of a command in a running container. CodeInvalid:
// the container has no such command; CodeInvalidState: it does not run.
func (s *Service) ResizeExec(ctx context.Context, g policy.Grant, ref, execID string, size zun.Size) error {
	c, node, err := s.running(ctx, g, ref, "execute_resize")
	if err != nil {
		return err
	}
	return hostSays(c.Host, node.Resize(ctx, c, execID, size))
}
