package api

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/gozun/gozun/zun"
)

// exchange is what is found out about one request on its way in, for the log line and
// for the headers of the answer.
type exchange struct {
	route   string // pattern
	project string
	version int // 0 while the answer has no version headers
}

// ServeHTTP takes every request: it gives it an id, has it answered, writes the answer,
// logs one line and counts it. Only /metrics, which is not of this API, is passed on.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Metrics != nil && r.URL.Path == "/metrics" {
		s.Metrics.ServeHTTP(w, r)
		return
	}
	began := s.Now()
	id := "req-" + s.NewID()
	ctx := zun.WithRequestID(r.Context(), id)
	w.Header().Set("X-Openstack-Request-Id", id)
	x := &exchange{route: "unmatched"}
	rep, preflight := s.cors(w.Header(), r)
	if !preflight {
		rep = s.answer(ctx, w, r, x)
	}
	if x.version != 0 {
		setVersionHeaders(w.Header(), x.version)
	}
	status, whole := s.render(ctx, w, rep)
	took := s.Now().Sub(began)
	s.Observe(methodLabel(r.Method), x.route, status, took)
	s.Log.InfoContext(ctx, "request", "request_id", id, "project", x.project, "method", r.Method, "route", x.route,
		"status", status, "ms", float64(took.Microseconds())/1000)
	if !whole {
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to drop a connection: half an answer must not look like one
	}
}

// methodLabel keeps invented methods from becoming labels of metrics.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// answer returns the answer to a request, whatever happens on the way.
func (s *server) answer(ctx context.Context, w http.ResponseWriter, r *http.Request, x *exchange) (rep reply) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p) //nolint:forbidigo // net/http's own way to drop a connection, passed on
		}
		rep = s.internalFailure(ctx, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
	}()
	rep, err := s.serve(ctx, w, r, x)
	if errors.Is(err, errNobody) {
		return s.unauthorized()
	}
	if err != nil {
		return s.failure(ctx, err)
	}
	return rep
}

// errNobody says that the request has no valid token.
var errNobody = errors.New("no valid token")

// serve asks, in Zun's order: who are you, is there such a place, may you, and what do
// you want; then the handler of the route works.
func (s *server) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, x *exchange) (reply, error) {
	node, idents, versioned := s.routes.find(r.URL.EscapedPath())
	if node != nil {
		x.route = node.pattern
	}
	c := &call{idents: idents, base: s.baseURL(r)}
	if !node.public() {
		identity, err := s.identify(ctx, r)
		if err != nil {
			return reply{}, err
		}
		c.identity, x.project = identity, identity.ProjectID
	}
	chosen, err := s.route(node, versioned, r, c)
	if err != nil {
		return reply{}, err
	}
	if versioned {
		x.version = c.version
	}
	if err := s.admit(c, chosen); err != nil {
		return reply{}, err
	}
	if err := read(c, chosen, w, r); err != nil {
		return reply{}, err
	}
	rep, err := chosen.handle(s, ctx, c)
	return rep, ruled(c.identity, err)
}

// ruled adds to Neutron's refusal of a user's token what its owner cannot see in it.
func ruled(identity zun.Identity, err error) error {
	if !identity.Restricted || zun.CodeOf(err) != zun.CodeUnauthorized {
		return err
	}
	return zun.Wrap(zun.CodeUnauthorized, err,
		"the application credential has access rules, which must also allow what this request looks up at the service \"network\" (GET /v2.0/**)")
}

// identify returns who asks. An unscoped token has no project to work in.
func (s *server) identify(ctx context.Context, r *http.Request) (zun.Identity, error) {
	identity, err := s.validate(ctx, r)
	if zun.CodeOf(err) == zun.CodeUnauthorized {
		return zun.Identity{}, errNobody
	}
	if err != nil {
		return zun.Identity{}, err
	}
	if identity.Restricted && !granted(identity.AccessRules, r.Method, r.URL.Path) {
		return zun.Identity{}, errNobody // as keystonemiddleware has it
	}
	if identity.ProjectID == "" {
		return zun.Identity{}, zun.Errorf(zun.CodePolicyNotAuthorized,
			"the token is not scoped to a project: ask Keystone for one that is")
	}
	return identity, nil
}

// validate returns whom the token of a request stands for, and looks at the token of the
// service that sent it on, if there is one.
func (s *server) validate(ctx context.Context, r *http.Request) (zun.Identity, error) {
	token := r.Header.Get("X-Auth-Token")
	if !plausible(token) {
		return zun.Identity{}, errNobody
	}
	service := r.Header.Get("X-Service-Token")
	switch {
	case service == "":
		return s.Identities.Validate(ctx, token)
	case !plausible(service):
		return zun.Identity{}, errNobody
	}
	return s.Identities.ValidateWithService(ctx, token, service)
}

// plausible reports whether a token could be one, so that rubbish does not reach
// Keystone.
func plausible(token string) bool {
	if token == "" || len(token) > 8192 {
		return false
	}
	return strings.IndexFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// route settles the microversion and chooses the route.
func (s *server) route(node *routeNode, versioned bool, r *http.Request, c *call) (route, error) {
	if !node.text() && !acceptsJSON(r.Header) {
		return route{}, notAcceptableError{"this API answers in application/json only"}
	}
	c.version = maxMinor
	if versioned {
		minor, err := negotiate(r.Header)
		if err != nil {
			return route{}, err
		}
		c.version = minor
	}
	if node == nil {
		return route{}, routeNotFoundError{}
	}
	return node.choose(r.Method, c.version)
}

// acceptsJSON reports whether the caller takes JSON. What cannot be parsed is taken as
// no wish.
func acceptsJSON(header http.Header) bool {
	wishes := strings.Join(header.Values("Accept"), ",")
	if strings.TrimSpace(wishes) == "" {
		return true
	}
	for wish := range strings.SplitSeq(wishes, ",") {
		mediaType, parameters, err := mime.ParseMediaType(wish)
		if err != nil {
			return true
		}
		wanted := parameters["q"] != "0" && parameters["q"] != "0.0"
		if wanted && (mediaType == "*/*" || mediaType == "application/*" || mediaType == "application/json") {
			return true
		}
	}
	return false
}

// admit asks the route's policy rule.
func (s *server) admit(c *call, chosen route) error {
	if chosen.public {
		return nil
	}
	grant, err := s.Policy.Authorize(c.identity, chosen.rule, nil)
	c.grant = grant
	return err
}

// read takes query and body in.
func read(c *call, chosen route, w http.ResponseWriter, r *http.Request) (err error) {
	if chosen.json && !isJSON(r.Header) {
		return zun.Errorf(zun.CodeMediaType, "cannot read the request body: Content-Type must be application/json")
	}
	if c.query, err = readQuery(r.URL); err != nil {
		return err
	}
	if chosen.raw {
		c.raw = http.NoBody
		if isJSON(r.Header) {
			c.raw = http.MaxBytesReader(w, r.Body, maxArchiveBody)
		}
		return nil
	}
	c.body, c.ignored, err = readBody(w, r)
	return err
}
