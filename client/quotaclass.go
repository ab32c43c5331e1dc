package client

import (
	"context"
	"net/url"
)

// GetQuotaClass returns the limits of a class of projects; the one that counts is
// "default" (zun.DefaultQuotaClass), for projects without limits of their own. Calls about
// classes are for administrators.
func (c *Client) GetQuotaClass(ctx context.Context, class string) (Quota, error) {
	var got Quota
	_, err := c.call(ctx, request{method: "GET", path: classPath(class)}, &got)
	return got, err
}

// UpdateQuotaClass sets limits of a class and returns all of them.
func (c *Client) UpdateQuotaClass(ctx context.Context, class string, update QuotaUpdate) (Quota, error) {
	var got Quota
	_, err := c.call(ctx, request{method: "PUT", path: classPath(class), body: update}, &got)
	return got, err
}

func classPath(class string) string { return "/quota_classes/" + url.PathEscape(class) }
