package solo

import (
	"fmt"
	"net"
	"net/url"
	"strconv"

	"github.com/gozun/gozun/internal/console"
)

// consoleURL is where users reach the console proxy that listens on l: the configured URL,
// else l's own address. When l takes every address the URL has no host, and the API fills in
// the one that the user asked.
func (c Config) consoleURL(l net.Listener) (*url.URL, error) {
	if c.ConsoleURL != "" {
		address, err := url.Parse(c.ConsoleURL)
		if err != nil || address.Scheme != "ws" && address.Scheme != "wss" || address.Host == "" || address.RawQuery != "" || address.Fragment != "" {
			return nil, fmt.Errorf("--console-url %q is not a URL like ws://HOST:6784/ or wss://HOST/PATH", c.ConsoleURL)
		}
		return address, nil
	}
	address := &url.URL{Scheme: "ws", Path: "/"}
	if l != nil {
		listening := l.Addr().(*net.TCPAddr)
		address.Host = ":" + strconv.Itoa(listening.Port)
		if !listening.IP.IsUnspecified() {
			address.Host = net.JoinHostPort(listening.IP.String(), strconv.Itoa(listening.Port))
		}
	}
	return address, nil
}

// buildConsoles adds the console proxy and returns where users reach it.
func (s *Solo) buildConsoles(consoles console.Opener) (*url.URL, error) {
	address, err := s.config.consoleURL(s.listeners.console)
	if err != nil {
		return nil, err
	}
	log := s.config.Log.With("part", "console")
	proxy := console.New(console.Config{
		Consoles: consoles, Secure: address.Scheme == "wss", AllowedOrigins: s.config.ConsoleOrigins, Log: log,
	})
	s.tasks = append(s.tasks, proxy, &webTask{name: "console proxy", listener: s.listeners.console, handler: proxy, log: log})
	return address, nil
}
