package network

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/gozun/gozun/zun"
)

// maxBody bounds a request body, in bytes.
const maxBody = 8 << 20

// request is an HTTP request with what every verb needs of it taken out.
type request struct {
	who     caller
	query   url.Values
	body    []byte
	id, tag string
	path    string
	base    string // "http://127.0.0.1:9696", as the client sees it
	ifMatch string
}

// reply is an answer: JSON, or nothing.
type reply struct {
	status int
	body   []byte
}

func jsonReply(status int, v any) *reply { return &reply{status, appendJSON(nil, v)} }

type verb func(*request) (*reply, error)

// route is one path and what may be done there, by HTTP method.
type route struct {
	path  string
	verbs map[string]verb
}

// routes is the whole API.
func (s *Service) routes() []route {
	groups, rules := s.groupKind(), s.ruleKind()
	showRules(groups, rules)
	return slices.Concat(
		s.networkKind().routes(), s.subnetKind().routes(), s.poolKind().routes(), s.portKind().routes(),
		groups.routes(),
		[]route{
			{"/security-group-rules", map[string]verb{"GET": rules.list, "POST": rules.createAll}},
			{"/security-group-rules/{id}", map[string]verb{"GET": rules.show, "DELETE": rules.deleteOne}},
			{"/quotas", map[string]verb{"GET": s.listQuotas}},
			{"/quotas/{id}", map[string]verb{"GET": s.showQuota, "PUT": s.updateQuota, "DELETE": s.deleteQuota}},
			{"/quotas/{id}/default", map[string]verb{"GET": s.defaultQuota}},
			{"/quotas/{id}/details", map[string]verb{"GET": s.quotaDetails}},
			{"/quotas/tenant", map[string]verb{"GET": whoseQuota}},
			{"/quotas/project", map[string]verb{"GET": whoseQuota}},
			{"/extensions", map[string]verb{"GET": listExtensions}},
			{"/extensions/{id}", map[string]verb{"GET": showExtension}},
			{"/agents", map[string]verb{"GET": s.listAgents}},
			{"/agents/{id}", map[string]verb{"GET": s.showAgent}},
		})
}

// routes are the paths of a kind that has tags and can be changed.
func (k *kind[R]) routes() []route {
	return []route{
		{"/" + k.path, map[string]verb{"GET": k.list, "POST": k.createAll}},
		{"/" + k.path + "/{id}", map[string]verb{"GET": k.show, "PUT": k.updateOne, "DELETE": k.deleteOne}},
		{"/" + k.path + "/{id}/tags", map[string]verb{"GET": k.showTags, "PUT": k.replaceTags, "DELETE": k.removeTags}},
		{"/" + k.path + "/{id}/tags/{tag}", map[string]verb{"GET": k.hasTag, "PUT": k.addTag, "DELETE": k.removeTag}},
	}
}

// router finds the verb of a request, and answers what it returns.
type router struct {
	service *Service
	mux     *http.ServeMux
}

func newRouter(s *Service) http.Handler {
	r := &router{s, http.NewServeMux()}
	for _, route := range s.routes() {
		r.mux.Handle("/v2.0"+route.path, r.serve(route.verbs))
	}
	r.mux.HandleFunc("/{$}", listVersions)
	r.mux.Handle("/v2.0", r.serve(map[string]verb{"GET": showVersion}))
	r.mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		r.fail(w, req, notFound("HTTPNotFound", "The resource could not be found."))
	})
	return r
}

// ServeHTTP tolerates what Neutron does: a slash at the end, ".json" after it all.
func (r *router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if path := req.URL.EscapedPath(); path != "/" {
		path = strings.TrimRight(path, "/")
		if !strings.Contains(path, "/tags/") {
			path = strings.TrimSuffix(path, ".json")
		}
		u := *req.URL
		if decoded, err := url.PathUnescape(path); err == nil {
			u.Path, u.RawPath = decoded, path
		}
		if u.Path == "" {
			u.Path, u.RawPath = "/", ""
		}
		clone := *req
		clone.URL = &u
		req = &clone
	}
	w.Header().Set("X-Openstack-Request-Id", requestID(req))
	r.mux.ServeHTTP(w, req)
}

// requestID is the client's id of a request if it has one in OpenStack's form.
func requestID(req *http.Request) string {
	id := req.Header.Get("X-Openstack-Request-Id")
	if tail, ok := strings.CutPrefix(id, "req-"); ok && uuid.Validate(tail) == nil {
		return id
	}
	return "req-" + uuid.NewString()
}

func (r *router) serve(verbs map[string]verb) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		method := req.Method
		if method == http.MethodHead {
			method = http.MethodGet // the server leaves the body out
		}
		do := verbs[method]
		if do == nil {
			w.Header().Set("Allow", strings.Join(sortedKeys(verbs), ", "))
			r.fail(w, req, newFault(http.StatusMethodNotAllowed, "HTTPMethodNotAllowed", "The method %s is not allowed for this resource.", shown(req.Method)))
			return
		}
		taken, err := r.take(req)
		if err != nil {
			r.fail(w, req, err)
			return
		}
		answer, err := do(taken)
		if err != nil {
			r.fail(w, req, err)
			return
		}
		send(w, answer)
	})
}

func send(w http.ResponseWriter, answer *reply) {
	if len(answer.body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body) // a client that left is not our failure
}

// take authenticates a request and reads what its verb needs.
func (r *router) take(req *http.Request) (*request, error) {
	who, err := r.service.cfg.Validate(req.Context(), req.Header.Get("X-Auth-Token"))
	if err != nil {
		return nil, err
	}
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return nil, malformed("the query of the address cannot be read")
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, malformed("the body cannot be read")
	case len(body) > maxBody:
		return nil, newFault(http.StatusRequestEntityTooLarge, "HTTPRequestEntityTooLarge", "a body may have at most %d bytes", maxBody)
	}
	return &request{
		who: callerOf(who), query: query, body: body, id: req.PathValue("id"), tag: req.PathValue("tag"),
		path: req.URL.EscapedPath(), base: baseURL(req), ifMatch: req.Header.Get("If-Match"),
	}, nil
}

func baseURL(req *http.Request) string {
	scheme := "http"
	if req.TLS != nil || req.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + req.Host
}

// fail answers an error in Neutron's form. What is no fault is ours: it goes to the log,
// and the client gets the request's id to ask for it by.
func (r *router) fail(w http.ResponseWriter, req *http.Request, err error) {
	var f *fault
	switch code := zun.CodeOf(err); {
	case errors.As(err, &f):
	case code == zun.CodeUnauthorized:
		sendUnauthorized(w)
		return
	case code == zun.CodeUnavailable:
		f = newFault(http.StatusServiceUnavailable, "ServiceUnavailable", "The identity service does not answer.")
	default:
		id := w.Header().Get("X-Openstack-Request-Id")
		r.service.cfg.Log.ErrorContext(req.Context(), "cannot answer a request", "method", req.Method, "path", req.URL.Path, "request_id", id, "error", err)
		f = newFault(http.StatusInternalServerError, "HTTPInternalServerError", "Request Failed: internal server error while processing your request (%s).", id)
	}
	send(w, jsonReply(f.status, map[string]any{
		"NeutronError": map[string]string{"type": f.kind, "message": f.message, "detail": ""},
	}))
}

func sendUnauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Keystone")
	send(w, jsonReply(http.StatusUnauthorized, map[string]any{
		"error": map[string]any{"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."},
	}))
}

func equalFold(texts []string, value string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.EqualFold(text, value) })
}
