package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/gozun/gozun/zun"
)

// Opener opens consoles. CodeUnauthorized: the ticket is not good.
type Opener interface {
	OpenConsole(ctx context.Context, ticket zun.ConsoleTicket) (zun.Console, error)
}

// Config is what a proxy is made of. Consoles is needed; the rest has defaults.
type Config struct {
	Consoles Opener

	// Secure says that users reach the proxy by wss: scripts of web pages must then come
	// from https ones, and otherwise from http ones.
	Secure bool

	// AllowedOrigins are the host names of web pages, beside the proxy's own, whose scripts
	// may open consoles; a whole origin ("https://horizon.example") stands for its host.
	AllowedOrigins []string

	Log *slog.Logger
	Now func() time.Time

	OpenTimeout time.Duration // how long opening may take; 30 s
	EndTimeout  time.Duration // how long consoles may take to end when the proxy does; 3 s
}

// Proxy serves consoles on any path. It is a task, too: while Run runs consoles are opened,
// and at its end those that are open are closed.
type Proxy struct {
	Config

	mu     sync.Mutex
	ending bool
	open   map[*session]struct{}
	served sync.WaitGroup // sessions, and connections that linger
}

// New returns a proxy.
func New(config Config) *Proxy {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.OpenTimeout <= 0 {
		config.OpenTimeout = 30 * time.Second
	}
	if config.EndTimeout <= 0 {
		config.EndTimeout = 3 * time.Second
	}
	return &Proxy{Config: config, open: map[*session]struct{}{}}
}

// String names the task.
func (p *Proxy) String() string { return "console proxy" }

// Run waits for the end of ctx and then ends every console: each is told that the service
// goes away, and has Config.EndTimeout to take in what was under way.
func (p *Proxy) Run(ctx context.Context) error {
	<-ctx.Done()
	p.mu.Lock()
	p.ending = true
	for s := range p.open {
		s.leave()
	}
	p.mu.Unlock()
	late := time.AfterFunc(p.EndTimeout, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for s := range p.open {
			s.abort()
		}
	})
	defer late.Stop()
	p.served.Wait()
	return nil
}

// enter counts a session in; false when the proxy is ending.
func (p *Proxy) enter(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending {
		return false
	}
	p.open[s] = struct{}{}
	p.served.Add(1)
	return true
}

func (p *Proxy) exit(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, s)
	p.served.Done()
}

// ServeHTTP opens the console that the request's token, uuid and exec_id name and serves it
// to its end. What is refused is refused before the upgrade, with a status.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isUpgrade(r) { // a look with a browser or a scanner must not use the token up
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this is the console proxy: open the URL as a websocket", http.StatusUpgradeRequired)
		return
	}
	if complaint := p.checkOrigin(r); complaint != "" {
		p.Log.WarnContext(r.Context(), "a console was refused", "origin", r.Header.Get("Origin"), "host", r.Host, "why", complaint)
		http.Error(w, complaint, http.StatusForbidden)
		return
	}
	s := &session{log: p.Log, now: p.Now}
	s.ctx, s.abort = context.WithCancel(r.Context())
	defer s.abort()
	if !p.enter(s) {
		http.Error(w, "the service is stopping", http.StatusServiceUnavailable)
		return
	}
	defer p.exit(s)
	query := r.URL.Query()
	s.ticket = zun.ConsoleTicket{Token: query.Get("token"), ContainerID: query.Get("uuid"), ExecID: query.Get("exec_id")}
	if err := p.openConsole(s); err != nil { //nolint:contextcheck // the session's comes from the request's
		p.refuse(w, r, s, err)
		return
	}
	defer s.console.Close()
	lingering := &lingeringWriter{ResponseWriter: w}
	socket, err := websocket.Accept(lingering, r, &websocket.AcceptOptions{
		Subprotocols: subprotocols(), InsecureSkipVerify: true, // checked above, in Zun's way
	})
	if err != nil {
		return // the caller was told
	}
	s.socket, s.connection = socket, lingering.connection
	s.serve() //nolint:contextcheck // the session's comes from the request's
}

// openConsole opens the console behind the session's ticket. A proxy that ends meanwhile
// closes it.
func (p *Proxy) openConsole(s *session) error {
	ctx, cancel := context.WithTimeout(s.ctx, p.OpenTimeout)
	defer cancel()
	console, err := p.Consoles.OpenConsole(ctx, s.ticket)
	if err != nil {
		return err
	}
	s.opened(console)
	return nil
}

// refuse answers that there is no console. As in the API, what is our fault keeps its cause
// to the log.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, s *session, err error) {
	status, text := zun.CodeOf(err).Status(), err.Error()
	switch {
	case status == http.StatusUnauthorized, status == http.StatusNotFound:
		status = http.StatusForbidden
	case status == http.StatusInternalServerError:
		text = "the console cannot be opened because of a problem in the server"
	}
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	p.Log.Log(r.Context(), level, "a console was refused", "container", s.ticket.ContainerID, "exec", s.ticket.ExecID,
		"status", status, "error", err, "cause", errors.Unwrap(err))
	http.Error(w, text, status)
}

// isUpgrade reports whether a request begins a websocket.
func isUpgrade(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") &&
		r.Header.Get("Sec-WebSocket-Key") != ""
}
