package client

import (
	"encoding/base64"
	"encoding/json"
)

// Mount is a file that is put into a container (Type "bind", see FileMount), or, where the
// service has Cinder, a volume.
type Mount struct {
	Type        string `json:"type,omitempty"` // "bind", or "volume", which "" means too
	Source      string `json:"source"`         // of a volume its name or UUID, of a file its content in Base64: a secret
	Destination string `json:"destination"`
	Size        string `json:"size,omitempty"` // GiB of a volume that is to be made; then Source is ""
}

// FileMount returns the mount that puts a file with this content at a destination.
func FileMount(destination string, content []byte) Mount {
	return Mount{Type: "bind", Source: base64.StdEncoding.EncodeToString(content), Destination: destination}
}

// MarshalJSON leaves out the source of a volume that is to be made. An empty file has one.
func (m Mount) MarshalJSON() ([]byte, error) {
	type plain Mount
	if m.Size == "" {
		return json.Marshal(plain(m))
	}
	return json.Marshal(struct {
		plain
		Source string `json:"source,omitempty"`
	}{plain(m), m.Source})
}

// HealthcheckCreate says how the service is to find out whether a container does its work.
// Zero fields are the image's, or else Docker's.
type HealthcheckCreate struct {
	Cmd      string `json:"cmd,omitempty"`      // a line for the container's shell
	Interval int    `json:"interval,omitempty"` // seconds
	Timeout  int    `json:"timeout,omitempty"`  // seconds
	Retries  int    `json:"retries,omitempty"`
}

// Healthcheck is a health check as the API shows it.
type Healthcheck struct {
	Test     string `json:"test,omitempty"`
	Interval int    `json:"interval,omitempty"` // seconds
	Timeout  int    `json:"timeout,omitempty"`  // seconds
	Retries  int    `json:"retries,omitempty"`
}
