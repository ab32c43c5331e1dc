package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/coder/websocket"

	"github.com/gozun/gozun/zun"
)

// Consoles is the first API version whose consoles can begin with what was written before,
// and in which a command has an input and no terminal.
var Consoles = Version{1, 41}

// AttachOptions say what of a container's main process is joined.
type AttachOptions struct {
	// Logs begins with what the process wrote until now. Services before Consoles begin with
	// what it writes next.
	Logs bool
}

// Attach joins the streams of a running container's main process. Closing the console leaves
// the process as it is. CodeInvalidState: the container does not run; CodeNoInteractiveFlag:
// it was made without an input.
func (c *Client) Attach(ctx context.Context, ref string, options AttachOptions) (*Console, error) {
	// Whoever else attaches at the same moment may have made our address void.
	const tries = 5
	for try := 1; ; try++ {
		address, err := c.AttachURL(ctx, ref, options)
		if err != nil {
			return nil, err
		}
		console, err := c.OpenConsole(ctx, address)
		if zun.CodeOf(err) != zun.CodePolicyNotAuthorized || try == tries {
			return console, err
		}
	}
}

// AttachURL returns the address of a websocket that leads to a container's main process. It
// is a secret, is good once and for some minutes, and makes the one before it void.
func (c *Client) AttachURL(ctx context.Context, ref string, options AttachOptions) (string, error) {
	query := url.Values{}
	if options.Logs {
		version, err := c.Version(ctx)
		if err != nil {
			return "", err
		}
		if version.AtLeast(Consoles) {
			query.Set("logs", "true")
		}
	}
	var address string
	_, err := c.call(ctx, request{method: "GET", path: containerPath(ref, "attach"), query: query}, &address)
	return address, err
}

// ExecOptions say what streams a command has.
type ExecOptions struct {
	Stdin bool // an input
	TTY   bool // a terminal; before Consoles it comes with an input and only then
}

// Exec is a command that is ready to run.
type Exec struct {
	ID  string // by which ResizeExec knows it
	URL string // a websocket, as AttachURL's; opening it starts the command
}

// Exec starts a command in a running container and joins its streams. Errors are those of
// PrepareExec and OpenConsole.
func (c *Client) Exec(ctx context.Context, ref string, command []string, options ExecOptions) (*Console, error) {
	exec, err := c.PrepareExec(ctx, ref, command, options)
	if err != nil {
		return nil, err
	}
	return c.OpenConsole(ctx, exec.URL)
}

// PrepareExec makes a command ready to run in a running container. CodeInvalidState: it does
// not run; CodeNotAcceptable: the service has no such combination of streams.
func (c *Client) PrepareExec(ctx context.Context, ref string, command []string, options ExecOptions) (Exec, error) {
	if len(command) == 0 {
		return Exec{}, zun.Errorf(zun.CodeInvalid, "cannot execute in container %s: no command given", ref)
	}
	body := map[string]any{"command": JoinCommand(command), "run": false, "interactive": options.Stdin}
	if options.TTY != options.Stdin {
		version, err := c.Version(ctx)
		if err != nil {
			return Exec{}, err
		}
		if !version.AtLeast(Consoles) {
			return Exec{}, zun.Errorf(zun.CodeNotAcceptable,
				"cannot execute in container %s: an input without a terminal, or the other way round, needs API version %s and %s is in use", ref, Consoles, version)
		}
		body["tty"] = options.TTY
	}
	var result struct {
		ExecID   string `json:"exec_id"`
		ProxyURL string `json:"proxy_url"`
	}
	_, err := c.call(ctx, request{method: "POST", path: containerPath(ref, "execute"), body: body}, &result)
	return Exec{ID: result.ExecID, URL: result.ProxyURL}, err
}

// ResizeTerminal sets the size, in characters, of the terminal of a running container's main
// process.
func (c *Client) ResizeTerminal(ctx context.Context, ref string, width, height int) error {
	_, err := c.call(ctx, request{method: "POST", path: containerPath(ref, "resize"), query: extent(width, height)}, nil)
	return err
}

// ResizeExec sets the size, in characters, of the terminal of a command that was started with
// PrepareExec. CodeInvalid: the container has no such command, or it has ended.
func (c *Client) ResizeExec(ctx context.Context, ref, execID string, width, height int) error {
	query := extent(width, height)
	query.Set("exec_id", execID)
	_, err := c.call(ctx, request{method: "POST", path: containerPath(ref, "execute_resize"), query: query}, nil)
	return err
}

func extent(width, height int) url.Values {
	return url.Values{"w": {strconv.Itoa(width)}, "h": {strconv.Itoa(height)}}
}

// consoleProtocol is gozun's own subprotocol, in which an empty message ends the input.
const consoleProtocol = "v1.console.gozun"

