package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gozun/gozun/zun"
)

// startContainer serves POST /v1/containers/{id}/start.
func (s *server) startContainer(ctx context.Context, c *call) (reply, error) {
	if err := c.params().done(); err != nil {
		return reply{}, err
	}
	return accepted(), s.Control.StartContainer(ctx, c.grant, c.ident())
}

// stopContainer serves POST /v1/containers/{id}/stop.
func (s *server) stopContainer(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	timeout := p.seconds("timeout")
	if err := p.done(); err != nil {
		return reply{}, err
	}
	return accepted(), s.Control.StopContainer(ctx, c.grant, c.ident(), timeout)
}

// rebootContainer serves POST /v1/containers/{id}/reboot.
func (s *server) rebootContainer(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	timeout := p.seconds("timeout")
	if err := p.done(); err != nil {
		return reply{}, err
	}
	return accepted(), s.Control.RebootContainer(ctx, c.grant, c.ident(), timeout)
}

// killContainer serves POST /v1/containers/{id}/kill.
func (s *server) killContainer(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	text := p.text("signal")
	signal, ok := signalOf(text)
	if !ok {
		p.fail("signal", text, "it must be the name or number of a signal")
	}
	if err := p.done(); err != nil {
		return reply{}, err
	}
	return accepted(), s.Control.KillContainer(ctx, c.grant, c.ident(), signal)
}

// pauseContainer serves POST /v1/containers/{id}/pause.
func (s *server) pauseContainer(ctx context.Context, c *call) (reply, error) {
	if err := c.params().done(); err != nil {
		return reply{}, err
	}
	return accepted(), s.Control.PauseContainer(ctx, c.grant, c.ident())
}

// unpauseContainer serves POST /v1/containers/{id}/unpause.
func (s *server) unpauseContainer(ctx context.Context, c *call) (reply, error) {
	if err := c.params().done(); err != nil {
		return reply{}, err
	}
	return accepted(), s.Control.UnpauseContainer(ctx, c.grant, c.ident())
}

// signalNames are Linux's signals by number from 1, without "SIG".
const signalNames = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP " +
	"TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"

// lastSignal is the number of SIGRTMAX.
const lastSignal = 64

// signalOf reads a signal: a number, or a name with or without SIG in upper or lower
// case; those for real time are counted from RTMIN up or from RTMAX down. It returns "SIGTERM", a number, or "" for none, for which python-zunclient sends
// the word None.
func signalOf(text string) (signal string, ok bool) {
	if text == "" || text == "None" {
		return "", true
	}
	if n, err := strconv.Atoi(text); err == nil {
		return strconv.Itoa(n), n >= 1 && n <= lastSignal
	}
	if text != strings.ToUpper(text) && text != strings.ToLower(text) {
		return "", false
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	switch name {
	case "IOT":
		name = "ABRT"
	case "CLD":
		name = "CHLD"
	case "POLL":
		name = "IO"
	}
	return "SIG" + name, slices.Contains(strings.Fields(signalNames), name) || isRealTime(name)
}

// isRealTime reports whether a name is RTMIN, RTMIN+1 to RTMIN+15, RTMAX-14 to RTMAX-1 or
// RTMAX, which are all that have one.
func isRealTime(name string) bool {
	for base, most := range map[string]int{"RTMIN+": 15, "RTMAX-": 14} {
		if name == base[:len("RTMIN")] {
			return true
		}
		if offset, is := strings.CutPrefix(name, base); is {
			n, err := strconv.ParseUint(offset, 10, 8)
			return err == nil && n >= 1 && n <= uint64(most) && offset[0] != '0'
		}
	}
	return false
}

// containerLogs serves GET /v1/containers/{id}/logs.
func (s *server) containerLogs(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	options := zun.LogsOptions{
		Stdout: p.flag("stdout", true), Stderr: p.flag("stderr", true), Timestamps: p.flag("timestamps", false),
		Tail: tail(p.text("tail")),
	}
	since := p.text("since")
	var ok bool
	if options.Since, ok = sinceTime(since); !ok {
		p.fail("since", since, "it must be seconds since 1970, or a time as 2006-01-02 15:04:05,000")
	}
	if err := p.done(); err != nil {
		return reply{}, err
	}
	output, err := s.Control.Logs(ctx, c.grant, c.ident(), options)
	return reply{status: http.StatusOK, body: strings.ToValidUTF8(output, "�")}, err
}

// tail is a number of lines or "all", which anything else means, too, as in Zun.
func tail(text string) string {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return strconv.FormatUint(n, 10)
	}
	return "all"
}

// sinceTime reads a time in either form that Zun takes; "" and "None" are the zero time.
func sinceTime(text string) (time.Time, bool) {
	if text == "" || text == "None" {
		return time.Time{}, true
	}
	if seconds, err := strconv.ParseUint(text, 10, 33); err == nil {
		return time.Unix(int64(seconds), 0).UTC(), true
	}
	t, err := time.Parse("2006-01-02 15:04:05,000", text)
	return t, err == nil
}

// execution is the JSON of a command's result.
type execution struct {
	Output   *string `json:"output"`
	ExitCode *int    `json:"exit_code"`
	ExecID   *string `json:"exec_id"`
	ProxyURL *string `json:"proxy_url"`
}

// executeCommand serves POST /v1/containers/{id}/execute: a command that is waited for or,
// with run false, made ready for a websocket. As in Zun only interactive commands of the
// latter kind have an input, and a terminal; tty says otherwise from 1.41.
func (s *server) executeCommand(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	line, run, interactive := p.required("command"), p.flag("run", true), p.flag("interactive", false)
	tty := interactive
	if c.version >= ownMinor {
		tty = p.flag("tty", tty)
	}
	if err := p.done(); err != nil {
		return reply{}, c.needBody(err)
	}
	command, err := splitWords(line)
	if err == nil && len(command) == 0 {
		err = invalidParam("command", line, "it must have at least one word")
	}
	if err != nil {
		return reply{}, err
	}
	if !run {
		return s.prepareExec(ctx, c, zun.ExecSpec{Command: command, Stdin: interactive, TTY: tty})
	}
	result, err := s.Control.Execute(ctx, c.grant, c.ident(), command)
	if err != nil {
		return reply{}, err
	}
	output := strings.ToValidUTF8(string(result.Output), "�")
	return reply{status: http.StatusOK, body: execution{Output: &output, ExitCode: &result.ExitCode}}, nil
}
