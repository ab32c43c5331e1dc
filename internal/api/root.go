package api

import (
	"context"
	"net/http"
)

// apiVersion describes v1 to clients that look for a version to speak.
type apiVersion struct {
	ID         string `json:"id"`
	Links      []link `json:"links"`
	Status     string `json:"status"`
	MaxVersion string `json:"max_version"`
	MinVersion string `json:"min_version"`
}

// showVersions serves GET /.
func (s *server) showVersions(_ context.Context, c *call) (reply, error) {
	v1 := apiVersion{
		ID: "v1", Links: []link{{Href: c.base + "/v1/", Rel: "self"}},
		Status: "CURRENT", MaxVersion: maxVersion, MinVersion: minVersion,
	}
	return reply{status: http.StatusOK, body: struct {
		Name           string       `json:"name"`
		Description    string       `json:"description"`
		Versions       []apiVersion `json:"versions"`
		DefaultVersion apiVersion   `json:"default_version"`
	}{
		"OpenStack Zun API", "Containers on tenants' networks: Zun's API, served by gozun.", []apiVersion{v1}, v1,
	}}, nil
}

// mediaType is one representation that v1 offers.
type mediaType struct {
	Base string `json:"base"`
	Type string `json:"type"`
}

// showV1 serves GET /v1: the resources and where they are.
func (s *server) showV1(_ context.Context, c *call) (reply, error) {
	body := map[string]any{
		"id":          "v1",
		"media_types": []mediaType{{"application/json", "application/vnd.openstack.zun.v1+json"}},
		"links":       []link{{Href: c.base + "/v1/", Rel: "self"}},
	}
	for _, resource := range []string{
		"services", "containers", "images", "networks", "hosts", "capsules",
		"availability_zones", "quotas", "quota_classes", "registries",
	} {
		body[resource] = c.links(resource, "")
	}
	return reply{status: http.StatusOK, body: body}, nil
}

// showHealth serves GET /healthcheck: the process answers.
func (s *server) showHealth(context.Context, *call) (reply, error) {
	return reply{status: http.StatusOK, text: "OK"}, nil
}
