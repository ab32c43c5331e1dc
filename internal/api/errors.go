package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gozun/gozun/zun"
)

// errorBody is the body of every error but 401 (Zun: zun/api/middleware/parsable_error.py).
type errorBody struct {
	Errors []errorItem `json:"errors"`
}

// errorItem tells one error. Zun leaves the request id empty; it is in the header.
type errorItem struct {
	RequestID  string `json:"request_id"`
	Code       string `json:"code"`
	Status     int    `json:"status"`
	Title      string `json:"title"`
	Detail     string `json:"detail"`
	Links      []link `json:"links"`
	MaxVersion string `json:"max_version,omitempty"`
	MinVersion string `json:"min_version,omitempty"`
}

// codePrefix stands before every code; alone it is the code of the router's errors.
const codePrefix = "container."

// failure turns an error into an answer. A cause that is not for the user is logged here
// and nowhere else.
func (s *server) failure(ctx context.Context, err error) reply {
	var version unsupportedVersionError
	var accept notAcceptableError
	var method methodNotAllowedError
	switch {
	case errors.As(err, &version):
		return versionFailure(version)
	case errors.As(err, &accept):
		return errorReply(errorItem{Status: http.StatusNotAcceptable, Title: "Not Acceptable", Detail: accept.detail})
	case errors.As(err, &method):
		rep := errorReply(errorItem{Status: http.StatusMethodNotAllowed, Title: "Method Not Allowed", Detail: err.Error()})
		rep.header = map[string]string{"Allow": method.allow}
		return rep
	case errors.As(err, &routeNotFoundError{}):
		return errorReply(errorItem{Status: http.StatusNotFound, Title: "Not Found", Detail: err.Error()})
	}
	return s.serviceFailure(ctx, err)
}

// serviceFailure answers with an error of the service.
func (s *server) serviceFailure(ctx context.Context, err error) reply {
	var e *zun.Error
	if !errors.As(err, &e) || e.Code.Status() == http.StatusInternalServerError {
		return s.internalFailure(ctx, err)
	}
	if e.Code == zun.CodeUnavailable && e.Err != nil {
		s.Log.WarnContext(ctx, "something that the API needs does not answer",
			"request_id", zun.RequestID(ctx), "error", e.Message, "cause", e.Err)
	}
	text := bounded(e.Message)
	return errorReply(errorItem{Code: codePrefix + string(e.Code), Status: e.Code.Status(), Title: text, Detail: text})
}

// longestError is how many bytes of an error's text are told; it may hold a name or a value
// that a user sent, of any length.
const longestError = 4096

// bounded cuts a text that is longer than an error may be.
func bounded(text string) string {
	if len(text) <= longestError {
		return text
	}
	return strings.ToValidUTF8(text[:longestError], "") + "…"
}

// internalFailure answers with a correlation id, under which the cause is in the log.
func (s *server) internalFailure(ctx context.Context, err error) reply {
	id := s.NewID()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		s.Log.InfoContext(ctx, "the caller hung up", "request_id", zun.RequestID(ctx), "correlation_id", id)
	} else {
		s.Log.ErrorContext(ctx, "the request could not be handled",
			"request_id", zun.RequestID(ctx), "correlation_id", id, "error", err)
	}
	return errorReply(errorItem{
		Status: http.StatusInternalServerError,
		Title:  http.StatusText(http.StatusInternalServerError),
		Detail: "Your request could not be handled because of a problem in the server. Error Correlation id is: " + id,
	})
}

// versionFailure answers to a microversion that is not served (OpenStack's API guideline
// on microversion discovery).
func versionFailure(err unsupportedVersionError) reply {
	return errorReply(errorItem{
		Code: "zun.microversion-unsupported", Status: http.StatusNotAcceptable,
		Title: "Requested microversion is unsupported", Detail: err.Error(),
		Links:      []link{{Rel: "help", Href: "https://docs.openstack.org/api-guide/compute/microversions.html"}},
		MaxVersion: maxVersion, MinVersion: minVersion,
	})
}

// errorReply makes the answer of one error.
func errorReply(item errorItem) reply {
	if item.Code == "" {
		item.Code = codePrefix
	}
	if item.Links == nil {
		item.Links = []link{}
	}
	return reply{status: item.Status, body: errorBody{Errors: []errorItem{item}}}
}

// unauthorized is what Keystone's middleware answers; clients know this body, too.
func (s *server) unauthorized() reply {
	type problem struct {
		Code    int    `json:"code"`
		Title   string `json:"title"`
		Message string `json:"message"`
	}
	return reply{
		status: http.StatusUnauthorized,
		body: map[string]problem{"error": {
			Code: http.StatusUnauthorized, Title: "Unauthorized",
			Message: "The request you have made requires authentication.",
		}},
		header: map[string]string{"WWW-Authenticate": `Keystone uri="` + s.AuthenticateURI + `"`},
	}
}
