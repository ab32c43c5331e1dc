package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gozun/gozun/zun"
)

// attachContainer serves GET /v1/containers/{id}/attach: a URL for a websocket.
func (s *server) attachContainer(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	var options zun.AttachOptions
	if c.version >= ownMinor {
		options.Logs = p.flag("logs", false)
	}
	if err := p.done(); err != nil {
		return reply{}, err
	}
	ticket, err := s.Control.AttachContainer(ctx, c.grant, c.ident(), options)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: s.consoleURL(c, ticket)}, nil
}

// prepareExec answers the requests of executeCommand that do not wait: the command begins
// when the websocket at the URL is opened.
func (s *server) prepareExec(ctx context.Context, c *call, spec zun.ExecSpec) (reply, error) {
	ticket, err := s.Control.PrepareExec(ctx, c.grant, c.ident(), spec)
	if err != nil {
		return reply{}, err
	}
	address := s.consoleURL(c, ticket)
	return reply{status: http.StatusOK, body: execution{ExecID: &ticket.ExecID, ProxyURL: &address}}, nil
}

// consoleURL is where a ticket is good, as Zun writes it. A base without a host has the one
// that the request named.
func (s *server) consoleURL(c *call, ticket zun.ConsoleTicket) string {
	address := *s.ConsoleURL
	if asked, err := url.Parse(c.base); err == nil && address.Hostname() == "" {
		host := strings.TrimSuffix(asked.Host, ":"+asked.Port())
		address.Host = host + ":" + address.Port()
	}
	address.RawQuery = "token=" + ticket.Token + "&uuid=" + ticket.ContainerID
	if ticket.ExecID != "" {
		address.RawQuery += "&exec_id=" + ticket.ExecID
	}
	return address.String()
}

// resizeTerminal serves POST /v1/containers/{id}/resize.
func (s *server) resizeTerminal(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	size := p.size()
	if err := p.done(); err != nil {
		return reply{}, c.needBody(err)
	}
	return reply{status: http.StatusOK}, s.Control.ResizeTerminal(ctx, c.grant, c.ident(), size)
}

// resizeExec serves POST /v1/containers/{id}/execute_resize.
func (s *server) resizeExec(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	execID := p.required("exec_id")
	if p.err == nil && !isExecID(execID) {
		p.fail("exec_id", execID, "it must be 64 hexadecimal digits")
	}
	size := p.size()
	if err := p.done(); err != nil {
		return reply{}, c.needBody(err)
	}
	return reply{status: http.StatusOK}, s.Control.ResizeExec(ctx, c.grant, c.ident(), execID, size)
}

// size returns the arguments w and h, both of which are needed.
func (p *params) size() zun.Size {
	return zun.Size{Width: p.characters("w"), Height: p.characters("h")}
}

// characters returns an extent of a terminal. Docker, and the kernel, have 16 bits for it.
func (p *params) characters(name string) int {
	text := p.required(name)
	n, err := strconv.ParseUint(text, 10, 16)
	if p.err == nil && (err != nil || n < 1) {
		p.fail(name, text, "it must be a number of characters, 1 to 65535")
	}
	return int(n)
}

// isExecID reports whether a text could be the id of a command that was made ready.
func isExecID(text string) bool {
	const length = 64
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(text) == length
}
