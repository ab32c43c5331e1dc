package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gozun/gozun/zun"
)

// AnswerError is what the service said when it refused: the cause (errors.As) inside every
// *zun.Error that came over the wire.
type AnswerError struct {
	Method    string
	URL       string
	Status    int    // HTTP
	RequestID string // "req-<uuid>"; "" when the service gave none
	Detail    string // what the service said beyond the message
}

// Error describes the exchange.
func (a *AnswerError) Error() string {
	return fmt.Sprintf("%s %s answered %d", a.Method, a.URL, a.Status)
}

// UnreachableError is the cause inside a *zun.Error when the service gave no answer at all.
type UnreachableError struct {
	URL string
	Err error
}

// Error names the service and the cause.
func (u *UnreachableError) Error() string { return fmt.Sprintf("%s: %v", u.URL, u.Err) }

// Unwrap returns the transport's error.
func (u *UnreachableError) Unwrap() error { return u.Err }

// RequestID returns the id under which the service logged the request that failed, or "".
func RequestID(err error) string {
	var answer *AnswerError
	if errors.As(err, &answer) {
		return answer.RequestID
	}
	return ""
}

// errorBody covers the three shapes met: Zun's own, keystonemiddleware's 401, and the
// one with a bare message.
type errorBody struct {
	Errors []struct {
		Code   string `json:"code"`
		Title  string `json:"title"`
		Detail string `json:"detail"`
	} `json:"errors"`
	Error struct {
		Title   string `json:"title"`
		Message string `json:"message"`
	} `json:"error"`
	Message string `json:"message"`
}

// refusal makes the error of an answer with a status from 400.
func refusal(response *http.Response, body []byte) error {
	answer := &AnswerError{
		Method: response.Request.Method, URL: response.Request.URL.String(), Status: response.StatusCode,
		RequestID: response.Header.Get("X-Openstack-Request-Id"),
	}
	var read errorBody
	_ = json.Unmarshal(body, &read) // what is not JSON leaves everything empty
	code, message := zun.CodeOfStatus(response.StatusCode), read.Error.Message
	if message == "" {
		message = read.Message
	}
	if len(read.Errors) > 0 {
		first := read.Errors[0]
		if known, ok := zun.KnownCode(strings.TrimPrefix(first.Code, "container.")); ok {
			code = known
		}
		message, answer.Detail = first.Title, first.Detail
	}
	if message == "" {
		message = fmt.Sprintf("the service answered %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	}
	if response.StatusCode >= 500 && answer.Detail != "" && answer.Detail != message {
		message += ": " + answer.Detail
	}
	return &zun.Error{Code: code, Message: message, Err: answer}
}
