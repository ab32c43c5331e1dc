package neutron

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/gozun/gozun/zun"
)

// refused says that a call was not even made, for want of a login.
func refused(doing string, err error) error {
	return zun.Wrap(zun.CodeOf(err), err, "%s: %v", doing, err)
}

// explain turns gophercloud's error into ours.
func explain(doing, kind, base string, err error) error {
	var answer gophercloud.ErrUnexpectedResponseCode
	if errors.As(err, &answer) {
		reason, words := neutronError(answer.Body)
		code := codeOf(answer.Actual, kind, reason)
		if code == zun.CodeUnavailable {
			// What Neutron says of its own failures is for its operators.
			return zun.Wrap(code, err, "%s: Neutron at %s fails (%d); try again later", doing, base, answer.Actual)
		}
		if words == "" {
			words = "Neutron answers " + http.StatusText(answer.Actual)
		}
		return zun.Wrap(code, err, "%s: %s", doing, words)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return zun.Wrap(zun.CodeUnavailable, err, "%s: no answer from Neutron at %s in time", doing, base)
	}
	return zun.Wrap(zun.CodeUnavailable, err, "%s: cannot reach Neutron at %s", doing, base)
}

// neutronError reads the type and the message of an error body. Neutron has
// {"NeutronError": {"type", "message", "detail"}}, the middleware before it
// {"error": {"message"}} and others.
func neutronError(body []byte) (kind, words string) {
	type said struct{ Type, Message string }
	var wrapped map[string]json.RawMessage
	if json.Unmarshal(body, &wrapped) != nil {
		return "", ""
	}
	for _, key := range []string{"NeutronError", "error"} {
		var s said
		if json.Unmarshal(wrapped[key], &s) == nil && s.Message != "" {
			return s.Type, strings.TrimSpace(s.Message)
		}
		var text string
		if json.Unmarshal(wrapped[key], &text) == nil && text != "" {
			return "", text
		}
	}
	return "", ""
}

// codeOf chooses the code. Neutron's error type is more precise than the resource asked
// for: a port's creation fails with NetworkNotFound.
func codeOf(status int, kind, reason string) zun.Code {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return zun.CodeInvalid
	case http.StatusUnauthorized:
		return zun.CodeUnauthorized
	case http.StatusForbidden:
		return zun.CodePolicyNotAuthorized
	case http.StatusNotFound:
		return notFound(kind, reason)
	case http.StatusConflict, http.StatusPreconditionFailed:
		if reason == "OverQuota" {
			return zun.CodeOverQuota
		}
		return zun.CodeConflict
	case http.StatusInternalServerError:
		// A pool that cannot give what was asked for is a 500 of Neutron's, though it is the user's to mend.
		if reason == "SubnetAllocationError" {
			return zun.CodeConflict
		}
	}
	return zun.CodeUnavailable
}

func notFound(kind, reason string) zun.Code {
	switch {
	case reason == "NetworkNotFound" || reason == "" && kind == kindNetworks:
		return zun.CodeNetworkNotFound
	case reason == "PortNotFound" || reason == "" && kind == kindPorts:
		return zun.CodePortNotFound
	}
	return zun.CodeNotFound
}

// goneIsFine turns a 404 into success, for deletions.
func goneIsFine(err error) error {
	if zun.IsNotFound(err) {
		return nil
	}
	return err
}
