package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/gozun/gozun/zun"
)

// StartContainer orders the start and returns the request id of its action.
func (c *Client) StartContainer(ctx context.Context, ref string) (string, error) {
	return c.order(ctx, ref, "start", nil)
}

// StopContainer orders the stop: SIGTERM, and after timeout seconds (nil: 10) SIGKILL.
func (c *Client) StopContainer(ctx context.Context, ref string, timeout *int) (string, error) {
	return c.order(ctx, ref, "stop", seconds(timeout))
}

// RebootContainer orders a stop, with the timeout of StopContainer, and a start.
func (c *Client) RebootContainer(ctx context.Context, ref string, timeout *int) (string, error) {
	return c.order(ctx, ref, "reboot", seconds(timeout))
}

// KillContainer sends a signal ("SIGTERM", "9"; "" is SIGKILL) to the container's process.
func (c *Client) KillContainer(ctx context.Context, ref, signal string) (string, error) {
	query := url.Values{}
	set(query, "signal", signal)
	return c.order(ctx, ref, "kill", query)
}

func (c *Client) order(ctx context.Context, ref, verb string, query url.Values) (string, error) {
	return c.call(ctx, request{method: "POST", path: containerPath(ref, verb), query: query}, nil)
}

func seconds(timeout *int) url.Values {
	if timeout == nil {
		return nil
	}
	return url.Values{"timeout": {strconv.Itoa(*timeout)}}
}

// LogsOptions choose a part of a container's output; neither Stdout nor Stderr is both.
type LogsOptions struct {
	Stdout, Stderr, Timestamps bool

	Tail  string    // a number of lines; "" is all
	Since time.Time // zero: from the start
}

// Logs returns what the container wrote.
func (c *Client) Logs(ctx context.Context, ref string, options LogsOptions) (string, error) {
	if !options.Stdout && !options.Stderr {
		options.Stdout, options.Stderr = true, true
	}
	query := url.Values{
		"stdout":     {strconv.FormatBool(options.Stdout)},
		"stderr":     {strconv.FormatBool(options.Stderr)},
		"timestamps": {strconv.FormatBool(options.Timestamps)},
	}
	set(query, "tail", options.Tail)
	if !options.Since.IsZero() {
		query.Set("since", strconv.FormatInt(options.Since.Unix(), 10))
	}
	var text string
	_, err := c.call(ctx, request{method: "GET", path: containerPath(ref, "logs"), query: query}, &text)
	return text, err
}

// ExecResult is what a command in a container left.
type ExecResult struct {
	Output   string `json:"output"` // standard output and error, merged
	ExitCode int    `json:"exit_code"`
}

// Execute runs a command in a running container and waits for its end. The command is
// its words; no shell is involved. CodeConflict when it did not end in time.
func (c *Client) Execute(ctx context.Context, ref string, command []string) (ExecResult, error) {
	if len(command) == 0 {
		return ExecResult{}, zun.Errorf(zun.CodeInvalid, "cannot execute in container %s: no command given", ref)
	}
	body := map[string]string{"command": JoinCommand(command)}
	var result ExecResult
	_, err := c.call(ctx, request{method: "POST", path: containerPath(ref, "execute"), body: body}, &result)
	return result, err
}
