package api

import (
	"context"
	"net/http"

	"github.com/gozun/gozun/zun"
)

// className is the quota class in the path.
func className(c *call) (string, error) {
	if name := c.ident(); len(name) <= 255 {
		return name, nil
	}
	return "", zun.Errorf(zun.CodeInvalid, "cannot use quota class %s: its name is longer than 255 characters", shorten(c.ident()))
}

// showQuotaClass serves GET /v1/quota_classes/{name}. A class that nobody has set has the
// limits of the configuration.
func (s *server) showQuotaClass(ctx context.Context, c *call) (reply, error) {
	class, err := className(c)
	if err == nil {
		err = c.params().done()
	}
	if err != nil {
		return reply{}, err
	}
	quota, err := s.Control.QuotaClass(ctx, c.grant, class)
	return reply{status: http.StatusOK, body: viewQuota(quota)}, err
}

// updateQuotaClass serves PUT /v1/quota_classes/{name}.
func (s *server) updateQuotaClass(ctx context.Context, c *call) (reply, error) {
	class, err := className(c)
	if err != nil {
		return reply{}, err
	}
	limits, err := quotaLimits(c)
	if err != nil {
		return reply{}, err
	}
	quota, err := s.Control.SetQuotaClass(ctx, c.grant, class, limits)
	return reply{status: http.StatusOK, body: viewQuota(quota)}, err
}