// Console is the two-way byte stream of a process in a container. One reader and one writer
// may use it at the same time; whoever does not read makes the process wait. It is to be
// closed.
type Console struct {
	client      *Client
	socket      *websocket.Conn
	containerID string
	execID      string
	message     io.Reader // what is left of the current one
	end         error     // set once reading has ended
	exitCode    int
	exited      bool
}

// OpenConsole opens a URL of AttachURL or PrepareExec. ctx bounds the opening only.
// CodePolicyNotAuthorized: the URL was used, replaced or has expired. An UnreachableError
// inside: nobody listens there.
func (c *Client) OpenConsole(ctx context.Context, address string) (*Console, error) {
	where, err := url.Parse(address)
	if err != nil || where.Scheme != "ws" && where.Scheme != "wss" {
		return nil, zun.Errorf(zun.CodeUnavailable, "cannot open the console: the service gave an address that is no websocket's (%s)", without(where))
	}
	socket, response, err := websocket.Dial(ctx, address, &websocket.DialOptions{ //nolint:bodyclose // the library says that it never needs to be closed
		HTTPClient: c.config.HTTP, Subprotocols: []string{consoleProtocol, "binary"},
	})
	if err != nil {
		return nil, notOpened(ctx, where, response, err)
	}
	socket.SetReadLimit(-1) // messages are read as they come
	query := where.Query()
	return &Console{client: c, socket: socket, containerID: query.Get("uuid"), execID: query.Get("exec_id")}, nil
}

// without is an address without its secret.
func without(address *url.URL) string {
	if address == nil {
		return "not a URL"
	}
	return address.Scheme + "://" + address.Host
}

// notOpened makes the error of a console that could not be opened.
func notOpened(ctx context.Context, where *url.URL, response *http.Response, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if response != nil && response.StatusCode >= http.StatusBadRequest {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 1024))
		text := strings.TrimSpace(string(body))
		if text == "" {
			text = "the console proxy at " + without(where) + " answered " + response.Status
		}
		return zun.Errorf(zun.CodeOfStatus(response.StatusCode), "%s", text)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // its text has the token
	}
	return &zun.Error{
		Code: zun.CodeUnavailable, Message: "cannot reach the console proxy at " + without(where) + ": " + err.Error(),
		Err: &UnreachableError{URL: strings.Replace(without(where), "ws", "http", 1), Err: err},
	}
}

// Read gives what the process wrote. io.EOF: it has ended. CodeUnavailable: the service is
// stopping, or the connection broke off.
func (c *Console) Read(p []byte) (int, error) {
	for c.end == nil {
		if c.message == nil {
			_, message, err := c.socket.Reader(context.Background())
			if err != nil {
				c.end = c.ended(err)
				break
			}
			c.message = message
		}
		n, err := c.message.Read(p)
		if errors.Is(err, io.EOF) {
			c.message, err = nil, nil
		}
		if err != nil {
			c.end = c.ended(err)
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, c.end
}

// ended makes of the end of the websocket what Read returns.
func (c *Console) ended(err error) error {
	var closed websocket.CloseError
	switch {
	case !errors.As(err, &closed):
		return zun.Wrap(zun.CodeUnavailable, err, "the console of container %s broke off", c.containerID)
	case closed.Code == websocket.StatusNormalClosure, closed.Code == websocket.StatusNoStatusRcvd:
		n, _ := fmt.Sscanf(closed.Reason, "Target closed, exit code %d", &c.exitCode)
		c.exited = n == 1
		return io.EOF
	}
	return zun.Wrap(zun.CodeUnavailable, err, "the console of container %s ended: %s", c.containerID, closed.Reason)
}

// Write sends input to the process.
func (c *Console) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := c.socket.Write(context.Background(), websocket.MessageBinary, p); err != nil {
		return 0, zun.Wrap(zun.CodeUnavailable, err, "the console of container %s takes no input any more", c.containerID)
	}
	return len(p), nil
}

// CloseWrite ends the input of a command that has one without a terminal. It reports whether
// the service knows how; a Zun of upstream does not.
func (c *Console) CloseWrite() (bool, error) {
	if c.socket.Subprotocol() != consoleProtocol {
		return false, nil
	}
	return true, c.socket.Write(context.Background(), websocket.MessageBinary, nil)
}

// Resize sets the size, in characters, of the process's terminal. CodeInvalid, CodeConflict
// or CodeInvalidState: the process has ended.
func (c *Console) Resize(ctx context.Context, width, height int) error {
	if c.execID != "" {
		return c.client.ResizeExec(ctx, c.containerID, c.execID, width, height)
	}
	return c.client.ResizeTerminal(ctx, c.containerID, width, height)
}

// ExitCode returns, after Read gave io.EOF, the exit code of the process; false where the
// service does not tell it.
func (c *Console) ExitCode() (int, bool) { return c.exitCode, c.exited }

// Close ends the console, not the process. What was written before it still arrives. One that
// has ended already is closed.
func (c *Console) Close() error {
	err := c.socket.Close(websocket.StatusNormalClosure, "")
	if errors.As(err, new(websocket.CloseError)) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
