package api

import (
	"context"
	"net/http"
	"regexp"

	"github.com/gozun/gozun/zun"
)

// serviceView is the JSON of a service.
type serviceView struct {
	ID               int64   `json:"id"`
	Host             string  `json:"host"`
	Binary           string  `json:"binary"`
	State            string  `json:"state"` // up or down
	Disabled         bool    `json:"disabled"`
	DisabledReason   *string `json:"disabled_reason"`
	ForcedDown       bool    `json:"forced_down"`
	LastSeenUp       *string `json:"last_seen_up"`
	ReportCount      int64   `json:"report_count"`
	AvailabilityZone string  `json:"availability_zone"`
	CreatedAt        *string `json:"created_at"`
	UpdatedAt        *string `json:"updated_at"`
}

// viewService makes the JSON of a service.
func viewService(s zun.ServiceDetail) serviceView {
	state := "down"
	if s.Up {
		state = "up"
	}
	return serviceView{
		ID: s.ID, Host: s.Host, Binary: s.Binary, State: state, Disabled: s.Disabled, DisabledReason: optional(s.DisabledReason),
		ForcedDown: s.ForcedDown, LastSeenUp: isoTime(s.LastSeen), ReportCount: s.ReportCount, AvailabilityZone: s.AvailabilityZone,
		CreatedAt: isoTime(s.CreatedAt), UpdatedAt: isoTime(s.UpdatedAt),
	}
}

// listServices serves GET /v1/services, which in Zun has no pages and takes any parameter.
func (s *server) listServices(ctx context.Context, c *call) (reply, error) {
	services, err := s.Control.ListServices(ctx, c.grant)
	if err != nil {
		return reply{}, err
	}
	views := make([]serviceView, len(services))
	for i, service := range services {
		views[i] = viewService(service)
	}
	return reply{status: http.StatusOK, body: map[string][]serviceView{"services": views}}, nil
}

// switchedView is what PUT /v1/services/enable and disable answer.
type switchedView struct {
	Host           string  `json:"host"`
	Binary         string  `json:"binary"`
	Disabled       bool    `json:"disabled"`
	DisabledReason *string `json:"disabled_reason"`
}

// enableService serves PUT /v1/services/enable.
func (s *server) enableService(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	host, binary := p.service()
	return s.switchService(ctx, c, p, host, binary, false, "")
}

// disableService serves PUT /v1/services/disable.
func (s *server) disableService(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	host, binary := p.service()
	reason := p.text("disabled_reason")
	if value, given := p.raw("disabled_reason"); given && value != nil && (reason == "" || len(reason) > 255) {
		p.fail("disabled_reason", value, "it must have 1 to 255 characters")
	}
	return s.switchService(ctx, c, p, host, binary, true, reason)
}

// switchService makes a service get new containers, or not.
func (s *server) switchService(ctx context.Context, c *call, p *params, host, binary string, disabled bool, reason string) (reply, error) {
	if err := p.done(); err != nil {
		return reply{}, err
	}
	service, err := s.Control.ChangeService(ctx, c.grant, host, binary, zun.ServiceChange{Disabled: &disabled, DisabledReason: reason})
	if err != nil {
		return reply{}, err
	}
	view := switchedView{service.Host, service.Binary, service.Disabled, optional(service.DisabledReason)}
	return reply{status: http.StatusOK, body: map[string]switchedView{"service": view}}, nil
}

// forcedView is what PUT /v1/services/force_down answers.
type forcedView struct {
	Host       string `json:"host"`
	Binary     string `json:"binary"`
	ForcedDown bool   `json:"forced_down"`
}

// forceDownService serves PUT /v1/services/force_down.
func (s *server) forceDownService(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	host, binary := p.service()
	if value, given := p.raw("forced_down"); !given || value == nil || value == "" {
		p.fail("forced_down", value, "it must be true or false")
	}
	down := p.flag("forced_down", false)
	if err := p.done(); err != nil {
		return reply{}, err
	}
	service, err := s.Control.ChangeService(ctx, c.grant, host, binary, zun.ServiceChange{ForcedDown: &down})
	if err != nil {
		return reply{}, err
	}
	view := forcedView{service.Host, service.Binary, service.ForcedDown}
	return reply{status: http.StatusOK, body: map[string]forcedView{"service": view}}, nil
}

// deleteService serves DELETE /v1/services, where host and binary are parameters or two
// more words of the path.
func (s *server) deleteService(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	var host, binary string
	if len(c.idents) == 2 {
		host, binary = c.idents[0], c.idents[1]
	} else {
		host, binary = p.service()
	}
	if err := p.done(); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Control.DeleteService(ctx, c.grant, host, binary)
}

// hostForm is how Zun lets hosts be called.
var hostForm = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,255}$`)

// service reads which service is meant; both words are needed.
func (p *params) service() (host, binary string) {
	host, binary = p.required("host"), p.required("binary")
	if host != "" && !hostForm.MatchString(host) {
		p.fail("host", host, "it must have 1 to 255 letters, digits, '.', '_' or '-'")
	}
	if len(binary) > 255 {
		p.fail("binary", binary, "it must have 1 to 255 characters")
	}
	return host, binary
}
