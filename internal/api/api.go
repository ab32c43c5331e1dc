package api

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// Config is what the API is made of. Control, Policy, Identities and Log are needed; the
// rest has defaults.
type Config struct {
	Control    Control
	Policy     *policy.Engine
	Identities Identities
	Log        *slog.Logger

	// AuthenticateURI is told to those without a valid token (WWW-Authenticate): the
	// address of Keystone as users see it, "http://127.0.0.1:5000".
	AuthenticateURI string

	// PublicURL begins every link, "https://cloud.example:9517"; empty: as the request
	// named this server.
	PublicURL string

	// ConsoleURL is where users reach the console proxy, wss://cloud.example:6784/. Without a
	// host, ws://:6784/, it is the host that they asked; nil is that.
	ConsoleURL *url.URL

	// AllowedOrigins are the web pages' origins whose scripts may call (CORS);
	// "*" allows all. Empty: none.
	AllowedOrigins []string

	// MaxLimit is the longest page of a list and the length of one when no limit is
	// asked for; 0 is 1000.
	MaxLimit int

	// Bounds are what one container may ask for. Zero: Zun's.
	Bounds zun.Bounds

	// Observe, if set, is told of every request: its method, the pattern of its route
	// ("/v1/containers/{id}", or "unmatched"), the status and the time it took.
	Observe func(method, route string, status int, took time.Duration)

	// Metrics, if set, answers GET /metrics, for which no token is needed.
	Metrics http.Handler

	Now   func() time.Time // nil: time.Now
	NewID func() string    // a UUID; nil: random
}

// server is the checked Config and what is derived from it; it is not changed after New.
type server struct {
	Config
	routes   *routeTree
	schemas  *schemas
	fields   []ruledField // of a container's JSON
	archives turns
	openAPI  openAPI
}

// New returns the handler of the whole API. Any path prefix a proxy adds must be
// stripped before it.
func New(config Config) http.Handler {
	return &server{
		Config: withDefaults(config), schemas: compileSchemas(),
		routes: newRouteTree(routeTable()), fields: ruledFields(), archives: make(turns, archivesAtOnce),
	}
}

// withDefaults fills what the configuration leaves open.
func withDefaults(c Config) Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	if c.ConsoleURL == nil {
		c.ConsoleURL = &url.URL{Scheme: "ws", Host: ":6784", Path: "/"}
	}
	if c.MaxLimit <= 0 {
		c.MaxLimit = 1000
	}
	if c.Observe == nil {
		c.Observe = func(string, string, int, time.Duration) {}
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if c.Bounds == (zun.Bounds{}) {
		c.Bounds = zun.DefaultBounds()
	}
	return c
}
