package client

import (
	"context"
	"net/url"
)

// Host is a machine that runs containers. What is used is what the containers on it may
// use together.
type Host struct {
	UUID               string            `json:"uuid"`
	Hostname           string            `json:"hostname"`
	CPUs               int               `json:"cpus"`
	CPUUsed            float64           `json:"cpu_used"`
	MemTotal           int64             `json:"mem_total"` // MiB
	MemUsed            int64             `json:"mem_used"`
	DiskTotal          int64             `json:"disk_total"` // GiB
	DiskUsed           int64             `json:"disk_used"`
	DiskQuotaSupported bool              `json:"disk_quota_supported"`
	TotalContainers    int               `json:"total_containers"`
	RunningContainers  int               `json:"running_containers"` // from microversion 1.41
	PausedContainers   int               `json:"paused_containers"`  // likewise
	StoppedContainers  int               `json:"stopped_containers"` // likewise
	Architecture       string            `json:"architecture"`
	OSType             string            `json:"os_type"`
	OS                 string            `json:"os"`
	KernelVersion      string            `json:"kernel_version"`
	Labels             map[string]string `json:"labels"` // of its Docker Engine
	Runtimes           []string          `json:"runtimes"`
	EnableCPUPinning   bool              `json:"enable_cpu_pinning"`
}

// ListHosts returns the hosts, by name unless the page says otherwise, following pages as
// needed. It is for administrators.
func (c *Client) ListHosts(ctx context.Context, page Page) ([]Host, error) {
	return pages(ctx, c, "/hosts", "hosts", page.query(), page.Limit, func(h Host) string { return h.UUID })
}

// GetHost returns one host by UUID or name; CodeHostNotFound when there is none. It is for
// administrators.
func (c *Client) GetHost(ctx context.Context, ref string) (Host, error) {
	var got Host
	_, err := c.call(ctx, request{method: "GET", path: "/hosts/" + url.PathEscape(ref)}, &got)
	return got, err
}
