package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/zun"
)

// maxBody is the limit of oslo.middleware, which Keystone uses.
const maxBody = 114688

// call is one request under way.
type call struct {
	request *http.Request
	token   string // X-Auth-Token
	who     holder // zero where the route needs no token
	id      string // of the request
}

// answer is what a handler returns when all went well.
type answer struct {
	status int // 0 is 200
	header map[string]string
	body   any // nil: none
}

var noContent = answer{status: http.StatusNoContent}

// serve makes a handler of a route: who is it, may they, do it, answer.
func (s *Service) serve(row route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{request: r, token: r.Header.Get("X-Auth-Token"), id: "req-" + uuid.NewString()}
		w.Header().Set("X-Openstack-Request-Id", c.id)
		w.Header().Set("Vary", "X-Auth-Token")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		result, err := s.run(c, row)
		if err != nil {
			result = s.failure(c, err)
		}
		s.respond(w, c, result)
	})
}

func (s *Service) run(c *call, row route) (answer, error) {
	if row.may == nil {
		return row.handle(c)
	}
	valid := false
	s.state.read(func() { c.who, valid = s.holder(c.token) })
	if !valid {
		return answer{}, unauthenticated()
	}
	if !row.may(c) {
		return answer{}, forbidden(row.rule)
	}
	return row.handle(c)
}

// unauthenticated has Keystone's sentence: clients and their tests know it.
func unauthenticated() error {
	return zun.Errorf(zun.CodeUnauthorized, "The request you have made requires authentication.")
}

func forbidden(rule string) error {
	return zun.Errorf(zun.CodePolicyNotAuthorized, "you are not allowed to do this (%s)", rule)
}

// failure tells an error in Keystone's form. What is our own fault goes to the log only.
func (s *Service) failure(c *call, err error) answer {
	status, text := zun.CodeOf(err).Status(), err.Error()
	if status >= 500 {
		s.config.Log.Error("request failed", "method", c.request.Method, "path", c.request.URL.Path, "request_id", c.id, "error", err)
		text = "the identity service failed; its log has the reason under " + c.id
	}
	result := answer{status: status, body: errorBody(status, text)}
	if status == http.StatusUnauthorized {
		result.header = map[string]string{"WWW-Authenticate": fmt.Sprintf("Keystone uri=%q", c.base()+"/v3")}
	}
	return result
}

func errorBody(status int, text string) any {
	return object{"error": object{"code": status, "message": text, "title": http.StatusText(status)}}
}

func (s *Service) respond(w http.ResponseWriter, c *call, result answer) {
	for name, value := range result.header {
		w.Header().Set(name, value)
	}
	status := result.status
	if status == 0 {
		status = http.StatusOK
	}
	if result.body == nil {
		w.WriteHeader(status)
		return
	}
	raw, err := json.Marshal(result.body)
	if err != nil {
		s.config.Log.Error("cannot write an answer", "path", c.request.URL.Path, "request_id", c.id, "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(status)
	_, _ = w.Write(raw) // a client that has gone away needs no answer
}

// object is a JSON object in the making.
type object map[string]any

// base returns the URL under which the client reached us.
func (c *call) base() string {
	scheme := "http"
	if c.request.TLS != nil || c.request.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + c.request.Host
}

// self returns the links object of one resource.
func (c *call) self(path ...string) object {
	return object{"self": c.base() + "/v3/" + strings.Join(path, "/")}
}

// list is the answer with a list of everything, in Keystone's envelope.
func (c *call) list(name string, items any) answer {
	links := object{"self": c.base() + c.request.URL.RequestURI(), "next": nil, "previous": nil}
	return answer{body: object{name: items, "links": links}}
}

// stamp writes a time as Keystone does: UTC, six digits.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// decode reads the request's JSON body.
func (c *call) decode(into any) error {
	if kind := c.request.Header.Get("Content-Type"); kind != "" {
		if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
			return zun.Errorf(zun.CodeInvalid, "the body must be application/json, not %s", kind)
		}
	}
	raw, err := io.ReadAll(c.request.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return zun.Errorf(zun.CodeTooLarge, "the body has more than %d bytes", maxBody)
	}
	if err != nil {
		return zun.Errorf(zun.CodeInvalid, "the body ended early")
	}
	return unmarshal(raw, into)
}

func unmarshal(raw []byte, into any) error {
	err := json.Unmarshal(raw, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return zun.Errorf(zun.CodeInvalid, "%s must not be a %s", wrong.Field, wrong.Value)
	case errors.As(err, &wrong):
		return zun.Errorf(zun.CodeInvalid, "the body must not be a %s", wrong.Value)
	}
	return zun.Errorf(zun.CodeInvalid, "the body is not valid JSON: %w", err)
}

// wrapped reads a body of the form {"<name>": {…}} into known, and returns the attributes
// that known does not have, as Keystone keeps them.
func (c *call) wrapped(name string, known any, knownNames ...string) (map[string]json.RawMessage, error) {
	var outer map[string]json.RawMessage
	if err := c.decode(&outer); err != nil {
		return nil, err
	}
	raw, there := outer[name]
	var extra map[string]json.RawMessage
	if !there || json.Unmarshal(raw, &extra) != nil || extra == nil {
		return nil, zun.Errorf(zun.CodeInvalid, "the body must be an object with an object %q in it", name)
	}
	if err := unmarshal(raw, known); err != nil {
		return nil, err
	}
	// As encoding/json matches names: without regard to case. A "Password" that was taken
	// as the password must not be kept as an attribute too.
	knownNames = append(knownNames, "id", "links", "options")
	maps.DeleteFunc(extra, func(name string, _ json.RawMessage) bool {
		return slices.ContainsFunc(knownNames, func(known string) bool { return strings.EqualFold(known, name) })
	})
	return extra, nil
}

// checkName checks a name; limit is in characters, Keystone's for the kind.
func checkName(kind, name string, limit int) error {
	switch {
	case strings.TrimSpace(name) == "":
		return zun.Errorf(zun.CodeInvalid, "the name of a %s must not be empty", kind)
	case len([]rune(name)) > limit:
		return zun.Errorf(zun.CodeInvalid, "the name of a %s must not be longer than %d characters", kind, limit)
	}
	return nil
}

// checkDomain checks the domain of something to be made; nil is the default.
func checkDomain(id *string) error {
	if id != nil && *id != defaultDomainID {
		return zun.Errorf(zun.CodeInvalid, "cannot find domain %s: there is only %q", *id, defaultDomainID)
	}
	return nil
}

// filter reports whether a listed value fits the query parameter, which may be absent.
func (c *call) filter(name, value string) bool {
	values, asked := c.request.URL.Query()[name]
	return !asked || values[0] == value
}

// filterBool is filter for true and false; Keystone takes 0 for false and anything else
// for true.
func (c *call) filterBool(name string, value bool) bool {
	values, asked := c.request.URL.Query()[name]
	if !asked {
		return true
	}
	wanted := strings.ToLower(values[0])
	return (wanted != "0" && wanted != "false") == value
}

// flag reports whether a query parameter is there and not false.
func (c *call) flag(name string) bool {
	return c.request.URL.Query().Has(name) && c.filterBool(name, true)
}

func notFound(kind, id string) error {
	return zun.Errorf(zun.CodeNotFound, "cannot find %s %s", kind, id)
}
