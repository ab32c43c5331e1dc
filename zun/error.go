package zun

import (
	"errors"
	"fmt"
)

// Code names a class of failure. It is the part of an error that programs act on, and,
// with "container." before it, the "code" of an error body of the REST API, whose
// spellings are those of Zun (zun/common/exception.py: the class name in kebab case).
type Code string

// The codes, with the HTTP status that each has on the wire.
const (
	// CodeInvalid: the request itself is wrong (400).
	CodeInvalid Code = "invalid"
	// CodeSchemaValidation: the body or query does not fit the schema (400).
	CodeSchemaValidation Code = "schema-validation-error"
	// CodeInvalidParamInVersion: a parameter is too new for the microversion (400).
	CodeInvalidParamInVersion Code = "invalid-param-in-version"
	// CodeImageNotFound: no such image (400, as in Zun).
	CodeImageNotFound Code = "image-not-found"
	// CodePortNotUsable: the port belongs to another project or is not free (400).
	CodePortNotUsable Code = "port-not-usable"
	// CodePortInUse: the port already serves another device (400).
	CodePortInUse Code = "port-in-use"
	// CodePortBindingFailed: Neutron could not bind the port to the host (400).
	CodePortBindingFailed Code = "port-binding-failed"
	// CodeNoInteractiveFlag: the container was not made to be attached to (400).
	CodeNoInteractiveFlag Code = "no-interactive-flag"
	// CodeUnauthorized: no token, or not a valid one (401).
	CodeUnauthorized Code = "unauthorized"
	// CodePolicyNotAuthorized: the policy forbids it (403).
	CodePolicyNotAuthorized Code = "policy-not-authorized"
	// CodeExternalNetwork: attaching to an external network is not allowed (403).
	CodeExternalNetwork Code = "external-network-attach-forbidden"
	// CodeOverQuota: the project's quota is used up (403).
	CodeOverQuota Code = "over-quota"
	// CodeNotFound: something without a code of its own is not there (404).
	CodeNotFound Code = "not-found"
	// CodeContainerNotFound: no such container in the caller's sight (404).
	CodeContainerNotFound Code = "container-not-found"
	// CodeNetworkNotFound: no such network in the caller's sight (404).
	CodeNetworkNotFound Code = "network-not-found"
	// CodePortNotFound: no such port in the caller's sight (404).
	CodePortNotFound Code = "port-not-found"
	// CodeHostNotFound: no such host (404).
	CodeHostNotFound Code = "compute-node-not-found"
	// CodeRequestedHostNotFound: the host that a container is to be on is not there (404).
	CodeRequestedHostNotFound Code = "requested-host-not-found"
	// CodeServiceNotFound: no such service on that host (404).
	CodeServiceNotFound Code = "zun-service-not-found"
	// CodeRegistryNotFound: no such registry in the caller's sight (404).
	CodeRegistryNotFound Code = "registry-not-found"
	// CodeResourceNotFound: no such action (404).
	CodeResourceNotFound Code = "resource-not-found"
	// CodeNotAcceptable: the microversion cannot be served (406).
	CodeNotAcceptable Code = "not-acceptable"
	// CodeMicroversionUnsupported: the microversion is out of range (406).
	CodeMicroversionUnsupported Code = "microversion-unsupported"
	// CodeConflict: it clashes with what is there (409).
	CodeConflict Code = "conflict"
	// CodeInvalidState: the container's state does not allow the action (409).
	CodeInvalidState Code = "invalid-state-exception"
	// CodeContainerExists: a container has this name, where names are unique (409).
	CodeContainerExists Code = "container-already-exists"
	// CodeNetworkExists: the project has a network of this name (409).
	CodeNetworkExists Code = "network-already-exists"
	// CodeNetworkInUse: containers are still attached (409).
	CodeNetworkInUse Code = "network-in-use"
	// CodeImageExists: the host has, or is getting, this image already (409).
	CodeImageExists Code = "image-already-exists"
	// CodeTooLarge: the request body is over the limit (413).
	CodeTooLarge Code = "request-too-large"
	// CodeMediaType: the request is not JSON (415).
	CodeMediaType Code = "unsupported-media-type"
	// CodeInternal: our fault; the message never leaves the process (500).
	CodeInternal Code = "internal"
	// CodeNotImplemented: known, but not in this release (501).
	CodeNotImplemented Code = "not-implemented"
	// CodeUnavailable: Docker, Neutron, Keystone or a host does not answer (503).
	// Its Message is written for users and is shown; its cause is not.
	CodeUnavailable Code = "service-unavailable"
)

