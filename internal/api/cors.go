package api

import (
	"net/http"
	"slices"
)

// What scripts of an allowed origin may do; the lists are Zun's (zun/common/config.py).
const (
	corsMethods = "GET,PUT,POST,DELETE,PATCH"
	corsExposed = "X-Auth-Token,X-Subject-Token,X-Service-Token,X-OpenStack-Request-ID,X-Server-Management-Url"
	corsAllowed = "X-Auth-Token,X-Identity-Status,X-Roles,X-Service-Catalog,X-User-Id,X-Tenant-Id," +
		"X-OpenStack-Request-ID,X-Server-Management-Url,OpenStack-API-Version,Content-Type,Accept"
)

// cors sets the headers that let a page of an allowed origin read the answer, and
// answers a preflight request itself. For other origins it does nothing: the browser
// then refuses.
func (s *server) cors(header http.Header, r *http.Request) (rep reply, preflight bool) {
	if len(s.AllowedOrigins) == 0 {
		return reply{}, false
	}
	header.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(s.AllowedOrigins, origin) && !slices.Contains(s.AllowedOrigins, "*") {
		return reply{}, false
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", corsExposed)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return reply{}, false
	}
	header.Set("Access-Control-Allow-Methods", corsMethods)
	header.Set("Access-Control-Allow-Headers", corsAllowed)
	header.Set("Access-Control-Max-Age", "3600")
	return reply{status: http.StatusNoContent}, true
}
