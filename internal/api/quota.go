package api

import (
	"context"
	"math"
	"net/http"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// quotaView is the JSON of a quota, also of a class.
type quotaView struct {
	Containers int64 `json:"containers"`
	Memory     int64 `json:"memory"` // MiB
	Disk       int64 `json:"disk"`   // GiB
	CPU        int64 `json:"cpu"`
}

// viewQuota makes the JSON of a quota.
func viewQuota(q zun.Quota) quotaView { return quotaView{q.Containers, q.MemoryMiB, q.DiskGiB, q.CPU} }

// limitView is one limit beside what is used. python-zunclient prints the values in their
// order, so limit is the first.
type limitView struct {
	Limit int64 `json:"limit"`
	InUse any   `json:"in_use"`
}

// usageView is the JSON of a quota with what is used. Zun adds up everything but the
// number of containers as floats.
type usageView struct {
	Containers limitView `json:"containers"`
	Memory     limitView `json:"memory"`
	Disk       limitView `json:"disk"`
	CPU        limitView `json:"cpu"`
}

// viewUsage makes the JSON of a quota with what is used.
func viewUsage(q zun.QuotaDetail) usageView {
	return usageView{
		Containers: limitView{q.Containers, q.Usage.Containers},
		Memory:     limitView{q.MemoryMiB, pythonFloat(q.Usage.MemoryMiB)},
		Disk:       limitView{q.DiskGiB, pythonFloat(q.Usage.DiskGiB)},
		CPU:        limitView{q.CPU, pythonFloat(q.Usage.CPU)},
	}
}

// ofProject asks the route's rule again, now for the project in the path, and returns it
// with the proof.
func (s *server) ofProject(c *call) (projectID string, g policy.Grant, err error) {
	projectID = c.ident()
	g, err = s.Policy.Authorize(c.identity, c.grant.Rule(), policy.Target{"project_id": projectID})
	if err == nil && len(projectID) > 255 {
		err = zun.Errorf(zun.CodeInvalid, "cannot use project %s: its id is longer than 255 characters", shorten(projectID))
	}
	return projectID, g, err
}

// showQuota serves GET /v1/quotas/{project_id}. Any text in usages means yes, as in Zun,
// and parameters that it does not know are let pass.
func (s *server) showQuota(ctx context.Context, c *call) (reply, error) {
	project, g, err := s.ofProject(c)
	if err != nil {
		return reply{}, err
	}
	quota, err := s.Control.Quota(ctx, g, project)
	if err != nil {
		return reply{}, err
	}
	if usages := c.query["usages"]; usages != nil && usages != "" {
		return reply{status: http.StatusOK, body: viewUsage(quota)}, nil
	}
	return reply{status: http.StatusOK, body: viewQuota(quota.Quota)}, nil
}

// showDefaultQuota serves GET /v1/quotas/{project_id}/defaults.
func (s *server) showDefaultQuota(ctx context.Context, c *call) (reply, error) {
	_, g, err := s.ofProject(c)
	if err == nil {
		err = c.params().done()
	}
	if err != nil {
		return reply{}, err
	}
	quota, err := s.Control.DefaultQuota(ctx, g)
	return reply{status: http.StatusOK, body: viewQuota(quota)}, err
}

// updateQuota serves PUT /v1/quotas/{project_id}.
func (s *server) updateQuota(ctx context.Context, c *call) (reply, error) {
	project, g, err := s.ofProject(c)
	if err != nil {
		return reply{}, err
	}
	limits, err := quotaLimits(c)
	if err != nil {
		return reply{}, err
	}
	quota, err := s.Control.SetQuota(ctx, g, project, limits)
	return reply{status: http.StatusOK, body: viewQuota(quota)}, err
}

// deleteQuota serves DELETE /v1/quotas/{project_id}.
func (s *server) deleteQuota(ctx context.Context, c *call) (reply, error) {
	project, g, err := s.ofProject(c)
	if err == nil {
		err = c.params().done()
	}
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Control.DeleteQuota(ctx, g, project)
}

// quotaLimits reads the limits to be set, each a number or its digits, from the query or,
// which wins, from the body. Both are looked at, and only limits are taken.
func quotaLimits(c *call) (zun.QuotaLimits, error) {
	var limits zun.QuotaLimits
	for _, place := range []map[string]any{c.query, c.body} {
		p := &params{query: place}
		for _, l := range []struct {
			name  string
			field **int64
		}{{"containers", &limits.Containers}, {"memory", &limits.MemoryMiB}, {"disk", &limits.DiskGiB}, {"cpu", &limits.CPU}} {
			if limit := p.limit(l.name); limit != nil {
				*l.field = limit
			}
		}
		if err := p.done(); err != nil {
			return zun.QuotaLimits{}, c.needBody(err)
		}
	}
	return limits, nil
}

// limit reads one limit, nil if it is absent.
func (p *params) limit(name string) *int64 {
	value, given := p.raw(name)
	if !given {
		return nil
	}
	limit, err := wholeNumber(value)
	if _, isBool := value.(bool); err != nil || isBool || limit < zun.Unlimited || limit > math.MaxInt32 {
		p.fail(name, value, "it must be a number from -1, which is unlimited, to 2147483647")
	}
	return &limit
}
