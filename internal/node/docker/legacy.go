package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// versionEndpointMAC is the minor API version from which engines take MAC addresses with
// the endpoint, and refuse a second network of the same name.
const versionEndpointMAC = 44

// atLeast reports whether an API version, "1.41", is of this minor version or a later one.
// What is no version is taken for a later one.
func atLeast(version string, minor int) bool {
	is, err := strconv.Atoi(strings.TrimPrefix(version, "1."))
	return err != nil || is >= minor
}

type macKey struct{}

// withMAC asks that a container made under ctx have the MAC address on its primary network.
func withMAC(ctx context.Context, mac string) context.Context {
	return context.WithValue(ctx, macKey{}, mac)
}

// legacyTransport adds to requests for engines before API 1.44 (Docker 25) two fields that
// the client's types no longer have and those engines need: the MAC address of a container,
// which they take from its configuration instead of from the endpoint, and CheckDuplicate,
// without which they make a second network of the same name.
type legacyTransport struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t legacyTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	fields := legacyFields(request)
	if len(fields) == 0 {
		return t.base.RoundTrip(request)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, fmt.Errorf("cannot read the request to Docker: %w", err)
	}
	if err := request.Body.Close(); err != nil {
		return nil, fmt.Errorf("cannot close the request to Docker: %w", err)
	}
	if body, err = addFields(body, fields); err != nil {
		return nil, err
	}
	again := request.Clone(request.Context())
	again.Body, again.ContentLength, again.GetBody = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	return t.base.RoundTrip(again)
}

// legacyFields returns what a request lacks for the API version in its path.
func legacyFields(request *http.Request) map[string]any {
	version, rest, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/v"), "/")
	if request.Method != http.MethodPost || !strings.HasPrefix(version, "1.") || atLeast(version, versionEndpointMAC) {
		return nil
	}
	switch path.Clean(rest) {
	case "networks/create":
		return map[string]any{"CheckDuplicate": true}
	case "containers/create":
		if mac, _ := request.Context().Value(macKey{}).(string); mac != "" {
			return map[string]any{"MacAddress": mac}
		}
	}
	return nil
}

// addFields adds fields to a JSON object.
func addFields(body []byte, fields map[string]any) ([]byte, error) {
	object := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, fmt.Errorf("cannot read the request to Docker: %w", err)
	}
	for name, value := range fields {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("cannot write field %s of the request to Docker: %w", name, err)
		}
		object[name] = raw
	}
	return json.Marshal(object)
}
