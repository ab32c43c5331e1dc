package console

import (
	"net/http"
	"slices"
	"strings"
)

// checkOrigin returns why a web page's script may not open a console here, "" if it may. It
// judges as Zun does (zun/websocket/websocketproxy.py): clients that are no browsers send no
// Origin and pass; the page's host must be the proxy's own or an allowed one, and its scheme
// must fit. Behind a proxy that ends TLS the scheme is the one that X-Forwarded-Proto names.
func (p *Proxy) checkOrigin(r *http.Request) string {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return ""
	}
	scheme, host := splitOrigin(origin)
	if forwarded := r.Header.Get("X-Forwarded-Proto"); forwarded != "" {
		scheme = strings.ToLower(strings.TrimSpace(forwarded))
	}
	if host == "" || scheme == "" {
		return "Origin header not valid."
	}
	allowed := slices.ContainsFunc(p.AllowedOrigins, func(one string) bool {
		_, name := splitOrigin(one)
		return name == host
	})
	if !allowed && host != hostname(r.Host) {
		return "Origin header does not match this host."
	}
	if want := map[bool]string{true: "https", false: "http"}[p.Secure]; scheme != want {
		return "Origin header protocol does not match this host."
	}
	return ""
}

// splitOrigin takes an origin apart into scheme and host name. It is lenient about the port,
// for which python-zunclient sends the word None when the URL has none.
func splitOrigin(origin string) (scheme, host string) {
	scheme, rest, found := strings.Cut(origin, "://")
	if !found {
		scheme, rest = "", origin
	}
	rest, _, _ = strings.Cut(rest, "/")
	return strings.ToLower(scheme), hostname(rest)
}

// hostname returns a host without port and brackets, in small letters.
func hostname(host string) string {
	if bare, ok := strings.CutPrefix(host, "["); ok {
		host, _, _ = strings.Cut(bare, "]")
		return strings.ToLower(host)
	}
	host, _, _ = strings.Cut(host, ":")
	return strings.ToLower(host)
}