// statuses maps every code to its HTTP status. For the way back the first code listed
// in codesByStatus stands for a status.
var statuses = map[Code]int{
	CodeInvalid: 400, CodeSchemaValidation: 400, CodeInvalidParamInVersion: 400,
	CodeImageNotFound: 400, CodePortNotUsable: 400, CodePortInUse: 400, CodePortBindingFailed: 400,
	CodeNoInteractiveFlag:   400,
	CodeUnauthorized:        401,
	CodePolicyNotAuthorized: 403, CodeExternalNetwork: 403, CodeOverQuota: 403,
	CodeNotFound: 404, CodeContainerNotFound: 404, CodeNetworkNotFound: 404, CodePortNotFound: 404,
	CodeRegistryNotFound: 404,
	CodeResourceNotFound: 404, CodeHostNotFound: 404, CodeRequestedHostNotFound: 404, CodeServiceNotFound: 404,
	CodeNotAcceptable: 406, CodeMicroversionUnsupported: 406,
	CodeConflict: 409, CodeInvalidState: 409, CodeNetworkExists: 409, CodeNetworkInUse: 409,
	CodeImageExists: 409, CodeContainerExists: 409,
	CodeTooLarge: 413, CodeMediaType: 415,
	CodeInternal: 500, CodeNotImplemented: 501, CodeUnavailable: 503,
}

// codesByStatus names the code that a bare HTTP status stands for.
var codesByStatus = map[int]Code{
	400: CodeInvalid, 401: CodeUnauthorized, 403: CodePolicyNotAuthorized, 404: CodeNotFound,
	406: CodeNotAcceptable, 409: CodeConflict, 413: CodeTooLarge, 415: CodeMediaType,
	500: CodeInternal, 501: CodeNotImplemented, 503: CodeUnavailable,
}

// Status returns the HTTP status of the code; an unknown code is 500.
func (c Code) Status() int {
	if status, ok := statuses[c]; ok {
		return status
	}
	return 500
}

// CodeOfStatus returns the code that stands for an HTTP status, for a client that was
// told nothing more precise.
func CodeOfStatus(status int) Code {
	if code, ok := codesByStatus[status]; ok {
		return code
	}
	if status >= 400 && status < 500 {
		return CodeInvalid
	}
	return CodeInternal
}

// KnownCode reports whether s is the spelling of one of the codes.
func KnownCode(s string) (Code, bool) {
	_, ok := statuses[Code(s)]
	return Code(s), ok
}

// Error is the only error type that crosses a room's border with a meaning. Message is
// for the user: lower case, "cannot <verb> <thing with its id>: cause", and what to do
// when that is not obvious. Err, if any, is for the log.
type Error struct {
	Code    Code
	Message string
	Err     error
}

// Error returns the message, which is complete without the cause.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause, if the maker of the error kept one.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error. With %w the wrapped error is kept as the cause as well as being
// part of the message; use Wrap to keep a cause out of the message.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Wrap makes an Error whose message does not contain its cause.
func Wrap(code Code, cause error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: cause}
}

// CodeOf returns the code of the outermost Error in err's chain: CodeInternal when there
// is none, and the empty code for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// IsNotFound reports whether err says, with any of the 404 codes, that a thing is gone.
func IsNotFound(err error) bool { return err != nil && CodeOf(err).Status() == 404 }
