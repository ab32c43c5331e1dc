package client

import (
	"context"
	"net/url"
)

// Quota says how much a project may have; -1 is unlimited.
type Quota struct {
	Containers int64 `json:"containers"`
	Memory     int64 `json:"memory"` // MiB
	CPU        int64 `json:"cpu"`    // cores
	Disk       int64 `json:"disk"`   // GiB
}

// QuotaUsage says how much a project may have and has.
type QuotaUsage struct {
	Containers LimitUsage `json:"containers"`
	Memory     LimitUsage `json:"memory"` // MiB
	CPU        LimitUsage `json:"cpu"`    // cores
	Disk       LimitUsage `json:"disk"`   // GiB
}

// LimitUsage is one limit, and how much of it is used.
type LimitUsage struct {
	Limit int64   `json:"limit"` // -1: unlimited
	InUse float64 `json:"in_use"`
}

// QuotaUpdate is the limits that are to be set; nil leaves one as it is.
type QuotaUpdate struct {
	Containers *int64 `json:"containers,omitempty"`
	Memory     *int64 `json:"memory,omitempty"` // MiB
	CPU        *int64 `json:"cpu,omitempty"`    // cores
	Disk       *int64 `json:"disk,omitempty"`   // GiB
}

// GetQuota returns how much a project may have. Projects other than one's own are for
// administrators.
func (c *Client) GetQuota(ctx context.Context, projectID string) (Quota, error) {
	var got Quota
	_, err := c.call(ctx, request{method: "GET", path: quotaPath(projectID)}, &got)
	return got, err
}

// GetQuotaUsage is GetQuota with how much the project has.
func (c *Client) GetQuotaUsage(ctx context.Context, projectID string) (QuotaUsage, error) {
	var got QuotaUsage
	_, err := c.call(ctx, request{method: "GET", path: quotaPath(projectID), query: url.Values{"usages": {"true"}}}, &got)
	return got, err
}

// GetDefaultQuota returns how much a project may have for which nothing was set.
func (c *Client) GetDefaultQuota(ctx context.Context, projectID string) (Quota, error) {
	var got Quota
	_, err := c.call(ctx, request{method: "GET", path: quotaPath(projectID) + "/defaults"}, &got)
	return got, err
}

// UpdateQuota sets limits of a project and returns all of them. It is for administrators.
func (c *Client) UpdateQuota(ctx context.Context, projectID string, update QuotaUpdate) (Quota, error) {
	var got Quota
	_, err := c.call(ctx, request{method: "PUT", path: quotaPath(projectID), body: update}, &got)
	return got, err
}

// DeleteQuota gives a project the default limits again. It is for administrators.
func (c *Client) DeleteQuota(ctx context.Context, projectID string) error {
	_, err := c.call(ctx, request{method: "DELETE", path: quotaPath(projectID)}, nil)
	return err
}

func quotaPath(projectID string) string { return "/quotas/" + url.PathEscape(projectID) }
